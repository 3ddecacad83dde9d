"""Digests of what diagnostics depend on: files, module names, folders, paramlint itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import blake2b
from pathlib import Path

import paramlint
from paramlint.project.dependencies import Dependency, file
from paramlint.project.files import source_files
from paramlint.project.modules import literal_exports

MISSING = "missing"

# Longest time that a file system may take to show that something has changed (FAT counts in two seconds, which nobody
# keeps a checkout on; ext4, APFS and NTFS in milliseconds).
_TICK_NANOSECONDS = 100_000_000


class Fingerprints:
    """Digests of dependencies as they are now; each is computed once."""

    def __init__(self) -> None:
        self._known: dict[Dependency, str] = {}
        self._listings: dict[str, frozenset[str]] = {}
        self._trees: dict[str, tuple[Dependency, ...]] = {}

    def __call__(self, dependency: Dependency) -> str:
        """Return the digest of what is on disk; what does not exist or cannot be read has one too.

        That of exports begins with the digest of their file. The answers for a global name are made of others, and
        have none of their own.
        """
        known = self._known.get(dependency)
        if known is None:
            known = self._known[dependency] = self._computed(dependency)
        return known

    def knows(self, dependency: Dependency) -> bool:
        """Whether the digest has been computed already."""
        return dependency in self._known

    def _computed(self, dependency: Dependency) -> str:
        if dependency.kind == "file":
            return _of_file(dependency.path)
        if dependency.kind == "content":
            return self(dependency._replace(kind="file"))
        if dependency.kind == "exports":
            return f"{self(dependency._replace(kind='file'))} {_of_exports(dependency.path)}"
        if dependency.kind == "global":
            return ""
        if dependency.kind == "name":
            return self._of_name(dependency.path)
        parts = [f"{path.path}\0{self(path)}" for path in self.files_below(dependency.path)]
        return digest("\0".join(parts))

    def differs(self, dependency: Dependency, before: str) -> bool:
        """Whether a dependency is not any more what it was when it had the digest ``before``."""
        if dependency.kind != "exports":
            return self(dependency) != before
        file_before, _, names_before = before.partition(" ")
        if self(dependency._replace(kind="file")) == file_before:
            return False
        return not names_before or self(dependency).partition(" ")[2] != names_before

    def files_below(self, folder: str) -> tuple[Dependency, ...]:
        """Return the source files below a folder (of a file, itself), listed once."""
        if folder not in self._trees:
            self._trees[folder] = tuple(map(file, _tree(folder)))
        return self._trees[folder]

    def _of_name(self, path: str) -> str:
        """What importing a name would find: a package, a folder, a module, or several of them."""
        folder, name = os.path.split(path)
        listing = self._listing(folder)
        found = ["module"] if f"{name}.py" in listing else []
        if name in listing and os.path.isdir(path):
            found.append("package" if "__init__.py" in self._listing(path) else "folder")
        return " ".join(found) or MISSING

    def _listing(self, folder: str) -> frozenset[str]:
        if folder not in self._listings:
            try:
                self._listings[folder] = frozenset(os.listdir(folder))
            except OSError:
                self._listings[folder] = frozenset()
        return self._listings[folder]


def may_have_changed_since(dependency: Dependency, started: int, explained: Mapping[Path, int]) -> bool:
    """Whether a dependency may have changed since a moment, in nanoseconds of the system's clock.

    ``explained`` are last changes of paths that are known to be harmless.
    """
    paths = [Path(dependency.path)]
    if dependency.kind == "global":
        return False
    if dependency.kind == "name":
        paths = [Path(dependency.path).parent, Path(dependency.path)]
    elif dependency.kind == "tree":
        paths = list(_tree(dependency.path))
    changes = ((path, last_change(path)) for path in paths)
    return any(at >= started - _TICK_NANOSECONDS and at != explained.get(path) for path, at in changes)


def last_change(path: Path) -> int:
    """When a file or folder last changed, in nanoseconds of the system's clock; 0 where there is none."""
    try:
        status = path.stat()
    except OSError:
        return 0
    # The change time cannot be set back, as tools that keep modification times do.
    return max(status.st_ctime_ns, status.st_mtime_ns)


def _tree(path: str) -> Iterator[Path]:
    folder = Path(path)
    return source_files(folder) if folder.is_dir() else iter([folder])


def _of_file(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            return blake2b(stream.read(), digest_size=16).hexdigest()
    except (OSError, ValueError):
        return MISSING


def _of_exports(path: str) -> str:
    """The digest of the names that a file exports; empty where it does not list them."""
    try:
        with open(path, "rb") as stream:
            names = literal_exports(stream.read())
    except (OSError, ValueError):
        return ""
    return "" if names is None else digest(*sorted(name.decode() for name in names))


def digest(*parts: str) -> str:
    """Return a digest of texts in their order."""
    hashed = blake2b(digest_size=16)
    for part in parts:
        hashed.update(part.encode("utf-8", "surrogateescape"))
        hashed.update(b"\0\0")
    return hashed.hexdigest()


@cache
def of_paramlint() -> str:
    """Return the digest of the program: its own files, the Python that parses, and libcst's version."""
    folder = Path(paramlint.__file__).parent
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".json"))
    own = [f"{path.relative_to(folder)}\0{_of_file(str(path))}" for path in files]
    return digest(sys.version, _libcst_version(), *own)


def _libcst_version() -> str:
    for entry in sys.path:
        version = os.path.join(entry, "libcst", "_version.py")
        if os.path.isfile(version):
            return _of_file(version)
    return MISSING

"""The modules that can be read: located by dotted name, named by path, loaded when first needed, kept."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from paramlint.facts.source import SourceError
from paramlint.model.code import SourceFacts
from paramlint.project import externals
from paramlint.project.definitions import ModuleReference, SourceModule
from paramlint.project.dependencies import Dependencies, Dependency, content, exports, file, names, names_on_the_way
from paramlint.project.environment import Environment
from paramlint.project.finder import ModuleFinder
from paramlint.project.root import PACKAGE_FOLDERS, name_module, source_folders

_STAR_IMPORT = re.compile(rb"import\s*\(?\s*\*")
# ``__all__`` written out as literal strings, the one place that mentions it.
_EXPORTS = re.compile(
    rb"""^__all__\s*=\s*[\[(]((?:\s|\#[^\n]*\n)*(?:(?:"\w+"|'\w+')(?:\s|\#[^\n]*\n)*(?:,(?:\s|\#[^\n]*\n)*|(?=[\])])))*)[\])][ \t]*(?:\#[^\n]*)?\r?$""",
    re.MULTILINE,
)
_RELATIVE_STAR = re.compile(rb"^[ \t]*from[ \t]+(\.+)(\w+(?:\.\w+)*)[ \t]+import[ \t]*\(?[ \t]*\*", re.MULTILINE)
_WORD = re.compile(rb"[^\W\d]\w*")
_STRING = re.compile(rb"""\#[^\n]*|["'](\w+)["']""")


class ModuleStore:
    """Loads modules of one project and of the packages installed beside it; each file at most once."""

    def __init__(self, root: Path, environment: Environment, load: Callable[[Path], SourceFacts]) -> None:
        self.root = Path(os.path.abspath(root))
        self._environment = environment
        self._load = load
        self._finder = ModuleFinder()
        self._sources = source_folders(self.root)
        self._modules: dict[Path, SourceModule | None] = {}
        self._bases: dict[Path, Path] = {}
        self._located: dict[tuple[str, Path | None], tuple[ModuleReference | None, frozenset[str]]] = {}
        self._noted: set[tuple[str, Path, Dependency | None]] = set()
        self.dependencies = Dependencies()
        self._texts: dict[Path, _Text | None] = {}

    def at(self, path: Path) -> SourceModule:
        """Return the module in a file. Raises what ``load`` raises: SourceError where it cannot be read."""
        path = Path(os.path.abspath(path))
        module = self._modules.get(path)
        if module is None:
            module = self._loaded(path)
            self._modules[path] = module
        return module

    def read(self, path: Path) -> SourceModule | None:
        """Return the module in a file, None where the file cannot be read."""
        if path not in self._modules:
            try:
                self._modules[path] = self._loaded(path)
            except (SourceError, OSError):
                self._modules[path] = None
        return self._modules[path]

    def locate(self, name: str, beside: SourceModule | None = None) -> ModuleReference | None:
        """Find a module by its absolute dotted name, as it is imported by the module ``beside``; None if not found.

        Looked for where the importing module's own package starts, then in the project, then among the installed
        packages; at last in the folders between the importing file and the root, as scripts are run from there.
        """
        if externals.is_standard_library(name) or name.partition(".")[0] in externals.NEVER_READ:
            return None
        folder = None if beside is None else beside.path.parent
        key = (name, folder)
        if key not in self._located:
            probed: set[str] = set()
            found = self._find(name, self._search_path(beside), probed) or (
                None if beside is None else self._find(name, self._script_folders(beside), probed)
            )
            self._located[key] = (found, frozenset(probed))
        reference, probed_names = self._located[key]
        if beside is not None and (asking := (name, beside.path, self.dependencies.asking)) not in self._noted:
            self._noted.add(asking)
            self.dependencies.note(beside.path, *names(probed_names))
        return reference

    def may_bind(self, path: Path, name: str) -> bool:
        """Whether a star import from a file could bind a name; cheap, and False only where it cannot.

        Depends on what the file exports, see ``dependencies.exports``, which the asker notes.
        """
        return self._may_bind(path, name.encode(), set())

    def _may_bind(self, path: Path, name: bytes, seen: set[Path]) -> bool:
        if path in seen:
            return False
        seen.add(path)
        if path not in self._texts:
            self._texts[path] = self._text(path)
        text = self._texts[path]
        if text is None:
            return False
        if text.exports is not None:
            return name in text.exports
        if name in text.words or text.stars is None:
            return True
        return any(star is None or self._may_bind(star, name, seen) for star in text.stars)

    def _text(self, path: Path) -> _Text | None:
        try:
            text = path.read_bytes()
        except OSError:
            return None
        exported = literal_exports(text)
        if exported is not None:
            return _Text(exported, frozenset(), ())
        stars = _relative_stars(path, text)
        return _Text(None, frozenset(_WORD.findall(text)), None if stars is None else self._files_of(path, stars))

    def _files_of(self, path: Path, stars: list[tuple[Path, str]]) -> tuple[Path | None, ...]:
        """The files of modules that a file imports, each named from a folder; None for one that has no file."""
        probed: set[str] = set()
        found = [self._finder.find(name, [folder], probed) for folder, name in stars]
        files = tuple(module and module.path for module in found)
        self.dependencies.note_of(exports(path), *names(probed), *(exports(star) for star in files if star is not None))
        return files

    def _loaded(self, path: Path) -> SourceModule:
        root = self._naming_root(path)
        base, name, is_package = name_module(path, root)
        self._bases[path] = base
        for dependency in (file(path), content(path)):
            self.dependencies.note_of(dependency, *names((*names_on_the_way(path, root), os.path.join(root, "src"))))
        return SourceModule(name, path, self._load(path), is_package)

    def _naming_root(self, path: Path) -> Path:
        for folder in self._environment.folders:
            is_outside = not path.is_relative_to(self.root)
            if (is_outside or folder.name in PACKAGE_FOLDERS) and path.is_relative_to(folder):
                return folder
        return self.root

    def _search_path(self, beside: SourceModule | None) -> list[Path]:
        own = [] if beside is None else [self._bases[beside.path]]
        return list(dict.fromkeys((*own, *self._sources, *self._environment.folders)))

    def _script_folders(self, beside: SourceModule) -> Iterator[Path]:
        for folder in beside.path.parents:
            if not folder.is_relative_to(self.root):
                return
            yield folder

    def _find(self, name: str, folders: list[Path] | Iterator[Path], probed: set[str]) -> ModuleReference | None:
        found = self._finder.find(name, folders, probed)
        if found is None:
            return None
        if found.path is None:
            return ModuleReference(name, None)
        return ModuleReference(name_module(found.path, self._naming_root(found.path)).name, found.path)


class _Text(NamedTuple):
    """What the text of a file says without being parsed.

    ``exports`` are the names of an ``__all__`` that is written out, None where there is none; ``words`` all that could
    be names. ``stars`` are the files of its star imports (None among them where one is not found), None where these are
    not told from the text.
    """

    exports: frozenset[bytes] | None
    words: frozenset[bytes]
    stars: tuple[Path | None, ...] | None


def _relative_stars(path: Path, text: bytes) -> list[tuple[Path, str]] | None:
    """The modules of relative star imports, each on a line of its own, by folder and name; None where there are others."""
    relative = _RELATIVE_STAR.findall(text)
    if len(relative) != len(_STAR_IMPORT.findall(text)) or any(len(dots) > len(path.parents) for dots, _ in relative):
        return None
    return [(path.parents[len(dots) - 1], name.decode()) for dots, name in relative]


def literal_exports(text: bytes) -> frozenset[bytes] | None:
    """Return the names of ``__all__`` where a text mentions it once, as a literal at its top level; None otherwise."""
    match = _EXPORTS.search(text) if text.count(b"__all__") == 1 else None
    if match is None:
        return None
    return frozenset(name for name in _STRING.findall(match[1]) if name)

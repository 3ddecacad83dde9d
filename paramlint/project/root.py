"""Where a project begins, and the dotted names its files are imported by."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

MARKERS = ("pyproject.toml", ".git", "setup.cfg", "setup.py")
PACKAGE_FOLDERS = ("site-packages", "dist-packages")


class ModuleName(NamedTuple):
    """``base`` is the folder that holds the top of the dotted name ``name``."""

    base: Path
    name: str
    is_package: bool


def is_root(folder: Path) -> bool:
    """Whether a folder has a marker of a project, or is one of installed packages."""
    names = _names_in(folder)
    return not names.isdisjoint(MARKERS) or _holds_packages(folder, names)


def find_root(path: Path, is_root: Callable[[Path], bool] = is_root) -> Path:
    """Return the root of the project that a file or folder belongs to.

    The nearest folder upwards (the path itself, when it is a folder) that has a marker of a project, or is a folder of
    installed packages. Failing both, the folder that holds the outermost package around the path; failing that, the
    path's own folder. For a file that is named alone and a file found in a folder the answer is the same, provided that
    it is asked for the file. ``is_root`` may be one that remembers its answers.
    """
    path = path.absolute()
    start = path if path.is_dir() else path.parent
    for folder in (start, *start.parents):
        if is_root(folder):
            return folder
    return _above_packages(start)


def is_packages_folder(folder: Path) -> bool:
    """Whether installed packages lie side by side in a folder."""
    return _holds_packages(folder, _names_in(folder))


def _holds_packages(folder: Path, names: Iterable[str]) -> bool:
    return folder.name in PACKAGE_FOLDERS or any(name.endswith(".dist-info") for name in names)


def _names_in(folder: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except OSError:
        return frozenset()


def _above_packages(start: Path) -> Path:
    packages = [folder for folder in (start, *start.parents) if _is_package(folder)]
    if not packages:
        return start
    top = packages[0]
    while _is_package(top.parent):
        top = top.parent
    return top.parent


def _is_package(folder: Path) -> bool:
    return folder.name.isidentifier() and (folder / "__init__.py").is_file()


def name_module(path: Path, root: Path) -> ModuleName:
    """Return the dotted name of a file below a root.

    Names start above the outermost package on the way from the root to the file, so ``root/python/package/a.py`` is
    ``package.a``; without packages they start at ``root/src`` or the root, so ``root/tools/a.py`` is ``tools.a``. The
    ``__init__.py`` of the root itself is named ``__init__``. A file outside the root is named by its stem.
    """
    path = path.absolute()
    try:
        relative = path.relative_to(root.absolute())
    except ValueError:
        return ModuleName(path.parent, path.stem, False)
    base = _base(relative, root.absolute())
    parts = (*path.relative_to(base).parts[:-1], path.stem)
    if path.name == "__init__.py" and len(parts) > 1:
        return ModuleName(base, ".".join(parts[:-1]), True)
    return ModuleName(base, ".".join(parts), False)


def _base(relative: Path, root: Path) -> Path:
    folder = root
    for part in relative.parts[:-1]:
        if (folder / part / "__init__.py").is_file():
            return folder
        folder = folder / part
    sources = source_folders(root)[0]
    return sources if relative.parts[0] == sources.name and sources != root else root


def source_folders(root: Path) -> tuple[Path, ...]:
    """Return the folders that the project's absolute imports start from: ``src`` where it is no package, the root."""
    sources = root / "src"
    if sources.is_dir() and not (sources / "__init__.py").exists():
        return (sources, root)
    return (root,)

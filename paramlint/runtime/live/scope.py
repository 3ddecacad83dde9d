"""Which classes are the user's own: those of the project's files, and of the packages that are named."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib.machinery import PathFinder
from pathlib import Path

_PACKAGES = ("site-packages", "dist-packages")


class Scope:
    """``root`` is the folder whose classes are looked at, installed packages below it left out; ``packages`` are others.

    A name of a package that is not installed names nothing.
    """

    def __init__(self, root: Path, packages: Iterable[str] = ()) -> None:
        self._root = os.path.join(os.path.realpath(root), "")
        self._packages = tuple(folder for name in packages for folder in _folders(name))
        self._known: dict[type, bool] = {}

    def has(self, kind: type) -> bool:
        """Whether a class is defined in a file in scope."""
        known = self._known.get(kind)
        if known is None:
            module = sys.modules.get(kind.__module__)
            path = getattr(module, "__file__", None)
            known = self._known[kind] = isinstance(path, str) and self.has_file(path)
        return known

    def has_file(self, path: str) -> bool:
        path = os.path.realpath(path)
        if path.startswith(self._packages):
            return True
        return path.startswith(self._root) and not any(name in Path(path).parts for name in _PACKAGES)


def _folders(name: str) -> list[str]:
    """Where a package lies, without importing it."""
    spec = PathFinder.find_spec(name.partition(".")[0])
    if spec is None:
        return []
    folders = spec.submodule_search_locations or [spec.origin or ""]
    return [os.path.join(os.path.realpath(folder), "") if os.path.isdir(folder) else folder for folder in folders]

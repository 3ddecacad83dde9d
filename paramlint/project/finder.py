"""Finding the file of a module by its dotted name, as Python's path finder would, without importing anything."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class FoundModule(NamedTuple):
    """``path`` is the module's file, None for a namespace package; ``folder`` is the folder its name starts from."""

    path: Path | None
    folder: Path
    is_package: bool


class ModuleFinder:
    """Looks modules up in folders; listings of folders are kept, so files made later are not seen."""

    def __init__(self) -> None:
        self._listings: dict[str, frozenset[str]] = {}

    def find(self, name: str, folders: Iterable[Path], probed: set[str] | None = None) -> FoundModule | None:
        """Return the module called ``name`` in the first of ``folders`` that has it; None when none has.

        A regular package or module in a later folder goes before a namespace package in an earlier one. ``probed``
        collects the paths, without suffix, of which it mattered whether they are modules.
        """
        portions = [(str(folder), folder) for folder in folders]
        parts = name.split(".")
        found: FoundModule | None = None
        for part in parts:
            if probed is not None:
                probed.update(os.path.join(folder, part) for folder, _ in portions)
            found, portions = self._step(part, portions)
            if found is None:
                return None
        return found

    def _step(self, part: str, portions: list[tuple[str, Path]]) -> tuple[FoundModule | None, list[tuple[str, Path]]]:
        namespace: list[tuple[str, Path]] = []
        for portion, origin in portions:
            listing = self._listing(portion)
            folder = os.path.join(portion, part)
            if part in listing:
                if "__init__.py" in self._listing(folder):
                    return FoundModule(Path(folder, "__init__.py"), origin, True), [(folder, origin)]
                if os.path.isdir(folder):
                    namespace.append((folder, origin))
            if f"{part}.py" in listing:
                return FoundModule(Path(folder + ".py"), origin, False), []
        if namespace:
            return FoundModule(None, namespace[0][1], True), namespace
        return None, []

    def _listing(self, folder: str) -> frozenset[str]:
        listing = self._listings.get(folder)
        if listing is None:
            try:
                listing = frozenset(os.listdir(folder))
            except OSError:
                listing = frozenset()
            self._listings[folder] = listing
        return listing

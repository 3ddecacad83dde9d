"""What the answers about a module depend on: files, whether names are modules, the whole text of a folder."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple


class Dependency(NamedTuple):
    """Something on disk that an answer depends on.

    ``kind`` is "file" (the content of ``path``), "name" (whether ``path`` without a suffix is a module, a package or a
    folder) or "tree" (the source files below ``path``, all of them).
    """

    kind: str
    path: str


class Dependencies:
    """Records, for each file, what was consulted to answer questions in its context.

    Answers are kept and used again, so one file's entry is not all that its diagnostics depend on: what it consulted
    has entries of its own, and what counts is everything that can be reached.
    """

    def __init__(self) -> None:
        self._consulted: dict[str, set[Dependency]] = defaultdict(set)

    def note(self, path: Path, *on: Dependency) -> None:
        """Record that questions in the context of the file ``path`` consulted something."""
        self._consulted[str(path)].update(on)

    def note_names(self, path: Path, probed: Iterable[str]) -> None:
        """Record that it mattered whether these paths without suffixes are modules."""
        self._consulted[str(path)].update(Dependency("name", name) for name in probed)

    def drain(self) -> Mapping[str, frozenset[Dependency]]:
        """Return what was recorded since the last time."""
        drained = {path: frozenset(consulted) for path, consulted in self._consulted.items()}
        self._consulted.clear()
        return drained


def file(path: Path) -> Dependency:
    """The content of a file."""
    return Dependency("file", str(path))


def tree(path: Path) -> Dependency:
    """All source files below a folder."""
    return Dependency("tree", str(path))


def names_on_the_way(path: Path, root: Path) -> list[str]:
    """The folders between a root and a file: which of them are packages decides the file's dotted name."""
    try:
        parts = path.relative_to(root).parts[:-1]
    except ValueError:
        return []
    return [os.path.join(root, *parts[: index + 1]) for index in range(len(parts))]

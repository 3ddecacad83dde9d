"""What the answers about a module depend on: files, whether names are modules, which files of a folder have a word."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple


class Dependency(NamedTuple):
    """Something on disk that an answer depends on.

    ``kind`` is "file" (the content of ``path``), "name" (whether ``path`` without a suffix is a module, a package or a
    folder), "word" (in which source files below ``path`` a word stands) or "tree" (those files, all of them).
    """

    kind: str
    path: str
    word: str = ""


class Consulted(NamedTuple):
    """What was consulted in the context of each file, by its path; and the paths of the files that had a word."""

    by_file: Mapping[str, frozenset[Dependency]] = {}
    having: Mapping[Dependency, frozenset[str]] = {}


class Dependencies:
    """Records, for each file, what was consulted to answer questions in its context.

    Answers are kept and used again, so one file's entry is not all that its diagnostics depend on: what it consulted
    has entries of its own, and what counts is everything that can be reached.
    """

    def __init__(self) -> None:
        self._consulted: dict[str, set[Dependency]] = defaultdict(set)
        self._having: dict[Dependency, frozenset[str]] = {}

    def note(self, path: Path, *on: Dependency) -> None:
        """Record that questions in the context of the file ``path`` consulted something."""
        self._consulted[str(path)].update(on)

    def note_names(self, path: Path, probed: Iterable[str]) -> None:
        """Record that it mattered whether these paths without suffixes are modules."""
        self._consulted[str(path)].update(Dependency("name", name) for name in probed)

    def note_word(self, path: Path, folder: Path, word: str, found: Iterable[Path]) -> None:
        """Record that it mattered in which source files below a folder a word stands."""
        dependency = Dependency("word", str(folder), word)
        self._consulted[str(path)].add(dependency)
        if dependency not in self._having:
            self._having[dependency] = frozenset(map(str, found))

    def drain(self) -> Consulted:
        """Return what was recorded since the last time."""
        drained = Consulted({path: frozenset(noted) for path, noted in self._consulted.items()}, self._having)
        self._consulted.clear()
        self._having = {}
        return drained


def merged(some: Iterable[Consulted]) -> Consulted:
    """Return what was consulted in all."""
    by_file: dict[str, frozenset[Dependency]] = {}
    having: dict[Dependency, frozenset[str]] = {}
    for consulted in some:
        for path, targets in consulted.by_file.items():
            by_file[path] = by_file.get(path, frozenset()) | targets
        having |= consulted.having
    return Consulted(by_file, having)


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

"""What the answers about a module depend on: files, names, other answers, which files of a folder have a word."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar, cast

Kept = TypeVar("Kept", bound=Hashable)


class Dependency(NamedTuple):
    """Something that an answer depends on: on disk, or another answer.

    ``kind`` is one of

    - "file": the content of ``path``, and all that was consulted to judge what is in it
    - "content": the content of ``path`` alone
    - "exports": the names of an ``__all__`` that is written out in ``path``; its whole content where there is none
    - "name": whether ``path`` without a suffix is a module, a package or a folder
    - "word": in which source files below ``path`` a word stands
    - "tree": those files, all of them
    - "global": what the module ``path`` has under the global name ``word``; with "*", what its star imports may bind
    """

    kind: str
    path: str
    word: str = ""


class Consulted(NamedTuple):
    """What was consulted for each file and each answer; and the paths of the files that had a word."""

    by_asking: Mapping[Dependency, frozenset[Dependency]] = {}
    having: Mapping[Dependency, frozenset[str]] = {}


class Dependencies:
    """Records, for each file, what was consulted to answer questions in its context.

    Answers are kept and used again, so one file's entry is not all that its diagnostics depend on: what it consulted
    has entries of its own, and what counts is everything that can be reached. What one module has under a name has an
    entry too, so that a package which passes on the names of a hundred modules ties nobody to all of them.
    """

    def __init__(self) -> None:
        self._consulted: dict[Dependency, set[Dependency]] = defaultdict(set)
        self._having: dict[Dependency, frozenset[str]] = {}
        self.asking: Dependency | None = None

    def note(self, path: Path, *on: Dependency) -> None:
        """Record that the answer that is being looked for, or else the file ``path``, depends on something."""
        self._consulted[self.asking or file(path)].update(on)

    def note_of(self, dependency: Dependency, *on: Dependency) -> None:
        """Record what a dependency depends on itself, whatever is being looked for."""
        self._consulted[dependency].update(on)

    def note_word(self, path: Path, folder: Path, word: str, found: Iterable[Path]) -> None:
        """Record that it mattered in which source files below a folder a word stands."""
        dependency = Dependency("word", str(folder), word)
        self.note(path, dependency)
        if dependency not in self._having:
            self._having[dependency] = frozenset(map(str, found))

    @contextmanager
    def looking_for(self, answer: Dependency | None) -> Iterator[None]:
        """What is noted inside is what an answer depends on; for None, what each file does."""
        outer, self.asking = self.asking, answer
        try:
            yield
        finally:
            self.asking = outer

    def drain(self) -> Consulted:
        """Return what was recorded since the last time."""
        drained = Consulted({asking: frozenset(noted) for asking, noted in self._consulted.items()}, self._having)
        self._consulted.clear()
        self._having = {}
        return drained


class Gathered:
    """What was consulted in all, added to as it comes; what is equal is kept once."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Hashable] = {}
        self._by_asking: dict[Dependency, set[Dependency]] = defaultdict(set)
        self._having: dict[Dependency, frozenset[str]] = {}

    def add(self, consulted: Consulted) -> None:
        """Add what was consulted for some files."""
        for asking, targets in consulted.by_asking.items():
            self._by_asking[self._once(asking)].update(map(self._once, targets))
        for word, paths in consulted.having.items():
            self._having[self._once(word)] = frozenset(map(self._once, paths))

    def whole(self) -> Consulted:
        """Return what was consulted for all files."""
        return Consulted({asking: frozenset(targets) for asking, targets in self._by_asking.items()}, self._having)

    def _once(self, thing: Kept) -> Kept:
        # An equal thing is one of the same type: dependencies are tuples, and paths are texts.
        return cast("Kept", self._kept.setdefault(thing, thing))


def file(path: Path) -> Dependency:
    """The content of a file, and all that was consulted to judge what is in it."""
    return Dependency("file", str(path))


def content(path: Path) -> Dependency:
    """The content of a file alone."""
    return Dependency("content", str(path))


def exports(path: Path) -> Dependency:
    """The names of a literal ``__all__`` in a file; its content where it has none."""
    return Dependency("exports", str(path))


def global_name(path: Path, name: str) -> Dependency:
    """What a module has under a global name."""
    return Dependency("global", str(path), name)


def stars(path: Path) -> Dependency:
    """Which files the star imports of a module name, and what these export."""
    return Dependency("global", str(path), "*")


def tree(path: Path) -> Dependency:
    """All source files below a folder."""
    return Dependency("tree", str(path))


def names(probed: Iterable[str]) -> Iterator[Dependency]:
    """Whether these paths without suffixes are modules."""
    return (Dependency("name", name) for name in probed)


def names_on_the_way(path: Path, root: Path) -> list[str]:
    """The folders between a root and a file: which of them are packages decides the file's dotted name."""
    try:
        parts = path.relative_to(root).parts[:-1]
    except ValueError:
        return []
    return [os.path.join(root, *parts[: index + 1]) for index in range(len(parts))]

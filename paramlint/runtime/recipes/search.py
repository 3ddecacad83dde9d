"""The files of a project where instances of a class may be made: its own, tests, examples, and others that name it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from paramlint.project.files import source_files

_MOST_FILES = 5_000
_MOST_BYTES = 60_000_000
_LARGEST_FILE = 400_000

# Folders and files that are written to show how things are used.
_SHOWS_USE = re.compile(
    r"^(tests?|testing|examples?|demos?|samples?|tutorials?|benchmarks?|scripts?|conftest)(_|$|\.)|_test\.py$"
)


class Mentions:
    """Which files of a project name which of the wanted names; the text of each file is searched once."""

    def __init__(self, root: Path, names: Iterable[str]) -> None:
        self._files: dict[str, list[Path]] = {name: [] for name in names}
        if self._files:
            for path, name in _found(root, self._files):
                self._files[name].append(path)

    def files(self, name: str, most: int) -> tuple[Path, ...]:
        """Return up to ``most`` files that name it, those that show how things are used first."""
        return tuple(sorted(self._files.get(name, ()), key=lambda path: not shows_use(path))[:most])


def shows_use(path: Path) -> bool:
    """Whether a file's place says that it is a test or an example."""
    return any(_SHOWS_USE.match(part) is not None for part in path.parts[-4:])


def _found(root: Path, names: Iterable[str]) -> Iterator[tuple[Path, str]]:
    pattern = re.compile(rb"\b(" + b"|".join(re.escape(name).encode() for name in names) + rb")\b")
    size = 0
    for path in islice(source_files(root), _MOST_FILES):
        try:
            data = path.read_bytes()
        except OSError:
            continue
        size += len(data)
        if size > _MOST_BYTES:
            return
        if len(data) <= _LARGEST_FILE:
            for name in {found.decode() for found in pattern.findall(data)}:
                yield path, name

"""Patterns in the syntax of ``.gitignore``, each list anchored to the folder it was written for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".gitignore"


class PatternList:
    """An ordered list of patterns that start from ``folder``; later patterns outweigh earlier ones."""

    def __init__(self, folder: Path, lines: Iterable[str]) -> None:
        self.folder = folder
        self.lines = tuple(lines)
        self._prefix = os.path.join(folder, "")

    @cached_property
    def _spec(self) -> GitIgnoreSpec:
        from pathspec import GitIgnoreSpec  # a run over files that are named matches no pattern

        return GitIgnoreSpec.from_lines(self.lines)

    def verdict(self, path: str, is_folder: bool) -> bool | None:
        """Whether an absolute path (or a folder above it) is matched; False where a ``!`` pattern takes it back.

        None where no pattern speaks of it. Outside ``folder`` the name alone is matched.
        """
        relative = path[len(self._prefix) :] if path.startswith(self._prefix) else os.path.basename(path)
        relative = relative.replace(os.sep, "/")
        return self._spec.check_file(f"{relative}/" if is_folder else relative).include

    def below(self, root: Path) -> tuple[PatternList, ...]:
        """Return the patterns as they hold inside a folder that was named by the user.

        Naming a folder outweighs the patterns that would have left it out: those of mere names then start from it, so
        that ``venv/package`` can be linted and ``venv/package/venv`` is still left out; the others hold no more.
        """
        if not self.verdict(str(root), is_folder=True):
            return (self,)
        blamed = [line for line in self.lines if PatternList(self.folder, [line]).verdict(str(root), is_folder=True)]
        names = [line for line in blamed if "/" not in line.strip().rstrip("/")]
        return (PatternList(root, names), PatternList(self.folder, [line for line in self.lines if line not in blamed]))


def verdict(lists: Sequence[PatternList], path: str, is_folder: bool) -> bool:
    """Whether the last of ``lists`` that speaks of a path leaves it out."""
    for patterns in reversed(lists):
        answer = patterns.verdict(path, is_folder)
        if answer is not None:
            return answer
    return False


def ignore_file(folder: Path) -> tuple[PatternList, ...]:
    """Return the patterns of the folder's own ``.gitignore``, if it has one that can be read."""
    return _patterns_in(folder / IGNORE_FILE, folder)


def ignore_files_above(folder: Path) -> tuple[PatternList, ...]:
    """Return the ``.gitignore`` files that hold for a folder, from the repository's root to the folder's parent.

    Where there is no repository, from the nearest ``pyproject.toml``; where there is neither, none. The repository's
    ``info/exclude`` comes first, as git has it.
    """
    parents = [folder, *folder.parents]
    top = next((parent for parent in parents if (parent / ".git").exists()), None)
    if top is None:
        top = next((parent for parent in parents if (parent / "pyproject.toml").is_file()), folder)
    result = _patterns_in(top / ".git" / "info" / "exclude", top)
    for parent in reversed(parents[1 : parents.index(top) + 1]):
        result += ignore_file(parent)
    return result


def _patterns_in(file: Path, folder: Path) -> tuple[PatternList, ...]:
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    return (PatternList(folder, text.splitlines()),)

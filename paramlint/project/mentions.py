"""Which names a project uses anywhere, found in its text without parsing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

MOST_FILES = 20_000
MOST_BYTES = 200_000_000

# A use is an attribute, a whole string literal (getattr by name), or a bare name beside punctuation that is not the
# name of a definition. Prose in docstrings may count as a use: that only makes rules about unused names more careful.
_USE = re.compile(
    r"\.\s*([A-Za-z_]\w*)"
    r"|[\"']([A-Za-z_]\w*)[\"']"
    r"|(?<!\bdef )(?<!\bclass )(?<![\w.])([A-Za-z_]\w*)(?=\s*[(),\]}=:\n])"
)
_COMMENT = re.compile(r"#[^\n'\"]*$", re.MULTILINE)


class MentionIndex:
    """Counts, for each name, the files that use it; built when it is first asked."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._files = files
        self._counts: Counter[str] | None = None
        self._is_whole = True

    def count(self, name: str) -> int | None:
        """Return how many files use a name; None where the project is too large for all of it to be read."""
        if self._counts is None:
            self._counts = self._count_all()
        return self._counts[name] if self._is_whole else None

    def _count_all(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        size = 0
        for number, path in enumerate(self._files):
            if number >= MOST_FILES or size > MOST_BYTES:
                self._is_whole = False
                break
            try:
                text = path.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            size += len(text)
            counts.update(used_names(text))
        return counts


def used_names(text: str) -> frozenset[str]:
    """Return the names that a source text uses; definitions alone and comments do not count."""
    return frozenset(match[match.lastindex or 0] for match in _USE.finditer(_COMMENT.sub("", text)))

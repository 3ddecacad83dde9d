"""``# noqa`` comments, read exactly as flake8 7 reads them."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Sequence

# flake8/defaults.py: NOQA_INLINE_REGEXP and NOQA_FILE. A file comment silences the whole file even where codes follow.
_INLINE = re.compile(r"# noqa(?::[\s]?(?P<codes>([A-Z]+[0-9]+(?:[,\s]+)?)+))?", re.IGNORECASE)
_FILE = re.compile(r"\s*# flake8[:=]\s*noqa", re.IGNORECASE)
_SEPARATOR = re.compile(r"[,\s]")


class Suppressions:
    """The comments of one file; nothing is tokenised before a question needs it."""

    def __init__(self, text: str) -> None:
        """Take the text of a file, without a byte order mark, with any kind of line ending."""
        self._mentions = "noqa" in text.lower()
        # flake8 reads with universal newlines and splits at those alone (not at form feeds, as str.splitlines does).
        self._lines: list[str] = list(io.StringIO(text, newline=None)) if self._mentions else []
        self._logical: dict[int, str] | None = None

    @property
    def whole_file(self) -> bool:
        """Whether a line consists of ``# flake8: noqa``."""
        return any(_FILE.match(line) for line in self._lines)

    def silences(self, code: str, line: int) -> bool:
        """Whether a finding of ``code`` reported at the physical line ``line`` (from 1) is silenced."""
        if not self._mentions:
            return False
        if self.whole_file:
            return True
        match = _INLINE.search(self._line_for(line))
        if match is None:
            return False
        listed = match.group("codes")
        if listed is None:
            return True
        # Codes are compared as written: flake8 ignores the case of ``noqa`` only.
        return code.startswith(tuple(part for part in _SEPARATOR.split(listed) if part))

    def _line_for(self, line: int) -> str:
        if self._logical is None:
            self._logical = _logical_lines(self._lines)
        if line in self._logical:
            return self._logical[line]
        return self._lines[line - 1] if 1 <= line <= len(self._lines) else ""


def _logical_lines(lines: Sequence[str]) -> dict[int, str]:
    """Map each line to the text that is searched: the physical lines that a string or backslashes join.

    Lines in brackets stay single: flake8 ends a line at each token NL, which these have too.
    Empty where the file cannot be tokenised (flake8/processor.py, ``_noqa_line_mapping``).
    """
    remaining = iter(lines)
    try:
        tokens = list(tokenize.generate_tokens(lambda: next(remaining)))
    except (tokenize.TokenError, SyntaxError):
        return {}
    result: dict[int, str] = {}
    first, last = len(lines) + 2, -1
    for token in tokens:
        if token.type in (tokenize.ENDMARKER, tokenize.DEDENT):
            continue
        first, last = min(first, token.start[0]), max(last, token.end[0])
        if token.type in (tokenize.NL, tokenize.NEWLINE):
            result.update(dict.fromkeys(range(first, last + 1), "".join(lines[first - 1 : last])))
            first, last = len(lines) + 2, -1
    return result

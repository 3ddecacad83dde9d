"""Comments that say why a line is as it is, which facts do not hold: they are looked for where something is said."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

from paramlint.model.code import Span


class _Comment(NamedTuple):
    text: str
    stands_alone: bool


_NONE = _Comment("", False)


class Comments:
    """The comments of one file; nothing is tokenised before a question needs it."""

    def __init__(self, text: str) -> None:
        """Take the text of a file, without a byte order mark, with any kind of line ending."""
        self._text = text

    def explain(self, span: Span, pattern: re.Pattern[str] | None) -> bool:
        """Whether a comment on the lines of a span, or one that stands alone right above it, matches a pattern.

        None matches nothing.
        """
        if pattern is None or pattern.search(self._text) is None:
            return False
        first = span.line
        while self._by_line.get(first - 1, _NONE).stands_alone:
            first -= 1
        lines = range(first, span.end_line + 1)
        return any(pattern.search(self._by_line.get(line, _NONE).text) for line in lines)

    @cached_property
    def _by_line(self) -> Mapping[int, _Comment]:
        """Each comment by its line; none where the file cannot be tokenised."""
        found = {}
        try:
            for token in tokenize.generate_tokens(io.StringIO(self._text, newline=None).readline):
                if token.type == tokenize.COMMENT:
                    found[token.start[0]] = _Comment(token.string, token.line.lstrip().startswith("#"))
        except (tokenize.TokenError, SyntaxError):
            return {}
        return found

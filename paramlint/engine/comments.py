"""Comments that say why a line is as it is, which facts do not hold: they are looked for where something is said."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Mapping
from functools import cached_property

from paramlint.model.code import Span


class Comments:
    """The comments of one file; nothing is tokenised before a question needs it."""

    def __init__(self, text: str) -> None:
        """Take the text of a file, without a byte order mark, with any kind of line ending."""
        self._text = text

    def explain(self, span: Span, pattern: re.Pattern[str]) -> bool:
        """Whether a comment on the lines of a span, or one that stands alone right above it, matches a pattern."""
        if pattern.search(self._text) is None:
            return False
        first = span.line
        while (first - 1, True) in self._by_line:
            first -= 1
        return any(
            pattern.search(self._by_line.get((line, stands_alone), ""))
            for line in range(first, span.end_line + 1)
            for stands_alone in (False, True)
        )

    @cached_property
    def _by_line(self) -> Mapping[tuple[int, bool], str]:
        """Each comment by its line, and whether it stands alone there; none where the file cannot be tokenised."""
        found = {}
        try:
            for token in tokenize.generate_tokens(io.StringIO(self._text, newline=None).readline):
                if token.type == tokenize.COMMENT:
                    found[token.start[0], token.line.lstrip().startswith("#")] = token.string
        except (tokenize.TokenError, SyntaxError):
            return {}
        return found

"""Where nodes of ``ast`` stand, in lines and columns of characters from 1."""

from __future__ import annotations

import ast
import re
from typing import Final, Protocol

from paramlint.facts.source import Source, split_lines
from paramlint.model.code import Span

# ``def`` or ``class`` up to the name; the name ends at whitespace, type parameters, arguments or the colon. A regular
# expression's \w would miss the combining marks that identifiers may hold.
_NAME_AFTER_KEYWORD: Final = re.compile(r"(?:async[ \t\f]+)?(?:def|class)[ \t\f]+([^\s(:\[\\#]+)")
_NAME_AFTER_LINES: Final = re.compile(r"(?:async(?:[ \t\f]|\\\n)+)?(?:def|class)(?:[ \t\f]|\\\n)+([^\s(:\[\\#]+)")

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Located(Protocol):
    """What every expression and statement of ``ast`` has after parsing; columns are UTF-8 offsets from 0."""

    lineno: int
    col_offset: int
    end_lineno: int | None
    end_col_offset: int | None


class Positions:
    """Spans of the nodes of one file that is all ASCII, so that offsets are columns."""

    def __init__(self, path: str, lines: list[str]) -> None:
        self.path = path
        self.lines = lines

    def span(self, node: Located) -> Span:
        """The span of a node of this file."""
        # The ends are None only in trees that no parser made.
        return tuple.__new__(Span, (node.lineno, node.col_offset + 1, node.end_lineno, node.end_col_offset + 1))  # type: ignore[operator]

    def column(self, line: int, offset: int) -> int:
        """The column of a UTF-8 offset in a line."""
        return offset + 1

    def name_span(self, node: Definition) -> Span:
        """Where the name of a definition stands, which ``ast`` does not record."""
        first = node.lineno
        begin = self.column(first, node.col_offset) - 1
        match = _NAME_AFTER_KEYWORD.match(self.lines[first - 1], begin)
        if match is not None:
            return Span(first, match.start(1) + 1, first, match.end(1) + 1)
        # The name stands on a later line, after backslashes.
        text = "\n".join(self.lines[first - 1 : node.body[0].lineno])
        match = _NAME_AFTER_LINES.match(text, begin)
        assert match is not None, f"no name after def or class at {self.path}:{first}"
        start, end = match.span(1)
        line = first + text.count("\n", 0, start)
        column = start - text.rfind("\n", 0, start)
        return Span(line, column, line, column + end - start)


class WidePositions(Positions):
    """Spans of the nodes of a file with characters outside ASCII, whose columns have to be counted."""

    def __init__(self, path: str, lines: list[str]) -> None:
        super().__init__(path, lines)
        self._encoded = {number: line.encode() for number, line in enumerate(lines, 1) if not line.isascii()}

    def span(self, node: Located) -> Span:
        line, end_line = node.lineno, node.end_lineno
        assert end_line is not None
        assert node.end_col_offset is not None
        return Span(line, self.column(line, node.col_offset), end_line, self.column(end_line, node.end_col_offset))

    def column(self, line: int, offset: int) -> int:
        encoded = self._encoded.get(line)
        return offset + 1 if encoded is None else len(encoded[:offset].decode()) + 1


class StringPositions(Positions):
    """Spans inside an f-string: everything in it has the span of the whole string.

    Before Python 3.12 ``ast`` knows no better, and facts must not depend on the Python that runs paramlint.
    """

    def __init__(self, outer: Positions, whole: Span) -> None:
        super().__init__(outer.path, outer.lines)
        self._whole = whole

    def span(self, node: Located) -> Span:
        return self._whole


def positions_in(source: Source) -> Positions:
    """How to find positions in ``source``."""
    kind = Positions if source.text.isascii() else WidePositions
    return kind(source.path, split_lines(source.text))

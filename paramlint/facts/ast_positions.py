"""Where nodes of ``ast`` stand, in lines and columns of characters from 1."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from copy import copy
from typing import Final, Protocol

from paramlint.facts.source import Source, split_lines
from paramlint.model.code import Span
from paramlint.model.late import LateBody

# ``def`` or ``class`` up to the name; the name ends at whitespace, type parameters, arguments or the colon. A regular
# expression's \w would miss the combining marks that identifiers may hold.
_NAME_AFTER_KEYWORD: Final = re.compile(r"(?:async[ \t\f]+)?(?:def|class)[ \t\f]+([^\s(:\[\\#]+)")
_NAME_AFTER_LINES: Final = re.compile(r"(?:async(?:[ \t\f]|\\\n)+)?(?:def|class)(?:[ \t\f]|\\\n)+([^\s(:\[\\#]+)")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef


class Located(Protocol):
    """What every expression and statement of ``ast`` has after parsing; columns are UTF-8 offsets from 0."""

    lineno: int
    col_offset: int
    end_lineno: int | None
    end_col_offset: int | None


# Python keeps one object for each small number alone; of the others, every span would get two of its own.
_NUMBERS: Final[list[int]] = []


def _line_numbers(first: int, end: int) -> list[int]:
    """The numbers from ``first`` up to ``end``, as objects that all files share."""
    _NUMBERS.extend(range(len(_NUMBERS), end))
    return [*range(first, 0), *_NUMBERS[max(first, 0) : end]]


class Positions:
    """Spans of the nodes of a text that is all ASCII, so that offsets are columns.

    ``lines`` are those of the text, before which so many lines of its file were ``skipped``. ``late`` makes, for a
    function at some depth, a body that is lowered later, or says that this cannot be.
    """

    def __init__(self, path: str, lines: list[str], skipped: int = 0) -> None:
        self.path = path
        self.lines = lines
        self.late: Callable[[Function, int], LateBody | None] | None = None
        self._skipped = skipped
        # Of each line of the text, by its number, the number that it has in the file.
        self._in_file = _line_numbers(skipped, skipped + len(lines) + 1)

    def without_late(self) -> Positions:
        """The same, but for lowering everything at once."""
        other = copy(self)
        other.late = None
        return other

    def span(self, node: Located) -> Span:
        """The span of a node of this file."""
        # The ends are None only in trees that no parser made.
        in_file = self._in_file
        return tuple.__new__(
            Span,
            (in_file[node.lineno], node.col_offset + 1, in_file[node.end_lineno], node.end_col_offset + 1),  # type: ignore[index, operator]
        )

    def column(self, line: int, offset: int) -> int:
        """The column of a UTF-8 offset in a line."""
        return offset + 1

    def name_span(self, node: Definition) -> Span:
        """Where the name of a definition stands, which ``ast`` does not record."""
        first = node.lineno
        begin = self.column(first, node.col_offset) - 1
        match = _NAME_AFTER_KEYWORD.match(self.lines[first - 1], begin)
        if match is not None:
            line = first + self._skipped
            return Span(line, match.start(1) + 1, line, match.end(1) + 1)
        # The name stands on a later line, after backslashes.
        text = "\n".join(self.lines[first - 1 : node.body[0].lineno])
        match = _NAME_AFTER_LINES.match(text, begin)
        assert match is not None, f"no name after def or class at {self.path}:{first}"
        start, end = match.span(1)
        line = first + self._skipped + text.count("\n", 0, start)
        column = start - text.rfind("\n", 0, start)
        return Span(line, column, line, column + end - start)


class WidePositions(Positions):
    """Spans of the nodes of a file with characters outside ASCII, whose columns have to be counted."""

    def __init__(self, path: str, lines: list[str], skipped: int = 0) -> None:
        super().__init__(path, lines, skipped)
        self._encoded = {number: line.encode() for number, line in enumerate(lines, 1) if not line.isascii()}

    def span(self, node: Located) -> Span:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        line, end_line, in_file = node.lineno, node.end_lineno, self._in_file
        column, end_column = self.column(line, node.col_offset), self.column(end_line, node.end_col_offset)
        return Span(in_file[line], column, in_file[end_line], end_column)

    def column(self, line: int, offset: int) -> int:
        encoded = self._encoded.get(line)
        return offset + 1 if encoded is None else len(encoded[:offset].decode()) + 1


class StringPositions(Positions):
    """Spans inside an f-string: everything in it has the span of the whole string.

    Before Python 3.12 ``ast`` knows no better, and facts must not depend on the Python that runs paramlint.
    """

    def __init__(self, outer: Positions, whole: Span) -> None:
        super().__init__(outer.path, [])
        self._whole = whole

    def span(self, node: Located) -> Span:
        return self._whole


def positions_in(source: Source, skipped: int = 0) -> Positions:
    """How to find positions in ``source``, which begins so many lines into its file."""
    kind = Positions if source.text.isascii() else WidePositions
    return kind(source.path, split_lines(source.text), skipped)

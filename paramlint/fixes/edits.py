"""Text edits: where spans lie in a text, and what a text becomes."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable
from typing import NamedTuple

from paramlint.model import code
from paramlint.model.code import Span
from paramlint.model.diagnostic import Edit

_LINE_END = re.compile(r"\r\n?|\n")
_LONE_RETURN = re.compile(r"\r(?!\n)")
_BLANK = " \t\f"


class Text:
    """The text of one file, addressed by lines and columns from 1 (as spans are) or by offsets from 0."""

    def __init__(self, text: str) -> None:
        self.text = text
        ends = list(_LINE_END.finditer(text))
        self._starts = [0, *(match.end() for match in ends)]
        self.newline = ends[0].group() if ends else "\n"

    def offset(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column - 1

    def start(self, span: Span) -> int:
        return self.offset(span.line, span.column)

    def end(self, span: Span) -> int:
        return self.offset(span.end_line, span.end_column)

    def of(self, span: Span) -> str:
        """The text of a span."""
        return self.text[self.start(span) : self.end(span)]

    def line(self, number: int) -> str:
        """A line without its ending."""
        start = self._starts[number - 1]
        match = _LINE_END.search(self.text, start)
        return self.text[start : match.start() if match else len(self.text)]

    def line_end(self, number: int) -> int:
        """The offset of the end of a line, before its ending."""
        return self._starts[number - 1] + len(self.line(number))

    def indentation(self, number: int) -> str:
        """The blanks that indent a line: a form feed begins them anew."""
        line = self.line(number)
        return line[: len(line) - len(line.lstrip(_BLANK))].rpartition("\f")[2]

    def first(self, number: int) -> int:
        """The offset of the first character of a line that is no blank."""
        return self.line_end(number) - len(self.line(number).lstrip(_BLANK))

    def span(self, start: int, end: int) -> Span:
        """The span between two offsets."""
        return Span(*self._place(start), *self._place(end))

    def edit(self, start: int, end: int, replacement: str) -> Edit:
        return Edit(self.span(start, end), replacement)

    def insertion(self, offset: int, text: str) -> Edit:
        return self.edit(offset, offset, text)

    def applied(self, edits: Iterable[Edit]) -> str:
        """The text after edits that do not overlap; insertions at one place keep their order."""
        pieces: list[str] = []
        position = 0
        for edit in sorted(edits, key=lambda item: (self.start(item.span), self.end(item.span))):
            pieces += [self.text[position : self.start(edit.span)], _LINE_END.sub(self.newline, edit.replacement)]
            position = self.end(edit.span)
        return "".join([*pieces, self.text[position:]])

    def _place(self, offset: int) -> tuple[int, int]:
        low, high = 0, len(self._starts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._starts[middle] <= offset else (low, middle)
        return low + 1, offset - self._starts[low] + 1


class Parts(NamedTuple):
    """The text of a call: offsets of its parentheses, and of each argument with all that belongs to it."""

    opening: int
    closing: int
    arguments: tuple[tuple[int, int], ...]


def parts(text: Text, call: code.Call) -> Parts | None:
    """Take a call's text apart; None where the text does not read as the form says."""
    base, closing = text.end(call.function.span), text.end(call.span) - 1
    if closing < 0 or text.text[closing] != ")":
        return None
    written = Text(text.text[base : closing + 1])
    depth = 0
    opening: int | None = None
    regions: list[tuple[int, int]] = []
    start = end = -1
    try:
        # The tokeniser knows no line that a carriage return alone ends.
        lines = io.StringIO(_LONE_RETURN.sub("\n", written.text), newline="")
        for token in tokenize.generate_tokens(lines.readline):
            if token.type in (tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.ENDMARKER):
                continue
            begins, ends = (base + written.offset(line, column + 1) for line, column in (token.start, token.end))
            if opening is None:
                if token.string == "(":
                    opening = begins
                elif token.string != ")":
                    return None
                continue
            if depth == 0 and token.string in (",", ")"):
                if start >= 0:
                    regions.append((start, end))
                if token.string == ")":
                    return Parts(opening, begins, tuple(regions)) if begins == closing else None
                start = -1
                continue
            start, end = begins if start < 0 else start, ends
            depth += (token.string in ("(", "[", "{")) - (token.string in (")", "]", "}"))
    except (tokenize.TokenError, SyntaxError):
        return None
    return None


def without_argument(text: Text, split: Parts, index: int) -> Edit:
    """The edit that removes one argument of a call, with the comma that goes with it."""
    start, end = split.arguments[index]
    if index > 0:
        start = split.arguments[index - 1][1]
    elif len(split.arguments) > 1:
        end = split.arguments[1][0]
    else:
        start, end = split.opening + 1, split.closing
    return text.edit(start, end, "")


def with_argument(text: Text, split: Parts, argument: str) -> Edit:
    """The edit that adds a last argument to a call."""
    if not split.arguments:
        return text.insertion(split.opening + 1, argument)
    return text.insertion(split.arguments[-1][1], f", {argument}")


def around(text: Text, span: Span, before: str, after: str) -> tuple[Edit, Edit]:
    """The edits that put text around an expression, inside any parentheses that it stands in."""
    return text.insertion(text.start(span), before), text.insertion(text.end(span), after)

"""One source line with its span underlined, however long it is and whatever characters are in it."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

TAB = "    "
_ELLIPSIS = "…"
# How much of the line before the span is kept when the line has to be clipped.
_LEAD = 20


class Excerpt(NamedTuple):
    """A line as it is printed, and where its underline begins and how long it is, in terminal columns."""

    text: str
    indent: int
    length: int


def excerpt(line: str, column: int, end_column: int | None, width: int) -> Excerpt:
    """Return ``line`` with the characters from ``column`` to before ``end_column`` (counted from 1) marked.

    ``end_column`` of None marks to the end of the line, as for a span that goes on below. Tabs become spaces, control
    characters their pictures; wide characters take two columns, combining ones none. What is wider than ``width``
    columns is clipped around the span. The underline is never empty.
    """
    cells = [_shown(character) for character in line]
    start = min(max(column - 1, 0), len(cells))
    stripped = len(line.rstrip())
    stop = max(start + 1, min(len(cells), stripped if end_column is None else end_column - 1))
    first = _first_kept(cells, start, stop, width)
    room = width - (1 if first else 0)
    last, used = first, 0
    while last < len(cells) and used + _width(cells[last]) <= room:
        used += _width(cells[last])
        last += 1
    if last < len(cells):
        while last > first and used + 1 > room:
            last -= 1
            used -= _width(cells[last])
    head = _ELLIPSIS if first else ""
    tail = _ELLIPSIS if last < stripped else ""
    text = head + "".join(cells[first:last]).rstrip() + tail
    indent = len(head) + sum(map(_width, cells[first:start]))
    return Excerpt(text, indent, max(1, sum(map(_width, cells[start : min(stop, last)]))))


def printable(text: str) -> str:
    """Return a message as one line that cannot move the cursor: what user code wrote may be in it."""
    return "".join(map(_shown, " ".join(text.split())))


def _first_kept(cells: list[str], start: int, stop: int, width: int) -> int:
    if sum(map(_width, cells[:stop])) <= width - 1:
        return 0
    first = start
    lead = 0
    while first > 0 and lead < _LEAD:
        first -= 1
        lead += _width(cells[first])
    return first


def _shown(character: str) -> str:
    if character == "\t":
        return TAB
    if character < " ":
        return chr(0x2400 + ord(character))
    if character == "\x7f":
        return "\u2421"
    # Formatting characters, such as those that reverse the direction of writing, would garble the terminal.
    return (
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") else character
    )


def _width(cell: str) -> int:
    if len(cell) != 1:
        return len(cell)
    if unicodedata.combining(cell):
        return 0
    return 2 if unicodedata.east_asian_width(cell) in ("W", "F") else 1

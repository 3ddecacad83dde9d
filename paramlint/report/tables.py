"""Tables of text: as columns for a terminal, and as plain HTML for a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import NamedTuple

from paramlint.report.excerpt import printable

_WIDEST = 60


class Table(NamedTuple):
    """Cells are text; ``numbers`` are the columns to be flush right. ``marked`` rows are shown to stand out."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int] = frozenset()
    marked: frozenset[int] = frozenset()


def text_lines(table: Table, most: int | None = None) -> Iterator[str]:
    """Yield the table as aligned lines, the heads first; at most ``most`` rows, and then how many were left out."""
    shown = [tuple(_clipped(printable(cell)) for cell in row) for row in table.rows[:most]]
    widths = [max([len(head), *(len(row[column]) for row in shown)]) for column, head in enumerate(table.heads)]
    for cells in (table.heads, *shown):
        padded = (
            cell.rjust(width) if column in table.numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        yield "  ".join(padded).rstrip()
    if most is not None and len(table.rows) > most:
        yield f"… and {len(table.rows) - most} more"


def html_table(table: Table) -> str:
    """The table as one HTML element; all text is escaped."""
    head = "".join(f"<th style='text-align:left'>{escape(cell)}</th>" for cell in table.heads)
    body = []
    for number, row in enumerate(table.rows):
        style = " style='background:rgba(255,80,80,.15)'" if number in table.marked else ""
        cells = "".join(
            f"<td style='text-align:{'right' if column in table.numbers else 'left'}'>{escape(printable(cell))}</td>"
            for column, cell in enumerate(row)
        )
        body.append(f"<tr{style}>{cells}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def _clipped(cell: str) -> str:
    return cell if len(cell) <= _WIDEST else cell[: _WIDEST - 1] + "…"

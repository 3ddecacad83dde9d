"""One line for each finding, as editors and grep like it."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.engine.outcome import Report
from paramlint.report.excerpt import printable
from paramlint.report.summary import error_line, fixable, mark, place, sentence
from paramlint.report.view import Style, View


def render(report: Report, view: View) -> Iterator[str]:
    """Yield the lines of the report; refuted findings are only counted."""
    for diagnostic in report.diagnostics:
        if diagnostic.counts:
            verdict = f" [{diagnostic.proof.verdict.value}]" if diagnostic.proof else ""
            code = view.paint(diagnostic.code, Style.RED) + mark(diagnostic)
            yield f"{view.paint(place(diagnostic, view), Style.BOLD)}: {code} {printable(diagnostic.message)}{verdict}"
    for error in report.errors:
        yield error_line(error, view)
    yield sentence(report)
    if (told := fixable(report)) is not None:
        yield told

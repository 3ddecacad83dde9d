"""The format for reading: each finding with its source line, the second place, its fix, and the verdict with its evidence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from paramlint.engine.outcome import Report
from paramlint.model.code import Span
from paramlint.model.diagnostic import Applicability, Diagnostic, Fix, Proof, Verdict
from paramlint.report.excerpt import Excerpt, excerpt, printable
from paramlint.report.summary import error_line, fixable, mark, place, sentence
from paramlint.report.view import Lines, Style, View

_LEAST_WIDTH = 40


def render(report: Report, view: View, lines: Lines) -> Iterator[str]:
    """Yield the lines of the report; refuted findings are only counted."""
    for diagnostic in report.diagnostics:
        if diagnostic.counts:
            yield from _finding(diagnostic, view, lines)
            yield ""
    for error in report.errors:
        yield error_line(error, view)
    yield view.paint(sentence(report), Style.BOLD if report.exit_code else Style.GREEN)
    if (told := fixable(report)) is not None:
        yield told


def _finding(diagnostic: Diagnostic, view: View, lines: Lines) -> Iterator[str]:
    spans = [diagnostic.span, *(related.span for related in diagnostic.related)]
    gutter = _Gutter(max(len(str(span.line)) for span in spans), view)
    where = view.paint(place(diagnostic, view), Style.BOLD)
    yield f"{where}: {view.paint(diagnostic.code, Style.RED)}{mark(diagnostic)} {diagnostic.name}"
    yield gutter.bar()
    marked = _marked(diagnostic.path, diagnostic.span, view, lines)
    if marked is not None:
        yield f"{gutter.number(diagnostic.span.line)} {marked.text}"
        yield gutter.underline(marked, "^", Style.RED)
    shown = (diagnostic.path, diagnostic.span.line)
    for related in diagnostic.related:
        here = (related.path, related.span.line)
        label = printable(related.message)
        marked = _marked(related.path, related.span, view, lines)
        if here != shown:
            yield gutter.bar()
            if related.path != shown[0]:
                yield f"{gutter.arrow()} {view.path(related.path)}:{related.span.line}:{related.span.column}"
            if marked is not None:
                yield f"{gutter.number(related.span.line)} {marked.text}"
        yield gutter.underline(marked, "-", Style.BLUE, label) if marked is not None else f"{gutter.bar()} {label}"
        shown = here
    yield gutter.bar()
    yield f"{gutter.note()} {printable(diagnostic.message)}"
    if diagnostic.fix is not None:
        yield f"{gutter.note()} {_fix(diagnostic.fix, view)}"
    if diagnostic.proof is not None:
        yield from _proof(diagnostic.proof, gutter, view)


class _Gutter(NamedTuple):
    """What stands left of a source line; ``digits`` is the width of the longest line number."""

    digits: int
    view: View

    def bar(self) -> str:
        return self._painted("", "|")

    def number(self, line: int) -> str:
        return self._painted(str(line), "|")

    def arrow(self) -> str:
        return self._painted("", ":::")

    def note(self) -> str:
        return self._painted("", "=")

    def underline(self, marked: Excerpt, mark: str, style: Style, label: str = "") -> str:
        under = f"{mark * marked.length} {label}".rstrip()
        return f"{self.bar()} {' ' * marked.indent}{self.view.paint(under, style)}"

    def _painted(self, number: str, sign: str) -> str:
        return self.view.paint(f"{number:>{self.digits}} {sign}", Style.BLUE)


def _marked(path: str, span: Span, view: View, lines: Lines) -> Excerpt | None:
    line = lines.line(path, span.line)
    if line is None:
        return None
    end = span.end_column if span.end_line == span.line else None
    return excerpt(line, span.column, end, max(_LEAST_WIDTH, view.width - len(str(span.line)) - 3))


def _fix(fix: Fix, view: View) -> str:
    """What the fix does and what becomes of checkpoints, or why there is none."""
    if not fix.edits:
        return printable(fix.message)
    kind = "fix" if fix.applicability is Applicability.SAFE else "unsafe fix"
    return f"{view.paint(kind, Style.GREEN)}: {printable(fix.message)}"


def _proof(proof: Proof, gutter: _Gutter, view: View) -> Iterator[str]:
    style = Style.RED if proof.verdict is Verdict.CONFIRMED else Style.YELLOW
    told = "; ".join(part for part in (proof.reason, proof.evidence) if part)
    yield f"{gutter.note()} {view.paint(proof.verdict.value, style)}" + (f": {printable(told)}" if told else "")
    if proof.recipe:
        yield f"{gutter.note()} built by: {printable(proof.recipe)}"

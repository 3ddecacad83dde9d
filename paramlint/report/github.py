"""Workflow commands, which GitHub Actions turns into annotations on the lines of a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.engine.outcome import Report
from paramlint.model.diagnostic import Diagnostic, Severity
from paramlint.report.summary import place
from paramlint.report.view import View

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(report: Report, view: View) -> Iterator[str]:
    """Yield a command for each finding that counts, and one for each file that could not be analysed."""
    for diagnostic in report.diagnostics:
        if diagnostic.counts:
            yield _finding(diagnostic, view)
    for error in report.errors:
        properties = {"title": "paramlint", "file": _path(error.path, view)}
        if error.line is not None:
            properties["line"] = str(error.line)
        yield _command("error", properties, error.message)


def _finding(diagnostic: Diagnostic, view: View) -> str:
    span = diagnostic.span
    properties = {
        "title": f"paramlint ({diagnostic.code})",
        "file": _path(diagnostic.path, view),
        "line": str(span.line),
        "endLine": str(span.end_line),
    }
    if span.line == span.end_line:
        # Columns of a span over several lines mean nothing to GitHub.
        properties |= {"col": str(span.column), "endColumn": str(span.end_column)}
    verdict = f" [{diagnostic.proof.verdict.value}]" if diagnostic.proof else ""
    message = f"{place(diagnostic, view)}: {diagnostic.code} {diagnostic.message}{verdict}"
    return _command(_LEVELS[diagnostic.severity], properties, message)


def _path(path: str, view: View) -> str:
    return view.path(path).replace("\\", "/")


def _command(level: str, properties: dict[str, str], message: str) -> str:
    told = ",".join(
        f"{name}={_escaped(value).replace(':', '%3A').replace(',', '%2C')}" for name, value in properties.items()
    )
    return f"::{level} {told}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")

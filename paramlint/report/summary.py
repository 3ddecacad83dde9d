"""What the formats for people share in words: how a fix is marked, the closing sentences, the table of ``--statistics``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from paramlint.engine.outcome import FileError, Report, Summary
from paramlint.model.diagnostic import Applicability, Diagnostic
from paramlint.report.view import Style, View


def sentence(report: Report) -> str:
    """Return what was found and what was not, in one line."""
    summary = report.summary
    files = _count(summary.files, "file")
    if summary.findings:
        parts = [f"{_count(summary.findings, 'finding')} in {files}{_verdicts(summary)}"]
    else:
        parts = [f"No findings in {files}"]
    if summary.refuted:
        parts.append(f"{_count(summary.refuted, 'refuted finding')} left out")
    if summary.errors:
        parts.append(f"{summary.errors} could not be analysed")
    return "; ".join(parts) + "."


def fixable(report: Report) -> str | None:
    """Return how many findings have a fix, in one line; None where none has."""
    found = Counter(
        item.fix.applicability for item in report.diagnostics if item.counts and item.fix is not None and item.fix.edits
    )
    safe, unsafe = found[Applicability.SAFE], found[Applicability.UNSAFE]
    if safe and unsafe:
        return f"[*] {safe} fixable with --fix ({unsafe} more with --unsafe-fixes)."
    if safe or unsafe:
        return f"[*] {safe or unsafe} fixable with {'--fix' if safe else '--unsafe-fixes'}."
    return None


def mark(diagnostic: Diagnostic) -> str:
    """Return " [*]" for a finding that ``--fix`` or ``--unsafe-fixes`` would mend, else nothing."""
    return " [*]" if diagnostic.fix is not None and diagnostic.fix.edits else ""


def _verdicts(summary: Summary) -> str:
    named = [(summary.confirmed, "confirmed"), (summary.unconfirmed, "unconfirmed")]
    told = [f"{number} {name}" for number, name in named if number]
    return f" ({', '.join(told)})" if told else ""


def statistics(report: Report) -> Iterator[str]:
    """Yield a line for each code that was found: how often, the code, its name; the most frequent first."""
    names = {diagnostic.code: diagnostic.name for diagnostic in report.diagnostics}
    counts = sorted(report.summary.counts, key=lambda entry: (-entry[1], entry[0]))
    width = max((len(str(number)) for _, number in counts), default=0)
    for code, number in counts:
        yield f"{number:>{width}}  {code}  {names[code]}"


def place(diagnostic: Diagnostic, view: View) -> str:
    """Return ``path:line:column`` of a finding."""
    return f"{view.path(diagnostic.path)}:{diagnostic.span.line}:{diagnostic.span.column}"


def error_line(error: FileError, view: View) -> str:
    """Return one line about something that could not be analysed."""
    line = f":{error.line}" if error.line is not None else ""
    return f"{view.paint(view.path(error.path) + line, Style.BOLD)}: {view.paint('error', Style.RED)}: {error.message}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

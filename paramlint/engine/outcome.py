"""What a run found: the frozen result that every report is made from."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from paramlint.model.diagnostic import Diagnostic, Verdict


class FileError(NamedTuple):
    """Something that could not be analysed: ``line`` counts from 1 and is None where no line is to blame."""

    path: str
    line: int | None
    message: str


class FileResult(NamedTuple):
    """What was found in one file: diagnostics in order of place, and the reason where it could not be analysed."""

    path: Path
    diagnostics: tuple[Diagnostic, ...]
    error: FileError | None = None


class Summary(NamedTuple):
    """Figures of a run. ``counts`` holds the number of findings for each code, refuted ones left out."""

    files: int
    findings: int
    errors: int
    confirmed: int
    refuted: int
    unconfirmed: int
    counts: tuple[tuple[str, int], ...]


class Report(NamedTuple):
    """Diagnostics and errors in a stable order; paths are absolute. ``files`` is the number of files looked at."""

    diagnostics: tuple[Diagnostic, ...]
    errors: tuple[FileError, ...]
    files: int

    @property
    def summary(self) -> Summary:
        verdicts = Counter(diagnostic.proof.verdict for diagnostic in self.diagnostics if diagnostic.proof)
        counted = Counter(diagnostic.code for diagnostic in self.diagnostics if diagnostic.counts)
        return Summary(
            files=self.files,
            findings=sum(counted.values()),
            errors=len(self.errors),
            confirmed=verdicts[Verdict.CONFIRMED],
            refuted=verdicts[Verdict.REFUTED],
            unconfirmed=verdicts[Verdict.UNCONFIRMED],
            counts=tuple(sorted(counted.items())),
        )

    @property
    def exit_code(self) -> int:
        """2 where something could not be analysed, else 1 where something was found, else 0."""
        if self.errors:
            return 2
        return 1 if any(diagnostic.counts for diagnostic in self.diagnostics) else 0


def place_order(diagnostic: Diagnostic) -> tuple[str, tuple[int, int, int, int], str, str]:
    """Sort key: path, place, code, and the message where one place has two findings of a rule."""
    span = diagnostic.span
    place = (span.line, span.column, span.end_line, span.end_column)
    return diagnostic.path, place, diagnostic.code, diagnostic.message

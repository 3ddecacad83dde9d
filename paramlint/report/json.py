"""The format for other tools: a contract, so a field once published keeps its name and meaning."""

from __future__ import annotations

import json
from collections.abc import Iterator

from paramlint.engine.outcome import Report
from paramlint.model.code import Span
from paramlint.model.diagnostic import Diagnostic, Fix
from paramlint.report.view import View

VERSION = 1


def render(report: Report, view: View) -> Iterator[str]:
    """Yield one JSON document, refuted findings included; lines and columns count from 1, end columns are exclusive."""
    summary = report.summary
    document = {
        "version": VERSION,
        "diagnostics": [_diagnostic(diagnostic, view) for diagnostic in report.diagnostics],
        "errors": [
            {"path": view.path(error.path), "line": error.line, "message": error.message} for error in report.errors
        ],
        "summary": {**summary._asdict(), "counts": dict(summary.counts)},
    }
    yield json.dumps(document, indent=2)


def _diagnostic(diagnostic: Diagnostic, view: View) -> dict[str, object]:
    proof = diagnostic.proof
    return {
        "code": diagnostic.code,
        "name": diagnostic.name,
        "severity": diagnostic.severity.value,
        "path": view.path(diagnostic.path),
        **_span(diagnostic.span),
        "class": diagnostic.class_name,
        "attribute": diagnostic.attribute,
        "message": diagnostic.message,
        "verdict": proof.verdict.value if proof else None,
        "evidence": proof.evidence if proof else None,
        "reason": proof.reason if proof else None,
        "recipe": proof.recipe if proof else None,
        "related": [
            {
                "path": view.path(related.path),
                "line": related.span.line,
                "column": related.span.column,
                "message": related.message,
            }
            for related in diagnostic.related
        ],
        "fix": _fix(diagnostic.fix) if diagnostic.fix else None,
    }


def _span(span: Span) -> dict[str, object]:
    return {"line": span.line, "column": span.column, "end_line": span.end_line, "end_column": span.end_column}


def _fix(fix: Fix) -> dict[str, object]:
    return {
        "message": fix.message,
        "applicability": fix.applicability.value,
        "edits": [{**_span(edit.span), "replacement": edit.replacement} for edit in fix.edits],
    }

"""Reads the markers of fixture files: what paramlint must say, and of what line."""

from __future__ import annotations

import io
import re
import tokenize
from collections import Counter
from pathlib import Path
from typing import NamedTuple

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"

_PART = re.compile(r"^(?P<kind>expect|known miss|verdict):\s*(?P<values>.+)$")
_CODE = re.compile(r"^PRM\d{3}$")
_VERDICTS = ("confirmed", "refuted", "unconfirmed")


class MarkerError(ValueError):
    """A marker that cannot be read: a fixture is wrong, and no test of it means anything."""


class Expectation(NamedTuple):
    """One diagnostic that must start on a line; ``verdict`` is what ``--confirm`` must say of it, if that is told.

    A known miss must not be reported yet: when it is, the miss is mended and the marker becomes ``expect``.
    """

    line: int
    code: str
    verdict: str | None
    is_known_miss: bool


def read_markers(text: str) -> tuple[Expectation, ...]:
    """Return the expectations of a source text, in the order of their lines.

    A line is marked by comments at its end: ``# expect: PRM101, PRM301``, ``# known miss: PRM305``, and beside one of
    them ``# verdict: confirmed`` (for all codes of the line). Nothing is evaluated. Raises MarkerError for a marker
    that is not of this form.
    """
    expectations: list[Expectation] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            expectations.extend(_read_comment(token.string, token.start[0]))
    return tuple(expectations)


def _read_comment(comment: str, line: int) -> list[Expectation]:
    codes: list[tuple[str, bool]] = []
    verdict: str | None = None
    for part in comment.split("#"):
        match = _PART.match(part.strip())
        if match is None:
            continue
        values = [value.strip() for value in match["values"].split(",")]
        if match["kind"] == "verdict":
            if len(values) != 1 or values[0] not in _VERDICTS:
                raise MarkerError(f"line {line}: no verdict: {match['values']}")
            verdict = values[0]
            continue
        for value in values:
            if not _CODE.match(value):
                raise MarkerError(f"line {line}: no code: {value}")
            codes.append((value, match["kind"] == "known miss"))
    if verdict is not None and not codes:
        raise MarkerError(f"line {line}: a verdict on nothing")
    return [Expectation(line, code, verdict, is_known_miss) for code, is_known_miss in codes]


def expected_places(text: str) -> Counter[tuple[int, str]]:
    """Return how often each (line, code) must be reported in a source text."""
    return Counter((item.line, item.code) for item in read_markers(text) if not item.is_known_miss)


def known_misses(text: str) -> frozenset[tuple[int, str]]:
    """Return the (line, code) pairs that are right and not found yet."""
    return frozenset((item.line, item.code) for item in read_markers(text) if item.is_known_miss)


def fixture_files(*folders: str) -> list[Path]:
    """Return the Python files of the named folders of ``fixtures``, in a stable order."""
    return sorted(path for folder in folders for path in (FIXTURES / folder).rglob("*.py"))

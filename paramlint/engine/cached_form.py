"""Diagnostics as JSON that is read back to equal ones: the form in which the cache keeps them.

JSON and no pickle: a cache lies in the user's project, and reading it must run nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from paramlint.model.code import Span
from paramlint.model.diagnostic import Applicability, Diagnostic, Edit, Effect, Fix, Related, Severity


def encode(diagnostics: Iterable[Diagnostic]) -> str:
    """Return the text of diagnostics that nothing has been proved of yet."""
    return json.dumps(list(diagnostics), separators=(",", ":"))


def decode(text: str) -> tuple[Diagnostic, ...]:
    """Return the diagnostics. Raises ValueError, TypeError or IndexError for a text that ``encode`` has not made."""
    return tuple(_diagnostic(*entry) for entry in json.loads(text))


# Any: what JSON holds; each constructor is given the fields that ``encode`` has written in its order.
def _diagnostic(
    code: Any,
    name: Any,
    severity: Any,
    path: Any,
    span: Any,
    class_name: Any,
    attribute: Any,
    message: Any,
    related: Any,
    circumstances: Any,
    fix: Any,
    proof: None,
) -> Diagnostic:
    return Diagnostic(
        code,
        name,
        Severity(severity),
        path,
        Span(*span),
        class_name,
        attribute,
        message,
        tuple(Related(place, Span(*where), text) for place, where, text in related),
        tuple((argument, constant) for argument, constant in circumstances),
        None if fix is None else _fix(*fix),
        proof,
    )


def _fix(message: Any, applicability: Any, edits: Any, effect: Any) -> Fix:
    names, *others = effect
    return Fix(
        message,
        Applicability(applicability),
        tuple(Edit(Span(*span), replacement) for span, replacement in edits),
        Effect(tuple(names), *others),
    )

"""What a rule is, and what it yields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from paramlint.interpret.trace import ClassTrace
from paramlint.model.code import Span
from paramlint.model.diagnostic import Diagnostic, Fix, Related, Severity


class Finding(NamedTuple):
    """A diagnostic without its rule's name on it; the fields mean what they mean in ``Diagnostic``."""

    path: str
    span: Span
    class_name: str | None
    attribute: str | None
    message: str
    related: tuple[Related, ...] = ()
    circumstances: tuple[tuple[str, bool | int | float | str | None], ...] = ()
    fix: Fix | None = None


class Rule(NamedTuple):
    """One rule: its documentation, its examples and its check, side by side.

    ``bad`` and ``good`` are complete Python sources: the bad one raises this rule alone, the good one none. ``check``
    is a pure function of what the interpreter learnt of one class. ``shown_if_proved``: where the rule is off because
    source alone says too little, ``--confirm`` shows what it proves. ``asks_ordinary_classes``: it is also asked about classes that
    are no Modules and are written like one. ``speaks_of_inherited``: what a base in another file binds, and the class
    itself leaves at fault, is told at the class. ``silent_when`` lists, a line each, what keeps the
    rule quiet. ``explained_by`` is what a comment at the place says where what the rule speaks of is meant.
    """

    code: str
    slug: str
    severity: Severity
    enabled_by_default: bool
    summary: str
    rationale: str
    bad: str
    good: str
    silent_when: tuple[str, ...]
    check: Callable[[ClassTrace], Iterator[Finding]]
    asks_ordinary_classes: bool = False
    shown_if_proved: bool = False
    explained_by: re.Pattern[str] | None = None
    speaks_of_inherited: bool = False

    def diagnose(self, trace: ClassTrace) -> Iterator[Diagnostic]:
        """Yield the rule's diagnostics for one interpreted class."""
        for finding in self.check(trace):
            yield Diagnostic(self.code, self.slug, self.severity, *finding)

"""PRM114: two parameters are tied in a way that does not last."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import MethodReached, SchemeRan, Tied
from paramlint.interpret.trace import ClassTrace, MethodFacts
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import events, finding, related


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield ties through ``.data``, and ties that a later initialisation of the class does not make again."""
    yield from _lost(trace)
    for run, tie in events(trace, Tied):
        if not tie.by_data or not any(slot.name in tie.others for slot in run.slots):
            continue  # or construction has deleted the other one
        yield finding(
            trace,
            run,
            tie.place,
            tie.attribute,
            f"'{tie.attribute}' shares its memory with another parameter but stays a Parameter of its own: the optimiser "
            "steps both, and after .to() or to_empty() they are two",
        )


def _lost(trace: ClassTrace) -> Iterator[Finding]:
    """Ties that only the constructor makes, in a class that is initialised after construction."""
    later = _deferred(trace)
    for run, tie in events(trace, Tied):
        if tie.by_data or tie.method != "__init__" or later is None:
            continue
        if any(
            tie.attribute in method.assigns or "tie" in method.name for method in trace.methods if _is_other(method)
        ):
            continue
        yield finding(
            trace,
            run,
            tie.place,
            tie.attribute,
            f"only the constructor ties '{tie.attribute}': after a build on the meta device and to_empty() there are two "
            f"parameters, and '{later.name}' does not tie them again",
            related(later.place, "the initialisation that runs after to_empty()"),
        )


def _is_other(method: MethodFacts) -> bool:
    return method.name not in ("__init__", "forward")


def _deferred(trace: ClassTrace) -> MethodFacts | None:
    """The initialisation that somebody runs on a finished model: public, and not reached by the constructor."""
    reached = {
        event.method for run in trace.runs for event in run.events if isinstance(event, (MethodReached, SchemeRan))
    }
    for method in trace.methods:
        is_scheme = method.name.startswith(("init", "reset")) and method.walks_modules and bool(method.initialises)
        if is_scheme and method.name not in reached:
            return method
    return None


RULE = Rule(
    code="PRM114",
    slug="broken-tie",
    severity=Severity.WARNING,
    enabled_by_default=False,
    summary="Two parameters are tied in a way that does not last.",
    rationale="""\
Weights are tied by binding one Parameter to both names. `a.data = b.data` leaves two Parameters over one piece of
memory: each has its own gradient, the optimiser steps the memory twice, and `.to()` gives each a copy of its own.

A tie that only the constructor makes is lost too where the model is built on the meta device, given memory by
`to_empty()` and then initialised by its own method: `to_empty()` makes a Parameter for each name.""",
    bad="""\
from torch import nn


class Tagger(nn.Module):
    def __init__(self, words, width):
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.head = nn.Linear(width, words, bias=False)
        self.head.weight.data = self.embed.weight.data

    def forward(self, ids):
        return self.head(self.embed(ids))
""",
    good="""\
from torch import nn


class Tagger(nn.Module):
    def __init__(self, words, width):
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.head = nn.Linear(width, words, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, ids):
        return self.head(self.embed(ids))
""",
    silent_when=(
        "the Parameter itself is bound to both names",
        "the memory is cloned: a start from equal values",
        "the class has no initialisation of its own that somebody calls after construction, or a method of it ties again",
    ),
    check=check,
)

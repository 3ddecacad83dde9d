"""PRM307: a deliberate initialisation is overwritten by a scheme that runs later."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import KeptConstant, Overwritten, RandomGain, Write, Writer
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import events, finding, related


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield constants that a walk or a scheme replaces, and gains of normalisation layers that a walk makes random."""
    kept = {event.place for run in trace.runs for event in run.events if isinstance(event, KeptConstant)}
    for run, event in events(trace, Overwritten):
        if event.place.path != trace.place.path or event.place in kept:
            continue
        yield finding(
            trace,
            run,
            event.place,
            event.attribute,
            f"'{event.first.operation}' has no effect: '{event.by.operation}' overwrites '{event.attribute}' later",
            related(event.by.place, f"overwritten here, by {_described(event.by)}"),
        )
    for run, gain in events(trace, RandomGain):
        yield finding(
            trace,
            run,
            gain.place,
            gain.method,
            f"'{gain.operation}' goes over all parameters, the gain of {gain.layer} too: it starts around zero instead of "
            "at one",
        )


def _described(write: Write) -> str:
    return "a scheme that goes over all modules" if write.writer is Writer.WALK else f"'{write.scheme}'"


RULE = Rule(
    code="PRM307",
    slug="init-overwritten",
    severity=Severity.WARNING,
    enabled_by_default=False,
    summary="A deliberate initialisation is overwritten by a scheme that runs later.",
    rationale="""\
A gate that must start at zero, or a bias that carries a prior, is set by hand; a scheme that goes over all modules
afterwards, or names the layer once more, gives it random or other values. A loop over all parameters likewise reaches the gains of normalisation
layers, which then start around zero, half of them negative.""",
    bad="""\
from torch import nn


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 8)
        self.gate = nn.Linear(8, 8)
        nn.init.zeros_(self.gate.weight)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, x):
        return x + self.gate(self.body(x))
""",
    good="""\
from torch import nn


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 8)
        self.gate = nn.Linear(8, 8)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
        nn.init.zeros_(self.gate.weight)

    def forward(self, x):
        return x + self.gate(self.body(x))
""",
    silent_when=(
        "the deliberate value is written last",
        "the scheme writes the same value, a part of it, or goes on from what is there",
        "the scheme goes over no modules, and the value was not set in the constructor's own block, or is no layer's",
        "a condition that cannot be decided is around one of the writes, or the value is kept on another path",
    ),
    check=check,
)

"""PRM206: a Parameter is made of a number, a list or a string."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import ParameterOfNoTensor
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import events, finding, slot_around


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield calls of ``nn.Parameter`` whose data is certainly no tensor."""
    for run, event in events(trace, ParameterOfNoTensor):
        yield finding(
            trace,
            run,
            event.place,
            slot_around(run, event.place),
            f"nn.Parameter is given a {event.kind}: it takes a tensor, and raises for anything else",
        )


RULE = Rule(
    code="PRM206",
    slug="parameter-of-no-tensor",
    severity=Severity.ERROR,
    enabled_by_default=True,
    summary="nn.Parameter is given a number, a list or a string.",
    rationale="""\
`nn.Parameter(0.5)` and `nn.Parameter([1.0, 2.0])` raise: a Parameter is made from a tensor. On a path that is rarely
taken nobody notices before a user does.""",
    bad="""\
from torch import nn


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(0.5)

    def forward(self, x):
        return x * self.gain
""",
    good="""\
import torch
from torch import nn


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        return x * self.gain
""",
    silent_when=("the data is not known, or None", "a condition that nothing decides, or a `try`, stands around it"),
    check=check,
)

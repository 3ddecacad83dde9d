"""PRM106: a Parameter is registered as a buffer."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import ParameterAsBuffer
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import events, finding, slot_around


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield buffers that are given a Parameter or a tensor that asks for gradients."""
    for run, event in events(trace, ParameterAsBuffer):
        name = event.attribute or slot_around(run, event.place)
        yield finding(
            trace,
            run,
            event.place,
            name,
            f"'{name}' is registered as a buffer: it is saved and moved, but parameters() lacks it and nothing trains it",
        )


RULE = Rule(
    code="PRM106",
    slug="parameter-as-buffer",
    severity=Severity.WARNING,
    enabled_by_default=True,
    summary="register_buffer() or nn.Buffer() is given a Parameter.",
    rationale="""\
Buffers are state that is not learned. `register_buffer("x", nn.Parameter(...))` puts the Parameter among the buffers:
`parameters()` does not yield it, so no optimiser updates it.""",
    bad="""\
import torch
from torch import nn


class Shift(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.register_buffer("shift", nn.Parameter(torch.zeros(width)))

    def forward(self, x):
        return x + self.shift
""",
    good="""\
import torch
from torch import nn


class Shift(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(width))

    def forward(self, x):
        return x + self.shift
""",
    silent_when=(
        "the tensor is not a Parameter and does not ask for gradients",
        "`requires_grad=False` says that it is to stay as it is",
    ),
    check=check,
)

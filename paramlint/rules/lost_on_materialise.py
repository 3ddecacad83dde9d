"""PRM506: an initialisation that does not respect where and how a model was materialised."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import DataReplaced
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import events, finding


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield initialisers that put another tensor in a parameter's place instead of writing to it."""
    for run, event in events(trace, DataReplaced):
        yield finding(
            trace,
            run,
            event.place,
            event.attribute,
            f"'{event.method}' puts a tensor made on the default device in the place of '{event.attribute}': on a model "
            "that was moved, cast or materialised elsewhere, the parameter changes device and dtype",
        )


RULE = Rule(
    code="PRM506",
    slug="lost-on-materialise",
    severity=Severity.WARNING,
    enabled_by_default=False,
    summary="An initialisation replaces a parameter's memory by a tensor of the default device.",
    rationale="""\
Large models are built on the meta device, given memory by `to_empty()` on their device, perhaps cast, and then
initialised by their own method. A method that assigns `.data` does not write to that memory: it puts its own tensor,
with the default device and dtype, where the model's should be. `copy_` under `torch.no_grad()` writes.""",
    bad="""\
import torch
from torch import nn


class Offsets(nn.Module):
    def __init__(self, points):
        super().__init__()
        self.points = points
        self.linear = nn.Linear(8, points)
        self.init_weights()

    def init_weights(self):
        self.linear.bias.data = torch.arange(self.points, dtype=torch.float32)

    def forward(self, x):
        return self.linear(x)
""",
    good="""\
import torch
from torch import nn


class Offsets(nn.Module):
    def __init__(self, points):
        super().__init__()
        self.points = points
        self.linear = nn.Linear(8, points)
        self.init_weights()

    def init_weights(self):
        with torch.no_grad():
            self.linear.bias.copy_(torch.arange(self.points))

    def forward(self, x):
        return self.linear(x)
""",
    silent_when=(
        "the value is copied into the parameter's memory (`copy_`)",
        "the tensor is made from the parameter, or on a device that is named",
        "the constructor itself does it: it runs once",
    ),
    check=check,
)

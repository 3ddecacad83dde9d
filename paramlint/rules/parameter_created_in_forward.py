"""PRM108: a Parameter is made in forward."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import MadeInForward
from paramlint.interpret.slots import Registration
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import circumstances, events


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield Parameters made by forward or what it calls."""
    for run, event in events(trace, MadeInForward):
        if event.kind is not Registration.PARAMETER:
            continue
        if event.is_lazy_once:
            effect = (
                "it does not exist before the first call: an optimiser made earlier lacks it, and so does a checkpoint"
            )
        else:
            effect = "it is a new one in every call, so what was learned is thrown away"
        yield Finding(
            event.place.path,
            event.place.span,
            trace.class_name,
            event.stored or event.local,
            f"a Parameter is made in forward: {effect}",
            (),
            circumstances(run),
        )


RULE = Rule(
    code="PRM108",
    slug="parameter-created-in-forward",
    severity=Severity.ERROR,
    enabled_by_default=True,
    summary="nn.Parameter is made in forward, or in what it calls.",
    rationale="""\
An optimiser is given `parameters()` before the first forward. A Parameter that forward makes is either new in every call,
so that nothing can be learned, or appears after the optimiser was made. It is also made on the default device.""",
    bad="""\
import torch
from torch import nn


class Attend(nn.Module):
    def forward(self, x):
        bias = nn.Parameter(torch.zeros(x.shape[-1], device=x.device))
        return x + bias
""",
    good="""\
import torch
from torch import nn


class Attend(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x):
        return x + self.bias
""",
    silent_when=(
        "the class is a lazy module (`LazyModuleMixin`)",
        "it is made by `configure_model` or by the constructor",
        "it is part of what is set up once, below a test that another attribute is None",
    ),
    check=check,
)

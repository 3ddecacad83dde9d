"""PRM108: a Parameter is made in forward."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import MadeInForward
from paramlint.interpret.slots import Registration
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import events, finding, is_known_to_be_lazy, related


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield Parameters made by forward or what it calls, and factors that are made of zeros again and again."""
    for run, event in events(trace, MadeInForward):
        if event.kind is not Registration.PARAMETER or (event.is_lazy_once and is_known_to_be_lazy(trace)):
            continue
        if event.stored is not None and _is_exported(trace, event.stored):
            continue
        if event.is_lazy_once:
            effect = (
                "it does not exist before the first call: an optimiser made earlier lacks it, and so does a checkpoint"
            )
        else:
            effect = "it is a new one in every call, so what was learned is thrown away"
        yield finding(trace, run, event.place, event.stored or event.local, f"a Parameter is made in forward: {effect}")
    for factor in trace.zero_factors:
        if not trace.is_complete or trace.surroundings.is_set_elsewhere(factor.attribute):
            continue
        yield Finding(
            factor.made.path,
            factor.made.span,
            trace.class_name,
            factor.attribute,
            f"'{factor.method}' makes '{factor.attribute}' of zeros, and nothing else sets or writes it: its products are "
            "zero, and as no Parameter it is never learned",
            related(factor.multiplied, "it is multiplied here"),
        )


def _is_exported(trace: ClassTrace, name: str) -> bool:
    """Whether an export of the model alone reads the Parameter: it keeps numbers for that, and nothing is learned in it."""
    users = [method for method in trace.methods if name in method.mentions and method.name != "__init__"]
    return bool(users) and all(name in method.exports for method in users)


RULE = Rule(
    code="PRM108",
    slug="parameter-created-in-forward",
    severity=Severity.ERROR,
    enabled_by_default=True,
    summary="nn.Parameter is made in forward, or in what it calls.",
    rationale="""\
An optimiser is given `parameters()` before the first forward. A Parameter that forward makes is either new in every call,
so that nothing can be learned, or appears after the optimiser was made. It is also made on the default device.

A tensor of zeros that a method binds again and again, and that is only multiplied with, is a weight in all but name: as
no Parameter it stays at zero.""",
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
        "the class is a lazy module (`LazyModuleMixin`), or says so in its name or documentation",
        "it is made by `configure_model` or by the constructor",
        "it is part of what is set up once, below a test that another attribute is None, or a flag that is then turned",
        "an optimiser in the same call is given it, or another that forward made: what is learned is there for that call",
        "only an export of the model reads it (`torch.onnx.is_in_onnx_export()`): it keeps numbers for that",
        "the zeros are also written, returned, added or passed on: a state that a recurrent layer begins with",
    ),
    check=check,
)

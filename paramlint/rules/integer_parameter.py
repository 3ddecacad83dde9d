"""PRM203: integer data in a Parameter that asks for gradients."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.slots import Registration
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import constructed_slots, finding


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield Parameters of an integer or bool type that ask for gradients."""
    seen: set[str] = set()
    for run, slot in constructed_slots(trace):
        tensor = slot.tensor
        if slot.name in seen or tensor is None or slot.registration is not Registration.PARAMETER:
            continue
        if tensor.is_integer is True and tensor.requires_grad is True:
            seen.add(slot.name)
            yield finding(
                trace,
                run,
                slot.place,
                slot.name,
                f"'{slot.name}' holds integers: nn.Parameter raises RuntimeError, as only floating point tensors can have "
                "gradients",
            )


RULE = Rule(
    code="PRM203",
    slug="integer-parameter",
    severity=Severity.ERROR,
    enabled_by_default=True,
    summary="Integer or bool data is made an nn.Parameter with gradients.",
    rationale="""\
`nn.Parameter(torch.arange(3))` raises `RuntimeError: Only Tensors of floating point and complex dtype can require
gradients`. A table of indices is a buffer.""",
    bad="""\
import torch
from torch import nn


class Steps(nn.Module):
    def __init__(self):
        super().__init__()
        self.steps = nn.Parameter(torch.tensor([1, 2, 3]))

    def forward(self, x):
        return x * self.steps
""",
    good="""\
import torch
from torch import nn


class Steps(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("steps", torch.tensor([1, 2, 3]))

    def forward(self, x):
        return x * self.steps
""",
    silent_when=("`requires_grad=False`", "the type is not known"),
    check=check,
)

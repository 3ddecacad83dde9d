"""PRM112: a plain attribute shares one tensor with a buffer."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.slots import Registration
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import circumstances, constructed_slots, related


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield plain attributes that hold the very tensor that is registered as a buffer."""
    seen: set[str] = set()
    for run, slot in constructed_slots(trace):
        tensor = slot.tensor
        if tensor is None or slot.name in seen or slot.registration is not Registration.PLAIN_TENSOR:
            continue
        twin = next(
            (
                other
                for other in run.slots
                if other.registration is Registration.BUFFER
                and other.tensor is not None
                and other.tensor.number == tensor.number
            ),
            None,
        )
        if twin is None:
            continue
        seen.add(slot.name)
        yield Finding(
            slot.place.path,
            slot.place.span,
            trace.class_name,
            slot.name,
            f"'{slot.name}' and the buffer '{twin.name}' are one tensor: loading a checkpoint changes both, and after "
            ".to() they are two",
            related(twin.place, f"the same tensor becomes the buffer '{twin.name}'"),
            circumstances(run),
        )


RULE = Rule(
    code="PRM112",
    slug="stale-alias",
    severity=Severity.WARNING,
    enabled_by_default=False,
    summary="A plain attribute shares one tensor with a buffer.",
    rationale="""\
`load_state_dict` copies into a buffer in place, so a plain attribute that is the same tensor changes with it. `.to()` puts
another tensor into the buffer's slot, and the attribute keeps the old one.""",
    bad="""\
import torch
from torch import nn


class Start(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.tensor([0.5])
        self.register_buffer("value", self.first)

    def forward(self, x):
        return x - self.value
""",
    good="""\
import torch
from torch import nn


class Start(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = 0.5
        self.register_buffer("value", torch.tensor([self.first]))

    def forward(self, x):
        return x - self.value
""",
    silent_when=("the buffer is given a copy", "the attribute is deleted or derived anew at each use"),
    check=check,
)

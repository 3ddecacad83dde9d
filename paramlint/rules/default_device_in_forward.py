"""PRM502: a tensor made in forward on the default device meets the input."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.slots import LITERAL_DEVICE, Phase, TensorSummary
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import clashes, finding, related


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield tensors made by forward without a device that meet one that moves."""
    seen: set[object] = set()
    for run, clash in clashes(trace):
        tensor = clash.pinned
        if clash.home is not None or tensor.phase is not Phase.FORWARD or tensor.made in seen:
            continue
        if tensor.is_parameter:
            continue  # that it is made in forward is what is wrong
        if trace.surroundings.is_never_moved:
            return
        seen.add(tensor.made)
        meeting = (
            f"makes a tensor on {_device(tensor)}, and '{clash.operation}' then meets {clash.moving} on another one"
        )
        places = related(clash.place, f"here it meets {clash.moving}")
        if clash.reached is None or tensor.made.path == trace.place.path or tensor.placement == LITERAL_DEVICE:
            yield finding(trace, run, tensor.made, None, f"'{tensor.factory}' {meeting}", places)
        else:
            places = (*related(tensor.made, f"'{tensor.factory}' makes it here"), *places)
            yield finding(trace, run, clash.reached, None, f"this call {meeting}", places)


def _device(tensor: TensorSummary) -> str:
    return "a device that the source names" if tensor.placement == LITERAL_DEVICE else "the default device"


RULE = Rule(
    code="PRM502",
    slug="default-device-in-forward",
    severity=Severity.WARNING,
    enabled_by_default=True,
    summary="A tensor made in forward without `device=` meets the input.",
    rationale="""\
A factory without `device=` makes its tensor on the default device, the CPU. In forward it then meets the input, which is
wherever the user put the model: a device error on the first GPU. So it is with methods beside forward that are given
tensors, or that draw or write something with the finished model (`sample`, `generate`, `decode`).

Where a function of another file makes the tensor, the call that leads there is reported.""",
    bad="""\
import torch
from torch import nn


class Pad(nn.Module):
    def forward(self, x: torch.Tensor):
        return torch.cat([x, torch.zeros(1, x.shape[1])])
""",
    good="""\
import torch
from torch import nn


class Pad(nn.Module):
    def forward(self, x: torch.Tensor):
        return torch.cat([x, torch.zeros(1, x.shape[1], device=x.device)])
""",
    silent_when=(
        "it is moved before it is used, or has no dimensions and nothing is written into it",
        "it is used only as an index, or in an item assignment that no tensor indexes",
        "a method of another file makes it, of whose class that is told, or a function there that names its device",
        "the class is private, and only functions of the project make instances, which speak of no device",
    ),
    check=check,
)

"""PRM101: a plain tensor attribute stays behind when the model moves, or is lost on reload."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.slots import Fill, Phase, Registration, Slot, TensorSummary
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import (
    clashes,
    constructed_slots,
    finding,
    first_read,
    is_lost_on_reload,
    is_placeholder,
    related,
)


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield attributes whose tensor meets one that moves, and random ones that a reload does not bring back."""
    seen: set[str] = set()
    stops_unnamed = {clash.pinned.made for _, clash in clashes(trace) if clash.home is None}
    for run, clash in clashes(trace):
        if clash.pinned.phase is Phase.FORWARD and clash.pinned.made in stops_unnamed:
            continue  # forward makes it, and stops before it has a name: PRM502
        slot = next((slot for slot in run.slots if slot.name == clash.home), None)
        if slot is None or slot.name in seen or not _is_plain(slot) or clash.pinned.lost is not None:
            continue
        if slot.tensor is not None and slot.tensor.requires_grad:
            continue
        if _is_replaced(trace, slot.name, slot.tensor or clash.pinned):
            continue
        seen.add(slot.name)
        yield finding(
            trace,
            run,
            slot.place,
            slot.name,
            f"'{slot.name}' is a plain tensor: .to() leaves it where it was made, and '{clash.operation}' then meets "
            f"{clash.moving} on another device",
            related(clash.place, f"here '{slot.name}' meets {clash.moving}"),
        )
    for run, slot in constructed_slots(trace):
        if slot.name in seen or slot.tensor is None or slot.registration is not Registration.PLAIN_TENSOR:
            continue
        read = first_read(run, slot.name)
        if read is None or not is_lost_on_reload(run, slot, slot.tensor) or is_placeholder(trace, slot):
            continue
        seen.add(slot.name)
        yield finding(
            trace,
            run,
            slot.place,
            slot.name,
            f"'{slot.name}' is random and a plain tensor: it is not in state_dict(), so a reloaded model computes "
            "something else",
            related(read, f"'{slot.name}' is read here"),
        )


def _is_plain(slot: Slot) -> bool:
    kinds = (Registration.PLAIN_TENSOR, Registration.UNKNOWN, Registration.OTHER)
    return slot.registration in kinds and not slot.members


def _is_replaced(trace: ClassTrace, name: str, tensor: TensorSummary) -> bool:
    """Whether a tensor has nothing to be read, no elements or memory that nothing writes, and a method puts another there."""
    if not tensor.is_empty and tensor.fill is not Fill.UNINITIALISED:
        return False
    return any(name in method.assigns for method in trace.methods if method.name != "__init__")


RULE = Rule(
    code="PRM101",
    slug="unregistered-tensor",
    severity=Severity.WARNING,
    enabled_by_default=True,
    summary="A tensor made at construction and read in forward is a plain attribute.",
    rationale="""\
`nn.Module` moves and saves parameters and buffers. A tensor that is assigned as it is, is neither: `.to(device)` leaves
it where it was made, `.half()` leaves its dtype, and `state_dict()` does not hold it. On the CPU nothing shows; on the
first GPU the operation that combines it with the input raises. A random one is worse: nothing raises, but a model that
is reloaded draws other numbers.""",
    bad="""\
import torch
from torch import nn


class Normalise(nn.Module):
    def __init__(self):
        super().__init__()
        self.mean = torch.tensor([0.485, 0.456, 0.406])

    def forward(self, image):
        return image - self.mean
""",
    good="""\
import torch
from torch import nn


class Normalise(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]), persistent=False)

    def forward(self, image):
        return image - self.mean
""",
    silent_when=(
        "no operation is found in which the tensor meets the input or the model",
        "every use converts it first (`.to(x.device)`, `.type_as(x)`, `.item()`)",
        "it has no dimensions and nothing is written into it, or it is only used as an index",
        "an `_apply` override, own or inherited, may move it, or another method of the class converts it",
        "its device is given by an argument of the constructor",
        "it has no elements, or memory that nothing writes, and a method puts another tensor in its place",
        "it is random, and a method that construction does not call puts something else in its place",
    ),
    check=check,
)

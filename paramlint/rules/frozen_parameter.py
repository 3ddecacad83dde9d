"""PRM202: a constant is kept as a Parameter that asks for no gradients."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import MethodReached
from paramlint.interpret.slots import Phase, Registration, Slot
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import constructed_slots, finding


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield Parameters that the class makes with ``requires_grad=False`` and that nothing in the project thaws."""
    seen: set[str] = set()
    for run, slot in constructed_slots(trace):
        if slot.name in seen or not _is_frozen(slot):
            continue
        seen.add(slot.name)
        if any(_may_learn(other) for path in trace.runs for other in path.slots if other.name == slot.name):
            continue
        if _is_filled_later(trace, slot.name) or trace.surroundings.is_thawed(slot.name):
            continue
        yield finding(
            trace,
            run,
            slot.place,
            slot.name,
            f"'{slot.name}' is a Parameter that is never trained: it is counted and decayed as one, and "
            "requires_grad_(True) on the model trains it after all",
        )


def _is_frozen(slot: Slot) -> bool:
    tensor = slot.tensor
    if tensor is None or slot.registration is not Registration.PARAMETER or tensor.is_empty:
        return False
    return tensor.requires_grad is False and slot.place.encloses(tensor.made)


def _is_filled_later(trace: ClassTrace, name: str) -> bool:
    """Whether the constructor's own scheme writes the values: what is made first keeps the place, as a checkpoint's
    key does."""
    schemes = {
        event.method
        for run in trace.runs
        for event in run.events
        if isinstance(event, MethodReached) and event.phase is Phase.CONSTRUCTOR and event.method != "__init__"
    }
    return any(name in method.initialises for method in trace.methods if method.name in schemes)


def _may_learn(slot: Slot) -> bool:
    """Whether the name holds, on some path, a parameter that may be trained."""
    tensor = slot.tensor
    return tensor is not None and slot.registration is Registration.PARAMETER and tensor.requires_grad is not False


RULE = Rule(
    code="PRM202",
    slug="frozen-parameter",
    severity=Severity.INFO,
    enabled_by_default=False,
    summary="A constant is an nn.Parameter with requires_grad=False.",
    rationale="""\
What is never learned is a buffer: it moves and is saved as a Parameter is, and it is not in `parameters()`. A frozen
Parameter is: `requires_grad_(True)` after a warm-up trains it, `torch.autograd.grad(loss, model.parameters())` raises,
and FSDP and DistributedDataParallel carry it along. A name that must stay in old checkpoints stays there as a buffer.""",
    bad="""\
import torch
from torch import nn


class Fourier(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.frequencies = nn.Parameter(torch.randn(width), requires_grad=False)

    def forward(self, x):
        return torch.cos(x * self.frequencies)
""",
    good="""\
import torch
from torch import nn


class Fourier(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.register_buffer("frequencies", torch.randn(width))

    def forward(self, x):
        return torch.cos(x * self.frequencies)
""",
    silent_when=(
        "whether it asks for gradients depends on an argument, or it does on another path",
        "something in the project sets `requires_grad` on an attribute of that name",
        "it has no elements, or it was made elsewhere",
        "a scheme that the constructor calls fills it: the Parameter keeps the place, and the checkpoint's key",
    ),
    check=check,
)

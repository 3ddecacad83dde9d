"""PRM112: a plain attribute aliases what is registered, or keeps what was computed from it."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import Clash
from paramlint.interpret.slots import Phase, Place, Registration, Slot, TensorSummary
from paramlint.interpret.trace import ClassTrace, Run
from paramlint.model.diagnostic import Related, Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import constructed_slots, events, finding, first_read, related


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield attributes that hold what is registered under another name, or what was computed from it, as it once was."""
    seen: set[str] = set()
    for run, slot, message, other in _aliases(trace):
        if slot.name not in seen:
            seen.add(slot.name)
            yield finding(trace, run, slot.place, slot.name, message, other)


def _aliases(trace: ClassTrace) -> Iterator[tuple[Run, Slot, str, tuple[Related, ...]]]:
    for run, slot in constructed_slots(trace):
        if slot.registration is not Registration.PLAIN_TENSOR or slot.tensor is None:
            continue
        if (twin := _buffer_of(run, slot.tensor)) is not None:
            message = (
                f"'{slot.name}' and the buffer '{twin.name}' are one tensor: loading a checkpoint changes both, and after "
                ".to() they are two"
            )
            yield run, slot, message, related(twin.place, f"the same tensor becomes the buffer '{twin.name}'")
        elif slot.tensor.is_derived and (read := _read(trace, run, slot)) is not None:
            message = (
                f"'{slot.name}' is computed from a parameter once, at construction: .to() and training change the "
                f"parameter, and '{slot.name}' stays what it was"
            )
            yield run, slot, message, related(read, f"'{slot.name}' is read here")
    for run, clash in events(trace, Clash):
        held = next((slot for slot in run.slots if slot.name == clash.home), None)
        if held is not None and held.registration is Registration.CONTAINER and clash.pinned.is_derived:
            message = (
                f"'{held.name}' is a {held.container} of what was registered at construction: .to() puts new tensors in "
                f"their place, and '{clash.operation}' then meets {clash.moving} on another device"
            )
            yield run, held, message, related(clash.place, f"here a tensor of '{held.name}' meets {clash.moving}")


def _buffer_of(run: Run, tensor: TensorSummary) -> Slot | None:
    """The buffer that is the same tensor."""
    return next(
        (
            other
            for other in run.slots
            if other.registration is Registration.BUFFER
            and other.tensor is not None
            and other.tensor.number == tensor.number
        ),
        None,
    )


def _read(trace: ClassTrace, run: Run, slot: Slot) -> Place | None:
    """Where forward reads what still hangs on the graph of construction, if nothing derives it anew."""
    tensor = slot.tensor
    is_old = tensor is not None and tensor.requires_grad is True and tensor.phase is Phase.CONSTRUCTOR
    if not is_old or not slot.is_certain or run.is_opaque or slot.name in run.rewritten:
        return None
    constructor = trace.constructor
    if any(slot.name in method.assigns and method.place != constructor for method in trace.methods):
        return None
    return first_read(run, slot.name)


RULE = Rule(
    code="PRM112",
    slug="stale-alias",
    severity=Severity.WARNING,
    enabled_by_default=False,
    summary="A plain attribute aliases what is registered under another name.",
    rationale="""\
`load_state_dict` copies into a buffer in place, so a plain attribute that is the same tensor changes with it. `.to()` puts
another tensor into the buffer's slot, and the attribute keeps the old one; a list of buffers keeps the old ones. A view of
a parameter, or what is computed from it, made once at construction and read in forward, misses `.to()` as well, and every
optimiser step.""",
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
    silent_when=(
        "the buffer is given a copy",
        "the attribute is deleted or derived anew at each use",
        "a list mirrors parameters, which stay the same objects",
    ),
    check=check,
)

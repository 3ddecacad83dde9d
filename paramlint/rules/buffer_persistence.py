"""PRM504: a buffer that forward makes anew is saved, or a state that forward keeps is not."""

from __future__ import annotations

import re
from collections.abc import Iterator

from paramlint.interpret.events import AttributeRead, StateWritten
from paramlint.interpret.slots import Registration, Slot
from paramlint.interpret.trace import ClassTrace, Run
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import constructed_slots, events, finding, related

# What by its name can be made again from what is at hand.
_RECOMPUTED = re.compile(r"cache|mask|grid|history|hidden", re.IGNORECASE)
_LOADERS = frozenset(
    {"_load_from_state_dict", "load_state_dict", "_save_to_state_dict", "state_dict", "get_extra_state"}
)


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield persistent buffers that start without elements and that forward fills with what depends on the input."""
    if not trace.is_complete or any(method.name in _LOADERS for method in trace.methods):
        return
    seen: set[str] = set()
    for run, slot in constructed_slots(trace):
        filled = _filled(run, slot.name)
        if slot.name in seen or filled is None or not _starts_empty(slot):
            continue
        seen.add(slot.name)
        consequence = "unexpected key" if slot.is_none else "size mismatch"
        yield finding(
            trace,
            run,
            slot.place,
            slot.name,
            f"'{slot.name}' is saved with the shape of the last input: load_state_dict() of a new model raises "
            f"({consequence}); register it with persistent=False",
            related(filled.place, "forward makes it anew here"),
        )
    yield from _state(trace)


def _state(trace: ClassTrace) -> Iterator[Finding]:
    """Plain tensors that forward writes in place and reads again: what it learnt so far is in no checkpoint."""
    for run, written in events(trace, StateWritten):
        slot = next((slot for slot in run.slots if slot.name == written.name), None)
        reads = {event.place for event in run.events if isinstance(event, AttributeRead) and event.name == written.name}
        if slot is None or _RECOMPUTED.search(written.name) or all(written.place.encloses(read) for read in reads):
            continue
        if not trace.surroundings.makes(slot.place) or any(method.name == "_apply" for method in trace.methods):
            continue  # a base registers it in its own way
        yield finding(
            trace,
            run,
            slot.place,
            written.name,
            f"forward writes to '{written.name}' and reads it again, but it is a plain tensor: no checkpoint holds what "
            "it has become, and .to() leaves it where it is",
            related(written.place, "it is written here"),
        )


def _starts_empty(slot: Slot) -> bool:
    if slot.registration is not Registration.BUFFER or not slot.is_persistent:
        return False
    return slot.is_none or (slot.tensor is not None and slot.tensor.is_empty)


def _filled(run: Run, name: str) -> Slot | None:
    """What forward leaves under a name, where that follows the input."""
    for slot in run.kept:
        if slot.name == name and slot.registration is Registration.BUFFER and slot.tensor is not None:
            if not slot.tensor.is_empty:
                return slot
    return None


RULE = Rule(
    code="PRM504",
    slug="buffer-persistence",
    severity=Severity.INFO,
    enabled_by_default=False,
    summary="A buffer that forward fills for each input is saved, or a state that it keeps is not.",
    rationale="""\
A buffer is saved as it is at that moment. One that starts empty (or as None) and takes the shape of the last batch in
forward is in the checkpoint with that shape; a new model has none of it yet, so that `load_state_dict()` raises.
`persistent=False` keeps it out.

The reverse is a state that lives on: a queue, a pointer into it, running statistics. Where forward writes to a plain
tensor in place and reads it again, training that resumes from a checkpoint begins with another state, and replicas of
DataParallel write to copies that are thrown away.""",
    bad="""\
import torch
from torch import nn


class Accumulate(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("charge", torch.zeros(0))

    def forward(self, x):
        if self.charge.shape != x.shape:
            self.charge = torch.zeros_like(x)
        self.charge = self.charge + x
        return self.charge
""",
    good="""\
import torch
from torch import nn


class Accumulate(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("charge", torch.zeros(0), persistent=False)

    def forward(self, x):
        if self.charge.shape != x.shape:
            self.charge = torch.zeros_like(x)
        self.charge = self.charge + x
        return self.charge
""",
    silent_when=(
        "the buffer has its shape from the start: running statistics and counters belong into checkpoints",
        "it is not persistent",
        "the plain tensor is rebound in every call, or is a cache or mask by its name",
        "the class takes part in saving or loading (`_load_from_state_dict`, `state_dict`)",
    ),
    check=check,
)

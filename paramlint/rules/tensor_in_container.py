"""PRM110: plain tensors in a list or dict stay behind when the model moves."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.slots import Registration
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import (
    clashes,
    constructed_slots,
    finding,
    first_read,
    in_objects,
    is_lost_on_reload,
    is_placeholder,
    related,
)


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield containers of which a tensor meets one that moves."""
    seen: set[str] = set()
    for run, clash in clashes(trace):
        slot = next((slot for slot in run.slots if slot.name == clash.home), None)
        if slot is None or slot.registration is not Registration.CONTAINER or slot.name in seen:
            continue
        if clash.pinned.lost is not None or clash.pinned.is_parameter or clash.pinned.is_derived or in_objects(slot):
            continue
        if slot.name not in run.rewritten and trace.surroundings.is_filled_by_method(slot.name):
            continue
        if trace.surroundings.is_filled_elsewhere(slot.name):
            continue  # who fills it by hand may do so where the model is
        seen.add(slot.name)
        yield finding(
            trace,
            run,
            slot.place,
            slot.name,
            f"'{slot.name}' is a {slot.container} of plain tensors: .to() leaves them where they were made, and "
            f"'{clash.operation}' then meets {clash.moving} on another device",
            related(clash.place, f"here a tensor of '{slot.name}' meets {clash.moving}"),
        )
    # Who else has the container may put in it what is read.
    shared = {slot.name for _, slot in constructed_slots(trace) if slot.is_shared}
    for run, slot in constructed_slots(trace):
        if slot.registration is not Registration.CONTAINER or slot.name in seen or slot.name in shared:
            continue
        read = first_read(run, slot.name)
        drawn = next(
            (
                member.tensor
                for member in slot.members
                if not member.inside and member.tensor is not None and is_lost_on_reload(run, slot, member.tensor)
            ),
            None,
        )
        if read is None or drawn is None or is_placeholder(trace, slot):
            continue
        seen.add(slot.name)
        yield finding(
            trace,
            run,
            slot.place,
            slot.name,
            f"'{slot.name}' is a {slot.container} of random plain tensors: they are not in state_dict(), so a reloaded "
            "model computes something else",
            related(read, f"'{slot.name}' is read here"),
        )


RULE = Rule(
    code="PRM110",
    slug="tensor-in-container",
    severity=Severity.WARNING,
    enabled_by_default=True,
    summary="A list or dict of plain tensors is read in forward.",
    rationale="""\
What PRM101 says of a tensor holds for a list or dict of them: Module neither moves nor saves what a container holds. Random
ones are lost on a reload, even where they are moved by hand.
Register each one (`register_buffer(f"table_{index}", table)`), or stack them into one buffer.""",
    bad="""\
import torch
from torch import nn


class Levels(nn.Module):
    def __init__(self):
        super().__init__()
        self.tables = [torch.arange(4.0), torch.arange(8.0)]

    def forward(self, x):
        return x + self.tables[0]
""",
    good="""\
import torch
from torch import nn


class Levels(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("table_0", torch.arange(4.0), persistent=False)

    def forward(self, x):
        return x + self.table_0
""",
    silent_when=(
        "as for PRM101",
        "the container is read as configuration (`.item()`, `.tolist()`, an index)",
        "another method than the constructor fills the container, or other code puts elements in their places",
        "random tensors are placeholders in a container that a part of the model keeps too",
    ),
    check=check,
)

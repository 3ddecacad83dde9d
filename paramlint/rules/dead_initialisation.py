"""PRM310: two learned factors of a product both start at zero."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import AttributeRead, DeadProduct
from paramlint.interpret.slots import Place, Slot
from paramlint.interpret.trace import ClassTrace, Run
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import events, finding, related
from paramlint.rules.writers import has_other_writer


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield products of which neither factor can get a gradient, at the one that is bound last."""
    seen: set[frozenset[str]] = set()
    for run, event in events(trace, DeadProduct):
        names = frozenset((event.first, event.second))
        if names in seen or run.is_opaque or not run.is_complete:
            continue
        seen.add(names)
        slots = [slot for slot in run.slots if slot.name in names and slot.is_certain]
        if len(slots) < len(names) or any(len(_reads(run, name)) > 1 for name in names):
            continue
        if any(_may_be_written(trace, slot) for slot in slots):
            continue
        last = max(slots, key=lambda slot: slot.place)
        other = next((slot.name for slot in slots if slot is not last), last.name)
        yield finding(
            trace,
            run,
            last.place,
            last.name,
            f"'{last.name}' and '{other}' both start at zero and are multiplied: the gradient of each is a multiple of the "
            "other, so both stay at zero",
            related(event.place, "here they meet"),
        )


def _reads(run: Run, name: str) -> set[Place]:
    return {event.place for event in run.events if isinstance(event, AttributeRead) and event.name == name}


def _may_be_written(trace: ClassTrace, slot: Slot) -> bool:
    """Whether something other than the constructor may give a factor its values."""
    if slot.tensor is not None:
        return has_other_writer(trace, slot.name, slot.tensor.rank)
    return any(has_other_writer(trace, name, None) for name in ("weight", slot.name))


RULE = Rule(
    code="PRM310",
    slug="dead-initialisation",
    severity=Severity.WARNING,
    enabled_by_default=False,
    summary="Both factors of a product start at zero, so that neither is ever trained.",
    rationale="""\
The gradient of a factor is a multiple of the other factor. Where both start at zero, both gradients are exactly zero at
each step: the branch adds nothing, trains nothing, and nothing raises. One factor at zero is the usual way to begin with
an identity (LoRA, a residual gate); the other needs values.""",
    bad="""\
import torch
from torch import nn


class LowRank(nn.Module):
    def __init__(self, width, rank):
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.down = nn.Parameter(torch.zeros(width, rank))
        self.up = nn.Parameter(torch.zeros(rank, width))

    def forward(self, x):
        return self.linear(x) + x @ self.down @ self.up
""",
    good="""\
import torch
from torch import nn


class LowRank(nn.Module):
    def __init__(self, width, rank):
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.down = nn.Parameter(torch.randn(width, rank) / width**0.5)
        self.up = nn.Parameter(torch.zeros(rank, width))

    def forward(self, x):
        return self.linear(x) + x @ self.down @ self.up
""",
    silent_when=(
        "one of the factors has other values, is frozen, or may be initialised by another method or the owner",
        "a factor, or what is computed from it, is read by something else too, which gives it a gradient",
        "a bias that is not zero is added between the two",
    ),
    check=check,
)

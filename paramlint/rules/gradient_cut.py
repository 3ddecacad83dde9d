"""PRM204: a parameter whose every read leaves its gradient behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from paramlint.interpret.events import MethodReached
from paramlint.interpret.gradients import Use, UseKind
from paramlint.interpret.slots import Phase, Place, Registration, Slot
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import constructed_slots, finding, related

_PREPARES = re.compile(r"^_?_?(init|reset)|initiali[sz]e", re.IGNORECASE)


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield what asks for gradients and is read by forward, but nowhere so that a gradient could flow."""
    if not trace.is_complete or not trace.surroundings.runs_its_own_code:
        return
    called = {
        event.method
        for run in trace.runs
        for event in run.events
        if isinstance(event, MethodReached) and event.phase is Phase.FORWARD
    }
    seen: set[str] = set()
    for run, slot in constructed_slots(trace):
        if slot.name in seen or slot.is_shared or run.is_opaque or not _is_learned(slot):
            continue
        seen.add(slot.name)
        found = _only_cuts(trace.surroundings.uses(slot.name), slot, called)
        if found is None or trace.surroundings.is_read_by_computed_name(slot.name):
            continue
        is_part = slot.registration is not Registration.PARAMETER
        if trace.surroundings.is_read_outside(slot.name, with_gradient=True, is_part=is_part):
            continue
        path, cut = found
        yield finding(
            trace,
            run,
            slot.place,
            slot.name,
            f"'{cut.name}' is only read without its gradient (.data, .detach(), .item(), no_grad): it asks for gradients "
            "and never gets one",
            related(Place(path.as_posix(), cut.span), "its gradient is cut here"),
        )


def _is_learned(slot: Slot) -> bool:
    if slot.registration is Registration.PARAMETER and slot.tensor is not None:
        return slot.tensor.requires_grad is True and not slot.tensor.is_empty
    return slot.registration is Registration.SUBMODULE and slot.module is not None and slot.module.is_learned


def _only_cuts(uses: tuple[tuple[str, Path, Use], ...], slot: Slot, called: set[str]) -> tuple[Path, Use] | None:
    """A use that forward comes to and that cuts the gradient, where no use reads the value with it.

    None where a method writes the value as it runs: averages and statistics are kept so.
    """
    cuts: list[tuple[Path, Use]] = []
    for method, path, use in uses:
        prepares = _PREPARES.search(method) is not None
        if use.kind is UseKind.READ or (use.kind is UseKind.WRITE and not prepares):
            return None
        is_whole = slot.registration is Registration.PARAMETER or use.name == f"{slot.name}.weight"
        if use.kind is UseKind.CUT and method in called and is_whole:
            cuts.append((path, use))
    return min(cuts, key=lambda found: found[1].span, default=None)


RULE = Rule(
    code="PRM204",
    slug="gradient-cut",
    severity=Severity.WARNING,
    enabled_by_default=False,
    summary="A parameter is only read through `.data`, `.detach()`, `.item()` or under `no_grad`.",
    rationale="""\
A gradient reaches a parameter through the operations that read it. `.data`, `.detach()`, `.item()`, `float()`,
`torch.tensor()` and `no_grad` take the value and leave the graph behind: the parameter is in the optimiser and in every
checkpoint, and keeps its first value for ever. What is not meant to learn belongs in a buffer.""",
    bad="""\
import torch
from torch import nn


class Scaled(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.scale = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return self.linear(x) * self.scale.data
""",
    good="""\
import torch
from torch import nn


class Scaled(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.scale = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return self.linear(x) * self.scale
""",
    silent_when=(
        "some method of the class, a subclass or other code that may hold an instance reads it with its gradient",
        "a method other than an initialiser writes it: averages of other weights, a quantiser's statistics",
        "all of forward runs without gradients: the module is there for inference",
    ),
    check=check,
)

"""PRM103: an operation behind nn.Parameter(...) leaves an ordinary tensor."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import LostParameter
from paramlint.interpret.slots import Phase, Registration
from paramlint.interpret.trace import ClassTrace, Run
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import constructed_slots, events, finding, related, slot_around


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield attributes that hold what is left of a Parameter after an operation, and in-place calls that raise."""
    seen: set[str] = set()
    for run, slot in constructed_slots(trace):
        tensor = slot.tensor
        if tensor is None or tensor.lost is None or slot.name in seen or tensor.is_parameter:
            continue
        if slot.registration is not Registration.PLAIN_TENSOR or tensor.phase is not Phase.CONSTRUCTOR:
            continue
        lost = tensor.lost
        if tensor.requires_grad is False and (not lost.is_frozen or lost.operation == "detach"):
            continue  # cut off on purpose
        seen.add(slot.name)
        yield finding(
            trace,
            run,
            slot.place,
            slot.name,
            f"'{lost.operation}' after nn.Parameter() makes '{slot.name}' an ordinary tensor: it is not in parameters(), "
            "so it is neither trained nor saved",
            related(lost.place, f"'{lost.operation}' returns a tensor that is no Parameter"),
        )
    for run, event in events(trace, LostParameter):
        if event.phase is Phase.FORWARD and _is_asked_for(run):
            continue
        yield finding(
            trace,
            run,
            event.place,
            slot_around(run, event.place),
            f"'{event.operation}' writes in place to a Parameter that asks for gradients: torch raises RuntimeError",
        )


def _is_asked_for(run: Run) -> bool:
    """Whether forward does by an argument of its own what it does not by default: who gives it may keep no graph."""
    return not run.is_default and any("forward(" in decision.condition for decision in run.decisions)


RULE = Rule(
    code="PRM103",
    slug="detached-parameter",
    severity=Severity.ERROR,
    enabled_by_default=True,
    summary="An operation after nn.Parameter(...) leaves a tensor that is no Parameter.",
    rationale="""\
Every operation on a Parameter returns an ordinary tensor with a history, no leaf and no Parameter. `nn.Module` does not
register it. `.to(device)` is treacherous: where nothing changes (a CPU-only machine) it returns the Parameter itself, so
the loss shows only on a GPU. In-place operations on a leaf that asks for gradients raise.""",
    bad="""\
import torch
from torch import nn


class Gate(nn.Module):
    def __init__(self, width, device):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width)).to(device)

    def forward(self, x):
        return x * self.weight
""",
    good="""\
import torch
from torch import nn


class Gate(nn.Module):
    def __init__(self, width, device):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width, device=device))

    def forward(self, x):
        return x * self.weight
""",
    silent_when=(
        "the operation is inside the call",
        "it is `requires_grad_()` or a function of `nn.init` that returns the Parameter",
        "the Parameter itself is registered under another name",
        "only an option of forward reaches the write in place: who sets it may do so without gradients",
    ),
    check=check,
)

"""PRM505: forward keeps a tensor that is attached to the graph on self."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.slots import Phase, Registration, Slot, TensorSummary
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import finding


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield attributes that hold, after forward, a tensor computed from parameters, or a container of some."""
    seen: set[str] = set()
    for run in trace.runs:
        for slot in run.kept:
            kept = _kept(slot)
            if slot.name in seen or not kept:
                continue
            seen.add(slot.name)
            yield finding(
                trace,
                run,
                slot.place,
                slot.name,
                f"'{slot.name}' keeps {kept}: after a forward, deepcopy and pickle raise, and its memory stays",
            )


def _kept(slot: Slot) -> str:
    """What with a graph an attribute holds, in words; empty where there is nothing."""
    if slot.registration is Registration.PLAIN_TENSOR and slot.tensor is not None and _has_graph(slot.tensor):
        return "a tensor with its graph"
    inside = [member.tensor for member in slot.members if member.tensor is not None]
    if slot.is_certain and any(map(_has_graph, inside)):
        return f"a {slot.container} of tensors with their graphs" if slot.container else "tensors with their graphs"
    return ""


def _has_graph(tensor: TensorSummary) -> bool:
    is_new = tensor.phase is Phase.FORWARD and not tensor.is_registered
    return is_new and tensor.requires_grad is True and not tensor.is_leaf


RULE = Rule(
    code="PRM505",
    slug="graph-tensor-attribute",
    severity=Severity.WARNING,
    enabled_by_default=False,
    summary="Forward keeps a tensor that is attached to the graph on the module.",
    rationale="""\
Only leaves can be deep-copied. A module that keeps an intermediate result breaks `copy.deepcopy` (EMA, SWA, sklearn's
clone) and pickling after its first forward, and holds the whole graph's memory. `.detach()` what is kept.""",
    bad="""\
import torch
from torch import nn


class Attend(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.query = nn.Linear(width, 1)

    def forward(self, x):
        self.scores = torch.softmax(self.query(x), dim=1)
        return (x * self.scores).sum(1)
""",
    good="""\
import torch
from torch import nn


class Attend(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.query = nn.Linear(width, 1)

    def forward(self, x):
        scores = torch.softmax(self.query(x), dim=1)
        self.scores = scores.detach()
        return (x * scores).sum(1)
""",
    silent_when=("the tensor is detached, or made under `no_grad`", "forward replaces it by None before it returns"),
    check=check,
)

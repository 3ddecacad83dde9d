"""PRM309: an initialisation that changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import DroppedResult, LocalRebinding, LostWrite
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import events, finding


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield values that construction computes for a parameter and drops."""
    for run, dropped in events(trace, DroppedResult):
        if dropped.in_initialiser and dropped.attribute is not None:
            message = (
                f"the result of '{dropped.operation}' is dropped: it makes a new tensor and leaves '{dropped.attribute}' "
                "as it was"
            )
            yield finding(trace, run, dropped.place, dropped.attribute, message)
    for run, bound in events(trace, LocalRebinding):
        message = f"the loop variable '{bound.name}' is bound to a new tensor: the parameter it stood for is unchanged"
        yield finding(trace, run, bound.place, bound.name, message)
    for run, lost in events(trace, LostWrite):
        if lost.copied_by is None:
            target = "a weight that torch computes anew from its parametrisation"
        else:
            target = f"the copy that '{lost.copied_by}' makes"
        message = f"'{lost.operation}' writes to {target}: the write is lost"
        yield finding(trace, run, lost.place, lost.attribute, message)


RULE = Rule(
    code="PRM309",
    slug="init-without-effect",
    severity=Severity.ERROR,
    enabled_by_default=True,
    summary="An initialisation computes a value and drops it.",
    rationale="""\
Only functions with a trailing underscore write in place. `torch.full(weight.shape, 0.1)` makes a new tensor; as a bare
statement its result is lost and the parameter keeps what it held, which after `torch.empty` is whatever lay in memory.
Binding a loop's variable changes no parameter either, and a weight under `weight_norm` is computed anew in each call.""",
    bad="""\
import torch
from torch import nn


class Gate(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gate = nn.Parameter(torch.zeros(width))
        torch.full(self.gate.size(), 0.5)

    def forward(self, x):
        return x * self.gate
""",
    good="""\
import torch
from torch import nn


class Gate(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gate = nn.Parameter(torch.zeros(width))
        nn.init.constant_(self.gate, 0.5)

    def forward(self, x):
        return x * self.gate
""",
    silent_when=(
        "the call writes in place, whatever its name (`nn.init.normal` still does)",
        "the statement is not reached by construction",
    ),
    check=check,
)

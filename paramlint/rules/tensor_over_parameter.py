"""PRM107: a tensor is bound to the name of a registered parameter."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import Rebinding
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import events, finding, related


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield bindings that ``Module.__setattr__`` or ``register_parameter`` refuses."""
    for run, event in events(trace, Rebinding):
        if event.by_registration_call:
            message = f"register_parameter() is given a tensor for '{event.attribute}': torch raises TypeError"
        else:
            message = f"'{event.attribute}' is a parameter and is bound to a tensor: torch raises TypeError"
        where = event.registered_at
        yield finding(
            trace,
            run,
            event.place,
            event.attribute,
            message,
            () if where is None else related(where, f"'{event.attribute}' is registered here"),
        )


RULE = Rule(
    code="PRM107",
    slug="tensor-over-parameter",
    severity=Severity.ERROR,
    enabled_by_default=True,
    summary="An attribute that is a parameter is bound to a tensor.",
    rationale="""\
Once a name is a registered parameter, `Module.__setattr__` takes only a Parameter or None for it; anything else raises
`TypeError: cannot assign ... as parameter`. `register_parameter` is as strict. In forward the error may come on one path
only, long after construction.""",
    bad="""\
import torch
from torch import nn


class Attend(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.mix = nn.Parameter(torch.ones(layers))

    def forward(self, states):
        self.mix = torch.softmax(self.mix, dim=0)
        return (states * self.mix).sum(-1)
""",
    good="""\
import torch
from torch import nn


class Attend(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.mix = nn.Parameter(torch.ones(layers))

    def forward(self, states):
        mix = torch.softmax(self.mix, dim=0)
        return (states * mix).sum(-1)
""",
    silent_when=(
        "a Parameter (tying) or None is bound",
        "the name is a buffer",
        "the name was deleted or the class edits `_parameters` itself",
    ),
    check=check,
)

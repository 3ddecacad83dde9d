"""PRM308: an initialisation is applied to something that is no parameter."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import InitialisedModule, Marked
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import events, finding


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield initialisers that are given a module, and walks that initialise something else than they come to."""
    for method in trace.methods:
        if method.is_own and method.has_wrong_subject:
            yield Finding(
                method.place.path,
                method.place.span,
                trace.class_name,
                method.name,
                f"'{method.name}' goes over modules but tests and initialises self: no layer below is initialised",
            )
    for run, mark in events(trace, Marked):
        if not trace.surroundings.is_mark_read(mark.name, mark.kinds):
            yield finding(
                trace,
                run,
                mark.place,
                mark.attribute,
                f"'{mark.name}' is set on '{mark.attribute}', and what reads it asks only layers of other classes: it has "
                "no effect",
            )
    for run, event in events(trace, InitialisedModule):
        yield finding(
            trace,
            run,
            event.place,
            event.attribute,
            f"'{event.operation}' is given a module and takes a tensor: torch raises",
        )


RULE = Rule(
    code="PRM308",
    slug="init-wrong-target",
    severity=Severity.WARNING,
    enabled_by_default=True,
    summary="An initialisation is applied to a module instead of its tensor.",
    rationale="""\
The functions of `nn.init` take a tensor. `nn.init.zeros_(self.out)` on a layer raises AttributeError; what was meant is
`self.out.weight` or `self.out.bias`.""",
    bad="""\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(2, 2)
        nn.init.zeros_(self.out)

    def forward(self, x):
        return self.out(x)
""",
    good="""\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(2, 2)
        nn.init.zeros_(self.out.bias)

    def forward(self, x):
        return self.out(x)
""",
    silent_when=("what the call is given is not known",),
    check=check,
)

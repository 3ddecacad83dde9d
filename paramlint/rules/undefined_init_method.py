"""PRM404: the constructor calls a method that nothing defines."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import UndefinedMethod
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import events, finding


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield calls on self, reached by construction, of names that no class of the hierarchy has."""
    if trace.is_abstract:
        return
    for run, event in events(trace, UndefinedMethod):
        if not event.in_constructor or trace.surroundings.has_subclass_with(event.method):
            continue
        is_bound = any(slot.name == event.method for slot in run.slots)
        if event.may_be_bound and not is_bound:
            continue  # another path binds it
        yield finding(
            trace,
            run,
            event.place,
            event.method,
            f"no class in the hierarchy of '{trace.class_name}' defines '{event.method}': building it raises "
            "AttributeError",
        )


RULE = Rule(
    code="PRM404",
    slug="undefined-init-method",
    severity=Severity.ERROR,
    enabled_by_default=True,
    summary="The constructor calls a method that no class in the hierarchy defines.",
    rationale="""\
A constructor that ends in `self.init_weights()` needs that method. Where it was left out (a listing in an article, a base
class that was renamed), building the model raises AttributeError.""",
    bad="""\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.init_weights()

    def forward(self, x):
        return self.layer(x)
""",
    good="""\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.init_weights()

    def init_weights(self):
        nn.init.zeros_(self.layer.bias)

    def forward(self, x):
        return self.layer(x)
""",
    silent_when=(
        "a base is not known, a class of the hierarchy has `__getattr__`, or a decorator of the source gives it members",
        "a subclass in the project defines or binds the name (the class is a base for others), or another path does",
        "the call is guarded by `hasattr` or `try`",
    ),
    check=check,
)

"""PRM401: no base constructor is run."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import AssignedBeforeInit, BaseConstructorRan, MethodReached
from paramlint.interpret.trace import ClassTrace, Run
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield classes on whose instances ``Module.__init__`` never runs."""
    if not trace.is_complete or trace.constructor is None or not trace.runs:
        return
    if any(isinstance(event, BaseConstructorRan) for run in trace.runs for event in run.events):
        return
    unseen = [run for run in trace.runs if not run.is_complete or run.is_opaque]
    if unseen and not (all(map(_ends_early, unseen)) and not trace.surroundings.names_base_constructor()):
        if trace.surroundings.may_run_base_constructor():
            return
    if _is_mock(trace):
        return
    if trace.surroundings.may_be_completed():
        return  # a part of classes with several bases; a subclass that does no better is reported itself
    reached = [
        event for event in trace.runs[0].events if isinstance(event, MethodReached) and event.method == "__init__"
    ]
    if (len(reached) > 1 or not trace.constructor_is_own) and trace.surroundings.has_such_a_base():
        return
    place = trace.constructor if trace.constructor_is_own else trace.place
    yield Finding(
        place.path,
        place.span,
        trace.class_name,
        None,
        f"'{trace.class_name}' never runs Module.__init__(): the first parameter or module that is assigned raises "
        "AttributeError, and so do .to() and state_dict()",
    )


def _is_mock(trace: ClassTrace) -> bool:
    """Whether a class has nothing but a constructor that takes anything and does nothing: it stands in for its base."""
    own = [method for method in trace.methods if method.is_own]
    return [method.name for method in own] == ["__init__"] and own[0].is_idle


def _ends_early(run: Run) -> bool:
    """Whether torch raises in the constructor before anything that was not followed."""
    return any(isinstance(event, AssignedBeforeInit) and event.is_certain for event in run.events)


RULE = Rule(
    code="PRM401",
    slug="missing-super-init",
    severity=Severity.ERROR,
    enabled_by_default=True,
    summary="The constructor of a Module never runs a base constructor.",
    rationale="""\
`Module.__init__` makes the dictionaries in which parameters, buffers and submodules are kept. Without it the first
assignment of one raises `AttributeError: cannot assign module before Module.__init__() call`; a class that assigns none
fails later, in `.to()`, `state_dict()` or the call.""",
    bad="""\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(2, 2)

    def forward(self, x):
        return self.layer(x)
""",
    good="""\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x):
        return self.layer(x)
""",
    silent_when=(
        "a base is called explicitly (`Base.__init__(self)`) or through a mixin",
        "a base or a metaclass is not known, or a metaclass runs it (fastai)",
        "a subclass in the project has a constructor of its own, which may run another base's: it is asked itself",
        "the class has nothing but a constructor that takes anything and does nothing: it stands in for its base",
    ),
    check=check,
)

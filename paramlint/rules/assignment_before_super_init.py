"""PRM402: something is registered before the base constructor runs."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import AskedBeforeInit, AssignedBeforeInit, BaseConstructorRan
from paramlint.interpret.trace import ClassTrace, Run
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import finding, related


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield what comes too early in front of ``Module.__init__``, where that comes at all."""
    for run in trace.runs:
        early = next((item for item in run.events if isinstance(item, (AssignedBeforeInit, AskedBeforeInit))), None)
        ran = next((event for event in run.events if isinstance(event, BaseConstructorRan)), None)
        if early is None or not trace.is_complete:
            continue
        if ran is None and not _comes_too_late(trace, run, early):
            continue
        attribute = early.attribute if isinstance(early, AssignedBeforeInit) else None
        yield finding(
            trace,
            run,
            early.place,
            attribute,
            f"{_described(early)} before super().__init__(): torch raises AttributeError",
            () if ran is None else related(ran.place, "the base constructor runs only here"),
        )
        return


def _comes_too_late(trace: ClassTrace, run: Run, early: AssignedBeforeInit | AskedBeforeInit) -> bool:
    """Whether a base's constructor, which was not come to, stands behind an assignment that surely raises."""
    if run.is_complete or not isinstance(early, AssignedBeforeInit) or not early.is_certain:
        return False
    return trace.constructor_is_own and trace.surroundings.names_base_constructor()


def _described(early: AssignedBeforeInit | AskedBeforeInit) -> str:
    if isinstance(early, AskedBeforeInit):
        return f"'{early.method}()' asks for what is registered and is called"
    return f"'{early.attribute}' is a {early.kind.value} and is assigned"


RULE = Rule(
    code="PRM402",
    slug="assignment-before-super-init",
    severity=Severity.ERROR,
    enabled_by_default=True,
    summary="A parameter, buffer or module is assigned, or asked for, before super().__init__().",
    rationale="""\
Until `Module.__init__` has run there is nowhere to register: assigning a Parameter or Module raises `AttributeError:
cannot assign module before Module.__init__() call`, and so does a walk over `modules()` or `parameters()`, for want of
the dictionaries. Plain values may be set earlier.""",
    bad="""\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(2, 2)
        super().__init__()

    def forward(self, x):
        return self.layer(x)
""",
    good="""\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        self.width = 2
        super().__init__()
        self.layer = nn.Linear(self.width, 2)

    def forward(self, x):
        return self.layer(x)
""",
    silent_when=("only plain values are assigned", "a base or metaclass is not known"),
    check=check,
)

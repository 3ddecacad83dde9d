"""PRM303: an initialisation scheme that nothing runs."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.trace import ClassTrace, MethodFacts, MethodReached, SchemeRan
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield private methods that initialise and that neither the class nor anything in the project calls."""
    if not trace.runs or not all(run.is_complete for run in trace.runs):
        return
    reached = {
        event.method for run in trace.runs for event in run.events if isinstance(event, (MethodReached, SchemeRan))
    }
    for method in trace.methods:
        if not method.is_own or method.name in reached or not _is_scheme(method):
            continue
        if trace.surroundings.is_called(method.name):
            continue
        yield Finding(
            method.place.path,
            method.place.span,
            trace.class_name,
            method.name,
            f"nothing calls '{method.name}': the layers keep their default initialisation",
        )


def _is_scheme(method: MethodFacts) -> bool:
    """A private method whose name and body say that it initialises."""
    private = method.name.startswith("_") and not method.name.startswith("__")
    return private and bool(method.initialises) and ("init" in method.name or "reset" in method.name)


RULE = Rule(
    code="PRM303",
    slug="init-never-called",
    severity=Severity.WARNING,
    enabled_by_default=True,
    summary="A class has an initialisation scheme that nothing runs.",
    rationale="""\
A method such as `_initialize_weights` does nothing by itself: somebody must call it. Without a call each layer keeps
torch's default, silently, and the model trains from another start than its author meant.""",
    bad="""\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def _initialize_weights(self):
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x):
        return self.conv(x)
""",
    good="""\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self._initialize_weights()

    def _initialize_weights(self):
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x):
        return self.conv(x)
""",
    silent_when=(
        "the method is public: users may call it",
        "the class, a related class or any object's user in the project calls it or spells its name",
        "a framework calls it (`_init_weights` in transformers)",
    ),
    check=check,
)

"""PRM306: an initialisation of a bias that is None."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import UsedNone
from paramlint.interpret.slots import Place
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import finding


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield initialising statements that construction reaches with None in a parameter's place."""
    seen: set[Place] = set()
    for run in trace.runs:
        if trace.constructor is None and not run.is_default:
            continue  # a switch of torch's constructor, which nobody has to have in mind
        # Construction ends there: no later statement of the path is reached.
        event = next((event for event in run.events if isinstance(event, UsedNone) and _initialises(event)), None)
        if event is None or event.place in seen:
            continue
        seen.add(event.place)
        if event.operation in ("weight", "bias"):
            message = f"'{event.operation}' is read from None, so construction raises"
        else:
            message = f"'{event.operation}' is reached with None: a layer built with bias=False has no bias, so construction raises"
        yield finding(trace, run, event.place, None, message)


def _initialises(event: UsedNone) -> bool:
    is_in_place = event.operation.endswith("_") and not event.operation.endswith("__")
    return is_in_place or event.operation in ("data", "weight", "bias")


RULE = Rule(
    code="PRM306",
    slug="init-on-none",
    severity=Severity.ERROR,
    enabled_by_default=True,
    summary="An initialisation is applied to a bias that is None.",
    rationale="""\
`nn.Conv2d(..., bias=False)` has an attribute `bias`, and it is None. `hasattr(module, "bias")` is therefore no guard;
`module.bias is not None` is.""",
    bad="""\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, bias=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.zeros_(module.bias)

    def forward(self, x):
        return self.conv(x)
""",
    good="""\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, bias=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, x):
        return self.conv(x)
""",
    silent_when=(
        "a condition asks for None first",
        "whether the layer has a bias cannot be told",
        "the class has no constructor of its own, and a switch of the one that it inherits from torch leaves the bias out",
    ),
    check=check,
)

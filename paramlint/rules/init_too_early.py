"""PRM304: an initialisation scheme runs before the layers it is meant for exist."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import EarlyRead, LayerLeft, SchemeRan
from paramlint.interpret.slots import Phase
from paramlint.interpret.trace import ClassTrace, Run
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import events, finding, is_named, is_restored, related


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield schemes that run while layers of the kinds they name, or attributes they read, are still to come."""
    for run, event in events(trace, SchemeRan):
        later = [other for other in run.events if isinstance(other, SchemeRan) and other.method == event.method]
        if not run.is_complete or later[-1] is not event:
            continue
        missed = next((left for left in run.left if left.number not in event.reached and _is_meant(left, event)), None)
        if missed is None or trace.surroundings.is_applied_by_owners(event.method):
            continue
        yield finding(
            trace,
            run,
            event.place,
            event.method or missed.attribute,
            f"the scheme runs before '{missed.attribute}' exists: its {missed.class_name} keeps the default initialisation",
            related(missed.made, f"'{missed.attribute}' is made here, too late"),
        )
    for run, read in events(trace, EarlyRead):
        if _is_beyond_options(trace, run, read):
            continue
        slot = next((slot for slot in run.slots if slot.name == read.name and slot.is_certain), None)
        if slot is None or slot.phase is not Phase.CONSTRUCTOR or not run.is_complete:
            continue
        is_direct = read.method == "__init__"
        early = f"'{read.name}' is read before it" if is_direct else f"'{read.method}' runs before '{read.name}'"
        yield finding(
            trace,
            run,
            read.place,
            read.name if is_direct else read.method,
            f"{early} exists: building the model raises AttributeError",
            related(slot.place, f"'{read.name}' is set here, too late"),
        )


def _is_beyond_options(trace: ClassTrace, run: Run, read: EarlyRead) -> bool:
    """Whether a path exists only because an option has none of several values that the source compares it with.

    With one of them, and all else alike, the name is there in time: the error is what refuses any other value.
    """
    if run.is_default:
        return False
    for option, equals in _options(run).items():
        if any(equals.values()) or len(equals) < 2:
            continue
        for other in trace.runs:
            matched = any(_options(other).get(option, {}).values())
            is_early = any(isinstance(event, EarlyRead) and event.place == read.place for event in other.events)
            if matched and not is_early and _agree(run, other, option):
                return True
    return False


def _options(run: Run) -> dict[str, dict[str, bool]]:
    """What the path asked of each value that the source compares with constants: whether it equals each of them."""
    options: dict[str, dict[str, bool]] = {}
    for decision in run.decisions:
        option, sign, constant = decision.condition.partition(" == ")
        if sign:
            options.setdefault(option, {})[constant] = decision.outcome
    return options


def _agree(run: Run, other: Run, option: str) -> bool:
    """Whether two paths go the same way at all conditions that both ask, but for what they compare an option with."""
    outcomes = {decision.condition: decision.outcome for decision in other.decisions}
    return all(
        outcomes.get(decision.condition, decision.outcome) is decision.outcome
        or decision.condition.startswith(f"{option} == ")
        for decision in run.decisions
    )


def _is_meant(left: LayerLeft, event: SchemeRan) -> bool:
    """Whether a scheme is for a layer: it names its kind, or was to go over every parameter and met none at all."""
    return not is_restored(left, event) and (is_named(left, event) or event.is_vain)


RULE = Rule(
    code="PRM304",
    slug="init-too-early",
    severity=Severity.WARNING,
    enabled_by_default=True,
    summary="An initialisation scheme runs before the layers it names exist.",
    rationale="""\
`self.apply(...)` and a loop over `self.modules()` reach the layers that exist at that moment. A layer that the
constructor makes afterwards keeps torch's default, though the scheme names its type.""",
    bad="""\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 8)
        self.apply(self._init)
        self.head = nn.Linear(8, 2)

    def _init(self, module):
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.02)

    def forward(self, x):
        return self.head(self.body(x))
""",
    good="""\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 8)
        self.head = nn.Linear(8, 2)
        self.apply(self._init)

    def _init(self, module):
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.02)

    def forward(self, x):
        return self.head(self.body(x))
""",
    silent_when=(
        "the scheme runs again later in the constructor, or in those of all classes that make an instance",
        "what comes later is of no type that the scheme names, or holds no parameters",
        "for a normalisation layer the scheme writes ones and zeros, with which torch's begin",
        "the scheme goes over a part of the model alone (`self.trunk.modules()`)",
        "what is read is missing only where an option has none of the values that the constructor compares it with",
    ),
    check=check,
)

"""PRM405: forward reads an attribute that nothing assigns."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import MethodReached, UnassignedRead
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import events, finding, related


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield the reads in forward of names that no path of construction binds and nothing in the project sets."""
    if not trace.is_complete or trace.is_abstract or trace.constructor is None:
        return
    constructors = [event.method for run in trace.runs for event in run.events if isinstance(event, MethodReached)]
    passes_bases_by = trace.constructor_is_own and constructors.count("__init__") == len(trace.runs)
    bound = {slot.name for run in trace.runs for slot in run.slots}
    seen: set[str] = set()
    for run, read in events(trace, UnassignedRead):
        if read.name in seen or read.name in bound or not run.is_complete:
            continue
        seen.add(read.name)
        if trace.surroundings.may_set(read.name, passes_bases_by):
            continue
        yield finding(
            trace,
            run,
            read.place,
            read.name,
            f"nothing assigns '{read.name}': forward raises AttributeError here",
            related(trace.constructor, "the constructor leaves it unset"),
        )


RULE = Rule(
    code="PRM405",
    slug="unassigned-attribute",
    severity=Severity.INFO,
    enabled_by_default=False,
    summary="Forward reads an attribute that nothing assigns.",
    rationale="""\
A layer that was renamed, or dropped from the constructor, is still called in forward: the model builds, loads and moves,
and the first call raises AttributeError. Where only one configuration comes to the line, tests pass it by.""",
    bad="""\
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.linear = nn.Linear(width, width)

    def forward(self, x):
        return x + self.project(self.linear(self.norm(x)))
""",
    good="""\
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.linear = nn.Linear(width, width)
        self.project = nn.Linear(width, width)

    def forward(self, x):
        return x + self.project(self.linear(self.norm(x)))
""",
    silent_when=(
        "a base of the class is not known, or it has its own `__getattr__`",
        "some other path, method, class or file sets an attribute of that name, or spells the name",
        "the read stands below a test for the attribute or in a `try`",
    ),
    check=check,
)

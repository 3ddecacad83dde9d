"""PRM403: a second base constructor wipes what was registered."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from paramlint.interpret.events import BaseConstructorRan
from paramlint.interpret.trace import ClassTrace, Run
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import finding


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield runs of ``Module.__init__`` on an instance that holds registered names already."""
    second = (
        (run, event)
        for run in trace.runs
        for event in run.events
        if isinstance(event, BaseConstructorRan) and _lost(run, event) and not run.hides
    )
    for run, event in islice(second, 1):
        names = ", ".join(f"'{name}'" for name in _lost(run, event)[:3])
        place = event.place if event.place.path == trace.place.path else trace.place
        yield finding(
            trace,
            run,
            place,
            _lost(run, event)[0],
            f"Module.__init__() runs a second time and forgets what was registered: {names}",
        )


def _lost(run: Run, event: BaseConstructorRan) -> list[str]:
    """The names that were registered, and are not when construction ends."""
    held = {slot.name for slot in run.slots}
    return [name for name in event.wiped if name not in held]


RULE = Rule(
    code="PRM403",
    slug="repeated-base-init",
    severity=Severity.ERROR,
    enabled_by_default=True,
    summary="A second base constructor wipes what was registered.",
    rationale="""\
`Module.__init__` starts with empty dictionaries. A class that calls the constructors of two Module bases one after the
other runs it twice, and the second run forgets the parameters, buffers and submodules of the first.""",
    bad="""\
from torch import nn


class Encoder(nn.Module):
    def __init__(self):
        nn.Module.__init__(self)
        self.embed = nn.Embedding(8, 4)


class Decoder(nn.Module):
    def __init__(self):
        nn.Module.__init__(self)


class Both(Encoder, Decoder):
    def __init__(self):
        Encoder.__init__(self)
        Decoder.__init__(self)

    def forward(self, ids):
        return ids
""",
    good="""\
from torch import nn


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(8, 4)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()


class Both(Encoder, Decoder):
    def __init__(self):
        super().__init__()

    def forward(self, ids):
        return self.embed(ids)
""",
    silent_when=(
        "nothing was registered before",
        "the constructors cooperate through `super()`",
        "what was forgotten is set again",
    ),
    check=check,
)

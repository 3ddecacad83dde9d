"""PRM501: a constructor sends things to a device that the source names."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.devices import is_accelerator
from paramlint.interpret.events import HardCodedDevice
from paramlint.interpret.slots import Phase, Registration
from paramlint.interpret.trace import ClassTrace, Run
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import events, finding, slot_around


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield literal accelerators in construction, and copies on one that forward keeps on self."""
    for run, event in events(trace, HardCodedDevice):
        if not is_accelerator(event.device):
            continue  # on the path nearest to the defaults it goes to the host
        stored = slot_around(run, event.place)
        if stored is None and event.phase is Phase.CONSTRUCTOR and event.statement is not None:
            stored = slot_around(run, event.statement)
        if event.phase is Phase.FORWARD and (stored is None or (event.is_asked and _follows(run, stored))):
            continue
        yield finding(
            trace,
            run,
            event.place,
            stored or event.attribute,
            f"{event.by_method} names the device '{event.device}': {_effect(event)}",
        )


def _follows(run: Run, name: str) -> bool:
    """Whether what forward binds to a name follows the model from then on: a buffer stays one."""
    return any(slot.name == name and slot.registration is Registration.BUFFER for slot in run.slots)


def _effect(event: HardCodedDevice) -> str:
    if event.phase is Phase.FORWARD:
        return "the copy that forward keeps stays there, wherever the model and its input are"
    return "the model cannot be built without it, and .to() moves it only afterwards"


RULE = Rule(
    code="PRM501",
    slug="hard-coded-device",
    severity=Severity.WARNING,
    enabled_by_default=True,
    summary="A constructor puts a tensor or module on a device that the source names.",
    rationale="""\
Where a module lives is its user's choice, by `.to(device)`. `.cuda()` in a constructor fails on a machine without that
device, and puts each process of a distributed run on device 0.""",
    bad="""\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2).cuda()

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
        "the device comes from an argument whose default is no accelerator",
        "the path nearest to the defaults of the arguments moves it to the host there",
        "a condition asks for the device first (`torch.cuda.is_available()`)",
        'the number of the device is computed (`f"cuda:{rank}"`)',
    ),
    check=check,
)

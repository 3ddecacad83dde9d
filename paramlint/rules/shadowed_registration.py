"""PRM113: an attribute of the same name blocks or hides a registration."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import ShadowedRegistration
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import events, finding, related


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield registrations under names that plain attributes, the class or ``nn.Module`` have."""
    for run, event in events(trace, ShadowedRegistration):
        yield finding(
            trace,
            run,
            event.place,
            event.attribute,
            f"'{event.attribute}' is {event.by} already: " + _consequence(event),
            related(event.earlier, f"'{event.attribute}' is set here") if event.earlier is not None else (),
        )


def _consequence(event: ShadowedRegistration) -> str:
    if event.raises:
        return "registering the name raises KeyError"
    return f"the submodule is registered, but self.{event.attribute} is what the class has"


RULE = Rule(
    code="PRM113",
    slug="shadowed-registration",
    severity=Severity.ERROR,
    enabled_by_default=True,
    summary="A name is registered that a plain attribute or the class has already.",
    rationale="""\
`register_buffer("x", t)` after `self.x = t` raises `KeyError: attribute 'x' already exists`: the plain attribute would
hide the buffer. So does a Parameter or buffer whose name is that of a class attribute or of one of Module's methods. A
submodule is taken under such a name, but Python looks in the class first and never asks Module for it.""",
    bad="""\
import torch
from torch import nn


class Mask(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.mask = torch.ones(size, size).triu(1)
        self.register_buffer("mask", self.mask)

    def forward(self, x):
        return x * self.mask
""",
    good="""\
import torch
from torch import nn


class Mask(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.register_buffer("mask", torch.ones(size, size).triu(1))

    def forward(self, x):
        return x * self.mask
""",
    silent_when=(
        "the attribute is deleted first",
        "the name is registered already (a buffer over a buffer)",
        "the class only annotates the name, or has a module there that does the same and holds nothing",
    ),
    check=check,
)

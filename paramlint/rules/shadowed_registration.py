"""PRM113: a plain attribute of the same name blocks a registration."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import ShadowedRegistration
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import circumstances, events, related


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield registrations under names that plain attributes have."""
    for run, event in events(trace, ShadowedRegistration):
        yield Finding(
            event.place.path,
            event.place.span,
            trace.class_name,
            event.attribute,
            f"'{event.attribute}' is a plain attribute already: registering the name raises KeyError",
            related(event.earlier, f"'{event.attribute}' is set here"),
            circumstances(run),
        )


RULE = Rule(
    code="PRM113",
    slug="shadowed-registration",
    severity=Severity.ERROR,
    enabled_by_default=True,
    summary="A name is registered that is a plain attribute already.",
    rationale="""\
`register_buffer("x", t)` after `self.x = t` raises `KeyError: attribute 'x' already exists`: the plain attribute would
hide the buffer.""",
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
    silent_when=("the attribute is deleted first", "the name is registered already (a buffer over a buffer)"),
    check=check,
)

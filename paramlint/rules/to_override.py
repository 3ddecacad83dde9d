"""PRM503: plain tensors are moved by an override of ``to``, which a parent's call does not come by."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import Clash
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import finding, moved_by_override, related


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield overrides whose tensors meet, in forward, what moves without them; each override once."""
    moved = moved_by_override(trace)
    seen: set[str] = set()
    for run in trace.runs if moved else ():
        for event in run.events:
            if not isinstance(event, Clash) or event.home is None or event.home not in moved:
                continue
            method = moved[event.home]
            slot = next((slot for slot in run.slots if slot.name == event.home), None)
            if slot is None or method.name in seen or event.pinned.lost is not None:
                continue
            seen.add(method.name)
            yield finding(
                trace,
                run,
                method.place,
                event.home,
                f"'{method.name}' moves the plain tensor '{event.home}', but .to() of a model that contains this one "
                f"calls _apply() and passes it by: '{event.operation}' then meets {event.moving} on another device",
                (
                    *related(slot.place, f"'{event.home}' is a plain tensor"),
                    *related(event.place, f"here '{event.home}' meets {event.moving}"),
                ),
            )


RULE = Rule(
    code="PRM503",
    slug="to-override",
    severity=Severity.WARNING,
    enabled_by_default=False,
    summary="An override of `to` or `cuda` moves plain tensors.",
    rationale="""\
`Module.to` walks the tree of modules with `_apply`; it does not call `to` of what lies below. An override therefore works
where the module itself is moved, and is passed by where it is a part of another model: its plain tensors stay on the
CPU. Registered as buffers they need no override; where that cannot be, override `_apply`.""",
    bad="""\
import torch
from torch import nn


class Normalise(nn.Module):
    def __init__(self):
        super().__init__()
        self.mean = torch.tensor([0.485, 0.456, 0.406])

    def to(self, *args, **kwargs):
        self.mean = self.mean.to(*args, **kwargs)
        return super().to(*args, **kwargs)

    def forward(self, image):
        return image - self.mean
""",
    good="""\
import torch
from torch import nn


class Normalise(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]), persistent=False)

    def forward(self, image):
        return image - self.mean
""",
    silent_when=(
        "`_apply` is overridden",
        "what the override moves meets nothing that moves with the model or the input",
    ),
    check=check,
)

"""PRM302: forward reads a buffer or plain tensor that nothing has written."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import UninitialisedRead
from paramlint.interpret.slots import Phase, Registration, Slot
from paramlint.interpret.trace import ClassTrace, MethodFacts, Run
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import events, finding, related
from paramlint.rules.writers import fills_others

_COMPARISONS = frozenset({"==", "!=", "equal", "allclose"})
_KINDS = (Registration.BUFFER, Registration.PLAIN_TENSOR)


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield tensors of the constructor whose memory is not written before forward computes with it."""
    seen: set[str] = set()
    for run, read in events(trace, UninitialisedRead):
        slot = next((slot for slot in run.slots if slot.name == read.home), None)
        if slot is None or slot.registration not in _KINDS or slot.phase is not Phase.CONSTRUCTOR:
            continue
        if read.home in seen or not run.is_complete or run.is_opaque or not slot.is_certain or slot.tensor is None:
            continue
        seen.add(read.home)
        writers = {method.name for method in trace.methods if _may_fill(method, read.home)}
        if writers - {"__init__", "forward"} or _is_compared(run, slot, read.operation):
            continue
        care = fills_others(run, slot)
        if trace.surroundings.may_initialise(read.home, slot.tensor.rank, frozenset(), is_buffer=True, care=care):
            continue
        yield finding(
            trace,
            run,
            slot.place,
            read.home,
            f"'{read.home}' is read before anything writes it: its values are whatever lay in memory",
            related(read.place, f"'{read.operation}' reads it here"),
        )


def _may_fill(method: MethodFacts, name: str) -> bool:
    """Whether a method may give an attribute its first value; what goes on from what it holds needs one."""
    return name in (*method.initialises, *method.assigns, *method.may_fill) and name not in method.carries


def _is_compared(run: Run, slot: Slot, operation: str) -> bool:
    """Whether forward compares what a cache begins with, to see whether it shall put another there."""
    return slot.name in run.rewritten and operation in _COMPARISONS


RULE = Rule(
    code="PRM302",
    slug="uninitialised-buffer",
    severity=Severity.WARNING,
    enabled_by_default=False,
    summary="A buffer or plain tensor is read before anything writes it.",
    rationale="""\
`torch.empty` and `torch.Tensor(n, m)` return memory as it is. A buffer made of it must be written before it is read;
otherwise forward computes with random bits, another value on each machine.""",
    bad="""\
import torch
from torch import nn


class Shift(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.register_buffer("offset", torch.empty(width))

    def forward(self, x):
        return x + self.offset
""",
    good="""\
import torch
from torch import nn


class Shift(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.register_buffer("offset", torch.empty(width))
        self.offset.fill_(0.5)

    def forward(self, x):
        return x + self.offset
""",
    silent_when=(
        "a method of the class, or code that may hold an instance, writes it",
        "forward writes it first, or may have (a condition that cannot be decided)",
        "another method writes it, and not only by going on from what it holds (`self.mean = self.mean * 0.9 + x`)",
        "it has no elements",
    ),
    check=check,
)

"""PRM302: a buffer or plain tensor that nothing has written is read, or goes into its own next value."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import UninitialisedRead
from paramlint.interpret.slots import Fill, Phase, Registration, Slot
from paramlint.interpret.trace import ClassTrace, MethodFacts, Run
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import constructed_slots, events, finding, related
from paramlint.rules.writers import fills_others

_COMPARISONS = frozenset({"==", "!=", "equal", "allclose"})
_KINDS = (Registration.BUFFER, Registration.PLAIN_TENSOR)


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield tensors of the constructor whose memory is not written before forward, or an update of them, computes with it."""
    seen: set[str] = set()
    for run, read in events(trace, UninitialisedRead):
        slot = next((slot for slot in run.slots if slot.name == read.home), None)
        if slot is None or slot.registration not in _KINDS or slot.phase is not Phase.CONSTRUCTOR:
            continue
        if read.home in seen or not _is_known(run, slot):
            continue
        seen.add(read.home)
        if _is_compared(run, slot, read.operation) or _is_filled(trace, run, slot):
            continue
        yield finding(
            trace,
            run,
            slot.place,
            read.home,
            f"'{read.home}' is read before anything writes it: its values are whatever lay in memory",
            related(read.place, f"'{read.operation}' reads it here"),
        )
    for run, slot in constructed_slots(trace):
        if slot.name in seen or slot.registration not in _KINDS or not _is_known(run, slot):
            continue
        seen.add(slot.name)
        method = next((method for method in trace.methods if _only_carries(method, slot.name)), None)
        if method is None or slot.tensor is None or slot.tensor.fill is not Fill.UNINITIALISED:
            continue
        if not _is_filled(trace, run, slot):
            yield finding(
                trace,
                run,
                slot.place,
                slot.name,
                f"nothing writes '{slot.name}' before '{method.name}' goes on from what it holds, which is whatever lay "
                "in memory",
                related(method.place, "what is written here is computed from what was there"),
            )


def _is_known(run: Run, slot: Slot) -> bool:
    return run.is_complete and not run.is_opaque and slot.is_certain and slot.tensor is not None


def _is_filled(trace: ClassTrace, run: Run, slot: Slot) -> bool:
    """Whether a method that is not interpreted, or code that may hold an instance, may give a tensor its first value."""
    if any(_may_fill(method, slot.name) and method.name not in ("__init__", "forward") for method in trace.methods):
        return True
    rank = None if slot.tensor is None else slot.tensor.rank
    care = fills_others(run, slot)
    return trace.surroundings.may_initialise(slot.name, rank, frozenset(), is_buffer=True, care=care)


def _only_carries(method: MethodFacts, name: str) -> bool:
    return name in method.carries and method.name != "__init__"


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
otherwise forward computes with random bits, another value on each machine. A moving average that begins with them
keeps them (a NaN for good).""",
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

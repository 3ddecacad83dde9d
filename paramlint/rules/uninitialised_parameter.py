"""PRM301: a parameter whose memory is never written."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import UninitialisedRead
from paramlint.interpret.slots import Fill, Registration, Slot
from paramlint.interpret.trace import ClassTrace, Run
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import constructed_slots, finding, related
from paramlint.rules.writers import fills_others, has_other_writer, writers


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield parameters that a whole path of construction, and nothing else in the project, writes."""
    seen: set[str] = set()
    for run, slot in constructed_slots(trace):
        if slot.name in seen or not _is_uninitialised(run, slot):
            continue
        tensor = slot.tensor
        if tensor is None or _is_filled_by_forward(trace, run, slot.name):
            continue
        if has_other_writer(trace, slot.name, tensor.rank, fills_others(run, slot)):
            continue
        seen.add(slot.name)
        yield finding(
            trace,
            run,
            slot.place,
            slot.name,
            f"'{slot.name}' is never initialised: its values are whatever lay in memory",
            related(tensor.made, "made here, from memory that is not written"),
        )
    yield from _layers(trace, seen)


def _layers(trace: ClassTrace, seen: set[str]) -> Iterator[Finding]:
    """Layers that were built, or materialised, without a value."""
    for run in trace.runs:
        for layer in run.unfilled:
            if layer.attribute in seen or not run.is_complete or run.is_opaque or layer.made.path != trace.place.path:
                continue
            seen.add(layer.attribute)
            slot = next((slot for slot in run.slots if slot.name == layer.attribute), None)
            is_list = layer.class_name.startswith("Parameter")
            written = layer.attribute if is_list else "weight"
            found = writers(trace, written) | writers(trace, layer.attribute)
            if slot is None or any(method.is_hook for method in trace.methods if method.name in found):
                continue
            if trace.surroundings.may_initialise(written, None, found, is_of_layer=not is_list):
                continue
            yield finding(
                trace,
                run,
                slot.place,
                layer.attribute,
                f"the parameters of '{layer.attribute}' ({layer.class_name}) are never initialised: their values are "
                "whatever lay in memory",
            )


def _is_uninitialised(run: Run, slot: Slot) -> bool:
    tensor = slot.tensor
    return (
        tensor is not None
        and slot.registration is Registration.PARAMETER
        and tensor.fill is Fill.UNINITIALISED
        and not tensor.is_empty
        and tensor.requires_grad is not False
        and run.is_complete
        and not run.is_opaque
        and (run.is_default or not _falls_through(run))
    )


def _is_filled_by_forward(trace: ClassTrace, run: Run, name: str) -> bool:
    """Whether forward gives a parameter its first values, of data, and computes with none before."""
    if not any(method.name == "forward" and name in method.initialises for method in trace.methods):
        return False
    return not any(isinstance(event, UninitialisedRead) and event.home == name for event in run.events)


def _falls_through(run: Run) -> bool:
    """Whether the path exists only because an option had none of the values that the source tests for."""
    tested: dict[str, bool] = {}
    for decision in run.decisions:
        subject, sign, _ = decision.condition.partition(" == ")
        if sign:
            tested[subject] = tested.get(subject, False) or decision.outcome
    return not all(tested.values())


RULE = Rule(
    code="PRM301",
    slug="uninitialised-parameter",
    severity=Severity.ERROR,
    enabled_by_default=False,
    summary="A parameter is made from memory that nothing writes.",
    rationale="""\
`torch.empty` and `torch.Tensor(n, m)` return memory as it is. A Parameter made of it trains from random bits: often
small numbers that look plausible, sometimes 1e30 or NaN, another value on each machine.

torch's own layers make their parameters of `torch.empty` as well and fill them in `reset_parameters()`, which their
constructors call last: a subclass that overrides it fills all of them, or leaves the rest as it was. What a base in
another file registers, and leaves to its subclasses, is told at the class that forgets it.""",
    bad="""\
import torch
from torch import nn


class Prompt(nn.Module):
    def __init__(self, length, width):
        super().__init__()
        self.prompt = nn.Parameter(torch.empty(length, width))

    def forward(self, x):
        return torch.cat([self.prompt, x])
""",
    good="""\
import torch
from torch import nn


class Prompt(nn.Module):
    def __init__(self, length, width):
        super().__init__()
        self.prompt = nn.Parameter(torch.empty(length, width))
        nn.init.normal_(self.prompt, std=0.02)

    def forward(self, x):
        return torch.cat([self.prompt, x])
""",
    silent_when=(
        "something may write it: `nn.init`, an in-place method, `copy_`, a callable held on self, unseen code",
        "code that may hold an instance (it mentions the class, or what mentions it; tests aside) writes an attribute of that name of "
        "what may be one by all that the text says of it, or calls the class's own method that does; where construction fills other parameters of the class itself, what "
        "an owner writes to one part that it names (`self.norm.weight`) does not count, nor, where one of these has as "
        "many dimensions (one, or more), what goes over all parameters",
        "it asks for no gradients, so that only a checkpoint can give it its values",
        "forward writes it before it computes with it (a scale that the first data give)",
        "it has no elements, or all code of the project that makes an instance loads a checkpoint over it",
        "only an option with none of the tested values leads there",
    ),
    check=check,
    shown_if_proved=True,
    speaks_of_inherited=True,
)

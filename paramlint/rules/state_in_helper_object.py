"""PRM111: tensors, parameters or layers inside an ordinary object that is stored on the module."""

from __future__ import annotations

import re
from collections.abc import Iterator

from paramlint import torch_api
from paramlint.interpret.slots import Member, Registration, Slot
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import (
    clashes,
    constructed_slots,
    finding,
    in_objects,
    lost_state,
    related,
)

# What by its name has parameters of others, or none that a model should register.
_NOT_A_PART = re.compile(r"optim|schedul|dataset|loader|distribution|sampler", re.IGNORECASE)
# With one of these of its own, a class may hand out, move or save what it holds.
_REGISTERS = frozenset({"parameters", "named_parameters", "_apply", "state_dict", "modules"})


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield names whose ordinary object holds what only a Module would register, move or save."""
    if not trace.is_module:
        yield from _forgotten_base(trace)
        return
    if any(method.name in _REGISTERS for method in trace.methods):
        return
    seen: set[str] = set()
    for run, slot in constructed_slots(trace):
        if slot.name in seen or run.is_opaque or not slot.is_certain:
            continue
        for member in _parts(slot):
            if lost := lost_state(run, slot, member):
                what, fate, made = lost
                message = (
                    f"'{slot.name}{member.where}' is {what} inside an object that is no Module ('{member.inside}'), so it "
                    f"is {fate}"
                )
                yield finding(trace, run, slot.place, slot.name, message, related(made, "it is made here"))
                seen.add(slot.name)
                break
    for run, clash in clashes(trace):
        held = next((slot for slot in run.slots if slot.name == clash.home), None)
        if held is None or held.name in seen or held.registration not in (Registration.OTHER, Registration.CONTAINER):
            continue
        inside = next((member.inside for member in _parts(held)), None)
        if inside is None or clash.pinned.is_parameter:
            continue
        seen.add(held.name)
        message = (
            f"'{held.name}' is an object that is no Module ('{inside}'): .to() leaves its tensors where they were made, "
            f"and '{clash.operation}' then meets {clash.moving} on another device"
        )
        second = related(clash.place, f"here a tensor of '{held.name}' meets {clash.moving}")
        yield finding(trace, run, held.place, held.name, message, second)


def _parts(slot: Slot) -> list[Member]:
    """What a name holds inside ordinary objects that ought to be parts of the model."""
    known = torch_api.distribution_words()
    return [part for part in in_objects(slot) if not _NOT_A_PART.search(part.inside) and part.inside not in known]


def _forgotten_base(trace: ClassTrace) -> Iterator[Finding]:
    """The first of torch's layers that an ordinary class makes for itself and calls as a Module does."""
    called = {name for method in trace.methods if method.name in ("forward", "__call__") for name in method.mentions}
    if _NOT_A_PART.search(trace.class_name):
        return
    for run, slot in constructed_slots(trace):
        layer = slot.module
        if slot.name not in called or layer is None or not layer.is_learned or not slot.place.encloses(layer.made):
            continue
        if torch_api.is_module_class(f"torch.nn.{layer.class_name}"):
            message = (
                f"'{trace.class_name}' makes the layer '{slot.name}' ({layer.class_name}) and is no Module: a model that "
                "holds one of it neither trains, moves nor saves what is in it"
            )
            second = related(trace.place, "it does not inherit from nn.Module")
            yield finding(trace, run, slot.place, slot.name, message, second)
            return


RULE = Rule(
    code="PRM111",
    slug="state-in-helper-object",
    severity=Severity.WARNING,
    enabled_by_default=False,
    summary="Parameters, layers or tensors are kept inside an ordinary object.",
    rationale="""\
`nn.Module` looks for parameters, buffers and modules among its own attributes and among those of Modules below it. An
object of a class that does not inherit from `nn.Module`, most often because that was forgotten, hides all that it holds:
its layers run in forward, but no optimiser trains them, `.to()` leaves them behind, and a checkpoint lacks them.""",
    bad="""\
from torch import nn


class Expert:
    def __init__(self, width):
        self.project = nn.Linear(width, width)

    def __call__(self, x):
        return self.project(x)


class Model(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.expert = Expert(width)

    def forward(self, x):
        return self.expert(x)
""",
    good="""\
from torch import nn


class Expert(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.project = nn.Linear(width, width)

    def forward(self, x):
        return self.project(x)


class Model(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.expert = Expert(width)

    def forward(self, x):
        return self.expert(x)
""",
    silent_when=(
        "the object is an optimiser, a scheduler, a data set, a loader, a sampler or a distribution",
        "what it holds is registered under another name as well, or is frozen",
        "the class has its own `parameters`, `modules`, `state_dict` or `_apply`",
        "its class, or a base of it, is not read",
        "an ordinary class has bases, or calls models that others define rather than layers of torch's own",
    ),
    check=check,
    asks_ordinary_classes=True,
)

"""PRM205: a parameter, or a layer with parameters, that nothing reads."""

from __future__ import annotations

import re
from collections.abc import Iterator

from paramlint.interpret.events import EarlyRead
from paramlint.interpret.slots import Place, Registration, Slot
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import constructed_slots, finding

_ON_PURPOSE = re.compile(r"dummy|unused|placeholder|fake|compat|legacy", re.IGNORECASE)
_KEPT_FOR_CHECKPOINTS = re.compile(r"\bcheckpoints?\b", re.IGNORECASE)
_SAID_TO_BE_IDLE = re.compile(
    r"\b(idle|idling|unused|inert)\s+(parameter|weight|layer|module|head|branch)", re.IGNORECASE
)
# What a comment says of a layer that is there for another reason than forward.
_EXPLAINED = re.compile(
    r"\b(keep|kept|retain(ed)?)\b|\bcheckpoint|compatib|\blegacy\b|\bstate.?dict|"
    r"\bused (only )?(in|for|during|at) (train|eval|infer|test)",
    re.IGNORECASE,
)


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield what the class's own constructor makes and registers, asks for gradients, and is read by nothing."""
    if not trace.is_complete or trace.is_abstract or not trace.surroundings.runs_its_own_code:
        return
    if _KEPT_FOR_CHECKPOINTS.search(trace.documentation) or _SAID_TO_BE_IDLE.search(trace.documentation):
        return
    seen: set[str] = set()
    told: set[tuple[Place, str]] = set()
    for run, slot in constructed_slots(trace):
        if slot.name in seen or not _is_made_here(trace, slot) or _ON_PURPOSE.search(slot.name):
            continue
        if run.refuses or any(isinstance(event, EarlyRead) for event in run.events):
            continue  # what forward does not do yet reads nothing, and what cannot be built has nothing to be read
        seen.add(slot.name)
        paths = [other for path in trace.runs for other in path.slots if other.name == slot.name]
        if any(_is_handed_in(trace, other) for other in paths):
            continue
        if slot.is_shared or not trace.surroundings.makes(slot.place):
            continue
        if trace.surroundings.reads(slot.name, is_part=slot.registration is not Registration.PARAMETER):
            continue
        if trace.surroundings.is_copied_for_export(slot.name):
            continue  # it is there for the checkpoints, and not to be trained
        numbered = (slot.place, re.sub(r"\d+", "0", slot.name))
        if numbered in told:
            continue  # one statement in a loop binds layer0, layer1, layer2
        told.add(numbered)
        kind = "parameter" if slot.module is None else slot.module.class_name
        yield finding(
            trace,
            run,
            slot.place,
            slot.name,
            f"nothing reads '{slot.name}' ({kind}): it never gets a gradient, and DistributedDataParallel stops at "
            "parameters without one",
        )


def _is_handed_in(trace: ClassTrace, slot: Slot) -> bool:
    """Whether a name may hold what was made elsewhere, for a purpose that is known there."""
    made = slot.tensor or slot.module
    return slot.registration is Registration.UNKNOWN or (made is not None and not _makes(trace, slot, made.made))


def _is_made_here(trace: ClassTrace, slot: Slot) -> bool:
    """Whether the statement that registers a name makes what it registers, and that is meant to be learned."""
    if slot.registration is Registration.PARAMETER and slot.tensor is not None:
        tensor = slot.tensor
        return tensor.requires_grad is True and not tensor.is_empty and _makes(trace, slot, tensor.made)
    if slot.registration is Registration.SUBMODULE and slot.module is not None:
        return slot.module.is_learned and _makes(trace, slot, slot.module.made)
    return False


def _makes(trace: ClassTrace, slot: Slot, made: Place) -> bool:
    """Whether something is made where a statement binds it, or in the method or function whose result that binds.

    One whose docstring says what it is kept for makes it for more.
    """
    if slot.place.encloses(made):
        return True
    callees = [maker.shape for maker in trace.makers if maker.attribute == slot.name]
    documentations = [trace.surroundings.documentation_of_maker(callee, made) for callee in callees]
    return any(text is not None and not _EXPLAINED.search(text) for text in documentations)


RULE = Rule(
    code="PRM205",
    slug="unread-parameter",
    severity=Severity.WARNING,
    enabled_by_default=True,
    summary="A parameter or layer is built in the constructor, and nothing reads it.",
    rationale="""\
What forward does not use gets no gradient: it keeps its first values, takes memory and a place in every checkpoint,
and DistributedDataParallel raises "Expected to have finished reduction" unless it is told to look for unused
parameters. Most often the call was lost in a change, or forward builds a throw-away layer in its place.""",
    bad="""\
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.closing = nn.LayerNorm(width)

    def forward(self, x):
        return x + self.linear(x)
""",
    good="""\
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.closing = nn.LayerNorm(width)

    def forward(self, x):
        return self.closing(x + self.linear(x))
""",
    silent_when=(
        "a base or a subclass reads it, or code that may hold an instance reads an attribute of that name from an object "
        "which nothing around says is of another class (`isinstance`, an annotation, what made it)",
        "it may be read by a name that is computed, by a walk over the submodules, or its own file names it in a "
        "checkpoint's keys",
        "the documentation of the class speaks of checkpoints, whose layout it may be there for, or says that there are "
        "idle parameters",
        "a comment at the line, or right above it, says that it is kept, or for what: checkpoints, training alone",
        "the class has no forward of its own, or one that hands back what it is given or reads nothing of it, is abstract, "
        "lists its parameters by itself, or part of it is not known",
        "forward raises wherever it was built",
        "the class is exported to ONNX, and another of its name, whose checkpoints it takes, reads it",
        "the constructor asks for an attribute that nothing has set, and raises AttributeError",
        "it was made elsewhere and handed in, does not ask for gradients, or its name says that it is there on purpose",
    ),
    check=check,
    explained_by=_EXPLAINED,
)

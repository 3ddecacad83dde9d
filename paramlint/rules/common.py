"""What several rules ask of a class's paths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeVar

from paramlint.interpret.events import AttributeRead, Clash, Event, LayerLeft, SchemeRan
from paramlint.interpret.hierarchy import MOVERS
from paramlint.interpret.slots import Member, Phase, Place, Slot, TensorSummary
from paramlint.interpret.trace import ClassTrace, MethodFacts, Run
from paramlint.model.diagnostic import Related
from paramlint.rules.base import Finding

Kind = TypeVar("Kind", bound=Event)

_LAZY = re.compile(r"\blaz(y|ily)\b|Lazy")


def events(trace: ClassTrace, kind: type[Kind]) -> Iterator[tuple[Run, Kind]]:
    """The events of one kind on all paths, each place once (on the path nearest to the defaults)."""
    seen: set[Place] = set()
    for run in trace.runs:
        for event in run.events:
            if isinstance(event, kind) and event.place not in seen:
                seen.add(event.place)
                yield run, event


def clashes(trace: ClassTrace) -> Iterator[tuple[Run, Clash]]:
    """The clashes on all paths, each attribute that takes part in one at a place once.

    What an override of ``to`` moves is left to PRM503.
    """
    moved = moved_by_override(trace)
    seen: set[tuple[Place, str | None]] = set()
    for run in trace.runs:
        for event in run.events:
            if isinstance(event, Clash) and (event.place, event.home) not in seen and event.home not in moved:
                seen.add((event.place, event.home))
                yield run, event


def moved_by_override(trace: ClassTrace) -> dict[str, MethodFacts]:
    """The attributes that an override of ``to``, ``cuda`` or the like is at work on, with the override."""
    return {name: method for method in trace.methods if method.name in MOVERS for name in method.mentions}


def constructed_slots(trace: ClassTrace) -> Iterator[tuple[Run, Slot]]:
    """The names that construction binds, on each path, each binding statement once per name."""
    for run in trace.runs:
        for slot in run.slots:
            if slot.phase is Phase.CONSTRUCTOR:
                yield run, slot


def finding(
    trace: ClassTrace,
    run: Run,
    place: Place,
    attribute: str | None,
    message: str,
    others: tuple[Related, ...] = (),
) -> Finding:
    """What is wrong at a place of a class, with the constructor arguments that lead there as far as constants say it."""
    circumstances = tuple(
        (decision.argument, decision.constant) for decision in run.decisions if decision.argument is not None
    )
    return Finding(place.path, place.span, trace.class_name, attribute, message, others, circumstances)


def related(place: Place, message: str) -> tuple[Related, ...]:
    """One second place."""
    return (Related(place.path, place.span, message),)


def is_named(left: LayerLeft, event: SchemeRan) -> bool:
    """Whether a scheme's ``isinstance`` tests name a layer's class, or one that it inherits from."""
    return any(kind in event.types for kind in (left.class_name, *left.kinds)) and bool(event.types)


def is_restored(left: LayerLeft, event: SchemeRan) -> bool:
    """Whether a scheme gives a normalisation layer what torch's begin with: the layer has that without it."""
    return "Norm" in left.class_name and not event.restored.isdisjoint((left.class_name, *left.kinds))


def slot_around(run: Run, place: Place) -> str | None:
    """The name that the statement around a place binds."""
    return next((slot.name for slot in (*run.slots, *run.kept) if slot.place.encloses(place)), None)


def first_read(run: Run, name: str) -> Place | None:
    """Where forward, or what it calls, first reads a name of self."""
    return next((event.place for event in run.events if isinstance(event, AttributeRead) and event.name == name), None)


def is_lost_on_reload(run: Run, slot: Slot, tensor: TensorSummary) -> bool:
    """Whether construction draws a tensor at random, under a name that it certainly binds, and no state holds it."""
    return (
        tensor.is_random
        and tensor.phase is Phase.CONSTRUCTOR
        and not (tensor.is_empty or tensor.is_registered or tensor.is_parameter)
        and tensor.requires_grad is False
        and slot.is_certain
        and slot.name not in run.rewritten
        and not run.is_opaque
    )


def is_known_to_be_lazy(trace: ClassTrace) -> bool:
    """Whether a class says, in its name or documentation, that its parts are made when they are first needed."""
    return _LAZY.search(f"{trace.class_name} {trace.documentation}") is not None


def is_placeholder(trace: ClassTrace, slot: Slot) -> bool:
    """Whether methods other than the constructor put something else under a name that construction binds.

    One does so when it is asked to, where another method binds the name at construction; or the method that binds it is
    the beginning of a run: it puts back what forward counts or keeps, and draws anew.
    """
    above = [
        method
        for method in trace.methods
        if method.place.path == slot.place.path and method.place.span.line <= slot.place.span.line
    ]
    binder = max(above, key=lambda method: method.place.span.line, default=None)
    others = [method for method in trace.methods if method.name != "__init__" and slot.name in method.assigns]
    kept = {name for method in trace.methods if method.name == "forward" for name in method.assigns}
    return any(method != binder or method.assigns & kept - {slot.name} for method in others)


def in_objects(slot: Slot) -> tuple[Member, ...]:
    """What a name holds inside ordinary objects."""
    return tuple(member for member in slot.members if member.inside)


def lost_state(run: Run, slot: Slot, member: Member) -> tuple[str, str, Place] | None:
    """What a model loses of something that no Module holds, what it is not, and where it is made; None for nothing."""
    module, tensor = member.module, member.tensor
    if module is not None and module.is_learned and not module.is_registered:
        fate = "not in parameters(): it is neither trained, moved nor saved"
        return f"the layer '{module.class_name}'", fate, module.made
    if tensor is None or tensor.is_registered:
        return None
    if tensor.is_parameter and tensor.requires_grad:
        return "a Parameter", "not in parameters(): it is neither trained, moved nor saved", tensor.made
    if is_lost_on_reload(run, slot, tensor) and first_read(run, slot.name) is not None:
        return "a random tensor", "not in state_dict(): a reloaded model computes something else", tensor.made
    return None

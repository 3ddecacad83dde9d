"""What several rules ask of a class's paths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from paramlint.interpret.events import Event, LayerLeft, SchemeRan
from paramlint.interpret.slots import Phase, Place, Slot
from paramlint.interpret.trace import ClassTrace, Run
from paramlint.model.diagnostic import Related

Kind = TypeVar("Kind", bound=Event)
Circumstances = tuple[tuple[str, bool | int | float | str | None], ...]


def events(trace: ClassTrace, kind: type[Kind]) -> Iterator[tuple[Run, Kind]]:
    """The events of one kind on all paths, each place once (on the path nearest to the defaults)."""
    seen: set[Place] = set()
    for run in trace.runs:
        for event in run.events:
            if isinstance(event, kind) and event.place not in seen:
                seen.add(event.place)
                yield run, event


def constructed_slots(trace: ClassTrace) -> Iterator[tuple[Run, Slot]]:
    """The names that construction binds, on each path, each binding statement once per name."""
    for run in trace.runs:
        for slot in run.slots:
            if slot.phase is Phase.CONSTRUCTOR:
                yield run, slot


def circumstances(run: Run) -> Circumstances:
    """The constructor arguments that lead to a path, as far as constants say it."""
    return tuple((decision.argument, decision.constant) for decision in run.decisions if decision.argument is not None)


def related(place: Place, message: str) -> tuple[Related, ...]:
    """One second place."""
    return (Related(place.path, place.span, message),)


def is_named(left: LayerLeft, event: SchemeRan) -> bool:
    """Whether a scheme's ``isinstance`` tests name a layer's class, or one that it inherits from."""
    return any(kind in event.types for kind in (left.class_name, *left.kinds)) and bool(event.types)


def slot_around(run: Run, place: Place) -> str | None:
    """The name that the statement around a place binds."""
    return next((slot.name for slot in (*run.slots, *run.kept) if slot.place.encloses(place)), None)

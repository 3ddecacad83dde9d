"""What a training run shows of a model: parameters that are never updated, and values that no checkpoint contains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from paramlint.model.observation import Observation, Place, TensorObservation
from paramlint.model.surroundings import Surroundings
from paramlint.runtime.judge import seen
from paramlint.runtime.reveal.parts import Parts
from paramlint.runtime.reveal.revelation import Revelation

_Entries: TypeAlias = "dict[str, TensorObservation]"


class TensorHistory(NamedTuple):
    """One tensor of a model through a run; ``path`` is its path within the model.

    ``is_held``: an optimiser has it among its parameters; ``steps`` are the steps of such optimisers, ``has_gradient``
    whether it held a gradient at any of them (or, where none holds it, at a step of another). ``late`` is the line that
    made it or its layer, where that was after the model's first optimiser. ``is_saved``: a checkpoint contains it.
    """

    path: str
    is_held: bool
    steps: int
    has_gradient: bool
    late: Place | None
    is_saved: bool


class TrainedModel(NamedTuple):
    """``checkpoints`` counts the saved files that hold a state of the model; 0 also where one could not be told."""

    observation: Observation
    tensors: tuple[TensorHistory, ...]
    checkpoints: int


def reveal(model: TrainedModel, surroundings: Surroundings, least_steps: int) -> Iterator[Revelation]:
    """Yield what a model's training lacks; nothing of a model of which no optimiser holds a parameter."""
    if not any(item.is_held and item.has_gradient for item in model.tensors):
        return
    parts = Parts(model.observation, surroundings)
    entries = {entry.path: entry for entry in model.observation.tensors}
    yield from _never_updated(model, parts, entries)
    yield from _without_gradient(model, parts, entries, least_steps)
    yield from _not_saved(model, parts, entries)


def _never_updated(model: TrainedModel, parts: Parts, entries: _Entries) -> Iterator[Revelation]:
    registered = [item for item in model.tensors if _is_registered(entries.get(item.path), item)]
    lost = {item.path: item for item in registered if not item.is_held and item.has_gradient}
    for path in parts.largest(lost, (item.path for item in registered)):
        part = parts.of(path)
        inside = [item for name, item in lost.items() if seen.is_under(name, path)]
        late = next((item.late for item in inside if item.late is not None), None)
        evidence = f"{_count(inside, path)} received a gradient, and no optimiser holds {_them(inside)}"
        if late is not None:
            yield Revelation(
                "PRM108",
                part.owner_class,
                part.attribute,
                late,
                f"'{part.attribute}' is made after the optimiser, which does not hold it: it is never updated",
                evidence,
            )
        else:
            yield Revelation(
                "PRM601",
                part.owner_class,
                part.attribute,
                part.place,
                f"'{part.attribute}' asks for gradients and no optimiser holds it: it is never updated",
                evidence,
            )


def _without_gradient(model: TrainedModel, parts: Parts, entries: _Entries, least_steps: int) -> Iterator[Revelation]:
    held = [item for item in model.tensors if item.is_held and item.path in entries]
    lost = {
        item.path: item
        for item in held
        if not item.has_gradient and item.steps >= least_steps and entries[item.path].requires_grad
    }
    for path in parts.largest(lost, (item.path for item in held)):
        part = parts.of(path)
        inside = [item for name, item in lost.items() if seen.is_under(name, path)]
        is_read = any(entries[item.path].read_in_forward is not False for item in inside)
        steps = min(item.steps for item in inside)
        yield Revelation(
            "PRM204" if is_read else "PRM205",
            part.owner_class,
            part.attribute,
            part.place,
            f"'{part.attribute}' never receives a gradient: "
            + ("it is trained in name only" if is_read else "forward does not read it"),
            f"the gradient of {_count(inside, path)} was None at each of {steps} steps of the optimiser that holds "
            f"{_them(inside)}",
        )


def _not_saved(model: TrainedModel, parts: Parts, entries: _Entries) -> Iterator[Revelation]:
    if not model.checkpoints:
        return
    files = f"{model.checkpoints} checkpoint{'' if model.checkpoints == 1 else 's'}"
    known = [item for item in model.tensors if item.path in entries]
    trained = {item.path: item for item in known if not item.is_saved and item.is_held and item.has_gradient}
    state = {item.path: item for item in known if not item.is_saved and _is_state(model, entries[item.path])}
    drawn = {item.path: item for item in known if not item.is_saved and _is_drawn(entries[item.path])}
    for lost, words in ((trained, "trained"), (state, "changed by forward"), (drawn, "drawn at random")):
        among = [item.path for item in known if item.is_held or lost is not trained]
        for path in parts.largest(lost, among):
            part = parts.of(path)
            inside = [item for name, item in lost.items() if seen.is_under(name, path)]
            yield Revelation(
                "PRM504",
                part.owner_class,
                part.attribute,
                part.place,
                f"'{part.attribute}' is {words}, and no checkpoint contains it: a model that is reloaded computes "
                "something else",
                f"the script saved {files} of the model, and none contains {_count(inside, path)}",
            )


def _is_state(model: TrainedModel, entry: TensorObservation) -> bool:
    """Whether forward writes into the tensor itself: what it binds anew is a cache more often than state."""
    forward = model.observation.forward
    if forward is None or not entry.changed_by_forward or entry.requires_grad:
        return False
    if entry.registration == "buffer":
        return True
    return (
        entry.registration == "plain" and bool(entry.read_in_forward) and entry.path not in forward.written_attributes
    )


def _is_drawn(entry: TensorObservation) -> bool:
    """Whether forward reads a buffer as it was drawn when the model was built; a plain tensor is PRM101's to tell of."""
    return bool(
        entry.registration == "non-persistent buffer"
        and entry.is_random
        and entry.read_in_forward
        and entry.changed_by_forward is False
        and entry.same_as is None
    )


def _is_registered(entry: TensorObservation | None, item: TensorHistory) -> bool:
    """Whether it is a parameter of the model; one that came after the first call is one if it was found as such."""
    return entry.registration == "parameter" if entry is not None else item.late is not None


def _count(inside: Sequence[TensorHistory], path: str) -> str:
    return f"'{inside[0].path}'" if len(inside) == 1 else f"{len(inside)} tensors under '{path}'"


def _them(inside: Sequence[TensorHistory]) -> str:
    return "it" if len(inside) == 1 else "them"

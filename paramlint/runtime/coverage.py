"""Init coverage: for each parameter which line gave it its values, which kept the layer's own, which nothing wrote."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from enum import Enum
from pathlib import PurePath
from typing import NamedTuple

from paramlint.model.observation import Observation, Place, TensorObservation, Write
from paramlint.runtime.judge import seen


class State(str, Enum):
    """How a parameter came by its values, worst first."""

    UNWRITTEN = "never written"
    PARTLY = "written in part"
    UNKNOWN = "not watched"
    DEFAULT = "layer's default"
    MADE = "as made"
    LOADED = "loaded"
    SCHEME = "initialised"


class Initialised(NamedTuple):
    """``operation`` is torch's name of the last write; ``place`` the line of the user's that did it, or made the tensor.

    ``share`` is that of the elements that nothing wrote.
    """

    state: State
    operation: str | None
    place: Place | None
    share: float = 0.0

    @property
    def text(self) -> str:
        """In words, for a cell of a table."""
        where = f" at {PurePath(self.place.path).name}:{self.place.line}" if self.place is not None else ""
        made = where.replace(" at ", ", made at ")
        match self.state:
            case State.UNKNOWN:
                return "not watched"
            case State.UNWRITTEN:
                return f"never written{made}"
            case State.PARTLY:
                return f"{seen.share(self.share)} never written{made}"
            case State.DEFAULT:
                return f"layer's default{where}"
            case State.MADE:
                return f"as made{where}"
            case _:
                return f"{self.operation}{where}"


class Row(NamedTuple):
    """Parameters that came by their values in the same way: ``examples`` are some of their paths."""

    layer: str
    attribute: str
    initialised: Initialised
    tensors: int
    elements: int
    examples: tuple[str, ...]


def initialised(observation: Observation, tensor: TensorObservation, is_watched: bool) -> Initialised:
    """How a tensor came by its values, as far as its building was watched."""
    writes = [write for write in observation.writes if write.target == tensor.path and write.raised is None]
    return _initialised(tensor, writes, is_watched)


def coverage(observation: Observation, watched: Collection[str]) -> tuple[Row, ...]:
    """The table over all registered parameters, worst state first, then the largest.

    ``watched`` are the paths of the Modules whose building was watched.
    """
    classes = {module.path: module.class_name for module in observation.modules}
    history: dict[str, list[Write]] = {}
    for write in observation.writes:
        if write.raised is None:
            history.setdefault(write.target, []).append(write)
    groups: dict[tuple[str, str, Initialised], list[TensorObservation]] = {}
    for tensor in observation.tensors:
        if tensor.registration == "parameter":
            entry = _initialised(tensor, history.get(tensor.path, []), tensor.owner in watched)
            layer = classes.get(tensor.owner, tensor.owner_class).rsplit(".", 1)[-1]
            groups.setdefault((layer, tensor.attribute, _grouped(entry)), []).append(tensor)
    order = list(State)
    rows = [
        Row(
            layer,
            attribute,
            entry,
            len(tensors),
            sum(tensor.elements for tensor in tensors),
            tuple(tensor.path for tensor in tensors[:3]),
        )
        for (layer, attribute, entry), tensors in groups.items()
    ]
    return tuple(sorted(rows, key=lambda row: (order.index(row.initialised.state), -row.elements, row.examples)))


def summary(rows: Sequence[Row]) -> str:
    """One sentence: how many parameters are in which state."""
    total = sum(row.tensors for row in rows)
    elements = sum(row.elements for row in rows)
    counts = {state: sum(row.tensors for row in rows if row.initialised.state is state) for state in State}
    told = ", ".join(f"{counts[state]} {_words(state)}" for state in reversed(State) if counts[state])
    return f"{total} parameter{'' if total == 1 else 's'} ({elements:,} elements): {told or 'none'}"


def _words(state: State) -> str:
    return {
        State.SCHEME: "initialised by an init scheme",
        State.LOADED: "loaded",
        State.MADE: "as they were made",
        State.DEFAULT: "at the layer's default",
        State.UNKNOWN: "not watched",
        State.PARTLY: "WRITTEN ONLY IN PART",
        State.UNWRITTEN: "NEVER WRITTEN",
    }[state]


def _grouped(entry: Initialised) -> Initialised:
    """Layers made in several lines belong to one row when each kept its default."""
    return entry._replace(place=None) if entry.state is State.DEFAULT else entry


def _initialised(tensor: TensorObservation, writes: Sequence[Write], is_watched: bool) -> Initialised:
    share = tensor.uninitialised or 0.0
    if share:
        return Initialised(State.UNWRITTEN if share >= 1 else State.PARTLY, None, tensor.place, share)
    if not writes:
        return Initialised(State.MADE if is_watched else State.UNKNOWN, None, tensor.place)
    whole = next((number for number in reversed(range(len(writes))) if writes[number].is_whole), len(writes) - 1)
    last, later = writes[whole], [write for write in writes[whole + 1 :] if not write.is_default]
    place = _place(last.places, last.operation)
    if later:
        # A scheme that zeroes the row of a padding token has not initialised the table by zeros.
        return Initialised(State.SCHEME, f"{last.operation}, then {later[-1].operation} in part", place)
    if last.is_default:
        return Initialised(State.DEFAULT, last.operation, place)
    return Initialised(State.LOADED if last.operation == "load_state_dict" else State.SCHEME, last.operation, place)


def _place(places: Iterable[Place], operation: str) -> Place | None:
    """The line that asked for the write: a wrapper that only bears the operation's own name is passed over."""
    found = list(places)
    while len(found) > 1 and found[-1].function == operation:
        found.pop()
    return found[-1] if found else None

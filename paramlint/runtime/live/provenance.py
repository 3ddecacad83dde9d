"""What is remembered of how living Modules were built, for as long as they live and no longer."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

import torch
from torch import nn

from paramlint.model.observation import Place, Write
from paramlint.runtime.live import memory
from paramlint.runtime.worker.snapshot import storage_key
from paramlint.runtime.worker.watch import Recorder, Written

T = TypeVar("T")


class ByIdentity(Generic[T]):
    """A mapping from living objects, by identity: Modules and tensors may compare as they like."""

    def __init__(self) -> None:
        self._entries: dict[int, tuple[weakref.ref[object], T]] = {}

    def get(self, key: object) -> T | None:
        entry = self._entries.get(id(key))
        return entry[1] if entry is not None and entry[0]() is key else None

    def set(self, key: object, value: T) -> None:
        number = id(key)
        entries = self._entries

        def forget(dead: weakref.ref[object]) -> None:
            if number in entries and entries[number][0] is dead:
                del entries[number]

        entries[number] = (weakref.ref(key, forget), value)


class Bound:
    """Where the attributes of one Module were last bound."""

    def __init__(self) -> None:
        self.places: dict[str, Place | None] = {}


class ParameterCopy(NamedTuple):
    """A deep copy of a Parameter, made after so many recorded writes."""

    original: nn.Parameter
    copy: nn.Parameter
    writes: int


class Provenance:
    """Bindings, writes and unwritten memory of Modules whose building was watched.

    ``writes`` of a tensor are targetless: the path depends on the instance that is asked about.
    """

    def __init__(self) -> None:
        self._bound: ByIdentity[Bound] = ByIdentity()
        self._made: ByIdentity[Place | None] = ByIdentity()
        self._writes: ByIdentity[tuple[Write, ...]] = ByIdentity()
        self._unwritten: ByIdentity[tuple[float, int]] = ByIdentity()
        self._drawn: ByIdentity[bool] = ByIdentity()
        self._of_class: dict[tuple[type, str], Place | None] = {}

    def is_known(self, module: nn.Module) -> bool:
        """Whether the building of this Module was watched."""
        return self._bound.get(module) is not None

    def place(self, module: nn.Module, attribute: str) -> Place | None:
        """Where an attribute was last bound; where another instance of the class binds it, if this was not watched."""
        bound = self._bound.get(module)
        if bound is not None and attribute in bound.places:
            return bound.places[attribute]
        return self._of_class.get((type(module), attribute))

    def made(self, module: nn.Module) -> Place | None:
        """The line that called the Module's class."""
        return self._made.get(module)

    def note_made(self, module: nn.Module, place: Place | None) -> None:
        """Remember the line that makes a Module, whether or not the rest of its building is watched."""
        self._made.set(module, place)

    def writes(self, tensor: torch.Tensor) -> tuple[Write, ...] | None:
        """In-place writes while the tensor's Module was built, in order; None where that was not watched."""
        return self._writes.get(tensor)

    def unwritten(self, tensor: torch.Tensor) -> float | None:
        """The share of elements that nothing has written since they were allocated; None where that is not known."""
        if self._writes.get(tensor) is None:
            return None
        settled = self._unwritten.get(tensor)
        if settled is None:
            return memory.marked_share(tensor)
        share, version = settled
        # What wrote to it after its marks were cleared may have filled it.
        return share if tensor._version == version else 0.0

    def settle(self, modules: list[nn.Module]) -> None:
        """Take the marks off these Modules' memory, which reads zero then, and remember where they were."""
        for module in modules:
            for tensor in own_tensors(module):
                share = memory.marked_share(tensor)
                if share:
                    memory.clear(tensor)
                    self._unwritten.set(tensor, (share, tensor._version))

    def is_drawn(self, tensor: torch.Tensor) -> bool:
        """Whether the tensor was seen to be drawn at random while its Module was built."""
        return bool(self._drawn.get(tensor))

    def add(
        self,
        recorder: Recorder,
        made: list[tuple[nn.Module, Place | None]],
        is_drawn: Callable[[torch.Tensor], bool],
    ) -> None:
        """Take over what a recorder saw of Modules, and which of their tensors were drawn; it may be dropped then."""
        modules: dict[int, nn.Module] = {}
        for module, place in made:
            modules[id(module)] = module
            self._of(module)
            self._made.set(module, place)
        for item in recorder.bindings:
            modules[id(item.module)] = item.module
            if item.raised is None:
                self._of(item.module).places[item.attribute] = item.place
                if not type(item.module).__module__.startswith("torch."):
                    self._of_class[type(item.module), item.attribute] = item.place
        by_storage: dict[object, list[torch.Tensor]] = {}
        for module in modules.values():
            for tensor in own_tensors(module):
                by_storage.setdefault(storage_key(tensor), []).append(tensor)
        history: dict[int, list[Write]] = {}
        for written in recorder.writes:
            for tensor in by_storage.get(storage_key(written.tensor), ()):
                history.setdefault(id(tensor), []).append(_write(written, tensor))
        for tensors in by_storage.values():
            for tensor in tensors:
                if is_drawn(tensor):
                    self._drawn.set(tensor, True)
                earlier = self._writes.get(tensor) or ()
                self._writes.set(tensor, (*earlier, *history.get(id(tensor), ())))

    def add_copies(
        self, recorder: Recorder, modules: Iterable[tuple[nn.Module, Place | None]], copies: Sequence[ParameterCopy]
    ) -> None:
        """Take over deep copies: each has the history that its original had by then, and its own from there on."""
        by_storage: dict[object, list[tuple[int, Written]]] = {}
        for number, written in enumerate(recorder.writes):
            by_storage.setdefault(storage_key(written.tensor), []).append((number, written))
        inherited: dict[int, tuple[tuple[Write, ...], int]] = {}
        end = len(recorder.writes)

        def within(tensor: torch.Tensor, start: int, stop: int) -> tuple[Write, ...]:
            entries = by_storage.get(storage_key(tensor), ())
            return tuple(_write(written, tensor) for number, written in entries if start <= number < stop)

        def history(tensor: torch.Tensor, stop: int) -> tuple[Write, ...] | None:
            if id(tensor) in inherited:
                before, start = inherited[id(tensor)]
                return (*before, *within(tensor, start, stop))
            known = self._writes.get(tensor)
            if known is None:
                return None
            earlier = known[: len(known) - len(within(tensor, 0, end))]
            return (*earlier, *within(tensor, 0, stop))

        for item in copies:
            before = history(item.original, item.writes)
            if before is not None:
                inherited[id(item.copy)] = before, item.writes
        for item in copies:
            now = history(item.copy, end)
            if now is not None:
                self._writes.set(item.copy, now)
        for module, place in modules:
            own = [parameter for parameter in vars(module)["_parameters"].values() if parameter is not None]
            if all(self._writes.get(parameter) is not None for parameter in own):
                self._of(module)
                self._made.set(module, place)

    def _of(self, module: nn.Module) -> Bound:
        bound = self._bound.get(module)
        if bound is None:
            bound = Bound()
            self._bound.set(module, bound)
        return bound


def _write(written: Written, tensor: torch.Tensor) -> Write:
    """A recorded write as one to ``tensor``, whose memory it went to."""
    is_whole = written.operation != "__setitem__" and written.tensor.numel() == tensor.numel()
    return Write("", written.operation, written.places, written.raised, written.is_default, is_whole)


def own_tensors(module: nn.Module) -> list[torch.Tensor]:
    """The tensors that a Module itself holds, registered or as plain attributes; lazy ones left out."""
    own = vars(module)
    values = [*(own.get("_parameters") or {}).values(), *(own.get("_buffers") or {}).values(), *own.values()]
    return [value for value in values if isinstance(value, torch.Tensor) and not torch.nn.parameter.is_lazy(value)]

"""What a freshly built instance holds: every tensor and Module with where it came from, as data."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import nn

from paramlint.model.observation import Assignment, ModuleObservation, Observation, Place, TensorObservation, Write
from paramlint.runtime.worker import build, elsewhere, stack
from paramlint.runtime.worker.build import Built
from paramlint.runtime.worker.timing import Clock
from paramlint.runtime.worker.walk import FoundTensor, Walk, is_lazy
from paramlint.runtime.worker.watch import Recorder

_LISTED = 5_000
_WRITES = 2_000


class Subject(NamedTuple):
    """An instance with the record of its construction and the walk over it."""

    instance: nn.Module
    recorder: Recorder
    walk: Walk


def take(way: Built, clock: Clock, number: int) -> Subject:
    """Build an instance under random seed ``number`` and watch it."""
    recorder = Recorder()
    with clock.limit(clock.left):
        build.seed(number)
        with elsewhere.pretending() if way.needs_pretence else nullcontext(), recorder.watching():
            made = way.make()
        return Subject(made, recorder, Walk(made))


def instance(way: Built, clock: Clock, number: int) -> nn.Module:
    """An instance like the one of ``take``, when nothing of its building is asked."""
    with clock.limit(clock.left):
        build.seed(number)
        with elsewhere.pretending() if way.needs_pretence else nullcontext():
            return way.make()


def describe(known: Observation, subject: Subject, reads_memory: bool = True) -> Observation:
    """The observation with tensors, modules, bindings and writes.

    ``reads_memory``: whether it tells which elements nothing ever wrote; that reads all of them.
    """
    names, failure = None, None
    try:
        names = set(subject.instance.state_dict())
    except Exception as error:  # without a base constructor there is no state
        failure = stack.failure(error)
    places = {
        (id(item.module), item.attribute): item.place for item in subject.recorder.bindings if item.raised is None
    }
    registered: dict[object, str] = {}
    for found in subject.walk.tensors:
        if found.kind != "plain":
            registered.setdefault(storage_key(found.tensor), found.path)
    own: dict[int, str] = {}
    for found in subject.walk.tensors:
        if found.kind != "plain":
            own.setdefault(id(found.tensor), found.path)
    notes = list(known.notes)
    if not subject.walk.is_complete:
        notes.append("the instance holds more than was walked")
    return known._replace(
        tensors=tuple(
            _tensor(found, names, places, own, registered, reads_memory) for found in subject.walk.tensors[:_LISTED]
        ),
        modules=tuple(
            ModuleObservation(
                found.path,
                found.owner,
                class_name(type(found.owner_module)),
                found.attribute,
                class_name(type(found.module)),
                found.is_registered,
                *_state_of(found.module),
                places.get((id(found.owner_module), found.attribute)),
            )
            for found in subject.walk.modules[:_LISTED]
        ),
        assignments=tuple(_assignments(subject)),
        writes=tuple(_writes(subject)),
        state_failure=failure,
        notes=tuple(notes),
    )


def _tensor(
    found: FoundTensor,
    names: set[str] | None,
    places: dict[tuple[int, str], Place | None],
    own: dict[int, str],
    registered: dict[object, str],
    reads_memory: bool,
) -> TensorObservation:
    tensor = found.tensor
    lazy = is_lazy(tensor)
    same_as = None
    if found.kind == "plain" and not lazy:
        same_as = own.get(id(tensor)) or registered.get(storage_key(tensor))
    elif own.get(id(tensor)) != found.path:
        same_as = own.get(id(tensor))
    return TensorObservation(
        path=found.path,
        owner=found.owner,
        owner_class=class_name(type(found.owner_module)),
        attribute=found.attribute,
        registration=found.kind,
        is_parameter=isinstance(tensor, nn.Parameter) or lazy,
        requires_grad=tensor.requires_grad,
        is_leaf=tensor.is_leaf,
        shape=() if lazy else tuple(int(size) for size in tensor.shape),
        dtype=str(tensor.dtype),
        device=str(tensor.device),
        elements=0 if lazy else int(tensor.numel()),
        is_uninitialised_lazy=lazy,
        same_as=same_as,
        uninitialised=None if lazy or not reads_memory else unwritten_share(tensor),
        in_state_dict=names is not None and found.path in names,
        place=places.get((id(found.owner_module), found.attribute)),
    )


def unwritten_share(tensor: torch.Tensor) -> float | None:
    """The share of elements that still hold what memory is filled with at allocation; None where it cannot be told.

    Floating-point memory is filled with NaN, integers with their largest value (``fill_uninitialized_memory`` in
    torch/utils/deterministic.py). A tensor that holds such values on purpose is told apart by a build without filling.
    """
    if tensor.device.type == "meta" or tensor.is_sparse or tensor.is_quantized or not tensor.numel():
        return 0.0 if not tensor.numel() else None
    try:
        with torch.no_grad():
            values = tensor.detach()
            if values.is_floating_point() or values.is_complex():
                missing = values.isnan()
                return float(missing.double().mean()) if bool(missing.any()) else 0.0
            if values.dtype is torch.bool:
                return None
            return float((values == torch.iinfo(values.dtype).max).double().mean())
    except Exception:  # a tensor subclass need not answer
        return None


def storage_key(tensor: torch.Tensor) -> object:
    """Equal for tensors that share memory."""
    try:
        storage = tensor.untyped_storage()
        return storage._cdata if tensor.numel() else id(tensor)
    except Exception:  # older torch, lazy and wrapper tensors
        return id(tensor)


def _state_of(module: nn.Module) -> tuple[bool, int]:
    try:
        elements = sum(0 if is_lazy(item) else item.numel() for item in module.parameters())
        return elements > 0 or next(iter(module.state_dict()), None) is not None, elements
    except Exception:
        return False, 0


def _assignments(subject: Subject) -> Iterable[Assignment]:
    paths = module_paths(subject.walk)
    seen: set[Assignment] = set()
    for item in subject.recorder.bindings:
        owner = paths.get(id(item.module))
        if owner is None or item.place is None or not (item.is_direct or item.raised):
            continue
        entry = Assignment(owner, item.attribute, item.how, "construction", item.place, item.raised)
        if entry not in seen and len(seen) < _LISTED:
            seen.add(entry)
            yield entry


def module_paths(walk: Walk) -> dict[int, str]:
    """Paths of all Modules by identity."""
    return {id(walk.root): "", **{id(found.module): found.path for found in walk.modules}}


def _writes(subject: Subject) -> Iterable[Write]:
    targets: dict[object, str] = {}
    for found in subject.walk.tensors:
        if not is_lazy(found.tensor):
            targets.setdefault(storage_key(found.tensor), found.path)
    count = 0
    for item in subject.recorder.writes:
        path = targets.get(storage_key(item.tensor))
        if path is not None and count < _WRITES:
            count += 1
            yield Write(path, item.operation, item.places, item.raised, item.is_default)


def class_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"

"""The questions put to an instance after it is built, in order of risk."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import nn

from paramlint.model.observation import Failure, Observation, TensorObservation
from paramlint.runtime.worker import build, elsewhere, function_mode, preparation, snapshot, stack, zeroing
from paramlint.runtime.worker.build import Built
from paramlint.runtime.worker.snapshot import Subject
from paramlint.runtime.worker.timing import Clock
from paramlint.runtime.worker.walk import Walk, is_lazy

Probe = Callable[[Observation, Subject, Built, Clock], Observation]
_COPYABLE = 50_000_000


def update(known: Observation, change: Callable[[TensorObservation], TensorObservation]) -> Observation:
    return known._replace(tensors=tuple(change(tensor) for tensor in known.tensors))


def true_uninitialised(known: Observation, subject: Subject, way: Built, clock: Clock) -> Observation:
    """Values that are NaN (or the largest integer) on purpose are there without filling as well."""
    if not any(tensor.uninitialised for tensor in known.tensors):
        return known
    preparation.set_filling(False)
    try:
        # Without filling, new memory may hold the NaN of what was freed before; so it is set to zero.
        with zeroing.zeroing():
            again = snapshot.take(way, clock, 0).walk.by_path
    finally:
        preparation.set_filling(True)

    def change(tensor: TensorObservation) -> TensorObservation:
        if not tensor.uninitialised or tensor.path not in again:
            return tensor
        on_purpose = snapshot.unwritten_share(again[tensor.path].tensor) or 0.0
        return tensor._replace(uninitialised=max(0.0, tensor.uninitialised - on_purpose))

    return update(known, change)


def randomness_and_dtype(known: Observation, subject: Subject, way: Built, clock: Clock) -> Observation:
    """Which values another seed changes, and which tensors ``.to(torch.float64)`` leaves behind."""
    other = snapshot.take(way, clock, 1)
    first, second = subject.walk.by_path, other.walk.by_path
    differs: dict[str, bool | None] = {}
    with torch.no_grad():
        for path, found in first.items():
            differs[path] = _differs(found.tensor, second[path].tensor) if path in second else None
    wanted = torch.float64
    sources = {path: found.tensor for path, found in second.items() if _floating(found.tensor)}
    if any(tensor.dtype == torch.float64 for tensor in sources.values()):
        wanted = torch.float32 if all(tensor.dtype == torch.float64 for tensor in sources.values()) else torch.bfloat16
    follows: dict[str, bool] = {}
    failure = None
    try:
        with clock.limit(clock.left):
            other.instance.to(wanted)
        after = Walk(other.instance).by_path
        follows = {path: after[path].tensor.dtype == wanted for path in sources if path in after}
    except Exception as error:  # without a base constructor there is nothing to move
        failure = stack.failure(error)

    def change(tensor: TensorObservation) -> TensorObservation:
        return tensor._replace(is_random=differs.get(tensor.path), follows_dtype=follows.get(tensor.path))

    return update(known, change)._replace(move_failure=failure)


def _floating(tensor: torch.Tensor) -> bool:
    return not is_lazy(tensor) and tensor.is_floating_point()


def _differs(first: torch.Tensor, second: torch.Tensor) -> bool | None:
    if is_lazy(first) or is_lazy(second) or first.device.type == "meta":
        return None
    if first.shape != second.shape or first.dtype != second.dtype:
        return None
    first, second = first.detach(), second.detach()
    if first.is_sparse or first.is_quantized:
        return None
    if first.is_floating_point() or first.is_complex():
        return bool(((first != second) & ~(first.isnan() & second.isnan())).any())
    return not torch.equal(first, second)


def registration_elsewhere(known: Observation, subject: Subject, way: Built, clock: Clock) -> Observation:
    """What is registered where ``.to(device)`` in the constructor really moves."""
    if not function_mode.is_available() or not (subject.recorder.moved_parameter or way.needs_pretence):
        return known
    with clock.limit(clock.left):
        build.seed(0)
        with elsewhere.pretending() if not way.needs_pretence else nullcontext(), elsewhere.pretending():
            instance = way.make()
        there = Walk(instance).by_path

    def change(tensor: TensorObservation) -> TensorObservation:
        found = there.get(tensor.path)
        return tensor._replace(registration_elsewhere=found.kind if found else "absent")

    return update(known, change)


def copying(known: Observation, subject: Subject, clock: Clock) -> Observation:
    """Whether the instance can be copied and pickled as it is now: after forward passes, where there were any."""
    if sum(tensor.elements for tensor in known.tensors) > _COPYABLE:
        return known
    failures: list[Failure | None] = []
    for step in (copy.deepcopy, _pickled):
        failure = None
        try:
            with clock.limit(clock.left / 2):
                step(subject.instance)
        except Exception as error:
            failure = stack.failure(error)
        failures.append(failure)
    return known._replace(deepcopy_failure=failures[0], pickle_failure=failures[1])


def _pickled(instance: nn.Module) -> object:
    return pickle.loads(pickle.dumps(instance))


ALL: tuple[Probe, ...] = (true_uninitialised, randomness_and_dtype, registration_elsewhere)

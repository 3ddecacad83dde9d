"""What a built instance holds and computes, in a form that two builds of different sources can be compared by."""

from __future__ import annotations

import ctypes
import functools
import hashlib
from collections.abc import Iterable

import torch

from paramlint.model.observation import Observation, StateDigest
from paramlint.runtime.worker import snapshot
from paramlint.runtime.worker.build import Built
from paramlint.runtime.worker.forward import call, flatten, runner
from paramlint.runtime.worker.inputs import Input
from paramlint.runtime.worker.timing import Clock
from paramlint.runtime.worker.walk import Walk, is_lazy

_MOST_BYTES = 1 << 28


def digests(known: Observation, way: Built, clock: Clock, chosen: Input | None) -> Observation:
    """The state of a fresh build under one seed, and what its forward returns in the mode that it was built in.

    Training mode on purpose: a module that ``eval()`` does not reach is in it before and after it is registered.
    """
    instance = snapshot.instance(way, clock, 0)
    entries: list[tuple[str, str, torch.Tensor]] = []
    entries += [("parameter", name, tensor) for name, tensor in instance.named_parameters()]
    entries += [("buffer", name, tensor) for name, tensor in instance.named_buffers()]
    known = known._replace(
        state=tuple(_entry(name, kind, tensor) for kind, name, tensor in entries if not is_lazy(tensor)),
        hidden=tuple(
            _entry(found.path, found.kind, found.tensor)
            for found in Walk(instance).tensors
            if found.kind == "plain" and not is_lazy(found.tensor)
        ),
    )
    if chosen is None:
        return known
    with torch.no_grad(), clock.limit(clock.left):
        values = flatten(runner(way)(functools.partial(call, instance, chosen, 4)))
    return known._replace(output=_digest(values))


def _entry(name: str, kind: str, tensor: torch.Tensor) -> StateDigest:
    return StateDigest(name, kind, tuple(map(int, tensor.shape)), str(tensor.dtype), _digest([tensor]))


def _digest(tensors: Iterable[torch.Tensor]) -> str | None:
    """Equal for equal numbers; None where they cannot be read."""
    total = hashlib.blake2b(digest_size=16)
    for tensor in tensors:
        total.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        if tensor.device.type != "cpu" or tensor.is_sparse or tensor.is_quantized:
            return None
        values = tensor.detach().resolve_conj().resolve_neg().contiguous()
        size = values.numel() * values.element_size()
        if size > _MOST_BYTES:
            return None
        total.update(ctypes.string_at(values.data_ptr(), size) if size else b"")
    return total.hexdigest()

"""What a built instance holds and computes, in a form that two builds of different sources can be compared by."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import re
import sys
from collections.abc import Collection, Iterable

import torch
from torch import nn

from paramlint.model.observation import Observation, StateDigest, Touched
from paramlint.runtime.worker import snapshot
from paramlint.runtime.worker.build import Built
from paramlint.runtime.worker.forward import call, flatten, runner
from paramlint.runtime.worker.importing import is_file
from paramlint.runtime.worker.inputs import Input
from paramlint.runtime.worker.timing import Clock
from paramlint.runtime.worker.walk import Walk, is_lazy

_MOST_BYTES = 1 << 28
_LONGEST = 300
_STEP = re.compile(r"\w+")


class Reach:
    """Which of some attributes a tensor of an instance lies below, by its path."""

    def __init__(self, walk: Walk, wanted: Collection[Touched]) -> None:
        modules = [("", walk.root), *((found.path, found.module) for found in walk.modules)]
        self._places = [
            (_steps(f"{path}.{item.attribute}"), item)
            for item in wanted
            for path, module in modules
            if item.attribute and _is_instance(module, item)
        ]

    def of(self, path: str) -> tuple[Touched, ...]:
        steps = _steps(path)
        return tuple(dict.fromkeys(item for place, item in self._places if steps[: len(place)] == place))


def _is_instance(module: nn.Module, wanted: Touched) -> bool:
    """Whether a Module is of the class that a file defines, or of one that derives from it."""
    return any(
        kind.__qualname__ == wanted.class_name
        and (made := sys.modules.get(kind.__module__)) is not None
        and is_file(made, wanted.path)
        for kind in type(module).__mro__
    )


def _steps(path: str) -> tuple[str, ...]:
    return tuple(_STEP.findall(path))


def digests(
    known: Observation, way: Built, clock: Clock, chosen: Input | None, touched: Collection[Touched]
) -> Observation:
    """The state of a fresh build under one seed, and what its forward returns in the mode that it was built in.

    Training mode on purpose: a module that ``eval()`` does not reach is in it before and after it is registered.
    """
    instance = snapshot.instance(way, clock, 0)
    list(instance.named_parameters())  # raises for a Module without tables, which has no state
    walk = Walk(instance)
    reach = Reach(walk, touched)
    entries = [
        StateDigest(
            found.path,
            found.kind,
            tuple(map(int, tensor.shape)),
            str(tensor.dtype),
            _digest([tensor]),
            reach.of(found.path),
        )
        for found in walk.tensors
        if not is_lazy(tensor := found.tensor)
    ]
    known = known._replace(
        state=tuple(entry for entry in entries if entry.registration != "plain"),
        hidden=tuple(entry for entry in entries if entry.registration == "plain"),
    )
    if chosen is None:
        return known
    values = _output(instance, way, clock, chosen)
    form = ", ".join(f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}" for tensor in values)
    return known._replace(output=_digest(values), form=f"{form[:_LONGEST]} ({len(values)} tensors)")


def levelled(known: Observation, way: Built, clock: Clock, chosen: Input, touched: Collection[Touched]) -> Observation:
    """What forward of a fresh build returns where every weight holds values that follow from its name alone.

    Two builds whose weights were drawn otherwise then return the same, as long as they compute the same.
    ``touched``: attributes whose tensors count as weights, be they Parameters or not.
    """
    instance = snapshot.instance(way, clock, 0)
    with torch.no_grad():
        _level(instance, touched)
    values = _output(instance, way, clock, chosen)
    tells = any(
        tensor.numel() and (not tensor.is_floating_point() or bool(tensor.isfinite().any())) for tensor in values
    )
    return known._replace(levelled=_digest(values) if tells else None)


def _level(instance: nn.Module, touched: Collection[Touched]) -> None:
    """Write the weights; one that goes by several names has the first of those that are not ``touched``."""
    chosen: dict[int, tuple[bool, tuple[str, ...], torch.Tensor]] = {}
    walk = Walk(instance)
    reach = Reach(walk, touched)
    for found in walk.tensors:
        tensor, steps = found.tensor, _steps(found.path)
        is_meant = bool(reach.of(found.path))
        if is_lazy(tensor) or not (tensor.is_floating_point() or tensor.is_complex()):
            continue
        if isinstance(tensor, nn.Parameter) or (is_meant and tensor.is_leaf):
            other = chosen.get(id(tensor))
            if other is None or (is_meant, steps) < other[:2]:
                chosen[id(tensor)] = is_meant, steps, tensor
    for _, steps, tensor in chosen.values():
        seed = hashlib.blake2b(".".join(steps).encode(), digest_size=7).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(seed, "big"))
        values = torch.rand(tensor.shape, generator=generator)
        if tensor.dim() > 1:  # of a size that keeps what passes through many layers in bounds
            values = (values - 0.5) * (12 * tensor.shape[0] / max(1, tensor.numel())) ** 0.5
        else:  # gains and scales, of which a logarithm or a root may be taken
            values = values + 0.5
        tensor.copy_(values)


def _output(instance: nn.Module, way: Built, clock: Clock, chosen: Input) -> list[torch.Tensor]:
    with torch.no_grad(), clock.limit(clock.left):
        return flatten(runner(way)(functools.partial(call, instance, chosen, 4)))


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

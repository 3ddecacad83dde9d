"""A device kept in our own books: real CPU tensors, each known to be on the accelerator or on the CPU by its storage.

It runs what fake tensors cannot: ``.item()``, branches on data, outputs whose size depends on data. A tensor that is in
neither book (made inside torch's own code) clashes with nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn

from paramlint.runtime.worker.function_mode import through
from paramlint.runtime.worker.holes import MIXING, clash, writes
from paramlint.runtime.worker.snapshot import storage_key
from paramlint.runtime.worker.watch import FACTORIES


class Books:
    """Which storages are on the accelerator and which are on the CPU; storages are kept alive, so that keys stay theirs."""

    def __init__(self, device: torch.device | None = None) -> None:
        """``device`` is what moved tensors answer; by default the accelerator that this process has simulated."""
        self.accelerated: dict[object, torch.Tensor] = {}
        self.pinned: dict[object, torch.Tensor] = {}
        self.device = device or _accelerator()

    def put(self, tensor: torch.Tensor, on_accelerator: bool) -> torch.Tensor:
        key = storage_key(tensor)
        (self.pinned if on_accelerator else self.accelerated).pop(key, None)
        (self.accelerated if on_accelerator else self.pinned)[key] = tensor
        return tensor

    def is_accelerated(self, tensor: torch.Tensor) -> bool:
        return storage_key(tensor) in self.accelerated

    def is_pinned(self, tensor: torch.Tensor) -> bool:
        return storage_key(tensor) in self.pinned


def _accelerator() -> torch.device:
    """The simulated accelerator; by torch's own word for it where none could be registered under a name."""
    try:
        return torch.device("accel", 0)
    except RuntimeError:
        return torch.device("privateuseone", 0)


def moved(books: Books, tensor: torch.Tensor) -> torch.Tensor:
    """A copy of a tensor on the accelerator."""
    return books.put(tensor.detach().clone().requires_grad_(tensor.requires_grad), True)


@contextmanager
def running(books: Books) -> Iterator[None]:
    """In the body, devices are those of the books; RuntimeError with torch's own words where two of them meet."""
    with through(partial(_call, books)):
        yield


def _call(books: Books, func: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    name = getattr(func, "__name__", "")
    owner = getattr(getattr(func, "__self__", None), "__name__", "")
    if name == "__get__":
        return _property(books, owner, func, args)
    if name == "__set__":
        result = func(*args, **keywords)
        if owner == "data" and isinstance(args[1], torch.Tensor):
            books.put(args[0], books.is_accelerated(args[1]))
        return result
    target = _wanted_device(books, name, args, keywords)
    args = tuple(_plain(books, item) for item in args)
    keywords = {key: _plain(books, item) for key, item in keywords.items()}
    operands = list(tensors_in((args, tuple(keywords.values()))))
    if name not in MIXING:
        _check(books, name, args, operands)
    if name in ("cuda", "xpu") and operands:
        return books.put(operands[0].clone(), True)
    result = func(*args, **keywords)
    place = _place_of_result(books, name, target, operands)
    if place is not None:
        for tensor in tensors_in((result,)):
            if target is not None and tensor is not None and any(tensor is item for item in operands):
                if books.is_accelerated(tensor) != place:
                    return books.put(tensor.clone(), place)
            elif not any(storage_key(tensor) == storage_key(item) for item in operands):
                books.put(tensor, place)
    return result


def _property(books: Books, owner: str, func: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    tensor = args[0]
    if owner == "device" and books.is_accelerated(tensor):
        return books.device
    if owner == "is_cpu" and books.is_accelerated(tensor):
        return False
    result = func(*args)
    if isinstance(result, torch.Tensor) and storage_key(result) != storage_key(tensor):
        books.put(result, books.is_accelerated(tensor))
    return result


def _wanted_device(books: Books, name: str, args: tuple[Any, ...], keywords: dict[str, Any]) -> bool | None:
    """Whether a call names a device: True for the accelerator, False for the CPU, None where it names none."""
    if name == "cpu":
        return False
    named = [keywords.get("device")]
    if name == "to":
        named += [item for item in args[1:2] if isinstance(item, (str, torch.device, int, torch.Tensor))]
        named.append(keywords.get("other"))
    if name == "type_as" and len(args) > 1:
        named.append(args[1])
    for item in named:
        if isinstance(item, torch.Tensor):
            return books.is_accelerated(item)
        if isinstance(item, torch.device):
            return item.type != "cpu"
        if isinstance(item, str):
            return not item.startswith("cpu")
        if isinstance(item, int) and not isinstance(item, bool) and name in ("to", "cuda"):
            return True
    return None


def _plain(books: Books, item: Any) -> Any:
    if isinstance(item, torch.device) and item.type == books.device.type:
        return torch.device("cpu")
    if isinstance(item, str) and item.startswith(books.device.type):
        return "cpu"
    return item


def _check(books: Books, name: str, args: tuple[Any, ...], operands: list[torch.Tensor]) -> None:
    fast = [item for item in operands if books.is_accelerated(item)]
    # A number on the CPU may stand beside tensors of the accelerator, but nothing of theirs is written into it.
    written = args[0] if args and writes(name) else None
    slow = [
        item for item in operands if books.is_pinned(item) and (item.dim() > 0 or item is written) and item.numel() > 0
    ]
    if not fast or not slow:
        return
    if name in ("__getitem__", "index_put_", "index_put", "__setitem__"):
        if books.is_pinned(args[0]) and name == "__getitem__":
            raise RuntimeError("indices should be either on cpu or on the same device as the indexed tensor (cpu)")
        return
    raise clash((str(books.device), "cpu"))


def _place_of_result(books: Books, name: str, target: bool | None, operands: list[torch.Tensor]) -> bool | None:
    if target is not None:
        return target
    if any(books.is_accelerated(item) for item in operands):
        return True
    if name in FACTORIES or any(books.is_pinned(item) for item in operands):
        return False
    return None


def tensors_in(value: Any, depth: int = 0) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)) and depth < 5:
        for item in value:
            yield from tensors_in(item, depth + 1)
    elif isinstance(value, dict) and depth < 5:
        for item in value.values():
            yield from tensors_in(item, depth + 1)


def accelerate(books: Books, instance: nn.Module) -> None:
    """Move an instance as ``.to(device)`` does; parameters keep their identity, buffers do not."""
    for tensor in tensors_in([list(instance.parameters()), list(instance.buffers())]):
        books.put(tensor, False)
    instance._apply(lambda tensor: moved(books, tensor))  # type: ignore[no-untyped-call]
    for parameter in instance.parameters():
        books.put(parameter, True)

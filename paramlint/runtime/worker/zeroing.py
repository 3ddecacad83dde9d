"""Filling memory that user code asks for uninitialised: with zeros, or with whatever a caller has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

try:
    from torch.utils._python_dispatch import TorchDispatchMode
except ImportError:  # before torch 1.12: nothing is filled
    TorchDispatchMode = None  # type: ignore[assignment, misc]

_ALLOCATIONS = ("empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "empty_permuted")


@contextmanager
def filling(fill: Callable[[torch.Tensor], object]) -> Iterator[None]:
    """In the body, each tensor from ``torch.empty`` and all that end in it goes through ``fill`` first."""
    if TorchDispatchMode is None:
        yield
        return
    with _mode(fill):
        yield


@contextmanager
def zeroing() -> Iterator[None]:
    """In the body, ``torch.empty`` and all that end in it return zeros."""
    with filling(lambda tensor: tensor.zero_()):
        yield


def _mode(fill: Callable[[torch.Tensor], object]) -> Any:
    class Filling(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(
            self,
            func: Callable[..., Any],
            types: Sequence[type],
            args: tuple[Any, ...] = (),
            kwargs: Mapping[str, Any] | None = None,
        ) -> Any:
            result = func(*args, **(kwargs or {}))
            name = str(func).partition(".")[2].partition(".")[0]
            if name in _ALLOCATIONS and isinstance(result, torch.Tensor):
                fill(result)
            return result

    return Filling()  # type: ignore[no-untyped-call]

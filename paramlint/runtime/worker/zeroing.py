"""Allocating zeroed memory wherever user code asks for uninitialised memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

try:
    from torch.utils._python_dispatch import TorchDispatchMode
except ImportError:  # before torch 1.12
    TorchDispatchMode = None  # type: ignore[assignment, misc]

ALLOCATIONS = ("empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "empty_permuted")


@contextmanager
def zeroing() -> Iterator[None]:
    """In the body, ``torch.empty`` and all that end in it return zeros."""
    if TorchDispatchMode is None:
        yield
        return
    with _mode():
        yield


def _mode() -> Any:
    class Zeroing(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(
            self,
            func: Callable[..., Any],
            types: Sequence[type],
            args: tuple[Any, ...] = (),
            kwargs: Mapping[str, Any] | None = None,
        ) -> Any:
            result = func(*args, **(kwargs or {}))
            name = str(func).partition(".")[2].partition(".")[0]
            if name in ALLOCATIONS and isinstance(result, torch.Tensor):
                result.zero_()
            return result

    return Zeroing()  # type: ignore[no-untyped-call]

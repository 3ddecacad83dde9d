"""A mode in which every call of one of torch's functions goes through one of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

try:
    from torch.overrides import TorchFunctionMode
except ImportError:  # before torch 1.13
    TorchFunctionMode = None  # type: ignore[assignment, misc]

Function: TypeAlias = Callable[..., Any]


def is_available() -> bool:
    """Whether this torch has such modes."""
    return TorchFunctionMode is not None


def through(call: Callable[[Function, tuple[Any, ...], dict[str, Any]], Any]) -> AbstractContextManager[object]:
    """Return a mode in which ``call`` is given each function with its arguments, and answers in its place."""

    class Through(TorchFunctionMode):
        def __torch_function__(
            self,
            func: Function,
            types: Sequence[type],
            args: tuple[Any, ...] = (),
            kwargs: Mapping[str, Any] | None = None,
        ) -> Any:
            return call(func, args, dict(kwargs or {}))

    return Through()

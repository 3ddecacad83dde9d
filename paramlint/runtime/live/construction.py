"""Watching a Module being built where nobody says when it begins and ends."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType
from typing import Any

import torch
from torch import nn

from paramlint.runtime.live.building import Building
from paramlint.runtime.live.provenance import Provenance
from paramlint.runtime.worker.watch import patched


class Construction:
    """One outermost constructor, watched from its call of ``Module.__init__`` on.

    Python tells nobody when a constructor returns, so that it is over shows when something else happens. Until then a
    function mode and a dispatch mode stay active. Modes of torch form a stack: these are entered only while it is empty
    and left only while they are alone on it, so that the user's own modes are never taken for them.
    """

    def __init__(self, module: nn.Module, outermost: FrameType, settle: Callable[[], None]) -> None:
        """``settle`` is called where it may be over: what is read of a Module afterwards is the first sign of that."""
        self._building = Building()
        self._frame = outermost
        self._thread = threading.get_ident()
        self._active = ExitStack()
        self._active.enter_context(self._building.watching())
        self._settle = settle
        self._active.enter_context(patched(nn.Module, "__getattr__", self._wrap_getattr))
        self._building.note(module, sys._getframe(2))

    def _wrap_getattr(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def getattr_(module: nn.Module, name: str) -> Any:
            if threading.get_ident() == self._thread and self.is_over():
                self._settle()
            return original(module, name)

        return getattr_

    def is_over(self) -> bool:
        """Whether the constructor has returned; asked on the thread that runs it."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame is self._frame:
                return False
            frame = frame.f_back
        return True

    def close(self, provenance: Provenance) -> bool:
        """Stop watching and hand over what was seen; False where modes of the user's are in the way for now."""
        if threading.get_ident() != self._thread or not are_modes_alone(1):
            return False
        self._active.close()
        self._building.digest(provenance)
        provenance.settle([module for module, _ in self._building.made])
        return True


def outermost_constructor(frame: FrameType | None) -> FrameType | None:
    """The outermost frame of the stack that is a constructor of a Module, and not ``Module.__init__`` itself."""
    found = None
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__init__" and code.co_varnames:
            if isinstance(frame.f_locals.get(code.co_varnames[0]), nn.Module):
                found = frame
        frame = frame.f_back
    return found


def can_tell_modes() -> bool:
    """Whether this torch has the private counters that ``are_modes_alone`` asks."""
    return hasattr(torch._C, "_len_torch_function_stack") and hasattr(torch._C, "_len_torch_dispatch_stack")


def are_modes_alone(count: int) -> bool:
    """Whether this many modes of either kind are active on this thread; False where this torch cannot tell."""
    if not can_tell_modes():
        return False
    return bool(torch._C._len_torch_function_stack() == count and torch._C._len_torch_dispatch_stack() == count)

"""Learning how large a model is before its memory is filled: filling gigabytes takes longer than all the rest."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import nn

from paramlint.runtime.worker import limits
from paramlint.runtime.worker.function_mode import Function, is_available, through

# What a constructor may ask for before it is looked at how much more it wants.
_SUSPICIOUS = 256 * 2**20
_SECONDS = 5
_FACTORIES = frozenset({"empty", "zeros", "ones", "full", "rand", "randn"})


@contextmanager
def guarded(make: Callable[[], object]) -> Iterator[None]:
    """In the body, which does what ``make`` does, raise MemoryError as soon as it shows that memory will not do.

    Once much is asked for, ``make`` is done in a process forked from this one, on the meta device; what it makes is
    compared with what this process may still hold. On a torch without function modes memory is filled to find out.
    """
    if not is_available() or not hasattr(os, "fork") or not hasattr(torch.device, "__enter__"):
        yield
        return
    with _guard(make):
        yield


def _guard(make: Callable[[], object]) -> AbstractContextManager[object]:
    asked = 0.0

    def call(function: Function, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        nonlocal asked
        if asked < _SUSPICIOUS and getattr(function, "__name__", "") in _FACTORIES:
            asked += 4.0 * _elements(args, keywords)
            if asked >= _SUSPICIOUS:
                allowed, needed = limits.allowance(), _needed(make)
                if allowed is not None and needed is not None and needed > allowed:
                    raise MemoryError(f"the model holds {needed / 2**30:.0f} GB")
        return function(*args, **keywords)

    return through(call)


def _elements(arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> int:
    """The number of elements that a factory is asked for; 0 where that is not plain."""
    sizes = arguments or (keywords.get("size", ()),)
    if len(sizes) > 0 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    return math.prod(sizes) if all(isinstance(size, int) for size in sizes) else 0


def _needed(make: Callable[[], object]) -> int | None:
    """The bytes of what ``make`` gives, told by another process; None where it cannot tell."""
    try:
        reader, writer = os.pipe()
        process = os.fork()
    except OSError:
        return None
    if process == 0:
        try:
            # Of the processor, since a busy machine makes no model larger.
            signal.signal(signal.SIGPROF, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_PROF, _SECONDS)
            with torch.device("meta"):
                value = make()
            os.write(writer, str(_bytes(value)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, encoding="ascii") as answer:
        text = answer.read()
    os.waitpid(process, 0)
    return int(text) if text.isdecimal() else None


def _bytes(value: object) -> int:
    modules = [item for item in (value if isinstance(value, (list, tuple)) else [value]) if isinstance(item, nn.Module)]
    tensors = [tensor for module in modules for tensor in (*module.parameters(), *module.buffers())]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

"""Pretending, on a machine without an accelerator, that every move to a device really moves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from paramlint.runtime.worker.function_mode import Function, is_available, through

_MISSING_DEVICE = re.compile(
    r"CUDA|NVIDIA|cuda|HIP|\bMPS\b|\bmps\b|\bxpu\b|\bnpu\b|privateuseone|not compiled with|no kernel image|device type"
)


def is_about_devices(message: str) -> bool:
    """Whether an exception's text says that this machine lacks a device."""
    return bool(_MISSING_DEVICE.search(message))


@contextmanager
def pretending() -> Iterator[None]:
    """In the body, ``.to(device)`` and ``.cuda()`` return a copy, as they do when the device is another one.

    Nothing leaves the CPU: devices named in calls are replaced by it. On a copy of a parameter autograd has its
    history, so what is stored is no leaf and no Parameter, exactly as on the real device.
    """
    if not is_available():
        yield
        return
    set_device = torch.cuda.set_device
    torch.cuda.set_device = _ignore
    try:
        with through(_call):
            yield
    finally:
        torch.cuda.set_device = set_device


def _ignore(*arguments: object, **keywords: object) -> None:
    return None


def _call(function: Function, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    name = getattr(function, "__name__", "")
    first: Any = args[0] if args else None
    if isinstance(first, torch.Tensor) and name in ("cuda", "xpu", "npu", "hpu", "ipu"):
        return first.clone()
    moves = False
    if isinstance(first, torch.Tensor) and name == "to":
        moves = any(_is_device(item) for item in (*args[1:], *keywords.values()))
        args = tuple(_on_cpu(item) for item in args)
        keywords = {key: _on_cpu(item) for key, item in keywords.items()}
    elif keywords.get("device") is not None:
        keywords["device"] = _on_cpu(keywords["device"])
    result = function(*args, **keywords)
    return result.clone() if moves and result is first and isinstance(first, nn.Parameter) else result


def _is_device(value: object) -> bool:
    if isinstance(value, torch.device):
        return True
    if isinstance(value, str):
        try:
            torch.device(value)
        except RuntimeError:
            return False
        return True
    return isinstance(value, int) and not isinstance(value, bool)


def _on_cpu(value: object) -> object:
    if isinstance(value, torch.device):
        return value if value.type == "meta" else torch.device("cpu")
    if isinstance(value, str) and re.match(r"(cuda|mps|xpu|npu|hpu|xla)(:\d+)?$", value):
        return torch.device("cpu")
    if isinstance(value, int) and not isinstance(value, bool):
        return torch.device("cpu")
    return value

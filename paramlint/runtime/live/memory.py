"""Marking memory that user code asks for uninitialised, so that what nothing writes can be told exactly.

The mark is a NaN with a payload of its own: a NaN that a program computes or writes on purpose never equals it, and
operations on marked elements keep it, as they keep them undefined.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType

import torch

from paramlint.runtime.worker.zeroing import filling

# The integers that share the bits of the marks: exponent all ones, quiet, and a payload.
_MARKS = MappingProxyType(
    {
        torch.float64: (torch.int64, 0x7FF85A5A5A5A5A5A),
        torch.float32: (torch.int32, 0x7FC05A5A),
        torch.float16: (torch.int16, 0x7E5A),
        torch.bfloat16: (torch.int16, 0x7FDA),
    }
)


@contextmanager
def marking() -> Iterator[None]:
    """In the body, floating-point memory from ``torch.empty`` and all that end in it is marked."""
    with filling(_mark):
        yield


def _mark(tensor: torch.Tensor) -> None:
    bits = _bits(tensor) if type(tensor) is torch.Tensor else None
    if bits is not None:
        bits[0].fill_(bits[1])


def marked_share(tensor: torch.Tensor) -> float | None:
    """The share of elements that are marked, 0 to 1; None where a tensor of its kind is never marked."""
    marks = _marks_of(tensor)
    if marks is None:
        return None
    # Nearly all memory is written: the share is worth computing where there is one.
    return float(marks.double().mean()) if bool(marks.any()) else 0.0


def clear(tensor: torch.Tensor) -> None:
    """Set marked elements to zero, which is as good as what they held."""
    bits = _bits(tensor)
    if bits is not None:
        view, mark = bits
        view.masked_fill_(view == mark, 0)


def _marks_of(tensor: torch.Tensor) -> torch.Tensor | None:
    bits = _bits(tensor)
    return None if bits is None else bits[0] == bits[1]


def _bits(tensor: torch.Tensor) -> tuple[torch.Tensor, int] | None:
    """The tensor's own memory as integers, and the mark."""
    if tensor.device.type == "meta" or tensor.layout is not torch.strided or tensor.is_quantized:
        return None
    try:
        values = tensor.detach()
        if type(values) not in (torch.Tensor, torch.nn.Parameter):
            return None
        if values.is_complex():
            values = torch.view_as_real(values)
        if values.dtype not in _MARKS:
            return None
        kind, mark = _MARKS[values.dtype]
        return values.view(kind), mark
    except Exception:  # a lazy or foreign tensor need not answer
        return None

"""What fake tensors let pass, or refuse in words of their own, and hardware refuses in torch's words."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch

from paramlint.runtime.worker.function_mode import Function, through

_CONVOLUTION = re.compile(r"conv(_transpose)?[123]")
# Calls that may take tensors of several devices, as torch's kernels allow it.
MIXING = frozenset(
    (
        "copy_",
        "fill_",
        "set_",
        "data=",
        "to",
        "cpu",
        "type_as",
        "_to_copy",
        "ctc_loss",
        "multinomial",
        "pack_padded_sequence",
        "_pack_padded_sequence",
        "pad_packed_sequence",
        "is_same_size",
        "tensor_split",
        "result_type",
        "can_cast",
        "broadcast_tensors",
        "broadcast_shapes",
        "is_tensor",
        "size",
        "dim",
        "__set__",
        "__len__",
        "expand_as",
        "view_as",
        "reshape_as",
        "is_set_to",
        "as_tensor",
        "requires_grad=",
        "grad=",
        "deepcopy",
        "__deepcopy__",
        "empty_like",
    )
)


def writes(name: str) -> bool:
    """Whether a method works in place: ``add_``, ``__iadd__``."""
    return (name.startswith("__i") and hasattr(operator, name)) or (name.endswith("_") and not name.endswith("__"))


def filled(device: str) -> AbstractContextManager[object]:
    """A mode in which the gaps are closed: an index, a convolution's kernel, a number that is written to, elsewhere."""

    def call(function: Function, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        _refuse(device, getattr(function, "__name__", ""), args, keywords)
        return function(*args, **keywords)

    return through(call)


def _refuse(device: str, name: str, args: tuple[Any, ...], keywords: Mapping[str, Any]) -> None:
    first: Any = args[0] if args else None
    is_on_cpu = isinstance(first, torch.Tensor) and first.device.type == "cpu"
    if name == "__getitem__" and is_on_cpu:
        index = args[1] if isinstance(args[1], tuple) else (args[1],)
        if device in _kinds(index):
            # The text of torch's own error (aten/src/ATen/TensorIndexing).
            raise RuntimeError("indices should be either on cpu or on the same device as the indexed tensor (cpu)")
    elif _CONVOLUTION.match(name):
        kinds = _kinds((*args, *keywords.values()))
        if len(kinds) > 1:
            raise clash(sorted(kinds))
    elif is_on_cpu and first.dim() == 0 and writes(name) and name not in MIXING:
        # A number on the CPU may stand beside tensors of another device, but not take what they give: of an output the
        # device is asked for (aten/src/ATen/TensorIterator.cpp, ``compute_types``).
        kinds = _kinds((*args, *keywords.values()))
        if device in kinds:
            raise clash(sorted(kinds))


def _kinds(values: Iterable[object]) -> set[str]:
    return {item.device.type for item in values if isinstance(item, torch.Tensor)}


def clash(devices: Iterable[str]) -> RuntimeError:
    """Return torch's own error about operands on several devices."""
    both = " and ".join(devices)
    return RuntimeError(f"Expected all tensors to be on the same device, but found at least two devices, {both}!")

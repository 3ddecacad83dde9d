"""What fake tensors let pass, or refuse in words of their own, and hardware refuses in torch's words."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

try:
    from torch.overrides import TorchFunctionMode
except ImportError:  # before torch 1.13
    TorchFunctionMode = None  # type: ignore[assignment, misc]

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


def filled(device: str) -> Any:
    """A mode in which the gaps are closed: an index, a convolution's kernel, a number that is written to, elsewhere."""

    class Holes(TorchFunctionMode):
        def __torch_function__(
            self,
            func: Callable[..., Any],
            types: Sequence[type],
            args: tuple[Any, ...] = (),
            kwargs: Mapping[str, Any] | None = None,
        ) -> Any:
            _refuse(device, getattr(func, "__name__", ""), args, kwargs or {})
            return func(*args, **(kwargs or {}))

    return Holes()


def _refuse(device: str, name: str, args: tuple[Any, ...], keywords: Mapping[str, Any]) -> None:
    operands = [item for item in (*args, *keywords.values()) if isinstance(item, torch.Tensor)]
    kinds = {item.device.type for item in operands}
    if name == "__getitem__" and isinstance(args[0], torch.Tensor) and args[0].device.type == "cpu":
        index = args[1] if isinstance(args[1], tuple) else (args[1],)
        if any(isinstance(item, torch.Tensor) and item.device.type == device for item in index):
            # The text of torch's own error (aten/src/ATen/TensorIndexing).
            raise RuntimeError("indices should be either on cpu or on the same device as the indexed tensor (cpu)")
    elif name.removeprefix("conv_transpose").removeprefix("conv")[:1] in ("1", "2", "3") and name.startswith("conv"):
        if len(kinds) > 1:
            raise _clash(kinds)
    elif writes(name) and name not in MIXING and operands and args and operands[0] is args[0]:
        # A number on the CPU may stand beside tensors of another device, but not take what they give: of an output the
        # device is asked for (aten/src/ATen/TensorIterator.cpp, ``compute_types``).
        if operands[0].dim() == 0 and operands[0].device.type == "cpu" and device in kinds:
            raise _clash(kinds)


def _clash(kinds: set[str]) -> RuntimeError:
    both = " and ".join(sorted(kinds))
    return RuntimeError(f"Expected all tensors to be on the same device, but found at least two devices, {both}!")

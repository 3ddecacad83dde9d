"""The device that an instance is moved to: one that exists only in torch's bookkeeping, or one of this machine."""

from __future__ import annotations

import functools
import importlib
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
from torch import nn

from paramlint.runtime.worker import stack

NAME = "accel"
_FEW = 12


class Accelerator(NamedTuple):
    """A device: ``mode`` must be active for every operation on it; ``name`` is its type as torch names it."""

    mode: Any
    name: str
    title: str = "simulated accelerator"
    is_real: bool = False

    def remember(self, modules: int) -> None:
        """Let the mode keep results of operations where a model of so many Modules is likely to repeat some.

        What is kept for an operation costs as much as working it out once more.
        """
        if hasattr(self.mode, "cache_enabled"):
            self.mode.cache_enabled = modules > _FEW

    def convert(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor moved; the mode must be active."""
        if self.is_real:
            return tensor.to(self.title)
        if tensor.device.type == "meta" or _is_plain(tensor):
            return unfilled(tensor, self.name)
        return self.mode.from_tensor(tensor).to(self.name)  # type: ignore[no-any-return]


def _is_plain(tensor: torch.Tensor) -> bool:
    """Whether a copy elsewhere has the same shape and strides and nothing else: then it need not be worked out."""
    kinds = torch.Tensor, nn.Parameter, getattr(nn, "Buffer", nn.Parameter)
    return (
        type(tensor) in kinds
        and tensor.layout is torch.strided
        and not (tensor.requires_grad and torch.is_grad_enabled())
        and not tensor.is_quantized
        and tensor.is_contiguous()
    )


def unfilled(tensor: torch.Tensor, device: str) -> torch.Tensor:
    """A fake tensor like one on meta; the mode must be active."""
    return torch.empty_strided(tuple(tensor.shape), tensor.stride(), dtype=tensor.dtype, device=device)


@functools.lru_cache(maxsize=1)
def simulated() -> Accelerator | str:
    """The simulated accelerator of this process, or why this torch cannot give one."""
    try:
        registration = importlib.import_module("torch.utils.backend_registration")
        fake = importlib.import_module("torch._subclasses.fake_tensor")
        if torch._C._get_privateuse1_backend_name() != NAME:
            registration._setup_privateuseone_for_python_backend(NAME)
        mode = fake.FakeTensorMode(allow_non_fake_inputs=True)
        with mode:
            torch.ones(1, device=NAME)
        return Accelerator(mode, NAME)
    except Exception as error:  # private functions, which may be absent or differ
        reason = f"{stack.type_name(error)}: {stack.first_line(stack.message(error))}"
        return f"this torch cannot simulate an accelerator ({reason})"


def real(name: str) -> Accelerator | str:
    """A device of this machine (``cuda``, ``cuda:1``, ``mps``), or why there is none."""
    try:
        place = torch.ones(1).to(name).device
    except Exception as error:  # whatever a driver raises is a reason
        return (
            f"this machine has no device {name!r} ({stack.type_name(error)}: {stack.first_line(stack.message(error))})"
        )
    if place.type == "cpu":
        return f"{name!r} is where models are built: nothing could be left behind there"
    return Accelerator(nullcontext(), place.type, name, True)

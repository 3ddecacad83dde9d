"""What is done once, before any fork: torch loaded, memory filling on, the slow first steps of fake tensors taken."""

from __future__ import annotations

import importlib
import os
import pickle
import warnings
from contextlib import suppress
from typing import Any

import torch


def prepare() -> tuple[str, ...]:
    """Ready torch for building and observing; returns what this torch lacks, a line each."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    lacking = []
    if not fill_uninitialized():
        lacking.append("this torch cannot fill uninitialised memory")
    # What torch imports when the first tensor is read back, no class has to.
    with suppress(Exception):
        pickle.loads(pickle.dumps(torch.ones(1)))
    if hasattr(os, "fork"):
        try:
            fake = importlib.import_module("torch._subclasses.fake_tensor")
            with fake.FakeTensorMode(allow_non_fake_inputs=True) as mode:
                tensor = mode.from_tensor(torch.ones(2, 2))
                # What the first call of an operation costs, no class pays then.
                torch.nn.functional.linear(tensor, tensor, tensor[0]).reshape(4).to("meta").to(torch.float64)
        except Exception as error:  # private, may be anything on another torch
            lacking.append(f"no fake tensors: {error}")
    return tuple(lacking)


def lacks() -> tuple[str, ...]:
    """What this torch is too old to show, as ``Observation.lacks`` names it."""
    found = []
    if not hasattr(importlib.import_module("torch.overrides"), "TorchFunctionMode"):
        found.append("in-place writes")
    if not is_filling():
        found.append("unwritten memory")
    return tuple(found)


def is_filling() -> bool:
    """Whether new memory is filled now, so that unwritten elements can be told."""
    return bool(torch.empty(3, device="cpu", dtype=torch.float32).isnan().all())


def fill_uninitialized() -> bool:
    """Let ``torch.empty`` and its like return NaN (the largest value for integers); False where torch cannot.

    The public switch, ``torch.use_deterministic_algorithms``, imports the whole compiler stack; the private one below
    it does not. Errors about operations without a deterministic form are turned into warnings.
    """
    try:
        set_filling(True)
    except Exception:
        return False
    try:
        torch._C._set_deterministic_algorithms(True, warn_only=True)
    except Exception:
        try:
            torch.use_deterministic_algorithms(True, warn_only=True)
        except Exception:
            return False
    return is_filling()


def set_filling(is_on: bool) -> None:
    """Turn the filling of uninitialised memory on or off; ImportError where torch has none (before 2.2)."""
    switch: Any = importlib.import_module("torch.utils.deterministic")
    switch.fill_uninitialized_memory = is_on

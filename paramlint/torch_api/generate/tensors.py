"""Tries torch's initialisers and in-place methods, to learn what they write, return and refuse."""

from __future__ import annotations

import inspect
import warnings

import torch
from torch import nn

from paramlint.torch_api.decode import Json
from paramlint.torch_api.generate.by_hand import WRITES_NO_VALUES

ARGUMENTS_OF_INITIALISERS: dict[str, tuple[object, ...]] = {
    "constant": (0.5,),
    "constant_": (0.5,),
    "sparse": (0.5,),
    "sparse_": (0.5,),
}
GUESSES: tuple[tuple[object, ...], ...] = (
    (),
    (0.5,),
    (torch.ones(3, 3),),
    (2.0, 3.0),
    (torch.ones(3, 3), torch.ones(3, 3)),
    (0, torch.zeros(3, 3, dtype=torch.int64), 0.5),
    (torch.ones(3, 3, dtype=torch.bool), 0.5),
    (0, torch.tensor([0]), 0.5),
    (0, torch.tensor([0]), torch.ones(1, 3)),
    (1, 0, 1.0),
    (0,),
    (0, 1),
    ((3, 3), (3, 1)),
)


def initialisers() -> dict[str, Json]:
    """The functions of ``torch.nn.init``, by canonical name."""
    found: dict[str, Json] = {}
    for name in sorted(dir(nn.init)):
        function = getattr(nn.init, name)
        if name.startswith("_") or (not hasattr(nn.init, f"{name}_") and not name.endswith("_")):
            continue
        found[f"torch.nn.init.{name}"] = _initialiser(name, function)
    return found


def _initialiser(name: str, function: object) -> Json:
    shape = (4, 4, 3) if name.startswith("dirac") else (5, 5)
    tensor = torch.full(shape, float("nan"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.manual_seed(0)
        result = function(tensor, *ARGUMENTS_OF_INITIALISERS.get(name, ()))  # type: ignore[operator]
        again = torch.full(shape, float("nan"))
        torch.manual_seed(1)
        function(again, *ARGUMENTS_OF_INITIALISERS.get(name, ()))  # type: ignore[operator]
    parameters = [*inspect.signature(getattr(nn.init, name.rstrip("_") + "_")).parameters]
    return {
        "tensor": parameters[0],
        "in_place": not bool(tensor.isnan().all()),
        "complete": not bool(tensor.isnan().any()),
        "returns_argument": result is tensor,
        "deprecated": any(issubclass(item.category, FutureWarning) for item in caught),
        "random": not torch.equal(tensor, again),
    }


def leaf_behaviour(methods: list[str]) -> tuple[list[str], list[str]]:
    """Which in-place methods return the Parameter they are called on, and which raise as it is a leaf.

    A method for which no guessed arguments fit is taken to raise where it writes values, as autograd's check_inplace
    does for all of them (torch/csrc/autograd/VariableTypeUtils.h).
    """
    returning: list[str] = []
    raising: list[str] = []
    for name in methods:
        outcome = _outcome(name)
        if outcome == "returns":
            returning.append(name)
        elif outcome == "raises" or (outcome == "unknown" and name not in WRITES_NO_VALUES):
            raising.append(name)
    return returning, raising


def _outcome(name: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for guess in GUESSES:
            parameter = nn.Parameter(torch.rand(3, 3))
            try:
                result = getattr(parameter, name)(*guess)
            except RuntimeError as problem:
                if "leaf" in str(problem):
                    return "raises"
            except (TypeError, ValueError, IndexError, NotImplementedError):
                continue
            else:
                return "returns" if result is parameter else "other"
    return "unknown"

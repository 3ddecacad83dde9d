"""What the functions of einops return: they read the dimensions of their result from a pattern."""

from __future__ import annotations

import re

from paramlint.interpret import calls, devices, results
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.values import Container, Known, Tensor, Value
from paramlint.model.code import Span

_FUNCTIONS = ("einops.rearrange", "einops.repeat", "einops.reduce", "einops.einsum")
_AXES = re.compile(r"\([^()]*\)|[^\s()]+")


def call(machine: Machine, frame: Frame, name: str, arguments: calls.Arguments, span: Span) -> Tensor | None:
    """The result of one of the functions of einops, None for another or for operands that are not known."""
    if name not in _FUNCTIONS or not isinstance(arguments.get(0, "tensor"), (Tensor, Container)):
        return None
    operands = results.operands_of(arguments.positional)
    if not operands:
        return None
    operation = name.rpartition(".")[2]
    devices.check(machine, frame, operation, operands, span)
    # einsum takes any number of tensors and its pattern after them (einops/einops.py).
    pattern = arguments.positional[-1] if operation == "einsum" else arguments.get(1, "pattern")
    return results.derived(machine, frame, operands[0], operation, span, operands=operands, rank=_rank(pattern))


def _rank(pattern: Value | None) -> int | None:
    """How many dimensions stand to the right of the arrow; a group in parentheses is one, an ellipsis any number."""
    if not isinstance(pattern, Known) or not isinstance(pattern.value, str):
        return None
    _, arrow, result = pattern.value.partition("->")
    axes = _AXES.findall(result)
    return None if not arrow or any("..." in axis or "…" in axis for axis in axes) else len(axes)

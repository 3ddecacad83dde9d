"""Tensors that come of others: computed, views of the same memory, written to, handed to code that is not seen."""

from __future__ import annotations

from dataclasses import replace

from paramlint.interpret import devices, evaluate, initialisation, products
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.slots import Fill, Loss
from paramlint.interpret.values import (
    Container,
    Instance,
    Placement,
    Storage,
    Tensor,
    Value,
)
from paramlint.model.code import Span

# What keeps positions what they are: shape, type, scale. A function of them may be where learning is meant to begin.
_SHAPING = frozenset(
    {
        *(
            "+",
            "-",
            "*",
            "/",
            "//",
            "add",
            "sub",
            "mul",
            "div",
            "cat",
            "concat",
            "stack",
            "vstack",
            "hstack",
            "reshape",
        ),
        *(
            "view",
            "flatten",
            "ravel",
            "expand",
            "repeat",
            "clone",
            "contiguous",
            "to",
            "float",
            "double",
            "type",
            "half",
        ),
        *("unsqueeze", "squeeze", "permute", "transpose", "t", "T", "meshgrid", "cartesian_prod", "flip", "roll"),
        *("indexing", "detach", "data", "deepcopy", "expand_as", "repeat_interleave", "rearrange"),
    }
)
# What makes of memory that nothing has written, and of anything else, nothing better.
_ARITHMETIC = frozenset({"+", "-", "*", "/", "add", "sub", "mul", "div"})
# Views of all that a tensor holds.
_WHOLE = frozenset(
    {"data", "detach", "view", "reshape", "flatten", "t", "T", "transpose", "permute", "unsqueeze", "squeeze"}
)


def operands_of(values: list[Value]) -> list[Tensor]:
    """The tensors among arguments, those inside lists and tuples too."""
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, Container) and value.kind != "dict":
            found.extend(item for item in value.items if isinstance(item, Tensor))
    return found


def derived(
    machine: Machine,
    frame: Frame,
    source: Tensor,
    operation: str,
    span: Span,
    *,
    operands: list[Tensor] | None = None,
    rank: int | str | None = "same",
    placement: Placement | None = None,
    least_rank: int | None = None,
) -> Tensor:
    """A new tensor computed from others; ``source`` is the first of them."""
    among = operands or [source]
    requires = None
    if machine.without_gradients or all(operand.requires_grad is False for operand in among):
        requires = False
    elif any(operand.requires_grad for operand in among):
        requires = True
    loss, ancestor = _loss(frame, among, operation, span)
    dimensioned = [operand for operand in among if operand.rank != 0] or among
    pinned = next((operand for operand in dimensioned if operand.placement.is_pinned), None)
    uninitialised = any(operand.storage.fill is Fill.UNINITIALISED for operand in among)
    is_garbage = len(among) == 1 or operation in _ARITHMETIC
    result = Tensor(
        made=frame.place(span),
        factory=operation,
        phase=machine.phase,
        placement=devices.combined(among) if placement is None else placement,
        storage=Storage(Fill.UNINITIALISED if uninitialised and is_garbage else Fill.WRITTEN),
        rank=source.rank if isinstance(rank, str) else rank,
        least_rank=(source.dimensions if isinstance(rank, str) else 0) if least_rank is None else least_rank,
        is_random=any(operand.is_random for operand in among),
        is_empty=all(operand.is_empty for operand in among),
        requires_grad=requires,
        is_certain=any(operand.is_certain for operand in among),
        lost=loss,
        ancestor=ancestor,
        is_table=operation in _SHAPING
        and any(operand.is_table for operand in among)
        and not any(operand.is_random or operand.requires_grad for operand in among),
        follows_model=any(operand.is_registered or operand.follows_model for operand in among),
        home=among[0].home if len(among) == 1 else next((o.home for o in among if o.placement.is_pinned), None),
        origin=None if pinned is None else pinned.origin or pinned,
        values_of=next((operand.values_of for operand in among if operand.values_of is not None), None),
        is_single=all(operand.is_single for operand in among),
        is_output=any(operand.is_output for operand in among),
    )
    if len(among) == 1 and operation in _SHAPING:
        result.storage.constant = among[0].storage.constant
    products.note(machine, frame, operation, among, result, span)
    return result


def _loss(frame: Frame, operands: list[Tensor], operation: str, span: Span) -> tuple[Loss | None, Tensor | None]:
    for operand in operands:
        if operand.is_parameter:
            return Loss(operation, frame.place(span), operand.requires_grad is False), operand
        if operand.lost is not None:
            return operand.lost, operand.ancestor
    return None, None


def view(machine: Machine, frame: Frame, source: Tensor, operation: str, span: Span, rank: int | None) -> Tensor:
    """A tensor that shares its storage with another."""
    result = derived(machine, frame, source, operation, span, rank=rank)
    result.storage = source.storage
    result.made = source.made
    result.factory = source.factory
    result.phase = source.phase
    result.is_integer = source.is_integer
    result.is_recomputed, result.home = source.is_recomputed, source.home
    result.is_part = source.is_part or operation not in _WHOLE
    return result


def is_kept_from_writes(machine: Machine, tensor: Tensor) -> bool:
    """Whether torch refuses to write a tensor in place: a leaf Parameter that asks for gradients, where a graph is kept."""
    return tensor.is_parameter and tensor.requires_grad is True and not machine.without_gradients


def write(machine: Machine, tensor: Tensor, *, is_carried: bool = False) -> None:
    """Note that the memory of a tensor is written; ``is_carried``: with what is computed from what it held."""
    initialisation.touch(tensor.storage)
    tensor.vanishing = None
    if tensor.storage.fill is Fill.UNINITIALISED and not is_carried:
        tensor.storage.fill = Fill.UNKNOWN if machine.undecided else Fill.WRITTEN
    tensor.is_empty = False if machine.undecided else tensor.is_empty


def escape(value: Value, depth: int = 0) -> None:
    """Note that code we cannot see holds a value and may write its memory."""
    if isinstance(value, Tensor):
        initialisation.touch(value.storage)
        products.count_reads([value])
        if value.storage.fill is Fill.UNINITIALISED:
            value.storage.fill = Fill.UNKNOWN
    elif isinstance(value, Container) and depth < 3:
        for item in value.items:
            escape(item, depth + 1)
    elif isinstance(value, Instance) and depth < 6:
        for binding in value.bindings.values():
            escape(binding.value, depth + 1)


def element(tensor: Tensor) -> Tensor:
    """What iterating over a tensor yields."""
    rank = None if tensor.rank is None else max(tensor.rank - 1, 0)
    least = max(tensor.least_rank - 1, 0)
    return replace(
        tensor,
        rank=rank,
        least_rank=least,
        is_parameter=False,
        is_registered=False,
        is_leaf=False,
        is_part=tensor.is_part or (rank is None and least == 0),
        key=None,
    )


def flag(machine: Machine, value: Value) -> bool | None:
    """Whether a boolean argument is true on this path."""
    return evaluate.truth(machine, value)

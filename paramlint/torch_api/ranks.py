"""The rank of a result from what is known of a call; the generator checks the same rules against real calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from paramlint.torch_api.tables import ResultRank


class Call(NamedTuple):
    """What is known of one call.

    ``operands`` are the ranks of the tensors given directly, in the order of their places, and ``elements`` those of
    tensors given in lists (None: rank not known). ``others`` maps the place of each other argument to its value where
    that is a constant or a tuple or list of such; a place whose value is not known maps to ``NOT_KNOWN``. ``sizes`` are
    the values in the places of ``SIZE_PLACES``, one by one as they were given.
    """

    operands: tuple[int | None, ...]
    elements: tuple[int | None, ...]
    others: Mapping[str, object]
    sizes: Sequence[object]


class NotKnown:
    """The value of an argument about which nothing is known."""


NOT_KNOWN = NotKnown()
SIZE_PLACES = frozenset({"size", "shape", "repeats"})

CONSTANTS = {
    ResultRank.ZERO: 0,
    ResultRank.ONE: 1,
    ResultRank.TWO: 2,
    ResultRank.THREE: 3,
    ResultRank.FOUR: 4,
}


def result_rank(rule: ResultRank, call: Call) -> int | None:
    """The rank that a rule gives the result of a call (each of the results, where there are several); None: unknown."""
    if rule in CONSTANTS:
        return CONSTANTS[rule]
    if rule is ResultRank.SIZE:
        return _size(call.sizes)
    if rule is ResultRank.LOSS:
        return _loss(call)
    if rule is ResultRank.ELEMENT:
        return _largest(call.elements)
    if rule is ResultRank.STACK:
        known = [rank for rank in call.elements if rank is not None]
        return known[0] + 1 if known else None
    return _from_operands(rule, call)


def _from_operands(rule: ResultRank, call: Call) -> int | None:
    if not call.operands:
        return None
    if rule is ResultRank.BROADCAST:
        return _largest((*call.operands, *call.elements))
    if rule is ResultRank.MATMUL:
        return _matmul(call.operands)
    first = call.operands[0]
    if rule is ResultRank.REDUCTION:
        return _reduction(first, call.others, 0)
    if first is None:
        return None
    if rule is ResultRank.DIMENSION:
        return _reduction(first, call.others, first)
    if rule is ResultRank.FLATTEN:
        return _flatten(first, call.others)
    return {
        ResultRank.SAME: first,
        ResultRank.PLUS_ONE: first + 1,
        ResultRank.MINUS_ONE: first - 1,
    }.get(rule)


def _largest(ranks: Sequence[int | None]) -> int | None:
    known = [rank for rank in ranks if rank is not None]
    return max(known) if known and len(known) == len(ranks) else None


def _matmul(ranks: Sequence[int | None]) -> int | None:
    if len(ranks) != 2:
        return None
    left, right = ranks
    if left is None or right is None or left == 0 or right == 0:
        return None
    if left == 1 and right == 1:
        return 0
    if left == 1 or right == 1:
        return max(left, right) - 1
    return max(left, right)


def _reduction(first: int | None, others: Mapping[str, object], without_dimension: int) -> int | None:
    dimension = others.get("dim", others.get("axis"))
    keeps = others.get("keepdim", others.get("keepdims", False))
    if isinstance(dimension, NotKnown) or not isinstance(keeps, bool):
        return None
    if dimension is None or dimension == () or dimension == []:
        return first if keeps else without_dimension
    if keeps or first is None or first == 0:
        return first
    return first - (len(dimension) if isinstance(dimension, (tuple, list)) else 1)


def _flatten(first: int, others: Mapping[str, object]) -> int | None:
    start, end = others.get("start_dim", 0), others.get("end_dim", -1)
    if not isinstance(start, int) or not isinstance(end, int):
        return None
    if first == 0:
        return 1
    return first - (end % first - start % first)


def _loss(call: Call) -> int | None:
    flags = [call.others.get(name) for name in ("reduce", "size_average")]
    is_reduced = call.others.get("reduction", "mean") in ("mean", "sum")
    return 0 if is_reduced and all(flag is None for flag in flags) else None


def _size(sizes: Sequence[object]) -> int | None:
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        return len(sizes[0])
    if sizes and not any(isinstance(item, NotKnown) for item in sizes):
        return len(sizes) if all(isinstance(item, int) for item in sizes) else None
    return len(sizes) if len(sizes) > 1 else None

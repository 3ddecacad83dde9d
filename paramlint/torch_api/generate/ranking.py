"""Finds the rank rule of an overload, out of calls that were really made."""

from __future__ import annotations

from paramlint.torch_api.ranks import Call, result_rank
from paramlint.torch_api.tables import ResultRank

PREFERENCE = (
    ResultRank.SAME,
    ResultRank.ELEMENT,
    ResultRank.STACK,
    ResultRank.SIZE,
    ResultRank.MINUS_ONE,
    ResultRank.PLUS_ONE,
    ResultRank.MATMUL,
    ResultRank.REDUCTION,
    ResultRank.DIMENSION,
    ResultRank.FLATTEN,
    ResultRank.ZERO,
    ResultRank.ONE,
    ResultRank.TWO,
    ResultRank.THREE,
    ResultRank.FOUR,
)


NEEDED_PLACES = {
    ResultRank.REDUCTION: frozenset({"dim", "axis"}),
    ResultRank.DIMENSION: frozenset({"dim", "axis"}),
    ResultRank.FLATTEN: frozenset({"start_dim", "end_dim"}),
}


def rule_for(calls: list[tuple[Call, int | None]]) -> ResultRank:
    """The first rule in order of preference that predicts the result of each call; UNKNOWN where none does.

    Operands of samples mostly have one rank, so that of several operands the largest rank is preferred to the first's:
    elementwise operations broadcast.
    """
    if not calls or any(rank is None for _, rank in calls):
        return ResultRank.UNKNOWN
    has_several = any(len(call.operands) > 1 for call, _ in calls)
    order = (ResultRank.BROADCAST, *PREFERENCE) if has_several else (*PREFERENCE, ResultRank.BROADCAST)
    places = {place for call, _ in calls for place in call.others}
    for rule in order:
        if rule in NEEDED_PLACES and not NEEDED_PLACES[rule] & places:
            continue
        if all(result_rank(rule, call) == rank for call, rank in calls):
            return rule
    reduced = [(call, rank) for call, rank in calls if result_rank(ResultRank.LOSS, call) is not None]
    if any("reduction" in call.others for call, _ in calls) and reduced and all(rank == 0 for _, rank in reduced):
        return ResultRank.LOSS
    return ResultRank.UNKNOWN

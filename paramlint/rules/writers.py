"""Who may give a parameter its first value, where construction does not."""

from __future__ import annotations

from paramlint.interpret.slots import Care, Fill, Slot
from paramlint.interpret.trace import ClassTrace, Run


def fills_others(run: Run, slot: Slot) -> Care:
    """Whether construction writes the memory of other tensors that are registered as this one is, and whose."""
    others = [
        other.tensor
        for other in run.slots
        if other.name != slot.name
        and other.registration is slot.registration
        and other.tensor is not None
        and other.tensor.fill is Fill.WRITTEN
        and other.tensor.written_by is not None
    ]
    rank = None if slot.tensor is None else slot.tensor.rank
    is_alike = rank is not None and any(other.rank is not None and (other.rank > 1) == (rank > 1) for other in others)
    return Care.OF_ITS_LIKE if is_alike else Care.OF_OTHERS if others else Care.NONE


def has_other_writer(trace: ClassTrace, name: str, rank: int | None, care: Care = Care.NONE) -> bool:
    """Whether something that construction does not reach may write a parameter before it is used.

    A method of the class that would write it counts only where code that can hold an instance calls it by name, but
    that forward may do so for whoever gives it an option of its own.
    ``care``: see ``fills_others``.
    """
    found = writers(trace, name)
    return (
        _fills_when_asked(trace, name)
        or any(method.is_hook for method in trace.methods if method.name in found)
        or trace.surroundings.may_initialise(name, rank, found, care=care)
        or trace.surroundings.is_always_loaded
    )


def _fills_when_asked(trace: ClassTrace, name: str) -> bool:
    """Whether forward has options of its own that paths part on, and may write a parameter by one of them."""
    has_options = any("forward(" in decision.condition for run in trace.runs for decision in run.decisions)
    return has_options and any(method.name == "forward" and name in method.initialises for method in trace.methods)


def writers(trace: ClassTrace, name: str) -> frozenset[str]:
    """The methods, other than those that are interpreted, that would write a parameter of that name, or may."""
    found: set[str] = set()
    for method in trace.methods:
        written = {*method.initialises, *method.may_fill}
        if method.name not in ("__init__", "forward") and (name in written or (method.walks_modules and "" in written)):
            found.add(method.name)
    return frozenset(found)

"""Who may give a parameter its first value, where construction does not."""

from __future__ import annotations

from paramlint.interpret.slots import Fill, Slot
from paramlint.interpret.trace import ClassTrace, Run


def fills_others(run: Run, slot: Slot) -> bool:
    """Whether construction writes the memory of another tensor that is registered as this one is."""
    return any(
        other.name != slot.name
        and other.registration is slot.registration
        and other.tensor is not None
        and other.tensor.fill is Fill.WRITTEN
        and other.tensor.written_by is not None
        for other in run.slots
    )


def has_other_writer(trace: ClassTrace, name: str, rank: int | None, *, is_own_matter: bool = False) -> bool:
    """Whether something that construction does not reach may write a parameter before it is used.

    A method of the class that would write it counts only where code that can hold an instance calls it by name.
    ``is_own_matter``: see ``fills_others``.
    """
    found = writers(trace, name)
    return (
        any(method.is_hook for method in trace.methods if method.name in found)
        or trace.surroundings.may_initialise(name, rank, found, is_own_matter=is_own_matter)
        or trace.surroundings.is_always_loaded
    )


def writers(trace: ClassTrace, name: str) -> frozenset[str]:
    """The methods, other than those that are interpreted, that would write a parameter of that name."""
    return frozenset(
        method.name
        for method in trace.methods
        if method.name not in ("__init__", "forward")
        and (name in method.initialises or (method.walks_modules and "" in method.initialises))
    )

"""Calls that neither receive nor return a tensor or module: what they may cost, and what is the same in every path."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import NamedTuple

from paramlint.interpret.decisions import Decider
from paramlint.interpret.limits import BudgetSpent, IdleSpent, NotIdle, PathEnds
from paramlint.interpret.machine import Machine
from paramlint.interpret.values import (
    UNKNOWN,
    BoundExternal,
    ClassValue,
    Closure,
    Container,
    External,
    Instance,
    Known,
    Partial,
    Super,
    Symbol,
    Tensor,
    Unknown,
    Value,
)

# Steps that one such function may take on one path. Frameworks read signatures and build templates in constructors
# (torch_geometric's MessagePassing): without this they spend the budget that the class's own statements need.
MOST_IDLE_STEPS = 1_000
# What one such call, with those inside it, may take: helpers that compute a size or pick a default are short.
MOST_IDLE_STEPS_OF_CALL = 300
_DEEPEST = 4


class Outcome(NamedTuple):
    """What an idle call comes to on any path, and the steps that it takes."""

    result: Value
    steps: int


def outcome(
    machine: Machine, closure: Closure, arguments: Iterable[tuple[str, Value]], follow: Callable[[Machine], Value]
) -> Outcome | None:
    """What a call of a function comes to wherever it is made with these arguments; None where paths may differ in it.

    Constructors of frameworks make the same such calls for every class. ``follow`` makes the call on a machine of its
    own; an outcome is kept with the project, and depends on the function, the arguments and the phase alone.
    """
    parts = [_key(closure), *((name, _key(value)) for name, value in arguments)]
    if None in parts or any(isinstance(part, tuple) and part[-1] is None for part in parts):
        return None
    key = (machine.phase, *parts)
    known = machine.project.remembered
    if key not in known:
        # The function is kept with the answer, so that its identity is not given to another.
        known[key] = (closure, _outcome(machine, follow))
    return known[key][1]  # type: ignore[index, no-any-return]


def _outcome(machine: Machine, follow: Callable[[Machine], Value]) -> Outcome | None:
    apart = Machine(machine.project, Decider(()), phase=machine.phase, idle_end=MOST_IDLE_STEPS_OF_CALL, is_apart=True)
    try:
        result = follow(apart)
    except IdleSpent:
        result = UNKNOWN
    except (NotIdle, PathEnds, BudgetSpent, RecursionError):
        return None
    if apart.decider.taken or apart.events or apart.made or not apart.is_complete:
        return None
    # What may change, or has an identity of its own, is made anew each time.
    return Outcome(result, apart.steps) if isinstance(result, (Known, Unknown)) else None


def _key(value: Value | None) -> Hashable:
    """What tells a value from others that a function may treat differently; None where this is not known."""
    match value:
        case None:
            return ""
        case Known(value=constant):
            return type(constant).__name__, repr(constant)
        case Symbol() | External() | Unknown():
            return repr(value)
        case ClassValue():
            return value.linked.definition
        case Closure(outer=None):
            bound = _key(value.bound)
            return None if bound is None else (id(value.node), value.owner and value.owner.definition, bound)
    return None


def concerns_models(value: Value | None, depth: int = 0) -> bool:
    """Whether a value is or holds a tensor or a Module, as far as is known; what lies too deep counts as if it did."""
    match value:
        case Tensor() | Super():
            return True
        case Instance():
            if value.is_module or depth > _DEEPEST:
                return True
            return any(concerns_models(binding.value, depth + 1) for binding in value.bindings.values())
        case Container():
            return depth > _DEEPEST or any(concerns_models(item, depth + 1) for item in value.items)
        case Closure():
            # A nested function sees what the function around it sees.
            return value.outer is not None or concerns_models(value.bound, depth + 1)
        case BoundExternal():
            return depth > _DEEPEST or concerns_models(value.receiver, depth + 1)
        case Partial():
            held = (value.function, *value.arguments, *value.keywords.values())
            return depth > _DEEPEST or any(concerns_models(item, depth + 1) for item in held)
    return False

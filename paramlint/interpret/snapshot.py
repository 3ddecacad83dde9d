"""Copies of the state of a path, so that what several paths have in common is followed once."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

from paramlint.interpret.bounds import Bounds
from paramlint.interpret.decisions import Decider
from paramlint.interpret.machine import Frame, Machine, Made
from paramlint.interpret.values import (
    Binding,
    BoundExternal,
    Closure,
    Container,
    Instance,
    Partial,
    Storage,
    Super,
    Switch,
    Tensor,
    Vanishing,
)

State = TypeVar("State", bound=NamedTuple)

# What changes while a path is followed, or holds what does. Everything else is shared: facts, places, classes, events,
# constants, and what a condition chose between, which nobody touches once the condition is behind.
_CHANGING = (
    *(Machine, Frame, Made, Decider, Bounds),
    *(Tensor, Storage, Vanishing, Container, Instance, Binding, Switch),
    *(Closure, BoundExternal, Super, Partial),
)
_FIELDS: dict[type, tuple[str, ...]] = {kind: tuple(kind.__slots__) for kind in _CHANGING}


def copied(state: State) -> State:
    """Return a copy that shares nothing that changes with the original; what is one object in it stays one."""
    copies: dict[int, object] = {}
    waiting: list[tuple[object, object, tuple[str, ...] | None]] = []

    def copy(value: object) -> object:
        kind = type(value)
        fields = _FIELDS.get(kind)
        if fields is None and kind not in (list, dict, set, tuple):
            return value
        if kind is tuple:
            return tuple(map(copy, value))  # type: ignore[call-overload]
        known = copies.get(id(value))
        if known is None:
            known = copies[id(value)] = kind.__new__(kind)
            # Filled later: values lead to one another in chains that may be long.
            waiting.append((value, known, fields))
        return known

    result = tuple(map(copy, state))
    while waiting:
        source, target, fields = waiting.pop()
        if fields is not None:
            for name in fields:
                setattr(target, name, copy(getattr(source, name)))
        elif isinstance(source, list) and isinstance(target, list):
            target += map(copy, source)
        elif isinstance(source, dict) and isinstance(target, dict):
            target.update((key, copy(value)) for key, value in source.items())
        elif isinstance(source, set) and isinstance(target, set):
            target |= source
    return type(state)._make(result)

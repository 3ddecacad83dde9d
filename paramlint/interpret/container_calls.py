"""Methods of lists, dicts, sets and strings whose contents are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramlint.interpret import evaluate, stores
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.values import (
    NONE,
    UNKNOWN,
    Container,
    Instance,
    Known,
    Tensor,
    Value,
)
from paramlint.model.code import Span

if TYPE_CHECKING:
    from paramlint.interpret.calls import Arguments


def call_container(machine: Machine, frame: Frame, container: Container, name: str, arguments: Arguments) -> Value:
    """Call a method of a list, tuple, set or dict."""
    values = arguments.positional
    match name:
        case "append" | "add" | "appendleft" if values:
            container.items.append(values[0])
            container.is_exact = container.is_exact and not machine.is_unsure
        case "insert" if len(values) > 1:
            container.items.append(values[1])
            container.is_exact = container.is_exact and not machine.is_unsure
        case "extend" if values:
            items, is_exact = evaluate.elements(machine, values[0])
            container.items.extend(items)
            container.is_exact = container.is_exact and is_exact and not machine.is_unsure
        case "update":
            _update(container, arguments)
        case "items":
            pairs: list[Value] = [
                Container("tuple", [key, item]) for key, item in zip(container.keys, container.items, strict=False)
            ]
            return Container("list", pairs, is_exact=container.is_exact)
        case "values":
            return Container("list", list(container.items), is_exact=container.is_exact)
        case "keys":
            return Container("list", list(container.keys), is_exact=container.is_exact)
        case "copy":
            return Container(container.kind, list(container.items), list(container.keys), container.is_exact)
        case "get" | "pop" | "setdefault":
            return _look_up(machine, container, name, values)
        case "clear" if not machine.undecided:
            container.items.clear()
            container.keys.clear()
        case "clear" | "popitem" | "remove" | "discard":
            _lose(container)
        case "__setitem__" if len(values) > 1:
            stores.set_item(machine, frame, container, values[0], values[1], frame.place(Span(1, 1, 1, 1)))
    return NONE if name in ("append", "extend", "insert", "update", "add", "clear") else UNKNOWN


def _update(container: Container, arguments: Arguments) -> None:
    for value in arguments.positional:
        if isinstance(value, Container) and value.kind == "dict":
            container.keys.extend(value.keys)
            container.items.extend(value.items)
            container.is_exact = container.is_exact and value.is_exact
        else:
            container.is_exact = False
    for key, value in arguments.keywords.items():
        container.keys.append(Known(key))
        container.items.append(value)


def _lose(container: Container) -> None:
    """Take something from a container that is not known: how many are left is not known, nor whether any is."""
    container.is_exact = False
    if not any(isinstance(item, (Tensor, Instance, Container)) for item in container.items):
        container.items.clear()
        container.keys.clear()


def _look_up(machine: Machine, container: Container, name: str, values: list[Value]) -> Value:
    if container.kind != "dict":
        if name != "pop":
            return UNKNOWN
        if container.items and container.is_exact and not (machine.undecided or machine.repeated):
            position = values[0] if values else Known(-1)
            if (
                isinstance(position, Known)
                and isinstance(position.value, int)
                and -len(container.items) <= position.value < len(container.items)
            ):
                return container.items.pop(position.value)
        _lose(container)
        return UNKNOWN
    key = values[0] if values else UNKNOWN
    for place, (known, item) in enumerate(zip(container.keys, container.items, strict=False)):
        if known == key:
            if name == "pop" and machine.undecided:
                container.is_exact = False
            elif name == "pop":
                del container.keys[place], container.items[place]
            return item
    if container.is_exact and isinstance(key, Known) and all(isinstance(known, Known) for known in container.keys):
        default = values[1] if len(values) > 1 else NONE
        if name == "setdefault":
            container.keys.append(key)
            container.items.append(default)
        return default
    if name == "setdefault" and len(values) > 1 and isinstance(values[1], Container):
        container.keys.append(key)
        container.items.append(values[1])
        container.is_exact = False
        return values[1]
    return UNKNOWN


def call_text(text: str, name: str, arguments: Arguments) -> Value:
    """Call a method of a string constant."""
    values = arguments.positional
    if not values and name in ("lower", "upper", "strip", "title"):
        return Known(str(getattr(text, name)()))
    if len(values) == 1 and isinstance(values[0], Known) and isinstance(values[0].value, str):
        if name == "startswith":
            return Known(text.startswith(values[0].value))
        if name == "endswith":
            return Known(text.endswith(values[0].value))
        if name == "find":
            return Known(text.find(values[0].value))
    if name == "format" and all(isinstance(value, Known) for value in values) and not arguments.keywords:
        try:
            return Known(text.format(*[value.value for value in values if isinstance(value, Known)]))
        except (IndexError, KeyError, ValueError):
            return UNKNOWN
    return UNKNOWN

"""Python's builtin functions."""

from __future__ import annotations

import collections.abc
import numbers
import types
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from paramlint import torch_api
from paramlint.interpret import attribute_names, calls, evaluate, objects, results
from paramlint.interpret.compare import key_of
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.slots import Fill
from paramlint.interpret.values import (
    NONE,
    UNKNOWN,
    ClassValue,
    Closure,
    Container,
    External,
    Instance,
    Known,
    Predicate,
    Symbol,
    Tensor,
    Value,
    without_repeats,
)
from paramlint.model.code import Span
from paramlint.project.definitions import External as ExternalDefinition

if TYPE_CHECKING:
    from paramlint.interpret.calls import Arguments

LONGEST_RANGE = 8
NAMES = frozenset(
    [
        "abs",
        "all",
        "any",
        "bool",
        "bytes",
        "callable",
        "dict",
        "divmod",
        "enumerate",
        "filter",
        "float",
        "format",
        "frozenset",
        "getattr",
        "hasattr",
        "hash",
        "id",
        "int",
        "isinstance",
        "issubclass",
        "iter",
        "len",
        "list",
        "map",
        "max",
        "min",
        "next",
        "object",
        "print",
        "property",
        "range",
        "repr",
        "reversed",
        "round",
        "set",
        "setattr",
        "slice",
        "sorted",
        "str",
        "sum",
        "super",
        "tuple",
        "type",
        "vars",
        "zip",
        "Ellipsis",
        "NotImplementedError",
        "ValueError",
        "TypeError",
        "RuntimeError",
        "Exception",
        "AssertionError",
        "KeyError",
        "AttributeError",
        "NotImplemented",
        "delattr",
        "open",
        "exec",
        "eval",
        "staticmethod",
        "classmethod",
    ]
)
_TYPES = {
    "int": (int,),
    "float": (float,),
    "str": (str,),
    "bool": (bool,),
    "list": (),
    "tuple": (),
    "dict": (),
    "set": (),
}
_PROTOCOLS = {
    "collections.abc": collections.abc,
    "typing": collections.abc,
    "numbers": numbers,
    "types": types,
}


def call_builtin(machine: Machine, frame: Frame, name: str, arguments: Arguments, span: Span) -> Value:
    """Call a builtin function."""
    values = arguments.positional
    first = values[0] if values else UNKNOWN
    match name:
        case "range":
            return _range(machine, values)
        case "enumerate":
            items, is_exact = evaluate.elements(machine, first)
            # One item may stand for many, each with another number.
            is_any = len(items) == 1 and not is_exact
            start = UNKNOWN if is_any else arguments.get(1, "start") or Known(0)
            pairs: list[Value] = [
                Container("tuple", [_counted(machine, start, index), item]) for index, item in enumerate(items)
            ]
            return Container("list", pairs, is_exact=is_exact)
        case "zip":
            return _zip(machine, values)
        case "reversed" | "sorted" | "list" | "tuple" | "set" | "frozenset" | "iter":
            return _sequence(machine, name, first, bool(values))
        case "dict":
            return _dict(machine, first, arguments)
        case "dict.fromkeys":
            keys, is_exact = evaluate.elements(machine, first)
            return Container("dict", [arguments.get(1, "value") or NONE for _ in keys], keys, is_exact)
        case "len":
            if isinstance(first, Container) and first.is_exact:
                return Known(len(first.items))
            if isinstance(first, Known) and isinstance(first.value, str):
                return Known(len(first.value))
            if isinstance(first, Tensor) and first.length is not None:
                return Known(first.length)
            return Symbol(f"len({first.key})") if isinstance(first, Symbol) else machine.fresh("len")
        case "isinstance":
            return _isinstance(machine, first, values[1] if len(values) > 1 else UNKNOWN)
        case "hasattr":
            return attribute_names.has(machine, first, values[1] if len(values) > 1 else UNKNOWN)
        case "getattr":
            return attribute_names.get(machine, frame, arguments, span)
        case "setattr":
            return attribute_names.set_(machine, frame, arguments, span)
        case "object.__setattr__":
            return attribute_names.set_plainly(machine, frame, arguments, span)
        case "map" if len(values) == 2:
            items, is_exact = evaluate.elements(machine, values[1])
            mapped = [calls.call(machine, frame, first, calls.Arguments([item]), span) for item in items[:8]]
            return Container("list", mapped, is_exact=is_exact and len(items) <= 8)
        case "filter" if len(values) == 2:
            return _filter(machine, frame, first, values[1], span)
        case "sum":
            return _sum(machine, frame, first, span)
        case "next":
            items, _ = evaluate.elements(machine, first)
            return items[0] if items else UNKNOWN
        case "type" if isinstance(first, Instance):
            return objects.get_attribute(machine, frame, first, "__class__", span)
        case "callable":
            return Known(True) if isinstance(first, (Closure, Instance, ClassValue)) else UNKNOWN
        case "delattr":
            if isinstance(first, Instance) and len(values) > 1 and isinstance(values[1], Known):
                first.bindings.pop(str(values[1].value), None)
            return NONE
        case "exec" | "eval" | "vars":
            for instance in [first] if name == "vars" and isinstance(first, Instance) else _in_sight(frame):
                instance.blur()
            return UNKNOWN
    return _number(machine, name, values)


def _in_sight(frame: Frame) -> Iterator[Instance]:
    """The objects that a statement given as text can name: self and what is bound to names around the call."""
    around: Frame | None = frame
    while around is not None:
        for value in (around.receiver, *around.names.values()):
            if isinstance(value, Instance):
                yield value
        around = around.outer


def _number(machine: Machine, name: str, values: list[Value]) -> Value:
    if name in ("int", "float", "str", "bool", "abs", "min", "max", "round"):
        if any(isinstance(value, Tensor) for value in values):
            return machine.fresh(name)
        if name == "bool" and len(values) == 1:
            outcome = evaluate.truth(machine, values[0])
            return UNKNOWN if outcome is None else Known(outcome)
        keys = [key_of(value) for value in values]
        if None in keys:
            return UNKNOWN
        if name in ("int", "float") and len(values) == 1 and isinstance(values[0], Known):
            constant = values[0].value
            if isinstance(constant, (int, float)):
                return Known(int(constant) if name == "int" else float(constant))
        if name == "str" and isinstance(values[0], Known):
            return Known(str(values[0].value))
        configured = all(not isinstance(value, Symbol) or value.is_configuration for value in values)
        return Symbol(f"({name}({', '.join(key for key in keys if key)}))", is_configuration=configured)
    for value in values:
        results.escape(value)
    return UNKNOWN


def _range(machine: Machine, values: list[Value]) -> Value:
    numbers = [value.value for value in values if isinstance(value, Known) and isinstance(value.value, int)]
    if len(numbers) == len(values) and 1 <= len(numbers) <= 3 and (len(numbers) < 3 or numbers[2] != 0):
        span = range(*numbers)
        items: list[Value] = [Known(number) for number in span[:LONGEST_RANGE]]
        return Container("list", items, is_exact=len(span) <= LONGEST_RANGE)
    keys = ", ".join(key_of(value) or "?" for value in values)
    return Container("list", [Symbol(f"(each of range({keys}))", is_configuration=False)], is_exact=False)


def _counted(machine: Machine, start: Value, index: int) -> Value:
    """The number that ``enumerate`` gives an item."""
    if isinstance(start, Known) and isinstance(start.value, int):
        return Known(start.value + index)
    return machine.fresh("number")


def _zip(machine: Machine, values: list[Value]) -> Value:
    columns = [evaluate.elements(machine, value) for value in values]
    is_exact = all(complete for _, complete in columns) and len({len(items) for items, _ in columns}) == 1
    shortest = min((len(items) for items, complete in columns), default=0)
    longest = max((len(items) for items, _ in columns), default=0)
    length = shortest if is_exact else min(max(shortest, 1), longest)
    rows: list[Value] = [
        Container("tuple", [items[index] if index < len(items) else UNKNOWN for items, _ in columns])
        for index in range(length)
    ]
    return Container("list", rows, is_exact=is_exact)


def _sequence(machine: Machine, name: str, first: Value, is_given: bool) -> Value:
    kind = {"tuple": "tuple", "set": "set", "frozenset": "set"}.get(name, "list")
    if not is_given:
        return Container(kind)
    if isinstance(first, Symbol) and name in ("tuple", "list"):
        return Symbol(f"{name}({first.key})", is_configuration=first.is_configuration)
    items, is_exact = evaluate.elements(machine, first)
    made = Container(kind, items[::-1] if name == "reversed" else list(items), is_exact=is_exact)
    return without_repeats(made)


def _dict(machine: Machine, first: Value, arguments: Arguments) -> Value:
    result = Container("dict", is_exact=arguments.is_exact)
    if isinstance(first, Container) and first.kind == "dict":
        result = Container("dict", list(first.items), list(first.keys), first.is_exact and arguments.is_exact)
    elif isinstance(first, Container):
        for item in first.items:
            if isinstance(item, Container) and len(item.items) == 2:
                result.keys.append(item.items[0])
                result.items.append(item.items[1])
        result.is_exact = first.is_exact
    elif arguments.positional:
        result.is_exact = False
    for key, value in arguments.keywords.items():
        result.keys.append(Known(key))
        result.items.append(value)
    return result


def _filter(machine: Machine, frame: Frame, wanted: Value, source: Value, span: Span) -> Value:
    """What passes, and what may: the second makes it unknown how many there are."""
    items, is_exact = evaluate.elements(machine, source)
    result = Container("list", is_exact=is_exact and len(items) <= LONGEST_RANGE)
    for item in items[:LONGEST_RANGE]:
        asked = item if wanted == NONE else calls.call(machine, frame, wanted, calls.Arguments([item]), span)
        outcome = evaluate.truth(machine, asked)
        if outcome is not False:
            result.items.append(item)
        result.is_exact = result.is_exact and outcome is not None
    return result


def _sum(machine: Machine, frame: Frame, first: Value, span: Span) -> Value:
    items, _ = evaluate.elements(machine, first)
    operands = results.operands_of(items)
    if not operands:
        return UNKNOWN
    ranks = {operand.rank for operand in operands}
    rank = None if None in ranks else max(rank or 0 for rank in ranks)
    return results.derived(machine, frame, operands[0], "sum", span, operands=operands, rank=rank)


def _isinstance(machine: Machine, value: Value, classes: Value) -> Value:
    options = classes.items if isinstance(classes, Container) else [classes]
    outcome = _is_any(machine, value, options)
    if outcome is not None:
        return Known(outcome)
    if isinstance(value, Symbol) and value.is_configuration:
        names = ", ".join(sorted(key_of(option) or "?" for option in options))
        default = None if value.default is None else _is_any(machine, value.default, options)
        return Predicate(f"isinstance({value.key}, {names})", value.argument, default=default)
    if isinstance(value, Tensor) and not value.is_certain and value.key is not None:
        names = ", ".join(sorted(key_of(option) or "?" for option in options))
        return Predicate(f"isinstance({value.key}, {names})", default="Tensor" in names)
    return UNKNOWN


def _is_any(machine: Machine, value: Value, options: Sequence[Value]) -> bool | None:
    outcomes = [_is_one(machine, value, option) for option in options]
    if any(outcome is True for outcome in outcomes):
        return True
    return False if all(outcome is False for outcome in outcomes) else None


def _is_one(machine: Machine, value: Value, option: Value) -> bool | None:
    name = option.name if isinstance(option, External) else None
    if isinstance(value, Instance):
        return _instance_of(value, option)
    if isinstance(value, Tensor):
        if not value.is_certain:
            return None
        if name is not None and name.rpartition(".")[2].startswith("Uninitialized"):
            # One that is made of data is none; of others nothing is known.
            return None if value.storage.fill is Fill.UNKNOWN else False
        if name in torch_api.parameter_classes():
            return value.is_parameter
        return True if name in torch_api.tensor_classes() else False if name is not None else None
    bare = (name or "").removeprefix("builtins.")
    if isinstance(value, Known) and bare in _TYPES:
        return isinstance(value.value, _TYPES[bare])
    if isinstance(value, Container) and bare in _TYPES:
        return value.kind == bare
    if isinstance(value, Known) and name is not None and not name.startswith("builtins."):
        return _is_of_protocol(value, name)
    return False if isinstance(value, Known) and isinstance(option, ClassValue) else None


def _is_of_protocol(value: Known, name: str) -> bool | None:
    """Whether a constant is of a class that is not read; those that ask for methods hold numbers and texts too."""
    module, _, bare = name.rpartition(".")
    if module not in _PROTOCOLS:
        return False
    protocol = getattr(_PROTOCOLS[module], bare, None)
    return isinstance(value.value, protocol) if isinstance(protocol, type) else None


def _instance_of(value: Instance, option: Value) -> bool | None:
    if isinstance(option, ClassValue):
        if value.linked is None:
            return None if value.external == "torch.nn.Module" else False
        if option.linked.definition in value.linked.mro:
            return True
        return False if value.linked.is_complete else None
    if not isinstance(option, External):
        return None
    if option.name == "torch.nn.Module" and value.is_module:
        return True
    if value.external is not None:
        return _external_is(value.external, option.name)
    if value.linked is None:
        return None
    if any(isinstance(base, ExternalDefinition) and base.name == option.name for base in value.linked.mro):
        return True
    return False if value.linked.is_complete else None


def _external_is(name: str, option: str) -> bool | None:
    if name == option:
        return True
    if name == "torch.nn.Module":
        return None  # an argument may be any module
    if option in (torch_api.class_mro(name) or ()):
        return True
    return False if option in torch_api.layers else None

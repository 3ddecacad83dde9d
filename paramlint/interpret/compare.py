"""Comparisons and constant folding over abstract values."""

from __future__ import annotations

import operator as python_operator
import re
from collections.abc import Callable
from dataclasses import replace

from paramlint.interpret import tensors
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.values import (
    UNKNOWN,
    ClassValue,
    Closure,
    Container,
    Device,
    External,
    Instance,
    Known,
    Plain,
    Predicate,
    Symbol,
    Tensor,
    Value,
)
from paramlint.model.code import Span

_ORDER: dict[str, Callable[[object, object], bool]] = {
    "==": python_operator.eq,
    "!=": python_operator.ne,
    "<": python_operator.lt,  # type: ignore[dict-item]
    "<=": python_operator.le,  # type: ignore[dict-item]
    ">": python_operator.gt,  # type: ignore[dict-item]
    ">=": python_operator.ge,  # type: ignore[dict-item]
    "is": lambda left, right: left is right or left == right,
    "is not": lambda left, right: not (left is right or left == right),
}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": python_operator.add,
    "-": python_operator.sub,
    "*": python_operator.mul,
    "/": python_operator.truediv,
    "//": python_operator.floordiv,
    "%": python_operator.mod,
    "**": python_operator.pow,
}
DTYPE = re.compile(r"torch\.(b?float\d*|half|double|u?int\d*|long|short|bool|complex\d+|cfloat|cdouble)")
_SAME_TYPES = {
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "long": "int64",
    "int": "int32",
    "short": "int16",
    "cfloat": "complex64",
    "cdouble": "complex128",
}
LARGEST_FOLDED = 1_000_000


def key_of(value: Value) -> str | None:
    """A text that two equal values share and two different ones do not; None where there is none."""
    match value:
        case Known(value=constant):
            return repr(constant)
        case Symbol(key=key):
            return key
        case External(name=name):
            return name
        case Container(is_exact=True, kind=kind, items=items) if kind != "dict" and len(items) <= 12:
            keys = [key_of(item) for item in items]
            return None if None in keys else f"[{', '.join(key for key in keys if key)}]"
    return None


def fold(operator: str, left: Known, right: Known) -> Value:
    """Compute arithmetic on constants, within bounds."""
    first, second = left.value, right.value
    if isinstance(first, str) and isinstance(second, str) and operator == "+":
        return Known((first + second)[:1000])
    if not isinstance(first, (int, float)) or not isinstance(second, (int, float)) or operator not in _ARITHMETIC:
        return UNKNOWN
    if abs(first) > LARGEST_FOLDED or abs(second) > LARGEST_FOLDED or (operator == "**" and abs(second) > 16):
        return UNKNOWN
    try:
        result = _ARITHMETIC[operator](first, second)
    except ArithmeticError:
        return UNKNOWN
    return Known(result) if isinstance(result, (int, float)) else UNKNOWN


def absence(tensor: Tensor, negated: bool = False) -> Predicate:
    """The condition that an optional tensor argument is None."""
    default = tensor.default is not None and tensor.default.value is None
    return Predicate(
        f"{tensor.key} is None",
        None,
        None,
        True,
        default=False if not default else None,
        subject=tensor.key,
        negated=negated,
    )


def compare(machine: Machine, frame: Frame, operator: str, left: Value, right: Value, span: Span) -> Value:
    """Return ``left operator right``."""
    negated = operator in ("is not", "!=", "not in")
    if operator in ("is", "is not", "==", "!="):
        if right == Known(None):
            return _is_none(left, negated)
        if left == Known(None):
            return _is_none(right, negated)
    if isinstance(left, Tensor) or isinstance(right, Tensor):
        if operator in ("is", "is not"):
            return Known((left is right) is not negated) if left is right else UNKNOWN
        if operator in ("in", "not in"):
            return UNKNOWN
        return tensors.arithmetic(machine, frame, operator, left, right, span)
    if operator in ("in", "not in"):
        return _contains(left, right, negated)
    if operator in ("==", "!=", "is", "is not") and (own := _type_named(left)) and (other := _type_named(right)):
        return Known((own == other) is not negated)
    if isinstance(left, Known) and isinstance(right, Known):
        try:
            return Known(_ORDER[operator](left.value, right.value))
        except TypeError:
            return UNKNOWN
    return _symbolic(operator, left, right, negated)


def _is_none(value: Value, negated: bool) -> Value:
    match value:
        case Known(value=constant):
            return Known((constant is None) is not negated)
        case Tensor(is_certain=False, key=key) if key is not None:
            return absence(value, negated)
        case Symbol(is_configuration=True):
            default = None if value.default is None else value.default.value is None
            return Predicate(
                f"{value.key} is None",
                value.argument,
                None,
                True,
                default=False if default is None else default,
                subject=value.key,
                negated=negated,
            )
        case Tensor() | Instance() | Container() | Closure() | ClassValue() | External() | Device():
            return Known(negated)
    return UNKNOWN


def _contains(left: Value, right: Value, negated: bool) -> Value:
    if isinstance(right, Known) and isinstance(right.value, str) and isinstance(left, Known):
        return Known((str(left.value) in right.value) is not negated)
    if isinstance(right, Container):
        options = right.keys if right.kind == "dict" else right.items
        if right.is_exact and not options:
            return Known(negated)
        if isinstance(left, Known):
            if any(option == left for option in options):
                return Known(not negated)
            if right.is_exact and all(isinstance(option, Known) for option in options):
                return Known(negated)
        if (own := _type_named(left)) and right.is_exact and all(named := [_type_named(option) for option in options]):
            return Known((own in named) is not negated)
    left_key, right_key = key_of(left), key_of(right)
    if left_key is None or right_key is None or not _is_configured(left, right):
        return UNKNOWN
    return Predicate(f"{left_key} in {right_key}", negated=negated)


def _type_named(value: Value) -> str | None:
    """The one name of a type of elements, which torch has two names for; None for what is no such type."""
    if isinstance(value, External) and DTYPE.fullmatch(value.name):
        name = value.name.removeprefix("torch.")
        return _SAME_TYPES.get(name, name)
    return None


def _is_configured(*values: Value) -> bool:
    return all(not isinstance(value, Symbol) or value.is_configuration for value in values)


def _symbolic(operator: str, left: Value, right: Value, negated: bool) -> Value:
    for condition, asked in ((left, right), (right, left)):
        if operator in ("is", "is not", "==", "!=") and isinstance(condition, Predicate):
            if isinstance(asked, Known) and isinstance(asked.value, bool):
                return replace(condition, negated=condition.negated is not (asked.value is negated))
    left_key, right_key = key_of(left), key_of(right)
    if left_key is None or right_key is None or not _is_configured(left, right):
        return UNKNOWN
    if operator in ("<", "<=", ">", ">="):
        default = _ordered_default(operator, left, right)
        subject, order = _ordering(operator, left, right)
        return Predicate(f"{left_key} {operator} {right_key}", default=default, subject=subject, order=order)
    if isinstance(right, Symbol) and not isinstance(left, Symbol):
        left, right, left_key, right_key = right, left, right_key, left_key
    key = f"{left_key} == {right_key}"
    if isinstance(left, Symbol) and isinstance(right, Known):
        constant: Plain = right.value
        default = None if left.default is None else left.default.value == constant
        return Predicate(key, left.argument, constant, True, default=default, subject=left_key, negated=negated)
    return Predicate(key, negated=negated)


def _ordering(operator: str, left: Value, right: Value) -> tuple[str | None, tuple[str, float] | None]:
    """The symbol that is compared with a number, how, and with which; nothing for other comparisons."""
    if isinstance(left, Known) and isinstance(right, Symbol):
        left, right, operator = right, left, _TURNED[operator]
    if isinstance(left, Symbol) and isinstance(right, Known) and isinstance(right.value, (int, float)):
        return left.key, (operator, right.value)
    return None, None


def _ordered_default(operator: str, left: Value, right: Value) -> bool | None:
    first = left.default if isinstance(left, Symbol) else left
    second = right.default if isinstance(right, Symbol) else right
    if isinstance(first, Known) and isinstance(second, Known):
        try:
            return _ORDER[operator](first.value, second.value)
        except TypeError:
            return None
    return None

"""What the operators share: what they are, and the questions that several of them ask of a class."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import libcst as cst

from benchmarks.mutation import patterns
from benchmarks.mutation.patterns import dotted, expression, replace, self_attribute, source_of

PARAMETER = re.compile(r"(\w+\.)*Parameter$")
SCHEME = re.compile(r"_?(init|reset|initialise|initialize)_?\w*$")
LAYER = re.compile(
    r"(\w+\.)*(Linear|Conv[123]d|ConvTranspose[123]d|Embedding|LayerNorm|BatchNorm[123]d|GroupNorm|Bilinear)$"
)


class Planted(NamedTuple):
    """One mutated class: ``attribute`` is the name that suffers, where it is one name."""

    attribute: str | None
    node: cst.ClassDef


class Operator(NamedTuple):
    """``codes`` are those that would be right; ``fault`` names the observation that must differ (see ``oracle``).

    What ``leaves_unwritten`` memory is planted only where no other method fills it (see ``filling``).
    """

    name: str
    family: str
    codes: tuple[str, ...]
    fault: str
    plant: Callable[[cst.ClassDef], Iterator[Planted]]
    leaves_unwritten: bool = False


def constructor(node: cst.ClassDef) -> cst.FunctionDef | None:
    return patterns.method(node, "__init__")


def forward_tensor(node: cst.ClassDef) -> tuple[cst.FunctionDef, str] | None:
    """Forward and the name of its first argument."""
    forward = patterns.method(node, "forward")
    if forward is None or len(forward.params.params) < 2 or not isinstance(forward.body, cst.IndentedBlock):
        return None
    return forward, forward.params.params[1].name.value


def builders(node: cst.ClassDef) -> list[cst.FunctionDef]:
    """The constructor and the methods of the class that it calls on self, one through another."""
    own = {function.name.value: function for function in patterns.methods(node)}
    waiting, found = ["__init__"], {}
    while waiting:
        name = waiting.pop()
        if name in own and name not in found:
            found[name] = own[name]
            called = (self_attribute(call.func) for call in patterns.of_type(own[name], cst.Call))
            waiting += [item for item in called if item is not None]
    return list(found.values()) if "__init__" in found else []


def assigned(node: cst.ClassDef, callee: re.Pattern[str]) -> Iterator[tuple[str, cst.Call]]:
    """Attributes of self that construction binds to a call of what matches."""
    for function in builders(node):
        for value, name in patterns.assignments(function):
            if isinstance(value, cst.Call) and callee.match(dotted(value.func)):
                yield name, value


def parameters(node: cst.ClassDef) -> Iterator[tuple[str, cst.Call]]:
    """Calls of Parameter with one argument that construction binds, on a condition or by ``register_parameter`` too."""
    for function in builders(node):
        holders = [*patterns.assignments(function)]
        for call in patterns.of_type(function, cst.Call):
            if self_attribute(call.func) == "register_parameter" and len(call.args) == 2:
                if (name := literal_name(call.args[0].value)) is not None:
                    holders.append((call.args[1].value, name))
        for value, name in holders:
            for part in (value.body, value.orelse) if isinstance(value, cst.IfExp) else (value,):
                if isinstance(part, cst.Call) and PARAMETER.match(dotted(part.func)) and _is_single(part):
                    yield name, part


def _is_single(call: cst.Call) -> bool:
    return len(call.args) == 1 and call.args[0].keyword is None and not call.args[0].star


def literal_name(node: cst.BaseExpression) -> str | None:
    if isinstance(node, cst.SimpleString) and str(node.evaluated_value).isidentifier():
        return str(node.evaluated_value)
    return None


def buffers(node: cst.ClassDef) -> Iterator[tuple[cst.Call, str, cst.BaseExpression]]:
    """Calls of ``register_buffer`` with their tensors."""
    for function in builders(node):
        for call in patterns.of_type(function, cst.Call):
            if self_attribute(call.func) == "register_buffer" and len(call.args) >= 2:
                name, second = literal_name(call.args[0].value), call.args[1]
                is_tensor = second.keyword is None or second.keyword.value == "tensor"
                if name is not None and is_tensor and dotted(second.value) != "None":
                    yield call, name, second.value


def as_plain(node: cst.ClassDef, call: cst.Call, name: str, tensor: cst.BaseExpression) -> cst.ClassDef:
    for line in patterns.of_type(node, cst.SimpleStatementLine):
        if patterns.call_in(line) is call:
            target = cst.AssignTarget(cst.Attribute(cst.Name("self"), cst.Name(name)))
            return replace(node, line, line.with_changes(body=[cst.Assign([target], tensor)]))
    return node


def wrapped_parameter(
    template: str, holders: Callable[[cst.ClassDef], Iterator[tuple[str, cst.Call]]] | None = None
) -> Callable[[cst.ClassDef], Iterator[Planted]]:
    """``self.x = nn.Parameter(value)`` becomes the template, with {call}, {value} and {wrap} filled in."""

    def plant(node: cst.ClassDef) -> Iterator[Planted]:
        for name, call in holders(node) if holders else assigned(node, PARAMETER):
            if _is_single(call):
                text = template.format(
                    call=source_of(call), value=source_of(call.args[0].value), wrap=source_of(call.func)
                )
                yield Planted(name, replace(node, call, expression(text)))

    return plant


def is_target(node: cst.ClassDef, attribute: cst.Attribute) -> bool:
    return any(target.target is attribute for target in patterns.of_type(node, cst.AssignTarget))


def reads(node: cst.ClassDef, name: str) -> list[cst.Attribute]:
    """Where forward reads a name of self."""
    forward = patterns.method(node, "forward")
    if forward is None:
        return []
    return [
        item
        for item in patterns.of_type(forward, cst.Attribute)
        if self_attribute(item) == name and not is_target(node, item)
    ]

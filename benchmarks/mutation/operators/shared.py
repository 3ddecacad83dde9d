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
    """``codes`` are those that would be right; ``fault`` names the observation that must differ (see ``oracle``)."""

    name: str
    family: str
    codes: tuple[str, ...]
    fault: str
    plant: Callable[[cst.ClassDef], Iterator[Planted]]


def constructor(node: cst.ClassDef) -> cst.FunctionDef | None:
    return patterns.method(node, "__init__")


def forward_tensor(node: cst.ClassDef) -> tuple[cst.FunctionDef, str] | None:
    """Forward and the name of its first argument."""
    forward = patterns.method(node, "forward")
    if forward is None or len(forward.params.params) < 2 or not isinstance(forward.body, cst.IndentedBlock):
        return None
    return forward, forward.params.params[1].name.value


def assigned(node: cst.ClassDef, callee: re.Pattern[str]) -> Iterator[tuple[cst.Assign, str, cst.Call]]:
    """Attributes of self that the constructor binds to a call of what matches."""
    init = constructor(node)
    for assign, name in patterns.assignments(init) if init else ():
        if isinstance(assign.value, cst.Call) and callee.match(dotted(assign.value.func)):
            yield assign, name, assign.value


def with_value(node: cst.ClassDef, assign: cst.Assign, value: cst.BaseExpression) -> cst.ClassDef:
    return replace(node, assign, assign.with_changes(value=value))


def buffers(node: cst.ClassDef) -> Iterator[tuple[cst.Call, str, cst.BaseExpression]]:
    init = constructor(node)
    for call in patterns.of_type(init, cst.Call) if init else ():
        if self_attribute(call.func) == "register_buffer" and len(call.args) >= 2 and call.args[1].keyword is None:
            name = call.args[0].value
            if (
                isinstance(name, cst.SimpleString)
                and str(name.evaluated_value).isidentifier()
                and dotted(call.args[1].value) != "None"
            ):
                yield call, str(name.evaluated_value), call.args[1].value


def as_plain(node: cst.ClassDef, call: cst.Call, name: str, tensor: cst.BaseExpression) -> cst.ClassDef:
    init = constructor(node)
    assert init is not None
    for line in patterns.of_type(init, cst.SimpleStatementLine):
        if patterns.call_in(line) is call:
            target = cst.AssignTarget(cst.Attribute(cst.Name("self"), cst.Name(name)))
            return replace(node, line, line.with_changes(body=[cst.Assign([target], tensor)]))
    return node


def wrapped_parameter(template: str) -> Callable[[cst.ClassDef], Iterator[Planted]]:
    """``self.x = nn.Parameter(value)`` becomes the template, with {call} and {value} filled in."""

    def plant(node: cst.ClassDef) -> Iterator[Planted]:
        for assign, name, call in assigned(node, PARAMETER):
            if len(call.args) == 1 and call.args[0].keyword is None and not call.args[0].star:
                text = template.format(
                    call=source_of(call), value=source_of(call.args[0].value), name=name, wrap=source_of(call.func)
                )
                yield Planted(name, with_value(node, assign, expression(text)))

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

"""Parameters that should be something else, and parameters that no gradient reaches."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import libcst as cst

from benchmarks.mutation import patterns
from benchmarks.mutation.operators.initialisation import initialising_lines
from benchmarks.mutation.operators.shared import (
    LAYER,
    SCHEME,
    Operator,
    Planted,
    as_plain,
    assigned,
    buffers,
    constructor,
    parameters,
    reads,
    wrapped_parameter,
)
from benchmarks.mutation.patterns import dotted, expression, replace, self_attribute, source_of

_COUNTING = {"arange", "meshgrid"}
_SHAPING = {"view", "reshape", "unsqueeze", "repeat", "expand", "stack", "cat", "float", "to", "flatten", "len", "int"}


def table_turned_parameter(node: cst.ClassDef) -> Iterator[Planted]:
    """A buffer of positions becomes a Parameter.

    Of positions alone: zeros, random values, and functions of positions (``torch.log(torch.arange(n))`` in state-space
    models) are where people mean learning to begin, and no reader can tell such a Parameter from a mistake.
    """
    for call, name, tensor in buffers(node):
        text = _value_of(node, tensor)
        called = set(re.findall(r"([A-Za-z_]\w*)\(", text))
        if called & _COUNTING and called <= _COUNTING | _SHAPING and "**" not in text:
            yield Planted(name, as_plain(node, call, name, expression(f"torch.nn.Parameter({source_of(tensor)})")))


def _value_of(node: cst.ClassDef, tensor: cst.BaseExpression) -> str:
    """The source of a value, or of what the constructor bound its name to."""
    init = constructor(node)
    if isinstance(tensor, cst.Name) and init is not None:
        bound = [
            item.value
            for item in patterns.of_type(init, cst.Assign)
            if len(item.targets) == 1 and dotted(item.targets[0].target) == tensor.value
        ]
        return source_of(bound[0]) if len(bound) == 1 else ""
    return source_of(tensor)


def buffer_turned_parameter(node: cst.ClassDef) -> Iterator[Planted]:
    """Kept where torch refuses it: integers ask for no gradient."""
    for call, name, tensor in buffers(node):
        yield Planted(name, as_plain(node, call, name, expression(f"torch.nn.Parameter({source_of(tensor)})")))


def buffer_turned_frozen_parameter(node: cst.ClassDef) -> Iterator[Planted]:
    """Of a buffer that keeps the values it is made with, as for ``parameter_frozen``."""
    filled = {name for _, name in initialising_lines(node)}
    for call, name, tensor in buffers(node):
        if name in filled:
            continue
        text = f"torch.nn.Parameter({source_of(tensor)}, requires_grad=False)"
        yield Planted(name, as_plain(node, call, name, expression(text)))


def _reads_cut(suffix: str) -> Callable[[cst.ClassDef], Iterator[Planted]]:
    """Forward, alone in the class, reads a Parameter; it reads ``self.name`` with the suffix instead."""

    def plant(node: cst.ClassDef) -> Iterator[Planted]:
        for name in dict.fromkeys(name for name, _ in parameters(node)):
            elsewhere = [
                item
                for function in patterns.methods(node)
                if function.name.value not in ("__init__", "forward") and not SCHEME.match(function.name.value)
                for item in patterns.of_type(function, cst.Attribute)
                if self_attribute(item) == name
            ]
            found = reads(node, name)
            if found and not elsewhere:
                changed = node
                for _ in found:
                    item = next(read for read in reads(changed, name) if not _is_cut(changed, read))
                    changed = replace(changed, item, expression(f"self.{name}{suffix}"))
                yield Planted(name, changed)

    return plant


def _is_cut(node: cst.ClassDef, read: cst.Attribute) -> bool:
    return any(
        outer.value is read and outer.attr.value in ("detach", "data")
        for outer in patterns.of_type(node, cst.Attribute)
    )


def layer_no_longer_called(node: cst.ClassDef) -> Iterator[Planted]:
    """``self.norm(x)`` in forward becomes ``x``; where that is no call of the layer's own kind, forward fails."""
    for name, _ in assigned(node, LAYER):
        found = reads(node, name)
        forward = patterns.method(node, "forward")
        if len(found) != 1 or forward is None:
            continue
        for outer in patterns.of_type(forward, cst.Call):
            if outer.func is found[0] and len(outer.args) == 1:
                yield Planted(name, replace(node, outer, outer.args[0].value))


def parameter_no_longer_read(node: cst.ClassDef) -> Iterator[Planted]:
    """``x * self.gain`` in forward becomes ``x``."""
    forward = patterns.method(node, "forward")
    for name in dict.fromkeys(name for name, _ in parameters(node)):
        found = reads(node, name)
        if len(found) != 1 or forward is None:
            continue
        for outer in patterns.of_type(forward, cst.BinaryOperation):
            if found[0] in (outer.left, outer.right):
                yield Planted(name, replace(node, outer, outer.left if outer.right is found[0] else outer.right))


def twin_called(node: cst.ClassDef) -> Iterator[Planted]:
    """Of two layers that are made alike, forward calls the first in the second's place too."""
    made: dict[str, str] = {}
    for name, call in assigned(node, LAYER):
        first = made.setdefault(source_of(call), name)
        found = reads(node, name)
        if first != name and len(found) == 1 and reads(node, first):
            yield Planted(name, replace(node, found[0], expression(f"self.{first}")))


def layer_left_over(node: cst.ClassDef) -> Iterator[Planted]:
    """The constructor makes a layer once more, under a name that nothing reads."""
    init = constructor(node)
    for name, call in assigned(node, LAYER):
        if init is not None and isinstance(init.body, cst.IndentedBlock) and reads(node, name):
            for line in patterns.lines(init):
                if any(value is call for value, _ in patterns.assignments(line)):
                    added = cst.parse_statement(f"self.{name}_old = {source_of(call)}\n")
                    yield Planted(
                        f"{name}_old",
                        patterns.with_block(
                            node,
                            init,
                            lambda body, added=added, line=line: [
                                *body[: body.index(line)],
                                added,
                                *body[body.index(line) :],
                            ],
                        ),
                    )


def parameter_frozen(node: cst.ClassDef) -> Iterator[Planted]:
    """A Parameter with the values that it is made with; what a scheme fills keeps the place of pretrained weights."""
    filled = {name for _, name in initialising_lines(node)}
    for planted in wrapped_parameter("{wrap}({value}, requires_grad=False)", parameters)(node):
        if planted.attribute not in filled:
            yield planted


OPERATORS = (
    Operator("table turned Parameter", "parameter", ("PRM201",), "parameters gained", table_turned_parameter),
    Operator("buffer turned Parameter", "parameter", ("PRM103", "PRM107", "PRM203"), "construction raises", buffer_turned_parameter),
    Operator("buffer turned frozen Parameter", "parameter", ("PRM202",), "parameters gained", buffer_turned_frozen_parameter),
    Operator("Parameter frozen", "parameter", ("PRM202",), "parameters frozen", parameter_frozen),
    Operator("Parameter of integers", "parameter", ("PRM203",), "construction raises", wrapped_parameter("{wrap}(({value}).long())", parameters)),
    Operator("reads detached", "parameter", ("PRM204",), "gradients lost", _reads_cut(".detach()")),
    Operator("data read", "parameter", ("PRM204",), "gradients lost", _reads_cut(".data")),
    Operator("layer no longer called", "parameter", ("PRM205",), "gradients lost", layer_no_longer_called),
    Operator("Parameter no longer read", "parameter", ("PRM205",), "gradients lost", parameter_no_longer_read),
    Operator("twin called", "parameter", ("PRM205",), "gradients lost", twin_called),
    Operator("layer left over", "parameter", ("PRM205",), "gradients lost", layer_left_over),
    Operator("Parameter of a number", "parameter", ("PRM206",), "construction raises", wrapped_parameter("{wrap}(1.0)", parameters)),
)  # fmt: skip

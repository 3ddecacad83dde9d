"""Parameters that should be something else, and parameters that no gradient reaches."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from benchmarks.mutation import patterns
from benchmarks.mutation.operators.initialisation import initialising_lines
from benchmarks.mutation.operators.shared import (
    PARAMETER,
    SCHEME,
    Operator,
    Planted,
    as_plain,
    assigned,
    buffers,
    constructor,
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
    for call, name, tensor in buffers(node):
        text = f"torch.nn.Parameter({source_of(tensor)}, requires_grad=False)"
        yield Planted(name, as_plain(node, call, name, expression(text)))


def reads_detached(node: cst.ClassDef) -> Iterator[Planted]:
    for _, name, _ in assigned(node, PARAMETER):
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
                item = next(read for read in reads(changed, name) if not _is_detached(changed, read))
                changed = replace(changed, item, expression(f"self.{name}.detach()"))
            yield Planted(name, changed)


def _is_detached(node: cst.ClassDef, read: cst.Attribute) -> bool:
    return any(outer.value is read and outer.attr.value == "detach" for outer in patterns.of_type(node, cst.Attribute))


def layer_no_longer_called(node: cst.ClassDef) -> Iterator[Planted]:
    """``self.norm(x)`` in forward becomes ``x``, for a layer that keeps its input's shape."""
    for _, name, call in assigned(node, re.compile(r"(\w+\.)*(LayerNorm|BatchNorm[123]d|GroupNorm|Linear)$")):
        found = reads(node, name)
        forward = patterns.method(node, "forward")
        if len(found) != 1 or forward is None:
            continue
        for outer in patterns.of_type(forward, cst.Call):
            if outer.func is found[0] and len(outer.args) == 1 and _keeps_shape(call):
                yield Planted(name, replace(node, outer, outer.args[0].value))


def _keeps_shape(call: cst.Call) -> bool:
    if not dotted(call.func).endswith("Linear"):
        return True
    return len(call.args) >= 2 and source_of(call.args[0].value) == source_of(call.args[1].value)


def parameter_frozen(node: cst.ClassDef) -> Iterator[Planted]:
    """A Parameter with the values that it is made with; what a scheme fills keeps the place of pretrained weights."""
    filled = {name for _, name in initialising_lines(node)}
    for planted in wrapped_parameter("{wrap}({value}, requires_grad=False)")(node):
        if planted.attribute not in filled:
            yield planted


OPERATORS = (
    Operator("table turned Parameter", "parameter", ("PRM201",), "parameters gained", table_turned_parameter),
    Operator("buffer turned Parameter", "parameter", ("PRM203",), "construction raises", buffer_turned_parameter),
    Operator("buffer turned frozen Parameter", "parameter", ("PRM202",), "parameters gained", buffer_turned_frozen_parameter),
    Operator("Parameter frozen", "parameter", ("PRM202",), "parameters frozen", parameter_frozen),
    Operator("Parameter of integers", "parameter", ("PRM203",), "construction raises", wrapped_parameter("{wrap}(({value}).long())")),
    Operator("reads detached", "parameter", ("PRM204",), "gradients lost", reads_detached),
    Operator("layer no longer called", "parameter", ("PRM205",), "gradients lost", layer_no_longer_called),
)  # fmt: skip

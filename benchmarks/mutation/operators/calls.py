"""What forward makes anew in each call, keeps, or makes on another device than the model's."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from benchmarks.mutation import patterns
from benchmarks.mutation.operators.shared import (
    Operator,
    Planted,
    buffers,
    constructor,
    forward_tensor,
    parameters,
    wrapped_parameter,
)
from benchmarks.mutation.patterns import dotted, expression, replace, source_of

_FACTORIES = re.compile(r"(torch\.)?(zeros|ones|full|arange|linspace|empty|randn|rand|tensor|eye)$")


def layer_made_in_forward(node: cst.ClassDef) -> Iterator[Planted]:
    if found := forward_tensor(node):
        forward, name = found
        yield Planted(
            None,
            patterns.prepended(
                node, forward, f"{name} = torch.nn.Linear({name}.shape[-1], {name}.shape[-1])({name})\n"
            ),
        )


def parameter_made_in_forward(node: cst.ClassDef) -> Iterator[Planted]:
    if found := forward_tensor(node):
        forward, name = found
        yield Planted(
            None,
            patterns.prepended(
                node, forward, "scale = torch.nn.Parameter(torch.ones(1))\n", f"{name} = {name} * scale\n"
            ),
        )


def device_left_out(node: cst.ClassDef) -> Iterator[Planted]:
    forward = patterns.method(node, "forward")
    for call in patterns.of_type(forward, cst.Call) if forward else ():
        if _FACTORIES.match(dotted(call.func)) and any(
            item.keyword and item.keyword.value == "device" for item in call.args
        ):
            kept = [item for item in call.args if not (item.keyword and item.keyword.value == "device")]
            yield Planted(None, replace(node, call, call.with_changes(args=kept)))


def noise_made_on_the_default_device(node: cst.ClassDef) -> Iterator[Planted]:
    if found := forward_tensor(node):
        forward, name = found
        yield Planted(None, patterns.prepended(node, forward, f"{name} = {name} + torch.randn({name}.shape)\n"))


def constant_left_behind(node: cst.ClassDef) -> Iterator[Planted]:
    """A plain tensor made in the constructor meets the input in forward."""
    init, found = constructor(node), forward_tensor(node)
    if init is not None and found is not None and isinstance(init.body, cst.IndentedBlock):
        added = cst.parse_statement("self.planted_offset = torch.full((1,), 0.5)\n")
        changed = patterns.with_block(node, init, lambda body: [*body, added])
        forward = patterns.method(changed, "forward")
        assert forward is not None
        yield Planted(
            "planted_offset", patterns.prepended(changed, forward, f"{found[1]} = {found[1]} + self.planted_offset\n")
        )


def buffer_on_a_literal_device(node: cst.ClassDef) -> Iterator[Planted]:
    for _, name, tensor in buffers(node):
        yield Planted(name, replace(node, tensor, expression(f"({source_of(tensor)}).cuda()")))


def parameter_on_a_literal_device(node: cst.ClassDef) -> Iterator[Planted]:
    yield from wrapped_parameter("{wrap}(({value}).to('cuda:0'))", parameters)(node)


def graph_tensor_kept(node: cst.ClassDef) -> Iterator[Planted]:
    """Forward keeps what it returns on the module."""
    forward = patterns.method(node, "forward")
    if forward is None or not isinstance(forward.body, cst.IndentedBlock):
        return
    last = forward.body.body[-1]
    if isinstance(last, cst.SimpleStatementLine) and len(last.body) == 1 and isinstance(last.body[0], cst.Return):
        value = last.body[0].value
        if isinstance(value, cst.Name):
            added = cst.parse_statement(f"self.last_output = {value.value}\n")
            yield Planted("last_output", patterns.with_block(node, forward, lambda body: [*body[:-1], added, body[-1]]))


OPERATORS = (
    Operator("layer made in forward", "forward", ("PRM109",), "made in forward", layer_made_in_forward),
    Operator("Parameter made in forward", "forward", ("PRM108",), "made in forward", parameter_made_in_forward),
    Operator("output kept with its graph", "forward", ("PRM505",), "copy raises", graph_tensor_kept),
    Operator("device left out in forward", "device", ("PRM502",), "devices clash", device_left_out),
    Operator("noise on the default device", "device", ("PRM502",), "devices clash", noise_made_on_the_default_device),
    Operator("constant left behind", "device", ("PRM101",), "devices clash", constant_left_behind),
    Operator("buffer on a literal device", "device", ("PRM501",), "construction raises", buffer_on_a_literal_device),
    Operator("Parameter on a literal device", "device", ("PRM501",), "construction raises", parameter_on_a_literal_device),
)  # fmt: skip

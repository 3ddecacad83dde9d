"""What is kept under a name and not registered, or registered as something else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import libcst as cst

from benchmarks.mutation import patterns
from benchmarks.mutation.operators.shared import (
    LAYER,
    Operator,
    Planted,
    as_plain,
    assigned,
    buffers,
    constructor,
    is_target,
    wrapped_parameter,
)
from benchmarks.mutation.patterns import dotted, expression, replace, self_attribute, source_of

_MODULE_LIST = re.compile(r"(\w+\.)*ModuleList$")
_MODULE_DICT = re.compile(r"(\w+\.)*ModuleDict$")
_PARAMETER_LIST = re.compile(r"(\w+\.)*ParameterList$")
_PLAIN = ("PRM101", "PRM102", "PRM110", "PRM112")


def buffer_turned_plain(node: cst.ClassDef) -> Iterator[Planted]:
    for call, name, tensor in buffers(node):
        yield Planted(name, as_plain(node, call, name, tensor))


def _turned_list(callee: re.Pattern[str]) -> Callable[[cst.ClassDef], Iterator[Planted]]:
    def plant(node: cst.ClassDef) -> Iterator[Planted]:
        for name, call in assigned(node, callee):
            if len(call.args) == 1 and not call.args[0].star:
                yield Planted(name, replace(node, call, expression(f"list({source_of(call.args[0].value)})")))
            elif not call.args:
                yield Planted(name, replace(node, call, expression("[]")))

    return plant


def module_dict_turned_dict(node: cst.ClassDef) -> Iterator[Planted]:
    for name, call in assigned(node, _MODULE_DICT):
        inner = source_of(call.args[0].value) if len(call.args) == 1 else ""
        if len(call.args) < 2:
            yield Planted(name, replace(node, call, expression(f"dict({inner})")))


def layer_in_a_tuple(node: cst.ClassDef) -> Iterator[Planted]:
    """``self.x = Layer(...)`` gets the comma that makes it a tuple, and each read takes the layer out again."""
    for name, call in assigned(node, LAYER):
        changed = replace(node, call, expression(f"({source_of(call)},)"))
        reads = [
            item
            for item in patterns.of_type(changed, cst.Attribute)
            if self_attribute(item) == name and not is_target(changed, item)
        ]
        for item in reads:
            changed = replace(changed, item, expression(f"self.{name}[0]"))
        yield Planted(name, changed)


def tensor_over_parameter(node: cst.ClassDef) -> Iterator[Planted]:
    init = constructor(node)
    own = [
        small.value
        for line in (patterns.lines(init) if init else ())
        for small in line.body
        if isinstance(small, (cst.Assign, cst.AnnAssign))
    ]
    for name, call in assigned(node, LAYER):
        if call not in own:
            continue  # a layer that only one branch makes would be missing, which is another fault
        if init is not None and isinstance(init.body, cst.IndentedBlock) and dotted(call.func).endswith("Linear"):
            added = cst.parse_statement(f"self.{name}.weight = self.{name}.weight * 0.5\n")
            yield Planted(f"{name}.weight", patterns.with_block(node, init, lambda body, added=added: [*body, added]))


OPERATORS = (
    Operator("buffer turned plain", "registration", _PLAIN, "left behind", buffer_turned_plain),
    Operator("ModuleList turned list", "registration", ("PRM105",), "parameters lost", _turned_list(_MODULE_LIST)),
    Operator("ModuleDict turned dict", "registration", ("PRM105",), "parameters lost", module_dict_turned_dict),
    Operator("layer in a tuple", "registration", ("PRM105",), "parameters lost", layer_in_a_tuple),
    Operator("ParameterList turned list", "registration", ("PRM104",), "parameters lost", _turned_list(_PARAMETER_LIST)),
    Operator("Parameter cast", "registration", ("PRM103",), "parameters lost", wrapped_parameter("{call}.to(torch.float64)")),
    Operator("Parameter scaled", "registration", ("PRM103",), "parameters lost", wrapped_parameter("{call} * 0.02")),
    Operator("Parameter turned tensor", "registration", ("PRM101", "PRM102"), "parameters lost", wrapped_parameter("({value}).requires_grad_()")),
    Operator("tensor over parameter", "registration", ("PRM107",), "construction raises", tensor_over_parameter),
    Operator("Parameter in a buffer's place", "registration", ("PRM106",), "parameters lost", wrapped_parameter("torch.nn.Buffer({call})")),
)  # fmt: skip

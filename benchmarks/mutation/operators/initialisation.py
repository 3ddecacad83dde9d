"""Memory that is not written, and schemes that do not reach what they are meant for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from benchmarks.mutation import patterns
from benchmarks.mutation.operators.shared import (
    LAYER,
    PARAMETER,
    SCHEME,
    Operator,
    Planted,
    assigned,
    buffers,
    constructor,
    parameters,
)
from benchmarks.mutation.patterns import dotted, expression, replace, self_attribute, source_of, without

_INIT = re.compile(r"(\w+\.)*init\.\w+_$")
_IN_PLACE = re.compile(r"(normal|uniform|zero|fill|copy|trunc_normal|exponential)_$")
_FILLED = re.compile(r"(torch\.)?(zeros|ones|randn|rand)$")


class _Line(NamedTuple):
    """A line that fills ``target`` in place: an attribute of self, a part of a layer of self, or a local name."""

    function: cst.FunctionDef
    line: cst.SimpleStatementLine
    target: cst.BaseExpression
    name: str

    @property
    def attribute(self) -> str:
        return self.name.split(".")[0]

    @property
    def is_of_layer(self) -> bool:
        return self.name.endswith((".weight", ".bias")) and self.name.count(".") == 1


def _lines(node: cst.ClassDef) -> Iterator[_Line]:
    """Lines ``init.x_(t)`` and ``t.data.x_(...)``, for what ``t`` is in ``_Line``."""
    for function in patterns.methods(node):
        if function.name.value == "forward":
            continue
        wrapped = _wrapped_locals(function)
        for line in patterns.of_type(function, cst.SimpleStatementLine):
            call = patterns.call_in(line)
            if call is None:
                continue
            if _INIT.match(dotted(call.func)) and call.args:
                target: cst.BaseExpression = call.args[0].value
            elif isinstance(call.func, cst.Attribute) and _IN_PLACE.match(call.func.attr.value):
                target = call.func.value
            else:
                continue
            bare = target
            if isinstance(bare, cst.Attribute) and bare.attr.value == "data":
                bare = bare.value
            text = dotted(bare)
            if text in wrapped:
                yield _Line(function, line, target, wrapped[text])
            elif text.startswith("self.") and text.count(".") <= 2:
                yield _Line(function, line, target, text.removeprefix("self."))


def _wrapped_locals(function: cst.FunctionDef) -> dict[str, str]:
    """Local names that become attributes as Parameters, with those attributes."""
    return {
        dotted(value.args[0].value): name
        for value, name in patterns.assignments(function)
        if isinstance(value, cst.Call)
        and PARAMETER.match(dotted(value.func))
        and value.args
        and isinstance(value.args[0].value, cst.Name)
    }


def initialising_lines(node: cst.ClassDef) -> Iterator[tuple[cst.SimpleStatementLine, str]]:
    """Lines that fill an attribute of self, whole: ``init.x_(self.w)``, ``self.w.data.normal_()``."""
    return ((item.line, item.name) for item in _lines(node) if "." not in item.name)


def initialising_line_deleted(node: cst.ClassDef) -> Iterator[Planted]:
    for line, name in initialising_lines(node):
        yield Planted(name, without(node, line))


def initialising_result_dropped(node: cst.ClassDef) -> Iterator[Planted]:
    for item in _lines(node):
        text = f"torch.zeros_like({source_of(item.target)})\n"
        yield Planted(item.attribute, replace(node, item.line, cst.parse_statement(text)))


def copy_initialised(node: cst.ClassDef) -> Iterator[Planted]:
    """The line writes to a clone of what it is meant for."""
    for item in _lines(node):
        clone = expression(f"{source_of(item.target)}.clone()")
        yield Planted(item.attribute, replace(node, item.target, clone))


def layer_initialised(node: cst.ClassDef) -> Iterator[Planted]:
    """``init.x_(self.layer.weight)`` becomes ``init.x_(self.layer)``."""
    for item in _lines(node):
        if item.is_of_layer and isinstance(item.target, cst.Attribute) and item.target.attr.value != "data":
            yield Planted(item.attribute, replace(node, item.target, item.target.value))


def bias_left_out(node: cst.ClassDef) -> Iterator[Planted]:
    """A layer is made without the bias that a line initialises."""
    layers = dict(assigned(node, LAYER))
    for item in _lines(node):
        call = layers.get(item.attribute)
        if (
            item.name.endswith(".bias")
            and call is not None
            and not any(arg.keyword is None and arg.star for arg in call.args)
        ):
            kept = [arg for arg in call.args if not (arg.keyword and arg.keyword.value == "bias")]
            if len(kept) == len(call.args) or source_of(call) != f"{dotted(call.func)}()":
                text = ", ".join([*(source_of(arg).rstrip(", \n") for arg in kept), "bias=False"])
                yield Planted(item.attribute, replace(node, call, expression(f"{dotted(call.func)}({text})")))


def initialised_too_early(node: cst.ClassDef) -> Iterator[Planted]:
    """An initialising line of the constructor's own block moves in front of what it initialises."""
    init = constructor(node)
    own = [*patterns.lines(init)] if init else []
    for item in _lines(node):
        if init is None or not any(item.line is line for line in own):
            continue
        before = own[: own.index(item.line)]
        first = next((line for line in before if _binds(line, item.attribute)), None)
        if first is None:
            continue

        def change(
            body: list[cst.BaseStatement], line: cst.BaseStatement = item.line, first: cst.BaseStatement = first
        ) -> list[cst.BaseStatement]:
            rest = [other for other in body if other is not line]
            at = rest.index(first)
            return [*rest[:at], line, *rest[at:]]

        yield Planted(item.attribute, patterns.with_block(node, init, change))


def _binds(line: cst.SimpleStatementLine, name: str) -> bool:
    return any(found == name for _, found in patterns.assignments(line))


def scheme_overwrites(node: cst.ClassDef) -> Iterator[Planted]:
    """A layer of the constructor's own block is set to zero, as gates are, before the scheme goes over all layers."""
    layers = [(name, call) for name, call in assigned(node, LAYER) if "Norm" not in dotted(call.func)]
    for init, line, _ in _scheme_calls(node):
        at = [*patterns.lines(init)].index(line)
        for name, _ in layers:
            if any(_binds(other, name) for other in [*patterns.lines(init)][:at]):
                added = cst.parse_statement(f"torch.nn.init.zeros_(self.{name}.weight)\n")
                yield Planted(
                    f"{name}.weight",
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


def _scheme_calls(node: cst.ClassDef) -> Iterator[tuple[cst.FunctionDef, cst.SimpleStatementLine, str]]:
    """``self.apply(self._init_weights)`` and ``self.init_weights()`` among the constructor's own statements."""
    init = constructor(node)
    own = {function.name.value for function in patterns.methods(node)}
    for line in patterns.lines(init) if init else ():
        call = patterns.call_in(line)
        name = self_attribute(call.func) if call is not None else None
        if call is None or name is None or init is None:
            continue
        if name == "apply" and call.args and (scheme := self_attribute(call.args[0].value)) in own and scheme:
            yield init, line, scheme
        elif name in own and SCHEME.match(name):
            yield init, line, name


def _is_interface(line: cst.SimpleStatementLine, scheme: str) -> bool:
    """A public method that a class calls on itself may be called by whoever holds it: ``init_weights``."""
    call = patterns.call_in(line)
    return call is not None and self_attribute(call.func) == scheme and not scheme.startswith("_")


def scheme_call_deleted(node: cst.ClassDef) -> Iterator[Planted]:
    for _, line, scheme in _scheme_calls(node):
        if not _is_interface(line, scheme):
            yield Planted(scheme, without(node, line))


def interface_call_deleted(node: cst.ClassDef) -> Iterator[Planted]:
    """Where torch's default takes a public scheme's place, nothing says that the constructor was to run it."""
    for _, line, scheme in _scheme_calls(node):
        if _is_interface(line, scheme):
            yield Planted(scheme, without(node, line))


def scheme_called_too_early(node: cst.ClassDef) -> Iterator[Planted]:
    for init, line, scheme in _scheme_calls(node):
        first = next((item for item in patterns.lines(init) if patterns.is_super_init(item)), None)
        if first is None:
            continue

        def change(
            body: list[cst.BaseStatement], line: cst.BaseStatement = line, first: cst.BaseStatement = first
        ) -> list[cst.BaseStatement]:
            rest = [item for item in body if item is not line]
            at = rest.index(first) + 1
            return [*rest[:at], line, *rest[at:]]

        yield Planted(scheme, patterns.with_block(node, init, change))


def isinstance_branch_deleted(node: cst.ClassDef) -> Iterator[Planted]:
    """One branch of several: where a scheme's only branch goes, nothing is left that says which layers were meant."""
    for function in patterns.methods(node):
        branches = [branch for branch in patterns.of_type(function, cst.If) if _asks_type(branch.test)]
        for branch in branches if len(branches) > 1 else ():
            test = branch.test
            if isinstance(test, cst.Call) and len(test.args) == 2:
                if "Norm" not in source_of(test.args[1].value):
                    emptied = branch.with_changes(
                        body=cst.IndentedBlock([cst.SimpleStatementLine([cst.Pass()])]), test=expression("False")
                    )
                    yield Planted(function.name.value, replace(node, branch, emptied))


def _asks_type(test: cst.BaseExpression) -> bool:
    return isinstance(test, cst.Call) and dotted(test.func) == "isinstance"


def _memory_left_as_it_was(node: cst.ClassDef, holders: Iterator[tuple[str, cst.CSTNode]]) -> Iterator[Planted]:
    for name, holder in holders:
        for call in patterns.of_type(holder, cst.Call):
            if _FILLED.match(dotted(call.func)):
                func = cst.parse_expression("torch.empty")
                yield Planted(name, replace(node, call, call.with_changes(func=func)))
                break


def parameter_of_empty(node: cst.ClassDef) -> Iterator[Planted]:
    yield from _memory_left_as_it_was(node, parameters(node))


def buffer_of_empty(node: cst.ClassDef) -> Iterator[Planted]:
    yield from _memory_left_as_it_was(node, ((name, tensor) for _, name, tensor in buffers(node)))


OPERATORS = (
    Operator("initialising line deleted", "initialisation", ("PRM301", "PRM302", "PRM303"), "uninitialised", initialising_line_deleted, leaves_unwritten=True),
    Operator("initialising result dropped", "initialisation", ("PRM301", "PRM302", "PRM309"), "initialised otherwise", initialising_result_dropped),
    Operator("copy initialised", "initialisation", ("PRM301", "PRM302", "PRM308", "PRM309"), "initialised otherwise", copy_initialised),
    Operator("layer initialised", "initialisation", ("PRM308",), "construction raises", layer_initialised),
    Operator("bias left out", "initialisation", ("PRM306",), "None initialised", bias_left_out),
    Operator("initialised too early", "initialisation", ("PRM304", "PRM306", "PRM404", "PRM405"), "construction raises", initialised_too_early),
    Operator("scheme overwrites", "initialisation", ("PRM307",), "zeros overwritten", scheme_overwrites),
    Operator("scheme call deleted", "initialisation", ("PRM301", "PRM302", "PRM303"), "initialised otherwise", scheme_call_deleted),
    Operator("public scheme call deleted", "initialisation", ("PRM301", "PRM302", "PRM303"), "uninitialised", interface_call_deleted),
    Operator("scheme called too early", "initialisation", ("PRM301", "PRM304", "PRM404", "PRM405"), "initialised otherwise", scheme_called_too_early),
    Operator("isinstance branch deleted", "initialisation", ("PRM305", "PRM301", "PRM303"), "initialised otherwise", isinstance_branch_deleted),
    Operator("Parameter of empty", "initialisation", ("PRM301",), "uninitialised", parameter_of_empty, leaves_unwritten=True),
    Operator("buffer of empty", "initialisation", ("PRM302",), "uninitialised", buffer_of_empty, leaves_unwritten=True),
)  # fmt: skip

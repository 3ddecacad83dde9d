"""Memory that is not written, and schemes that do not reach what they are meant for."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from benchmarks.mutation import patterns
from benchmarks.mutation.operators.shared import (
    PARAMETER,
    SCHEME,
    Operator,
    Planted,
    assigned,
    buffers,
    constructor,
)
from benchmarks.mutation.patterns import dotted, expression, replace, self_attribute, source_of, without

_INIT = re.compile(r"(\w+\.)*init\.\w+_$")
_FILLED = re.compile(r"(torch\.)?(zeros|ones|randn|rand)$")


def initialising_lines(node: cst.ClassDef) -> Iterator[tuple[cst.SimpleStatementLine, str]]:
    """Lines that fill one attribute of self: ``init.x_(self.w)``, ``self.w.data.normal_()``."""
    for function in patterns.methods(node):
        for line in patterns.of_type(function, cst.SimpleStatementLine):
            call = patterns.call_in(line)
            if call is None:
                continue
            if _INIT.match(dotted(call.func)) and call.args and (name := self_attribute(call.args[0].value)):
                yield line, name
            elif isinstance(call.func, cst.Attribute) and re.match(
                r"(normal|uniform|zero|fill|copy)_$", call.func.attr.value
            ):
                target = call.func.value
                if isinstance(target, cst.Attribute) and target.attr.value == "data":
                    target = target.value
                if name := self_attribute(target):
                    yield line, name


def initialising_line_deleted(node: cst.ClassDef) -> Iterator[Planted]:
    for line, name in initialising_lines(node):
        yield Planted(name, without(node, line))


def initialising_result_dropped(node: cst.ClassDef) -> Iterator[Planted]:
    for line, name in initialising_lines(node):
        yield Planted(name, replace(node, line, cst.parse_statement(f"torch.zeros_like(self.{name})\n")))


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


def scheme_call_deleted(node: cst.ClassDef) -> Iterator[Planted]:
    for _, line, scheme in _scheme_calls(node):
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
    yield from _memory_left_as_it_was(node, ((name, call) for _, name, call in assigned(node, PARAMETER)))


def buffer_of_empty(node: cst.ClassDef) -> Iterator[Planted]:
    yield from _memory_left_as_it_was(node, ((name, tensor) for _, name, tensor in buffers(node)))


OPERATORS = (
    Operator("initialising line deleted", "initialisation", ("PRM301", "PRM302", "PRM303"), "uninitialised", initialising_line_deleted),
    Operator("initialising result dropped", "initialisation", ("PRM301", "PRM302", "PRM309"), "uninitialised", initialising_result_dropped),
    Operator("scheme call deleted", "initialisation", ("PRM301", "PRM302", "PRM303"), "initialised otherwise", scheme_call_deleted),
    Operator("scheme called too early", "initialisation", ("PRM301", "PRM304", "PRM404", "PRM405"), "initialised otherwise", scheme_called_too_early),
    Operator("isinstance branch deleted", "initialisation", ("PRM305", "PRM301", "PRM303"), "initialised otherwise", isinstance_branch_deleted),
    Operator("Parameter of empty", "initialisation", ("PRM301",), "uninitialised", parameter_of_empty),
    Operator("buffer of empty", "initialisation", ("PRM302",), "uninitialised", buffer_of_empty),
)  # fmt: skip

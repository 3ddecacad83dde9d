"""Constructors that do not run, run twice, or call what is not there."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from benchmarks.mutation import patterns
from benchmarks.mutation.operators.shared import (
    SCHEME,
    Operator,
    Planted,
    constructor,
)
from benchmarks.mutation.patterns import replace, self_attribute, without


def super_init_deleted(node: cst.ClassDef) -> Iterator[Planted]:
    init = constructor(node)
    for line in patterns.lines(init) if init else ():
        if patterns.is_super_init(line):
            yield Planted(None, without(node, line))


def super_init_moved_down(node: cst.ClassDef) -> Iterator[Planted]:
    init = constructor(node)
    for line in patterns.lines(init) if init else ():
        if init is not None and patterns.is_super_init(line):
            yield Planted(
                None,
                patterns.with_block(node, init, lambda body, line=line: [*(x for x in body if x is not line), line]),
            )


def super_init_repeated(node: cst.ClassDef) -> Iterator[Planted]:
    init = constructor(node)
    for line in patterns.lines(init) if init else ():
        if init is not None and patterns.is_super_init(line):
            added = cst.parse_statement("torch.nn.Module.__init__(self)\n")
            yield Planted(None, patterns.with_block(node, init, lambda body, added=added: [*body, added]))


def init_method_renamed(node: cst.ClassDef) -> Iterator[Planted]:
    """The method is renamed; the constructor still calls it by its old name."""
    init = constructor(node)
    called = {self_attribute(call.func) for call in patterns.of_type(init, cst.Call)} if init else set()
    for function in patterns.methods(node):
        name = function.name.value
        if name in called and SCHEME.match(name):
            yield Planted(name, replace(node, function, function.with_changes(name=cst.Name(f"{name}_values"))))


OPERATORS = (
    Operator("super().__init__() deleted", "construction", ("PRM401", "PRM402"), "construction raises", super_init_deleted),
    Operator("super().__init__() moved down", "construction", ("PRM304", "PRM401", "PRM402"), "construction raises", super_init_moved_down),
    Operator("Module.__init__ repeated", "construction", ("PRM403",), "parameters lost", super_init_repeated),
    Operator("init method renamed", "construction", ("PRM404",), "construction raises", init_method_renamed),
)  # fmt: skip

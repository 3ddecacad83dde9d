"""Small questions about libcst nodes that the mutation operators share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import TypeVar

import libcst as cst

Node = TypeVar("Node", bound=cst.CSTNode)


@lru_cache(maxsize=2048)
def walk(node: cst.CSTNode) -> tuple[cst.CSTNode, ...]:
    """All nodes below and including ``node``, parents first (``CSTNode.children`` is many times slower)."""
    waiting, seen = [node], []
    while waiting:
        item = waiting.pop()
        seen.append(item)
        found: list[cst.CSTNode] = []
        for name in _fields(type(item)):
            value = getattr(item, name)
            if isinstance(value, (list, tuple)):
                found.extend(part for part in value if _is_node(type(part)))
            elif _is_node(type(value)):
                found.append(value)
        waiting.extend(reversed(found))
    return tuple(seen)


@cache
def _is_node(kind: type) -> bool:
    return issubclass(kind, cst.CSTNode)


@cache
def _fields(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind) if "whitespace" not in field.name)


@cache
def _kinds(kind: type, wanted: type) -> bool:
    return issubclass(kind, wanted)


def of_type(node: cst.CSTNode, kind: type[Node]) -> Iterator[Node]:
    return (item for item in walk(node) if _kinds(type(item), kind))  # type: ignore[misc]


def dotted(node: cst.CSTNode) -> str:
    """``a.b.c`` of names and attributes, "" for anything else."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        left = dotted(node.value)
        return f"{left}.{node.attr.value}" if left else ""
    return ""


def self_attribute(node: cst.CSTNode) -> str | None:
    """The name in ``self.name``, else None."""
    if isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name) and node.value.value == "self":
        return node.attr.value
    return None


def method(class_node: cst.ClassDef, name: str) -> cst.FunctionDef | None:
    body = class_node.body.body if isinstance(class_node.body, cst.IndentedBlock) else ()
    return next((item for item in body if isinstance(item, cst.FunctionDef) and item.name.value == name), None)


def methods(class_node: cst.ClassDef) -> Iterator[cst.FunctionDef]:
    body = class_node.body.body if isinstance(class_node.body, cst.IndentedBlock) else ()
    return (item for item in body if isinstance(item, cst.FunctionDef))


def assignments(node: cst.CSTNode) -> Iterator[tuple[cst.BaseExpression, str]]:
    """Values of the form ``self.name = value`` or ``self.name: Type = value``, with that name."""
    for item in walk(node):
        if isinstance(item, cst.Assign) and len(item.targets) == 1:
            target: cst.BaseExpression = item.targets[0].target
        elif isinstance(item, cst.AnnAssign):
            target = item.target
        else:
            continue
        if item.value is not None and (name := self_attribute(target)) is not None:
            yield item.value, name


def statement_of(function: cst.FunctionDef, small: cst.BaseSmallStatement) -> cst.SimpleStatementLine | None:
    """The line that holds a small statement and nothing else."""
    for line in of_type(function, cst.SimpleStatementLine):
        if len(line.body) == 1 and line.body[0] is small:
            return line
    return None


def lines(function: cst.FunctionDef) -> Iterator[cst.SimpleStatementLine]:
    """The simple statements of a method's own block, not those nested in compound ones."""
    if isinstance(function.body, cst.IndentedBlock):
        yield from (item for item in function.body.body if isinstance(item, cst.SimpleStatementLine))


def call_in(line: cst.SimpleStatementLine) -> cst.Call | None:
    """The call that is all there is on a line."""
    if len(line.body) == 1 and isinstance(line.body[0], cst.Expr) and isinstance(line.body[0].value, cst.Call):
        return line.body[0].value
    return None


def is_super_init(line: cst.SimpleStatementLine) -> bool:
    call = call_in(line)
    return (
        call is not None
        and isinstance(call.func, cst.Attribute)
        and call.func.attr.value == "__init__"
        and isinstance(call.func.value, cst.Call)
        and dotted(call.func.value.func) == "super"
    )


def replace(class_node: cst.ClassDef, old: cst.CSTNode, new: cst.CSTNode) -> cst.ClassDef:
    result = class_node.deep_replace(old, new)
    assert isinstance(result, cst.ClassDef)
    return result


def without(class_node: cst.ClassDef, line: cst.SimpleStatementLine) -> cst.ClassDef:
    """The class with a line turned into ``pass``: a block never becomes empty."""
    return replace(class_node, line, line.with_changes(body=[cst.Pass()]))


def with_block(
    class_node: cst.ClassDef,
    function: cst.FunctionDef,
    change: Callable[[list[cst.BaseStatement]], list[cst.BaseStatement]],
) -> cst.ClassDef:
    """The class with a method's statements changed."""
    assert isinstance(function.body, cst.IndentedBlock)
    block = function.body.with_changes(body=change(list(function.body.body)))
    return replace(class_node, function, function.with_changes(body=block))


def prepended(class_node: cst.ClassDef, function: cst.FunctionDef, *sources: str) -> cst.ClassDef:
    """The class with statements put before a method's own, after its docstring."""
    added = [cst.parse_statement(source) for source in sources]

    def change(body: list[cst.BaseStatement]) -> list[cst.BaseStatement]:
        at = 1 if function.get_docstring() is not None else 0
        return [*body[:at], *added, *body[at:]]

    return with_block(class_node, function, change)


def source_of(node: cst.CSTNode) -> str:
    return cst.Module([]).code_for_node(node)


def expression(source: str) -> cst.BaseExpression:
    return cst.parse_expression(source)

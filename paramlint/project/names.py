"""Names as code spells them: dotted, qualified, absolute."""

from __future__ import annotations

from typing import TypeAlias

from paramlint.model import code
from paramlint.project.definitions import ClassDefinition, FunctionDefinition, SourceModule

Enclosing: TypeAlias = tuple[code.Function | code.Class, ...]


def define(
    module: SourceModule, node: code.Class | code.Function, enclosing: Enclosing
) -> ClassDefinition | FunctionDefinition:
    """Return the definition that a class or function statement makes in a scope."""
    if isinstance(node, code.Class):
        return ClassDefinition(module, node, qualified_name(node.name, enclosing), enclosing)
    return FunctionDefinition(module, node, qualified_name(node.name, enclosing), enclosing)


def qualified_name(name: str, enclosing: Enclosing) -> str:
    """Return the ``__qualname__`` of a definition in a scope: ``Outer.Inner``, ``make.<locals>.Net``."""
    parts: list[str] = []
    for node in enclosing:
        parts.append(node.name)
        if isinstance(node, code.Function):
            parts.append("<locals>")
    return ".".join((*parts, name))


def absolute_name(module: SourceModule, name: str, level: int) -> str | None:
    """Return the absolute dotted name of an import written in a module; None beyond the top of its package.

    Empty where the import starts at a root that is itself a package.
    """
    if level == 0:
        return name
    package = module.package.split(".") if module.package else []
    if level - 1 > len(package):
        return None
    start = package[: len(package) - (level - 1)]
    return ".".join((*start, name) if name else start)


def is_name(node: object, name: str) -> bool:
    """Return whether an expression is that name alone."""
    return isinstance(node, code.Name) and node.identifier == name


def last_word(node: object) -> str:
    """Return the last part of a name, or of the name that a call calls: ``f`` of ``m.f`` and ``m.f(x)``; empty for others."""
    if isinstance(node, code.Call):
        node = node.function
    if isinstance(node, code.Attribute):
        return node.name
    return node.identifier if isinstance(node, code.Name) else ""


def dotted_name(expression: code.Expression) -> tuple[str, ...] | None:
    """Return ``a.b.c`` as a tuple of its parts; None for any other expression."""
    parts: list[str] = []
    while isinstance(expression, code.Attribute):
        parts.append(expression.name)
        expression = expression.value
    if not isinstance(expression, code.Name):
        return None
    parts.append(expression.identifier)
    return tuple(reversed(parts))

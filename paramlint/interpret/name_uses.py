"""Where a file uses a name as an attribute, or spells it: calls of methods, and what may be one."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.scan import nodes
from paramlint.model import code
from paramlint.project.definitions import SourceModule


def _outside(statement: code.Statement, name: str) -> Iterator[object]:
    """The nodes of a statement outside the methods of that name, which reach nothing by calling themselves."""
    if not isinstance(statement, code.Class):
        yield from nodes(statement)
        return
    yield from nodes((statement.arguments, statement.decorators))
    for inner in statement.body:
        if not isinstance(inner, code.Function) or inner.name != name:
            yield from nodes(inner)


def uses_of_name(module: SourceModule, name: str) -> Iterator[tuple[code.Class | None, object, code.Call | None]]:
    """The expressions that use a name as an attribute or spell it as a string, with the class around them.

    Third comes the call of which the attribute is the function, if it is one.
    """
    for statement in module.facts.body:
        holder = statement if isinstance(statement, code.Class) else None
        found = list(_outside(statement, name))
        calls = {id(node.function): node for node in found if isinstance(node, code.Call)}
        for node in found:
            if (isinstance(node, code.Attribute) and node.name == name) or (
                isinstance(node, code.Constant) and node.value == name
            ):
                yield holder, node, calls.get(id(node))

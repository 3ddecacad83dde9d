"""What a decorator of the source does to the class that it stands above, told from its text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from paramlint.model import code
from paramlint.project.bindings import nested_bodies

# What a text has to mention for its function to be looked at.
_WORDS = ("__bases__", "setattr", "class", "type")

# Methods that Python or torch calls by their names, beside those that every object has.
_MEANT = frozenset({"__call__", "__getattr__", "forward", "_apply"})


def changes_its_class(function: code.Function, text_of: Callable[[code.Expression], str | None]) -> bool:
    """Whether a class decorator, or a function that returns one, may give a class bases or members of its own.

    It sets ``__bases__`` or attributes by ``setattr``, or puts a subclass in the class's place. A constant, or what the
    decorator was given, under a name that can be told (``text_of``) is a note that others look for, and no method.
    """
    if not any(code.may_hold(function, word) for word in _WORDS):
        return False
    statements = list(_statements((function,)))
    names = {parameter.name for item in statements if isinstance(item, code.Function) for parameter in item.parameters}
    return any(_changes(statement, names, text_of) for statement in statements)


def _statements(body: Iterable[code.Statement]) -> Iterator[code.Statement]:
    for statement in body:
        yield statement
        for block in nested_bodies(statement):
            yield from _statements(block)


def _changes(statement: code.Statement, names: set[str], text_of: Callable[[code.Expression], str | None]) -> bool:
    match statement:
        case code.Assign(targets=targets):
            return any(isinstance(target, code.Attribute) and target.name == "__bases__" for target in targets) or (
                _makes_a_class(statement.value, names)
            )
        case code.ExpressionStatement(value=code.Call(function=code.Name(identifier="setattr"), arguments=arguments)):
            if not arguments or not _is_one_of(arguments[0].value, names):
                return False
            if len(arguments) < 3 or _is_one_of(arguments[1].value, names) or not _is_given(arguments[2].value, names):
                return True
            name = text_of(arguments[1].value)
            return name is None or name in _MEANT or hasattr(object, name)
        case code.Class(arguments=bases):
            return any(_is_one_of(base.value, names) for base in bases)
        case code.Return(value=value) if value is not None:
            return _makes_a_class(value, names)
    return False


def _makes_a_class(node: code.Expression, names: set[str]) -> bool:
    """``type(name, (cls, Mixin), members)``."""
    if not (
        isinstance(node, code.Call) and isinstance(node.function, code.Name) and node.function.identifier == "type"
    ):
        return False
    bases = node.arguments[1].value if len(node.arguments) == 3 else None
    return isinstance(bases, code.Display) and any(_is_one_of(item, names) for item in bases.elements)


def _is_given(node: code.Expression, names: set[str]) -> bool:
    return isinstance(node, code.Constant) or _is_one_of(node, names)


def _is_one_of(node: code.Expression, names: set[str]) -> bool:
    return isinstance(node, code.Name) and node.identifier in names

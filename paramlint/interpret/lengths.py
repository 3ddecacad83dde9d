"""Which arguments of a function are no single numbers: by their annotations, or because the function asks for a size."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.scan import nodes
from paramlint.model import code
from paramlint.project.names import dotted_name, is_name

# An array of no dimensions is hardly ever given.
_MANY = frozenset({"list", "List", "tuple", "Tuple", "Sequence", "ndarray", "NDArray"})
_SIMPLE = (code.Assign, code.AnnotatedAssign, code.AugmentedAssign, code.ExpressionStatement, code.Assert)
_CHOOSING = (code.Conditional, code.BooleanOperation, code.Lambda)


def is_of_many(annotation: code.Expression | None) -> bool:
    """Whether an annotation names a sequence or an array, or one of them or None."""
    match annotation:
        case code.BinaryOperation(left=left, right=right):
            return _are_of_many((left, right))
        case code.Subscript(value=value, index=index):
            name = (dotted_name(value) or ("",))[-1]
            if name in ("Optional", "Union"):
                return _are_of_many(index.elements if isinstance(index, code.Display) else (index,))
            return name in _MANY
        case code.Name() | code.Attribute():
            return (dotted_name(annotation) or ("",))[-1] in _MANY
    return False


def _are_of_many(parts: tuple[code.Expression, ...]) -> bool:
    some = [part for part in parts if not (isinstance(part, code.Constant) and part.value is None)]
    return bool(some) and all(map(is_of_many, some))


def with_lengths(function: code.Function) -> frozenset[str]:
    """The names of which a function asks the length, a size or the elements, whatever way it takes.

    What it binds anew, on whatever way, is another value from there on; on the ways on which it does not, it is asked.
    """
    found: set[str] = set()
    bound: set[str] = set()
    for statement in function.body:
        if isinstance(statement, code.For):
            found |= _name(statement.iterable)
        if not isinstance(statement, _SIMPLE):
            continue
        if isinstance(statement, code.Assign):
            bound |= {name for target in statement.targets for name in _name(target)}
            if any(isinstance(target, code.Display) for target in statement.targets):
                found |= _shaped(statement.value)  # height, width = table.shape
        inner = list(nodes(statement))
        if not any(isinstance(node, _CHOOSING) for node in inner):
            found.update(_asked(inner))
    return frozenset(found - bound)


def _asked(inner: list[object]) -> Iterator[str]:
    for node in inner:
        match node:
            case code.Subscript(value=value):
                yield from _shaped(value)
            case code.Call(function=function, arguments=arguments) if is_name(function, "len") and arguments:
                yield from _name(arguments[0].value)
            case code.Comprehension(clauses=clauses):
                yield from _name(clauses[0].iterable)


def _shaped(expression: code.Expression) -> set[str]:
    """The name in ``name.shape``."""
    if isinstance(expression, code.Attribute) and expression.name == "shape":
        return _name(expression.value)
    return set()


def _name(expression: code.Expression) -> set[str]:
    return {expression.identifier} if isinstance(expression, code.Name) else set()

"""What conditions on the names of parameters say, in a walk that gives them: ``for name, p in m.named_parameters()``."""

from __future__ import annotations

from functools import partial

from paramlint.model import code


def names_given(loop: code.For) -> frozenset[str]:
    """The variable of ``for name, p in m.named_parameters()`` that stands for the names."""
    function = loop.iterable.function if isinstance(loop.iterable, code.Call) else None
    is_named = isinstance(function, code.Attribute) and function.name.startswith("named_")
    first = loop.target.elements[0] if is_named and isinstance(loop.target, code.Display) else None
    return frozenset({first.identifier}) if isinstance(first, code.Name) else frozenset()


def asks_another_name(
    condition: code.Expression, names: frozenset[str], *, attribute: str, classes: frozenset[str], made: frozenset[str]
) -> bool:
    """Whether a condition on the name of a parameter leaves out all those called ``attribute`` of such classes.

    A text that may stand anywhere in the dotted name tells so if torch's layers call their parameters so, or the scope
    one of its layers (``made``), and the classes are not called so, for that is how their owners call them.
    """
    asks = partial(asks_another_name, names=names, attribute=attribute, classes=classes, made=made)
    match condition:
        case code.BooleanOperation(operator="and", operands=operands):
            return any(map(asks, operands))
        case code.BooleanOperation(operands=operands):
            return all(map(asks, operands))
        case code.Comparison(
            operators=("in",), left=code.Constant(value=str() as text), comparators=(code.Name(identifier=name),)
        ):
            is_known = text in ("weight", "bias") or text in made
            is_called_so = any(text.replace("_", "").lower() in other.lower() for other in (attribute, *classes))
            return name in names and is_known and not is_called_so
        case code.Call(
            function=code.Attribute(name="endswith", value=code.Name(identifier=name)),
            arguments=(code.Argument(value=code.Constant(value=str() as text)),),
        ):
            return name in names and not f".{attribute}".endswith(text) and not text.endswith(f".{attribute}")
    return False

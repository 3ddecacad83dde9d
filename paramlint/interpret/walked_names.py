"""What conditions on the names of parameters say, in a walk that gives them: ``for name, p in m.named_parameters()``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from paramlint import torch_api
from paramlint.interpret.scan import texts_of
from paramlint.model import code


def names_given(loop: code.For) -> frozenset[str]:
    """The variable of ``for name, p in m.named_parameters()`` that stands for the names."""
    function = loop.iterable.function if isinstance(loop.iterable, code.Call) else None
    is_named = isinstance(function, code.Attribute) and function.name.startswith("named_")
    first = loop.target.elements[0] if is_named and isinstance(loop.target, code.Display) else None
    return frozenset({first.identifier}) if isinstance(first, code.Name) else frozenset()


class Asked(NamedTuple):
    """The parameter that a walk is asked about: its name, its classes, and what the walk's scope calls layers of torch's.

    ``may_be_held_as`` says of a name whether some object may hold an instance of the classes under it.
    """

    attribute: str
    classes: frozenset[str]
    made: frozenset[str]
    may_be_held_as: Callable[[str], bool]


def asks_another_name(condition: code.Expression, names: frozenset[str], *, asked: Asked) -> bool:
    """Whether a condition on the name of a parameter leaves out all those that a walk is asked about.

    A text that may stand anywhere in the dotted name tells so if torch's layers call their parameters so, or the scope
    one of its layers, and the classes are not called so, for that is how their owners call them.
    """
    asks = partial(asks_another_name, names=names, asked=asked)
    match condition:
        case code.BooleanOperation(operator="and", operands=operands):
            return any(map(asks, operands))
        case code.BooleanOperation(operands=operands):
            return all(map(asks, operands))
        case code.Comparison(
            operators=("in",), left=code.Constant(value=str() as text), comparators=(code.Name(identifier=name),)
        ):
            is_known = text in torch_api.state_words() or text in asked.made
            is_called_so = any(
                text.replace("_", "").lower() in other.lower() for other in (asked.attribute, *asked.classes)
            )
            return name in names and is_known and not is_called_so
        case code.Comparison(operators=("in" | "==",), left=code.Name(identifier=name), comparators=(value,)):
            texts = texts_of(value)
            return name in names and bool(texts) and not any(_may_end_with(text, asked) for text in texts)
        case code.Call(
            function=code.Attribute(name="endswith", value=code.Name(identifier=name)),
            arguments=(code.Argument(value=value),),
        ):
            texts = texts_of(value)
            return name in names and bool(texts) and not any(_may_end_with(text, asked) for text in texts)
    return False


def _may_end_with(text: str, asked: Asked) -> bool:
    """Whether the dotted name of the parameter may end with a text, which may name the owner's attribute too."""
    if not text.endswith(f".{asked.attribute}"):
        return f".{asked.attribute}".endswith(text)
    held_as = text.removesuffix(f".{asked.attribute}").rpartition(".")[2]
    return asked.may_be_held_as(held_as)

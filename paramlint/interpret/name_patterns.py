"""Which names a call of ``getattr`` may be given: one that stands there, those of a loop, or what a computed one looks like."""

from __future__ import annotations

import re
from collections.abc import Iterable

from paramlint.interpret.receivers import rebinds
from paramlint.interpret.scan import nodes, texts_of
from paramlint.model import code


def names_in_loops(every: Iterable[object]) -> dict[int, tuple[str, ...]]:
    """The names that loops over names give ``getattr``, by the identity of the expression that stands for them there.

    ``for name in ("first", "second"): getattr(x, name)``
    """
    found: dict[int, tuple[str, ...]] = {}
    for loop in every:
        if not isinstance(loop, code.For) or not isinstance(loop.target, code.Name):
            continue
        names = texts_of(loop.iterable) if isinstance(loop.iterable, code.Display) else ()
        variable = loop.target.identifier
        if not names or rebinds(loop.body, (variable,)):
            continue
        for node in nodes(loop.body):
            match node:
                case code.Call(
                    function=code.Name(identifier="getattr"),
                    arguments=(_, code.Argument(value=code.Name(identifier=name) as given), *_),
                ) if name == variable:
                    found[id(given)] = names
    return found


def name_pattern(node: code.Expression) -> re.Pattern[str] | None:
    """The names that an expression may stand for; None for a constant."""
    match node:
        case code.Constant():
            return None
        case code.FormattedString():
            return re.compile("".join(re.escape(part) if isinstance(part, str) else ".*" for part in node.parts))
        case code.BinaryOperation(operator="+"):
            return re.compile(_side(node.left) + _side(node.right))
        case code.BinaryOperation(operator="%", left=code.Constant(value=str() as text)):
            return re.compile(".*".join(re.escape(part) for part in re.split(r"%\w", text)))
        case code.Call(function=code.Attribute(name="format", value=code.Constant(value=str() as text))):
            return re.compile(".*".join(re.escape(part) for part in re.split(r"\{[^}]*\}", text)))
    return re.compile(".*")


def _side(node: code.Expression) -> str:
    if isinstance(node, code.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    pattern = name_pattern(node)
    return ".*" if pattern is None else pattern.pattern

"""Source text of an expression of the intermediate form, for the worker to evaluate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from paramlint.model import code

# Binding strengths of Python's grammar, weakest first
# (https://docs.python.org/3/reference/expressions.html#operator-precedence).
_LAMBDA, _CONDITIONAL, _OR, _AND, _NOT, _COMPARISON = 1, 2, 3, 4, 5, 6
_BITWISE_OR, _UNARY, _POWER, _AWAIT, _PRIMARY = 7, 13, 14, 15, 16

_BINARY = {
    "|": 7,
    "^": 8,
    "&": 9,
    "<<": 10,
    ">>": 10,
    "+": 11,
    "-": 11,
    "*": 12,
    "/": 12,
    "//": 12,
    "%": 12,
    "@": 12,
    "**": _POWER,
}


class Unrenderable(ValueError):
    """The expression holds something that the intermediate form does not describe in full."""


def render(expression: code.Expression) -> str:
    """Return Python source that lowers to ``expression`` again, spans aside.

    Raises ``Unrenderable`` for opaque expressions, formatted placeholders and f-strings whose placeholders hold
    every kind of quote.
    """
    return _render(expression, 0)


def _render(node: code.Expression, minimum: int) -> str:
    """Render ``node``, in parentheses where it binds weaker than ``minimum``."""
    text, strength = _text_and_strength(node)
    return text if strength >= minimum else f"({text})"


def _text_and_strength(node: code.Expression) -> tuple[str, int]:
    renderer = _RENDERERS.get(type(node))
    if renderer is None:
        raise Unrenderable("an expression that the intermediate form does not describe")
    return renderer(node)


def _attribute(node: code.Attribute) -> tuple[str, int]:
    return f"{_render(node.value, _PRIMARY)}.{node.name}", _PRIMARY


def _subscript(node: code.Subscript) -> tuple[str, int]:
    return f"{_render(node.value, _PRIMARY)}[{_index(node.index)}]", _PRIMARY


def _slice(node: code.Slice) -> tuple[str, int]:
    ends = ":".join("" if end is None else _render(end, _LAMBDA) for end in (node.lower, node.upper))
    return ends if node.step is None else f"{ends}:{_render(node.step, _LAMBDA)}", 0


def _call(node: code.Call) -> tuple[str, int]:
    return f"{_render(node.function, _PRIMARY)}({', '.join(map(_argument, node.arguments))})", _PRIMARY


def _unary(node: code.UnaryOperation) -> tuple[str, int]:
    if node.operator == "not":
        return f"not {_render(node.operand, _NOT)}", _NOT
    return f"{node.operator}{_render(node.operand, _UNARY)}", _UNARY


def _boolean(node: code.BooleanOperation) -> tuple[str, int]:
    strength = _OR if node.operator == "or" else _AND
    return f" {node.operator} ".join(_render(operand, strength + 1) for operand in node.operands), strength


def _comparison(node: code.Comparison) -> tuple[str, int]:
    pairs = zip(node.operators, node.comparators, strict=True)
    tail = "".join(f" {operator} {_render(comparator, _BITWISE_OR)}" for operator, comparator in pairs)
    return _render(node.left, _BITWISE_OR) + tail, _COMPARISON


def _conditional(node: code.Conditional) -> tuple[str, int]:
    body, test, orelse = _render(node.body, _OR), _render(node.test, _OR), _render(node.orelse, _LAMBDA)
    return f"{body} if {test} else {orelse}", _CONDITIONAL


def _lambda(node: code.Lambda) -> tuple[str, int]:
    header = f"lambda {_parameters(node.parameters)}" if node.parameters else "lambda"
    return f"{header}: {_render(node.body, _LAMBDA)}", _LAMBDA


def _dict(node: code.DictDisplay) -> tuple[str, int]:
    return "{" + ", ".join(map(_entry, node.keys, node.values)) + "}", _PRIMARY


def _yield(node: code.Yield) -> tuple[str, int]:
    keyword = "yield from" if node.delegates else "yield"
    return f"({keyword if node.value is None else f'{keyword} {_render(node.value, _LAMBDA)}'})", _PRIMARY


def _named(node: code.NamedExpression) -> tuple[str, int]:
    return f"({_render(node.target, _PRIMARY)} := {_render(node.value, _LAMBDA)})", _PRIMARY


def _constant(node: code.Constant) -> tuple[str, int]:
    value = node.value
    if value is Ellipsis:
        return "...", _PRIMARY
    if isinstance(value, float) and math.isinf(value):
        return "1e999", _PRIMARY
    if isinstance(value, complex) and math.isinf(value.imag):
        return "1e999j", _PRIMARY
    # ``1.real`` is no attribute access to Python's tokenizer: a number needs parentheses before a dot.
    is_number = isinstance(value, (int, float, complex)) and not isinstance(value, bool)
    return repr(value), _AWAIT if is_number else _PRIMARY


def _binary(node: code.BinaryOperation) -> tuple[str, int]:
    strength = _BINARY[node.operator]
    if node.operator == "**":
        return f"{_render(node.left, _AWAIT)} ** {_render(node.right, _UNARY)}", strength
    return f"{_render(node.left, strength)} {node.operator} {_render(node.right, strength + 1)}", strength


def _index(index: code.Expression) -> str:
    if isinstance(index, code.Display) and index.kind == "tuple" and index.elements:
        # A starred index needs Python 3.11, a slice forbids parentheses.
        if any(isinstance(element, code.Starred) for element in index.elements):
            return _display(index)
        return _sequence(index.elements)
    return _element(index)


def _argument(argument: code.Argument) -> str:
    value = _render(argument.value, _LAMBDA)
    return f"{argument.keyword}={value}" if argument.keyword is not None else argument.star + value


def _element(node: code.Expression) -> str:
    """Render what may stand in a display or index: starred values and slices need no parentheses there."""
    return _render(node, 0 if isinstance(node, (code.Starred, code.Slice)) else _LAMBDA)


def _sequence(elements: Sequence[code.Expression]) -> str:
    """Render a tuple's inside, with the comma that makes one element a tuple."""
    return ", ".join(map(_element, elements)) + ("," if len(elements) == 1 else "")


def _display(node: code.Display) -> str:
    if node.kind == "tuple":
        return f"({_sequence(node.elements)})"
    inside = ", ".join(map(_element, node.elements))
    return f"[{inside}]" if node.kind == "list" else f"{{{inside}}}"


def _entry(key: code.Expression | None, value: code.Expression) -> str:
    if key is None:
        return f"**{_render(value, _BITWISE_OR)}"
    return f"{_render(key, _LAMBDA)}: {_render(value, _LAMBDA)}"


def _comprehension(node: code.Comprehension) -> str:
    head = _render(node.element, _LAMBDA)
    if node.value is not None:
        head = f"{head}: {_render(node.value, _LAMBDA)}"
    for clause in node.clauses:
        head += f" for {_render(clause.target, _PRIMARY)} in {_render(clause.iterable, _OR)}"
        head += "".join(f" if {_render(condition, _OR)}" for condition in clause.conditions)
    brackets = {"list": "[]", "generator": "()"}.get(node.kind, "{}")
    return brackets[0] + head + brackets[1]


def _parameters(parameters: Sequence[code.Parameter]) -> str:
    parts: list[str] = []
    for position, parameter in enumerate(parameters):
        previous = parameters[position - 1].kind if position else ""
        if previous == "positional only" and parameter.kind != "positional only":
            parts.append("/")
        if parameter.kind == "keyword" and previous not in ("*", "keyword"):
            parts.append("*")
        star = parameter.kind if parameter.kind in ("*", "**") else ""
        default = "" if parameter.default is None else f"={_render(parameter.default, _LAMBDA)}"
        parts.append(star + parameter.name + default)
    if parameters[-1].kind == "positional only":
        parts.append("/")
    return ", ".join(parts)


def _formatted(node: code.FormattedString) -> str:
    values: list[str] = []
    for part in node.parts:
        if isinstance(part, code.Placeholder):
            if not part.plain:
                raise Unrenderable("an f-string with a conversion or format specification")
            text = _render(part.value, _PRIMARY)
            # A brace right after the opening one would be read as an escaped brace.
            values.append(f" {text} " if text.startswith("{") else text)
    inside = "".join(values)
    # Before Python 3.12 a placeholder may hold neither a backslash nor the string's own quotes.
    quote = next((quote for quote in ('"', "'") if quote not in inside), None)
    if quote is None or "\\" in inside:
        raise Unrenderable("an f-string with every kind of quote")
    remaining = iter(values)
    pieces = [
        f"{{{next(remaining)}}}" if isinstance(part, code.Placeholder) else _escaped(part, quote) for part in node.parts
    ]
    return f"f{quote}{''.join(pieces)}{quote}"


def _escaped(text: str, quote: str) -> str:
    """Escape a literal piece of an f-string."""
    escaped = "".join(
        character if character.isprintable() and character != "\\" else character.encode("unicode_escape").decode()
        for character in text
    )
    return escaped.replace(quote, "\\" + quote).replace("{", "{{").replace("}", "}}")


# A table and no ``match``: narrowing a union of recursive named tuples takes the type checker minutes.
_RENDERERS: Mapping[type[object], Callable[[Any], tuple[str, int]]] = MappingProxyType(
    {
        code.Constant: _constant,
        code.Name: lambda node: (node.identifier, _PRIMARY),
        code.Attribute: _attribute,
        code.Subscript: _subscript,
        code.Slice: _slice,
        code.Call: _call,
        code.BinaryOperation: _binary,
        code.UnaryOperation: _unary,
        code.BooleanOperation: _boolean,
        code.Comparison: _comparison,
        code.Conditional: _conditional,
        code.Lambda: _lambda,
        code.Display: lambda node: (_display(node), _PRIMARY),
        code.DictDisplay: _dict,
        code.Comprehension: lambda node: (_comprehension(node), _PRIMARY),
        code.Starred: lambda node: (f"*{_render(node.value, _BITWISE_OR)}", 0),
        code.NamedExpression: _named,
        code.FormattedString: lambda node: (_formatted(node), _PRIMARY),
        code.Await: lambda node: (f"await {_render(node.value, _PRIMARY)}", _AWAIT),
        code.Yield: _yield,
    }
)

"""Nodes of the intermediate form that have a value, and what all nodes share: their spans and how they are made."""

from __future__ import annotations

from types import EllipsisType
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: object):
        return lambda function: function


Node = TypeVar("Node")


@dataclass_transform(frozen_default=True)
def node(description: type[Node]) -> type[Node]:
    """Make a named tuple of a class with annotated fields.

    For type checkers the class stays a nominal one: they compare tuples by their elements, and trees of recursive
    tuples take them minutes.
    """
    made = NamedTuple(description.__name__, list(description.__annotations__.items()))  # type: ignore[misc]
    made.__module__, made.__doc__ = description.__module__, description.__doc__
    return made  # type: ignore[return-value]


class Span(NamedTuple):
    """Where a node stands; lines and columns count characters from 1, and the end column is exclusive.

    Parentheses around an expression are outside its span, except those of a tuple or generator expression.
    """

    line: int
    column: int
    end_line: int
    end_column: int


@node
class Constant:
    """A literal; adjacent string literals are one constant."""

    value: bool | int | float | complex | str | bytes | EllipsisType | None
    span: Span


@node
class Name:
    identifier: str
    span: Span


@node
class Attribute:
    value: Expression
    name: str
    span: Span


@node
class Subscript:
    """``value[index]``; several indices arrive as one tuple display."""

    value: Expression
    index: Expression
    span: Span


@node
class Slice:
    lower: Expression | None
    upper: Expression | None
    step: Expression | None
    span: Span


@node
class Argument:
    """One argument of a call: ``star`` is "", "*" or "**"; ``keyword`` is None for positional and starred ones."""

    star: str
    keyword: str | None
    value: Expression


@node
class Call:
    function: Expression
    arguments: tuple[Argument, ...]
    span: Span


@node
class BinaryOperation:
    """``operator`` as it is written: + - * / // % @ ** << >> | & ^."""

    operator: str
    left: Expression
    right: Expression
    span: Span


@node
class UnaryOperation:
    """``operator`` is one of + - ~ not."""

    operator: str
    operand: Expression
    span: Span


@node
class BooleanOperation:
    """``and`` or ``or`` over two or more operands (a chain of the same operator is flat)."""

    operator: str
    operands: tuple[Expression, ...]
    span: Span


@node
class Comparison:
    """``left operators[0] comparators[0] operators[1] ...``; operators as written, with one space ("not in")."""

    left: Expression
    operators: tuple[str, ...]
    comparators: tuple[Expression, ...]
    span: Span


@node
class Conditional:
    """``body if test else orelse``."""

    test: Expression
    body: Expression
    orelse: Expression
    span: Span


@node
class Lambda:
    parameters: tuple[Parameter, ...]
    body: Expression
    span: Span


@node
class Display:
    """A list, tuple or set written out; ``kind`` is "list", "tuple" or "set"."""

    kind: str
    elements: tuple[Expression, ...]
    span: Span


@node
class DictDisplay:
    """A dict written out; a key of None marks ``**value``."""

    keys: tuple[Expression | None, ...]
    values: tuple[Expression, ...]
    span: Span


@node
class Clause:
    """``for target in iterable if conditions...`` of a comprehension."""

    target: Expression
    iterable: Expression
    conditions: tuple[Expression, ...]


@node
class Comprehension:
    """``kind`` is "list", "set", "dict" or "generator"; ``value`` is set for dicts, whose key is ``element``."""

    kind: str
    element: Expression
    value: Expression | None
    clauses: tuple[Clause, ...]
    span: Span


@node
class Starred:
    value: Expression
    span: Span


@node
class NamedExpression:
    """``target := value``."""

    target: Expression
    value: Expression
    span: Span


@node
class Placeholder:
    """``{value}`` in an f-string; ``plain`` where it has neither a conversion nor a format specification."""

    value: Expression
    plain: bool


@node
class FormattedString:
    """An f-string: literal pieces (never empty, adjacent ones joined) and placeholders in order.

    Everything inside a placeholder has the span of the whole string: before Python 3.12 ``ast`` knows no better.
    """

    parts: tuple[str | Placeholder, ...]
    span: Span


@node
class Await:
    value: Expression
    span: Span


@node
class Yield:
    """``yield value`` or ``yield from value``."""

    value: Expression | None
    delegates: bool
    span: Span


@node
class Opaque:
    """An expression that the form does not describe (a template string, an operator of a later Python)."""

    span: Span


Expression: TypeAlias = (
    Constant
    | Name
    | Attribute
    | Subscript
    | Slice
    | Call
    | BinaryOperation
    | UnaryOperation
    | BooleanOperation
    | Comparison
    | Conditional
    | Lambda
    | Display
    | DictDisplay
    | Comprehension
    | Starred
    | NamedExpression
    | FormattedString
    | Await
    | Yield
    | Opaque
)


@node
class Parameter:
    """``kind`` is "positional only", "positional", "*", "keyword" or "**"."""

    name: str
    kind: str
    default: Expression | None
    annotation: Expression | None

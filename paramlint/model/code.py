"""The intermediate form: what paramlint keeps of a source file, free of any syntax tree.

Every node is a named tuple, so it is immutable, compares by value, pickles, and is cheap to make. Two lowerings,
``facts.lower_ast`` and ``facts.lower_libcst``, produce equal forms of the same source. The structure follows
Python's grammar; what no question about modules needs (formatting, comments, type parameters) is left out.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

from paramlint.model.expressions import (
    Argument as Argument,
    Attribute as Attribute,
    Await as Await,
    BinaryOperation as BinaryOperation,
    BooleanOperation as BooleanOperation,
    Call as Call,
    Clause as Clause,
    Comparison as Comparison,
    Comprehension as Comprehension,
    Conditional as Conditional,
    Constant as Constant,
    DictDisplay as DictDisplay,
    Display as Display,
    Expression as Expression,
    FormattedString as FormattedString,
    Lambda as Lambda,
    Name as Name,
    NamedExpression as NamedExpression,
    Opaque as Opaque,
    Parameter as Parameter,
    Placeholder as Placeholder,
    Slice as Slice,
    Span as Span,
    Starred as Starred,
    Subscript as Subscript,
    UnaryOperation as UnaryOperation,
    Yield as Yield,
    node,
)
from paramlint.model.late import LateBody

# Statements. Compound statements carry no span of their own: their headers' expressions do.


@node
class Assign:
    """``targets[0] = targets[1] = ... = value``."""

    targets: tuple[Expression, ...]
    value: Expression
    span: Span


@node
class AugmentedAssign:
    """``target operator= value``; ``operator`` without the equals sign."""

    target: Expression
    operator: str
    value: Expression
    span: Span


@node
class AnnotatedAssign:
    target: Expression
    annotation: Expression
    value: Expression | None
    span: Span


@node
class ExpressionStatement:
    """A bare expression; docstrings are these too."""

    value: Expression
    span: Span


@node
class Return:
    value: Expression | None
    span: Span


@node
class Raise:
    exception: Expression | None
    span: Span


@node
class Assert:
    test: Expression
    span: Span


@node
class Delete:
    targets: tuple[Expression, ...]
    span: Span


@node
class Jump:
    """``break``, ``continue`` or ``pass``, told apart by ``kind``."""

    kind: str
    span: Span


@node
class ScopeDeclaration:
    """``global`` or ``nonlocal`` names."""

    kind: str
    names: tuple[str, ...]
    span: Span


@node
class ImportedName:
    """``name as alias``; ``*`` is a name; ``alias`` is None where none is written."""

    name: str
    alias: str | None


@node
class Import:
    """``import a.b as c`` (``module`` None, ``level`` 0) or ``from ..module import names`` (``level`` dots)."""

    is_from: bool
    module: str | None
    level: int
    names: tuple[ImportedName, ...]
    span: Span


@node
class If:
    """``elif`` arrives as a nested ``If`` alone in ``orelse``."""

    test: Expression
    body: tuple[Statement, ...]
    orelse: tuple[Statement, ...]


@node
class For:
    target: Expression
    iterable: Expression
    body: tuple[Statement, ...]
    orelse: tuple[Statement, ...]


@node
class While:
    test: Expression
    body: tuple[Statement, ...]
    orelse: tuple[Statement, ...]


@node
class WithItem:
    context: Expression
    target: Expression | None


@node
class With:
    items: tuple[WithItem, ...]
    body: tuple[Statement, ...]


@node
class Handler:
    exception: Expression | None
    name: str | None
    body: tuple[Statement, ...]


@node
class Try:
    body: tuple[Statement, ...]
    handlers: tuple[Handler, ...]
    orelse: tuple[Statement, ...]
    final: tuple[Statement, ...]


@node
class MatchCase:
    """One ``case``: patterns are not described beyond the names they bind."""

    names: tuple[str, ...]
    guard: Expression | None
    body: tuple[Statement, ...]


@node
class Match:
    subject: Expression
    cases: tuple[MatchCase, ...]


@node
class Function:
    """A function definition; ``span`` is that of its name."""

    name: str
    parameters: tuple[Parameter, ...]
    returns: Expression | None
    decorators: tuple[Expression, ...]
    body: tuple[Statement, ...]
    is_async: bool
    span: Span


# Any, twice: to type checkers nodes are no tuples, and a body is one from the start.
_body_of: Any = itemgetter(4)


def _statements(function: Function) -> tuple[Statement, ...]:
    body = _body_of(function)
    return body.statements if isinstance(body, LateBody) else body


Function.body = property(_statements)  # type: ignore[assignment]


def may_hold(function: Function, word: str) -> bool:
    """Whether a word or sign may stand in a function's body; False is certain, and makes no body of it."""
    body = _body_of(function)
    return not isinstance(body, LateBody) or body.holds(word)


@node
class Class:
    """A class definition; ``arguments`` are its bases and keywords as written; ``span`` is that of its name."""

    name: str
    arguments: tuple[Argument, ...]
    decorators: tuple[Expression, ...]
    body: tuple[Statement, ...]
    span: Span


Statement: TypeAlias = (
    Assign
    | AugmentedAssign
    | AnnotatedAssign
    | ExpressionStatement
    | Return
    | Raise
    | Assert
    | Delete
    | Jump
    | ScopeDeclaration
    | Import
    | If
    | For
    | While
    | With
    | Try
    | Match
    | Function
    | Class
)


class SourceFacts(NamedTuple):
    """Everything paramlint keeps of one file: ``path`` as it was named, and its statements."""

    path: str
    body: tuple[Statement, ...]

"""The exact lowering: from libcst to the intermediate form."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import libcst as cst

from paramlint.facts.conditions import MAXIMUM_DEPTH, TOO_DEEP, lowering
from paramlint.facts.cst_expressions import annotation, arguments, elements, expression, optional, parameters
from paramlint.facts.cst_literals import identifier
from paramlint.facts.cst_positions import Positions, positions_in
from paramlint.facts.nesting import MAXIMUM_CHAIN, check_nesting
from paramlint.facts.source import Source, SourceError
from paramlint.model import code
from paramlint.model.code import Expression, Statement

# Generating the code of a chain takes two frames for each of its links.
_FRAMES: Final = 2 * MAXIMUM_CHAIN + 2000


def lower(source: Source) -> code.SourceFacts:
    """Lower ``source`` to the form that ``lower_ast.lower`` gives for it, where Python's own parser can read it.

    Raises SourceError where libcst cannot parse the text, or it nests deeper than the parser or the form allows.
    libcst reads every Python it knows of, whatever Python runs it, but does not accept quite all that Python does.
    """
    check_nesting(source)
    with lowering(source), _frames():
        try:
            module = cst.parse_module(source.text)
            return code.SourceFacts(source.path, _body(positions_in(source, module), module.body, 0))
        except (cst.ParserSyntaxError, SyntaxError, ValueError) as error:
            # libcst tells little of where and why; Python's own parser, where it fails too, tells more.
            ast.parse(source.text, source.path)
            raise SourceError(source.path, _line_of(error), "cannot be parsed by libcst") from error


@contextmanager
def _frames() -> Iterator[None]:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def _line_of(error: Exception) -> int:
    if not isinstance(error, cst.ParserSyntaxError):
        return 1
    # The grammar's errors tell their place in words only; those of the tokenizer tell none.
    place = re.search(r"error at (\d+):", error.message)
    return error.raw_line if place is None else int(place.group(1))


def _body(at: Positions, statements: Sequence[cst.CSTNode], depth: int) -> tuple[Statement, ...]:
    if depth > MAXIMUM_DEPTH and statements:
        raise SourceError(at.path, at.span(statements[0]).line, TOO_DEEP)
    lowered: list[Statement] = []
    for node in statements:
        if isinstance(node, cst.SimpleStatementLine):
            lowered += [_STATEMENTS.get(type(small), _unknown)(at, small, depth) for small in node.body]
        else:
            lowered.append(_STATEMENTS.get(type(node), _unknown)(at, node, depth))
    return tuple(lowered)


def _suite(at: Positions, holder: Any, depth: int) -> tuple[Statement, ...]:
    # Any: libcst has no common type for what holds a suite; ``else`` and ``finally`` may be missing.
    return () if holder is None else _body(at, holder.body.body, depth)


def _unknown(at: Positions, node: cst.CSTNode, depth: int) -> Statement:
    # A statement of a later Python: nothing is said of it.
    return code.Jump("pass", at.span(node))


def _assign(at: Positions, node: cst.Assign, depth: int) -> Statement:
    depth += 1
    targets = tuple([expression(at, target.target, depth) for target in node.targets])
    return code.Assign(targets, expression(at, node.value, depth), at.span(node))


def _augmented(at: Positions, node: cst.AugAssign, depth: int) -> Statement:
    depth += 1
    target, value = expression(at, node.target, depth), expression(at, node.value, depth)
    return code.AugmentedAssign(target, _AUGMENTED_OPERATORS[type(node.operator)], value, at.span(node))


def _annotated(at: Positions, node: cst.AnnAssign, depth: int) -> Statement:
    depth += 1
    return code.AnnotatedAssign(
        expression(at, node.target, depth),
        expression(at, node.annotation.annotation, depth),
        optional(at, node.value, depth),
        at.span(node),
    )


def _type_alias(at: Positions, node: cst.TypeAlias, depth: int) -> Statement:
    # The value is a type, evaluated late, so it says nothing of values.
    return code.Assign((expression(at, node.name, depth + 1),), code.Opaque(at.span(node.value)), at.span(node))


def _expression_statement(at: Positions, node: cst.Expr, depth: int) -> Statement:
    return code.ExpressionStatement(expression(at, node.value, depth + 1), at.span(node))


def _return(at: Positions, node: cst.Return, depth: int) -> Statement:
    return code.Return(optional(at, node.value, depth + 1), at.span(node))


def _raise(at: Positions, node: cst.Raise, depth: int) -> Statement:
    return code.Raise(optional(at, node.exc, depth + 1), at.span(node))


def _assert(at: Positions, node: cst.Assert, depth: int) -> Statement:
    return code.Assert(expression(at, node.test, depth + 1), at.span(node))


def _delete(at: Positions, node: cst.Del, depth: int) -> Statement:
    depth += 1
    if isinstance(node.target, cst.Tuple) and not node.target.lpar:
        return code.Delete(elements(at, node.target.elements, depth), at.span(node))
    return code.Delete((expression(at, node.target, depth),), at.span(node))


def _jump(at: Positions, node: cst.Break | cst.Continue | cst.Pass, depth: int) -> Statement:
    return code.Jump(_JUMPS[type(node)], at.span(node))


def _scope(at: Positions, node: cst.Global | cst.Nonlocal, depth: int) -> Statement:
    kind = "global" if isinstance(node, cst.Global) else "nonlocal"
    return code.ScopeDeclaration(kind, tuple([identifier(item.name.value) for item in node.names]), at.span(node))


def _dotted(node: cst.BaseExpression) -> str:
    names = []
    while isinstance(node, cst.Attribute):
        names.append(identifier(node.attr.value))
        node = node.value
    assert isinstance(node, cst.Name)
    names.append(identifier(node.value))
    return ".".join(reversed(names))


def _imported(names: Sequence[cst.ImportAlias] | cst.ImportStar) -> tuple[code.ImportedName, ...]:
    if isinstance(names, cst.ImportStar):
        return (code.ImportedName("*", None),)
    return tuple([code.ImportedName(_dotted(alias.name), _bound_by_as(alias.asname)) for alias in names])


def _bound_by_as(node: cst.AsName | None) -> str | None:
    if node is None:
        return None
    assert isinstance(node.name, cst.Name)
    return identifier(node.name.value)


def _import(at: Positions, node: cst.Import, depth: int) -> Statement:
    return code.Import(False, None, 0, _imported(node.names), at.span(node))


def _import_from(at: Positions, node: cst.ImportFrom, depth: int) -> Statement:
    module = None if node.module is None else _dotted(node.module)
    return code.Import(True, module, len(node.relative), _imported(node.names), at.span(node))


def _if(at: Positions, node: cst.If, depth: int) -> Statement:
    depth += 1
    test, body = expression(at, node.test, depth), _suite(at, node, depth)
    if isinstance(node.orelse, cst.If):
        return code.If(test, body, _body(at, [node.orelse], depth))
    return code.If(test, body, _suite(at, node.orelse, depth))


def _for(at: Positions, node: cst.For, depth: int) -> Statement:
    depth += 1
    return code.For(
        expression(at, node.target, depth),
        expression(at, node.iter, depth),
        _suite(at, node, depth),
        _suite(at, node.orelse, depth),
    )


def _while(at: Positions, node: cst.While, depth: int) -> Statement:
    depth += 1
    return code.While(expression(at, node.test, depth), _suite(at, node, depth), _suite(at, node.orelse, depth))


def _with(at: Positions, node: cst.With, depth: int) -> Statement:
    depth += 1
    items = [
        code.WithItem(
            expression(at, item.item, depth),
            None if item.asname is None else expression(at, item.asname.name, depth),
        )
        for item in node.items
    ]
    return code.With(tuple(items), _suite(at, node, depth))


def _try(at: Positions, node: cst.Try | cst.TryStar, depth: int) -> Statement:
    depth += 1
    handlers = [
        code.Handler(optional(at, handler.type, depth), _bound_by_as(handler.name), _suite(at, handler, depth))
        for handler in node.handlers
    ]
    return code.Try(
        _suite(at, node, depth),
        tuple(handlers),
        _suite(at, node.orelse, depth),
        _suite(at, node.finalbody, depth),
    )


def _match(at: Positions, node: cst.Match, depth: int) -> Statement:
    depth += 1
    cases = [
        code.MatchCase(
            tuple(dict.fromkeys(map(identifier, _bound_names(case.pattern)))),
            optional(at, case.guard, depth),
            _suite(at, case, depth),
        )
        for case in node.cases
    ]
    return code.Match(expression(at, node.subject, depth), tuple(cases))


def _bound_names(pattern: cst.CSTNode) -> Iterator[str]:
    """The names that a pattern binds, in the order of the text, repeated where alternatives repeat them."""
    if isinstance(pattern, cst.MatchAs):
        if pattern.pattern is not None:
            yield from _bound_names(pattern.pattern)
        if pattern.name is not None:
            yield pattern.name.value
    elif isinstance(pattern, cst.MatchStar):
        if pattern.name is not None:
            yield pattern.name.value
    elif isinstance(pattern, cst.MatchMapping):
        for element in pattern.elements:
            yield from _bound_names(element.pattern)
        if pattern.rest is not None:
            yield pattern.rest.value
    elif isinstance(pattern, cst.MatchClass):
        for positional in pattern.patterns:
            yield from _bound_names(positional.value)
        for keyword in pattern.kwds:
            yield from _bound_names(keyword.pattern)
    elif isinstance(pattern, cst.MatchSequence):
        for item in pattern.patterns:
            yield from _bound_names(item.value if isinstance(item, cst.MatchSequenceElement) else item)
    elif isinstance(pattern, cst.MatchOr):
        for alternative in pattern.patterns:
            yield from _bound_names(alternative.pattern)


def _decorators(at: Positions, nodes: Sequence[cst.Decorator], depth: int) -> tuple[Expression, ...]:
    return tuple([expression(at, node.decorator, depth) for node in nodes])


def _function(at: Positions, node: cst.FunctionDef, depth: int) -> Statement:
    depth += 1
    return code.Function(
        identifier(node.name.value),
        parameters(at, node.params, depth),
        annotation(at, node.returns, depth),
        _decorators(at, node.decorators, depth),
        _suite(at, node, depth),
        node.asynchronous is not None,
        at.span(node.name),
    )


def _class(at: Positions, node: cst.ClassDef, depth: int) -> Statement:
    depth += 1
    return code.Class(
        identifier(node.name.value),
        arguments(at, (*node.bases, *node.keywords), depth),
        _decorators(at, node.decorators, depth),
        _suite(at, node, depth),
        at.span(node.name),
    )


_JUMPS: Final[dict[type[cst.CSTNode], str]] = {cst.Break: "break", cst.Continue: "continue", cst.Pass: "pass"}
_AUGMENTED_OPERATORS: Final[dict[type[cst.BaseAugOp], str]] = {
    cst.AddAssign: "+",
    cst.SubtractAssign: "-",
    cst.MultiplyAssign: "*",
    cst.MatrixMultiplyAssign: "@",
    cst.DivideAssign: "/",
    cst.FloorDivideAssign: "//",
    cst.ModuloAssign: "%",
    cst.PowerAssign: "**",
    cst.LeftShiftAssign: "<<",
    cst.RightShiftAssign: ">>",
    cst.BitAndAssign: "&",
    cst.BitOrAssign: "|",
    cst.BitXorAssign: "^",
}

# Lazy imports (PEP 810) are known to later versions of libcst.
_LATER: Final[dict[str, Callable[[Positions, Any, int], Statement]]] = {
    "LazyImport": _import,
    "LazyImportFrom": _import_from,
}

# Any: each handler takes the node type that it is listed under, which a dict's type cannot say.
_STATEMENTS: Final[dict[type[cst.CSTNode], Callable[[Positions, Any, int], Statement]]] = {
    cst.Assign: _assign,
    cst.AugAssign: _augmented,
    cst.AnnAssign: _annotated,
    cst.TypeAlias: _type_alias,
    cst.Expr: _expression_statement,
    cst.Return: _return,
    cst.Raise: _raise,
    cst.Assert: _assert,
    cst.Del: _delete,
    cst.Break: _jump,
    cst.Continue: _jump,
    cst.Pass: _jump,
    cst.Global: _scope,
    cst.Nonlocal: _scope,
    cst.Import: _import,
    cst.ImportFrom: _import_from,
    cst.If: _if,
    cst.For: _for,
    cst.While: _while,
    cst.With: _with,
    cst.Try: _try,
    cst.TryStar: _try,
    cst.Match: _match,
    cst.FunctionDef: _function,
    cst.ClassDef: _class,
    **{getattr(cst, name): handler for name, handler in _LATER.items() if hasattr(cst, name)},
}

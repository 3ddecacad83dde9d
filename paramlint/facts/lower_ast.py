"""The fast lowering: from the standard library's ``ast`` to the intermediate form."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from paramlint.facts.ast_expressions import BINARY_OPERATORS, arguments, expression, expressions, optional, parameters
from paramlint.facts.ast_positions import Positions, positions_in
from paramlint.facts.conditions import MAXIMUM_DEPTH, TOO_DEEP, lowering
from paramlint.facts.source import Source, SourceError
from paramlint.model import code
from paramlint.model.code import Statement


def lower(source: Source, tree: ast.Module | None = None) -> code.SourceFacts:
    """Lower ``source``, parsing it unless ``tree``, its own parse, is at hand; the tree is left unchanged.

    Raises SourceError where this Python cannot parse the text, or statements nest deeper than the form allows.
    """
    with lowering(source):
        if tree is None:
            tree = ast.parse(source.text, source.path)
        return code.SourceFacts(source.path, body(positions_in(source), tree.body, 0))


def body(at: Positions, statements: Sequence[ast.stmt], depth: int) -> tuple[Statement, ...]:
    """Lower the statements of one block that stand ``depth`` nodes deep in their file; raises as ``lower`` does."""
    if depth > MAXIMUM_DEPTH and statements:
        raise SourceError(at.path, statements[0].lineno, TOO_DEEP)
    return tuple([_STATEMENTS.get(type(node), _unknown)(at, node, depth) for node in statements])


def _unknown(at: Positions, node: ast.stmt, depth: int) -> Statement:
    # A statement of a later Python: nothing is said of it.
    return code.Jump("pass", at.span(node))


def _assign(at: Positions, node: ast.Assign, depth: int) -> Statement:
    depth += 1
    return code.Assign(expressions(at, node.targets, depth), expression(at, node.value, depth), at.span(node))


def _augmented(at: Positions, node: ast.AugAssign, depth: int) -> Statement:
    depth += 1
    return code.AugmentedAssign(
        expression(at, node.target, depth),
        BINARY_OPERATORS[type(node.op)],
        expression(at, node.value, depth),
        at.span(node),
    )


def _annotated(at: Positions, node: ast.AnnAssign, depth: int) -> Statement:
    depth += 1
    return code.AnnotatedAssign(
        expression(at, node.target, depth),
        expression(at, node.annotation, depth),
        optional(at, node.value, depth),
        at.span(node),
    )


def _type_alias(at: Positions, node: Any, depth: int) -> Statement:
    # Any: ast.TypeAlias exists from Python 3.12 on. The value is a type, evaluated late, so it says nothing of values.
    target = expression(at, node.name, depth + 1)
    return code.Assign((target,), code.Opaque(at.span(node.value)), at.span(node))


def _expression_statement(at: Positions, node: ast.Expr, depth: int) -> Statement:
    return code.ExpressionStatement(expression(at, node.value, depth + 1), at.span(node))


def _return(at: Positions, node: ast.Return, depth: int) -> Statement:
    return code.Return(optional(at, node.value, depth + 1), at.span(node))


def _raise(at: Positions, node: ast.Raise, depth: int) -> Statement:
    return code.Raise(optional(at, node.exc, depth + 1), at.span(node))


def _assert(at: Positions, node: ast.Assert, depth: int) -> Statement:
    return code.Assert(expression(at, node.test, depth + 1), at.span(node))


def _delete(at: Positions, node: ast.Delete, depth: int) -> Statement:
    return code.Delete(expressions(at, node.targets, depth + 1), at.span(node))


def _jump(at: Positions, node: ast.Break | ast.Continue | ast.Pass, depth: int) -> Statement:
    return code.Jump(_JUMPS[type(node)], at.span(node))


def _scope(at: Positions, node: ast.Global | ast.Nonlocal, depth: int) -> Statement:
    kind = "global" if type(node) is ast.Global else "nonlocal"
    return code.ScopeDeclaration(kind, tuple(node.names), at.span(node))


def _imported(names: list[ast.alias]) -> tuple[code.ImportedName, ...]:
    return tuple([code.ImportedName(alias.name, alias.asname) for alias in names])


def _import(at: Positions, node: ast.Import, depth: int) -> Statement:
    return code.Import(False, None, 0, _imported(node.names), at.span(node))


def _import_from(at: Positions, node: ast.ImportFrom, depth: int) -> Statement:
    return code.Import(True, node.module, node.level, _imported(node.names), at.span(node))


def _if(at: Positions, node: ast.If, depth: int) -> Statement:
    depth += 1
    return code.If(expression(at, node.test, depth), body(at, node.body, depth), body(at, node.orelse, depth))


def _for(at: Positions, node: ast.For | ast.AsyncFor, depth: int) -> Statement:
    depth += 1
    return code.For(
        expression(at, node.target, depth),
        expression(at, node.iter, depth),
        body(at, node.body, depth),
        body(at, node.orelse, depth),
    )


def _while(at: Positions, node: ast.While, depth: int) -> Statement:
    depth += 1
    return code.While(expression(at, node.test, depth), body(at, node.body, depth), body(at, node.orelse, depth))


def _with(at: Positions, node: ast.With | ast.AsyncWith, depth: int) -> Statement:
    depth += 1
    items = [
        code.WithItem(expression(at, item.context_expr, depth), optional(at, item.optional_vars, depth))
        for item in node.items
    ]
    return code.With(tuple(items), body(at, node.body, depth))


def _try(at: Positions, node: ast.Try, depth: int) -> Statement:
    depth += 1
    handlers = [
        code.Handler(optional(at, handler.type, depth), handler.name, body(at, handler.body, depth))
        for handler in node.handlers
    ]
    return code.Try(
        body(at, node.body, depth),
        tuple(handlers),
        body(at, node.orelse, depth),
        body(at, node.finalbody, depth),
    )


def _match(at: Positions, node: ast.Match, depth: int) -> Statement:
    depth += 1
    cases = [
        code.MatchCase(
            tuple(dict.fromkeys(_bound_names(case.pattern))),
            optional(at, case.guard, depth),
            body(at, case.body, depth),
        )
        for case in node.cases
    ]
    return code.Match(expression(at, node.subject, depth), tuple(cases))


def _bound_names(pattern: ast.pattern) -> Iterator[str]:
    """The names that a pattern binds, in the order of the text, repeated where alternatives repeat them."""
    if isinstance(pattern, ast.MatchAs):
        if pattern.pattern is not None:
            yield from _bound_names(pattern.pattern)
        if pattern.name is not None:
            yield pattern.name
    elif isinstance(pattern, ast.MatchStar):
        if pattern.name is not None:
            yield pattern.name
    elif isinstance(pattern, ast.MatchMapping):
        for element in pattern.patterns:
            yield from _bound_names(element)
        if pattern.rest is not None:
            yield pattern.rest
    elif isinstance(pattern, ast.MatchClass):
        for element in (*pattern.patterns, *pattern.kwd_patterns):
            yield from _bound_names(element)
    elif isinstance(pattern, (ast.MatchSequence, ast.MatchOr)):
        for element in pattern.patterns:
            yield from _bound_names(element)


def _function(at: Positions, node: ast.FunctionDef | ast.AsyncFunctionDef, depth: int) -> Statement:
    depth += 1
    late = None if at.late is None else at.late(node, depth)
    return code.Function(
        node.name,
        parameters(at, node.args, depth),
        optional(at, node.returns, depth),
        expressions(at, node.decorator_list, depth),
        # a late body is used as the statements themselves are
        late or body(at, node.body, depth),  # type: ignore[arg-type]
        type(node) is ast.AsyncFunctionDef,
        at.name_span(node),
    )


def _class(at: Positions, node: ast.ClassDef, depth: int) -> Statement:
    depth += 1
    return code.Class(
        node.name,
        arguments(at, node.bases, node.keywords, depth),
        expressions(at, node.decorator_list, depth),
        body(at, node.body, depth),
        at.name_span(node),
    )


_JUMPS: Final[dict[type[ast.stmt], str]] = {ast.Break: "break", ast.Continue: "continue", ast.Pass: "pass"}

# TryStar is known from Python 3.11 on, TypeAlias from 3.12.
_LATER: Final[dict[str, Callable[[Positions, Any, int], Statement]]] = {"TryStar": _try, "TypeAlias": _type_alias}

# Any: each handler takes the node type that it is listed under, which a dict's type cannot say.
_STATEMENTS: Final[dict[type[ast.AST], Callable[[Positions, Any, int], Statement]]] = {
    ast.Assign: _assign,
    ast.AugAssign: _augmented,
    ast.AnnAssign: _annotated,
    ast.Expr: _expression_statement,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Assert: _assert,
    ast.Delete: _delete,
    ast.Break: _jump,
    ast.Continue: _jump,
    ast.Pass: _jump,
    ast.Global: _scope,
    ast.Nonlocal: _scope,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.If: _if,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Try: _try,
    ast.Match: _match,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    **{getattr(ast, name): handler for name, handler in _LATER.items() if hasattr(ast, name)},
}

"""How expressions of ``ast`` become those of the intermediate form."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, Final

from paramlint.facts.ast_positions import Located, Positions, StringPositions
from paramlint.facts.conditions import MAXIMUM_DEPTH
from paramlint.model import code
from paramlint.model.code import Expression

BINARY_OPERATORS: Final[dict[type[ast.operator], str]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.MatMult: "@",
    ast.Pow: "**",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitOr: "|",
    ast.BitAnd: "&",
    ast.BitXor: "^",
}
_UNARY_OPERATORS: Final[dict[type[ast.unaryop], str]] = {
    ast.UAdd: "+",
    ast.USub: "-",
    ast.Invert: "~",
    ast.Not: "not",
}
_COMPARISON_OPERATORS: Final[dict[type[ast.cmpop], str]] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}


def expression(at: Positions, node: ast.expr, depth: int) -> Expression:
    """Lower one expression that stands ``depth`` nodes deep in its file."""
    if depth > MAXIMUM_DEPTH:
        return code.Opaque(at.span(node))
    return _EXPRESSIONS.get(type(node), _opaque)(at, node, depth)


def optional(at: Positions, node: ast.expr | None, depth: int) -> Expression | None:
    """Lower one expression that may be missing."""
    return None if node is None else expression(at, node, depth)


def expressions(at: Positions, nodes: Sequence[ast.expr], depth: int) -> tuple[Expression, ...]:
    """Lower several expressions of one parent."""
    return tuple([expression(at, node, depth) for node in nodes])


def parameters(at: Positions, node: ast.arguments, depth: int) -> tuple[code.Parameter, ...]:
    """Lower the parameters of a function or lambda, in the order as written."""
    lowered: list[code.Parameter] = []

    def add(kind: str, argument: ast.arg, default: ast.expr | None) -> None:
        annotation = optional(at, argument.annotation, depth)
        lowered.append(code.Parameter(argument.arg, kind, optional(at, default, depth), annotation))

    # Defaults belong to the last of the positional parameters.
    positional = len(node.posonlyargs) + len(node.args)
    defaults: list[ast.expr | None] = [None] * (positional - len(node.defaults))
    defaults += node.defaults
    for index, argument in enumerate(node.posonlyargs):
        add("positional only", argument, defaults[index])
    for index, argument in enumerate(node.args, len(node.posonlyargs)):
        add("positional", argument, defaults[index])
    if node.vararg is not None:
        add("*", node.vararg, None)
    for argument, default in zip(node.kwonlyargs, node.kw_defaults, strict=True):
        add("keyword", argument, default)
    if node.kwarg is not None:
        add("**", node.kwarg, None)
    return tuple(lowered)


def _opaque(at: Positions, node: ast.expr, depth: int) -> Expression:
    return code.Opaque(at.span(node))


def _constant(at: Positions, node: ast.Constant, depth: int) -> Expression:
    return code.Constant(node.value, at.span(node))


def _name(at: Positions, node: ast.Name, depth: int) -> Expression:
    return code.Name(node.id, at.span(node))


def _attribute(at: Positions, node: ast.Attribute, depth: int) -> Expression:
    return code.Attribute(expression(at, node.value, depth + 1), node.attr, at.span(node))


def _subscript(at: Positions, node: ast.Subscript, depth: int) -> Expression:
    return code.Subscript(expression(at, node.value, depth + 1), expression(at, node.slice, depth + 1), at.span(node))


def _slice(at: Positions, node: ast.Slice, depth: int) -> Expression:
    depth += 1
    return code.Slice(
        optional(at, node.lower, depth),
        optional(at, node.upper, depth),
        optional(at, node.step, depth),
        at.span(node),
    )


def arguments(
    at: Positions, positional: list[ast.expr], keywords: list[ast.keyword], depth: int
) -> tuple[code.Argument, ...]:
    """Lower the arguments of a call, or the bases and keywords of a class, in the order as written."""
    lowered = []
    for value in positional:
        if type(value) is ast.Starred:
            lowered.append(code.Argument("*", None, expression(at, value.value, depth)))
        else:
            lowered.append(code.Argument("", None, expression(at, value, depth)))
    if not keywords:
        return tuple(lowered)
    for keyword in keywords:
        star = "" if keyword.arg is not None else "**"
        lowered.append(code.Argument(star, keyword.arg, expression(at, keyword.value, depth)))
    if positional and _position(positional[-1]) > _position(keywords[0]):
        # ``f(key=1, *rest)`` is the one case in which ast does not keep the order as written.
        nodes: list[Located] = [*positional, *keywords]
        order = sorted(range(len(nodes)), key=lambda index: _position(nodes[index]))
        return tuple([lowered[index] for index in order])
    return tuple(lowered)


def _position(node: Located) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _call(at: Positions, node: ast.Call, depth: int) -> Expression:
    depth += 1
    return code.Call(expression(at, node.func, depth), arguments(at, node.args, node.keywords, depth), at.span(node))


def _binary(at: Positions, node: ast.BinOp, depth: int) -> Expression:
    depth += 1
    operator = BINARY_OPERATORS[type(node.op)]
    return code.BinaryOperation(
        operator, expression(at, node.left, depth), expression(at, node.right, depth), at.span(node)
    )


def _unary(at: Positions, node: ast.UnaryOp, depth: int) -> Expression:
    return code.UnaryOperation(_UNARY_OPERATORS[type(node.op)], expression(at, node.operand, depth + 1), at.span(node))


def _boolean(at: Positions, node: ast.BoolOp, depth: int) -> Expression:
    operator = "and" if type(node.op) is ast.And else "or"
    return code.BooleanOperation(operator, expressions(at, node.values, depth + 1), at.span(node))


def _comparison(at: Positions, node: ast.Compare, depth: int) -> Expression:
    depth += 1
    operators = tuple([_COMPARISON_OPERATORS[type(operator)] for operator in node.ops])
    return code.Comparison(
        expression(at, node.left, depth), operators, expressions(at, node.comparators, depth), at.span(node)
    )


def _conditional(at: Positions, node: ast.IfExp, depth: int) -> Expression:
    depth += 1
    return code.Conditional(
        expression(at, node.test, depth),
        expression(at, node.body, depth),
        expression(at, node.orelse, depth),
        at.span(node),
    )


def _lambda(at: Positions, node: ast.Lambda, depth: int) -> Expression:
    depth += 1
    return code.Lambda(parameters(at, node.args, depth), expression(at, node.body, depth), at.span(node))


def _list(at: Positions, node: ast.List, depth: int) -> Expression:
    return code.Display("list", expressions(at, node.elts, depth + 1), at.span(node))


def _tuple(at: Positions, node: ast.Tuple, depth: int) -> Expression:
    return code.Display("tuple", expressions(at, node.elts, depth + 1), at.span(node))


def _set(at: Positions, node: ast.Set, depth: int) -> Expression:
    return code.Display("set", expressions(at, node.elts, depth + 1), at.span(node))


def _dict(at: Positions, node: ast.Dict, depth: int) -> Expression:
    depth += 1
    keys = tuple([optional(at, key, depth) for key in node.keys])
    return code.DictDisplay(keys, expressions(at, node.values, depth), at.span(node))


def _clauses(at: Positions, generators: list[ast.comprehension], depth: int) -> tuple[code.Clause, ...]:
    return tuple(
        [
            code.Clause(
                expression(at, clause.target, depth),
                expression(at, clause.iter, depth),
                expressions(at, clause.ifs, depth),
            )
            for clause in generators
        ]
    )


def _comprehension(kind: str) -> Callable[[Positions, ast.ListComp | ast.SetComp | ast.GeneratorExp, int], Expression]:
    def comprehension(at: Positions, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, depth: int) -> Expression:
        depth += 1
        element = expression(at, node.elt, depth)
        return code.Comprehension(kind, element, None, _clauses(at, node.generators, depth), at.span(node))

    return comprehension


def _dict_comprehension(at: Positions, node: ast.DictComp, depth: int) -> Expression:
    if node.value is None:  # ``{**mapping for mapping in mappings}`` (PEP 798)
        return code.Opaque(at.span(node))  # type: ignore[unreachable]
    depth += 1
    key, value = expression(at, node.key, depth), expression(at, node.value, depth)
    return code.Comprehension("dict", key, value, _clauses(at, node.generators, depth), at.span(node))


def _starred(at: Positions, node: ast.Starred, depth: int) -> Expression:
    return code.Starred(expression(at, node.value, depth + 1), at.span(node))


def _named(at: Positions, node: ast.NamedExpr, depth: int) -> Expression:
    depth += 1
    return code.NamedExpression(expression(at, node.target, depth), expression(at, node.value, depth), at.span(node))


def _formatted(at: Positions, node: ast.JoinedStr, depth: int) -> Expression:
    span = at.span(node)
    inner = StringPositions(at, span)
    parts: list[str | code.Placeholder] = []
    text = ""
    for piece in node.values:
        if isinstance(piece, ast.Constant):
            text += str(piece.value)
        elif isinstance(piece, ast.FormattedValue):
            if text:
                parts.append(text)
                text = ""
            plain = piece.conversion == -1 and piece.format_spec is None
            parts.append(code.Placeholder(expression(inner, piece.value, depth + 1), plain))
    if text:
        parts.append(text)
    return code.FormattedString(tuple(parts), span)


def _await(at: Positions, node: ast.Await, depth: int) -> Expression:
    return code.Await(expression(at, node.value, depth + 1), at.span(node))


def _yield(at: Positions, node: ast.Yield, depth: int) -> Expression:
    return code.Yield(optional(at, node.value, depth + 1), False, at.span(node))


def _yield_from(at: Positions, node: ast.YieldFrom, depth: int) -> Expression:
    return code.Yield(expression(at, node.value, depth + 1), True, at.span(node))


# Any: each handler takes the node type that it is listed under, which a dict's type cannot say.
_EXPRESSIONS: Final[dict[type[ast.AST], Callable[[Positions, Any, int], Expression]]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Slice: _slice,
    ast.Call: _call,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _boolean,
    ast.Compare: _comparison,
    ast.IfExp: _conditional,
    ast.Lambda: _lambda,
    ast.List: _list,
    ast.Tuple: _tuple,
    ast.Set: _set,
    ast.Dict: _dict,
    ast.ListComp: _comprehension("list"),
    ast.SetComp: _comprehension("set"),
    ast.GeneratorExp: _comprehension("generator"),
    ast.DictComp: _dict_comprehension,
    ast.Starred: _starred,
    ast.NamedExpr: _named,
    ast.JoinedStr: _formatted,
    ast.Await: _await,
    ast.Yield: _yield,
    ast.YieldFrom: _yield_from,
}

"""How expressions of libcst become those of the intermediate form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import libcst as cst
from libcst._nodes.internal import CodegenState

from paramlint.facts import cst_literals
from paramlint.facts.conditions import MAXIMUM_DEPTH
from paramlint.facts.cst_positions import Positions, StringPositions
from paramlint.model import code
from paramlint.model.code import Expression, Span

_BINARY_OPERATORS: Final[dict[type[cst.BaseBinaryOp], str]] = {
    cst.Add: "+",
    cst.Subtract: "-",
    cst.Multiply: "*",
    cst.Divide: "/",
    cst.FloorDivide: "//",
    cst.Modulo: "%",
    cst.MatrixMultiply: "@",
    cst.Power: "**",
    cst.LeftShift: "<<",
    cst.RightShift: ">>",
    cst.BitOr: "|",
    cst.BitAnd: "&",
    cst.BitXor: "^",
}
_UNARY_OPERATORS: Final[dict[type[cst.BaseUnaryOp], str]] = {
    cst.Plus: "+",
    cst.Minus: "-",
    cst.BitInvert: "~",
    cst.Not: "not",
}
_COMPARISON_OPERATORS: Final[dict[type[cst.BaseCompOp], str]] = {
    cst.Equal: "==",
    cst.NotEqual: "!=",
    cst.LessThan: "<",
    cst.LessThanEqual: "<=",
    cst.GreaterThan: ">",
    cst.GreaterThanEqual: ">=",
    cst.Is: "is",
    cst.IsNot: "is not",
    cst.In: "in",
    cst.NotIn: "not in",
}
_SINGLETONS: Final[dict[str, bool | None]] = {"None": None, "True": True, "False": False}


def expression(at: Positions, node: cst.CSTNode, depth: int) -> Expression:
    """Lower one expression that stands ``depth`` nodes deep in its file."""
    if depth > MAXIMUM_DEPTH:
        return code.Opaque(at.span(node))
    return _EXPRESSIONS.get(type(node), _opaque)(at, node, depth)


def optional(at: Positions, node: cst.CSTNode | None, depth: int) -> Expression | None:
    """Lower one expression that may be missing."""
    return None if node is None else expression(at, node, depth)


def elements(at: Positions, nodes: Sequence[cst.BaseElement], depth: int) -> tuple[Expression, ...]:
    """Lower the elements of a list, tuple or set."""
    return tuple([expression(at, node.value if type(node) is cst.Element else node, depth) for node in nodes])


def annotation(at: Positions, node: cst.Annotation | None, depth: int) -> Expression | None:
    """Lower an annotation that may be missing."""
    return None if node is None else expression(at, node.annotation, depth)


def arguments(at: Positions, nodes: Iterable[cst.Arg], depth: int) -> tuple[code.Argument, ...]:
    """Lower the arguments of a call, or the bases and keywords of a class, in the order as written."""
    return tuple(
        [
            code.Argument(
                node.star,
                None if node.keyword is None else cst_literals.identifier(node.keyword.value),
                expression(at, node.value, depth),
            )
            for node in nodes
        ]
    )


def parameters(at: Positions, node: cst.Parameters, depth: int) -> tuple[code.Parameter, ...]:
    """Lower the parameters of a function or lambda, in the order as written."""
    kinds: list[tuple[str, Sequence[cst.Param]]] = [
        ("positional only", node.posonly_params),
        ("positional", node.params),
        ("*", [node.star_arg] if isinstance(node.star_arg, cst.Param) else []),
        ("keyword", node.kwonly_params),
        ("**", [node.star_kwarg] if node.star_kwarg is not None else []),
    ]
    return tuple(
        [
            code.Parameter(
                cst_literals.identifier(parameter.name.value),
                kind,
                optional(at, parameter.default, depth),
                annotation(at, parameter.annotation, depth),
            )
            for kind, group in kinds
            for parameter in group
        ]
    )


def _opaque(at: Positions, node: cst.CSTNode, depth: int) -> Expression:
    return code.Opaque(at.span(node))


def _name(at: Positions, node: cst.Name, depth: int) -> Expression:
    if node.value in _SINGLETONS:
        return code.Constant(_SINGLETONS[node.value], at.span(node))
    return code.Name(cst_literals.identifier(node.value), at.span(node))


def _ellipsis(at: Positions, node: cst.Ellipsis, depth: int) -> Expression:
    return code.Constant(..., at.span(node))


def _integer(at: Positions, node: cst.Integer, depth: int) -> Expression:
    return code.Constant(cst_literals.integer(node.value), at.span(node))


def _float(at: Positions, node: cst.Float, depth: int) -> Expression:
    return code.Constant(float(node.value), at.span(node))


def _imaginary(at: Positions, node: cst.Imaginary, depth: int) -> Expression:
    return code.Constant(cst_literals.imaginary(node.value), at.span(node))


def _string(at: Positions, node: cst.SimpleString, depth: int) -> Expression:
    return code.Constant(cst_literals.string(node.value), at.span(node))


def _concatenated(at: Positions, node: cst.ConcatenatedString, depth: int) -> Expression:
    literals: list[cst.BaseExpression] = []
    rest: cst.BaseExpression = node
    while isinstance(rest, cst.ConcatenatedString):
        literals.append(rest.left)
        rest = rest.right
    literals.append(rest)
    if all(isinstance(literal, cst.SimpleString) for literal in literals):
        values = [cst_literals.string(literal.value) for literal in literals if isinstance(literal, cst.SimpleString)]
        return code.Constant(values[0][:0].join(values), at.span(node))  # type: ignore[arg-type]  # all str or all bytes
    return _formatted_of(at, literals, at.span(node), depth)


def _formatted(at: Positions, node: cst.FormattedString, depth: int) -> Expression:
    return _formatted_of(at, [node], at.span(node), depth)


def _formatted_of(at: Positions, literals: Sequence[cst.BaseExpression], span: Span, depth: int) -> Expression:
    inner = StringPositions(at, span)
    parts: list[str | code.Placeholder] = []
    text = ""
    for literal in literals:
        if isinstance(literal, cst.SimpleString):
            value = cst_literals.string(literal.value)
            assert isinstance(value, str)
            text += value
            continue
        if not isinstance(literal, cst.FormattedString):
            return code.Opaque(span)
        for piece in literal.parts:
            if isinstance(piece, cst.FormattedStringText):
                text += cst_literals.formatted_text(piece.value, literal.start)
            elif isinstance(piece, cst.FormattedStringExpression):
                if piece.equal is not None:
                    text += _self_documenting(piece)
                if text:
                    parts.append(text)
                    text = ""
                plain = piece.conversion is None and piece.format_spec is None and piece.equal is None
                parts.append(code.Placeholder(expression(inner, piece.expression, depth + 1), plain))
    if text:
        parts.append(text)
    return code.FormattedString(tuple(parts), span)


def _self_documenting(piece: cst.FormattedStringExpression) -> str:
    """The text that ``{x = }`` puts before the value: all of it from the brace to the end of the whitespace."""
    state = CodegenState(" " * 4, "\n")
    piece.whitespace_before_expression._codegen(state)
    piece.expression._codegen(state)
    if piece.equal is not None:
        piece.equal._codegen(state)
    piece.whitespace_after_expression._codegen(state)
    return "".join(state.tokens).replace("\r\n", "\n").replace("\r", "\n")


def _attribute(at: Positions, node: cst.Attribute, depth: int) -> Expression:
    return code.Attribute(
        expression(at, node.value, depth + 1), cst_literals.identifier(node.attr.value), at.span(node)
    )


def _subscript(at: Positions, node: cst.Subscript, depth: int) -> Expression:
    depth += 1
    value = expression(at, node.value, depth)
    first = node.slice[0]
    starred = isinstance(first.slice, cst.Index) and first.slice.star is not None
    if len(node.slice) == 1 and not isinstance(first.comma, cst.Comma) and not starred:
        return code.Subscript(value, _subscript_element(at, first, depth), at.span(node))
    whole = at.subscripts_span(node.slice)
    if depth > MAXIMUM_DEPTH:
        return code.Subscript(value, code.Opaque(whole), at.span(node))
    indices = tuple([_subscript_element(at, element, depth + 1) for element in node.slice])
    return code.Subscript(value, code.Display("tuple", indices, whole), at.span(node))


def _subscript_element(at: Positions, element: cst.SubscriptElement, depth: int) -> Expression:
    index = element.slice
    if isinstance(index, cst.Index) and index.star is None:
        return expression(at, index.value, depth)
    span = at.span(element)
    if depth > MAXIMUM_DEPTH:
        return code.Opaque(span)
    depth += 1
    if isinstance(index, cst.Index):
        return code.Starred(expression(at, index.value, depth), span)
    assert isinstance(index, cst.Slice)
    return code.Slice(
        optional(at, index.lower, depth), optional(at, index.upper, depth), optional(at, index.step, depth), span
    )


def _call(at: Positions, node: cst.Call, depth: int) -> Expression:
    depth += 1
    return code.Call(expression(at, node.func, depth), arguments(at, node.args, depth), at.span(node))


def _binary(at: Positions, node: cst.BinaryOperation, depth: int) -> Expression:
    operator = _BINARY_OPERATORS.get(type(node.operator))
    if operator is None:  # an operator of a later Python
        return code.Opaque(at.span(node))
    depth += 1
    left, right = expression(at, node.left, depth), expression(at, node.right, depth)
    return code.BinaryOperation(operator, left, right, at.span(node))


def _unary(at: Positions, node: cst.UnaryOperation, depth: int) -> Expression:
    operator = _UNARY_OPERATORS[type(node.operator)]
    return code.UnaryOperation(operator, expression(at, node.expression, depth + 1), at.span(node))


def _boolean(at: Positions, node: cst.BooleanOperation, depth: int) -> Expression:
    kind = type(node.operator)
    chain = [node.right]
    left = node.left
    # libcst nests a chain to the left; a parenthesised operand is one of its own.
    while isinstance(left, cst.BooleanOperation) and type(left.operator) is kind and not left.lpar:
        chain.append(left.right)
        left = left.left
    chain.append(left)
    operands = tuple([expression(at, operand, depth + 1) for operand in reversed(chain)])
    return code.BooleanOperation("and" if kind is cst.And else "or", operands, at.span(node))


def _comparison(at: Positions, node: cst.Comparison, depth: int) -> Expression:
    depth += 1
    operators = tuple([_COMPARISON_OPERATORS[type(target.operator)] for target in node.comparisons])
    comparators = tuple([expression(at, target.comparator, depth) for target in node.comparisons])
    return code.Comparison(expression(at, node.left, depth), operators, comparators, at.span(node))


def _conditional(at: Positions, node: cst.IfExp, depth: int) -> Expression:
    depth += 1
    return code.Conditional(
        expression(at, node.test, depth),
        expression(at, node.body, depth),
        expression(at, node.orelse, depth),
        at.span(node),
    )


def _lambda(at: Positions, node: cst.Lambda, depth: int) -> Expression:
    depth += 1
    return code.Lambda(parameters(at, node.params, depth), expression(at, node.body, depth), at.span(node))


def _display(at: Positions, node: cst.List | cst.Tuple | cst.Set, depth: int) -> Expression:
    return code.Display(_KINDS[type(node)], elements(at, node.elements, depth + 1), at.span(node))


def _dict(at: Positions, node: cst.Dict, depth: int) -> Expression:
    depth += 1
    keys = tuple(
        [expression(at, item.key, depth) if isinstance(item, cst.DictElement) else None for item in node.elements]
    )
    return code.DictDisplay(keys, tuple([expression(at, item.value, depth) for item in node.elements]), at.span(node))


def _clauses(at: Positions, first: cst.CompFor, depth: int) -> tuple[code.Clause, ...]:
    clauses = []
    clause: cst.CompFor | None = first
    while clause is not None:
        conditions = tuple([expression(at, condition.test, depth) for condition in clause.ifs])
        target, iterable = expression(at, clause.target, depth), expression(at, clause.iter, depth)
        clauses.append(code.Clause(target, iterable, conditions))
        clause = clause.inner_for_in
    return tuple(clauses)


def _comprehension(at: Positions, node: cst.ListComp | cst.SetComp | cst.GeneratorExp, depth: int) -> Expression:
    depth += 1
    element = expression(at, node.elt, depth)
    return code.Comprehension(_KINDS[type(node)], element, None, _clauses(at, node.for_in, depth), at.span(node))


def _dict_comprehension(at: Positions, node: cst.DictComp, depth: int) -> Expression:
    depth += 1
    key, value = expression(at, node.key, depth), expression(at, node.value, depth)
    return code.Comprehension("dict", key, value, _clauses(at, node.for_in, depth), at.span(node))


def _starred(at: Positions, node: cst.StarredElement, depth: int) -> Expression:
    return code.Starred(expression(at, node.value, depth + 1), at.span(node))


def _named(at: Positions, node: cst.NamedExpr, depth: int) -> Expression:
    depth += 1
    return code.NamedExpression(expression(at, node.target, depth), expression(at, node.value, depth), at.span(node))


def _await(at: Positions, node: cst.Await, depth: int) -> Expression:
    return code.Await(expression(at, node.expression, depth + 1), at.span(node))


def _yield(at: Positions, node: cst.Yield, depth: int) -> Expression:
    if isinstance(node.value, cst.From):
        return code.Yield(expression(at, node.value.item, depth + 1), True, at.span(node))
    return code.Yield(optional(at, node.value, depth + 1), False, at.span(node))


_KINDS: Final[dict[type[cst.CSTNode], str]] = {
    cst.List: "list",
    cst.Tuple: "tuple",
    cst.Set: "set",
    cst.ListComp: "list",
    cst.SetComp: "set",
    cst.GeneratorExp: "generator",
}

# Any: each handler takes the node type that it is listed under, which a dict's type cannot say. Template strings and
# whatever else is not listed are opaque.
_EXPRESSIONS: Final[dict[type[cst.CSTNode], Callable[[Positions, Any, int], Expression]]] = {
    cst.Name: _name,
    cst.Ellipsis: _ellipsis,
    cst.Integer: _integer,
    cst.Float: _float,
    cst.Imaginary: _imaginary,
    cst.SimpleString: _string,
    cst.ConcatenatedString: _concatenated,
    cst.FormattedString: _formatted,
    cst.Attribute: _attribute,
    cst.Subscript: _subscript,
    cst.Call: _call,
    cst.BinaryOperation: _binary,
    cst.UnaryOperation: _unary,
    cst.BooleanOperation: _boolean,
    cst.Comparison: _comparison,
    cst.IfExp: _conditional,
    cst.Lambda: _lambda,
    cst.List: _display,
    cst.Tuple: _display,
    cst.Set: _display,
    cst.Dict: _dict,
    cst.ListComp: _comprehension,
    cst.SetComp: _comprehension,
    cst.GeneratorExp: _comprehension,
    cst.DictComp: _dict_comprehension,
    cst.StarredElement: _starred,
    cst.NamedExpr: _named,
    cst.Await: _await,
    cst.Yield: _yield,
}

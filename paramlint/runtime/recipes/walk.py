"""Walking the statements of a scope in order, telling what its local names stand for at each expression."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from paramlint.model import code
from paramlint.project.definitions import SourceModule
from paramlint.runtime.recipes.reader import UNKNOWN, Frame, Reader, Value, target_names

Visit = Callable[[Frame, code.Expression], None]


def function_frame(reader: Reader, frame: Frame, function: code.Function) -> Frame:
    """Return the frame in which a function's body starts: parameters stand for a test's first case or their default."""
    inner = Frame(frame.module, (*frame.enclosing, function), {}, dict(frame.imports))
    for parameter in function.parameters:
        default = parameter.default
        inner.values[parameter.name] = UNKNOWN if default is None else reader.value(frame, default)
    for name, expression in _first_cases(function):
        inner.values[name] = reader.value(frame, expression)
    return inner


def walk(reader: Reader, frame: Frame, body: Sequence[code.Statement], visit: Visit) -> list[Value]:
    """Visit each expression of the statements, then bind what they bind; return the values of return statements.

    Branches and loop bodies are walked one after the other, once. Bodies of functions and classes are left out.
    """
    returned: list[Value] = []
    for statement in body:
        _statement(reader, frame, statement, visit, returned)
    return returned


def _statement(reader: Reader, frame: Frame, statement: code.Statement, visit: Visit, returned: list[Value]) -> None:
    def block(statements: Sequence[code.Statement]) -> None:
        returned.extend(walk(reader, frame, statements, visit))

    if isinstance(statement, code.Assign):
        visit(frame, statement.value)
        for target in statement.targets:
            bind(reader, frame, target, statement.value)
    elif isinstance(statement, code.AnnotatedAssign):
        if statement.value is not None:
            visit(frame, statement.value)
            bind(reader, frame, statement.target, statement.value)
    elif isinstance(statement, code.AugmentedAssign):
        visit(frame, statement.value)
        bind(reader, frame, statement.target, None)
    elif isinstance(statement, code.ExpressionStatement):
        visit(frame, statement.value)
    elif isinstance(statement, code.Return):
        if statement.value is not None:
            visit(frame, statement.value)
            returned.append(reader.value(frame, statement.value))
    elif isinstance(statement, code.Assert):
        visit(frame, statement.test)
    elif isinstance(statement, code.Import):
        _import(frame, statement)
    elif isinstance(statement, (code.If, code.While)):
        visit(frame, statement.test)
        block(statement.body)
        block(statement.orelse)
    elif isinstance(statement, code.For):
        visit(frame, statement.iterable)
        bind(reader, frame, statement.target, _first_element(statement.iterable))
        block(statement.body)
        block(statement.orelse)
    elif isinstance(statement, code.With):
        for item in statement.items:
            visit(frame, item.context)
            if item.target is not None:
                bind(reader, frame, item.target, None)
        block(statement.body)
    elif isinstance(statement, code.Try):
        block(statement.body)
        for handler in statement.handlers:
            block(handler.body)
        block(statement.orelse)
        block(statement.final)
    elif isinstance(statement, code.Match):
        for case in statement.cases:
            frame.values.update(dict.fromkeys(case.names, UNKNOWN))
            block(case.body)


def bind(reader: Reader, frame: Frame, target: code.Expression, value: code.Expression | None) -> None:
    """Bind the names of a target to what an expression gives; None binds them to something unknown."""
    if isinstance(target, code.Display) and isinstance(value, code.Display):
        parts = (*target.elements, *value.elements)
        is_parallel = len(target.elements) == len(value.elements)
        if is_parallel and not any(isinstance(part, code.Starred) for part in parts):
            values = [reader.value(frame, element) for element in value.elements]
            for element, each in zip(target.elements, values, strict=True):
                for name in target_names(element):
                    frame.values[name] = each
            return
    whole = UNKNOWN if value is None else reader.value(frame, value)
    if isinstance(target, (code.Name, code.Attribute)):
        for name in target_names(target):
            frame.values[name] = whole
    elif isinstance(target, code.Display):
        for position, element in enumerate(target.elements):
            part = _part(whole, position)
            for name in target_names(element):
                frame.values[name] = part


def expressions(node: Any) -> Iterator[code.Call]:
    """Yield the calls in an expression, inner ones first; those in lambdas and comprehensions are left out."""
    if isinstance(node, (code.Lambda, code.Comprehension, code.Span)) or not isinstance(node, tuple):
        return
    for part in node:
        yield from expressions(part)
    if isinstance(node, code.Call):
        yield node


def scopes(module: SourceModule) -> Iterator[tuple[tuple[code.Function | code.Class, ...], code.Function | code.Class]]:
    """Yield the functions and classes of a module with what encloses them, outer ones first."""
    yield from _scopes(module.facts.body, ())


def _scopes(
    body: Sequence[code.Statement], enclosing: tuple[code.Function | code.Class, ...]
) -> Iterator[tuple[tuple[code.Function | code.Class, ...], code.Function | code.Class]]:
    for statement in body:
        if isinstance(statement, (code.Function, code.Class)):
            yield enclosing, statement
            yield from _scopes(statement.body, (*enclosing, statement))
        elif isinstance(statement, (code.If, code.For, code.While)):
            yield from _scopes((*statement.body, *statement.orelse), enclosing)
        elif isinstance(statement, code.With):
            yield from _scopes(statement.body, enclosing)
        elif isinstance(statement, code.Try):
            handlers = tuple(inner for handler in statement.handlers for inner in handler.body)
            yield from _scopes((*statement.body, *handlers, *statement.orelse, *statement.final), enclosing)


def _part(whole: Value, position: int) -> Value:
    if whole.expression is None:
        return UNKNOWN
    span = whole.expression.span
    return Value(code.Subscript(whole.expression, code.Constant(position, span), span), None, whole.holds_tensor)


def _import(frame: Frame, statement: code.Import) -> None:
    """Remember how to import the same in an expression; a name that the module imports too is left to the module."""
    package = frame.module.package.split(".") if frame.module.package else []
    base = package[: len(package) - statement.level + 1] if statement.level else []
    parent = ".".join((*base, *([statement.module] if statement.module else ())))
    for imported_name in statement.names:
        name, alias = imported_name.name, imported_name.alias
        if name == "*":
            continue
        if statement.is_from:
            imported = _imported(parent, statement.span)
            frame.imports[alias or name] = code.Attribute(imported, name, statement.span)
            bound = alias or name
        elif alias is not None:
            bound = alias
            frame.imports[bound] = _imported(name, statement.span)
        else:
            bound = name.partition(".")[0]
            frame.imports[bound] = _called("__import__", name, statement.span)
        frame.values.pop(bound, None)


def _imported(name: str, span: code.Span) -> code.Expression:
    """``__import__('importlib').import_module(name)``."""
    importlib = _called("__import__", "importlib", span)
    function = code.Attribute(importlib, "import_module", span)
    return code.Call(function, (code.Argument("", None, code.Constant(name, span)),), span)


def _called(function: str, argument: str, span: code.Span) -> code.Expression:
    return code.Call(code.Name(function, span), (code.Argument("", None, code.Constant(argument, span)),), span)


def _first_element(iterable: code.Expression) -> code.Expression | None:
    """What a loop's target is in its first round, for literal iterables."""
    if isinstance(iterable, code.Display) and iterable.elements and not isinstance(iterable.elements[0], code.Starred):
        return iterable.elements[0]
    return None


def _first_cases(function: code.Function) -> Iterator[tuple[str, code.Expression]]:
    """The parameters of a parametrised test with the values of its first case."""
    for decorator in function.decorators:
        if not isinstance(decorator, code.Call) or not isinstance(decorator.function, code.Attribute):
            continue
        values = [argument.value for argument in decorator.arguments if not argument.star]
        if decorator.function.name != "parametrize" or len(values) < 2:
            continue
        case = _first_element(values[1])
        names = _case_names(values[0])
        if case is None or not names:
            continue
        if len(names) == 1:
            yield names[0], case
        elif isinstance(case, code.Display) and len(case.elements) == len(names):
            yield from zip(names, case.elements, strict=True)


def _case_names(expression: code.Expression) -> list[str]:
    if isinstance(expression, code.Constant) and isinstance(expression.value, str):
        return [name.strip() for name in expression.value.split(",") if name.strip()]
    if isinstance(expression, code.Display):
        return [
            element.value
            for element in expression.elements
            if isinstance(element, code.Constant) and isinstance(element.value, str)
        ]
    return []

"""Reading the source of running code: the statement at a line, the condition that led to an error, constants."""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
from collections.abc import Iterator
from types import CodeType


@functools.lru_cache(maxsize=64)
def tree_of(path: str) -> ast.Module | None:
    """The syntax tree of a file, None where it cannot be read."""
    try:
        return ast.parse("".join(linecache.getlines(path)))
    except (SyntaxError, ValueError, RecursionError):
        return None


@functools.lru_cache(maxsize=256)
def function_of(code: CodeType) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The definition of a code object; None for what is no ``def``, or where its source cannot be read.

    Only the lines of the function are parsed: a file of thousands of lines would cost more than an attempt to call it.
    """
    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]
    # Python reads an indented block where one is opened.
    opening = "if True:\n" if lines and lines[0][:1].isspace() else ""
    try:
        tree = ast.parse(opening + "".join(inspect.getblock(lines)))
    except (SyntaxError, ValueError, RecursionError, IndexError):
        return None
    ast.increment_lineno(tree, code.co_firstlineno - (2 if opening else 1))
    node = tree.body[0] if tree.body else None
    if opening and isinstance(node, ast.If):
        node = node.body[0]
    is_definition = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == code.co_name
    return node if is_definition else None  # type: ignore[return-value]


def enclosing(code: CodeType, line: int) -> tuple[ast.stmt, ...]:
    """The statements that contain a line within its function, outermost first."""
    function = function_of(code)
    body: list[ast.stmt] = []
    if function is not None:
        body = function.body
    else:
        tree = tree_of(code.co_filename)
        body = tree.body if tree is not None else []
    found: list[ast.stmt] = []
    while True:
        inner = next((item for item in body if item.lineno <= line <= (item.end_lineno or item.lineno)), None)
        if inner is None:
            return tuple(found)
        found.append(inner)
        body = list(_bodies(inner))


def _bodies(statement: ast.stmt) -> Iterator[ast.stmt]:
    for name in ("body", "orelse", "finalbody"):
        yield from getattr(statement, name, ())
    for handler in getattr(statement, "handlers", ()):
        yield from handler.body
    for case in getattr(statement, "cases", ()):
        yield from case.body


def header(statement: ast.stmt) -> list[ast.AST]:
    """The parts of a statement that are evaluated at its own line."""
    if isinstance(statement, (ast.If, ast.While)):
        return [statement.test]
    if isinstance(statement, (ast.For, ast.AsyncFor)):
        return [statement.iter]
    if isinstance(statement, (ast.With, ast.AsyncWith)):
        return [item.context_expr for item in statement.items]
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Try)):
        return []
    return [statement]


def names_in(nodes: list[ast.AST]) -> list[str]:
    """Names, and dotted names that start at a name (``config.width``, ``self.width``), in the order they are read."""
    found: list[str] = []
    for node in nodes:
        for part in ast.walk(node):
            text = dotted(part)
            if text and text not in found:
                found.append(text)
    return found


def dotted(node: ast.AST) -> str | None:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(parts)])


def definitions(code: CodeType, name: str) -> list[ast.AST]:
    """The right-hand sides that the function binds to a local name or to ``self.name``."""
    return [value for names, value in _bound(code) if name in names]


@functools.lru_cache(maxsize=256)
def _bound(code: CodeType) -> tuple[tuple[list[str], ast.AST], ...]:
    """What a function binds: the names that a target reads or binds, with the right-hand side."""
    function = function_of(code)
    found: list[tuple[list[str], ast.AST]] = []
    for node in ast.walk(function) if function is not None else ():
        value: ast.AST | None = None
        targets: list[ast.AST] = []
        if isinstance(node, ast.Assign):
            value, targets = node.value, list(node.targets)
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
            value, targets = node.value, [node.target]
        elif isinstance(node, (ast.For, ast.comprehension)):
            value, targets = node.iter, [node.target]
        if value is not None:
            found.append((names_in(targets), value))
    return tuple(found)


def compared_constants(code: CodeType, name: str) -> list[object]:
    """Constants with which a function compares a name (``==``, ``in``), or under which it looks the name up."""
    function = function_of(code)
    found: list[object] = []
    if function is None:
        return found
    wanted = (name, f"self.{name}")
    for node in ast.walk(function):
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            sides = (node.left, node.comparators[0])
            for side, other in (sides, sides[::-1]):
                if dotted(_without_method(side)) in wanted:
                    found += constants_in(other)
        elif isinstance(node, ast.Subscript) and dotted(node.slice) in wanted and isinstance(node.value, ast.Dict):
            found += [key.value for key in node.value.keys if isinstance(key, ast.Constant)]
        elif isinstance(node, ast.Match) and dotted(node.subject) in wanted:
            for part in ast.walk(node):
                if isinstance(part, ast.MatchValue):
                    found += constants_in(part.value)
    return [value for index, value in enumerate(found) if value not in found[:index]]


def _without_method(node: ast.expr) -> ast.expr:
    """``x`` of ``x.lower()``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
        return node.func.value
    return node


def constants_in(node: ast.AST) -> list[object]:
    if isinstance(node, ast.Constant):
        return [node.value]
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return [item.value for item in node.elts if isinstance(item, ast.Constant)]
    if isinstance(node, ast.Dict):
        return [key.value for key in node.keys if isinstance(key, ast.Constant)]
    return []

"""From a line that was executing to the statement that stands there."""

from __future__ import annotations

import ast
import linecache
import os
from collections.abc import Iterator
from functools import lru_cache

from paramlint.facts.source import SourceError, read_source, split_lines
from paramlint.model.code import Span


def statement_span(path: str, line: int) -> Span:
    """The span of the innermost statement at a line (from 1); the bare line where the file cannot be read."""
    best: ast.stmt | None = None
    for statement in _statements(path):
        end = statement.end_lineno or statement.lineno
        # A compound statement is its header: what stands in its body is another statement.
        if statement.lineno <= line <= end and (best is None or statement.lineno >= best.lineno):
            best = statement
    if best is None or best.end_lineno is None or best.end_col_offset is None:
        return Span(line, 1, line, 2)
    lines = _lines(path)
    if isinstance(best, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.For, ast.While, ast.If, ast.With)):
        text = lines[line - 1] if line <= len(lines) else ""
        start = len(text) - len(text.lstrip())
        return Span(line, start + 1, line, max(start + 2, len(text.rstrip()) + 1))
    return Span(
        best.lineno,
        _column(lines, best.lineno, best.col_offset),
        best.end_lineno,
        _column(lines, best.end_lineno, best.end_col_offset),
    )


def text_of(path: str) -> str:
    """The text of a file, or of what a notebook ran under that name. Raises SourceError where there is neither."""
    # The cells of a notebook are no files: IPython hands their text to linecache.
    cell = linecache.getlines(path) if not os.path.exists(path) else []
    return "".join(cell) if cell else read_source(path).text


@lru_cache(maxsize=64)
def _lines(path: str) -> tuple[str, ...]:
    try:
        return tuple(split_lines(text_of(path)))
    except (SourceError, OSError):
        return ()


@lru_cache(maxsize=64)
def _statements(path: str) -> tuple[ast.stmt, ...]:
    try:
        return tuple(_walk(ast.parse(text_of(path))))
    except (SourceError, OSError, SyntaxError, ValueError, RecursionError):
        return ()


def _walk(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            yield node


def _column(lines: tuple[str, ...], line: int, offset: int) -> int:
    """The column, from 1, of an offset in UTF-8."""
    if line > len(lines):
        return offset + 1
    return len(lines[line - 1].encode()[:offset].decode(errors="ignore")) + 1

"""Where nodes of libcst stand, learnt from one pass of code generation over a module."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final

import libcst as cst
from libcst._nodes.internal import CodegenState

from paramlint.facts.source import Source, split_lines
from paramlint.model.code import Span

_LINE_END: Final = re.compile(r"\r\n?|\n")
# Tokens that begin with one of these are whitespace, a comment or a continued line.
_INSIGNIFICANT: Final = frozenset(" \t\f#\\\r\n")


class Positions:
    """Spans of the nodes of one module."""

    def __init__(self, path: str, spans: dict[int, Span], element_ends: dict[int, tuple[int, int]]) -> None:
        self.path = path
        self._spans = spans
        self._element_ends = element_ends

    def span(self, node: cst.CSTNode) -> Span:
        """The span of an expression, a statement or a single subscript."""
        return self._spans[id(node)]

    def subscripts_span(self, elements: Sequence[cst.SubscriptElement]) -> Span:
        """The span of several subscripts, a trailing comma included."""
        first = self._spans[id(elements[0])]
        return Span(first.line, first.column, *self._element_ends[id(elements[-1])])


class StringPositions(Positions):
    """Spans inside an f-string: everything in it has the span of the whole string, as in the lowering from ``ast``."""

    def __init__(self, outer: Positions, whole: Span) -> None:
        super().__init__(outer.path, {}, {})
        self._whole = whole

    def span(self, node: cst.CSTNode) -> Span:
        return self._whole

    def subscripts_span(self, elements: Sequence[cst.SubscriptElement]) -> Span:
        return self._whole


def positions_in(source: Source, module: cst.Module) -> Positions:
    """Find where the nodes of ``module``, the parse of ``source``, stand."""
    recorder = _Recorder(module)
    module._codegen(recorder)
    if "\f" in source.text:
        shifts = _lost_indents(source, module)
        if shifts:
            return Positions(
                source.path,
                {key: _shifted(span, shifts) for key, span in recorder.spans.items()},
                {key: (line, column + shifts.get(line, 0)) for key, (line, column) in recorder.element_ends.items()},
            )
    return Positions(source.path, recorder.spans, recorder.element_ends)


def _lost_indents(source: Source, module: cst.Module) -> dict[int, int]:
    """How many characters libcst left out at the start of which lines: it drops form feeds from indentation."""
    pairs = zip(split_lines(source.text), split_lines(module.code), strict=False)
    return {
        number: len(written) - len(generated)
        for number, (written, generated) in enumerate(pairs, 1)
        if written != generated and written.endswith(generated)
    }


def _shifted(span: Span, shifts: dict[int, int]) -> Span:
    line, column, end_line, end_column = span
    return Span(line, column + shifts.get(line, 0), end_line, end_column + shifts.get(end_line, 0))


class _Recorder(CodegenState, AbstractContextManager[None]):
    """A code generation state that keeps no code, only the span of each expression and statement.

    libcst's own position providers differ from this in three ways: they resolve metadata over the whole tree, they
    give tuples and generators without their parentheses, and they count whitespace after a trailing comma in.
    ``spans`` and ``element_ends`` are keyed by ``id``: nodes live as long as their module.
    """

    def __init__(self, module: cst.Module) -> None:
        super().__init__(module.default_indent, module.default_newline)
        self.spans: dict[int, Span] = {}
        self.element_ends: dict[int, tuple[int, int]] = {}
        self._line = 1
        self._column = 1
        # The end of the last significant token, and the start of the last opening parenthesis.
        self._end = (1, 1)
        self._opening = (1, 1)
        # The nodes being generated, with their starts; then one whose closing parenthesis comes next.
        self._open: list[tuple[cst.CSTNode, tuple[int, int], bool]] = []
        self._unclosed: tuple[cst.CSTNode, tuple[int, int]] | None = None

    def add_token(self, value: str) -> None:
        if not value:
            return
        if value == "(":
            self._opening = (self._line, self._column)
        if "\n" in value or "\r" in value:
            pieces = _LINE_END.split(value)
            self._line += len(pieces) - 1
            self._column = len(pieces[-1]) + 1
        else:
            self._column += len(value)
        if value[0] not in _INSIGNIFICANT:
            self._end = (self._line, self._column)
            if value == ")" and self._unclosed is not None:
                node, start = self._unclosed
                self._unclosed = None
                self.spans[id(node)] = Span(*start, self._line, self._column)

    def add_indent_tokens(self) -> None:
        for token in self.indent_tokens:
            self._column += len(token)

    def pop_trailing_newline(self) -> None:
        """Nothing is kept, so nothing is taken back."""

    def after_codegen(self, node: cst.CSTNode) -> None:
        if type(node) is cst.SubscriptElement:
            self.element_ends[id(node)] = self._end

    def record_syntactic_position(  # type: ignore[override]  # libcst types it as the generator that it is there
        self,
        node: cst.CSTNode,
        *,
        start_node: cst.CSTNode | None = None,
        end_node: cst.CSTNode | None = None,
    ) -> AbstractContextManager[None]:
        """Called by nodes around their tokens, without parentheses; such calls nest, so that one stack serves all."""
        kind = type(node)
        # A generator without parentheses of its own is the only argument of a call, and shares the call's.
        enclosed = kind is cst.GeneratorExp or (isinstance(node, cst.Tuple) and bool(node.lpar))
        self._open.append((node, self._opening if enclosed else (self._line, self._column), enclosed))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        node, start, enclosed = self._open.pop()
        if enclosed:
            self._unclosed = (node, start)
        else:
            self.spans[id(node)] = Span(*start, *self._end)

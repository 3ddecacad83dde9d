"""The fast lowering of a file whose functions are lowered when somebody asks what they do; most are never asked."""

from __future__ import annotations

import ast
from typing import NamedTuple, TypeAlias

from paramlint.facts import lower_ast
from paramlint.facts.ast_positions import Function, Positions, positions_in
from paramlint.facts.conditions import lowering
from paramlint.facts.source import Source
from paramlint.model import code
from paramlint.model.late import LateBody


class Tree(NamedTuple):
    """The syntax tree of a function, and where its nodes stand."""

    function: Function
    at: Positions


# The trees of functions of the file under way, by their lines.
Trees: TypeAlias = dict[int, Tree]

# Of a shorter function it costs more to put the lowering off than to do it.
_SHORT_LINES = 3
# Statements nest as deep as they are indented, which Python bounds by a hundred, and by one for each ``elif``.
_MOST_BRANCHES = 90


def lower_on_demand(source: Source, tree: ast.Module | None = None, trees: Trees | None = None) -> code.SourceFacts:
    """Lower ``source`` as ``lower_ast.lower`` does, but each function's body when it is first asked for.

    A body is parsed again for that, unless ``trees`` still has it: they are filled here, and to be emptied when the
    file is done. Raises SourceError as ``lower`` does; the bodies raise none.
    """
    with lowering(source):
        if tree is None:
            tree = ast.parse(source.text, source.path)
        at = positions_in(source)
        at.late = _Functions(at, trees).late_body
        return code.SourceFacts(source.path, lower_ast.body(at, tree.body, 0))


class _Functions:
    """Makes the late bodies of one file."""

    def __init__(self, at: Positions, trees: Trees | None) -> None:
        self._at = at
        self._at_once = at.without_late()
        self._trees = trees

    def late_body(self, function: Function, depth: int) -> LateBody | None:
        """The body of a function at ``depth``, to be made later; None where it has to be made at once."""
        lines = self._at.lines
        first, last = function.lineno, function.end_lineno
        assert last is not None
        if last - first < _SHORT_LINES or lines[first - 1][: function.col_offset].strip(" \t"):
            return None
        if first > 1 and lines[first - 2].endswith("\\"):
            return None
        text = "\n".join(lines[first - 1 : last])
        if text.count("elif") > _MOST_BRANCHES:
            return None
        if self._trees is not None:
            self._trees[first] = Tree(function, self._at_once)
        return _FunctionBody(self._at.path, text, first, depth, self._trees)


class _FunctionBody(LateBody):
    __slots__ = ("_depth", "_first", "_path", "_text", "_trees")

    def __init__(self, path: str, text: str, first: int, depth: int, trees: Trees | None) -> None:
        super().__init__()
        self._path = path
        self._text = text
        self._first = first
        self._depth = depth
        self._trees = trees

    def holds(self, word: str) -> bool:
        return word in self._text

    def _made(self) -> tuple[code.Statement, ...]:
        tree = None if self._trees is None else self._trees.pop(self._first, None)
        self._trees = None
        if tree is None:
            tree = self._parsed()
        return lower_ast.body(tree.at, tree.function.body, self._depth)

    def _parsed(self) -> Tree:
        # A statement around it allows for the indentation.
        before = "if 1:\n" if self._text[0] in " \t" else ""
        source = Source(self._path, before + self._text, "utf-8", "\n", False)
        with lowering(source):
            (statement,) = ast.parse(source.text).body
        function = statement.body[0] if isinstance(statement, ast.If) else statement
        assert isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        return Tree(function, positions_in(source, self._first - 1 - bool(before)))

"""What the making of an instance can build on the way: what a class or function names, and so on."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from paramlint.model import code
from paramlint.project.definitions import ClassDefinition, FunctionDefinition
from paramlint.project.project import Project
from paramlint.runtime.recipes.reader import dotted_name

# What is further away is built from too many choices to be worth a try.
_MOST_DEFINITIONS = 150


class Reach:
    """Answers what definitions of one project name; each body is read once."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._named: dict[ClassDefinition | FunctionDefinition, tuple[ClassDefinition | FunctionDefinition, ...]] = {}
        self._reached: dict[ClassDefinition | FunctionDefinition, frozenset[ClassDefinition | FunctionDefinition]] = {}

    def definitions(
        self, start: ClassDefinition | FunctionDefinition
    ) -> frozenset[ClassDefinition | FunctionDefinition]:
        """Return what ``start`` can build or call on the way, itself not counted unless it names itself."""
        if start not in self._reached:
            self._reached[start] = self._search(start)
        return self._reached[start]

    def _search(self, start: ClassDefinition | FunctionDefinition) -> frozenset[ClassDefinition | FunctionDefinition]:
        seen: dict[ClassDefinition | FunctionDefinition, None] = {}
        waiting = deque(self.named(start))
        while waiting and len(seen) < _MOST_DEFINITIONS:
            definition = waiting.popleft()
            if definition not in seen:
                seen[definition] = None
                waiting.extend(self.named(definition))
        return frozenset(seen)

    def named(
        self, definition: ClassDefinition | FunctionDefinition
    ) -> tuple[ClassDefinition | FunctionDefinition, ...]:
        """Return what a definition names itself: its bases, what its body and its defaults refer to."""
        if definition not in self._named:
            self._named[definition] = tuple(dict.fromkeys(self._read(definition)))
        return self._named[definition]

    def _read(self, definition: ClassDefinition | FunctionDefinition) -> Iterator[ClassDefinition | FunctionDefinition]:
        if not definition.module.path.is_relative_to(self._project.root):
            return
        enclosing = (*definition.enclosing, definition.node)
        for scope, name in _dotted_names(definition.node, enclosing):
            found = self._project.resolve(definition.module, name, scope)
            if isinstance(found, (ClassDefinition, FunctionDefinition)) and found != definition:
                yield found
        if isinstance(definition, ClassDefinition):
            for base in self._project.link(definition).mro[1:]:
                if isinstance(base, ClassDefinition):
                    yield base


def _dotted_names(
    node: code.Function | code.Class, enclosing: tuple[code.Function | code.Class, ...]
) -> Iterator[tuple[tuple[code.Function | code.Class, ...], tuple[str, ...]]]:
    """Yield the dotted names that the body and defaults of a definition use, each with the scopes around it."""
    parts: tuple[Any, ...] = node.body
    if isinstance(node, code.Function):
        parts = (*parts, *(parameter.default for parameter in node.parameters if parameter.default is not None))
    found: set[tuple[str, ...]] = set()
    for part in parts:
        if isinstance(part, (code.Function, code.Class)):
            yield from _dotted_names(part, (*enclosing, part))
        else:
            found.update(_names_in(part))
    for name in sorted(found):
        yield enclosing, name


def _names_in(node: Any) -> Iterator[tuple[str, ...]]:
    if isinstance(node, code.Span) or not isinstance(node, tuple):
        return
    if isinstance(node, (code.Attribute, code.Name)):
        dotted = dotted_name(node)
        if dotted:
            if dotted[0] not in ("self", "cls"):
                yield dotted
            return
    for part in node:
        yield from _names_in(part)

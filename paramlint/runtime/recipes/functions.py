"""Functions of the project: whether they only make values, and what they give back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from paramlint.model import code
from paramlint.project.bindings import nested_bodies
from paramlint.project.definitions import ClassDefinition, Definition, External, FunctionDefinition
from paramlint.project.project import Project
from paramlint.runtime.recipes import policy
from paramlint.runtime.recipes.reader import NOTHING_KNOWN, Frame, FunctionSummary, Reader, dotted_name, target_names
from paramlint.runtime.recipes.walk import function_frame, walk

# A function that is longer is a program and not a recipe.
_MOST_STATEMENTS = 40
_DEEPEST_CALLS = 5

_QUIET_STATEMENTS = (
    code.Assign,
    code.AnnotatedAssign,
    code.AugmentedAssign,
    code.Assert,
    code.ExpressionStatement,
    code.For,
    code.If,
    code.Import,
    code.Jump,
    code.Match,
    code.Raise,
    code.Return,
    code.With,
    code.Function,
    code.Class,
)


class Functions:
    """Answers about functions of one project; each is read once."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.reader = Reader(project, self.summary)
        self._summaries: dict[FunctionDefinition, FunctionSummary] = {}
        self._depth = 0

    def summary(self, definition: FunctionDefinition) -> FunctionSummary:
        """Return what a function gives back; nothing is known of one that calls itself."""
        if definition in self._summaries:
            return self._summaries[definition]
        if self._depth >= _DEEPEST_CALLS:
            return NOTHING_KNOWN
        self._summaries[definition] = NOTHING_KNOWN
        self._depth += 1
        try:
            self._summaries[definition] = self._summarised(definition)
        finally:
            self._depth -= 1
        return self._summaries[definition]

    def is_recipe(self, definition: FunctionDefinition) -> bool:
        """Whether the function can be called by its name, without arguments, and only makes values."""
        node = definition.node
        if definition.enclosing or node.is_async or not all(map(_can_be_left_out, node.parameters)):
            return False
        if not all(self._keeps_function(definition, decorator) for decorator in node.decorators):
            return False
        return self.summary(definition).is_quiet and any(_returns(node.body))

    def announced(self, definition: FunctionDefinition) -> ClassDefinition | None:
        """Return the class that a function says it returns, where it can be called by its name without arguments.

        Such a function need not be quiet: it may read settings or try to load weights, and decorators of the project's
        own may register or wrap it.
        """
        node = definition.node
        if definition.enclosing or node.is_async or not all(map(_can_be_left_out, node.parameters)):
            return None
        if not all(self._may_be_called(definition, decorator) for decorator in node.decorators):
            return None
        dotted = dotted_name(node.returns) if node.returns is not None else ()
        if isinstance(node.returns, code.Constant) and isinstance(node.returns.value, str):
            dotted = tuple(node.returns.value.split("."))
        found = (
            self.project.resolve(definition.module, dotted) if dotted and all(map(str.isidentifier, dotted)) else None
        )
        return found if isinstance(found, ClassDefinition) else None

    def _summarised(self, definition: FunctionDefinition) -> FunctionSummary:
        node = definition.node
        frame = function_frame(self.reader, Frame(definition.module, definition.enclosing), node)
        returned = walk(self.reader, frame, node.body, lambda *_: None)
        classes = dict.fromkeys(value.instance_of for value in returned if value.instance_of is not None)
        return FunctionSummary(
            is_quiet=self._is_quiet(definition),
            returns=tuple(classes),
            returns_tensor=not classes and any(value.holds_tensor for value in returned),
        )

    def _may_be_called(self, definition: FunctionDefinition, decorator: code.Expression) -> bool:
        """Whether what a decorator leaves in a function's place may be called as the function itself."""
        return isinstance(self._decorator(definition, decorator), FunctionDefinition) or self._keeps_function(
            definition, decorator
        )

    def _decorator(self, definition: FunctionDefinition, decorator: code.Expression) -> Definition:
        called = decorator.function if isinstance(decorator, code.Call) else decorator
        return self.project.resolve(definition.module, dotted_name(called) or ("?",), definition.enclosing)

    def _keeps_function(self, definition: FunctionDefinition, decorator: code.Expression) -> bool:
        """Whether a decorated function can still be called as it is written."""
        found = self._decorator(definition, decorator)
        if isinstance(found, FunctionDefinition) and not isinstance(decorator, code.Call):
            return _gives_back(found.node)
        return isinstance(found, External) and found.name.startswith(("torch.", "functools.", "typing."))

    def _is_quiet(self, definition: FunctionDefinition) -> bool:
        node = definition.node
        statements = list(_statements(node.body))
        if node.is_async or len(statements) > _MOST_STATEMENTS:
            return False
        if not all(isinstance(statement, _QUIET_STATEMENTS) for statement in statements):
            return False
        locals_ = {parameter.name for parameter in node.parameters}
        for statement in statements:
            locals_.update(_bound_names(statement))
        enclosing = (*definition.enclosing, node)
        for part in _parts(statements):
            if isinstance(part, (code.Yield, code.Await, code.Opaque)):
                return False
            if isinstance(part, code.Call) and not self._is_quiet_call(definition, enclosing, locals_, part):
                return False
        return True

    def _is_quiet_call(
        self,
        definition: FunctionDefinition,
        enclosing: tuple[code.Function | code.Class, ...],
        locals_: set[str],
        call: code.Call,
    ) -> bool:
        dotted = dotted_name(call.function)
        if not dotted or dotted[0] in locals_:
            return not isinstance(call.function, code.Attribute) or policy.is_quiet_method(call.function.name)
        found: Definition = self.project.resolve(definition.module, dotted, enclosing)
        if isinstance(found, External):
            return policy.is_maker(found.name)
        if isinstance(found, FunctionDefinition):
            return self.summary(found).is_quiet
        return isinstance(found, ClassDefinition)


def _gives_back(function: code.Function) -> bool:
    """Whether a decorator, which may register what it is given, returns it."""
    values = [statement.value for statement in function.body if isinstance(statement, code.Return)]
    first = function.parameters[0].name if function.parameters else None
    return bool(values) and all(isinstance(value, code.Name) and value.identifier == first for value in values)


def _can_be_left_out(parameter: code.Parameter) -> bool:
    return parameter.default is not None or parameter.kind in ("*", "**")


def _statements(body: Sequence[code.Statement]) -> Iterator[code.Statement]:
    for statement in body:
        yield statement
        for block in nested_bodies(statement):
            yield from _statements(block)


def _returns(body: Sequence[code.Statement]) -> Iterator[bool]:
    """Yield for each return statement of the function itself whether it gives a value."""
    for statement in body:
        if isinstance(statement, code.Return):
            yield statement.value is not None
        elif not isinstance(statement, (code.Function, code.Class)):
            for block in nested_bodies(statement):
                yield from _returns(block)


def _bound_names(statement: code.Statement) -> Iterable[str]:
    if isinstance(statement, code.Assign):
        return [name for target in statement.targets for name in target_names(target)]
    if isinstance(statement, (code.AnnotatedAssign, code.AugmentedAssign, code.For)):
        return target_names(statement.target)
    if isinstance(statement, code.With):
        return [name for item in statement.items if item.target is not None for name in target_names(item.target)]
    if isinstance(statement, code.Function):
        return [parameter.name for parameter in statement.parameters]
    return ()


def _parts(node: Any) -> Iterator[Any]:
    """Yield every node below a sequence of statements; the statements in their blocks are not entered again."""
    for statement in node:
        yield from _expressions(statement, is_top=True)


def _expressions(node: Any, is_top: bool = False) -> Iterator[Any]:
    if isinstance(node, code.Span) or not isinstance(node, tuple):
        return
    if not is_top and isinstance(node, (*_QUIET_STATEMENTS, code.While, code.Try)):
        return
    yield node
    for part in node:
        yield from _expressions(part)

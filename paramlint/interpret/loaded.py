"""Whether a checkpoint is loaded over every instance that the project makes of a class."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING, TypeGuard

from paramlint.interpret.holders import DEEPEST, Scope, defined, may_mean, users_of
from paramlint.interpret.scan import nodes
from paramlint.model import code
from paramlint.project.definitions import ClassDefinition, FunctionDefinition, SourceModule
from paramlint.project.names import dotted_name

if TYPE_CHECKING:
    from paramlint.project.project import Project

_UNBOUND = ("classmethod", "staticmethod")
_ASKING = ("isinstance", "issubclass")


def is_always_loaded(project: Project, definition: ClassDefinition) -> bool:
    """Whether whatever in the project makes an instance, or has one made, goes on to load a checkpoint over it.

    A class that nothing uses is there for anyone: False, as wherever there is too much to tell.
    """
    waiting: list[tuple[str, ClassDefinition | FunctionDefinition | None, int]] = [
        (definition.node.name, definition, 0)
    ]
    own = (definition.module.path.as_posix(), definition.node.span)
    seen: set[tuple[str, object]] = {own}
    is_loaded = False
    while waiting:
        name, wanted, depth = waiting.pop()
        scopes = users_of(project, definition, name, wanted)
        if scopes is None or depth > DEEPEST:
            return False
        users = [scope for scope in scopes if scope.key != own and scope.name != name]
        if not users:
            return False
        for scope in users:
            if _loads(project, scope.module, scope.statement):
                is_loaded = True
                continue
            use = _use(project, scope, name, wanted)
            if use is _Use.MENTION:
                continue
            if use is _Use.LOADED:
                is_loaded = True
                continue
            if scope.key in seen:
                continue
            if not isinstance(scope.statement, (code.Class, code.Function)):
                return False
            seen.add(scope.key)
            waiting.append((scope.name, defined(project, scope), depth + 1))
    return is_loaded


class _Use(Enum):
    """What a scope does with a name: no more than mention it, have it loaded by its own methods, or anything else."""

    MENTION = "mention"
    LOADED = "loaded"
    OTHER = "other"


def _use(project: Project, scope: Scope, name: str, wanted: ClassDefinition | FunctionDefinition | None) -> _Use:
    """How a scope uses what a name stands for: as a type, through a class's own methods that load, or otherwise."""
    harmless: set[int] = set()
    is_loaded = False
    for node in nodes(scope.statement):
        for annotation in _annotations(node):
            harmless.update(id(part) for part in nodes(annotation))
        if isinstance(node, code.Call) and isinstance(node.function, code.Name):
            if node.function.identifier in _ASKING:
                harmless.update(id(part) for part in nodes(node.arguments))
        elif isinstance(node, code.Call) and isinstance(node.function, code.Attribute):
            if isinstance(wanted, ClassDefinition) and _loading_method(project, wanted, node.function.name):
                harmless.update(id(part) for part in nodes(node.function.value))
                is_loaded = is_loaded or _names(node.function.value, name)
    for node in nodes(scope.statement):
        if id(node) in harmless:
            continue
        if isinstance(node, code.Constant) and node.value == name:
            return _Use.OTHER
        if _names(node, name):
            dotted = dotted_name(node)
            if dotted is None or may_mean(project, scope.module, dotted, wanted):
                return _Use.OTHER
    return _Use.LOADED if is_loaded else _Use.MENTION


def _names(node: object, name: str) -> TypeGuard[code.Name | code.Attribute]:
    return (isinstance(node, code.Attribute) and node.name == name) or (
        isinstance(node, code.Name) and node.identifier == name
    )


def _annotations(node: object) -> Iterator[code.Expression]:
    """The types that a statement or parameter is annotated with."""
    if isinstance(node, (code.Parameter, code.AnnotatedAssign)) and node.annotation is not None:
        yield node.annotation
    elif isinstance(node, code.Function) and node.returns is not None:
        yield node.returns


def _loading_method(project: Project, definition: ClassDefinition, name: str) -> bool:
    """Whether a class method or static method of a class makes an instance and loads a checkpoint, whenever it runs."""
    return any(
        isinstance(member, code.Function)
        and member.name == name
        and any(isinstance(how, code.Name) and how.identifier in _UNBOUND for how in member.decorators)
        and _loads(project, definition.module, member)
        for member in definition.node.body
    )


def _loads(project: Project, module: SourceModule, statement: code.Statement, depth: int = 0) -> bool:
    """Whether a function loads a checkpoint whenever it runs, itself or by a function that it calls."""
    if not isinstance(statement, code.Function):
        return False
    for node in nodes(tuple(_unconditional(statement.body))):
        if isinstance(node, code.Call):
            if isinstance(node.function, code.Attribute) and node.function.name == "load_state_dict":
                return True
            if isinstance(node.function, code.Name) and depth < 2:
                meant = project.resolve(module, (node.function.identifier,))
                if isinstance(meant, FunctionDefinition) and _loads(project, meant.module, meant.node, depth + 1):
                    return True
    return False


def _unconditional(body: tuple[code.Statement, ...]) -> Iterator[code.Statement]:
    """The simple statements of a function that run whenever it does, as far as nothing raises or returns before."""
    for statement in body:
        if isinstance(statement, (code.With, code.Try)):
            yield from _unconditional(statement.body)
        elif not isinstance(statement, (code.If, code.For, code.While, code.Match, code.Function, code.Class)):
            yield statement

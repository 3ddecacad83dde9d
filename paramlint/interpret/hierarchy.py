"""What the classes of a hierarchy define, method by method."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.scan import initialised_attributes, nodes, walks_modules
from paramlint.interpret.trace import MethodFacts, Place
from paramlint.model import code
from paramlint.project.classes import LinkedClass
from paramlint.project.definitions import ClassDefinition


def own_methods(linked: LinkedClass) -> Iterator[tuple[ClassDefinition, code.Function]]:
    """The methods that instances of a class have, from its source hierarchy, overridden ones left out."""
    seen: set[str] = set()
    for base in linked.mro:
        if not isinstance(base, ClassDefinition):
            continue
        for statement in base.node.body:
            if isinstance(statement, code.Function) and statement.name not in seen:
                seen.add(statement.name)
                yield base, statement


def describe_methods(linked: LinkedClass) -> tuple[MethodFacts, ...]:
    """What each method of a hierarchy does to initialise."""
    return tuple(
        MethodFacts(
            name=function.name,
            place=Place(owner.module.place, function.span),
            owner=owner.qualified_name,
            is_own=owner == linked.definition,
            initialises=initialised_attributes(function.body),
            walks_modules=walks_modules(function.body),
            is_hook=linked.is_framework_hook(function.name),
        )
        for owner, function in own_methods(linked)
    )


def documentation(linked: LinkedClass) -> str:
    """The docstring of a class and of its constructor."""
    texts = []
    bodies = [linked.definition.node.body]
    bodies += [
        item.body for item in linked.definition.node.body if isinstance(item, code.Function) and item.name == "__init__"
    ]
    for body in bodies:
        first = body[0] if body else None
        if isinstance(first, code.ExpressionStatement) and isinstance(first.value, code.Constant):
            if isinstance(first.value.value, str):
                texts.append(first.value.value)
    return "\n".join(texts)


def is_abstract(linked: LinkedClass) -> bool:
    """Whether some method that instances would have is marked abstract."""
    return any(
        isinstance(node, (code.Name, code.Attribute))
        and (node.identifier if isinstance(node, code.Name) else node.name).startswith("abstract")
        for _, function in own_methods(linked)
        for decorator in function.decorators
        for node in nodes(decorator)
    )

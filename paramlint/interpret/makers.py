"""What the text of a class makes: the calls that its constructor binds to attributes, and where what they make is made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from paramlint.interpret.scan import nodes, self_attribute
from paramlint.interpret.slots import Place
from paramlint.model import code
from paramlint.project.classes import LinkedClass, Member
from paramlint.project.definitions import ClassDefinition, FunctionDefinition, SourceModule
from paramlint.project.project import Project


class Maker(NamedTuple):
    """The class's own constructor makes an attribute by a call; ``shape`` is the callee, keys of subscripts left out."""

    attribute: str
    shape: str
    place: Place


def makers(linked: LinkedClass) -> Iterator[Maker]:
    """The attributes that the class's own constructor binds to calls, in order."""
    definition = linked.definition
    for function in definition.node.body:
        if not isinstance(function, code.Function) or function.name != "__init__":
            continue
        for node in nodes(function.body):
            if isinstance(node, code.Assign) and isinstance(node.value, code.Call):
                name = self_attribute(node.targets[0])
                shape = _shape(node.value.function)
                if name is not None and shape:
                    yield Maker(name, shape, Place(definition.module.path.as_posix(), node.span))


def _shape(callee: code.Expression) -> str:
    match callee:
        case code.Name(identifier=identifier):
            return identifier
        case code.Attribute(value=value, name=name):
            return f"{_shape(value)}.{name}"
        case code.Subscript(value=value):
            return f"{_shape(value)}[]"
    return ""


def stands_in_class(definition: ClassDefinition, place: Place) -> bool:
    """Whether a statement at a place stands in the body of a class."""
    return _stands_in(definition.module, definition.node.body, place)


def maker_of(project: Project, linked: LinkedClass, callee: str, place: Place) -> code.Function | None:
    """What a class calls so, its method ``self.name`` or a function, if what stands at a place is made in it.

    One that makes functions may leave it to them: None.
    """
    first, *rest = callee.split(".")
    if first == "self" and len(rest) == 1:
        member = linked.find(rest[0])
        if isinstance(member, Member) and isinstance(member.owner, ClassDefinition):
            if isinstance(member.node, code.Function):
                return member.node if _is_made_in(member.owner.module, member.node, place) else None
        return None
    found = project.resolve(linked.definition.module, (first, *rest))
    is_maker = isinstance(found, FunctionDefinition) and _is_made_in(found.module, found.node, place)
    return found.node if isinstance(found, FunctionDefinition) and is_maker else None


def _is_made_in(module: SourceModule, function: code.Function, place: Place) -> bool:
    is_plain = not any(isinstance(node, (code.Function, code.Lambda)) for node in nodes(function.body))
    return is_plain and _stands_in(module, function.body, place)


def _stands_in(module: SourceModule, body: tuple[code.Statement, ...], place: Place) -> bool:
    return module.place == place.path and any(getattr(node, "span", None) == place.span for node in nodes(body))

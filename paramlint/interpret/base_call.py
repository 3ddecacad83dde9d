"""Whether the text of a constructor, and of what it calls on self, holds any way for a base's constructor to run.

Asked where following the constructor was cut short: what was not reached is then read instead.
"""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.scan import nodes
from paramlint.model import code
from paramlint.project.classes import LinkedClass, Member
from paramlint.project.definitions import ClassDefinition, FunctionDefinition
from paramlint.project.names import dotted_name
from paramlint.project.project import Project

# By these an instance may be given what Module.__init__ makes, or its class be asked for a constructor.
_WAYS = frozenset({"super", "__init__", "__class__", "__bases__", "__mro__", "__dict__", "__setstate__", "_modules"})
# Builtins that do nothing with an object but look at it, or set what is named.
_HARMLESS = frozenset({"hasattr", "id", "isinstance", "len", "print", "repr", "setattr", "str"})
# What Python calls for such builtins, and for an attribute.
_IMPLICIT = ("__getattr__", "__getattribute__", "__len__", "__repr__", "__setattr__", "__str__")
# What a class attribute is bound to where it may be a function.
_CALLABLE = (code.Attribute, code.Call, code.Lambda, code.Name)


def may_run_base_constructor(project: Project, linked: LinkedClass) -> bool:
    """Whether an instance's constructor may lead to another; False is certain as long as the hierarchy is complete."""
    waiting, seen = ["__init__", *_IMPLICIT], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        members = _followed(linked, name)
        if members is None:
            return True
        for member in members:
            if isinstance(member.node, code.Function) and isinstance(member.owner, ClassDefinition):
                if name == "__init__" and may_run_before(project, member.owner, member.node):
                    return True
                found = project.scanned(_asked_of_self, member.node)
                if found is None:
                    return True
                waiting += found
            elif name == "__init__" or isinstance(member.node, _CALLABLE):
                return True
    return False


def _followed(linked: LinkedClass, name: str) -> list[Member] | None:
    """What runs under a name: one member, and of what Python calls by itself, all that may call the next one; None: unknown."""
    found: list[Member] = []
    member = linked.find(name)
    while isinstance(member, Member):
        found.append(member)
        if name not in _IMPLICIT or not isinstance(member.owner, ClassDefinition):
            return found
        member = linked.find_after(member.owner, name)
    return None if member is not None else found


def names_a_way(linked: LinkedClass) -> bool:
    """Whether a class's constructor itself speaks of a base's, or of what that makes; True where it is not known."""
    member = linked.find("__init__")
    if not isinstance(member, Member) or not isinstance(member.node, code.Function):
        return True
    return bool(member.node.decorators) or _mentions_a_way(member.node)


def may_run_before(project: Project, owner: ClassDefinition, constructor: code.Function) -> bool:
    """Whether what decorates a constructor may run another's before it.

    Functions of the source that only look at arguments (deprecated names, registered configurations) do not.
    """
    for decorator in constructor.decorators:
        function = decorator.function if isinstance(decorator, code.Call) else decorator
        dotted = dotted_name(function)
        found = None if dotted is None else project.resolve(owner.module, dotted, owner.enclosing)
        if not isinstance(found, FunctionDefinition) or project.scanned(_mentions_a_way, found.node):
            return True
    return False


def _mentions_a_way(function: code.Function) -> bool:
    named = {id(node.value) for node in nodes(function) if isinstance(node, code.Attribute) and node.name == "__name__"}
    return any(
        (isinstance(node, code.Attribute) and node.name in _WAYS and id(node) not in named)
        or (isinstance(node, code.Name) and node.identifier in _WAYS)
        for node in nodes(function)
    )


def _asked_of_self(function: code.Function) -> tuple[str, ...] | None:
    """The attributes of its first parameter that a method mentions; None where that is handed on, or a way is seen."""
    if not function.parameters:
        return ()
    if any(isinstance(statement, code.Raise) for statement in function.body):
        return None  # it refuses, so that subclasses have one of their own
    same = function.name if function.name in _IMPLICIT else None
    receiver = function.parameters[0].name
    asked: list[str] = []
    taken: set[int] = set()
    for node in nodes((function.parameters, function.decorators, function.body)):
        match node:
            case code.Attribute(value=code.Name(identifier=identifier) as owner, name=name) if identifier == receiver:
                asked.append(name)
                taken.add(id(owner))
            case code.Attribute(value=code.Call(function=code.Name(identifier="super") as start), name=name) if (
                name == same
            ):
                taken.add(id(start))  # the next one of its name, which is looked at as well
            case code.Call(function=code.Name(identifier=called)) if called in _HARMLESS:
                taken |= {id(value) for value in _bare(node, receiver)}
        if isinstance(node, code.Attribute) and node.name in _WAYS:
            return None
        if isinstance(node, code.Name):
            if node.identifier in (*_WAYS, receiver) and id(node) not in taken:
                return None
    return tuple(asked)


def _bare(call: code.Call, receiver: str) -> Iterator[code.Expression]:
    for argument in call.arguments:
        if isinstance(argument.value, code.Name) and argument.value.identifier == receiver:
            yield argument.value


def may_pass_by(base: object) -> bool:
    """Whether a class may run a constructor that is not the next one; one that is not read may."""
    return not isinstance(base, ClassDefinition) or _names_a_constructor(base.node)


def _names_a_constructor(holder: code.Class) -> bool:
    """Whether a class mentions an ``__init__`` other than the next one: ``X.__init__``, ``super(X, self).__init__``."""
    for node in nodes(holder):
        if isinstance(node, code.Attribute) and node.name == "__init__":
            given = node.value.arguments[:1] if isinstance(node.value, code.Call) else ()
            start = given[0].value if given else None
            is_own = start is None or (isinstance(start, code.Name) and start.identifier in (holder.name, "__class__"))
            if not is_self_or_super(node.value) or not is_own:
                return True
    return False


def is_self_or_super(node: code.Expression) -> bool:
    """Whether an expression is what a method calls its own object, or class, or what stands behind that."""
    if isinstance(node, code.Call):
        return isinstance(node.function, code.Name) and node.function.identifier == "super"
    return isinstance(node, code.Name) and node.identifier in ("self", "cls")

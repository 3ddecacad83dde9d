"""Which attributes the text of a file may set, on whatever object."""

from __future__ import annotations

from collections.abc import Container, Iterator

from paramlint.interpret.ingredients import is_super
from paramlint.interpret.scan import names_for, nodes, self_attribute
from paramlint.model import code
from paramlint.project.definitions import SourceModule
from paramlint.project.names import last_word

# What takes a class and leaves it as it is.
_LOOKING = frozenset(
    {"__new__", "super", "signature", "getfullargspec", "hasattr", "getattr", "isinstance", "issubclass"}
)
_SETTERS = frozenset(
    {"setattr", "__setattr__", "register_buffer", "register_parameter", "add_module", "register_module"}
)


def names_set(module: SourceModule) -> frozenset[str]:
    """The names that stand as attributes or names where something is bound, and those that a string spells.

    Names bound in a class's body are attributes of its instances; what a string spells may be given to ``setattr``.
    """
    return names_set_in(module.facts.body)


def names_set_in(body: tuple[code.Statement, ...]) -> frozenset[str]:
    """The same of a file's statements, or of a class alone."""
    found: set[str] = set()
    for node in nodes(body):
        for target in _targets(node):
            found |= {inner.name for inner in nodes(target) if isinstance(inner, code.Attribute)}
        if isinstance(node, code.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            found.add(node.value)
        elif isinstance(node, code.Class):
            found |= _bound_in_body(node)
    return frozenset(found)


def names_set_but_by_constructors(body: tuple[code.Statement, ...], classes: Container[code.Span]) -> frozenset[str]:
    """The same, without what the constructors of some classes of the file set."""
    found: frozenset[str] = frozenset()
    for statement in body:
        if isinstance(statement, code.Class) and statement.span in classes:
            others = [item for item in statement.body if not _is_constructor(item)]
            found |= names_set_in(tuple(others)) | _bound_in_body(statement)
        else:
            found |= names_set_in((statement,))
    return found


def _is_constructor(statement: code.Statement) -> bool:
    return isinstance(statement, code.Function) and statement.name == "__init__"


def names_set_on_others(module: SourceModule) -> frozenset[str]:
    """The names of attributes that a file binds on something other than ``self``."""
    found: set[str] = set()
    for node in nodes(module.facts.body):
        for target in _targets(node):
            found |= {
                inner.name
                for inner in nodes(target)
                if isinstance(inner, code.Attribute) and self_attribute(inner) is None
            }
    return frozenset(found)


def sets_computed_names(node: code.Class) -> bool:
    """Whether a class sets attributes under names that it computes, or through ``__dict__``."""
    for inner in nodes(node.body):
        if isinstance(inner, code.Attribute) and inner.name in ("__dict__", "_modules", "_parameters", "_buffers"):
            return True
        if not isinstance(inner, code.Call):
            continue
        function = inner.function
        called = last_word(function)
        if called in ("vars", "locals", "update_wrapper"):
            return True
        position = 1 if called == "setattr" else 0
        if called in _SETTERS and not (
            len(inner.arguments) > position and isinstance(inner.arguments[position].value, code.Constant)
        ):
            return True
    return False


def _targets(node: object) -> Iterator[code.Expression]:
    match node:
        case code.Assign(targets=targets) | code.Delete(targets=targets):
            yield from targets
        case code.AugmentedAssign(target=target) | code.AnnotatedAssign(target=target) | code.For(target=target):
            yield target
        case code.NamedExpression(target=target) | code.Clause(target=target):
            yield target
        case code.With(items=items):
            yield from (item.target for item in items if item.target is not None)


def _bound_in_body(node: code.Class) -> set[str]:
    found: set[str] = set()
    for statement in node.body:
        if isinstance(statement, (code.Function, code.Class)):
            found.add(statement.name)
        for target in _targets(statement):
            found |= {inner.identifier for inner in nodes(target) if isinstance(inner, code.Name)}
    return found


def set_when_made(new: code.Function) -> frozenset[str] | None:
    """The attributes that a ``__new__`` sets on the instance that it returns; None where it may do anything else to it.

    It does nothing else where the next class's ``__new__`` makes what it returns, its name stands nowhere but in such
    assignments, and the class is only looked at: there are some that exchange the constructor.
    """
    every = list(nodes(new.body))
    if any(isinstance(node, code.Function) or getattr(node, "name", None) == "__init__" for node in every):
        return None
    cls = new.parameters[0].name if new.parameters else ""
    looked_at = {id(node.value) for node in every if isinstance(node, code.Attribute)}
    for node in every:
        looked_at -= {id(target.value) for target in _targets(node) if isinstance(target, code.Attribute)}
        if isinstance(node, code.Call) and last_word(node.function) in _LOOKING:
            looked_at |= {id(item.value) for item in node.arguments}
    if any(isinstance(node, code.Name) and node.identifier == cls and id(node) not in looked_at for node in every):
        return None
    made = names_for(every, _makes_instance)
    returned = [node.value for node in every if isinstance(node, code.Return)]
    if not returned or not all(
        value is not None and (_names(value, made) or _makes_instance(value)) for value in returned
    ):
        return None
    known = {id(value) for value in returned}
    found: set[str] = set()
    for node in every:
        for target in _targets(node):
            if isinstance(target, code.Attribute) and _names(target.value, made):
                known.add(id(target.value))
                found.add(target.name)
            elif _names(target, made) and isinstance(node, code.Assign) and _makes_instance(node.value):
                known.add(id(target))
    if any(isinstance(node, code.Name) and _names(node, made) and id(node) not in known for node in every):
        return None
    return frozenset(found)


def _makes_instance(value: code.Expression) -> bool:
    """Whether a value is what ``super().__new__`` or ``object.__new__`` returns."""
    match value:
        case code.Call(function=code.Attribute(name="__new__", value=owner)):
            return is_super(owner) or (isinstance(owner, code.Name) and owner.identifier == "object")
    return False


def _names(expression: code.Expression, names: set[str]) -> bool:
    return isinstance(expression, code.Name) and expression.identifier in names

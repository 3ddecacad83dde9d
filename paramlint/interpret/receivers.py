"""Where a file reads attributes of objects other than ``self``, and what its text says of those objects."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple, TypeAlias

from paramlint.interpret.scan import header, inner_blocks, leaves, nodes
from paramlint.model import code
from paramlint.project.definitions import SourceModule
from paramlint.project.names import dotted_name

Dotted: TypeAlias = tuple[str, ...]

# What of a tensor, or of a layer's weight, is neither its values nor a way to them.
ABOUT = frozenset(
    {
        *("shape", "size", "dim", "ndim", "numel", "nelement", "stride", "device", "dtype", "layout", "is_cuda"),
        *("requires_grad", "requires_grad_", "is_leaf", "get_device", "grad"),
    }
)
_CUTTING = frozenset({"data", "detach"})
_CONDITIONAL = (code.Conditional, code.BooleanOperation, code.Lambda, code.Comprehension)
_PARTS = frozenset({"weight", "bias"})
_CHANGING = frozenset({"append", "insert", "extend", "pop", "add_module", "register_module", "_modules"})

# The calls that import a module by its name.
_IMPORTING = (("__import__",), ("importlib", "import_module"), ("import_module",))


class ReadKind(Enum):
    """What a read takes: the value, the value without its gradient, or only what is known about it (shape, device)."""

    VALUE = "value"
    CUT = "cut"
    ABOUT = "about"


class Object(NamedTuple):
    """What the text around a read says of the object.

    ``classes`` are those of an ``isinstance`` test or an annotation, as they are written; ``maker`` is what was called
    to make it; ``attribute`` is the attribute of ``self`` that it is, in the class whose name stands at ``holder``, or
    that holds it ``at`` an index. ``place`` is the function or class throughout which one name means it, with that name;
    ``receiver`` is the name by which it is spoken of, where that is no local one. All may be empty.
    """

    classes: tuple[Dotted, ...] = ()
    maker: Dotted = ()
    attribute: str = ""
    holder: code.Span | None = None
    place: tuple[code.Span, Dotted] | None = None
    receiver: Dotted = ()
    at: int | None = None


class OuterRead(NamedTuple):
    """A read of ``name`` from an object; ``is_called``: it is called there and then (``x.norm(1)``)."""

    name: str
    kind: ReadKind
    object: Object
    is_called: bool


class OuterRequest(NamedTuple):
    """A call that asks an object for an attribute by a name that it is given or computes: ``getattr(x, name)``."""

    name: code.Expression
    object: Object


class _Scope(NamedTuple):
    """What is known in a block: the class around it, its function's local names, the objects that were tested."""

    holder: code.Class | None
    names: dict[str, Object]
    tested: dict[Dotted, tuple[Dotted, ...]]


def outer_uses(body: tuple[code.Statement, ...], ignored: frozenset[int]) -> tuple[list[OuterRead], list[OuterRequest]]:
    """The reads and requests in a module's statements, those of ``self`` in methods and the ``ignored`` nodes aside."""
    reads: list[OuterRead] = []
    requests: list[OuterRequest] = []
    for parts, scope in _scoped(body):
        reads += _reads(parts, scope, ignored)
        requests += _requests(parts, scope)
    return reads, requests


def _requests(parts: tuple[object, ...], scope: _Scope) -> Iterator[OuterRequest]:
    """The calls of ``getattr`` and ``attrgetter`` that do not ask ``self``."""
    for node in nodes(parts):
        match node:
            case code.Call(function=code.Name(identifier="getattr"), arguments=(asked, name, *_)):
                if dotted_name(asked.value) not in (("self",), ("cls",)):
                    yield OuterRequest(name.value, _object(asked.value, scope))
            case code.Call(function=code.Attribute(name="__getattr__", value=value), arguments=(name, *_)):
                if dotted_name(value) not in (("self",), ("cls",)):
                    yield OuterRequest(name.value, _object(value, scope))
            case code.Call(function=code.Name(identifier="attrgetter"), arguments=(name, *_)):
                yield OuterRequest(name.value, Object())


def objects_with(statement: code.Statement, attribute: str) -> Iterator[tuple[code.Attribute, Object]]:
    """The places at which a statement speaks of an attribute of something, with what its text says of that."""
    for parts, scope in _scoped((statement,)):
        for node in nodes(parts):
            if isinstance(node, code.Attribute) and node.name == attribute:
                yield node, _object(node.value, scope)


def calls_of(
    body: tuple[code.Statement, ...], name: str
) -> tuple[list[tuple[code.Call, dict[int, Object]]], frozenset[Dotted]]:
    """The calls of what goes by a name, with what the text says of each argument; and the names of it that call nothing.

    The objects are those of the arguments' values, by identity. A function that is handed on may be called with anything.
    """
    found: list[tuple[code.Call, dict[int, Object]]] = []
    called: set[int] = set()
    spoken: dict[int, Dotted] = {}
    for parts, scope in _scoped(body):
        for node in nodes(parts):
            dotted = dotted_name(node) if isinstance(node, (code.Name, code.Attribute)) else None
            if dotted is not None and dotted[-1] == name:
                spoken[id(node)] = dotted
            if isinstance(node, code.Call) and (dotted_name(node.function) or ("",))[-1] == name:
                called.add(id(node.function))
                given = {id(argument.value): _object(argument.value, scope) for argument in node.arguments}
                found.append((node, given))
    return found, frozenset(dotted for mark, dotted in spoken.items() if mark not in called)


def _scoped(body: tuple[code.Statement, ...]) -> Iterator[tuple[tuple[object, ...], _Scope]]:
    """The parts of a module's statements that no statement inside them has, each with what is known there."""
    waiting: list[tuple[code.Statement, _Scope]] = [(statement, _Scope(None, {}, {})) for statement in body]
    while waiting:
        statement, scope = waiting.pop()
        yield header(statement), scope
        match statement:
            case code.Class():
                inner = _Scope(statement, {}, {})
                waiting += [(part, inner) for part in statement.body]
            case code.Function():
                inner = _Scope(scope.holder, _names(statement, scope.holder), {})
                waiting += [(part, inner) for part in statement.body]
            case code.If(test=test, body=block, orelse=orelse):
                kept = {name: types for name, types in _tested(test).items() if not rebinds(block, name)}
                waiting += [(part, scope._replace(tested=scope.tested | kept)) for part in block]
                waiting += [(part, scope) for part in orelse]
            case _:
                waiting += [(part, scope) for block in inner_blocks(statement) for part in block]


def bindings(holder: code.Class, attribute: str) -> tuple[code.Call, ...] | None:
    """The calls of names whose results the class binds to an attribute of self; None: it binds something else (not None)."""
    made: list[code.Call] = []
    for node in nodes(holder.body):
        targets, value = _bound(node)
        for target in targets:
            if ("self", attribute) not in _parts(target):
                continue
            for choice in _choices(value):
                if isinstance(choice, code.Constant) and choice.value is None:
                    continue
                if not isinstance(choice, code.Call) or isinstance(target, code.Display):
                    return None
                if dotted_name(choice.function) is None:
                    return None
                made.append(choice)
    return tuple(made)


def _choices(value: code.Expression | None) -> tuple[code.Expression | None, ...]:
    """What an expression may be: either side of a condition."""
    if isinstance(value, code.Conditional):
        return (*_choices(value.body), *_choices(value.orelse))
    return (value,)


def changes(holder: code.Class, attribute: str) -> bool:
    """Whether the class puts other elements into the container that an attribute of self is."""
    own = ("self", attribute)
    for node in nodes(holder.body):
        match node:
            case code.Assign(targets=targets):
                if any(isinstance(target, code.Subscript) and dotted_name(target.value) == own for target in targets):
                    return True
            case code.Attribute(value=value, name=name):
                if name in _CHANGING and dotted_name(value) == own:
                    return True
    return False


def _reads(parts: tuple[object, ...], scope: _Scope, ignored: frozenset[int]) -> Iterator[OuterRead]:
    every = list(nodes(parts))
    above: dict[int, object] = {}
    for node in every:
        if isinstance(node, (code.Attribute, code.Subscript)):
            above[id(node.value)] = node
        elif isinstance(node, code.Call):
            above[id(node.function)] = node
    for node in every:
        if not isinstance(node, code.Attribute) or id(node) in ignored:
            continue
        receiver = dotted_name(node.value)
        if scope.holder is not None and receiver == ("self",):
            continue
        is_called = isinstance(above.get(id(node)), code.Call) and not isinstance(node.value, code.Attribute)
        yield OuterRead(node.name, _kind(node, above), _object(node.value, scope), is_called)


def _kind(node: code.Attribute, above: dict[int, object]) -> ReadKind:
    """What is taken of the value: ``x.norm.weight.device`` tells about it, ``x.norm.weight.data`` has no gradient."""
    taken = above.get(id(node))
    while isinstance(taken, code.Attribute) and taken.name in _PARTS:
        taken = above.get(id(taken))
    if isinstance(taken, code.Attribute) and taken.name in ABOUT:
        return ReadKind.ABOUT
    return ReadKind.CUT if isinstance(taken, code.Attribute) and taken.name in _CUTTING else ReadKind.VALUE


def _object(expression: code.Expression, scope: _Scope) -> Object:
    receiver = dotted_name(expression)
    if receiver is None:
        match expression:
            case code.Subscript(value=held, index=place) if (index := _number(place)) is not None:
                holder = _object(held, scope)
                return holder._replace(place=None, at=index) if holder.holder is not None else Object()
            case code.Call(function=function) if (maker := dotted_name(function)) is not None:
                return _traced(Object(maker=maker), scope.names)
        return Object()
    if receiver in scope.tested:
        return Object(classes=scope.tested[receiver])
    if len(receiver) == 2 and receiver[0] == "self" and scope.holder is not None:
        span = scope.holder.span
        return Object(attribute=receiver[1], holder=span, place=(span, receiver))
    if receiver[0] not in scope.names:
        return Object(receiver=receiver)
    return scope.names[receiver[0]] if len(receiver) == 1 else Object()


def _number(index: code.Expression) -> int | None:
    match index:
        case code.Constant(value=int(value)):
            return value
        case code.UnaryOperation(operator="-", operand=code.Constant(value=int(value))):
            return -value
    return None


def _names(function: code.Function, holder: code.Class | None) -> dict[str, Object]:
    """What is known of the local names that are bound once: annotated parameters, calls, attributes of self."""
    found: dict[str, Object] = {}
    for parameter in function.parameters:
        annotation = None if parameter.annotation is None else dotted_name(parameter.annotation)
        plain = parameter.kind not in ("*", "**") and annotation is not None
        classes = (annotation,) if plain and annotation is not None else ()
        found[parameter.name] = Object(classes, place=(function.span, (parameter.name,)))
    for node in nodes(function.body):
        targets, value = _bound(node)
        for target in targets:
            for part in _parts(target):
                if len(part) > 1:
                    continue
                is_first = part[0] not in found
                if not is_first and found[part[0]].maker in _IMPORTING and _asks(value, part[0]):
                    continue  # what a module has under a name is one of its own
                found[part[0]] = (
                    _value(value, holder) if is_first and not isinstance(target, code.Display) else Object()
                )
    return {name: _traced(described, found) for name, described in found.items()}


def _asks(value: code.Expression | None, name: str) -> bool:
    """``getattr(name, ...)``, which ``name`` is bound to anew."""
    match value:
        case code.Call(
            function=code.Name(identifier="getattr"),
            arguments=(code.Argument(value=code.Name(identifier=asked)), *_),
        ):
            return asked == name
    return False


def _traced(described: Object, names: dict[str, Object]) -> Object:
    """An object that a method of a local name gives (``parser.parse_args()``), by the call that made what is called so.

    A local name is no one's that the file knows by it.
    """
    followed: set[str] = set()
    while described.maker and described.maker[0] in names:
        first, *rest = described.maker
        maker = names[first].maker
        if not maker or not rest or first in followed:
            return Object()
        followed.add(first)
        described = described._replace(maker=(*maker, *rest))
    return described


def local_names(function: code.Function) -> frozenset[str]:
    """The names of a function's parameters, and those that it binds."""
    return frozenset(_names(function, None))


def made_locally(function: code.Function) -> dict[str, code.Call]:
    """The calls whose results a function binds to local names, those that it binds once."""
    bound: dict[str, list[code.Expression | None]] = {parameter.name: [None] for parameter in function.parameters}
    for node in nodes(function.body):
        targets, value = _bound(node)
        for target in targets:
            for part in _parts(target):
                whole = None if isinstance(target, code.Display) or len(part) > 1 else value
                bound.setdefault(part[0], []).append(whole)
    return {name: values[0] for name, values in bound.items() if len(values) == 1 and isinstance(values[0], code.Call)}


def asked_of_objects(module: SourceModule) -> dict[tuple[code.Span, Dotted], set[str]]:
    """The attributes that functions of a file read of objects, whatever happens, by the places of those objects.

    What is behind a condition that leaves the function is read of some objects only.
    """
    found: dict[tuple[code.Span, Dotted], set[str]] = {}
    for node in nodes(module.facts.body):
        inner = node.body if isinstance(node, code.Class) else (node,)
        for function in inner:
            if isinstance(node, (code.Class, code.Function)) and isinstance(function, code.Function):
                for name, attribute in _asked(function):
                    found.setdefault((node.span, name), set()).add(attribute)
    return found


def _asked(function: code.Function) -> Iterator[tuple[Dotted, str]]:
    waiting = list(reversed(function.body))
    while waiting:
        statement = waiting.pop()
        every = list(nodes(header(statement)))
        if not any(isinstance(node, _CONDITIONAL) for node in every):
            for node in every:
                if isinstance(node, code.Attribute) and (name := dotted_name(node.value)) is not None:
                    yield name, node.name
        if isinstance(statement, code.With):
            waiting += reversed(statement.body)
        if any(isinstance(node, (code.Return, code.Raise, code.Jump)) for node in nodes(statement)):
            break


def _value(value: code.Expression | None, holder: code.Class | None) -> Object:
    if isinstance(value, code.Call):
        return Object(maker=dotted_name(value.function) or ())
    meant = None if value is None else dotted_name(value)
    if meant is not None and len(meant) == 2 and meant[0] == "self" and holder is not None:
        return Object(attribute=meant[1], holder=holder.span)
    return Object()


def _tested(test: code.Expression) -> dict[Dotted, tuple[Dotted, ...]]:
    """The objects of which a condition that holds says the classes."""
    if isinstance(test, code.BooleanOperation) and test.operator == "and":
        found: dict[Dotted, tuple[Dotted, ...]] = {}
        for operand in test.operands:
            found |= _tested(operand)
        return found
    if isinstance(test, code.BooleanOperation):
        parts = [_tested(operand) for operand in test.operands]
        shared = set(parts[0]).intersection(*parts[1:])
        return {name: tuple(kind for part in parts for kind in part[name]) for name in shared}
    match test:
        case code.Call(function=code.Name(identifier="isinstance"), arguments=(given, kinds)):
            name, classes = dotted_name(given.value), _classes(kinds.value)
            return {name: classes} if name is not None and classes else {}
    return {}


def _classes(expression: code.Expression) -> tuple[Dotted, ...]:
    """The classes that an expression stands for; empty where one of them is no name."""
    parts: tuple[code.Expression, ...] = (expression,)
    if isinstance(expression, code.Display):
        parts = expression.elements
    elif isinstance(expression, code.BinaryOperation):
        sides = (_classes(expression.left), _classes(expression.right))
        return sides[0] + sides[1] if all(sides) else ()
    names = [dotted_name(part) for part in parts]
    return tuple(name for name in names if name is not None) if all(names) else ()


def rebinds(block: tuple[code.Statement, ...], name: Dotted) -> bool:
    """Whether statements bind a name, or what it is an attribute of."""
    parts = (part for node in nodes(block) for target in _bound(node)[0] for part in _parts(target))
    return any(part in (name, name[:1]) for part in parts)


def _bound(node: object) -> tuple[tuple[code.Expression, ...], code.Expression | None]:
    """The targets of a node that binds, and the value that they are given as a whole."""
    match node:
        case code.Assign(targets=targets, value=value):
            return targets, value
        case code.AnnotatedAssign(target=target, value=value) | code.NamedExpression(target=target, value=value):
            return (target,), value
        case code.AugmentedAssign(target=target) | code.For(target=target) | code.Clause(target=target):
            return (target,), None
        case code.With(items=items):
            return tuple(item.target for item in items if item.target is not None), None
    return (), None


def _parts(target: code.Expression) -> Iterator[Dotted]:
    """The names that a target binds: ``a`` and ``self.b`` of ``a, *self.b``."""
    for leaf in leaves(target):
        name = dotted_name(leaf)
        if name is not None:
            yield name

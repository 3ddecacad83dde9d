"""What the text of a scope may write of another class's instances: its parameters, directly or by a method's name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from paramlint import torch_api
from paramlint.interpret.scan import class_names, nodes, self_attribute
from paramlint.model import code

_WALKS = frozenset({"parameters", "named_parameters", "buffers", "named_buffers", "state_dict"})
_UNWRITING = frozenset({"requires_grad_", "share_memory_", "retain_grad_", "detach_"})
_LAYERS = {name.rsplit(".", 1)[-1] for name in torch_api.layers if name.startswith("torch.nn.")}


def writes_attribute(scope: code.Statement, attribute: str, classes: frozenset[str], rank: int | None) -> bool:
    """Whether a scope may write an attribute of that name on an instance of one of the classes.

    Writes below an ``isinstance`` test that names other classes do not count, nor does what is written to one of
    torch's layers that the scope itself makes.
    """
    made = _made_here(scope)
    for body, guards in _blocks(scope):
        if guards and not any(classes & guard for guard in guards):
            continue
        for node in _shallow(body):
            if any(_is_of(target, attribute, made) for target in _targets(node)):
                return True
    return _fills_all(scope, rank)


def calls_method(scope: code.Statement, methods: frozenset[str]) -> bool:
    """Whether a scope uses one of the names as an attribute, or spells it."""
    return any(
        (isinstance(node, code.Attribute) and node.name in methods)
        or (isinstance(node, code.Constant) and isinstance(node.value, str) and node.value in methods)
        for node in nodes(scope)
    )


def guards_of_reads(body: tuple[code.Statement, ...], name: str) -> Iterator[frozenset[str]]:
    """For each read of an attribute of that name, the classes of the ``isinstance`` tests around it (empty: none)."""
    for statement in body:
        for block, guards in _blocks(statement):
            for node in _shallow(block):
                if isinstance(node, code.Assign) and any(_names(target, name) for target in node.targets):
                    continue
                if _reads(node, name):
                    yield guards[-1] if guards else frozenset()


def _names(target: code.Expression, name: str) -> bool:
    return isinstance(target, code.Attribute) and target.name == name


def _reads(node: object, name: str) -> bool:
    """``getattr(x, name)``, ``hasattr(x, name)``, or a value taken from ``x.name``."""
    if isinstance(node, code.Call) and isinstance(node.function, code.Name):
        given = [argument.value for argument in node.arguments]
        if node.function.identifier in ("getattr", "hasattr") and len(given) > 1:
            return isinstance(given[1], code.Constant) and given[1].value == name
        return any(_names(value, name) for value in given)
    parts = [getattr(node, field, None) for field in ("value", "body", "left", "right", "test")]
    return any(isinstance(part, code.Attribute) and part.name == name for part in parts)


def _blocks(scope: code.Statement) -> Iterator[tuple[tuple[code.Statement, ...], tuple[frozenset[str], ...]]]:
    """Each block of statements, with the class names that the ``isinstance`` tests around it name."""
    waiting: list[tuple[tuple[code.Statement, ...], tuple[frozenset[str], ...]]] = [((scope,), ())]
    while waiting:
        body, guards = waiting.pop()
        yield body, guards
        for statement in body:
            if isinstance(statement, code.If):
                types = type_names(statement.test)
                waiting.append((statement.body, (*guards, types) if types else guards))
                waiting.append((statement.orelse, guards))
                continue
            waiting.extend((inner, guards) for inner in _inner_blocks(statement))


def _inner_blocks(statement: code.Statement) -> Iterator[tuple[code.Statement, ...]]:
    match statement:
        case code.Function() | code.Class() | code.With():
            yield statement.body
        case code.For() | code.While():
            yield statement.body
            yield statement.orelse
        case code.Try():
            yield statement.body
            yield from (handler.body for handler in statement.handlers)
            yield statement.orelse
            yield statement.final
        case code.Match():
            yield from (case.body for case in statement.cases)


def _shallow(body: Sequence[code.Statement]) -> Iterator[object]:
    """The nodes of a block's own simple statements."""
    for statement in body:
        if isinstance(statement, code.If):
            continue
        if not any(True for _ in _inner_blocks(statement)):
            yield from nodes(statement)


def type_names(test: code.Expression) -> frozenset[str]:
    """The class names that ``isinstance`` tests in a condition name; empty where a part of it is no such test."""
    if isinstance(test, code.BooleanOperation):
        parts = [type_names(operand) for operand in test.operands]
        if test.operator == "or" and not all(parts):
            return frozenset()
        return frozenset().union(*parts)
    if not isinstance(test, code.Call) or not isinstance(test.function, code.Name) or len(test.arguments) < 2:
        return frozenset()
    if test.function.identifier not in ("isinstance", "issubclass"):
        return frozenset()
    return frozenset(class_names(test.arguments[1].value))


def _targets(node: object) -> Iterator[code.Expression]:
    """What a node may write: receivers of in-place methods, arguments of functions, targets of assignments."""
    if isinstance(node, code.Assign):
        yield from node.targets
    elif isinstance(node, (code.AugmentedAssign, code.AnnotatedAssign)):
        yield node.target
    elif isinstance(node, code.Call):
        name = node.function.name if isinstance(node.function, code.Attribute) else ""
        if isinstance(node.function, code.Attribute) and name.endswith("_") and name not in _UNWRITING:
            yield node.function.value
        if name.endswith("_") or isinstance(node.function, code.Name) or not _is_pure(node.function):
            yield from (argument.value for argument in node.arguments)


def _is_pure(function: code.Expression) -> bool:
    """Whether a function is one of torch's that write nothing: ``F.linear``, ``torch.matmul``."""
    return (
        isinstance(function, code.Attribute)
        and isinstance(function.value, (code.Name, code.Attribute))
        and (function.value.identifier if isinstance(function.value, code.Name) else function.value.name)
        in ("F", "torch", "functional", "np", "math")
    )


def _is_of(target: code.Expression, attribute: str, made: frozenset[str]) -> bool:
    while isinstance(target, (code.Attribute, code.Subscript, code.Call, code.Display)):
        if isinstance(target, code.Display):
            return any(_is_of(element, attribute, made) for element in target.elements)
        if isinstance(target, code.Attribute):
            if target.name == attribute:
                owner = self_attribute(target.value)
                is_self = isinstance(target.value, code.Name) and target.value.identifier == "self"
                return not is_self and (owner is None or owner not in made)
            if target.name not in ("data", "T", "detach", "view"):
                return False
        target = target.function if isinstance(target, code.Call) else target.value
    return False


def _made_here(scope: code.Statement) -> frozenset[str]:
    """The attributes of self that a scope binds to torch's own layers, and to nothing else."""
    made: set[str] = set()
    other: set[str] = set()
    for node in nodes(scope):
        if not isinstance(node, code.Assign):
            continue
        for target in node.targets:
            name = self_attribute(target)
            if name is not None:
                (made if _is_layer(node.value) else other).add(name)
    return frozenset(made - other)


def _is_layer(value: code.Expression) -> bool:
    if not isinstance(value, code.Call):
        return False
    function = value.function
    last = function.name if isinstance(function, code.Attribute) else getattr(function, "identifier", "")
    return last in _LAYERS and last not in ("Sequential", "ModuleList", "ModuleDict")


def _fills_all(scope: code.Statement, rank: int | None) -> bool:
    """Whether a loop over parameters in the scope writes its own variable (of that rank, where it asks)."""
    for node in nodes(scope):
        if not isinstance(node, (code.For,)) or not _walks(node.iterable):
            continue
        names = {inner.identifier for inner in nodes(node.target) if isinstance(inner, code.Name)}
        for block, conditions in _conditional(node.body, ()):
            writes = any(
                isinstance(target, (code.Name, code.Attribute, code.Call, code.Subscript))
                and _root(target) in names
                and (not isinstance(inner, code.Assign) or _is_memory(target))
                for inner in _shallow(block)
                for target in _targets(inner)
            )
            if writes and not (rank is not None and rank < 2 and any(map(_asks_rank, conditions))):
                return True
    return False


def _is_memory(target: code.Expression) -> bool:
    """Whether assigning to a part of a parameter writes its memory: ``p.data``, ``p[0]``; not ``p.requires_grad``."""
    while isinstance(target, (code.Attribute, code.Subscript, code.Call)):
        if isinstance(target, code.Subscript) or (isinstance(target, code.Attribute) and target.name == "data"):
            return True
        target = target.function if isinstance(target, code.Call) else target.value
    return False


def _conditional(
    body: tuple[code.Statement, ...], conditions: tuple[code.Expression, ...]
) -> Iterator[tuple[tuple[code.Statement, ...], tuple[code.Expression, ...]]]:
    yield body, conditions
    for statement in body:
        if isinstance(statement, code.If):
            yield from _conditional(statement.body, (*conditions, statement.test))
            yield from _conditional(statement.orelse, conditions)
        else:
            for inner in _inner_blocks(statement):
                yield from _conditional(inner, conditions)


def _asks_rank(test: code.Expression) -> bool:
    """``p.dim() > 1``, ``p.ndim >= 2``, ``len(p.shape) > 1``."""
    return (
        isinstance(test, code.Comparison)
        and test.operators[0] in (">", ">=")
        and any(
            (isinstance(node, code.Attribute) and node.name in ("dim", "ndim", "ndimension"))
            or (isinstance(node, code.Name) and node.identifier == "len")
            for node in nodes(test.left)
        )
    )


def _walks(iterable: code.Expression) -> bool:
    return any(
        isinstance(node, code.Call) and isinstance(node.function, code.Attribute) and node.function.name in _WALKS
        for node in nodes(iterable)
    )


def _root(target: code.Expression) -> str:
    while isinstance(target, (code.Attribute, code.Subscript, code.Call)):
        target = target.function if isinstance(target, code.Call) else target.value
    return target.identifier if isinstance(target, code.Name) else ""

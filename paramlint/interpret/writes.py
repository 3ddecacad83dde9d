"""What the text of a scope may write of another class's instances: its parameters, directly or by a method's name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeAlias

from paramlint import torch_api
from paramlint.interpret.going_on import SCALING, goes_on, takes_values, with_names_for_it
from paramlint.interpret.optimised import parameters_given
from paramlint.interpret.scan import class_names, inner_blocks, nodes, self_attribute
from paramlint.interpret.walked_names import Asked, asks_another_name, names_given
from paramlint.model import code
from paramlint.project.names import dotted_name

NameTest: TypeAlias = Callable[[code.Expression, frozenset[str]], bool]

PARAMETER_WALKS = frozenset({"parameters", "named_parameters", "state_dict"})
BUFFER_WALKS = frozenset({"buffers", "named_buffers", "state_dict"})
_UNWRITING = frozenset({"requires_grad_", "share_memory_", "retain_grad_", "detach_"})
# Layers that hold whatever they are given.
_HOLDING = frozenset({"Module", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict"})
# Methods of Python's containers, texts and loggers, and builtins, that write no tensor they are given.
_KEEPING = frozenset(
    {
        *("append", "appendleft", "extend", "add", "insert", "setdefault", "get", "index", "remove", "discard"),
        *("startswith", "endswith", "format", "split", "replace", "join", "match", "search", "fullmatch"),
        *("debug", "info", "warning", "error", "write"),
    }
)
_LOOKING = frozenset(
    {
        *("isinstance", "issubclass", "hasattr", "len", "id", "type", "str", "repr", "print", "format"),
        *("bool", "int", "float", "sum", "min", "max", "list", "tuple", "zip", "enumerate", "sorted"),
    }
)


def writes_attribute(
    scope: code.Statement,
    attribute: str,
    classes: frozenset[str],
    rank: int | None,
    walks: frozenset[str],
    *,
    in_walks_only: bool = False,
    others: frozenset[int] = frozenset(),
    may_be_held_as: Callable[[str], bool] = lambda name: True,
) -> bool:
    """Whether a scope may write an attribute of that name on an instance of one of the classes, or all that walks give.

    Writes below an ``isinstance`` test that names other classes do not count, nor does what is written to one of
    torch's layers that the scope itself makes. ``in_walks_only``: what an owner writes to one part that it names
    (``self.norm.weight``, ``block.norm.weight``) does not count either. ``others`` are the nodes that speak of the
    attribute of what cannot be an instance. ``may_be_held_as``: see ``Asked``.
    """
    made = _made_here(scope)
    for body, guards in _blocks(scope):
        if guards and not any(classes & guard for guard in guards):
            continue
        for node in _shallow(body):
            if any(
                _is_of(target, attribute, made, others) and not (in_walks_only and _is_of_part(target, attribute))
                for target in _targets(node)
            ):
                return True
        for loop in body:
            if isinstance(loop, code.For) and _is_of(loop.iterable, attribute, made, others) and _fills(loop, rank):
                return True
    is_other = partial(asks_another_name, asked=Asked(attribute, classes, made, may_be_held_as))
    return _fills_all(scope, rank, walks, is_other)


def calls_method(scope: code.Statement, methods: frozenset[str], is_heir: bool = True) -> bool:
    """Whether a scope uses one of the names as an attribute, or spells it.

    What a class calls on ``self`` is its own unless it inherits from the class that is asked about.
    """
    is_foreign = isinstance(scope, code.Class) and not is_heir
    return any(
        (isinstance(node, code.Attribute) and node.name in methods and not (is_foreign and _is_own(node.value)))
        or (isinstance(node, code.Constant) and isinstance(node.value, str) and node.value in methods)
        for node in nodes(scope)
    )


def _is_own(receiver: code.Expression) -> bool:
    """``self`` and ``super()``."""
    if isinstance(receiver, code.Call):
        receiver = receiver.function
    return isinstance(receiver, code.Name) and receiver.identifier in ("self", "super")


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
            waiting.extend((inner, guards) for inner in inner_blocks(statement))


def _shallow(body: Sequence[code.Statement]) -> Iterator[object]:
    """The nodes of a block's own simple statements."""
    for statement in body:
        if isinstance(statement, code.If):
            continue
        if not any(True for _ in inner_blocks(statement)):
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
    """What a node may give a first value: receivers of in-place methods, arguments of functions, targets of assignments.

    ``x /= n`` and the operations of ``torch.distributed`` need one, the latter on another machine.
    """
    if isinstance(node, code.Assign):
        yield from node.targets
    elif isinstance(node, code.AnnotatedAssign):
        yield node.target
    elif isinstance(node, code.Call):
        name = node.function.name if isinstance(node.function, code.Attribute) else ""
        if isinstance(node.function, code.Attribute) and name.endswith("_") and name not in _UNWRITING:
            if not _averages(node, node.function):
                yield node.function.value
        if (
            name in _KEEPING
            or _is_exchange(node.function)
            or (isinstance(node.function, code.Name) and node.function.identifier in _LOOKING)
            or _marks(node)
            or parameters_given(node)
        ):
            return  # an optimiser goes on from what it is given
        if name and torch_api.method(name) is not None and not torch_api.is_initialiser(name):
            return  # a tensor's method writes at most the tensor
        if name.endswith("_") or isinstance(node.function, code.Name) or not _is_pure(node.function):
            yield from (argument.value for argument in node.arguments)


def _marks(call: code.Call) -> bool:
    """``setattr(p, "is_expert", True)``, ``getattr(p, "is_expert", False)``: of a tensor, only ``data`` is its memory."""
    match call:
        case code.Call(
            function=code.Name(identifier="setattr" | "getattr"),
            arguments=(_, code.Argument(value=code.Constant(value=str() as name)), *_),
        ):
            return name != "data"
    return False


def _averages(call: code.Call, method: code.Attribute) -> bool:
    """Whether a write makes of a value another of the same: a moving average gives nothing its first value."""
    if method.name in SCALING:
        return True
    if isinstance(method.value, code.Call) and isinstance(method.value.function, code.Attribute):
        return method.value.function.name in SCALING  # p.mul_(decay).add_(q)
    target = _root(method.value)
    return method.name == "copy_" and takes_values(call.arguments, target)


def _is_exchange(function: code.Expression) -> bool:
    """``dist.all_reduce``, ``torch.distributed.broadcast``."""
    dotted = dotted_name(function)
    return dotted is not None and dotted[-2:-1] in (("dist",), ("distributed",))


def _is_pure(function: code.Expression) -> bool:
    """Whether a function is one of torch's that write nothing: ``F.linear``, ``torch.matmul``."""
    return (
        isinstance(function, code.Attribute)
        and isinstance(function.value, (code.Name, code.Attribute))
        and (function.value.identifier if isinstance(function.value, code.Name) else function.value.name)
        in ("F", "torch", "functional", "np", "math")
    )


def _is_of(target: code.Expression, attribute: str, made: frozenset[str], others: frozenset[int]) -> bool:
    while isinstance(target, (code.Attribute, code.Subscript, code.Call, code.Display, code.DictDisplay)):
        if isinstance(target, (code.Display, code.DictDisplay)):
            inner = target.elements if isinstance(target, code.Display) else target.values
            return any(_is_of(element, attribute, made, others) for element in inner)
        if isinstance(target, code.Attribute):
            if target.name == attribute:
                is_self = isinstance(target.value, code.Name) and target.value.identifier == "self"
                return not is_self and _called_here(target.value) not in made and id(target) not in others
            if target.name not in ("data", "T", "detach", "view"):
                return False
        target = target.function if isinstance(target, code.Call) else target.value
    return False


def _is_of_part(target: code.Expression, attribute: str) -> bool:
    """Whether a target is the attribute of something that is itself an attribute: ``self.norm.weight[0]``."""
    holders = [node.value for node in nodes(target) if isinstance(node, code.Attribute) and node.name == attribute]
    return all(isinstance(holder, (code.Attribute, code.Subscript)) for holder in holders)


def _made_here(scope: code.Statement) -> frozenset[str]:
    """The attributes of self, and the local names, that a scope binds to torch's own layers or None, and to nothing else.

    Local names stand with a dot in front.
    """
    values: dict[str, list[code.Expression]] = {}
    for node in nodes(scope):
        if isinstance(node, code.Assign):
            for target in node.targets:
                values.setdefault(_called_here(target), []).append(node.value)
    made: set[str] = set()
    while True:
        more = {name for name, given in values.items() if name and all(_is_layer(value, made) for value in given)}
        if more <= made:
            return frozenset(made)
        made |= more


def _called_here(target: code.Expression) -> str:
    """``name`` for ``self.name``, ``.name`` for a local name, empty for anything else."""
    if isinstance(target, code.Name):
        return f".{target.identifier}"
    return self_attribute(target) or ""


def _is_layer(value: code.Expression, made: set[str]) -> bool:
    match value:
        case code.Constant(value=None):
            return True
        case code.Conditional(body=body, orelse=orelse):
            return _is_layer(body, made) and _is_layer(orelse, made)
        case code.Call(function=code.Attribute(name=last)) | code.Call(function=code.Name(identifier=last)):
            return last in torch_api.layer_words() - _HOLDING
    return _called_here(value) in made


def fills_parameters(body: tuple[code.Statement, ...]) -> bool:
    """Whether statements write, in a loop over ``parameters()``, what the loop gives."""
    return any(_fills_all(statement, None, PARAMETER_WALKS) for statement in body)


def _fills_all(
    scope: code.Statement, rank: int | None, walks: frozenset[str], is_other: NameTest = lambda test, names: False
) -> bool:
    """Whether a loop over parameters in the scope writes its own variable (of that rank, where it asks).

    A loop below an ``isinstance`` test that names torch's layers alone goes over the parameters of such a layer, and
    one over the parameters of two models side by side copies what one of them was given. ``is_other`` says of a
    condition, and of the variables that stand for names in it, whether it leaves out the parameter that is asked for.
    """
    for body, guards in _blocks(scope):
        if any(guard <= torch_api.layer_words() - _HOLDING for guard in guards):
            continue
        for statement in body:
            if isinstance(statement, code.For) and _walks(statement.iterable, walks):
                if not _pairs(statement.iterable, walks) and _fills(statement, rank, is_other):
                    return True
    return False


def _fills(loop: code.For, rank: int | None, is_other: NameTest = lambda test, names: False) -> bool:
    names = {inner.identifier for part in _values(loop) for inner in nodes(part) if isinstance(inner, code.Name)}
    of_old = with_names_for_it(loop.body, frozenset(names))
    for block, conditions in _conditional(loop.body, ()):
        writes = any(
            isinstance(target, (code.Name, code.Attribute, code.Call, code.Subscript))
            and _root(target) in names
            and not _is_gradient(target)
            and (not isinstance(inner, code.Assign) or _is_memory(target))
            for inner in _shallow(block)
            if not _is_of_old(inner, of_old)
            for target in _targets(inner)
        )
        if writes and not (rank is not None and rank < 2 and any(map(_asks_rank, conditions))):
            if not any(is_other(condition, names_given(loop)) for condition in conditions):
                return True
    return False


def _is_of_old(node: object, names: frozenset[str]) -> bool:
    """``p.data = p.data.to(dtype)``, ``p.data.copy_(average)``: the value is computed from what the names hold."""
    match node:
        case code.Assign(value=value):
            return goes_on(value, names)
        case code.Call(function=code.Attribute(name="copy_"), arguments=(value, *_)):
            return goes_on(value.value, names)
    return False


def _values(loop: code.For) -> Iterator[code.Expression]:
    """What of a loop's target stands for tensors: in a walk that gives names too, all but the name."""
    function = loop.iterable.function if isinstance(loop.iterable, code.Call) else None
    is_named = isinstance(function, code.Attribute) and function.name.startswith("named_")
    if is_named and isinstance(loop.target, code.Display):
        yield from loop.target.elements[1:]
    else:
        yield loop.target


def _is_gradient(target: code.Expression) -> bool:
    return any(isinstance(node, code.Attribute) and node.name == "grad" for node in nodes(target))


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
            for inner in inner_blocks(statement):
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


def _walks(iterable: code.Expression, walks: frozenset[str]) -> bool:
    return any(
        isinstance(node, code.Call) and isinstance(node.function, code.Attribute) and node.function.name in walks
        for node in nodes(iterable)
    )


def _pairs(iterable: code.Expression, walks: frozenset[str]) -> bool:
    """``zip(target.parameters(), source.parameters())``."""
    return isinstance(iterable, code.Call) and sum(_walks(argument.value, walks) for argument in iterable.arguments) > 1


def _root(target: code.Expression) -> str:
    while isinstance(target, (code.Attribute, code.Subscript, code.Call)):
        target = target.function if isinstance(target, code.Call) else target.value
    return target.identifier if isinstance(target, code.Name) else ""

"""Which attributes the code of one file reads, and through what: the text's answer, without interpreting it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import NoneType
from typing import NamedTuple

from paramlint import torch_api
from paramlint.interpret.initialised import initialised_attributes
from paramlint.interpret.name_patterns import name_pattern, names_in_loops
from paramlint.interpret.prepared import is_with_none, only_prepared, prepared_elsewhere
from paramlint.interpret.receivers import Object, OuterRead, local_names, outer_uses
from paramlint.interpret.scan import nodes, self_attribute
from paramlint.model import code
from paramlint.project.definitions import SourceModule
from paramlint.project.names import dotted_name, is_name, last_word

_BY_NAME = frozenset({"children", "named_children", "modules", "named_modules", "get_submodule", "get_parameter"})
_ALL_PARAMETERS = frozenset({"parameters", "named_parameters"})
_REGISTRIES = frozenset({"_modules", "_parameters", "__dict__"})
_KEYED = (
    _REGISTRIES | _BY_NAME - {"children", "modules"} | {"named_parameters", "named_buffers", "_buffers", "get_buffer"}
)
# What takes an object apart, one level deep.
TAKING_APART = frozenset({"children", "named_children", "_modules"})
_REGISTERING = frozenset({"register_buffer", "register_parameter", "add_module", "register_module"})
_INITIALISER = re.compile(r"init|fill|reset|_$")
_SCHEME = re.compile(r"_*(re)?(init|reset)(?!__$)")
_OF_OPTIMISERS = re.compile(r"decay|optim")
_PREPARES = re.compile(r"init|reset|freeze|weight|apply$|_$")


class ClassReads(NamedTuple):
    """What the methods of one class read of ``self``.

    ``patterns`` are what names that it computes may look like; ``walks`` tells that a method goes over the submodules
    for another purpose than to initialise them, or forward over all parameters.
    """

    names: frozenset[str]
    patterns: tuple[re.Pattern[str], ...]
    walks: bool

    def may_read(self, name: str) -> bool:
        """Whether some method may read an attribute of self, by name or by a name it computes."""
        return self.walks or name in self.names or any(pattern.fullmatch(name) for pattern in self.patterns)


class FileReads(NamedTuple):
    """What a file reads of objects other than ``self``, each class's own reads aside.

    ``reads`` are those by a name that stands there; ``texts`` the names in strings that look like keys rather than
    prose, and ``words`` those of them that are a whole string, which may be handed to ``getattr``; ``asked`` are names
    that ``getattr`` is given and ``computed`` what those that it computes may look like, each with the object;
    ``tested`` are those that ``hasattr`` is given: where it is, any object may be at hand. ``by_key``: something is
    looked up there in what lists parts or tensors by their names (``dict(model.named_parameters())``, ``get_parameter``).
    """

    reads: tuple[OuterRead, ...]
    texts: frozenset[str]
    words: frozenset[str]
    asked: tuple[tuple[str, Object], ...]
    computed: tuple[tuple[re.Pattern[str], Object], ...]
    tested: frozenset[str]
    walks: bool
    by_key: bool


def file_reads(module: SourceModule) -> FileReads:
    """Collect what the statements of a file read."""
    every = list(nodes(module.facts.body))
    texts: set[str] = set()
    words: set[str] = set()
    tested: set[str] = set()
    walks = False
    prose = {id(node.value) for node in every if isinstance(node, (code.ExpressionStatement, code.AnnotatedAssign))}
    prose |= {mark for node in every for mark in _registered(node)}
    prepared = frozenset(mark for node in every for mark in prepared_elsewhere(node))
    for node in every:
        if isinstance(node, code.Function):
            inside = list(nodes(node.body))
            prepared |= {*only_prepared(inside)}
            if _OF_OPTIMISERS.search(node.name) and not any(
                isinstance(part, code.Call) and is_name(part.function, "getattr") for part in inside
            ):
                prose |= {id(part) for part in inside}  # which group a parameter is in, by its name
    for node in every:
        if isinstance(node, code.Attribute):
            walks = walks or (node.name == "get_submodule" and not _is_self(node.value) and id(node) not in prepared)
        elif isinstance(node, code.Constant) and isinstance(node.value, str) and id(node) not in prose:
            if not re.search(r"\s", node.value):
                texts.update(re.findall(r"\w+", node.value))
                words.add(node.value)
        elif isinstance(node, code.Call):
            tested |= _tested(node)
    reads, requests = outer_uses(module.facts.body, prepared)
    asked: list[tuple[str, Object]] = []
    computed: list[tuple[re.Pattern[str], Object]] = []
    in_loops = names_in_loops(every)
    for request in requests:
        if id(request.name) in in_loops:
            asked += [(name, request.object) for name in in_loops[id(request.name)]]
            continue
        pattern = name_pattern(request.name)
        if pattern is not None:
            computed.append((pattern, request.object))
        elif isinstance(request.name, code.Constant) and isinstance(request.name.value, str):
            asked.append((request.name.value, request.object))
    return FileReads(
        tuple(dict.fromkeys(reads)),
        frozenset(texts),
        frozenset(words),
        tuple(asked),
        tuple(computed),
        frozenset(tested),
        walks,
        any(isinstance(node, code.Attribute) and node.name in _KEYED for node in every),
    )


def _registered(node: object) -> Iterator[int]:
    """The name under which a call registers something, or asks an object for it: what that is, is asked elsewhere."""
    if isinstance(node, code.Call) and node.arguments:
        function = node.function
        if isinstance(function, code.Attribute) and function.name in _REGISTERING:
            yield id(node.arguments[0].value)
        elif isinstance(function, code.Name) and function.identifier in ("hasattr", "getattr"):
            yield from (id(argument.value) for argument in node.arguments[1:2])


def class_reads(node: code.Class) -> ClassReads:
    """Collect what the methods of a class, and the functions inside them, read of ``self``."""
    names: set[str] = set()
    patterns: list[re.Pattern[str]] = []
    walks = False
    for function in node.body:
        if not isinstance(function, code.Function):
            continue
        prepares = any(pattern.search(function.name) for pattern in (_PREPARES, _OF_OPTIMISERS))
        prepares = prepares or bool(initialised_attributes(function.body))
        every = list(nodes(function.body))
        known_locally = local_names(function)
        in_loops = names_in_loops(every)
        is_scheme = bool(_SCHEME.match(function.name))
        names |= set(_names_read(every, set(only_prepared(every)), known_locally if is_scheme else None))
        for inner in every:
            if isinstance(inner, code.Attribute) and _is_self(inner.value):
                walks = walks or (not prepares and inner.name in _BY_NAME | _REGISTRIES)
            elif isinstance(inner, (code.For, code.Clause)):
                walks = walks or (function.name == "forward" and _goes_over_parameters(inner.iterable))
            elif isinstance(inner, code.Call):
                names |= _spelled_names(inner, known_locally, in_loops)
                pattern = _computed_name(inner, known_locally)
                is_spelled = len(inner.arguments) > 1 and id(inner.arguments[1].value) in in_loops
                if pattern is not None and not (is_scheme or is_spelled):
                    patterns.append(pattern)
    return ClassReads(frozenset(names), tuple(patterns), walks)


def _goes_over_parameters(iterable: code.Expression) -> bool:
    """Whether it is ``self.parameters()``: what forward makes of them all is made of those that nothing else reads."""
    return isinstance(iterable, code.Call) and self_attribute(iterable.function) in _ALL_PARAMETERS


def does_something(function: object) -> bool:
    """Whether a function computes: an empty one, or one that only raises, is there to be overridden.

    One that only hands back what it is given stands in for one, as does one that reads nothing of that.
    """
    if not isinstance(function, code.Function):
        return False
    given = {parameter.name for parameter in function.parameters[1:]}
    if given and not any(isinstance(node, code.Name) and node.identifier in given for node in nodes(function.body)):
        return False
    return any(
        not isinstance(statement, (code.Raise, code.Jump, code.Assert))
        and not (
            isinstance(statement, code.Return) and isinstance(statement.value, (code.Name, code.Constant, NoneType))
        )
        and not (isinstance(statement, code.ExpressionStatement) and not isinstance(statement.value, code.Call))
        for statement in function.body
    )


def _names_read(every: list[object], prepared: set[int], locals_of_scheme: frozenset[str] | None) -> Iterator[str]:
    """The attributes of self that nodes of a function read for more than to prepare, replace or compare with None.

    ``prepared`` are nodes of which that is known. ``locals_of_scheme`` are the local names of a function that is there to give first values, as is then what it calls
    without keeping the result; None of any other.
    """
    ignored = set(prepared)
    for node in every:
        if isinstance(node, code.Assign):
            for target in node.targets:
                ignored |= _chain(target)
                for part in target.elements if isinstance(target, code.Display) else ():
                    ignored |= _chain(part)
                ignored |= _moved(target, node.value)
        elif isinstance(node, code.AnnotatedAssign):
            ignored |= _chain(node.target)
        elif isinstance(node, code.ExpressionStatement) and isinstance(node.value, code.Call):
            ignored |= _prepared(node.value)
            if locals_of_scheme is not None and _is_plain_function(node.value.function, locals_of_scheme):
                ignored |= {mark for argument in node.value.arguments for mark in _chain(argument.value)}
        elif isinstance(node, code.Comparison) and is_with_none(node):
            ignored |= _chain(node.left)
    for node in every:
        name = self_attribute(node)
        if name is not None and id(node) not in ignored:
            yield name


def _chain(expression: code.Expression) -> set[int]:
    """The attribute of self at the root of ``self.a.b[c]``."""
    while True:
        if self_attribute(expression) is not None:
            return {id(expression)}
        if not isinstance(expression, (code.Attribute, code.Subscript)):
            return set()
        expression = expression.value


def _moved(target: code.Expression, value: code.Expression) -> set[int]:
    """The read in ``self.a = self.a.to(device)`` and ``self.a = weight_norm(self.a)``, which binds what it reads."""
    name = self_attribute(target)
    if name is None or not isinstance(value, code.Call):
        return set()
    if isinstance(value.function, code.Attribute) and self_attribute(value.function.value) == name:
        return _chain(value.function)
    first = value.arguments[0].value if value.arguments and not _is_of_self(value.function) else None
    return _chain(first) if first is not None and self_attribute(first) == name else set()


def _is_of_self(function: code.Expression) -> bool:
    dotted = dotted_name(function)
    return dotted is None or dotted[0] == "self"


def _is_plain_function(function: code.Expression, known_locally: frozenset[str]) -> bool:
    """Whether what is called is a function by its name or module (``glorot``, ``inits.glorot``), no method."""
    dotted = dotted_name(function)
    return dotted is not None and dotted[0] not in known_locally


def _prepared(call: code.Call) -> set[int]:
    """The attributes that a bare call initialises or sets up: ``init.f_(self.a.weight)``, ``self.a.apply(f)``."""
    function = call.function
    found: set[int] = set()
    if isinstance(function, code.Attribute) and _PREPARES.search(function.name):
        found |= _chain(_viewed(function.value))
    called = last_word(function)
    if _INITIALISER.search(called) and not _computes_in_place(called):
        for argument in call.arguments:
            found |= _chain(argument.value)
    return found


def _viewed(expression: code.Expression) -> code.Expression:
    """What ``x.detach()`` is a view of: writing to it in place writes to that."""
    while (
        isinstance(expression, code.Call)
        and not expression.arguments
        and isinstance(expression.function, code.Attribute)
    ):
        if expression.function.name != "detach":
            break
        expression = expression.function.value
    return expression


def _computes_in_place(name: str) -> bool:
    """Whether a name is that of a tensor's method which writes what it computes from its arguments: ``x.mul_(y)``."""
    return torch_api.method(name) is not None and not torch_api.is_initialiser(name)


def _tested(call: code.Call) -> set[str]:
    """The name that ``hasattr(x, "name")`` asks an object other than ``self`` for."""
    match call:
        case code.Call(function=code.Name(identifier="hasattr"), arguments=(asked, name)) if not _is_self(asked.value):
            if isinstance(name.value, code.Constant) and isinstance(name.value.value, str):
                return {name.value.value}
    return set()


def names_thawed(module: SourceModule) -> frozenset[str]:
    """The names of attributes of which a file sets ``requires_grad``, to anything but False."""
    found: set[str] = set()
    for node in nodes(module.facts.body):
        value: code.Expression | None = None
        owners: list[code.Expression] = []
        if isinstance(node, code.Assign):
            value = node.value
            owners = [
                target.value
                for target in node.targets
                if isinstance(target, code.Attribute) and target.name == "requires_grad"
            ]
        elif isinstance(node, code.Call) and isinstance(node.function, code.Attribute):
            if node.function.name == "requires_grad_":
                value = node.arguments[0].value if node.arguments else None
                owners = [node.function.value]
        if not (isinstance(value, code.Constant) and value.value is False):
            found |= {owner.name for owner in owners if isinstance(owner, code.Attribute)}
    return frozenset(found)


def names_called(body: tuple[code.Statement, ...]) -> frozenset[tuple[str, ...]]:
    """The dotted names that the functions among some statements call."""
    return frozenset(dotted for dotted, _ in _calls(body))


def names_given_self(body: tuple[code.Statement, ...]) -> frozenset[tuple[str, ...]]:
    """Those of them that are called with ``self`` among the arguments."""
    return frozenset(
        dotted
        for dotted, call in _calls(body)
        if any(isinstance(item.value, code.Name) and _is_self(item.value) for item in call.arguments)
    )


def _calls(body: tuple[code.Statement, ...]) -> Iterator[tuple[tuple[str, ...], code.Call]]:
    for node in nodes(tuple(statement for statement in body if isinstance(statement, code.Function))):
        dotted = dotted_name(node.function) if isinstance(node, code.Call) else None
        if dotted is not None and isinstance(node, code.Call):
            yield dotted, node


def _computed_name(call: code.Call, known_locally: frozenset[str]) -> re.Pattern[str] | None:
    """What the name in ``getattr(self, name)`` may look like, where it is computed; a local name may stand for self.

    ``self.__getattr__(name)`` asks the same of what torch has registered.

    What other objects are asked for is among the reads of the file, with the objects.
    """
    match call:
        case code.Call(function=code.Name(identifier="getattr"), arguments=(asked, name, *_)):
            return None if _is_other(asked.value, known_locally) else name_pattern(name.value)
        case code.Call(function=code.Attribute(name="__getattr__", value=value), arguments=(name, *_)):
            return None if _is_other(value, known_locally) else name_pattern(name.value)
        case code.Call(function=code.Name(identifier="attrgetter"), arguments=(name, *_)):
            return name_pattern(name.value)
    return None


def _spelled_names(
    call: code.Call, known_locally: frozenset[str], in_loops: dict[int, tuple[str, ...]]
) -> frozenset[str]:
    """The name in ``getattr(self, "name")``, or those that a loop gives it; a local name may stand for self."""
    match call:
        case code.Call(function=code.Name(identifier="getattr"), arguments=(asked, name, *_)) if not _is_other(
            asked.value, known_locally
        ):
            if isinstance(name.value, code.Constant) and isinstance(name.value.value, str):
                return frozenset({name.value.value})
            return frozenset(in_loops.get(id(name.value), ()))
    return frozenset()


def _is_other(asked: code.Expression, known_locally: frozenset[str]) -> bool:
    dotted = dotted_name(asked)
    return dotted is not None and (len(dotted) > 1 or dotted[0] not in known_locally)


def _is_self(node: code.Expression) -> bool:
    return isinstance(node, code.Name) and node.identifier in ("self", "cls")

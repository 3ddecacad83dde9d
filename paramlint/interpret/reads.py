"""Which attributes the code of one file reads, and through what: the text's answer, without interpreting it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from paramlint import torch_api
from paramlint.interpret.receivers import OuterRead, outer_reads
from paramlint.interpret.scan import initialised_attributes, nodes, self_attribute
from paramlint.model import code
from paramlint.project.definitions import SourceModule

_BY_NAME = frozenset({"children", "named_children", "modules", "named_modules", "get_submodule", "get_parameter"})
_REGISTRIES = frozenset({"_modules", "_parameters", "__dict__"})
# What takes an object apart, one level deep.
TAKING_APART = frozenset({"children", "named_children", "_modules"})
_REGISTERING = frozenset({"register_buffer", "register_parameter", "add_module", "register_module"})
_INITIALISER = re.compile(r"init|fill|reset|_$")
_FILLING = frozenset({"zero_", "fill_", "normal_", "uniform_", "copy_"})
_PREPARES = re.compile(r"init|reset|freeze|weight|apply$|_$")


class ClassReads(NamedTuple):
    """What the methods of one class read of ``self``.

    ``patterns`` are what names that it computes may look like; ``walks`` tells that a method goes over the submodules
    for another purpose than to initialise them.
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
    prose, and ``words`` those of them that are a whole string, which may be handed to ``getattr``; ``asked`` those
    that ``getattr`` is given, ``tested`` those that ``hasattr`` is: where it is, any object may be at hand.
    """

    reads: tuple[OuterRead, ...]
    texts: frozenset[str]
    words: frozenset[str]
    asked: frozenset[str]
    tested: frozenset[str]
    patterns: tuple[re.Pattern[str], ...]
    walks: bool


def file_reads(module: SourceModule) -> FileReads:
    """Collect what the statements of a file read."""
    every = list(nodes(module.facts.body))
    texts: set[str] = set()
    words: set[str] = set()
    asked: set[str] = set()
    tested: set[str] = set()
    patterns: list[re.Pattern[str]] = []
    walks = False
    prose = {id(node.value) for node in every if isinstance(node, (code.ExpressionStatement, code.AnnotatedAssign))}
    prose |= {mark for node in every for mark in _registered(node)}
    prepared = frozenset(mark for node in every for mark in _prepared_elsewhere(node))
    for node in every:
        if isinstance(node, code.Attribute):
            walks = walks or (node.name == "get_submodule" and not _is_self(node.value) and id(node) not in prepared)
        elif isinstance(node, code.Constant) and isinstance(node.value, str) and id(node) not in prose:
            if not re.search(r"\s", node.value):
                texts.update(re.findall(r"\w+", node.value))
                words.add(node.value)
        elif isinstance(node, code.Call):
            asked |= _asked(node, "getattr")
            tested |= _asked(node, "hasattr")
            pattern = _computed_name(node)
            if pattern is not None and not _is_self(node.arguments[0].value):
                patterns.append(pattern)
    reads = tuple(dict.fromkeys(outer_reads(module.facts.body, prepared)))
    return FileReads(
        reads, frozenset(texts), frozenset(words), frozenset(asked), frozenset(tested), tuple(patterns), walks
    )


def _registered(node: object) -> Iterator[int]:
    """The name under which a call registers something, or asks whether it is there: no value is read by it."""
    if isinstance(node, code.Call) and node.arguments:
        function = node.function
        if isinstance(function, code.Attribute) and function.name in _REGISTERING:
            yield id(node.arguments[0].value)
        elif isinstance(function, code.Name) and function.identifier == "hasattr":
            yield id(node.arguments[-1].value)


def class_reads(node: code.Class) -> ClassReads:
    """Collect what the methods of a class, and the functions inside them, read of ``self``."""
    names: set[str] = set()
    patterns: list[re.Pattern[str]] = []
    walks = False
    for function in node.body:
        if not isinstance(function, code.Function):
            continue
        prepares = bool(_PREPARES.search(function.name)) or bool(initialised_attributes(function.body))
        every = list(nodes(function.body))
        names |= set(_names_read(every))
        for inner in every:
            if isinstance(inner, code.Attribute) and _is_self(inner.value):
                walks = walks or (not prepares and inner.name in _BY_NAME | _REGISTRIES)
            elif isinstance(inner, code.Call):
                pattern = _computed_name(inner)
                if pattern is not None:
                    patterns.append(pattern)
    return ClassReads(frozenset(names), tuple(patterns), walks)


def does_something(function: object) -> bool:
    """Whether a function computes: an empty one, or one that only raises, is there to be overridden."""
    if not isinstance(function, code.Function):
        return False
    return any(
        not isinstance(statement, (code.Raise, code.Jump, code.Assert))
        and not (isinstance(statement, code.ExpressionStatement) and not isinstance(statement.value, code.Call))
        for statement in function.body
    )


def _names_read(every: list[object]) -> Iterator[str]:
    """The attributes of self that nodes of a function read for more than to prepare, replace or compare with None."""
    ignored: set[int] = set()
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
        elif isinstance(node, code.Comparison) and all(
            isinstance(other, code.Constant) and other.value is None for other in node.comparators
        ):
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
    """The read in ``self.a = self.a.to(device)``, which binds what it reads."""
    name = self_attribute(target)
    if name is None or not isinstance(value, code.Call) or not isinstance(value.function, code.Attribute):
        return set()
    return _chain(value.function) if self_attribute(value.function.value) == name else set()


def _prepared(call: code.Call) -> set[int]:
    """The attributes that a bare call initialises or sets up: ``init.f_(self.a.weight)``, ``self.a.apply(f)``."""
    function = call.function
    found: set[int] = set()
    if isinstance(function, code.Attribute) and _PREPARES.search(function.name):
        found |= _chain(function.value)
    called = function.name if isinstance(function, code.Attribute) else getattr(function, "identifier", "")
    if _INITIALISER.search(called) and not _computes_in_place(called):
        for argument in call.arguments:
            found |= _chain(argument.value)
    return found


def _prepared_elsewhere(node: object) -> Iterator[int]:
    """The attributes that a node only initialises, or compares with None: ``init.f_(m.weight)``, ``m.bias.zero_()``.

    ``m.weight.data = x`` and ``m.weight.data *= x`` give values that nothing is computed from.
    """
    target: code.Expression | None = None
    if isinstance(node, (code.Assign, code.AugmentedAssign)):
        targets = node.targets if isinstance(node, code.Assign) else (node.target,)
        written = targets[0]
        target = written if isinstance(written, code.Attribute) and written.name == "data" else None
    if isinstance(node, code.ExpressionStatement) and isinstance(node.value, code.Call):
        target = _initialised(node.value)
    elif isinstance(node, code.Comparison) and all(
        isinstance(other, code.Constant) and other.value is None for other in node.comparators
    ):
        target = node.left
    while isinstance(target, (code.Attribute, code.Subscript)):
        yield id(target)
        target = target.value


def _initialised(call: code.Call) -> code.Expression | None:
    """What a bare call gives a first value: the argument of a function of ``nn.init``, what a method fills."""
    function = call.function
    if isinstance(function, code.Attribute) and function.name in _FILLING and _module_of(function) != "init":
        return function.value
    called = function.name if isinstance(function, code.Attribute) else getattr(function, "identifier", "")
    is_initialiser = f"torch.nn.init.{called}" in torch_api.initialisers
    return call.arguments[0].value if is_initialiser and call.arguments else None


def _module_of(function: code.Attribute) -> str:
    """``init`` of ``nn.init.zeros_`` and ``init.zeros_``."""
    holder = function.value
    return holder.name if isinstance(holder, code.Attribute) else getattr(holder, "identifier", "")


def _computes_in_place(name: str) -> bool:
    """Whether a name is that of a tensor's method which writes what it computes from its arguments: ``x.mul_(y)``."""
    return torch_api.method(name) is not None and f"torch.nn.init.{name}" not in torch_api.initialisers


def _asked(call: code.Call, builtin: str) -> set[str]:
    """The name that ``hasattr(x, "name")`` or ``getattr(x, "name")`` asks an object other than ``self`` for."""
    if not isinstance(call.function, code.Name) or call.function.identifier != builtin:
        return set()
    if len(call.arguments) < 2 or _is_self(call.arguments[0].value):
        return set()
    name = call.arguments[1].value
    return {name.value} if isinstance(name, code.Constant) and isinstance(name.value, str) else set()


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
    found: set[tuple[str, ...]] = set()
    for node in nodes(tuple(statement for statement in body if isinstance(statement, code.Function))):
        if isinstance(node, code.Call):
            parts: list[str] = []
            function = node.function
            while isinstance(function, code.Attribute):
                parts.append(function.name)
                function = function.value
            if isinstance(function, code.Name):
                found.add((function.identifier, *reversed(parts)))
    return frozenset(found)


def _computed_name(call: code.Call) -> re.Pattern[str] | None:
    """What the name in ``getattr(x, name)`` may look like, where it is computed."""
    if not isinstance(call.function, code.Name) or call.function.identifier not in ("getattr", "attrgetter"):
        return None
    position = 1 if call.function.identifier == "getattr" else 0
    if len(call.arguments) <= position:
        return None
    return name_pattern(call.arguments[position].value)


def name_pattern(node: code.Expression) -> re.Pattern[str] | None:
    """The names that an expression may stand for; None for a constant."""
    match node:
        case code.Constant():
            return None
        case code.FormattedString():
            return re.compile("".join(re.escape(part) if isinstance(part, str) else ".*" for part in node.parts))
        case code.BinaryOperation(operator="+"):
            return re.compile(_side(node.left) + _side(node.right))
        case code.BinaryOperation(operator="%", left=code.Constant(value=str() as text)):
            return re.compile(".*".join(re.escape(part) for part in re.split(r"%\w", text)))
        case code.Call(function=code.Attribute(name="format", value=code.Constant(value=str() as text))):
            return re.compile(".*".join(re.escape(part) for part in re.split(r"\{[^}]*\}", text)))
    return re.compile(".*")


def _side(node: code.Expression) -> str:
    if isinstance(node, code.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    pattern = name_pattern(node)
    return ".*" if pattern is None else pattern.pattern


def _is_self(node: code.Expression) -> bool:
    return isinstance(node, code.Name) and node.identifier in ("self", "cls")

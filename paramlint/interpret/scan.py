"""Questions that the text of a function answers without interpreting it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from paramlint.model import code
from paramlint.model.late import LateBody
from paramlint.project.bindings import nested_bodies

_DEVICE_WORDS = frozenset({"device", "is_cuda", "is_cpu", "is_mps", "get_device", "device_type", "is_available"})
_POSITIONAL = ("positional only", "positional")
ACCELERATORS = frozenset({"cuda", "gpu", "gpus", "cpu"})
_NODE_TYPES: dict[str, type[tuple[object, ...]]] = {
    name: value
    for name, value in vars(code).items()
    if isinstance(value, type) and issubclass(value, tuple) and value is not code.Span
}


def _child_fields(kind: type[tuple[object, ...]]) -> tuple[int, ...]:
    """The positions of the fields of a node type that hold nodes or tuples of nodes, the last first."""
    words = {"Expression", "Statement", *_NODE_TYPES}
    annotations = (getattr(kind.__annotations__[name], "__forward_arg__", "") for name in kind._fields)  # type: ignore[attr-defined]
    return tuple(i for i, text in reversed([*enumerate(annotations)]) if words & set(re.findall(r"\w+", text)))


_CHILD_FIELDS: dict[type, tuple[int, ...]] = {kind: _child_fields(kind) for kind in _NODE_TYPES.values()}


class Gathered(tuple[object, ...]):
    """What ``nodes`` yields of something, for several questions about it."""


def nodes(root: object) -> Iterator[object]:
    """Every node of the intermediate form at and below one node (or tuple of nodes), in the order of the text."""
    if type(root) is Gathered:
        yield from root
        return
    stack = [root]
    push, pop, fields_of = stack.append, stack.pop, _CHILD_FIELDS.get
    while stack:
        node = pop()
        fields = fields_of(type(node))
        if fields is not None:
            yield node
            for index in fields:
                push(node[index])  # type: ignore[index]
        elif type(node) is tuple:
            stack += node[::-1]
        elif isinstance(node, LateBody):
            stack += node.statements[::-1]


def has_conditions(root: object) -> bool:
    """Whether something is chosen at or below a node."""
    return any(isinstance(node, (code.If, code.Conditional, code.BooleanOperation)) for node in nodes(root))


def inner_blocks(statement: code.Statement) -> Iterator[tuple[code.Statement, ...]]:
    """The blocks of a compound statement other than ``if``."""
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


def header(statement: code.Statement) -> tuple[object, ...]:
    """What of a statement stands outside its blocks: all of a simple one, the tests, loops and defaults of a compound one."""
    match statement:
        case code.Function():
            return (statement.parameters, statement.decorators)
        case code.Class():
            return (statement.arguments, statement.decorators)
        case code.If() | code.While():
            return (statement.test,)
        case code.For():
            return (statement.target, statement.iterable)
        case code.With():
            return (statement.items,)
        case code.Try():
            return tuple(handler.exception for handler in statement.handlers)
        case code.Match():
            return (statement.subject, *(case.guard for case in statement.cases))
    return (statement,)


def may_take(method: code.Function, call: code.Call) -> bool:
    """Whether the parameters of a method fit what a call of it on an object gives."""
    is_static = [getattr(decorator, "identifier", "") for decorator in method.decorators] == ["staticmethod"]
    if (method.decorators and not is_static) or any(argument.star for argument in call.arguments):
        return True
    parameters = method.parameters if is_static else method.parameters[1:]
    named = {argument.keyword for argument in call.arguments if argument.keyword is not None}
    given = len(call.arguments) - len(named)
    plain = [parameter for parameter in parameters if parameter.kind in _POSITIONAL]
    missing = [item for item in plain[given:] if item.default is None and item.name not in named]
    is_open = {parameter.kind for parameter in parameters}
    if missing or (given > len(plain) and "*" not in is_open):
        return False
    return "**" in is_open or named <= {parameter.name for parameter in parameters}


def mentions_device(test: code.Expression) -> bool:
    """Whether a condition asks where a tensor or the machine is."""
    return any(
        (isinstance(node, code.Attribute) and node.name in _DEVICE_WORDS)
        or (isinstance(node, code.Name) and node.identifier in _DEVICE_WORDS)
        or (isinstance(node, code.Constant) and isinstance(node.value, str) and "cuda" in node.value)
        for node in nodes(test)
    )


def accelerator_flags(test: code.Expression) -> tuple[code.Expression, ...]:
    """The names and attributes in a condition that by their words say whether to use an accelerator."""
    named = (node for node in nodes(test) if isinstance(node, (code.Attribute, code.Name)))
    return tuple(node for node in named if ACCELERATORS & words_of(node))


def words_of(named: code.Expression) -> set[str]:
    """The words of a name, or of an attribute's own."""
    if isinstance(named, code.Attribute):
        return {*named.name.lower().split("_")}
    return {*named.identifier.lower().split("_")} if isinstance(named, code.Name) else set()


def names_for(body: Iterable[object], is_meant: Callable[[code.Expression], bool]) -> set[str]:
    """The local names to which assignments among some nodes bind a value that is meant."""
    return {
        target.identifier
        for node in body
        if isinstance(node, code.Assign) and is_meant(node.value)
        for target in node.targets
        if isinstance(target, code.Name)
    }


def self_attribute(node: object) -> str | None:
    """``name`` of ``self.name``; None for anything else."""
    if isinstance(node, code.Attribute) and isinstance(node.value, code.Name) and node.value.identifier == "self":
        return node.name
    return None


def guarded_attributes(test: code.Expression) -> list[str]:
    """The attributes of self whose absence (or staleness) a condition tests."""
    found = []
    for node in nodes(test):
        name = self_attribute(node)
        if name is not None:
            found.append(name)
        elif isinstance(node, code.Call) and isinstance(node.function, code.Name):
            if node.function.identifier in ("hasattr", "getattr") and len(node.arguments) > 1:
                key = node.arguments[1].value
                if isinstance(key, code.Constant) and isinstance(key.value, str):
                    found.append(key.value)
    return found


def asked_names(test: code.Expression) -> list[str]:
    """The names that hold what a condition asks for by ``hasattr(self, name)``."""
    return [
        node.arguments[1].value.identifier
        for node in nodes(test)
        if isinstance(node, code.Call)
        and isinstance(node.function, code.Name)
        and node.function.identifier == "hasattr"
        and len(node.arguments) > 1
        and isinstance(node.arguments[1].value, code.Name)
    ]


def tests_for_none(test: code.Expression) -> bool:
    """Whether a condition asks that an attribute of self is None: what stands below it is meant to happen once."""
    return any(
        isinstance(node, code.Comparison)
        and node.operators == ("is",)
        and self_attribute(node.left) is not None
        and isinstance(node.comparators[0], code.Constant)
        and node.comparators[0].value is None
        for node in nodes(test)
    )


def assigned_attributes(body: tuple[object, ...]) -> set[str]:
    """The attributes of self that statements assign."""
    found: set[str] = set()
    for node in nodes(body):
        targets: tuple[code.Expression, ...] = ()
        if isinstance(node, code.Assign):
            targets = node.targets
        elif isinstance(node, (code.AugmentedAssign, code.AnnotatedAssign)):
            targets = (node.target,)
        for target in targets:
            for inner in nodes(target):
                name = self_attribute(inner)
                if name is not None:
                    found.add(name)
    return found


def annotation_words(annotation: code.Expression | None) -> frozenset[str]:
    """The names in an annotation; quoted ones are read as words."""
    if annotation is None:
        return frozenset()
    words: set[str] = set()
    for node in nodes(annotation):
        if isinstance(node, code.Name):
            words.add(node.identifier)
        elif isinstance(node, code.Attribute):
            words.add(node.name)
        elif isinstance(node, code.Constant) and isinstance(node.value, str):
            words.update(part.rsplit(".", 1)[-1] for part in node.value.replace("[", " ").replace("]", " ").split())
        elif isinstance(node, code.Constant) and node.value is None:
            words.add("None")
    return frozenset(words)


def texts_of(value: code.Expression) -> tuple[str, ...]:
    """The texts that an expression is, or is a display of; none where it is something else as well."""
    elements = value.elements if isinstance(value, code.Display) else (value,)
    texts = [part.value for part in elements if isinstance(part, code.Constant) and isinstance(part.value, str)]
    return tuple(texts) if len(texts) == len(elements) else ()


def docstring(body: tuple[code.Statement, ...]) -> str:
    """The docstring of a class or function with that body; empty where it has none."""
    first = body[0] if body else None
    if isinstance(first, code.ExpressionStatement) and isinstance(first.value, code.Constant):
        if isinstance(first.value.value, str):
            return first.value.value
    return ""


_WALKS = ("modules", "apply", "parameters", "named_parameters", "named_modules", "children", "named_children")


def walks_modules(body: tuple[object, ...]) -> bool:
    """Whether statements go over modules or parameters: ``self.modules()``, ``self.apply(...)``, ``parameters()``."""
    return any(True for _ in _walked(body))


def walks_all(body: tuple[object, ...]) -> bool:
    """Whether statements go over the modules or parameters of more than parts of self (``self.trunk.modules()``)."""
    return any(self_attribute(walked) is None for walked in _walked(body))


def descends(function: code.Function) -> bool:
    """Whether a function calls itself for each child of a module that it is given, as ``named_apply`` does."""
    given = {parameter.name for parameter in function.parameters}
    for node in nodes(function.body):
        if not isinstance(node, code.For) or not isinstance(node.iterable, code.Call):
            continue
        match node.iterable.function:
            case code.Attribute(value=code.Name(identifier=name), name="children" | "named_children") if name in given:
                calls = (inner.function for inner in nodes(node.body) if isinstance(inner, code.Call))
                if any(isinstance(called, code.Name) and called.identifier == function.name for called in calls):
                    return True
    return False


def _walked(body: tuple[object, ...]) -> Iterator[code.Expression]:
    for node in nodes(body):
        if isinstance(node, code.Call) and isinstance(node.function, code.Attribute) and node.function.name in _WALKS:
            yield node.function.value


def tested_types(body: tuple[object, ...]) -> tuple[str, ...]:
    """The class names (last part) that tests in statements name: by ``isinstance``, or of ``type(x)``."""
    found: list[str] = []
    for node in nodes(body):
        if isinstance(node, code.Call) and isinstance(node.function, code.Name):
            if node.function.identifier == "isinstance" and len(node.arguments) > 1:
                found.extend(class_names(node.arguments[1].value))
        elif isinstance(node, code.Comparison) and node.operators[0] in ("in", "is", "=="):
            left = node.left
            if (
                isinstance(left, code.Call)
                and isinstance(left.function, code.Name)
                and left.function.identifier == "type"
            ):
                found.extend(class_names(node.comparators[0]))
    return tuple(found)


def bound_names(body: tuple[object, ...]) -> frozenset[str]:
    """The local names that statements bind, or count up, one by one."""
    found: set[str] = set()
    for node in nodes(body):
        match node:
            case code.Assign(targets=targets):
                found |= {target.identifier for target in targets if isinstance(target, code.Name)}
            case code.AugmentedAssign(target=code.Name(identifier=name)):
                found.add(name)
    return frozenset(found)


def class_names(expression: code.Expression) -> Iterator[str]:
    """The last parts of the names in an expression that stands for a class or several: ``(nn.Linear, Conv2d)``."""
    if isinstance(expression, code.Attribute):
        yield expression.name
    elif isinstance(expression, code.Name):
        yield expression.identifier
    elif isinstance(expression, code.Display):
        for element in expression.elements:
            yield from class_names(element)
    elif isinstance(expression, code.BinaryOperation):
        yield from class_names(expression.left)
        yield from class_names(expression.right)


def leaves(target: code.Expression) -> Iterator[code.Expression]:
    """The targets inside a tuple or list of them."""
    if isinstance(target, code.Display):
        for element in target.elements:
            yield from leaves(element)
    elif isinstance(target, code.Starred):
        yield from leaves(target.value)
    else:
        yield target


def loop_span(statement: code.For) -> code.Span:
    """From what a loop goes over to the end of its body, as far as that is told."""
    start, body = statement.iterable.span, statement.body
    while body:
        span = getattr(body[-1], "span", None)
        if span is not None:
            return start._replace(end_line=span.end_line, end_column=span.end_column)
        body = next((tuple(block) for block in reversed(list(nested_bodies(body[-1]))) if block), ())
    return start

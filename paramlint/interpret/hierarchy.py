"""What the classes of a hierarchy define, method by method."""

from __future__ import annotations

import re
from collections.abc import Iterator

from paramlint import torch_api
from paramlint.interpret.initialised import carried_attributes, initialised_attributes
from paramlint.interpret.scan import (
    Gathered,
    assigned_attributes,
    class_names,
    docstring,
    names_for,
    nodes,
    self_attribute,
    tested_types,
    walks_modules,
)
from paramlint.interpret.slots import Place
from paramlint.interpret.trace import MethodFacts
from paramlint.model import code
from paramlint.project.classes import LinkedClass
from paramlint.project.definitions import ClassDefinition
from paramlint.project.frameworks import leaves_heirs_alone
from paramlint.project.names import last_word
from paramlint.project.project import Project

# The methods of Module that move it; a parent's call of its own comes by ``_apply`` instead.
MOVERS = ("to", "cuda", "cpu", "xpu")
# torch.onnx, torch.jit and torch.compiler answer them with False whenever a model is trained.
_ASKS_FOR_EXPORT = frozenset({"is_in_onnx_export", "is_tracing", "is_scripting", "is_exporting"})
# What says that a package is not there.
_NOT_INSTALLED = ("ImportError", "ModuleNotFoundError")


def own_methods(linked: LinkedClass) -> Iterator[tuple[ClassDefinition, code.Function]]:
    """The methods that instances of a class have, from its source hierarchy, overridden ones left out."""
    seen: set[str] = set()
    for base in linked.sources:
        for statement in base.node.body:
            if isinstance(statement, code.Function) and statement.name not in seen:
                seen.add(statement.name)
                yield base, statement


def is_written_as_module(linked: LinkedClass) -> bool:
    """Whether a class that inherits from nothing has a constructor and what a Module is called by."""
    if linked.is_module is not False or any(
        isinstance(base, ClassDefinition) or base.name.rpartition(".")[-1] != "object" for base in linked.mro[1:]
    ):
        return False
    names = {item.name for item in linked.definition.node.body if isinstance(item, code.Function)}
    return "__init__" in names and bool(names & {"forward", "__call__"})


def describe_methods(project: Project, linked: LinkedClass) -> tuple[MethodFacts, ...]:
    """What each method of a hierarchy does to initialise."""
    return tuple(
        project.scanned(describe, function)._replace(
            place=Place(owner.module.place, function.span),
            owner=owner.qualified_name,
            is_own=owner == linked.definition,
            is_hook=linked.is_framework_hook(function.name),
        )
        for owner, function in own_methods(linked)
    )


def assigns(project: Project, linked: LinkedClass, name: str) -> bool:
    """Whether a method of a hierarchy, be it overridden, binds an attribute of self."""
    return any(
        name in project.scanned(describe, statement).assigns
        for base in linked.sources
        for statement in base.node.body
        if isinstance(statement, code.Function)
    )


def describe(function: code.Function) -> MethodFacts:
    """What the text of a method says, wherever it stands and whoever inherits it."""
    body = Gathered(nodes(function.body))
    return MethodFacts(
        name=function.name,
        place=Place("", function.span),
        owner="",
        is_own=False,
        initialises=initialised_attributes(body),
        walks_modules=walks_modules(body),
        types=tested_types(body),
        mentions=frozenset(_mentions(body)) | (_of_moved(body) if function.name in MOVERS else frozenset()),
        delegates=frozenset(_delegates(function, body)),
        has_wrong_subject=_has_wrong_subject(function, body),
        assigns=frozenset(assigned_attributes(body)),
        carries=carried_attributes(body),
        cancels=frozenset(_cancels(body)),
        takes=frozenset(_takes(function, body)),
        exports=frozenset(_exports(body)),
        may_fill=frozenset(_may_fill(body)),
        ties=frozenset(_ties(body)),
        is_explained=function.name in re.findall(r"\w+", docstring(function.body)),
        answers=any(map(_answers, body)),
        is_idle=bool(function.parameters[1:])
        and all(parameter.kind in ("*", "**") for parameter in function.parameters[1:])
        and all(isinstance(statement, (code.Jump, code.ExpressionStatement)) for statement in function.body)
        and not any(isinstance(node, code.Call) for node in body),
    )


def _answers(node: object) -> bool:
    """Whether a node hands a caller something."""
    if isinstance(node, code.Return):
        return node.value is not None and not (isinstance(node.value, code.Constant) and node.value.value is None)
    return isinstance(node, code.Yield)


def _mentions(body: Gathered) -> Iterator[str]:
    """The attributes of self in a method, and what it spells as ``setattr`` and ``getattr`` take it."""
    by_name = any(isinstance(node, code.Name) and node.identifier in ("setattr", "getattr") for node in body)
    for node in body:
        name = self_attribute(node)
        if name is not None:
            yield name
        elif by_name and isinstance(node, code.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            yield node.value


def _of_moved(body: Gathered) -> frozenset[str]:
    """The attributes of a name for what ``super().to(...)`` returns, which is the module itself."""
    names = names_for(body, _moves_by_base)
    return frozenset(
        node.name
        for node in body
        if isinstance(node, code.Attribute) and isinstance(node.value, code.Name) and node.value.identifier in names
    )


def _moves_by_base(value: code.Expression) -> bool:
    match value:
        case code.Call(function=code.Attribute(name=name, value=code.Call(function=code.Name(identifier="super")))):
            return name in MOVERS
    return False


def taken_attributes(function: code.Function) -> frozenset[str]:
    """The attributes of self of which a function takes the value: it neither binds nor just calls them."""
    body = Gathered(nodes(function.body))
    aside = {id(node.function) for node in body if isinstance(node, code.Call)}
    aside |= {id(target) for node in body if isinstance(node, code.Assign) for target in node.targets}
    aside |= {id(node.target) for node in body if isinstance(node, code.AnnotatedAssign)}
    return frozenset(name for node in body if id(node) not in aside and (name := self_attribute(node)) is not None)


def _ties(body: Gathered) -> Iterator[str]:
    """The attributes that a method mentions in ``self.a.weight = self.b.weight`` alone."""
    tied = [
        node
        for statement in body
        if isinstance(statement, code.Assign) and isinstance(statement.value, code.Attribute)
        for node in nodes((*statement.targets, statement.value))
        if isinstance(node, code.Attribute) and self_attribute(node.value) is not None
    ]
    inside = {id(node.value) for node in tied}
    names = {name for node in tied if (name := self_attribute(node.value)) is not None}
    yield from names - {name for node in body if id(node) not in inside and (name := self_attribute(node)) is not None}


def _cancels(body: Gathered) -> Iterator[str]:
    """The attributes that are there for their place in the graph alone.

    A method mentions them only in sums such as ``x + self.a - self.a``, which leave nothing of them, or among what is
    handed to ``checkpoint``, of which one must ask for gradients, and to what is checkpointed.
    """
    inside: set[int] = set()
    names: set[str] = set()
    calls = [node for node in body if isinstance(node, code.Call)]
    checkpoints = [call for call in calls if last_word(call.function) == "checkpoint" and call.arguments]
    checkpointed = [_spelling(call.arguments[0].value) for call in checkpoints]
    handing = [call for call in calls if checkpointed and _spelling(call.function) in checkpointed]
    for argument in (argument for call in (*checkpoints, *handing) for argument in call.arguments):
        if (name := self_attribute(argument.value)) is not None:
            inside.add(id(argument.value))
            names.update([name] if any(argument in call.arguments[1:] for call in checkpoints) else [])
    for node in body:
        if not isinstance(node, code.BinaryOperation) or node.operator != "-":
            continue
        added = node.left
        if not isinstance(added, code.BinaryOperation) or added.operator != "+":
            continue
        for side in (added.left, added.right):
            if _spelling(side) == _spelling(node.right):
                for part in nodes((side, node.right)):
                    if (name := self_attribute(part)) is not None:
                        names.add(name)
                        inside.add(id(part))
                break
    yield from names - {name for node in body if id(node) not in inside and (name := self_attribute(node)) is not None}


def _takes(function: code.Function, body: Gathered) -> Iterator[str]:
    """The attributes of self that a method binds to an argument as it is given."""
    given = {parameter.name for parameter in function.parameters[1:]}
    for node in body:
        if isinstance(node, code.Assign) and isinstance(node.value, code.Name) and node.value.identifier in given:
            yield from (name for target in node.targets if (name := self_attribute(target)) is not None)


def _spelling(node: object) -> object:
    """What two expressions share that are written alike."""
    if isinstance(node, code.Span):
        return None
    return (type(node), *map(_spelling, node)) if isinstance(node, tuple) else node


def _exports(body: Gathered) -> Iterator[str]:
    """The attributes that a method reads only below a question for torch's export of the model, binding them aside."""
    below = {
        id(inner)
        for node in body
        if isinstance(node, code.If) and isinstance(node.test, code.Call) and last_word(node.test) in _ASKS_FOR_EXPORT
        for inner in nodes(node.body)
    }
    bound = {
        id(target)
        for node in body
        if isinstance(node, (code.Assign, code.AnnotatedAssign))
        for target in (node.targets if isinstance(node, code.Assign) else (node.target,))
    }
    reads = [(name, id(node) in below) for node in body if id(node) not in bound and (name := self_attribute(node))]
    yield from {name for name, is_below in reads if is_below} - {name for name, is_below in reads if not is_below}


def _may_fill(body: Gathered) -> Iterator[str]:
    """The attributes of self that a bare call takes (``self.initializer(self.w)``), or whose ``data`` is replaced."""
    for node in body:
        if isinstance(node, code.ExpressionStatement) and isinstance(node.value, code.Call):
            for argument in node.value.arguments:
                yield self_attribute(_of_data(argument.value) or argument.value) or ""
        elif isinstance(node, code.Assign):
            for target in node.targets:
                if (held := _of_data(target)) is not None:
                    yield self_attribute(held) or ""


def _of_data(expression: code.Expression) -> code.Expression | None:
    """``x`` of ``x.data``."""
    return expression.value if isinstance(expression, code.Attribute) and expression.name == "data" else None


def _delegates(function: code.Function, body: Gathered) -> Iterator[str]:
    """The parts that a method initialises by their own method of its name; told how, they get another start than others."""
    for node in body:
        if isinstance(node, code.Call) and isinstance(node.function, code.Attribute) and not node.arguments:
            if node.function.name == function.name and (name := self_attribute(node.function.value)) is not None:
                yield name


def _has_wrong_subject(function: code.Function, body: Gathered) -> bool:
    """Whether a walk over modules asks ``isinstance`` of self, and initialises something."""
    walked = {parameter.name for parameter in function.parameters[1:]} if _recurs(function, body) else set()
    for node in body:
        if isinstance(node, code.For) and walks_modules((code.ExpressionStatement(node.iterable, node.iterable.span),)):
            walked |= {inner.identifier for inner in nodes(node.target) if isinstance(inner, code.Name)}
    if not walked or not initialised_attributes(body):
        return False
    for node in body:
        if isinstance(node, code.Call) and isinstance(node.function, code.Name):
            if node.function.identifier == "isinstance" and len(node.arguments) > 1:
                subject = node.arguments[0].value
                names = set(class_names(node.arguments[1].value))
                if isinstance(subject, code.Name) and subject.identifier == "self" and names <= torch_api.layer_words():
                    return True
    return False


def _recurs(function: code.Function, body: Gathered) -> bool:
    """Whether a method calls itself for what lies below its argument."""
    return any(
        isinstance(node, code.Call)
        and isinstance(node.function, code.Attribute)
        and node.function.name == function.name
        and self_attribute(node.function) is not None
        for node in body
    )


def documentation(linked: LinkedClass) -> str:
    """The docstring of a class and of its constructor."""
    bodies = [linked.definition.node.body]
    bodies += [
        item.body for item in linked.definition.node.body if isinstance(item, code.Function) and item.name == "__init__"
    ]
    return "\n".join(filter(None, map(docstring, bodies)))


def stands_in(function: code.Function) -> bool:
    """Whether a function is there for one of a package that is not installed, and says so: it raises ImportError."""
    last = function.body[-1]
    raised = last.exception if isinstance(last, code.Raise) else None
    return len(function.body) <= 2 and raised is not None and last_word(raised) in _NOT_INSTALLED


def is_abstract(linked: LinkedClass) -> bool:
    """Whether some method that instances would have is marked abstract.

    A framework may mark those that only some of its heirs need, and make instances of all (MessagePassing).
    """
    return any(
        isinstance(node, (code.Name, code.Attribute))
        and (node.identifier if isinstance(node, code.Name) else node.name).startswith("abstract")
        for owner, function in own_methods(linked)
        if function.decorators and not leaves_heirs_alone(owner.full_name)
        for node in nodes(function.decorators)
    )


def takes_one(method: code.Function) -> bool:
    """Whether a method can be called with one argument beside self."""
    required = [item for item in method.parameters if item.kind not in ("*", "**") and item.default is None]
    return len(required) <= 2

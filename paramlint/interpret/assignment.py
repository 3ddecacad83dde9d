"""Binding targets: names, attributes, items and unpacking."""

from __future__ import annotations

from paramlint.interpret import attribute_names, calls, evaluate, stores, tensors
from paramlint.interpret.events import LocalRebinding
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.scan import nodes
from paramlint.interpret.slots import Phase, Registration
from paramlint.interpret.values import UNKNOWN, Container, Instance, Tensor, Value
from paramlint.model import code


def assign(machine: Machine, frame: Frame, target: code.Expression, value: Value, span: code.Span) -> None:
    """Bind ``target`` to a value; ``span`` is that of the whole statement."""
    match target:
        case code.Name(identifier=identifier):
            _note_dropped(machine, frame, identifier, value, span)
            frame.names[identifier] = value
            calls.note_local(machine, identifier, value)
        case code.Attribute(value=receiver, name=name):
            owner = evaluate.evaluate(machine, frame, receiver)
            stores.set_attribute(machine, frame, owner, name, value, frame.place(span))
        case code.Subscript(value=code.Attribute(value=receiver, name="__dict__"), index=index):
            owner, position = evaluate.evaluate(machine, frame, receiver), evaluate.evaluate(machine, frame, index)
            attribute_names.set_plainly(machine, frame, calls.Arguments([owner, position, value]), span)
        case code.Subscript(value=receiver, index=index):
            owner = evaluate.evaluate(machine, frame, receiver)
            position = evaluate.evaluate(machine, frame, index)
            stores.set_item(machine, frame, owner, position, value, frame.place(span))
            if isinstance(receiver, code.Subscript):
                _note_any_of(evaluate.evaluate(machine, frame, receiver.value), owner)
        case code.Display(elements=targets):
            _unpack(machine, frame, targets, value, span)
        case code.Starred(value=inner):
            assign(machine, frame, inner, value, span)


def _note_any_of(outer: Value, changed: Value) -> None:
    """Where it is not known which of a container's containers is changed, each of them may hold something more."""
    if isinstance(outer, Container) and not any(item is changed for item in outer.items):
        for item in outer.items:
            if isinstance(item, Container):
                item.is_exact = False


def _note_dropped(machine: Machine, frame: Frame, name: str, value: Value, span: code.Span) -> None:
    """Notice a local name of a parameter that an initialiser binds to a new tensor and does not use again."""
    old = frame.names.get(name)
    function = frame.enclosing[-1] if frame.enclosing else None
    if machine.phase is not Phase.CONSTRUCTOR or machine.undecided or not isinstance(function, code.Function):
        return
    is_new = isinstance(value, Tensor) and not value.is_parameter and value.made.span.line >= span.line
    if not isinstance(old, Tensor) or not old.is_parameter or not is_new or function.name == "__init__":
        return
    if not any(
        isinstance(node, code.Name) and node.identifier == name and (node.span.line, node.span.column) > span[2:]
        for node in nodes(function.body)
    ):
        machine.emit(LocalRebinding(frame.place(span), name, "assignment"))


def _unpack(
    machine: Machine, frame: Frame, targets: tuple[code.Expression, ...], value: Value, span: code.Span
) -> None:
    items, is_exact = evaluate.elements(machine, value)
    if isinstance(value, Container) and value.kind == "dict":
        items = list(value.keys)
    tail = value.tail if isinstance(value, Container) else 0
    starred = next((i for i, target in enumerate(targets) if isinstance(target, code.Starred)), None)
    for position, target in enumerate(targets):
        from_end = len(targets) - position
        if isinstance(target, code.Starred):
            end = len(items) - from_end + 1
            item: Value = Container("list", items[position:end] if is_exact else list(items), is_exact=is_exact)
        elif is_exact and (starred is None or position < starred) and position < len(items):
            item = items[position]
        elif (is_exact and starred is not None) or from_end <= tail:
            item = items[-from_end] if from_end <= len(items) else UNKNOWN
        else:
            item = items[0] if len(items) == 1 else UNKNOWN
        assign(machine, frame, target, item, span)


def augmented(machine: Machine, frame: Frame, statement: code.AugmentedAssign) -> None:
    """Perform ``target operator= value``."""
    target = statement.target
    old = evaluate.evaluate(machine, frame, target)
    value = evaluate.evaluate(machine, frame, statement.value)
    if isinstance(old, Container) and statement.operator == "+":
        inner, is_exact = evaluate.elements(machine, value)
        old.items.extend(inner)
        old.is_exact = old.is_exact and is_exact and not machine.is_unsure
        return
    if isinstance(old, Instance) and old.is_module and statement.operator == "+":
        inner, is_exact = evaluate.elements(machine, value)
        stores.extend_module(machine, old, inner, frame.place(statement.span))
        if not is_exact:
            old.blur()
        return
    if isinstance(old, Tensor):
        result = tensors.augmented(machine, frame, statement.operator, old, value, statement.span)
        if isinstance(target, code.Name):
            frame.names[target.identifier] = result
        return
    result = evaluate.binary(machine, frame, statement.operator, old, value, statement.span)
    assign(machine, frame, target, result, statement.span)


def delete(machine: Machine, frame: Frame, target: code.Expression) -> None:
    """Perform ``del target``."""
    match target:
        case code.Name(identifier=identifier):
            frame.names.pop(identifier, None)
        case code.Attribute(value=receiver, name=name):
            owner = evaluate.evaluate(machine, frame, receiver)
            if isinstance(owner, Instance) and not machine.undecided:
                owner.bindings.pop(name, None)
            elif isinstance(owner, Instance) and name in owner.bindings:
                owner.bindings[name].registration = Registration.UNKNOWN  # it may be gone
        case code.Subscript(value=receiver):
            owner = evaluate.evaluate(machine, frame, receiver)
            if isinstance(owner, Instance):
                for binding in owner.bindings.values():
                    binding.registration = Registration.UNKNOWN
            elif isinstance(owner, Container):
                owner.is_exact = False
        case code.Display(elements=targets):
            for inner in targets:
                delete(machine, frame, inner)

"""Statements that are an expression: what is computed there, nobody takes."""

from __future__ import annotations

import re

from paramlint import torch_api
from paramlint.interpret import evaluate, names, objects
from paramlint.interpret.events import DroppedResult, LostWrite
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.scan import nodes, self_attribute
from paramlint.interpret.slots import Fill, Phase, Place
from paramlint.interpret.values import UNKNOWN, External, Tensor
from paramlint.model import code

_NAMES = re.compile(r"\w+(\s*,\s*\w+)*")


def execute_expression(machine: Machine, frame: Frame, statement: code.ExpressionStatement) -> None:
    """Evaluate the expression of a statement, and notice a result that is lost with it."""
    value = evaluate.evaluate(machine, frame, statement.value)
    if (
        machine.root is not None
        and frame.receiver is machine.root
        and _works_on_caller(machine, frame, statement.value)
    ):
        machine.root.blur()
    if not isinstance(value, Tensor):
        _note_unknown(machine, frame, statement)
        return
    attribute = next((name for node in nodes(statement.value) if (name := self_attribute(node)) is not None), None)
    operation: str | None = None
    if isinstance(statement.value, code.BinaryOperation):
        operation = statement.value.operator
    elif isinstance(statement.value, code.Call):
        if machine.phase is Phase.CONSTRUCTOR and not machine.undecided:
            _note_written_copy(machine, frame.place(statement.span), value, statement.value, attribute)
        operation = _lost_operation(value, statement.value)
        attribute = attribute or _of_layer(statement.value.function)
    if operation is not None:
        machine.emit(
            DroppedResult(frame.place(statement.span), operation, attribute, machine.phase is Phase.CONSTRUCTOR)
        )


def _note_written_copy(machine: Machine, place: Place, value: Tensor, call: code.Call, attribute: str | None) -> None:
    """Notice a statement that copies a Parameter, writes to the copy and drops it: ``normal_(self.w.clone())``."""
    operation, source = _called(call), value.ancestor or value.values_of
    if source is None or not operation.endswith("_") or value.storage is source.storage or not source.is_parameter:
        return
    copied, at = (value.factory, value.made) if value.lost is None else (value.lost.operation, value.lost.place)
    if place.encloses(at):
        machine.emit(LostWrite(place, operation, attribute, copied))


def _note_unknown(machine: Machine, frame: Frame, statement: code.ExpressionStatement) -> None:
    """Notice the same two mistakes where what an attribute of self holds is not known.

    What ``torch.zeros_like`` makes of it is dropped whatever it is, and so is what ``init.zeros_`` writes to its clone.
    """
    call, place = statement.value, frame.place(statement.span)
    if machine.phase is not Phase.CONSTRUCTOR or not isinstance(call, code.Call):
        return
    operation = _called(call)
    attribute = next((name for node in nodes(call) if (name := self_attribute(node)) is not None), None)
    if attribute is None or any(item.star or item.keyword == "out" for item in call.arguments):
        return
    given = call.arguments[0].value if call.arguments else None
    callee = evaluate.evaluate(machine, frame, call.function) if given is not None else UNKNOWN
    if isinstance(callee, External):
        function = torch_api.functions.get(callee.name)
        if function is not None and function.kind is torch_api.Kind.LIKE:
            machine.emit(DroppedResult(place, operation, attribute, True))
        is_filled = callee.name in torch_api.initialisers and operation.endswith("_")
    else:
        is_filled = operation in objects.FILLING
        given = call.function.value if isinstance(call.function, code.Attribute) else None
    if is_filled and not machine.undecided and isinstance(given, code.Call) and not given.arguments:
        if _called(given) == "clone" and self_attribute(given.function) is None:
            machine.emit(LostWrite(place, operation, attribute, "clone"))


def _works_on_caller(machine: Machine, frame: Frame, call: code.Expression) -> bool:
    """Whether an unseen function is called for an effect, and given at most names: it sets attributes in its caller.

    fastcore's ``store_attr("width,depth")`` stores what the constructor was given, through the frame that called it.
    """
    if not isinstance(call, code.Call) or not isinstance(call.function, code.Name):
        return False
    for argument in call.arguments:
        text = argument.value.value if isinstance(argument.value, code.Constant) else None
        if argument.keyword is None and not (isinstance(text, str) and _NAMES.fullmatch(text)):
            return False
    callee = names.lookup(machine, frame, call.function.identifier)
    return callee is UNKNOWN or (isinstance(callee, External) and not callee.name.startswith(("builtins.", "torch.")))


def _lost_operation(value: Tensor, call: code.Call) -> str | None:
    """The name of a call whose tensor result nobody takes and which changes nothing in place; None if it may."""
    name = _called(call)
    if not name or name.endswith("_") or value.factory != name or value.storage.fill is Fill.UNKNOWN:
        return None
    return name


def _called(call: code.Call) -> str:
    """The last name of what is called; empty where it has none."""
    match call.function:
        case code.Attribute(name=name) | code.Name(identifier=name):
            return name
    return ""


def _of_layer(function: code.Expression) -> str | None:
    """``weight`` of ``module.weight.data.clamp``: the parameter of some module whose method is called."""
    if not isinstance(function, code.Attribute):
        return None
    receiver = function.value
    while isinstance(receiver, code.Attribute) and receiver.name == "data":
        receiver = receiver.value
    return receiver.name if isinstance(receiver, code.Attribute) and receiver.name in ("weight", "bias") else None

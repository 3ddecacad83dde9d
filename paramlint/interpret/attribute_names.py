"""Attributes whose names are values: ``hasattr``, ``getattr``, ``setattr``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from paramlint import torch_api
from paramlint.interpret import objects, results, stores
from paramlint.interpret.hierarchy import describe, own_methods
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.slots import Phase, Registration
from paramlint.interpret.values import NONE, UNKNOWN, Instance, Known, Predicate, Symbol, Tensor, Value
from paramlint.model.code import Span
from paramlint.project.classes import UNKNOWN as UNKNOWN_MEMBER, LinkedClass

if TYPE_CHECKING:
    from paramlint.interpret.calls import Arguments


def has(machine: Machine, value: Value, name: Value) -> Value:
    """Whether an object has an attribute: ``hasattr``."""
    if not isinstance(name, Known) or not isinstance(name.value, str):
        return UNKNOWN
    text = name.value
    if isinstance(value, Instance):
        if text in value.bindings:
            return Known(True)
        if value.is_opaque:
            return UNKNOWN
        if value.linked is not None:
            member = value.linked.find(text)
            if member is UNKNOWN_MEMBER:
                return UNKNOWN
            if member is not None:
                return Known(True)
            if value.is_module and text in torch_api.module_members():
                return Known(True)
            return UNKNOWN if _may_be_set_up(machine, value.linked, text) else Known(False)
        if value.external is not None and value.external in torch_api.layers:
            return Known(bool(torch_api.external_member(value.external, text)))
        return UNKNOWN
    if isinstance(value, Symbol) and value.is_configuration:
        return Predicate(f"hasattr({value.key}, {text!r})")
    return UNKNOWN


def _may_be_set_up(machine: Machine, linked: LinkedClass, name: str) -> bool:
    """Whether a method that the class offers, and does not call itself, binds an attribute before forward runs."""
    if machine.phase is not Phase.FORWARD:
        return False
    methods = [machine.project.scanned(describe, function) for _, function in own_methods(linked)]
    offered = {method.name for method in methods if name in method.assigns and not method.name.startswith("_")}
    return any(offered - {"forward"}.union(*(method.mentions for method in methods)))


def get(machine: Machine, frame: Frame, arguments: Arguments, span: Span) -> Value:
    """The attribute of an object, or the default that is given: ``getattr``."""
    receiver, name = arguments.get(0, "object"), arguments.get(1, "name")
    if receiver is None or not isinstance(name, Known) or not isinstance(name.value, str):
        return UNKNOWN
    default = arguments.get(2, "default")
    if default is not None and isinstance(receiver, Instance):
        exists = has(machine, receiver, name)
        if exists == Known(False):
            return default
    value = objects.get_attribute(machine, frame, receiver, name.value, span)
    if isinstance(value, Symbol) and value.default is None and isinstance(default, Known):
        return replace(value, default=default)
    return value


def set_(machine: Machine, frame: Frame, arguments: Arguments, span: Span) -> Value:
    """Bind an attribute as ``setattr`` does; one whose name is not known may be any."""
    receiver, name, value = arguments.get(0, "o"), arguments.get(1, "n"), arguments.get(2, "v")
    if receiver is None or value is None:
        return NONE
    if isinstance(name, Known) and isinstance(name.value, str):
        stores.set_attribute(machine, frame, receiver, name.value, value, frame.place(span))
    elif isinstance(receiver, Instance):
        if isinstance(value, (Tensor, Instance)):
            if isinstance(value, Instance) or value.is_parameter:
                value.is_registered = True
        results.escape(value)
        receiver.blur(by_name=isinstance(value, (Tensor, Instance)))
    return NONE


def set_plainly(machine: Machine, frame: Frame, arguments: Arguments, span: Span) -> Value:
    """``object.__setattr__``, by which torch registers nothing."""
    receiver, name, value = arguments.get(0, "o"), arguments.get(1, "n"), arguments.get(2, "v")
    if isinstance(receiver, Instance) and isinstance(name, Known) and value is not None:
        stores.store(machine, receiver, str(name.value), value, Registration.OTHER, frame.place(span))
    return NONE

"""What calling a module returns."""

from __future__ import annotations

from paramlint import torch_api
from paramlint.interpret import calls, construct, devices, objects, products, results
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.slots import Fill, Phase, Registration
from paramlint.interpret.values import (
    UNKNOWN,
    Closure,
    Container,
    Instance,
    Placement,
    Storage,
    Super,
    Tensor,
    Value,
)
from paramlint.model.code import Span


def forward_of_base(
    machine: Machine,
    frame: Frame,
    receiver: Instance | Super,
    instance: Instance,
    arguments: calls.Arguments,
    span: Span,
) -> Value:
    """Call ``forward`` or ``__call__`` of a module, or what ``super()`` has in its place."""
    if isinstance(receiver, Super) and instance.linked is not None:
        base = construct.external_base(instance.linked, receiver.after)
        if base is not None and base in torch_api.layers:
            return _call_layer(machine, frame, instance, torch_api.layers[base], arguments, span)
        return UNKNOWN
    return call_module(machine, frame, instance, arguments, span)


def call_module(machine: Machine, frame: Frame, instance: Instance, arguments: calls.Arguments, span: Span) -> Value:
    """Call a module: its own forward, or what torch's layer is known to do."""
    for value in arguments.positional[:1]:
        if isinstance(value, Tensor):
            value.is_certain = True
    if instance.linked is not None:
        forward = construct.forward_of(machine, instance)
        if isinstance(forward, Closure):
            return calls.call(machine, frame, forward, arguments, span)
        base = construct.external_base(instance.linked, None)
        layer = torch_api.layers.get(base) if base is not None else None
        return UNKNOWN if layer is None else _call_layer(machine, frame, instance, layer, arguments, span)
    layer = torch_api.layers.get(instance.external or "")
    if layer is not None:
        return _call_layer(machine, frame, instance, layer, arguments, span)
    return UNKNOWN


def _call_layer(
    machine: Machine,
    frame: Frame,
    instance: Instance,
    layer: torch_api.Layer,
    arguments: calls.Arguments,
    span: Span,
) -> Value:
    if layer.is_container:
        return _call_sequence(machine, frame, instance, layer, arguments, span)
    operands = results.operands_of(arguments.values())
    has_state = bool(layer.parameters or layer.buffers or layer.children)
    placed = [
        value
        for place, value in [*zip(layer.forward, arguments.positional, strict=False), *arguments.keywords.items()]
        if place in layer.same_device
    ]
    kept: list[Tensor] = []
    if layer.is_loss and instance.phase is Phase.FORWARD:
        # what forward makes is not moved: its weights are where the tensors are that it is given
        kept = results.operands_of([binding.value for binding in instance.bindings.values()])
        has_state = False
    moving = _output(machine, frame, layer, span, Placement.MODEL if machine.phase is Phase.FORWARD else None)
    checked = [*results.operands_of(placed), *kept, *([moving] if has_state else [])]
    devices.check(machine, frame, layer.name.rsplit(".", 1)[-1], checked, span)
    if not has_state:
        is_seen = operands and UNKNOWN not in arguments.positional
        moving.placement = devices.combined(operands if is_seen else [])
        moving.is_certain = any(operand.is_certain for operand in operands)
        pinned = next((operand for operand in operands if operand.placement.is_pinned), None)
        if pinned is not None and moving.placement.is_pinned:
            moving.origin, moving.home = pinned.origin or pinned, pinned.home
    if operands and layer.preserves_rank:
        moving.rank, moving.least_rank = operands[0].rank, operands[0].dimensions
    moving.is_output = has_state
    learns = _learns(instance) if layer.parameters else None
    if machine.without_gradients:
        moving.requires_grad = False
    elif learns is True or (operands and has_state and learns is None):
        moving.requires_grad = True
    elif operands:
        moving.requires_grad = operands[0].requires_grad
    if operands:
        products.note_layer(machine, frame, instance, operands, moving, span)
    if layer.returns_tuple:
        return Container("tuple", [moving], is_exact=False)
    return moving


def _learns(instance: Instance) -> bool | None:
    """Whether a layer has a parameter that asks for gradients: then so does what it returns of anything."""
    held = [binding.value for binding in instance.bindings.values() if binding.registration is Registration.PARAMETER]
    flags = [value.requires_grad for value in held if isinstance(value, Tensor)]
    if True in flags:
        return True
    return False if flags and not any(flag is None for flag in flags) else None


def _output(machine: Machine, frame: Frame, layer: torch_api.Layer, span: Span, placement: Placement | None) -> Tensor:
    return Tensor(
        made=frame.place(span),
        factory=layer.name.rsplit(".", 1)[-1],
        phase=machine.phase,
        placement=placement or Placement.DEFAULT,
        storage=Storage(Fill.WRITTEN),
        requires_grad=None,
    )


def _call_sequence(
    machine: Machine,
    frame: Frame,
    instance: Instance,
    layer: torch_api.Layer,
    arguments: calls.Arguments,
    span: Span,
) -> Value:
    if not layer.name.endswith("Sequential"):
        return UNKNOWN
    value: Value = arguments.positional[0] if arguments.positional else UNKNOWN
    is_moving = isinstance(value, Tensor) and value.is_certain
    for item in objects.children(machine, instance)[0]:
        inner = calls.Arguments([value])
        value = calls.call(machine, frame, item, inner, span)
    if value is UNKNOWN and is_moving:
        return UNKNOWN
    return value

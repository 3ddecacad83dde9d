"""The layers of torch's: what they register, given the arguments of their constructors."""

from __future__ import annotations

from collections.abc import Sequence

from paramlint.interpret import calls, construct, devices, evaluate, stores
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.slots import Fill, Phase, Place, Registration
from paramlint.interpret.values import (
    NONE,
    UNKNOWN,
    Binding,
    Container,
    Instance,
    Known,
    Placement,
    Predicate,
    Storage,
    Switch,
    Symbol,
    Tensor,
    Value,
)
from paramlint.model.code import Span
from paramlint.torch_api import COMPUTED, REQUIRED, Layer

# Switches that torch's layers keep under their names.
_KEPT = frozenset({"affine", "elementwise_affine", "track_running_stats", "batch_first", "bidirectional"})


def construct_layer(machine: Machine, frame: Frame, layer: Layer, arguments: calls.Arguments, span: Span) -> Instance:
    """Make one of torch's layers."""
    place = frame.place(span)
    instance = Instance(place, machine.phase, None, layer.name, True, is_lazy=layer.is_lazy)
    instance.is_initialised = True
    calls.note_made(machine, instance, place)
    device = devices.device_of(arguments.keywords.get("device", NONE))
    devices.note_literal(machine, frame, device, f"device={device.literal!r}" if device else "", None, span)
    add_state(machine, instance, layer, arguments, place)
    return instance


def argument_of(layer: Layer, arguments: calls.Arguments, name: str) -> Value | None:
    """The argument given for a constructor parameter of a layer, or its default; None where neither is known."""
    for position, parameter in enumerate(layer.constructor):
        if parameter.name == name:
            given = arguments.get(position, name)
            if given is not None:
                return given
            if not arguments.is_exact or parameter.default in (REQUIRED, COMPUTED):
                return None
            default = parameter.default
            return Known(default) if not isinstance(default, tuple) else None
    return None


def add_state(machine: Machine, instance: Instance, layer: Layer, arguments: calls.Arguments, place: Place) -> None:
    """Register what a layer of torch's registers, given its constructor's arguments."""
    if layer.is_container:
        _fill_container(machine, instance, layer, arguments, place)
        return
    if layer.children:
        instance.blur()
    if instance is machine.root:
        arguments = _decided(machine, instance, layer, arguments, place)
    placement = Placement.UNKNOWN if machine.on_meta else Placement.DEFAULT
    for is_parameter, slots in ((True, layer.parameters), (False, layer.buffers)):
        for slot in slots:
            conditions = [(argument_of(layer, arguments, name), constant) for name, constant in slot.absent_when]
            registration = Registration.PARAMETER if is_parameter else Registration.BUFFER
            value: Value = Tensor(
                made=place,
                factory=layer.name,
                phase=machine.phase,
                placement=placement,
                storage=Storage(Fill.WRITTEN, constant=_default(layer, slot.name)),
                rank=slot.rank,
                is_parameter=is_parameter,
                is_registered=True,
                requires_grad=is_parameter,
            )
            switch: Switch | None = None
            given_tensor = argument_of(layer, arguments, slot.name)
            if layer.is_loss and machine.phase is Phase.FORWARD and isinstance(given_tensor, Tensor):
                value = given_tensor  # the loss keeps it as it is, where it is
            elif any(given == Known(constant) for given, constant in conditions):
                value = NONE
            elif slot.is_uncertain or any(not isinstance(given, Known) for given, _ in conditions):
                switch = _switch(conditions, value)
                value = value if not conditions else UNKNOWN
            instance.bindings[slot.name] = Binding(
                value, registration, place, machine.phase, True, slot.is_persistent, switch
            )


def _switch(conditions: Sequence[tuple[Value | None, object]], held: Value) -> Switch | None:
    """What a slot holds where the one setting that it depends on is true, which the class passes on."""
    if len(conditions) != 1 or conditions[0][1] is not False:
        return None
    match conditions[0][0]:
        case Predicate() as setting:
            return Switch(setting, held)
        case Symbol(default=default) as setting if default is None or isinstance(default.value, bool):
            return Switch(setting, held)
    return None


def _decided(
    machine: Machine, instance: Instance, layer: Layer, arguments: calls.Arguments, place: Place
) -> calls.Arguments:
    """The arguments of a layer that the class is itself, its switches decided for the path, and kept as torch keeps them."""
    named = [parameter.name for parameter in layer.constructor]
    given = dict(zip(named, arguments.positional, strict=False)) | arguments.keywords
    slots = {slot.name for slot in (*layer.parameters, *layer.buffers)}
    for name, value in given.items():
        if isinstance(value, Symbol) and value.default is not None and isinstance(value.default.value, bool):
            outcome = evaluate.truth(machine, value)
            if outcome is not None:
                given[name] = Known(outcome)
                if name not in slots and name in _KEPT:
                    instance.bindings[name] = Binding(Known(outcome), Registration.OTHER, place, machine.phase)
    return calls.Arguments([], given, arguments.is_exact)


def _default(layer: Layer, name: str) -> float | None:
    """The one number that a layer of torch's fills a parameter with by itself, where it does."""
    if "Norm" not in layer.name:
        return None
    return {"weight": 1.0, "bias": 0.0}.get(name)


def _fill_container(
    machine: Machine, instance: Instance, layer: Layer, arguments: calls.Arguments, place: Place
) -> None:
    items: list[tuple[str, Value]] = []
    is_exact = arguments.is_exact
    for value in arguments.positional:
        if isinstance(value, Container):
            is_exact = is_exact and value.is_exact
            names: list[Value] = list(value.keys) if value.kind == "dict" else []
            for index, item in enumerate(value.items):
                key: Value = names[index] if index < len(names) else Known(index)
                if isinstance(item, Container) and item.kind == "tuple" and len(item.items) == 2:
                    key, item = item.items
                items.append((str(key.value) if isinstance(key, Known) else f"[{index}]", item))
        elif layer.name.endswith("Sequential"):
            items.append((str(len(items)), value))
        elif isinstance(value, Instance) and value.is_module:
            items.extend((name, held.value) for name, held in value.bindings.items())
            is_exact = is_exact and not value.is_opaque
        else:
            is_exact = False
    items.extend((f"[{len(items) + index}]", item) for index, item in enumerate(arguments.unplaced))
    for name, item in items:
        if isinstance(item, Tensor) and layer.name.startswith("torch.nn.Parameter") and not item.is_parameter:
            item = construct.make_parameter(machine, item, place, True)
        stores.set_on_module(machine, instance, name, item, place)
    if not is_exact:
        instance.blur()

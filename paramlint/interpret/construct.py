"""Making instances: of classes in the source, of torch's layers, and Parameters."""

from __future__ import annotations

from collections.abc import Sequence

from paramlint import torch_api
from paramlint.interpret import calls, devices, evaluate, objects, results, stores
from paramlint.interpret.base_call import may_run_before
from paramlint.interpret.decorators import are_transparent
from paramlint.interpret.events import BaseConstructorRan
from paramlint.interpret.limits import BudgetSpent
from paramlint.interpret.machine import MOST_DEPTH, Frame, Machine
from paramlint.interpret.sets import set_when_made
from paramlint.interpret.slots import REGISTERED, Fill, Phase, Place, Registration
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
from paramlint.model.code import Function, Span
from paramlint.project.classes import UNKNOWN as UNKNOWN_MEMBER, LinkedClass, Member
from paramlint.project.definitions import ClassDefinition, External
from paramlint.project.fields import DataclassField, dataclass_fields
from paramlint.project.frameworks import leaves_heirs_alone
from paramlint.torch_api import COMPUTED, REQUIRED, Layer

# Of the steps that are left when a constructor makes a part, one in so many is kept for what follows.
_SHARE_KEPT = 4
_ORDINARY_METACLASSES = ("abc.ABCMeta", "builtins.type", "typing.GenericMeta")
MODULE = "torch.nn.Module"
_UNKNOWN_BASE = ""
# Switches that torch's layers keep under their names.
_KEPT = frozenset({"affine", "elementwise_affine", "track_running_stats", "batch_first", "bidirectional"})


def construct(machine: Machine, frame: Frame, linked: LinkedClass, arguments: calls.Arguments, span: Span) -> Value:
    """Make an instance of a class of the source by running its constructor."""
    place = frame.place(span)
    if linked.is_module is None:
        for value in arguments.values():
            results.escape(value)
        return UNKNOWN
    instance = Instance(place, machine.phase, linked, None, linked.is_module, not linked.is_complete)
    instance.is_lazy = any("LazyModuleMixin" in _name(base) for base in linked.mro)
    if linked.is_module:
        machine.leave_idle()
        calls.note_made(machine, instance, place)
    if machine.depth >= MOST_DEPTH or machine.active.count(linked.definition.qualified_name) >= 2:
        instance.is_opaque = True
        return instance
    machine.active.append(linked.definition.qualified_name)
    machine.constructing += 1
    most_steps = machine.most_steps
    is_part = machine.constructing == 1 and not any(value is machine.root for value in arguments.values())
    if is_part:
        # One costly part shall not hide what the constructor does after it.
        machine.most_steps -= (most_steps - machine.steps) // _SHARE_KEPT
    try:
        run_constructor(machine, frame, instance, arguments, span)
    except BudgetSpent:
        if not is_part:
            raise
        machine.is_complete = False
        instance.is_opaque = True
        for value in arguments.values():
            results.escape(value)
    finally:
        machine.most_steps = most_steps
        machine.active.pop()
        machine.constructing -= 1
    return instance


def _name(base: ClassDefinition | External) -> str:
    return base.name if isinstance(base, External) else base.qualified_name


def run_constructor(machine: Machine, frame: Frame, instance: Instance, arguments: calls.Arguments, span: Span) -> None:
    """Run ``__init__`` of an instance's class on it."""
    linked = instance.linked
    assert linked is not None
    if linked.method_before_init is not None:
        _run_hook(machine, frame, instance, linked, linked.method_before_init, span)
    elif instance.is_module and (linked.is_prepared or _may_be_prepared(machine, linked)):
        note_initialised(machine, frame, instance, span)
    set_before = _set_when_made(machine, linked)
    if set_before is None:
        # what a class's own __new__ returns may be any object
        instance.is_opaque = True
    for name in sorted(set_before or ()):
        stores.store(machine, instance, name, UNKNOWN, Registration.UNKNOWN, frame.place(span))
    member = linked.find("__init__")
    if member is UNKNOWN_MEMBER:
        instance.is_opaque = True
        instance.is_initialised = True
    elif isinstance(member, Member) and isinstance(member.node, Function):
        assert isinstance(member.owner, ClassDefinition)
        if not are_transparent(machine.project, member.owner.module, member.node.decorators):
            # What decorates a constructor runs it (deprecated arguments, registered configurations), and may run a
            # base's before.
            if may_run_before(machine.project, member.owner, member.node):
                note_initialised(machine, frame, instance, span)
        if not member.node.parameters:
            # It takes no self: there is no instance of an interface that is there to be read.
            note_initialised(machine, frame, instance, span)
        constructor = objects.method_of(machine, member.owner, member.node, instance)
        calls.call(machine, frame, constructor, arguments, span)
    elif (fields := dataclass_fields(linked)) is not None:
        _fill_fields(machine, frame, instance, linked, fields, arguments, span)
    else:
        initialise_external(machine, instance, external_base(linked, None), arguments, frame.place(span))


def _may_be_prepared(machine: Machine, linked: LinkedClass) -> bool:
    """Whether ``__new__`` or a metaclass of the source may run ``Module.__init__`` before ``__init__`` does."""
    metaclass = linked.metaclass
    is_ordinary = metaclass is None or (isinstance(metaclass, External) and metaclass.name in _ORDINARY_METACLASSES)
    return not is_ordinary or _set_when_made(machine, linked) is None


def _set_when_made(machine: Machine, linked: LinkedClass) -> frozenset[str] | None:
    """The attributes that an instance has before its constructor runs; None where its class may make anything."""
    new = linked.find("__new__")
    if not isinstance(new, Member) or new.node is None:
        return frozenset()
    return machine.project.scanned(set_when_made, new.node) if isinstance(new.node, Function) else None


def note_initialised(machine: Machine, frame: Frame, instance: Instance, span: Span) -> None:
    """Record that ``Module.__init__`` has run, or may have, before the constructor's body or where it hands self on.

    What forward hands self to comes too late to have built it.
    """
    instance.is_initialised = True
    if instance is machine.root and machine.phase is Phase.CONSTRUCTOR:
        machine.emit(BaseConstructorRan(frame.place(span), ()))


def _fill_fields(
    machine: Machine,
    frame: Frame,
    instance: Instance,
    linked: LinkedClass,
    fields: list[DataclassField],
    arguments: calls.Arguments,
    span: Span,
) -> None:
    _run_hook(machine, frame, instance, linked, "__attrs_pre_init__", span)
    positional = list(arguments.positional)
    for item in fields:
        if positional:
            value: Value = positional.pop(0)
        elif item.name in arguments.keywords:
            value = arguments.keywords[item.name]
        else:
            value = UNKNOWN
        stores.set_attribute(machine, frame, instance, item.name, value, frame.place(span))
    for hook in ("__attrs_post_init__", "__post_init__"):
        _run_hook(machine, frame, instance, linked, hook, span)


def _run_hook(machine: Machine, frame: Frame, instance: Instance, linked: LinkedClass, hook: str, span: Span) -> None:
    member = linked.find(hook)
    if isinstance(member, Member) and isinstance(member.node, Function):
        method = objects.bind_member(machine, frame, instance, instance, member)
        calls.call(machine, frame, method, calls.Arguments([]), span)


def external_base(linked: LinkedClass, after: ClassDefinition | External | None) -> str | None:
    """The first of torch's (or a framework's) Module classes in the method resolution order, behind ``after``.

    Where it is not known what stands behind a class that is not read, that is ``_UNKNOWN_BASE``.
    """
    mro = list(linked.mro)
    if isinstance(after, External) and after.name != MODULE:
        return _behind(mro, after.name)
    if after is not None and after in mro:
        mro = mro[mro.index(after) + 1 :]
    for base in mro:
        if isinstance(base, External) and torch_api.is_module_class(base.name):
            return base.name
    return None


def _behind(mro: list[ClassDefinition | External], name: str) -> str:
    """What stands right behind a class of torch's, where one base of torch's brought it into the order."""
    unread = [base.name for base in mro if isinstance(base, External) and base.name != MODULE]
    bases = [base for base in unread if torch_api.is_module_class(base) is not False]
    order = torch_api.class_mro(bases[0]) if len(bases) == 1 else None
    if order is None or name not in order:
        return _UNKNOWN_BASE
    return order[order.index(name) + 1]


def initialise_external(
    machine: Machine, instance: Instance, name: str | None, arguments: calls.Arguments, place: Place
) -> None:
    """Run the constructor of one of torch's classes on an instance: ``Module.__init__`` forgets what was there."""
    if name is None:
        return
    if instance is machine.root:
        wiped = tuple(held for held, binding in instance.bindings.items() if binding.registration in REGISTERED)
        is_second = instance.is_initialised and not machine.undecided
        machine.emit(BaseConstructorRan(machine.own_statement or place, wiped if is_second else ()))
    if instance.is_initialised and not machine.undecided:
        for held in [key for key, value in instance.bindings.items() if value.registration in REGISTERED]:
            del instance.bindings[held]
    instance.is_initialised = True
    layer = torch_api.layers.get(name)
    if layer is not None:
        add_layer_state(machine, instance, layer, arguments, place)
    elif name != MODULE and not leaves_heirs_alone(name):
        instance.is_opaque = True


def construct_layer(machine: Machine, frame: Frame, layer: Layer, arguments: calls.Arguments, span: Span) -> Instance:
    """Make one of torch's layers."""
    place = frame.place(span)
    instance = Instance(place, machine.phase, None, layer.name, True, is_lazy=layer.is_lazy)
    instance.is_initialised = True
    calls.note_made(machine, instance, place)
    device = devices.device_of(arguments.keywords.get("device", NONE))
    devices.note_literal(machine, frame, device, f"device={device.literal!r}" if device else "", None, span)
    add_layer_state(machine, instance, layer, arguments, place)
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


def add_layer_state(
    machine: Machine, instance: Instance, layer: Layer, arguments: calls.Arguments, place: Place
) -> None:
    """Register what a layer of torch's registers, given its constructor's arguments."""
    if layer.is_container:
        _fill_container(machine, instance, layer, arguments, place)
        return
    if layer.children:
        instance.is_opaque = True
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
    decided = calls.Arguments(arguments.positional, dict(arguments.keywords), arguments.is_exact)
    slots = {slot.name for slot in (*layer.parameters, *layer.buffers)}
    for name, value in arguments.keywords.items():
        if isinstance(value, Symbol) and value.default is not None and isinstance(value.default.value, bool):
            outcome = evaluate.truth(machine, value)
            if outcome is not None:
                decided.keywords[name] = Known(outcome)
                if name not in slots and name in _KEPT:
                    instance.bindings[name] = Binding(Known(outcome), Registration.OTHER, place, machine.phase)
    return decided


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
    for item in arguments.unplaced:
        if isinstance(item, (Tensor, Instance)):
            item.is_registered = True
    for name, item in items:
        if isinstance(item, Tensor) and layer.name.startswith("torch.nn.Parameter") and not item.is_parameter:
            item = make_parameter(machine, item, place, True)
        stores.set_on_module(machine, instance, name, item, place)
    instance.is_opaque = instance.is_opaque or not is_exact


def make_parameter(
    machine: Machine, data: Value, place: Place, requires_grad: bool | None, *, is_buffer: bool = False
) -> Tensor:
    """``nn.Parameter(data)`` or ``nn.Buffer(data)``: a leaf that shares the data's storage."""
    source = data if isinstance(data, Tensor) else None
    if source is not None and source.ancestor is not None:
        source.ancestor.is_registered = True  # what was made of a Parameter is the values of another
    return Tensor(
        made=place,
        factory="nn.Buffer" if is_buffer else "nn.Parameter",
        phase=machine.phase,
        placement=source.placement if source is not None else Placement.UNKNOWN,
        storage=source.storage if source is not None else Storage(Fill.UNKNOWN),
        rank=source.rank if source is not None else None,
        least_rank=source.least_rank if source is not None else 0,
        is_parameter=not is_buffer,
        is_buffer=is_buffer,
        is_random=source.is_random if source is not None else False,
        is_empty=source.is_empty if source is not None else False,
        is_integer=source.is_integer if source is not None else None,
        is_table=source is not None and source.is_table,
        is_single=source is not None and source.is_single,
        requires_grad=requires_grad,
    )


def forward_of(machine: Machine, instance: Instance) -> Value:
    """The bound ``forward`` of an instance of a class in the source; UNKNOWN where there is none to see."""
    linked = instance.linked
    if linked is None:
        return UNKNOWN
    member = linked.find("forward")
    if not isinstance(member, Member) or not isinstance(member.node, Function):
        return UNKNOWN
    return objects.bind_member(machine, Frame(linked.definition.module, ()), instance, instance, member)

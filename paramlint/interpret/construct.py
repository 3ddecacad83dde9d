"""Making instances: of classes in the source, of torch's layers, and Parameters."""

from __future__ import annotations

from paramlint import torch_api
from paramlint.interpret import calls, layers, objects, results, stores
from paramlint.interpret.base_call import may_run_before
from paramlint.interpret.decorators import are_transparent
from paramlint.interpret.events import BaseConstructorRan
from paramlint.interpret.limits import BudgetSpent
from paramlint.interpret.machine import MOST_DEPTH, Frame, Machine
from paramlint.interpret.sets import set_when_made
from paramlint.interpret.slots import REGISTERED, Fill, Phase, Place, Registration
from paramlint.interpret.values import (
    UNKNOWN,
    Instance,
    Placement,
    Storage,
    Tensor,
    Value,
)
from paramlint.model.code import Function, Span
from paramlint.project.classes import UNKNOWN as UNKNOWN_MEMBER, LinkedClass, Member
from paramlint.project.definitions import ClassDefinition, External
from paramlint.project.fields import DataclassField, dataclass_fields
from paramlint.project.frameworks import leaves_heirs_alone
from paramlint.torch_api import Layer

# Of the steps that are left when a constructor makes a part, one in so many is kept for what follows.
_SHARE_KEPT = 4
_ORDINARY_METACLASSES = ("abc.ABCMeta", "builtins.type", "typing.GenericMeta")
MODULE = "torch.nn.Module"
_UNKNOWN_BASE = ""


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
        instance.blur()
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
        instance.blur()
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
        instance.blur()
    for name in sorted(set_before or ()):
        stores.store(machine, instance, name, UNKNOWN, Registration.UNKNOWN, frame.place(span))
    member = linked.find("__init__")
    if member is UNKNOWN_MEMBER:
        instance.blur()
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
        initialise_external(machine, frame, instance, external_base(linked, None), arguments, span)


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
    machine: Machine, frame: Frame, instance: Instance, name: str | None, arguments: calls.Arguments, span: Span
) -> None:
    """Run the constructor of one of torch's classes on an instance: ``Module.__init__`` forgets what was there."""
    if name is None:
        return
    place = frame.place(span)
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
        layers.add_state(machine, instance, layer, arguments, place)
        _reset(machine, frame, instance, layer, span)
    elif name != MODULE and not leaves_heirs_alone(name):
        instance.blur()


def _reset(machine: Machine, frame: Frame, instance: Instance, layer: Layer, span: Span) -> None:
    """Run the method by which a layer of torch's fills its parameters, where the class has one of its own.

    The constructor makes them of ``torch.empty`` and calls it last (torch/nn/modules/linear.py, and all others).
    """
    linked, method = instance.linked, torch_api.resets_by(layer.name)
    member = linked.find(method) if linked is not None and method is not None else None
    if linked is None or method is None or not isinstance(member, Member) or member.node is None:
        return
    for slot in layer.parameters:
        held = instance.bindings.get(slot.name)
        for value in () if held is None else (held.value, held.switch.held if held.switch is not None else None):
            if isinstance(value, Tensor):
                value.storage = Storage(Fill.UNINITIALISED)
    _run_hook(machine, frame, instance, linked, method, span)


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

"""Writing attributes and items: what ``nn.Module.__setattr__`` and its ``register_*`` methods put where."""

from __future__ import annotations

from paramlint import torch_api
from paramlint.interpret import calls, initialisation, products, results, tensors
from paramlint.interpret.events import (
    AssignedBeforeInit,
    LostParameter,
    ParameterAsBuffer,
    Rebinding,
    ShadowedRegistration,
    StateWritten,
)
from paramlint.interpret.hierarchy import own_methods, taken_attributes
from paramlint.interpret.limits import PathEnds
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.scan import assigned_attributes
from paramlint.interpret.slots import Phase, Place, Registration
from paramlint.interpret.summaries import has_state
from paramlint.interpret.values import (
    NONE,
    UNKNOWN,
    Binding,
    Container,
    Instance,
    Known,
    Placement,
    Super,
    Tensor,
    Value,
    join,
)
from paramlint.model import code
from paramlint.project.classes import UNKNOWN as UNKNOWN_MEMBER, LinkedClass, Member
from paramlint.project.definitions import ClassDefinition
from paramlint.project.names import last_word


def set_attribute(machine: Machine, frame: Frame, receiver: Value, name: str, value: Value, place: Place) -> None:
    """Perform ``receiver.name = value``."""
    if isinstance(receiver, Super):
        receiver = receiver.receiver
    initialisation.note_assignment(machine, frame, receiver, name, value, place)
    if isinstance(receiver, Tensor):
        if name == "data":
            results.write(machine, receiver)
            receiver.values_of = value.values_of if isinstance(value, Tensor) else None
        elif name == "requires_grad" and isinstance(value, Known):
            receiver.requires_grad = bool(value.value)
        return
    if not isinstance(receiver, Instance):
        results.escape(value)
        return
    if not receiver.is_module:
        store(machine, receiver, name, value, Registration.OTHER, place)
        return
    if receiver.linked is not None:
        member = receiver.linked.find("__setattr__")
        own = isinstance(member, Member) and member.node is not None
        hidden = receiver.linked.find(name)
        if own or (isinstance(hidden, Member) and _is_property(hidden.node)):
            results.escape(value)
            store(machine, receiver, name, UNKNOWN, Registration.UNKNOWN, place)
            for set_name in _set_by_property(machine, receiver.linked, name) - receiver.bindings.keys():
                store(machine, receiver, set_name, UNKNOWN, Registration.UNKNOWN, place)
            return
    set_on_module(machine, receiver, name, value, place, frame)


def _is_property(node: object) -> bool:
    return isinstance(node, code.Function) and any(
        last_word(item) in ("property", "setter") for item in node.decorators
    )


def _set_by_property(machine: Machine, linked: LinkedClass, name: str) -> frozenset[str]:
    """The attributes that the setters of a property bind."""
    return frozenset().union(
        *(
            machine.project.scanned(assigned_attributes, function.body)
            for base in linked.sources
            for function in base.node.body
            if isinstance(function, code.Function) and function.name == name and _is_property(function)
        )
    )


def extend_module(machine: Machine, instance: Instance, items: list[Value], place: Place) -> None:
    """Append to a ``ModuleList``, ``Sequential`` or ``ParameterList``."""
    for item in items:
        set_on_module(machine, instance, str(len(instance.bindings)), item, place)


def set_on_module(
    machine: Machine, receiver: Instance, name: str, value: Value, place: Place, frame: Frame | None = None
) -> None:
    """What ``nn.Module.__setattr__`` does (torch/nn/modules/module.py); ``frame`` is that of a written assignment."""
    old = receiver.bindings.get(name)
    held = None if old is None else old.registration
    if isinstance(value, Tensor) and value.is_parameter:
        _note_class_attribute(machine, receiver, name, value, place, raises=True)
        register(machine, receiver, name, value, Registration.PARAMETER, place)
    elif isinstance(value, Instance) and value.is_module:
        _note_class_attribute(machine, receiver, name, value, place, raises=False)
        register(machine, receiver, name, value, Registration.SUBMODULE, place)
    elif isinstance(value, Tensor) and value.is_buffer:
        _note_class_attribute(machine, receiver, name, value, place, raises=True)
        register(machine, receiver, name, value, Registration.BUFFER, place, value.is_persistent)
    elif held is Registration.PARAMETER and old is not None:
        _rebind_parameter(machine, receiver, name, value, old, place, frame)
    elif held in (Registration.BUFFER, Registration.SUBMODULE) and value == NONE:
        store(machine, receiver, name, value, held, place)
    elif held is Registration.SUBMODULE and old is not None and _is_refused(machine, receiver, old, value):
        raise PathEnds
    elif held is Registration.BUFFER and isinstance(value, Tensor):
        value.is_registered = True
        # registered on some way through construction only, the name may be free, and the tensor a plain one
        is_buffer = machine.phase is Phase.FORWARD or (old is not None and old.is_certain)
        store(machine, receiver, name, value, Registration.BUFFER if is_buffer else Registration.UNKNOWN, place)
    else:
        store(machine, receiver, name, value, Registration.OTHER, place)


def _is_refused(machine: Machine, receiver: Instance, old: Binding, value: Value) -> bool:
    """Whether torch raises TypeError: under the name of a submodule, it takes nothing but a Module or None."""
    if not old.is_certain or machine.undecided or machine.guarded or receiver.is_opaque or old.value == NONE:
        return False
    return isinstance(value, (Container, Known)) or (isinstance(value, Tensor) and value.is_certain)


def _rebind_parameter(
    machine: Machine, receiver: Instance, name: str, value: Value, old: Binding, place: Place, frame: Frame | None
) -> None:
    path = _path_from_root(machine, receiver, frame)
    if receiver.recomputed == name:
        # A parametrised name takes a tensor, through right_inverse (torch/nn/utils/parametrize.py).
        return
    if machine.phase is Phase.FORWARD and isinstance(old.value, Tensor) and isinstance(value, Tensor):
        if value.made == old.value.made:
            return  # only converted: where nothing is to be changed, that is the Parameter itself
    if isinstance(value, Tensor) and value.is_certain and path is not None:
        if old.is_certain and not machine.undecided and not machine.guarded and not receiver.is_opaque:
            machine.emit(Rebinding(place, machine.phase, path + name, old.place, False))
        return
    if value == NONE:
        store(machine, receiver, name, value, Registration.PARAMETER, place)
    elif not isinstance(value, Tensor):
        old.registration = Registration.UNKNOWN


def _path_from_root(machine: Machine, receiver: Instance, frame: Frame | None) -> str | None:
    """ "" for the instance itself, ``"name."`` for a submodule of it that its own code is at work on, else None."""
    root = machine.root
    if root is None or receiver is root:
        return "" if root is not None else None
    if frame is None or frame.receiver is not root:
        return None
    return next((f"{name}." for name, binding in root.bindings.items() if binding.value is receiver), None)


def register(
    machine: Machine,
    receiver: Instance,
    name: str,
    value: Value,
    registration: Registration,
    place: Place,
    is_persistent: bool = True,
) -> None:
    """Put a value under a registered name."""
    if receiver is machine.root and not receiver.is_initialised and not receiver.is_opaque:
        is_certain = machine.is_complete and not (machine.undecided or machine.guarded)
        machine.emit(AssignedBeforeInit(place, name, registration, is_certain))
    if isinstance(value, (Tensor, Instance)):
        value.is_registered = True
    store(machine, receiver, name, value, registration, place, is_persistent)


def store(
    machine: Machine,
    receiver: Instance,
    name: str,
    value: Value,
    registration: Registration,
    place: Place,
    is_persistent: bool = True,
) -> None:
    """Bind a name on an object; below an undecided condition the old value may survive."""
    old = receiver.bindings.get(name)
    is_certain = machine.undecided == 0
    if not is_certain and old is not None and old.value != NONE and registration is Registration.OTHER:
        value = join(old.value, value)
    phase, bound_at = machine.phase, place
    if old is not None and old.phase is Phase.CONSTRUCTOR and machine.phase is Phase.FORWARD:
        phase, bound_at = old.phase, old.place
    receiver.bindings[name] = Binding(value, registration, bound_at, phase, is_certain, is_persistent)
    if isinstance(value, Container) and receiver is not machine.root:
        value.is_lent = True
    if machine.phase is Phase.FORWARD and receiver is machine.root:
        machine.rewritten[name] = place
        if machine.below_none:
            machine.made_once.add(name)
    elif machine.phase is Phase.FORWARD and receiver.is_module:
        machine.changed.add(name)
    if isinstance(value, (Tensor, Instance)):
        calls.note_stored(machine, receiver, name, value)
    products.count_reads([value])


def register_buffer(
    machine: Machine, receiver: Instance, name: str, value: Value, is_persistent: bool, place: Place
) -> None:
    """What ``Module.register_buffer`` does."""
    old = receiver.bindings.get(name)
    is_refused = old is not None and old.registration is Registration.PARAMETER
    if isinstance(value, Tensor) and value.is_parameter and receiver is machine.root and not is_refused:
        if value.requires_grad is not False:  # what is not to be trained belongs among the buffers
            machine.emit(ParameterAsBuffer(place, name, True))
    _note_shadow(machine, receiver, name, value, place)
    register(machine, receiver, name, value, Registration.BUFFER, place, is_persistent)


def _note_shadow(machine: Machine, receiver: Instance, name: str, value: Value, place: Place) -> None:
    """What ``register_buffer`` and ``register_parameter`` refuse: a name for which ``hasattr`` holds."""
    old = receiver.bindings.get(name)
    if old is None:
        _note_class_attribute(machine, receiver, name, value, place, raises=True)
    elif receiver is machine.root and old.registration is Registration.OTHER and old.is_certain:
        if not machine.undecided and not machine.guarded and not receiver.is_opaque:
            machine.emit(ShadowedRegistration(place, name, old.place, "a plain attribute", True))


def _note_class_attribute(
    machine: Machine, receiver: Instance, name: str, value: Value, place: Place, *, raises: bool
) -> None:
    """Assigning registers too, and refuses what the class has; a submodule is registered, but hidden by it."""
    if receiver is not machine.root or receiver.linked is None or name in receiver.bindings:
        return
    if machine.undecided or machine.guarded or receiver.is_opaque:
        return
    member = receiver.linked.find(name)
    if isinstance(member, Member) and isinstance(member.owner, ClassDefinition):
        if not raises and _does_the_same(member.node, value):
            return
        if member.node is not None and not (isinstance(member.node, code.Function) and member.node.decorators):
            earlier = Place(member.owner.module.place, member.node.span)
            machine.emit(ShadowedRegistration(place, name, earlier, "a class attribute", raises))
    elif member is not UNKNOWN_MEMBER and name in torch_api.module_methods():
        if not raises and not _is_taken(machine, receiver.linked, name):
            return  # whoever calls it means Module's method, and gets that
        machine.emit(ShadowedRegistration(place, name, None, "a method of Module", raises))


def _is_taken(machine: Machine, linked: LinkedClass, name: str) -> bool:
    """Whether a method of a hierarchy reads what an attribute holds."""
    return any(name in machine.project.scanned(taken_attributes, function) for _, function in own_methods(linked))


def _does_the_same(node: object, value: Value) -> bool:
    """Whether a class attribute is made by a call of the class that a submodule has, and neither holds anything."""
    if not isinstance(node, code.Call) or not isinstance(value, Instance) or has_state(value) is not False:
        return False
    return last_word(node) == value.class_name


def register_parameter(machine: Machine, receiver: Instance, name: str, value: Value, place: Place) -> None:
    """What ``Module.register_parameter`` does: only a Parameter or None is taken."""
    if isinstance(value, Tensor) and not value.is_parameter and value.is_certain:
        if receiver is machine.root and not machine.undecided and not machine.guarded:
            machine.emit(Rebinding(place, machine.phase, name, None, True))
        return
    _note_shadow(machine, receiver, name, value, place)
    register(machine, receiver, name, value, Registration.PARAMETER, place)


def note_state(machine: Machine, tensor: Tensor, place: Place, operation: str) -> None:
    """Notice that forward writes to a plain tensor of the instance's that was there before, or is made but once."""
    root, name = machine.root, tensor.home
    if machine.phase is not Phase.FORWARD or not machine.is_called_by_forward or root is None or name is None:
        return
    machine.changed.add(name)
    held = root.bindings.get(name)
    if held is None or held.registration is not Registration.OTHER or not isinstance(held.value, Tensor):
        return
    lives_on = name in machine.made_once if name in machine.rewritten else held.phase is Phase.CONSTRUCTOR
    if lives_on and held.value.storage is tensor.storage and held.value.is_certain and not tensor.is_registered:
        machine.emit(StateWritten(place, name, operation))


def set_item(machine: Machine, frame: Frame, receiver: Value, index: Value, value: Value, place: Place) -> None:
    """Perform ``receiver[index] = value``."""
    match receiver:
        case Tensor():
            note_state(machine, receiver, place, "[]=")
            if results.is_kept_from_writes(machine, receiver) and not (machine.undecided or machine.guarded):
                machine.emit(LostParameter(place, machine.phase, "[]="))
            tensors.check_item_write(machine, frame, receiver, index, value, place.span)
            results.write(machine, receiver)
            if isinstance(value, Tensor) and value.factory == "from_numpy" and machine.phase is Phase.FORWARD:
                receiver.placement = Placement.UNKNOWN  # it takes what is on the CPU by design
        case Container():
            _note_rewritten(machine, receiver, place)
            if receiver.kind == "dict":
                _set_key(machine, receiver, index, value)
            elif isinstance(index, Known) and isinstance(index.value, int) and receiver.is_exact:
                if -len(receiver.items) <= index.value < len(receiver.items):
                    receiver.items[index.value] = value
            else:
                if isinstance(value, Tensor):
                    _take_any_place(machine, receiver, value)
                receiver.items.append(value)
                receiver.is_exact = False
        case Instance(is_module=True):
            key = str(index.value) if isinstance(index, Known) else f"[{len(receiver.bindings)}]"
            set_on_module(machine, receiver, key, value, place)
            _note_kept(machine, receiver, value)
        case _:
            results.escape(value)


def _set_key(machine: Machine, container: Container, index: Value, value: Value) -> None:
    """A key that a dict has is given another value; where that may not happen, it may have either."""
    if index in container.keys and index is not UNKNOWN and not machine.is_unsure:
        container.items[container.keys.index(index)] = value
        return
    container.keys.append(index)
    container.items.append(value)
    container.is_exact = container.is_exact and not machine.is_unsure


def _note_kept(machine: Machine, container: Instance, value: Value) -> None:
    """What forward puts into a ``ModuleDict`` or the like of the instance is there in the next call."""
    root = machine.root
    if machine.phase is not Phase.FORWARD or root is None:
        return
    for name, binding in root.bindings.items():
        if binding.value is container:
            machine.changed.add(name)
            if isinstance(value, (Tensor, Instance)):
                calls.note_stored(machine, root, name, value)


def _take_any_place(machine: Machine, container: Container, value: Tensor) -> None:
    """A tensor takes the place of any in a container; what construction has put there is known by what it is."""
    if machine.phase is Phase.FORWARD:
        container.items[:] = [join(old, value) if isinstance(old, Tensor) else old for old in container.items]
        return
    for old in container.items:
        if isinstance(old, Tensor) and old.placement is not value.placement:
            old.placement = Placement.UNKNOWN


def _note_rewritten(machine: Machine, container: Container, place: Place) -> None:
    """What forward puts into a container of the instance replaces what construction put there, by whichever name."""
    if machine.phase is Phase.FORWARD and machine.root is not None:
        for name, binding in machine.root.bindings.items():
            if binding.value is container:
                machine.rewritten[name] = place

"""The typestate of parameters under initialisation: who wrote them last, what a scheme reached, what it left alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from paramlint import torch_api
from paramlint.interpret.events import (
    DataReplaced,
    InitialisedModule,
    KeptConstant,
    LayerLeft,
    Marked,
    Overwritten,
    RandomGain,
    SchemeRan,
    Tied,
    UninitialisedRead,
    Write,
    Writer,
)
from paramlint.interpret.initialised import CARRYING, initialised_attributes, initialised_targets
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.scan import nodes, tested_types
from paramlint.interpret.slots import Fill, Phase, Place, Registration
from paramlint.interpret.values import (
    Closure,
    Instance,
    Known,
    Partial,
    Placement,
    Storage,
    Symbol,
    Tensor,
    Value,
)
from paramlint.interpret.writes import fills_parameters
from paramlint.model import code

_WITH_PARAMETERS = (Registration.PARAMETER, Registration.SUBMODULE, Registration.UNKNOWN)
DEEPEST = 12
_FIXED = {"zeros_": Known(0), "zero_": Known(0), "ones_": Known(1)}
_SCHEME = re.compile(r"_*(init|reset)")
_CONSTANT = frozenset({"zeros_", "ones_", "constant_", "zero_", "fill_", "eye_", "dirac_"})


def note_write(
    machine: Machine, frame: Frame, tensor: Tensor, place: Place, operation: str, values: list[Value]
) -> None:
    """Remember what was written to a tensor last, and whether that replaced something deliberate.

    A walk over modules may do so, and a scheme that the constructor calls after it has set a layer's weight itself.
    """
    storage = tensor.storage
    key = _value_written(operation, values)
    scheme = machine.schemes[0] if machine.schemes else ""
    new = Write(place, operation, key, _writer(machine, frame), scheme, tensor.factory)
    before, lost = storage.written, storage.overwritten
    if machine.undecided or machine.phase is not Phase.CONSTRUCTOR:
        storage.overwritten = None
    elif before is not None and _replaces(machine, tensor, before, new):
        storage.overwritten = Overwritten(before.place, before, new, None)
    elif new.writer not in (Writer.WALK, Writer.SCHEME) or (lost is not None and lost.first.key == new.key):
        storage.overwritten = None
    storage.written = new


def _writer(machine: Machine, frame: Frame) -> Writer:
    root = machine.root
    if machine.walking:
        return Writer.WALK
    if machine.schemes:
        return Writer.SCHEME
    is_own = root is not None and frame.receiver is root and frame.owner is root.linked
    return Writer.CONSTRUCTOR if is_own and frame.function == "__init__" else Writer.OTHER


def _replaces(machine: Machine, tensor: Tensor, before: Write, new: Write) -> bool:
    """Whether a write puts another value where a constant was written on purpose, all over it."""
    if not _is_deliberate(before) or before.key == new.key or tensor.is_part or new.operation in CARRYING:
        return False
    if new.writer is Writer.WALK:
        return before.writer is not Writer.WALK
    # What the constructor gives a Parameter of its own may be there for those who call the scheme no more.
    is_direct = before.writer is Writer.CONSTRUCTOR and new.writer is Writer.SCHEME
    held = () if machine.root is None else machine.root.bindings.values()
    return is_direct and not any(_shares(binding.value, tensor) for binding in held)


def is_scheme(machine: Machine, caller: Frame, method: code.Function) -> bool:
    """Whether a method of the root initialises by its name, and the constructor calls it whatever happens."""
    if not _SCHEME.match(method.name) or method.name == "__init__":
        return False
    if machine.schemes:
        return True
    constructor = caller.enclosing[-1] if caller.enclosing and caller.function == "__init__" else None
    under_way = machine.own_statement
    return (
        constructor is not None
        and under_way is not None
        and any(getattr(statement, "span", None) == under_way.span for statement in constructor.body)
    )


def _value_written(operation: str, values: list[Value]) -> str:
    """What tells one write from another: the constant where it writes one (however it is said), else the call."""
    constant = values[0] if operation in ("constant_", "fill_") and values else _FIXED.get(operation)
    if isinstance(constant, Known) and isinstance(constant.value, (int, float)):
        return repr(float(constant.value))
    return ", ".join([operation, *(repr(value.value) if isinstance(value, Known) else "?" for value in values)])


def note_gain(
    machine: Machine,
    tensor: Tensor,
    place: Place,
    operation: str,
    values: list[Value],
    keywords: dict[str, Value],
    method: str,
) -> None:
    """Notice that a loop over all parameters makes the gain of a normalisation layer random around zero."""
    is_gain = "Norm" in tensor.factory and tensor.rank == 1
    if not machine.walking_parameters or machine.undecided or machine.phase is not Phase.CONSTRUCTOR or not is_gain:
        return
    layer = tensor.factory.rsplit(".", 1)[-1]
    first = values[0] if values else keywords.get("a" if operation == "uniform_" else "mean")
    centred = operation == "normal_" and (first is None or first == Known(0) or first == Known(0.0))
    negative = operation == "uniform_" and _is_negative(first)
    if centred or negative:
        machine.emit(RandomGain(place, operation, layer, method))


def _is_negative(value: Value | None) -> bool:
    if isinstance(value, Known):
        return isinstance(value.value, (int, float)) and value.value < 0
    return isinstance(value, Symbol) and value.key.startswith("-")


def _is_deliberate(write: Write) -> bool:
    return write.operation in _CONSTANT


def note_scheme(machine: Machine, name: str, body: tuple[code.Statement, ...], place: Place) -> None:
    """Record that an initialisation scheme goes over the modules that exist so far."""
    root = machine.root
    if machine.phase is not Phase.CONSTRUCTOR or root is None or machine.undecided:
        return
    if not machine.project.scanned(initialised_attributes, body):
        return
    machine.has_scheme = True
    reached = frozenset(module.number for _, module in layers(root))
    is_bare = not reached and not any(held.registration in _WITH_PARAMETERS for held in root.bindings.values())
    is_vain = is_bare and not root.is_opaque and any(machine.project.scanned(_fills_any_kind, part) for part in body)
    types = machine.project.scanned(tested_types, body)
    restored = machine.project.scanned(_restored_types, body)
    under_way = machine.own_statement or place
    machine.emit(SchemeRan(under_way, name, types, tuple(root.bindings), reached, is_vain, restored))


def _restored_types(body: tuple[code.Statement, ...]) -> frozenset[str]:
    """The class names whose tests in a scheme guard nothing but writes of ones to weights and zeros to biases.

    With these a normalisation layer of torch's begins anyway.
    """
    restored: set[str] = set()
    changed: set[str] = set()
    for test in nodes(body):
        if isinstance(test, code.If) and (types := tested_types((test.test,))):
            written = tuple(initialised_targets(test.body))
            is_default = bool(written) and all(_is_default(*target) for target in written)
            (restored if is_default else changed).update(types)
    return frozenset(restored - changed)


def _is_default(name: str, operation: str, given: tuple[code.Expression, ...]) -> bool:
    """Whether a write gives a normalisation layer's parameter of that name what it holds from the first."""
    fixed = _FIXED.get(operation)
    written: object = None if fixed is None else fixed.value
    if operation in ("constant_", "fill_") and given and isinstance(given[-1], code.Constant):
        written = given[-1].value
    first = {"weight": 1, "bias": 0}.get(name)
    return first is not None and written == first


def _fills_any_kind(statement: code.Statement) -> bool:
    """Whether a statement writes all parameters, whatever kind of module they belong to."""
    return fills_parameters((statement,)) and not tested_types((statement,))


def note_descent(machine: Machine, given: list[Value], place: Place) -> None:
    """Record the schemes among what a function is given that goes over the modules below the root (``named_apply``)."""
    if machine.walking or not any(value is machine.root for value in given):
        return
    for value in given:
        applied = value.function if isinstance(value, Partial) else value
        if isinstance(applied, Closure) and isinstance(applied.node, code.Function):
            note_scheme(machine, applied.node.name, applied.node.body, place)


def layers(root: Instance) -> Iterator[tuple[str, Instance]]:
    """The modules below an instance, each with the attribute of the instance under which it lives."""
    seen: set[int] = {id(root)}
    for name, binding in root.bindings.items():
        waiting = [(binding.value, 0)] if binding.registration is Registration.SUBMODULE else []
        while waiting:
            value, depth = waiting.pop()
            if not isinstance(value, Instance) or id(value) in seen or depth > DEEPEST:
                continue
            seen.add(id(value))
            yield name, value
            waiting.extend(
                (held.value, depth + 1)
                for held in value.bindings.values()
                if held.registration is Registration.SUBMODULE
            )


def layers_left(root: Instance) -> tuple[LayerLeft, ...]:
    """The layers of torch's below an instance whose weight nothing wrote after the layer made itself."""
    return tuple(
        LayerLeft(name, module.class_name, module.made, module.number, kinds(module.external or ""))
        for name, module in layers(root)
        if module.linked is None and not module.is_lazy and _is_at_default(module)
    )


def note_module(machine: Machine, module: Instance, place: Place, operation: str) -> None:
    """Notice that a module is treated as the tensor that an initialising operation takes."""
    if not machine.undecided and not machine.guarded:
        owned = () if machine.root is None else machine.root.bindings.items()
        attribute = next((name for name, held in owned if held.value is module), None)
        machine.emit(InitialisedModule(machine.reached or place, operation, attribute))


def owner_of(root: Instance, value: Value) -> str | None:
    """The attribute of an instance under which a module, or a parameter's memory, is found."""
    for name, binding in root.bindings.items():
        if binding.value is value or _shares(binding.value, value):
            return name
    for name, module in layers(root):
        if module is value or any(_shares(held.value, value) for held in module.bindings.values()):
            return name
    return None


def _over(root: Instance, memory: Tensor) -> tuple[str, ...]:
    """The attributes of an instance under which parameters, its own or its layers', lie over some memory."""
    own = ((name, binding) for name, binding in root.bindings.items())
    parts = ((name, binding) for name, layer in layers(root) for binding in layer.bindings.values())
    return tuple(
        name
        for name, binding in (*own, *parts)
        if isinstance(binding.value, Tensor) and binding.value.is_parameter and _shares(binding.value, memory)
    )


def _shares(first: Value, second: Value) -> bool:
    return isinstance(first, Tensor) and isinstance(second, Tensor) and first.storage is second.storage


def note_assignment(machine: Machine, frame: Frame, receiver: Value, name: str, value: Value, place: Place) -> None:
    """Notice ties, memory that is replaced, and marks set on modules, as construction makes them."""
    root = machine.root
    if root is None or machine.phase is not Phase.CONSTRUCTOR or machine.undecided:
        return
    if isinstance(receiver, Tensor) and name == "data" and isinstance(value, Tensor):
        attribute = owner_of(root, receiver)
        others = _over(root, value)
        if attribute is not None and receiver.storage is not value.storage and others:
            machine.emit(Tied(place, attribute, frame.function, True, others))
        elif attribute is not None and _is_left_behind(frame, value):
            machine.emit(DataReplaced(place, attribute, frame.function))
    elif isinstance(receiver, Instance) and receiver.is_module and isinstance(value, Tensor) and value.is_parameter:
        old = receiver.bindings.get(name)
        replaces = old is not None and old.registration is Registration.PARAMETER and old.value is not value
        if replaces and value.is_registered:
            attribute = name if receiver is root else owner_of(root, receiver)
            if attribute is not None:
                machine.emit(Tied(place, attribute, frame.function, False, ()))
    elif isinstance(receiver, Instance) and receiver.linked is not None and receiver is not root:
        if isinstance(value, Known) and receiver.is_module and name not in receiver.bindings:
            attribute = owner_of(root, receiver)
            if attribute is None:
                return
            names = [getattr(base, "qualified_name", getattr(base, "name", "")) for base in receiver.linked.mro]
            machine.emit(Marked(place, attribute, name, frozenset(item.rsplit(".", 1)[-1] for item in names)))


def _is_left_behind(frame: Frame, value: Tensor) -> bool:
    """Whether a function that may run again makes a tensor without asking where the model is."""
    return value.placement is Placement.DEFAULT and not value.follows_model and frame.function != "__init__"


def layers_unfilled(root: Instance) -> tuple[LayerLeft, ...]:
    """The layers of torch's below an instance, and its lists of parameters, that hold memory which nothing has written."""
    lists = {id(binding.value) for binding in root.bindings.values()}
    return tuple(
        LayerLeft(name, module.class_name, module.made, module.number, kinds(module.external or ""))
        for name, module in layers(root)
        if module.linked is None
        and any(
            isinstance(held.value, Tensor)
            and held.registration is Registration.PARAMETER
            and (held.value.factory == module.external or (id(module) in lists and not held.value.is_empty))
            and held.value.storage.fill is Fill.UNINITIALISED
            for held in module.bindings.values()
        )
    )


def note_read(machine: Machine, place: Place, operands: list[Tensor], operation: str) -> None:
    """Notice that forward computes with memory that the constructor left unwritten."""
    if machine.phase is not Phase.FORWARD or machine.undecided or not machine.is_called_by_forward:
        return
    for operand in operands:
        if operand.home is not None and operand.phase is Phase.CONSTRUCTOR and not operand.is_empty:
            if operand.storage.fill is Fill.UNINITIALISED:
                machine.emit(UninitialisedRead(place, operand.home, operation))


def forget(instance: Instance) -> None:
    """Take what ``to_empty`` and ``skip_init`` do to a module's tensors: new memory, not written."""
    for _, module in [("", instance), *layers(instance)]:
        for held in module.bindings.values():
            if isinstance(held.value, Tensor) and held.registration in (Registration.PARAMETER, Registration.BUFFER):
                held.value.storage = Storage(Fill.UNINITIALISED)


def kinds(layer: str) -> tuple[str, ...]:
    """The names of a layer's class and of torch's classes that it inherits from."""
    return tuple(base.rsplit(".", 1)[-1] for base in torch_api.class_mro(layer) or ())


def _is_at_default(module: Instance) -> bool:
    binding = module.bindings.get("weight")
    return (
        binding is not None
        and isinstance(binding.value, Tensor)
        and binding.registration is Registration.PARAMETER
        and binding.value.factory == module.external
        and not binding.value.storage.is_touched
        and module.recomputed is None
    )


def constants(root: Instance) -> Iterator[Overwritten | KeptConstant]:
    """What became of the deliberate values below an instance: a later scheme replaced them, or they are still there."""
    for name, module in [("", root), *layers(root)]:
        for attribute, binding in module.bindings.items():
            if isinstance(binding.value, Tensor) and binding.registration is Registration.PARAMETER:
                storage = binding.value.storage
                if storage.overwritten is not None:
                    yield storage.overwritten._replace(attribute=name or attribute)
                elif storage.written is not None and _is_deliberate(storage.written):
                    yield KeptConstant(storage.written.place)


def touch(storage: Storage) -> None:
    """Note that something may have written a storage."""
    storage.is_touched = True
    storage.overwritten = storage.constant = None

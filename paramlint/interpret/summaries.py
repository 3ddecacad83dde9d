"""Turning values into the frozen summaries that rules read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TypeGuard

from paramlint.interpret.slots import Member, ModuleSummary, Registration, Slot, TensorSummary
from paramlint.interpret.values import Container, Instance, Known, Symbol, Tensor, Unknown, Value

DEEPEST = 4
PARAMETERS = frozenset({Registration.PARAMETER})
STATE = frozenset({Registration.PARAMETER, Registration.BUFFER})


def summarise_tensor(tensor: Tensor) -> TensorSummary:
    """The frozen form of a tensor."""
    ancestor = tensor.ancestor
    lost = tensor.lost if ancestor is not None and not ancestor.is_registered else None
    return TensorSummary(
        number=tensor.number,
        made=tensor.made,
        factory=tensor.factory,
        phase=tensor.phase,
        rank=tensor.rank,
        is_parameter=tensor.is_parameter,
        is_registered=tensor.is_registered,
        is_random=tensor.is_random,
        is_empty=tensor.is_empty or tensor.length == 0,
        is_integer=tensor.is_integer,
        requires_grad=tensor.requires_grad,
        is_leaf=tensor.is_leaf,
        placement=tensor.placement.value,
        fill=tensor.storage.fill,
        lost=lost,
        is_table=tensor.is_table,
        is_derived=ancestor is not None and ancestor.is_registered,
        is_output=tensor.is_output,
        written_by=tensor.storage.written.operation if tensor.storage.written is not None else None,
    )


def summarise_module(instance: Instance, owner: Instance | None = None) -> ModuleSummary:
    """The frozen form of a Module object; what ``owner`` registers by other ways is no state of it."""
    learned = is_learned(instance)
    return ModuleSummary(
        class_name=instance.class_name,
        made=instance.made,
        phase=instance.phase,
        has_state=has_state(instance) if owner is None else _has_other_state(instance, owner),
        is_registered=instance.is_registered,
        is_learned=learned,
        is_frozen=not learned and has_state(instance, PARAMETERS) is not False,
        is_own=instance.linked is not None,
    )


def is_learned(instance: Instance, depth: int = 0) -> bool:
    """Whether a Module certainly holds a parameter that asks for gradients, itself or below.

    ``affine=affine`` gives it one where the class's own default is true, and nobody says otherwise.
    """
    for binding in instance.bindings.values():
        value = binding.value
        if binding.switch is not None and isinstance(binding.switch.setting, Symbol):
            value = binding.switch.held if binding.switch.setting.default == Known(True) else value
        if binding.registration is Registration.PARAMETER and isinstance(value, Tensor):
            if value.requires_grad is True and not value.is_empty:
                return True
        elif isinstance(value, Instance) and value.is_module and depth < DEEPEST and is_learned(value, depth + 1):
            return True
    return False


def has_state(instance: Instance, kinds: frozenset[Registration] = STATE) -> bool | None:
    """Whether a Module holds parameters or buffers, itself or below; None where its contents are not known."""
    unknown = False
    for module in _modules(instance):
        unknown = unknown or module.is_opaque
        if any(held.registration in kinds and held.value != Known(None) for held in module.bindings.values()):
            return True
        if kinds is STATE and any(_was_meant_as_state(held.value) for held in module.bindings.values()):
            return True
    return None if unknown else False


def _was_meant_as_state(value: Value) -> bool:
    """Whether a value is what an operation made of a Parameter that nothing registers: the one fault hides the other."""
    return (
        isinstance(value, Tensor)
        and value.lost is not None
        and value.ancestor is not None
        and not value.ancestor.is_registered
    )


def _has_other_state(instance: Instance, owner: Instance) -> bool | None:
    """``has_state``, but for the parameters and buffers that a Module registers, itself or below, by another way."""
    registered: set[int] = set()
    unknown = False
    for module in _modules(owner):
        registered.update(id(held.value) for held in module.bindings.values() if held.registration in STATE)
        is_list = (module.external or "").startswith("torch.nn.Parameter")
        unknown = unknown or (module.is_opaque and is_list and _may_list_parts(module, owner))
    for module in _modules(instance):
        for held in module.bindings.values():
            if _was_meant_as_state(held.value):
                return True
            if held.registration in STATE and held.value != Known(None) and id(held.value) not in registered:
                return None if unknown else True
    return None if has_state(instance) else has_state(instance)


def _may_list_parts(parameters: Instance, owner: Instance) -> bool:
    """Whether what is not known of a list of Parameters may be those of modules: none is known, or some are of such.

    They are of modules that the list's owner keeps in containers. Of other lists there are only more of the same.
    """
    kept = {
        part
        for binding in owner.bindings.values()
        if isinstance(binding.value, Container)
        for part in _parts(binding.value)
    }
    listed = [held.value.number for held in parameters.bindings.values() if isinstance(held.value, Tensor)]
    return not parameters.bindings or not kept.isdisjoint(listed)


def _modules(instance: Instance) -> Iterator[Instance]:
    """A Module and those that it registers, itself or below, each once: one may hold what holds it."""
    seen: set[int] = set()
    waiting = [instance]
    while waiting:
        module = waiting.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        yield module
        held = [bound.value for bound in module.bindings.values() if bound.registration is Registration.SUBMODULE]
        waiting.extend(value for value in held if isinstance(value, Instance))


def members(value: Container | Instance, owner: Instance) -> Iterator[Member]:
    """The tensors and modules in a container or an ordinary object, and in those inside it, each object once.

    ``owner`` is the Module that holds it: what leads back to it is left out.
    """
    seen: set[int] = {id(owner)}
    waiting: list[tuple[Value, str, str, int]] = [(value, "", "", 0)]
    while waiting:
        item, where, inside, depth = waiting.pop()
        if id(item) in seen or depth > DEEPEST:
            continue
        seen.add(id(item))
        if isinstance(item, Tensor):
            yield Member(where, summarise_tensor(item), None, inside)
        elif isinstance(item, Instance) and item.is_module:
            yield Member(where, None, summarise_module(item, owner), inside)
        elif isinstance(item, Container):
            parts = [(part, where + key, inside, depth + 1) for part, key in _elements(item)]
            waiting.extend(reversed(parts))
        elif isinstance(item, Instance):
            held = item.bindings.items()
            waiting.extend((bound.value, f"{where}.{name}", item.class_name, depth + 1) for name, bound in held)


def _elements(container: Container) -> Iterator[tuple[Value, str]]:
    for index, item in enumerate(container.items):
        key = f"[{index}]"
        if container.kind == "dict" and index < len(container.keys):
            name = container.keys[index]
            key = f"[{name.value!r}]" if isinstance(name, Known) else "[...]"
        yield item, key


def summarise_slots(instance: Instance) -> tuple[Slot, ...]:
    """What torch holds under each name of an instance."""
    slots = []
    parts = {name: tuple(_parts(binding.value)) for name, binding in instance.bindings.items()}
    held = Counter(part for inner in parts.values() for part in inner)
    for name, binding in instance.bindings.items():
        value = binding.value
        slots.append(
            Slot(
                name=name,
                registration=_registration(binding.registration, value),
                place=binding.place,
                phase=binding.phase,
                is_certain=binding.is_certain,
                tensor=summarise_tensor(value) if isinstance(value, Tensor) else None,
                module=summarise_module(value) if isinstance(value, Instance) and value.is_module else None,
                members=tuple(members(value, instance)) if _holds_others(value) else (),
                is_persistent=binding.is_persistent,
                is_none=value == Known(None),
                container=value.kind if isinstance(value, Container) else "",
                is_exact=value.is_exact if isinstance(value, Container) else True,
                written=value.written if isinstance(value, Container) else None,
                is_shared=any(held[part] > 1 for part in parts[name])
                or (isinstance(value, Container) and value.is_lent),
            )
        )
    return tuple(slots)


def _holds_others(value: Value) -> TypeGuard[Container | Instance]:
    return isinstance(value, Container) or (isinstance(value, Instance) and not value.is_module)


def _parts(value: Value) -> Iterator[int]:
    """The identities of a value and of the tensors and modules inside it, each once.

    What else is inside it, the options that two layers are made with, is not what either of them is.
    """
    seen: set[int] = set()
    stack = [value]
    while stack:
        item = stack.pop()
        if id(item) in seen or not isinstance(item, (Tensor, Instance, Container)):
            continue
        seen.add(id(item))
        if item is value or isinstance(item, Tensor) or (isinstance(item, Instance) and item.is_module):
            yield item.number
        if isinstance(item, Container):
            stack.extend(item.items)
        elif isinstance(item, Instance):
            stack.extend(binding.value for binding in item.bindings.values())


def _registration(registration: Registration, value: Value) -> Registration:
    if registration is not Registration.OTHER:
        return registration
    match value:
        case Tensor(is_certain=True):
            return Registration.PLAIN_TENSOR
        case Container():
            return Registration.CONTAINER
        case Unknown() | Symbol() | Tensor():
            return Registration.UNKNOWN
    return Registration.OTHER

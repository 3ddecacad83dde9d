"""Reading and writing attributes and items: what ``nn.Module.__setattr__`` registers, above all."""

from __future__ import annotations

from dataclasses import replace

from paramlint import torch_api
from paramlint.interpret import calls, devices, distributions, evaluate, results, tensors
from paramlint.interpret.decorators import are_transparent
from paramlint.interpret.events import AttributeRead, EarlyRead, UnassignedRead
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.scan import guarded_attributes
from paramlint.interpret.slots import Phase, Registration
from paramlint.interpret.values import (
    NONE,
    UNKNOWN,
    Binding,
    BoundExternal,
    ClassValue,
    Closure,
    Container,
    Device,
    External,
    Instance,
    Known,
    Super,
    Switch,
    Symbol,
    Tensor,
    Value,
    join,
)
from paramlint.model import code
from paramlint.project.classes import UNKNOWN as UNKNOWN_MEMBER, LinkedClass, Member
from paramlint.project.definitions import ClassDefinition, External as Unread
from paramlint.project.names import last_word

_REGISTRIES = ("_parameters", "_buffers", "_modules")
# Methods of tensors by which memory is filled.
FILLING = frozenset({"zero_", "fill_", "normal_", "uniform_", "copy_"})
DEEPEST_HOME = 3
_PROPERTIES = ("property", "cached_property", "lazy_property")


def get_attribute(machine: Machine, frame: Frame, receiver: Value, name: str, span: code.Span) -> Value:
    """Return ``receiver.name``."""
    match receiver:
        case Instance():
            return _of_instance(machine, frame, receiver, name, span)
        case Super():
            return _of_super(machine, receiver, name)
        case Tensor():
            return _of_tensor(machine, frame, receiver, name, span)
        case Container():
            return BoundExternal(receiver, name)
        case ClassValue():
            return _of_class(machine, frame, receiver, name)
        case External(name=base) if name == "__name__":
            return Known(base.rsplit(".", 1)[-1])
        case External(name=base):
            return External(torch_api.canonical(f"{base}.{name}"))
        case Symbol():
            return Symbol(f"{receiver.key}.{name}", is_configuration=receiver.is_configuration)
        case Device():
            return machine.fresh(f"device.{name}")
        case Known(value=str()):
            return BoundExternal(receiver, name)
        case Known(value=None):
            machine.emit_on_none(frame.place(span), name)
    return UNKNOWN


def _of_instance(machine: Machine, frame: Frame, receiver: Instance, name: str, span: code.Span) -> Value:
    binding = receiver.bindings.get(name)
    if receiver is machine.root and machine.phase is Phase.FORWARD:
        machine.emit(AttributeRead(frame.place(span), name))
    if name in _REGISTRIES and receiver.is_module:
        receiver.blur()
        return UNKNOWN
    if binding is not None:
        value = binding.value
        if binding.switch is not None and value is UNKNOWN:
            value = _settled(machine, binding, binding.switch)
        if receiver.recomputed == name and isinstance(value, Tensor):
            recomputed = results.derived(machine, frame, value, name, span)
            recomputed.is_recomputed, recomputed.home = True, name
            return recomputed
        if receiver is machine.root:
            _give_home(value, name)
        return value
    if name == "training" and receiver.is_module:
        # a module is made in training mode
        is_made = machine.phase is Phase.CONSTRUCTOR and receiver is frame.receiver
        return Known(True) if is_made else Symbol("self.training")
    if name == "__class__":
        return ClassValue(receiver.linked) if receiver.linked is not None else External(receiver.external or "object")
    if name == "__dict__":
        return UNKNOWN
    if receiver.linked is None:
        return _of_external(receiver, name)
    member = receiver.linked.find(name)
    if isinstance(member, Member) and member.node is not None:
        return bind_member(machine, frame, receiver, receiver, member)
    if member is UNKNOWN_MEMBER:
        return BoundExternal(receiver, name) if name in torch_api.module_methods() else UNKNOWN
    if member is None and receiver is machine.root and name not in torch_api.module_members():
        _note_early_read(machine, frame, receiver, receiver.linked, name, span)
    if isinstance(member, Member) or (receiver.is_module and name in torch_api.module_members()):
        return BoundExternal(receiver, name)
    return UNKNOWN


def _settled(machine: Machine, binding: Binding, switch: Switch) -> Value:
    """What a layer's slot holds on this path, where construction reads it and does not ask whether it is None."""
    if machine.phase is Phase.CONSTRUCTOR and not machine.is_choosing:
        is_on = evaluate.truth(machine, switch.setting)
        if is_on is not None:
            binding.value = switch.held if is_on else NONE
    return binding.value


def _give_home(value: Value, name: str, depth: int = 0) -> None:
    """Note under which name of the instance a tensor is reached, through containers and ordinary objects."""
    if isinstance(value, Tensor):
        value.home = name if depth == 0 or value.home is None else value.home
        return
    inside: list[Value] = []
    if isinstance(value, Container):
        inside = value.items
    elif isinstance(value, Instance) and not value.is_module:
        inside = [held.value for held in value.bindings.values()]
    for item in inside if depth < DEEPEST_HOME else ():
        _give_home(item, name, depth + 1)


def asked_by(machine: Machine, receiver: Value | None, name: str) -> list[str]:
    """The attributes of self whose absence a property of that name asks for."""
    if not isinstance(receiver, Instance) or receiver.linked is None or name in receiver.bindings:
        return []
    member = receiver.linked.find(name)
    if not isinstance(member, Member) or not isinstance(member.node, code.Function):
        return []
    if not any(last_word(decorator) in _PROPERTIES for decorator in member.node.decorators):
        return []
    answers = [item.value for item in member.node.body if isinstance(item, code.Return) and item.value is not None]
    return [found for answer in answers for found in guarded_attributes(answer)]


def is_announced(linked: LinkedClass, name: str) -> bool:
    """Whether a class of the hierarchy annotates a name that others are to bind: ``layer: ClassVar[type[Module]]``."""
    return any(
        isinstance(item, code.AnnotatedAssign) and isinstance(item.target, code.Name) and item.target.identifier == name
        for owner in linked.mro
        if isinstance(owner, ClassDefinition)
        for item in owner.node.body
    )


def has_own_lookup(linked: LinkedClass) -> bool:
    """Whether attributes may be found otherwise than ``nn.Module`` finds them."""
    for special in ("__getattr__", "__getattribute__"):
        member = linked.find(special)
        if member is UNKNOWN_MEMBER or (isinstance(member, Member) and isinstance(member.owner, ClassDefinition)):
            return True
    return False


def _note_early_read(
    machine: Machine, frame: Frame, receiver: Instance, linked: LinkedClass, name: str, span: code.Span
) -> None:
    """Notice that construction or forward reads what nothing has set: torch's Module raises AttributeError."""
    if machine.guarded or receiver.is_opaque or name in machine.guards:
        return
    if not receiver.is_module or has_own_lookup(linked):
        return
    if machine.phase is Phase.FORWARD and machine.is_called_by_forward:
        machine.emit(UnassignedRead(frame.place(span), name))
    elif machine.phase is Phase.CONSTRUCTOR and not machine.undecided:
        machine.emit(EarlyRead(machine.own_statement or frame.place(span), name, frame.function))


def _of_external(receiver: Instance, name: str) -> Value:
    if receiver.is_module and name in torch_api.module_members():
        return BoundExternal(receiver, name)
    if distributions.has(receiver, name):
        return BoundExternal(receiver, name)
    if receiver.external is not None and torch_api.external_member(receiver.external, name):
        return BoundExternal(receiver, name)
    if receiver.external in torch_api.layers and name in FILLING:
        return BoundExternal(receiver, name)  # it has none of them, and that is said where it is called
    return UNKNOWN


def bind_member(machine: Machine, frame: Frame, receiver: Value, self_value: Value, member: Member) -> Value:
    """The value of a class member looked up on an instance (or on the class, where ``receiver`` is one).

    What decorates a constructor is taken to run it, with the arguments it is given.
    """
    node, owner = member.node, member.owner
    if not isinstance(owner, ClassDefinition) or node is None:
        return UNKNOWN
    if isinstance(node, code.Class):
        return UNKNOWN
    if not isinstance(node, code.Function):
        machine.constructing += 1  # the class statement made it, long before whoever reads it
        try:
            return evaluate.evaluate(machine, Frame(owner.module, (*owner.enclosing, owner.node)), node)
        finally:
            machine.constructing -= 1
    kinds = [last_word(decorator) for decorator in node.decorators]
    bound: Value | None = self_value
    if "staticmethod" in kinds:
        bound = None
    elif "classmethod" in kinds and isinstance(self_value, Instance) and self_value.linked is not None:
        bound = ClassValue(self_value.linked)
    elif isinstance(receiver, ClassValue) and "classmethod" not in kinds:
        bound = None
    elif node.name != "__init__" and not are_transparent(machine.project, owner.module, node.decorators):
        if not any(kind in _PROPERTIES for kind in kinds):
            results.escape(self_value)
            return UNKNOWN
    closure = method_of(machine, owner, node, bound)
    if any(kind in _PROPERTIES for kind in kinds) and isinstance(self_value, Instance):
        return calls.call_closure(machine, frame, closure, calls.Arguments([], {}), node.span)
    return closure


def method_of(machine: Machine, owner: ClassDefinition, node: code.Function, bound: Value | None) -> Closure:
    """A method with the object it is bound to, whatever decorates it."""
    enclosing = (*owner.enclosing, owner.node)
    linked = machine.project.link(owner)
    return Closure(node, owner.module, enclosing, None, linked, bound, f"{owner.qualified_name}.{node.name}")


def super_of(machine: Machine, frame: Frame, node: code.Call) -> Value:
    """The value of a call of ``super``: what stands behind the class that it names, or stands in."""
    scope: Frame | None = frame
    while scope is not None and (scope.owner is None or scope.receiver is None):
        scope = scope.outer
    if scope is None or scope.owner is None:
        return UNKNOWN
    after: ClassDefinition | Unread = scope.owner.definition
    if len(node.arguments) == 1 and not node.arguments[0].star:
        return UNKNOWN  # bound to no instance: what is called on it is called on the super object itself
    if node.arguments:
        named = evaluate.evaluate(machine, frame, node.arguments[0].value)
        if isinstance(named, ClassValue):
            after = named.linked.definition
        elif isinstance(named, External):
            after = Unread(named.name)
    if isinstance(scope.receiver, Instance):
        return Super(scope.receiver, after)
    return UNKNOWN


def _of_super(machine: Machine, receiver: Super, name: str) -> Value:
    linked = receiver.receiver.linked
    if linked is None:
        return UNKNOWN
    member = linked.find_after(receiver.after, name)
    if isinstance(member, Member) and member.node is not None:
        frame = Frame(linked.definition.module, ())
        return bind_member(machine, frame, receiver.receiver, receiver.receiver, member)
    if member is UNKNOWN_MEMBER and name not in torch_api.module_methods() and name != "__init__":
        return UNKNOWN
    return BoundExternal(receiver, name)


def _of_class(machine: Machine, frame: Frame, receiver: ClassValue, name: str) -> Value:
    if name == "__name__":
        return Known(receiver.linked.definition.node.name)
    member = receiver.linked.find(name)
    if isinstance(member, Member) and member.node is not None:
        return bind_member(machine, frame, receiver, receiver, member)
    if isinstance(member, Member) or name in torch_api.module_methods():
        return BoundExternal(receiver, name)
    return UNKNOWN


def _of_tensor(machine: Machine, frame: Frame, receiver: Tensor, name: str, span: code.Span) -> Value:
    if name == "device":
        return devices.of_tensor(receiver)
    if name in ("data", "T", "mT", "H", "mH", "real", "imag"):
        result = results.view(machine, frame, receiver, name, span, receiver.rank)
        if name == "data":
            result.requires_grad = False
            result.lost = result.ancestor = None
            result.values_of = receiver if receiver.is_parameter else receiver.values_of
        return result
    if name == "requires_grad":
        return UNKNOWN if receiver.requires_grad is None else Known(receiver.requires_grad)
    if name == "ndim":
        return machine.fresh("ndim") if receiver.rank is None else Known(receiver.rank)
    if name == "shape":
        return Container("tuple", [machine.fresh("shape")] * (receiver.rank or 1), is_exact=receiver.rank is not None)
    if name == "dtype" and receiver.is_long:
        return External("torch.int64")
    if name == "dtype":
        return replace(machine.fresh(name), is_dtype=True)
    if name in ("is_cuda", "grad", "grad_fn", "layout", "is_sparse"):
        return machine.fresh(name)
    if name in torch_api.tensor_members():
        return BoundExternal(receiver, name)
    return UNKNOWN


def get_item(machine: Machine, frame: Frame, receiver: Value, index: Value, node: code.Subscript) -> Value:
    """Return ``receiver[index]``."""
    match receiver:
        case Tensor():
            if isinstance(index, Known) and isinstance(index.value, str):
                return results.derived(machine, frame, receiver, "item", node.span, rank=None)
            return tensors.index(machine, frame, receiver, index, tensors.index_rank(receiver, index), node.span)
        case Container():
            return _item_of_container(machine, receiver, index)
        case Symbol():
            key = index.value if isinstance(index, Known) else "..."
            return Symbol(f"{receiver.key}[{key!r}]", is_configuration=receiver.is_configuration)
        case Instance(is_module=True):
            inner, _ = contents(receiver)
            if isinstance(index, Known) and isinstance(index.value, int) and -len(inner) <= index.value < len(inner):
                return inner[index.value]
            if isinstance(index, Known) and isinstance(index.value, str) and index.value in receiver.bindings:
                return receiver.bindings[index.value].value
            if isinstance(index, External) and index.name == "builtins.slice":
                return Container("list", inner, is_exact=False)
            if len({id(item) for item in inner}) == 1:
                return inner[0]
            if machine.phase is Phase.CONSTRUCTOR:
                for item in inner:
                    results.escape(item)  # one of them, who knows which, is at hand
            return UNKNOWN
        case External():
            return receiver  # a generic alias such as list[int]
    return UNKNOWN


def _item_of_container(machine: Machine, container: Container, index: Value) -> Value:
    if container.kind == "dict":
        for key, item in zip(container.keys, container.items, strict=False):
            if key == index:
                return item
        if container.makes is not None:
            made = Container(container.makes)
            container.keys.append(index)
            container.items.append(made)
            container.is_exact = container.is_exact and not machine.is_unsure
            return made
        if all(map(_is_rack, container.items)) and not isinstance(index, Known) and container.items:
            return container.items[0]  # one of them, and what is put into it is in the whole
        if not container.is_exact or (isinstance(index, Known) and container.items[1:]):
            return container.items[0] if len({id(item) for item in container.items}) == 1 else UNKNOWN
    if isinstance(index, Known) and isinstance(index.value, int) and container.is_exact:
        if -len(container.items) <= index.value < len(container.items):
            return container.items[index.value]
        return UNKNOWN
    if isinstance(index, External) and index.name == "builtins.slice":
        return Container(container.kind, list(container.items), is_exact=False)
    if not container.items:
        return UNKNOWN
    result = container.items[0]
    for item in container.items[1:]:
        result = join(result, item)
    return result


def _is_rack(value: Value) -> bool:
    """Whether a value is a container for modules and tensors, with none of the numbers by which it would be told apart."""
    return isinstance(value, Container) and all(isinstance(item, (Instance, Tensor)) for item in value.items)


def contents(instance: Instance) -> tuple[list[Value], bool]:
    """What a container of torch's holds in order, modules or parameters, and whether that is all of it."""
    holds_parameters = instance.external in ("torch.nn.ParameterList", "torch.nn.ParameterDict")
    kinds = {Registration.SUBMODULE, Registration.PARAMETER} if holds_parameters else {Registration.SUBMODULE}
    return [held.value for held in instance.bindings.values() if held.registration in kinds], not instance.is_opaque


def children(machine: Machine, instance: Instance) -> tuple[list[Value], bool]:
    """The submodules of a Module in order, and whether they are all of them."""
    found = [binding.value for binding in instance.bindings.values() if binding.registration is Registration.SUBMODULE]
    return found, not instance.is_opaque

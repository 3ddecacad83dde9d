"""What the methods of ``nn.Module`` do."""

from __future__ import annotations

from paramlint import torch_api
from paramlint.interpret import (
    calls,
    construct,
    devices,
    evaluate,
    initialisation,
    module_calls,
    objects,
    results,
    stores,
)
from paramlint.interpret.events import AskedBeforeInit
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.scan import descends
from paramlint.interpret.slots import Registration
from paramlint.interpret.summaries import has_state
from paramlint.interpret.values import (
    NONE,
    UNKNOWN,
    Binding,
    Closure,
    Container,
    Device,
    Instance,
    Known,
    Partial,
    Placement,
    Super,
    Tensor,
    Value,
)
from paramlint.model.code import Function, Span

_RETURN_SELF = frozenset(
    [
        "to",
        "cuda",
        "cpu",
        "xpu",
        "half",
        "float",
        "double",
        "bfloat16",
        "type",
        "train",
        "eval",
        "requires_grad_",
        "share_memory",
        "to_empty",
        "apply",
        "_apply",
        "compile",
    ]
)
# What reads the tables that Module.__init__ makes, and raises where there are none (torch/nn/modules/module.py).
_READS_TABLES = frozenset(
    {
        *("modules", "named_modules", "children", "named_children", "parameters", "named_parameters", "buffers"),
        *("named_buffers", "state_dict", "load_state_dict", "apply", "to", "train", "eval", "requires_grad_"),
    }
)
_MOVES = frozenset({"to", "cuda", "xpu", "ipu", "mtia"})
DEEPEST_TREE = 12
# Layers that go over self.parameters() to reset them (torch/nn/modules/rnn.py, transformer.py).
_RESETTING_ALL_PARAMETERS = frozenset(
    f"torch.nn.{name}" for name in ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell", "Transformer")
)


def walk(instance: Instance, depth: int = 0, seen: set[int] | None = None) -> tuple[list[Instance], bool]:
    """A module and all below it, and whether that is all of them."""
    seen = set() if seen is None else seen
    if id(instance) in seen:
        return [], True
    seen.add(id(instance))
    found, is_exact = [instance], not instance.is_opaque and depth < DEEPEST_TREE
    for binding in list(instance.bindings.values()):
        if binding.registration is Registration.SUBMODULE and isinstance(binding.value, Instance):
            below, complete = walk(binding.value, depth + 1, seen) if depth < DEEPEST_TREE else ([], False)
            found.extend(below)
            is_exact = is_exact and complete
        elif binding.registration is Registration.UNKNOWN or (
            binding.value is UNKNOWN and binding.registration is Registration.OTHER
        ):
            is_exact = False
    return found, is_exact


def is_deep_enough(machine: Machine, closure: Closure) -> bool:
    """Whether a function has called itself often enough: as deep as modules lie, where it goes down these."""
    count, node = machine.active.count(closure.qualified_name), closure.node
    is_descent = count >= 2 and isinstance(node, Function) and machine.project.scanned(descends, node)
    return count >= (DEEPEST_TREE if is_descent else 2)


def parameters_of(instance: Instance) -> tuple[list[tuple[str, Value]], bool]:
    """The parameters of a module and of those below it, by name, and whether that is all of them."""
    return _tensors(instance, Registration.PARAMETER, True)


def _tensors(instance: Instance, registration: Registration, recurse: bool) -> tuple[list[tuple[str, Value]], bool]:
    modules, is_exact = walk(instance) if recurse else ([instance], not instance.is_opaque)
    found: list[tuple[str, Value]] = []
    paths = _paths(modules)
    for module in modules:
        for name, binding in module.bindings.items():
            if binding.registration is registration and isinstance(binding.value, Tensor):
                found.append((".".join((*paths[id(module)], name)), binding.value))
    return found, is_exact


def _paths(modules: list[Instance]) -> dict[int, tuple[str, ...]]:
    """The names that lead to each of the modules that ``walk`` found, by identity."""
    paths: dict[int, tuple[str, ...]] = {id(modules[0]): ()} if modules else {}
    for module in modules:
        for name, binding in module.bindings.items():
            if binding.registration is Registration.SUBMODULE:
                paths.setdefault(id(binding.value), (*paths[id(module)], name))
    return paths


def call_method(
    machine: Machine, frame: Frame, receiver: Instance | Super, name: str, arguments: calls.Arguments, span: Span
) -> Value:
    """Call a method that torch's ``Module`` (or one of its layers) defines."""
    instance = receiver.receiver if isinstance(receiver, Super) else receiver
    place = frame.place(span)
    if name in _READS_TABLES and instance is machine.root and not (instance.is_initialised or instance.is_opaque):
        if not (machine.is_unsure or machine.guarded):
            machine.emit(AskedBeforeInit(place, name))
    if name == "__init__":
        after = receiver.after if isinstance(receiver, Super) else None
        base = construct.external_base(instance.linked, after) if instance.linked is not None else None
        construct.initialise_external(machine, frame, instance, base, arguments, span)
        return NONE
    if name in ("register_buffer", "register_parameter", "add_module", "register_module", "__setattr__"):
        return _register(machine, frame, instance, name, arguments, span)
    if name == "__delattr__" and arguments.positional and isinstance(arguments.positional[0], Known):
        instance.bindings.pop(str(arguments.positional[0].value), None)
        return NONE
    if name in ("append", "extend", "insert", "update", "add") and _is_container(instance):
        return _grow(machine, frame, instance, name, arguments, span)
    if name == "apply" and arguments.positional:
        callee = arguments.positional[0]
        applied = callee.function if isinstance(callee, Partial) else callee
        if instance is machine.root and isinstance(applied, Closure) and isinstance(applied.node, Function):
            initialisation.note_scheme(machine, applied.node.name, applied.node.body, place)
        machine.walking += 1
        for module in reversed(walk(instance)[0]):
            calls.call(machine, frame, callee, calls.Arguments([module]), span)
        machine.walking -= 1
        return instance
    if name in _RETURN_SELF:
        if name in _MOVES:
            _note_move(machine, frame, instance, name, arguments, span)
        if name == "to_empty":
            initialisation.forget(instance)
        if name == "requires_grad_":
            _freeze(instance, arguments)
        return instance
    if name in ("forward", "__call__"):
        return module_calls.forward_of_base(machine, frame, receiver, instance, arguments, span)
    if name in ("reset_parameters", "_reset_parameters", "init_weights", "load_state_dict"):
        is_default = name == "reset_parameters" and instance.external in torch_api.layers
        base = construct.external_base(instance.linked, None) if instance.linked is not None else None
        for module in walk(instance)[0]:
            is_reset = module is instance and name in ("reset_parameters", "_reset_parameters")
            for attribute, binding in module.bindings.items():
                if is_reset and not _may_reset(base, attribute, binding.registration):
                    continue
                if isinstance(binding.value, Tensor):
                    before = binding.value.storage.overwritten
                    results.write(machine, binding.value)
                    if is_default and binding.registration is Registration.PARAMETER:
                        binding.value.storage.overwritten = before
                        initialisation.note_write(machine, frame, binding.value, place, name, [])
        return UNKNOWN
    if name in objects.FILLING and instance.external in torch_api.layers:
        initialisation.note_module(machine, instance, place, name)
    return _list(machine, instance, name, arguments)


def _may_reset(base: str | None, attribute: str, registration: Registration) -> bool:
    """Whether one of torch's layers resets what a class that inherits from it registers: most go by their own names."""
    layer = torch_api.layers.get(base) if base is not None else None
    if layer is None or (registration is Registration.PARAMETER and base in _RESETTING_ALL_PARAMETERS):
        return True
    return any(attribute == slot.name for slot in (*layer.parameters, *layer.buffers))


def _is_container(instance: Instance) -> bool:
    name = instance.external
    if name is None and instance.linked is not None:
        name = construct.external_base(instance.linked, None)
    layer = torch_api.layers.get(name) if name is not None else None
    return layer is not None and layer.is_container


def _list(machine: Machine, instance: Instance, name: str, arguments: calls.Arguments) -> Value:
    recurse = arguments.get(1 if name.startswith("named_") else 0, "recurse")
    deep = not (isinstance(recurse, Known) and recurse.value is False)
    is_named = name.startswith("named_")
    pairs: list[tuple[str, Value]]
    match name.removeprefix("named_"):
        case "parameters":
            pairs, is_exact = _tensors(instance, Registration.PARAMETER, deep)
        case "buffers":
            pairs, is_exact = _tensors(instance, Registration.BUFFER, deep)
        case "modules":
            modules, is_exact = walk(instance)
            paths = _paths(modules)
            pairs = [(".".join(paths[id(module)]), module) for module in modules]
        case "children":
            inner, is_exact = objects.children(machine, instance)
            names = [key for key, held in instance.bindings.items() if held.registration is Registration.SUBMODULE]
            pairs = list(zip(names, inner, strict=True))
        case "values" | "items" | "keys" if _is_container(instance):
            inner, is_exact = objects.children(machine, instance)
            items = [*instance.bindings.items()]
            if name == "keys":
                return Container("list", [Known(key) for key, _ in items], is_exact=is_exact)
            pairs = [(key, held.value) for key, held in items]
            is_named = name == "items"
        case _:
            return UNKNOWN
    if is_named:
        listed: list[Value] = [
            # a place in a list whose length is not known has no name
            Container("tuple", [Known(key) if key and "[" not in key else machine.fresh("name"), value])
            for key, value in pairs
        ]
    else:
        listed = [value for _, value in pairs]
    return Container("list", listed, is_exact=is_exact, is_walk=True, walked=instance)


def _register(
    machine: Machine, frame: Frame, instance: Instance, method: str, arguments: calls.Arguments, span: Span
) -> Value:
    place = frame.place(span)
    name = arguments.get(0, "name")
    given = {"register_buffer": "tensor", "register_parameter": "param", "__setattr__": "value"}
    value = arguments.get(1, given.get(method, "module"))
    if value is None:
        return NONE
    if not isinstance(name, Known) or not isinstance(name.value, str):
        # registered under a name that is not known
        if isinstance(value, (Tensor, Instance)):
            value.is_registered = True
        instance.blur(by_name=isinstance(value, (Tensor, Instance)))
        return NONE
    if method == "register_buffer":
        persistent = arguments.get(2, "persistent")
        is_persistent = not (isinstance(persistent, Known) and persistent.value is False)
        stores.register_buffer(machine, instance, name.value, value, is_persistent, place)
    elif method == "register_parameter":
        stores.register_parameter(machine, instance, name.value, value, place)
    elif method == "__setattr__" and instance.is_module:
        stores.set_on_module(machine, instance, name.value, value, place)
    elif method == "__setattr__":
        stores.store(machine, instance, name.value, value, Registration.OTHER, place)
    else:
        stores.register(machine, instance, name.value, value, Registration.SUBMODULE, place)
    return NONE


def _grow(
    machine: Machine, frame: Frame, instance: Instance, method: str, arguments: calls.Arguments, span: Span
) -> Value:
    place = frame.place(span)
    values = arguments.values()
    if method == "insert":
        values = values[1:]
    if method in ("extend", "update"):
        items: list[Value] = []
        for value in values:
            inner, is_exact = evaluate.elements(machine, value)
            if isinstance(value, Container) and value.kind == "dict":
                inner = list(value.items)
            items.extend(inner)
            if not is_exact:
                instance.blur()
        values = items
    stores.extend_module(machine, instance, values, place)
    for value in values:
        if isinstance(value, (Tensor, Instance)) and instance.is_registered:
            for made in machine.made:
                if made.value is value and made.stored is None:
                    made.stored = next((key for key, held in _root_bindings(machine) if held.value is instance), None)
    return instance


def _root_bindings(machine: Machine) -> list[tuple[str, Binding]]:
    return [] if machine.root is None else list(machine.root.bindings.items())


def _note_move(
    machine: Machine, frame: Frame, instance: Instance, name: str, arguments: calls.Arguments, span: Span
) -> None:
    if instance.linked is None and has_state(instance) is False:
        return  # one of torch's that holds nothing: there is nothing to be moved
    given = [device for value in arguments.values() if (device := devices.device_of(value)) is not None]
    device = given[0] if given else None
    if name != "to" and (device is None or device.literal is None or not devices.is_accelerator(device.literal)):
        device = Device(Placement.LITERAL, name)
    attribute = None
    if machine.root is not None:
        attribute = next((key for key, held in machine.root.bindings.items() if held.value is instance), None)
    devices.note_literal(machine, frame, device, f".{name}()", attribute, span)
    if device is not None:
        for kind in (Registration.PARAMETER, Registration.BUFFER):
            for _, held in _tensors(instance, kind, True)[0]:
                if isinstance(held, Tensor):
                    held.placement = Placement.UNKNOWN if device.literal is not None else device.placement


def _freeze(instance: Instance, arguments: calls.Arguments) -> None:
    flag = arguments.get(0, "requires_grad") or Known(True)
    for _, value in _tensors(instance, Registration.PARAMETER, True)[0]:
        if isinstance(value, Tensor):
            value.requires_grad = bool(flag.value) if isinstance(flag, Known) else None

"""Calling what lives in packages that are not read: torch's functions and classes above all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from paramlint import torch_api
from paramlint.interpret import (
    builtin_calls,
    calls,
    construct,
    devices,
    distributions,
    einops_calls,
    initialisation,
    layers,
    results,
    tensors,
)
from paramlint.interpret.compare import key_of
from paramlint.interpret.events import ParameterAsBuffer, ParameterOfNoTensor
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.slots import Phase
from paramlint.interpret.values import (
    NONE,
    POSITIONS,
    UNKNOWN,
    Binding,
    Container,
    Device,
    External,
    Instance,
    Known,
    Partial,
    Placement,
    Symbol,
    Tensor,
    Value,
)
from paramlint.model.code import Span

_COLLECTIONS = {"collections.OrderedDict": "dict", "typing.OrderedDict": "dict", "collections.deque": "list"}
# What ``defaultdict`` may be given to make containers by.
_FACTORIES = ("list", "dict", "set")
_CONTEXTS = {
    "torch.no_grad": "torch.no_grad()",
    "torch.inference_mode": "torch.inference_mode()",
    "torch.autograd.no_grad": "torch.no_grad()",
    "torch.set_grad_enabled": "torch.set_grad_enabled()",
}
# Functions of torch.nn.utils that make a parameter of a module a function of others, or take that back; they return
# the module. The name of the parameter is their second argument.
_PARAMETRISING = ("weight_norm", "spectral_norm", "orthogonal", "register_parametrization")
_RESTORING = ("remove_weight_norm", "remove_spectral_norm", "remove_parametrizations")
# The older one leaves the data of the new parameter under the old name until the first forward (torch/nn/utils/
# spectral_norm.py), so that what is written there then is kept.
_SHARING = ("torch.nn.utils.spectral_norm", "torch.nn.utils.spectral_norm.spectral_norm")
_NUMPY_SHAPING = frozenset(
    {
        *("astype", "ravel", "reshape", "flatten", "transpose", "copy", "repeat", "squeeze", "swapaxes"),
        *("vstack", "hstack", "stack", "concatenate", "expand_dims", "tile", "array", "asarray", "ascontiguousarray"),
    }
)
_DEEPEST_GROUP = 3
# Functions of torch that answer something about what they are given, and write nothing.
_ASKING = (
    *("torch.cuda.", "torch.distributed.", "torch.backends.", "torch.is_", "torch.get_"),
    *("torch.nn.init._calculate_", "torch.nn.init.calculate_gain"),
)
_PACKED = ("quantization", "quantized", "quantize", "pack_")


def call_external(machine: Machine, frame: Frame, name: str, arguments: calls.Arguments, span: Span) -> Value:
    """Call something by its canonical name."""
    if name.startswith("builtins."):
        return builtin_calls.call_builtin(machine, frame, name.removeprefix("builtins."), arguments, span)
    if name == "collections.defaultdict":
        made = arguments.get(0, "default_factory")
        kind = made.name.removeprefix("builtins.") if isinstance(made, External) else None
        return Container("dict", is_exact=len(arguments.positional) == 1, makes=kind if kind in _FACTORIES else None)
    if name in _COLLECTIONS:
        return builtin_calls.call_builtin(machine, frame, _COLLECTIONS[name], arguments, span)
    if name in torch_api.parameter_classes() or name in torch_api.buffer_classes():
        return _parameter(machine, frame, name, arguments, span)
    if name in torch_api.layers:
        return layers.construct_layer(machine, frame, torch_api.layers[name], arguments, span)
    if name in _CONTEXTS:
        return External(_CONTEXTS[name])
    if name == "torch.device":
        device = devices.device_of(arguments.positional[0]) if arguments.positional else None
        return device or Device(Placement.UNKNOWN)
    if name.endswith(".__init__") and arguments.positional and isinstance(arguments.positional[0], Instance):
        rest = calls.Arguments(arguments.positional[1:], arguments.keywords, arguments.is_exact)
        base = name.removesuffix(".__init__")
        construct.initialise_external(machine, frame, arguments.positional[0], base, rest, span)
        return Known(None)
    if name == "torch.autograd.Variable" and arguments.positional:
        return _variable(machine, arguments)
    function = torch_api.functions.get(name) or torch_api.methods.get(name)
    if function is not None:
        return _function(machine, frame, function, arguments, span)
    if name in torch_api.optimisers():
        machine.optimised.extend(_tensors_in(arguments.values()))
    return _other(machine, frame, name, arguments, span)


def _tensors_in(values: Iterable[Value], depth: int = 0) -> Iterator[Tensor]:
    """The tensors among values, and in containers among them: parameters, or groups of them."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, Container) and depth < _DEEPEST_GROUP:
            yield from _tensors_in(value.items, depth + 1)


def _variable(machine: Machine, arguments: calls.Arguments) -> Value:
    """``Variable(tensor)`` is its tensor since torch 0.4; a leaf that asks for gradients where it is told to."""
    data, asked = arguments.positional[0], arguments.get(2, "requires_grad")
    if not isinstance(data, Tensor) or asked is None or results.flag(machine, asked) is not True:
        return data
    return replace(data, requires_grad=True, is_parameter=False, is_registered=False, lost=None, ancestor=None)


def _function(
    machine: Machine, frame: Frame, function: torch_api.Function, arguments: calls.Arguments, span: Span
) -> Value:
    keywords = dict(arguments.keywords)
    if arguments.may_have_keywords:
        # ``**factory_kwargs`` may give a device
        keywords["**"] = UNKNOWN
    out = keywords.pop("out", None)
    if isinstance(out, Tensor):
        results.write(machine, out)
        return out
    if out is not None and out != NONE:
        return UNKNOWN
    modules = [value for value in arguments.values() if isinstance(value, Instance) and value.is_module]
    if function.name.startswith("torch.nn.init."):
        first = arguments.get(0, "tensor")
        if first == NONE:
            machine.emit_on_none(frame.place(span), function.name.rsplit(".", 1)[-1])
        elif modules and modules[0] is first:
            initialisation.note_module(machine, modules[0], frame.place(span), function.name.rsplit(".", 1)[-1])
        if modules:
            return UNKNOWN
    return tensors.call(machine, frame, function, arguments.positional, keywords, span)


def _parameter(machine: Machine, frame: Frame, name: str, arguments: calls.Arguments, span: Span) -> Value:
    data = arguments.get(0, "data") or UNKNOWN
    requires_grad = results.flag(machine, arguments.get(1, "requires_grad") or Known(True))
    place = frame.place(span)
    if name in torch_api.buffer_classes():
        if isinstance(data, Tensor) and data.requires_grad and machine.root is not None:
            machine.emit(ParameterAsBuffer(place, "", False))
        buffer = construct.make_parameter(machine, data, place, False, is_buffer=True)
        persistent = arguments.get(1, "persistent")
        buffer.is_persistent = not (isinstance(persistent, Known) and persistent.value is False)
        return buffer
    if "Uninitialized" in name:
        return construct.make_parameter(machine, UNKNOWN, place, requires_grad)
    kind = _no_tensor(data)
    if kind is not None and not machine.undecided and not machine.guarded:
        machine.emit(ParameterOfNoTensor(place, kind))
    parameter = construct.make_parameter(machine, data, place, requires_grad)
    if machine.phase is Phase.FORWARD:
        calls.note_made(machine, parameter, place)
    return parameter


def _no_tensor(data: Value) -> str | None:
    """What kind of Python object is given as a Parameter's data; None where it is, or may be, a tensor or None."""
    if isinstance(data, Container):
        return data.kind
    if isinstance(data, Known) and data.value is not None:
        return type(data.value).__name__
    return None


def _other(machine: Machine, frame: Frame, name: str, arguments: calls.Arguments, span: Span) -> Value:
    first = arguments.positional[0] if arguments.positional else None
    last = name.rsplit(".", 1)[-1]
    if name == "functools.partial" and first is not None:
        return Partial(first, arguments.positional[1:], arguments.keywords)
    if name in ("copy.deepcopy", "copy.copy") and first is not None:
        return clone(machine, first, frame, span)
    rearranged = einops_calls.call(machine, frame, name, arguments, span)
    if rearranged is not None:
        return rearranged
    distribution = distributions.construct(machine, frame, name, arguments, span) or distributions.diverge(
        machine, frame, name, arguments, span
    )
    if distribution is not None:
        return distribution
    if last == "skip_init" and isinstance(first, External) and first.name in torch_api.layers:
        rest = calls.Arguments(arguments.positional[1:], arguments.keywords, arguments.is_exact)
        layer = layers.construct_layer(machine, frame, torch_api.layers[first.name], rest, span)
        initialisation.forget(layer)
        return layer
    if name == "object.__setattr__" or name == "builtins.object.__setattr__":
        return UNKNOWN
    if last == "checkpoint_wrapper" and isinstance(first, Instance):
        return first
    if last in _RESTORING and isinstance(first, Instance):
        first.recomputed = None
        return first
    if last in _PARAMETRISING and isinstance(first, Instance):
        named = arguments.get(1, "name") or arguments.get(1, "tensor_name")
        parameter = str(named.value) if isinstance(named, Known) else "weight"
        if name in _SHARING:
            if parameter in first.bindings:
                first.bindings[parameter].is_certain = False  # a plain tensor has its name now
            return first
        first.recomputed = parameter
        return first
    if name.startswith("numpy.") and _holds_positions(name, arguments):
        return External(POSITIONS)
    if name.startswith("math."):
        keys = [key_of(value) for value in arguments.positional]
        if None not in keys:
            return Symbol(f"({name}({', '.join(key for key in keys if key)}))")
        return UNKNOWN
    if name.startswith(_ASKING):
        return machine.fresh(name)
    if name.startswith("torch.utils.checkpoint.checkpoint") and first is not None:
        rest = calls.Arguments(arguments.positional[1:], {}, arguments.is_exact)
        return calls.call(machine, frame, first, rest, span)
    if name in ("torch.jit.script", "torch.compile", "torch.jit.ignore") and first is not None:
        return first
    for value in arguments.values():
        results.escape(value)
    if torch_api.is_module_class(name) is True and not name.startswith("torch.nn.utils."):
        place = frame.place(span)
        instance = Instance(place, machine.phase, None, name, True, True)
        instance.is_initialised = True
        calls.note_made(machine, instance, place)
        return instance
    if any(part in name for part in _PACKED):
        return UNKNOWN
    return UNKNOWN


def _holds_positions(name: str, arguments: calls.Arguments) -> bool:
    """Whether a function or method of numpy's makes an array of positions, or shapes one."""
    given = [
        item for value in arguments.values() for item in (value.items if isinstance(value, Container) else [value])
    ]
    if name.startswith(POSITIONS + "."):
        return name.removeprefix(POSITIONS + ".") in _NUMPY_SHAPING
    last = name.removeprefix("numpy.")
    return last in ("meshgrid", "arange", "indices") or (
        last in _NUMPY_SHAPING and any(isinstance(item, External) and item.name == POSITIONS for item in given)
    )


def clone(machine: Machine, value: Value, frame: Frame, span: Span, depth: int = 0) -> Value:
    """A deep copy: new tensors and modules with the same contents."""
    if depth > 6:
        return UNKNOWN
    if isinstance(value, Tensor):
        if value.is_parameter:
            return construct.make_parameter(machine, value, frame.place(span), value.requires_grad)
        return results.derived(machine, frame, value, "deepcopy", span)
    if isinstance(value, Container):
        items = [clone(machine, item, frame, span, depth + 1) for item in value.items]
        return Container(value.kind, items, list(value.keys), value.is_exact)
    if isinstance(value, Instance):
        copy = Instance(
            frame.place(span),
            machine.phase,
            value.linked,
            value.external,
            value.is_module,
            value.is_opaque,
            True,
            hides=value.hides,
        )
        for name, held in value.bindings.items():
            inner = clone(machine, held.value, frame, span, depth + 1)
            if isinstance(inner, (Tensor, Instance)):
                inner.is_registered = isinstance(held.value, (Tensor, Instance)) and held.value.is_registered
            copy.bindings[name] = Binding(
                inner, held.registration, held.place, held.phase, held.is_certain, held.is_persistent
            )
        if depth == 0 and value.is_module:
            calls.note_made(machine, copy, frame.place(span))
        return copy
    return value

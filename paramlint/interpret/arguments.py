"""The values with which a constructor and a forward are entered from outside."""

from __future__ import annotations

from paramlint import torch_api
from paramlint.interpret import calls, evaluate
from paramlint.interpret.compare import DTYPE
from paramlint.interpret.lengths import is_of_many, with_lengths
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.scan import annotation_words
from paramlint.interpret.slots import Fill, Phase, Place
from paramlint.interpret.uses import OTHER_WORDS, TENSOR_WORDS, is_tensor, uses
from paramlint.interpret.values import (
    UNKNOWN,
    ClassValue,
    Closure,
    Container,
    Device,
    External as ExternalValue,
    Instance,
    Known,
    Partial,
    Placement,
    Storage,
    Symbol,
    Tensor,
    Value,
)
from paramlint.model import code
from paramlint.project.classes import LinkedClass, Member
from paramlint.project.definitions import ClassDefinition, External, SourceModule, ValueDefinition
from paramlint.project.names import dotted_name

_MODULE_WORDS = frozenset({"Module", "ModuleList", "Sequential"})
_MOST_ALIASES = 3


def constructor_arguments(machine: Machine, linked: LinkedClass) -> calls.Arguments:
    """What a constructor may be given: symbols that stand for whatever the user passes."""
    member = linked.find("__init__")
    arguments = calls.Arguments([], {}, is_exact=False)
    if isinstance(member, Member) and isinstance(member.owner, External):
        arguments.keywords.update(_flags(torch_api.layers.get(member.owner.name)))
        return arguments
    if not isinstance(member, Member) or not isinstance(member.node, code.Function):
        return arguments
    if not isinstance(member.owner, ClassDefinition):
        return arguments
    frame = Frame(member.owner.module, member.owner.enclosing)
    for parameter in member.node.parameters[1:]:
        if parameter.kind in ("*", "**"):
            continue
        arguments.keywords[parameter.name] = _constructor_value(machine, frame, member.node, parameter)
    return arguments


def _flags(layer: torch_api.Layer | None) -> dict[str, Value]:
    """The switches that one of torch's constructors takes."""
    return {
        parameter.name: Symbol(parameter.name, parameter.name, Known(parameter.default))
        for parameter in (layer.constructor if layer is not None else ())
        if isinstance(parameter.default, bool)
    }


def _constructor_value(machine: Machine, frame: Frame, function: code.Function, parameter: code.Parameter) -> Value:
    words = machine.project.scanned(annotation_words, parameter.annotation)
    default = None if parameter.default is None else evaluate.evaluate(machine, frame, parameter.default)
    if words & TENSOR_WORDS and not words & OTHER_WORDS and default is None:
        return Tensor(
            made=frame.place((parameter.annotation or code.Constant(None, code.Span(1, 1, 1, 1))).span),
            factory="argument",
            phase=Phase.CONSTRUCTOR,
            placement=Placement.UNKNOWN,
            storage=Storage(Fill.UNKNOWN),
            requires_grad=None,
        )
    names_module = words & _MODULE_WORDS and not words & {"None", "Optional", "Type", "type", "Callable", "str"}
    is_class = parameter.name in machine.project.scanned(uses, function).as_class
    if (
        parameter.annotation is not None
        and not is_class
        and (names_module or _is_module_class(machine, frame, parameter))
    ):
        place = frame.place(parameter.annotation.span)
        return Instance(place, Phase.CONSTRUCTOR, None, "torch.nn.Module", True, True, True)
    is_module = isinstance(default, Instance) and default.is_module
    if parameter.default is not None and is_module and not words & {"None", "Optional"}:
        # whoever passes another thing passes a module too, or a function that does the same
        place = frame.place(parameter.default.span)
        return Instance(place, Phase.CONSTRUCTOR, None, "torch.nn.Module", True, True, True)
    if isinstance(default, Device) and default.literal is not None:
        default = Known(default.literal)
    is_dtype = isinstance(default, ExternalValue) and DTYPE.fullmatch(default.name) is not None
    if is_dtype and isinstance(default, ExternalValue):
        default = Known(default.name)
    known = default if isinstance(default, Known) else None
    is_number = words == {"int"} or (known is not None and type(known.value) is int)
    is_number = is_number or parameter.name in machine.project.scanned(uses, function).as_number
    has_length = is_of_many(parameter.annotation) or parameter.name in machine.project.scanned(with_lengths, function)
    makes_modules = _is_module_factory(default) or _returns_module(machine, frame, parameter.annotation)
    return Symbol(
        parameter.name,
        parameter.name,
        known,
        is_number=is_number,
        is_dtype=is_dtype,
        has_length=has_length,
        makes_modules=makes_modules,
    )


def _is_module_factory(default: Value | None) -> bool:
    """Whether a default is a class of Modules: who passes another thing passes what makes one too."""
    made = default.function if isinstance(default, Partial) else default
    if isinstance(made, ClassValue):
        return made.linked.is_module is True
    return isinstance(made, ExternalValue) and made.name in torch_api.layers


def _returns_module(machine: Machine, frame: Frame, annotation: code.Expression | None) -> bool:
    """``Type[nn.Module]``, ``Callable[..., nn.Module]``, and one of them or None."""
    if isinstance(annotation, code.BinaryOperation):
        sides = [side for side in (annotation.left, annotation.right) if not _is_none(side)]
        return all(_returns_module(machine, frame, side) for side in sides)
    if not isinstance(annotation, code.Subscript):
        return False
    name = (dotted_name(annotation.value) or ("",))[-1]
    inside = annotation.index.elements if isinstance(annotation.index, code.Display) else (annotation.index,)
    if name in ("Optional", "Union"):
        return all(_returns_module(machine, frame, part) for part in inside if not _is_none(part))
    returned = dotted_name(inside[-1]) if inside and name in ("Type", "type", "Callable") else None
    if returned is None:
        return False
    definition = machine.project.resolve(frame.module, returned)
    if isinstance(definition, ClassDefinition):
        return machine.project.link(definition).is_module is True
    return isinstance(definition, External) and torch_api.is_module_class(definition.name) is True


def _is_none(expression: code.Expression) -> bool:
    return isinstance(expression, code.Constant) and expression.value is None


def _is_module_class(machine: Machine, frame: Frame, parameter: code.Parameter) -> bool:
    """Whether a parameter without a default is annotated with nothing but a class of the source that is a Module."""
    dotted = dotted_name(parameter.annotation) if parameter.annotation is not None else None
    if dotted is None or parameter.default is not None:
        return False
    definition = machine.project.resolve(frame.module, dotted)
    return isinstance(definition, ClassDefinition) and machine.project.link(definition).is_module is True


def forward_arguments(machine: Machine, method: Closure, place: Place, is_first: bool = True) -> calls.Arguments:
    """What a forward may be given: tensors that follow the input, and settings.

    ``is_first``: the first argument is a tensor where nothing says anything of it.
    """
    arguments = calls.Arguments([], {}, is_exact=False)
    if not isinstance(method.node, code.Function):
        return arguments
    if any(parameter.kind == "*" for parameter in method.node.parameters) and len(method.node.parameters) <= 3:
        # forward(self, *args, **kwargs): the first of them is an input, if it is a tensor at all
        if method.node.parameters[1].kind == "*":
            arguments.positional.append(_input(place, False, None, None))
    for parameter in method.node.parameters[1:]:
        if parameter.kind == "*":
            continue
        if parameter.kind == "**":
            continue
        arguments.keywords[parameter.name] = _forward_value(machine, method, method.node, parameter, place, is_first)
        is_first = False
    return arguments


def _forward_value(
    machine: Machine, method: Closure, function: code.Function, parameter: code.Parameter, place: Place, is_first: bool
) -> Value:
    words = _words(machine, method.module, parameter.annotation)
    default: Known | None = None
    if isinstance(parameter.default, code.Constant) and not isinstance(parameter.default.value, type(...)):
        default = Known(parameter.default.value)
    is_setting = bool(words & OTHER_WORDS) and not words & TENSOR_WORDS
    if is_setting or (default is not None and default.value is not None):
        if words & {"list", "List", "Sequence", "tuple", "Tuple"} and words & TENSOR_WORDS:
            return UNKNOWN
        return Symbol(f"forward({parameter.name})", None, default)
    certain = is_tensor(parameter, words, machine.project.scanned(uses, function), is_first)
    if words & {"List", "list", "Tuple", "tuple", "Sequence"} and words & TENSOR_WORDS:
        return Container("list", [_input(place, True, None, None)], is_exact=False)
    optional = parameter.default is not None or "Optional" in words or "None" in words
    key = f"forward({parameter.name})" if optional or not certain else None
    return _input(place, certain, key if optional else None, default)


def _words(machine: Machine, module: SourceModule, annotation: code.Expression | None) -> frozenset[str]:
    """The words of an annotation; of what it is a name for, where that is a tensor's."""
    words = machine.project.scanned(annotation_words, annotation)
    for _ in range(_MOST_ALIASES):
        dotted = dotted_name(annotation) if annotation is not None else None
        definition = machine.project.resolve(module, dotted) if dotted is not None else None
        if isinstance(definition, External) and definition.name in torch_api.tensor_classes():
            return frozenset({"Tensor"})
        if not isinstance(definition, ValueDefinition):
            break
        module, annotation = definition.module, definition.node
        meant = machine.project.scanned(annotation_words, annotation)
        if meant & TENSOR_WORDS and not meant & OTHER_WORDS:
            return meant
    return words


def _input(place: Place, is_certain: bool, key: str | None, default: Known | None) -> Tensor:
    return Tensor(
        made=place,
        factory="argument",
        phase=Phase.FORWARD,
        placement=Placement.INPUT,
        storage=Storage(Fill.WRITTEN),
        requires_grad=None,
        is_certain=is_certain and key is None,
        key=key,
        default=default,
    )

"""Distributions of torch's: their tensors stay where they were made, and what is drawn from them is there too."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from paramlint import torch_api
from paramlint.interpret import devices, factories, results
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.ranks import least_rank, result_rank
from paramlint.interpret.slots import Registration
from paramlint.interpret.values import UNKNOWN, Binding, Container, Instance, Known, Symbol, Tensor, Value
from paramlint.model.code import Span

if TYPE_CHECKING:
    from paramlint.interpret.calls import Arguments

# Of these, a draw has not the dimensions of what they are made with; what is drawn of the first are positions.
_CHOOSING = "torch.distributions.Categorical"
_OF_OTHER_RANK = (_CHOOSING, "torch.distributions.MultivariateNormal")
# Numbers alone make none of these.
_WITHOUT_NUMBERS = (*_OF_OTHER_RANK, "torch.distributions.Dirichlet", "torch.distributions.OneHotCategorical")
_DRAWING = ("sample", "rsample")
_MEASURING = ("log_prob", "cdf", "icdf")
_METHODS = frozenset({*_DRAWING, *_MEASURING, "entropy"})
_DIVERGENCES = ("torch.distributions.kl_divergence", "torch.distributions.kl.kl_divergence")


def construct(machine: Machine, frame: Frame, name: str, arguments: Arguments, span: Span) -> Value | None:
    """A distribution of which all parameters are known; None for what is none, or is not known well enough."""
    if name == "torch.distributions.Independent" and arguments.positional and is_one(arguments.positional[0]):
        return arguments.positional[0]  # it counts the dimensions in another way
    names = torch_api.distribution_parameters.get(name)
    if names is None or not arguments.is_exact or arguments.may_have_keywords:
        return None
    given = {**dict(zip(names, arguments.positional, strict=False)), **arguments.keywords}
    given = {key: value for key, value in given.items() if key in names and value != Known(None)}
    if not given or not all(isinstance(value, Tensor) or _is_number(value) for value in given.values()):
        return None
    is_of_tensors = any(isinstance(value, Tensor) for value in given.values())
    if not is_of_tensors and name in _WITHOUT_NUMBERS:
        return None
    place = frame.place(span)
    made = Instance(place, machine.phase, None, name)
    made.is_initialised = True
    for key, value in given.items():
        if isinstance(value, Tensor):
            held = results.view(machine, frame, value, "expand", span, value.rank)
            held.least_rank = value.dimensions
        elif is_of_tensors:
            continue  # a number goes where the tensors are
        else:
            held = factories.factory(machine, frame, torch_api.functions["torch.tensor"], [Known(0.0)], {}, span)
            held.factory, held.storage.constant = name.rpartition(".")[2], None
        made.bindings[key] = Binding(held, Registration.OTHER, place, machine.phase)
    return made


def _is_number(value: Value) -> bool:
    if isinstance(value, Known):
        return isinstance(value.value, (int, float)) and not isinstance(value.value, bool)
    return isinstance(value, Symbol) and value.is_number


def is_one(value: Value) -> TypeGuard[Instance]:
    """Whether a value is a distribution of torch's whose tensors are known."""
    return (
        isinstance(value, Instance)
        and value.external in torch_api.distribution_parameters
        and not value.is_opaque
        and all(isinstance(binding.value, Tensor) for binding in value.bindings.values())
    )


def has(value: Instance, name: str) -> bool:
    """Whether an object is a distribution and has a method of that name whose results are known."""
    return name in _METHODS and is_one(value)


def call(machine: Machine, frame: Frame, distribution: Instance, name: str, arguments: Arguments, span: Span) -> Value:
    """What a method of a distribution returns: a draw is where its tensors are; what is measured meets them."""
    parameters = _tensors(distribution)
    if not parameters or not arguments.is_exact:
        return UNKNOWN
    if name in _DRAWING:
        return _draw(machine, frame, distribution, name, arguments.get(0, "sample_shape"), span)
    operands = parameters
    if name in _MEASURING:
        value = arguments.get(0, "value")
        if not isinstance(value, Tensor):
            return UNKNOWN
        operands = [*parameters, value]
        devices.check(machine, frame, name, operands, span)
    return results.derived(machine, frame, operands[0], name, span, operands=operands, rank=None)


def _draw(machine: Machine, frame: Frame, distribution: Instance, name: str, shape: Value | None, span: Span) -> Tensor:
    parameters = _tensors(distribution)
    added, least_added = (0, 0) if shape is None else _dimensions(shape)
    own = [parameter.rank for parameter in parameters]
    rank = None if added is None or None in own else added + max(rank or 0 for rank in own)
    least = max(least_added, *(parameter.dimensions for parameter in parameters))
    if distribution.external in _OF_OTHER_RANK:
        rank, least = None, max(least_added, int(distribution.external != _CHOOSING))
    drawn = results.derived(machine, frame, parameters[0], name, span, operands=parameters, rank=rank, least_rank=least)
    drawn.is_random = True
    drawn.is_integer = True if distribution.external == _CHOOSING else None
    if name == "sample":  # nothing that is drawn in this way leads back to what it is drawn from
        drawn.requires_grad, drawn.lost, drawn.ancestor = False, None, None
    return drawn


def _dimensions(shape: Value) -> tuple[int | None, int]:
    """How many dimensions a shape names, and how many at least; one that is passed on may name none."""
    if isinstance(shape, Symbol) and shape.key.startswith("size#"):
        return None, 1  # the size of a tensor, of which a number would not be asked
    if not isinstance(shape, Container) or not shape.items:
        return (0 if isinstance(shape, Container) and shape.is_exact else None), 0
    drawing = torch_api.functions["torch.randn"]
    return result_rank(drawing, [shape], {}), least_rank(drawing, [shape], {})


def diverge(machine: Machine, frame: Frame, name: str, arguments: Arguments, span: Span) -> Value | None:
    """How far two distributions are apart: their tensors meet; None for a call of something else."""
    between = [value for value in arguments.positional[:2] if is_one(value)] if name in _DIVERGENCES else []
    if len(between) < 2:
        return None
    tensors = [tensor for one in between for tensor in _tensors(one)]
    devices.check(machine, frame, "kl_divergence", tensors, span)
    return results.derived(machine, frame, tensors[0], "kl_divergence", span, operands=tensors, rank=None)


def _tensors(distribution: Instance) -> list[Tensor]:
    return [binding.value for binding in distribution.bindings.values() if isinstance(binding.value, Tensor)]

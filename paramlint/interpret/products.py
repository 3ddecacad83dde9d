"""Which tensors of forward start at exactly zero, by a learned factor, and where two such factors meet."""

from __future__ import annotations

from collections.abc import Sequence

from paramlint.interpret.events import DeadProduct, Event
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.slots import Phase
from paramlint.interpret.values import Container, Instance, Known, Tensor, Value, Vanishing
from paramlint.model.code import Span

_PRODUCTS = frozenset(
    {
        *("*", "@", "mul", "multiply", "matmul", "mm", "bmm", "mv", "dot", "outer", "einsum", "linear", "bilinear"),
        *(f"conv{transposed}{dimension}d" for transposed in ("", "_transpose") for dimension in (1, 2, 3)),
    }
)
# Functions of one tensor that are zero where it is.
_KEEPS = frozenset(
    {
        *(
            "data",
            "view",
            "reshape",
            "flatten",
            "t",
            "T",
            "mT",
            "transpose",
            "permute",
            "unsqueeze",
            "squeeze",
            "indexing",
        ),
        *("expand", "repeat", "expand_as", "contiguous", "clone", "to", "float", "half", "type_as", "chunk", "split"),
        *(
            "-",
            "neg",
            "relu",
            "gelu",
            "silu",
            "tanh",
            "leaky_relu",
            "elu",
            "mish",
            "dropout",
            "sum",
            "mean",
            "rearrange",
        ),
        *("Dropout", "ReLU", "GELU", "SiLU", "Tanh", "LeakyReLU", "ELU", "Mish", "Identity", "Flatten", "ReLU6"),
    }
)


def note(
    machine: Machine, frame: Frame, operation: str, operands: Sequence[Tensor], result: Tensor, span: Span
) -> None:
    """Note what an operation does with tensors that start at zero."""
    if machine.phase is not Phase.FORWARD:
        return
    count_reads(operands)
    factors = [factor for operand in operands if (factor := _vanishing(operand)) is not None]
    if not factors or machine.undecided or not machine.is_called_by_forward:
        return
    if operation in _PRODUCTS:
        taking = 3 if operation == "bilinear" else 2 if operation.startswith(("linear", "conv")) else len(operands)
        biases = operands[taking:]  # which is added
        factors = [factor for operand in operands[:taking] if (factor := _vanishing(operand)) is not None]
        if factors and not any(_constant(bias) != 0 for bias in biases):
            _multiply(machine, frame, operands, factors, result, span)
    elif (operation in _KEEPS and len(operands) == 1) or (operation == "/" and _vanishing(operands[0]) is not None):
        result.vanishing = _from(factors[0], operands)


def note_layer(
    machine: Machine, frame: Frame, instance: Instance, operands: Sequence[Tensor], result: Tensor, span: Span
) -> None:
    """Note what a layer of torch's, called by the instance's own code, does with such tensors."""
    weight = instance.bindings.get("weight")
    if weight is None:
        note(machine, frame, instance.class_name, operands, result, span)
        return
    count_reads(operands)
    bias = instance.bindings.get("bias")
    is_open = bias is not None and bias.value != Known(None) and _constant(bias.value) != 0
    if is_open or not operands or frame.receiver is not machine.root or machine.phase is not Phase.FORWARD:
        return
    if machine.undecided or not machine.is_called_by_forward or instance.class_name.startswith("Embedding"):
        return
    factors = [factor for operand in operands[:1] if (factor := _vanishing(operand)) is not None]
    name = _name_of(machine, instance)
    if isinstance(weight.value, Tensor) and _is_zero(weight.value) and name is not None:
        factors.append(Vanishing(weight.value, name))
    if factors:
        _multiply(machine, frame, operands, factors, result, span)


def count_reads(values: Sequence[Value], depth: int = 0) -> None:
    """Count that something reads the tensors among values."""
    for value in values:
        if isinstance(value, Tensor) and value.vanishing is not None:
            value.vanishing.reads += 1
        elif isinstance(value, Container) and depth < 3:
            count_reads(value.items, depth + 1)


def dead_products(machine: Machine) -> list[Event]:
    """The products between whose factors nothing else is read."""
    return [event for event, chain in machine.products if all(link.reads == 1 for link in chain)]


def _multiply(
    machine: Machine, frame: Frame, operands: Sequence[Tensor], factors: list[Vanishing], result: Tensor, span: Span
) -> None:
    first = factors[0]
    second = next((factor for factor in factors if factor.parameter is not first.parameter), None)
    if second is not None:
        event = DeadProduct(frame.place(span), first.name, second.name)
        machine.products.append((event, (*_links(first, operands), *_links(second, operands))))
    result.vanishing = _from(first, operands)


def _from(factor: Vanishing, operands: Sequence[Tensor]) -> Vanishing:
    return Vanishing(factor.parameter, factor.name, _links(factor, operands))


def _links(factor: Vanishing, operands: Sequence[Tensor]) -> tuple[Vanishing, ...]:
    """The tensors on the way to a factor, itself included where it was computed."""
    is_computed = any(operand.vanishing is factor for operand in operands)
    return (*factor.chain, factor) if is_computed else factor.chain


def _vanishing(tensor: Tensor) -> Vanishing | None:
    if tensor.vanishing is not None:
        return tensor.vanishing
    if tensor.home is not None and _is_zero(tensor):
        return Vanishing(tensor, tensor.home)
    return None


def _is_zero(tensor: Tensor) -> bool:
    return tensor.is_parameter and tensor.requires_grad is True and not tensor.is_empty and _constant(tensor) == 0


def _constant(value: Value) -> float | None:
    return value.storage.constant if isinstance(value, Tensor) else None


def _name_of(machine: Machine, instance: Instance) -> str | None:
    """The attribute of the instance under which a layer is, itself or in torch's own containers."""
    owned = machine.root.bindings.items() if machine.root is not None else ()
    return next((name for name, held in owned if held.value is instance or _contains(held.value, instance)), None)


def _contains(holder: Value, instance: Instance) -> bool:
    if not isinstance(holder, Instance) or holder.linked is not None:
        return False
    return any(held.value is instance or _contains(held.value, instance) for held in holder.bindings.values())

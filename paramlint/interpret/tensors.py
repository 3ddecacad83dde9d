"""What torch's functions do with tensors: rank, placement, storage and gradients of their results."""

from __future__ import annotations

from paramlint import torch_api
from paramlint.interpret import constants, devices, factories, initialisation, products, results, stores
from paramlint.interpret.events import LostParameter, LostWrite
from paramlint.interpret.initialised import CARRYING
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.ranks import least_of_index, least_rank, rank_of_index, result_rank
from paramlint.interpret.slots import Phase
from paramlint.interpret.values import (
    NONE,
    UNKNOWN,
    Container,
    Device,
    External,
    Known,
    Placement,
    Symbol,
    Tensor,
    Value,
)
from paramlint.model.code import Span
from paramlint.torch_api import Function, Kind, ResultDevice, Returns

_SYMBOLS = {"+": "add", "-": "sub", "*": "mul", "/": "div", "@": "matmul", "//": "floor_divide", "%": "remainder"}
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
# Operations that answer with truth values: even one without dimensions is a mask as an index, and no number.
_MASKS = frozenset(
    {*_COMPARISONS, "bool", "eq", "ne", "lt", "le", "gt", "ge", "isnan", "isfinite", "logical_not", "logical_and"}
)


def arithmetic(machine: Machine, frame: Frame, operator: str, left: Value, right: Value, span: Span) -> Value:
    """The result of an infix operator of which one side at least is a tensor."""
    operands = results.operands_of([left, right])
    initialisation.note_read(machine, frame.place(span), operands, operator)
    devices.check(machine, frame, operator, operands, span)
    if any(not isinstance(side, (Tensor, Known, Symbol)) for side in (left, right)):
        # an object of unknown type may define the operator itself
        operands_certain = any(operand.is_certain for operand in operands)
        if not operands_certain:
            return UNKNOWN
    ranks = [operand.rank for operand in operands]
    if any(not isinstance(side, (Tensor, Known)) for side in (left, right)):
        ranks.append(None if not isinstance(left, Symbol) and not isinstance(right, Symbol) else 0)
    if operator == "@":
        rank = None if None in ranks or len(ranks) < 2 else _matmul(ranks[0] or 0, ranks[1] or 0)
    else:
        rank = None if None in ranks else max(rank or 0 for rank in ranks)
    least = 0 if operator == "@" else max(operand.dimensions for operand in operands)
    result = results.derived(
        machine, frame, operands[0], operator, span, operands=operands, rank=rank, least_rank=least
    )
    if least == 0 and any(not isinstance(side, (Tensor, Known, Symbol)) for side in (left, right)):
        # what is unknown decides where the result is, if the tensor has no dimensions
        result.placement = result.placement if result.placement.is_moving else Placement.UNKNOWN
    if operator in _COMPARISONS:
        result.requires_grad = False
        result.is_integer = True
    elif all(operand.is_part for operand in operands):
        result.is_part = True  # what is computed from elements, which may be numbers, may be one
    if operator not in (*_COMPARISONS, "/", "@") and all(_is_integer(side) for side in (left, right)):
        result.is_integer = True
    return result


def _is_integer(side: Value) -> bool:
    if isinstance(side, Tensor):
        return side.is_integer is True
    return isinstance(side, Known) and isinstance(side.value, int)


def _matmul(first: int, second: int) -> int:
    if first == 1 and second == 1:
        return 0
    if first == 1 or second == 1:
        return max(first, second) - 1
    return max(first, second)


def augmented(machine: Machine, frame: Frame, operator: str, target: Tensor, value: Value, span: Span) -> Value:
    """``target operator= value`` for a tensor: in place."""
    devices.check(machine, frame, f"{operator}=", results.operands_of([target, value]), span, written=target)
    products.count_reads([target, value])
    stores.note_state(machine, target, frame.place(span), f"{operator}=")
    before = target.storage.overwritten
    results.write(machine, target, is_carried=True)
    target.storage.overwritten = before
    return target


def index(machine: Machine, frame: Frame, tensor: Tensor, position: Value, rank: int | None, span: Span) -> Tensor:
    """``tensor[position]``: an index left on the CPU is allowed, a pinned tensor under a moving index is not."""
    indices = [item for item in results.operands_of([position]) if item.rank != 0]
    if indices:
        moving = [item for item in indices if item.placement.is_moving and not _may_be_number(item)]
        if moving and tensor.placement.is_pinned:
            devices.check(machine, frame, "[]", [tensor, *moving], span)
        least = rank if rank is not None else least_of_index(0, position)
        # A copy, unlike a view: what is written to it afterwards reaches nothing else.
        initialisation.note_read(machine, frame.place(span), [tensor], "[]")
        result = results.derived(machine, frame, tensor, "indexing", span, rank=rank, least_rank=least)
        result.is_integer = tensor.is_integer
        return result
    result = results.view(machine, frame, tensor, "indexing", span, rank)
    result.least_rank = rank if rank is not None else least_of_index(tensor.dimensions, position)
    return result


def check_item_write(machine: Machine, frame: Frame, tensor: Tensor, position: Value, value: Value, span: Span) -> None:
    """``tensor[position] = value``: slices and numbers copy from any device; under tensors as indices nothing does.

    Torch brings such indices to the tensor, wherever they are, and wants the values beside it; a single value it takes as
    a number (torch/_subclasses/fake_impls.py, ``index_put_impl``).
    """
    if not isinstance(value, Tensor) or not value.dimensions or value.length == 1 or value.factory == "from_numpy":
        return
    indices = [item for item in results.operands_of([position]) if item.rank != 0 and not _may_be_number(item)]
    if any(item.dimensions > 0 or item.factory in _MASKS for item in indices):
        devices.check(machine, frame, "[]=", [tensor, value], span)


def _may_be_number(index: Tensor) -> bool:
    """Whether an index may be one element of a tensor: it counts as a number then, wherever it is."""
    return index.is_part and index.rank is None and index.least_rank == 0


def call(
    machine: Machine,
    frame: Frame,
    function: Function,
    positional: list[Value],
    keywords: dict[str, Value],
    span: Span,
) -> Value:
    """Apply one of torch's functions, or a method (whose first positional argument is then the tensor)."""
    operands = results.operands_of([*positional, *keywords.values()])
    name = function.name.rsplit(".", 1)[-1]
    if function.kind is Kind.FACTORY:
        return factories.factory(machine, frame, function, positional, keywords, span)
    if not operands:
        return _without_tensors(machine, function)
    first = operands[0]
    if function.name == "torch.Tensor.values" and not first.is_certain:
        return UNKNOWN  # of dicts that are asked for theirs, there are more than of sparse tensors
    if name in ("dim", "ndimension") and first.rank is not None:
        return Known(first.rank)
    if function.kind is Kind.TO_PYTHON:
        if name == "numpy" and first.placement.is_moving and first.is_certain:
            machine.device_tests += 1  # it raises on an accelerator: from here on, the path is meant for the CPU
        return machine.fresh(name)
    if name == "linear" and keywords.get("weight", positional[1] if len(positional) > 1 else UNKNOWN) == NONE:
        machine.refuse()  # torch raises: what was built without that weight is not meant for forward
    if name == "type" and len(positional) == 1 and not keywords:
        return machine.fresh("type")  # asked for its type, a tensor answers with a text
    if function.kind is Kind.CONVERSION:
        if first.is_parameter and not keywords and _changes_nothing(first, name, positional[1:]):
            return first
        return _convert(machine, frame, function, first, positional[1:], keywords, span)
    if function.kind is Kind.LIKE:
        return factories.like(machine, frame, function, first, positional, keywords, span)
    function, bound = _as_called(function, positional, keywords)
    checked = results.operands_of([value for place, value in bound if place in function.same_device])
    devices.check(machine, frame, name, checked, span, written=first if function.kind is Kind.IN_PLACE else None)
    if function.kind is not Kind.VIEW:
        initialisation.note_read(machine, frame.place(span), operands[function.kind is Kind.IN_PLACE :], name)
    if function.kind is Kind.IN_PLACE:
        return _in_place(machine, frame, function, positional, keywords, first, span)
    rank = result_rank(function, positional, keywords)
    least = least_rank(function, positional, keywords)
    if name == "contiguous" and first.is_parameter:
        return first  # unless it was made out of order, of something transposed
    if function.kind is Kind.VIEW and function.returns in (Returns.TENSOR, Returns.SELF):
        result = results.view(machine, frame, first, name, span, rank)
        result.least_rank = least
        if name in ("detach", "data"):
            result.requires_grad = False
        return result
    if function.kind is Kind.OTHER:
        for value in (*positional, *keywords.values()):
            results.escape(value)
        return UNKNOWN
    result = results.derived(machine, frame, first, name, span, operands=operands, rank=rank, least_rank=least)
    result.is_integer = function.is_integer
    result.is_random = result.is_random or function.is_random
    if function.is_integer:
        result.requires_grad = False
    if result.placement.is_pinned and not any(operand.dimensions for operand in operands):
        others = [value for place, value in bound if place in function.same_device]
        if not all(isinstance(value, (Tensor, Known, Symbol)) for value in others):
            result.placement = Placement.UNKNOWN  # where what is not known is, if that has dimensions
    return _returned(function, result)


def _changes_nothing(tensor: Tensor, name: str, arguments: list[Value]) -> bool:
    """Whether a conversion returns the tensor itself: to the type that it has, or to the host on which it was made."""
    if name == "cpu" or arguments == [Known("cpu")]:
        return tensor.placement is Placement.DEFAULT
    if name in ("to", "type") and len(arguments) == 1:
        return tensor.is_single and _is_single_type(arguments[0])
    return name == "float" and tensor.is_single


def _is_single_type(value: Value) -> bool:
    """Whether a value is, or is by default, the type whose elements are 32 bits long."""
    default = value.default.value if isinstance(value, Symbol) and value.is_dtype and value.default else None
    return (value.name if isinstance(value, External) else default) in ("torch.float", "torch.float32")


def _without_tensors(machine: Machine, function: Function) -> Value:
    if function.kind is Kind.TO_PYTHON:
        return machine.fresh(function.name)
    return UNKNOWN


def _returned(function: Function, result: Tensor) -> Value:
    if function.returns is Returns.TENSOR or function.returns is Returns.SELF:
        return result
    if function.returns in (Returns.TUPLE, Returns.LIST):
        return Container("tuple", [result], is_exact=False)
    return UNKNOWN


def _as_called(
    function: Function, positional: list[Value], keywords: dict[str, Value]
) -> tuple[Function, list[tuple[str, Value]]]:
    """A function with what this way of calling it returns, and the arguments with their places."""
    flags = tuple(
        True if isinstance(value, Tensor) and value.is_certain else False if isinstance(value, Known) else None
        for value in positional
    )
    call = function.bind(flags, [name for name in keywords if name != "**"])
    places = function.parameters if call is None else call.places
    bound = [*zip(places, positional, strict=False), *keywords.items()]
    if call is not None:
        for place, value in bound:
            demanded = [value] if place in call.signature.tensors - call.signature.mixed else []
            if place in call.signature.lists and isinstance(value, Container):
                demanded = value.items
            for item in demanded:
                if isinstance(item, Tensor):
                    # torch raises for anything else, so from here on it is a tensor
                    item.is_certain = True
        if function.returns is Returns.VARIES:
            function = function._replace(returns=call.signature.returns, result_rank=call.signature.result_rank)
    return function, bound


def _convert(
    machine: Machine,
    frame: Frame,
    function: Function,
    source: Tensor,
    arguments: list[Value],
    keywords: dict[str, Value],
    span: Span,
) -> Tensor:
    name = function.name.rsplit(".", 1)[-1]
    result = results.derived(machine, frame, source, name, span)
    result.made, result.factory, result.phase = source.made, source.factory, source.phase
    if function.result_device is ResultDevice.ACCELERATOR:
        device: Device | None = Device(Placement.LITERAL, "cuda")
        given = [*arguments, *keywords.values()][:1]
        if machine.phase is Phase.FORWARD and given and not isinstance(given[0], Known):
            device = Device(Placement.UNKNOWN)  # ``x.cuda(torch.cuda.current_device())``, in each call anew
    elif function.result_device is ResultDevice.CPU:
        device = Device(Placement.HOST, "cpu")
    elif name == "to" or function.result_device is ResultDevice.ARGUMENT:
        given = [*arguments, *keywords.values()]
        device = next((found for value in given if (found := devices.device_of(value)) is not None), None)
    else:
        device = None
    if device is not None:
        result.placement = Placement.UNKNOWN if machine.on_meta else device.placement
        result.origin = device.source or result.origin
        if result.placement is Placement.LITERAL and machine.phase is Phase.FORWARD:
            result.placement = Placement.UNKNOWN
        if not (source.is_registered and machine.device_tests):  # what follows the model is only moved a call early
            devices.note_literal(machine, frame, device, f".{name}()", source.home, span)
    if name in ("long", "int", "bool", "short", "byte"):
        result.is_integer = True
        result.is_single = False
    elif name in ("float", "double", "half", "bfloat16"):
        result.is_integer = False
        result.is_single = name == "float"
    elif name in ("to", "type", "type_as"):
        result.is_single = len(arguments) == 1 and _is_single_type(arguments[0])
    return result


def _in_place(
    machine: Machine,
    frame: Frame,
    function: Function,
    positional: list[Value],
    keywords: dict[str, Value],
    first: Tensor,
    span: Span,
) -> Value:
    name = function.name.rsplit(".", 1)[-1]
    target = first
    if function.writes is not None and isinstance(keywords.get(function.writes), Tensor):
        target = keywords[function.writes]  # type: ignore[assignment]
    elif positional and isinstance(positional[0], Tensor):
        target = positional[0]
    if name == "requires_grad_":
        given = positional[1] if len(positional) > 1 else keywords.get("requires_grad", Known(True))
        target.is_leaf = target.is_leaf or target.requires_grad is False
        target.requires_grad = results.flag(machine, given)
        return target
    if target.is_recomputed and machine.phase is Phase.CONSTRUCTOR and not machine.undecided:
        machine.emit(LostWrite(frame.place(span), name, target.home))
    stores.note_state(machine, target, frame.place(span), name)
    before = target.storage.overwritten
    results.write(machine, target, is_carried=name in CARRYING)
    target.storage.overwritten = before
    if not (machine.undecided or target.is_part):
        target.storage.constant = constants.constant_of(name, positional, keywords)
    place = frame.place(span)
    initialisation.note_write(machine, frame, target, place, name, positional[1:])
    initialisation.note_gain(machine, target, place, name, positional[1:], keywords, frame.function)
    target.is_random = target.is_random or factories.draws_anew(function, keywords)
    is_initialiser = function.name.startswith("torch.nn.init.")
    is_kept = results.is_kept_from_writes(machine, target)
    if is_kept and not is_initialiser and name in torch_api.raises_on_leaf() and not machine.undecided:
        machine.emit(LostParameter(frame.place(span), machine.phase, name))
    return target


def index_rank(tensor: Tensor, position: Value) -> int | None:
    """The rank of ``tensor[position]``."""
    return rank_of_index(tensor.rank, position)

"""What torch's functions do with tensors: rank, placement, storage and gradients of their results."""

from __future__ import annotations

from dataclasses import replace

from paramlint import torch_api
from paramlint.interpret import devices, evaluate, initialisation
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.ranks import kept_dimensions, least_rank, rank_of_data, rank_of_index, result_rank
from paramlint.interpret.trace import Fill, Loss, LostParameter, LostWrite, Phase
from paramlint.interpret.values import (
    POSITIONS,
    UNKNOWN,
    Container,
    Device,
    External,
    Instance,
    Known,
    Placement,
    Storage,
    Symbol,
    Tensor,
    Value,
)
from paramlint.model.code import Span
from paramlint.torch_api import Function, Kind, ResultDevice, Returns

_SYMBOLS = {"+": "add", "-": "sub", "*": "mul", "/": "div", "@": "matmul", "//": "floor_divide", "%": "remainder"}
_COUNTING = frozenset({"arange", "meshgrid", "cartesian_prod", "indices"})
# What keeps positions what they are: shape, type, scale. A function of them may be where learning is meant to begin.
_SHAPING = frozenset(
    {
        *(
            "+",
            "-",
            "*",
            "/",
            "//",
            "add",
            "sub",
            "mul",
            "div",
            "cat",
            "concat",
            "stack",
            "vstack",
            "hstack",
            "reshape",
        ),
        *(
            "view",
            "flatten",
            "ravel",
            "expand",
            "repeat",
            "clone",
            "contiguous",
            "to",
            "float",
            "double",
            "type",
            "half",
        ),
        *("unsqueeze", "squeeze", "permute", "transpose", "t", "T", "meshgrid", "cartesian_prod", "flip", "roll"),
        *("indexing", "detach", "data", "deepcopy", "expand_as", "repeat_interleave", "rearrange"),
    }
)
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


def operands_of(values: list[Value]) -> list[Tensor]:
    """The tensors among arguments, those inside lists and tuples too."""
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, Container) and value.kind != "dict":
            found.extend(item for item in value.items if isinstance(item, Tensor))
    return found


def derived(
    machine: Machine,
    frame: Frame,
    source: Tensor,
    operation: str,
    span: Span,
    *,
    operands: list[Tensor] | None = None,
    rank: int | str | None = "same",
    placement: Placement | None = None,
    least_rank: int | None = None,
) -> Tensor:
    """A new tensor computed from others; ``source`` is the first of them."""
    among = operands or [source]
    requires = None
    if machine.without_gradients or all(operand.requires_grad is False for operand in among):
        requires = False
    elif any(operand.requires_grad for operand in among):
        requires = True
    loss, ancestor = _loss(frame, among, operation, span)
    pinned = next((operand for operand in among if operand.placement.is_pinned and operand.rank != 0), None)
    uninitialised = any(operand.storage.fill is Fill.UNINITIALISED for operand in among)
    return Tensor(
        made=frame.place(span),
        factory=operation,
        phase=machine.phase,
        placement=devices.combined(among) if placement is None else placement,
        storage=Storage(Fill.UNINITIALISED if uninitialised and len(among) == 1 else Fill.WRITTEN),
        rank=source.rank if isinstance(rank, str) else rank,
        least_rank=(source.dimensions if isinstance(rank, str) else 0) if least_rank is None else least_rank,
        is_random=any(operand.is_random for operand in among),
        is_empty=all(operand.is_empty for operand in among),
        requires_grad=requires,
        is_certain=any(operand.is_certain for operand in among),
        lost=loss,
        ancestor=ancestor,
        is_table=operation in _SHAPING
        and any(operand.is_table for operand in among)
        and not any(operand.is_random or operand.requires_grad for operand in among),
        follows_model=any(operand.is_registered or operand.follows_model for operand in among),
        home=among[0].home if len(among) == 1 else next((o.home for o in among if o.placement.is_pinned), None),
        origin=None if pinned is None else pinned.origin or pinned,
    )


def _loss(frame: Frame, operands: list[Tensor], operation: str, span: Span) -> tuple[Loss | None, Tensor | None]:
    for operand in operands:
        if operand.is_parameter:
            return Loss(operation, frame.place(span)), operand
        if operand.lost is not None:
            return operand.lost, operand.ancestor
    return None, None


def view(machine: Machine, frame: Frame, source: Tensor, operation: str, span: Span, rank: int | None) -> Tensor:
    """A tensor that shares its storage with another."""
    result = derived(machine, frame, source, operation, span, rank=rank)
    result.storage = source.storage
    result.made = source.made
    result.factory = source.factory
    result.phase = source.phase
    result.is_integer = source.is_integer
    result.is_recomputed, result.home = source.is_recomputed, source.home
    return result


def write(machine: Machine, tensor: Tensor) -> None:
    """Note that the memory of a tensor is written."""
    initialisation.touch(tensor.storage)
    if tensor.storage.fill is Fill.UNINITIALISED:
        tensor.storage.fill = Fill.UNKNOWN if machine.undecided else Fill.WRITTEN
    tensor.is_empty = False if machine.undecided else tensor.is_empty


def escape(value: Value, depth: int = 0) -> None:
    """Note that code we cannot see holds a value and may write its memory."""
    if isinstance(value, Tensor):
        initialisation.touch(value.storage)
        if value.storage.fill is Fill.UNINITIALISED:
            value.storage.fill = Fill.UNKNOWN
    elif isinstance(value, Container) and depth < 3:
        for item in value.items:
            escape(item, depth + 1)
    elif isinstance(value, Instance) and depth < 6:
        for binding in value.bindings.values():
            escape(binding.value, depth + 1)


def element(tensor: Tensor) -> Tensor:
    """What iterating over a tensor yields."""
    rank = None if tensor.rank is None else max(tensor.rank - 1, 0)
    return replace(tensor, rank=rank, is_parameter=False, is_registered=False, key=None)


def arithmetic(machine: Machine, frame: Frame, operator: str, left: Value, right: Value, span: Span) -> Value:
    """The result of an infix operator of which one side at least is a tensor."""
    operands = operands_of([left, right])
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
    result = derived(machine, frame, operands[0], operator, span, operands=operands, rank=rank, least_rank=least)
    if operator in _COMPARISONS:
        result.requires_grad = False
        result.is_integer = True
    return result


def _matmul(first: int, second: int) -> int:
    if first == 1 and second == 1:
        return 0
    if first == 1 or second == 1:
        return max(first, second) - 1
    return max(first, second)


def augmented(machine: Machine, frame: Frame, operator: str, target: Tensor, value: Value, span: Span) -> Value:
    """``target operator= value`` for a tensor: in place."""
    devices.check(machine, frame, f"{operator}=", operands_of([target, value]), span)
    write(machine, target)
    return target


def index(machine: Machine, frame: Frame, tensor: Tensor, position: Value, rank: int | None, span: Span) -> Tensor:
    """``tensor[position]``: an index left on the CPU is allowed, a pinned tensor under a moving index is not."""
    indices = [item for item in operands_of([position]) if item.rank != 0]
    if indices:
        moving = [item for item in indices if item.placement.is_moving]
        if moving and tensor.placement.is_pinned:
            devices.check(machine, frame, "[]", [tensor, *moving], span)
        least = rank if rank is not None else kept_dimensions(position)
        result = derived(machine, frame, tensor, "indexing", span, rank=rank, least_rank=least)
        result.is_integer = tensor.is_integer
        return result
    return view(machine, frame, tensor, "indexing", span, rank)


def call(
    machine: Machine,
    frame: Frame,
    function: Function,
    positional: list[Value],
    keywords: dict[str, Value],
    span: Span,
) -> Value:
    """Apply one of torch's functions, or a method (whose first positional argument is then the tensor)."""
    operands = operands_of([*positional, *keywords.values()])
    name = function.name.rsplit(".", 1)[-1]
    if function.kind is Kind.FACTORY:
        return _factory(machine, frame, function, positional, keywords, span)
    if not operands:
        return _without_tensors(machine, function)
    first = operands[0]
    if function.kind is Kind.TO_PYTHON:
        return machine.fresh(name)
    if function.kind is Kind.CONVERSION:
        return _convert(machine, frame, function, first, positional[1:], keywords, span)
    if function.kind is Kind.LIKE:
        return _like(machine, frame, function, first, positional, keywords, span)
    checked = _checked(function, positional, keywords)
    devices.check(machine, frame, name, checked, span)
    if function.kind is not Kind.VIEW:
        initialisation.note_read(machine, frame.place(span), operands[function.kind is Kind.IN_PLACE :], name)
    if function.kind is Kind.IN_PLACE:
        return _in_place(machine, frame, function, positional, keywords, first, span)
    rank = result_rank(function, positional, keywords)
    least = least_rank(function, positional, keywords)
    if function.kind is Kind.VIEW and function.returns in (Returns.TENSOR, Returns.SELF):
        result = view(machine, frame, first, name, span, rank)
        result.least_rank = least
        if name in ("detach", "data"):
            result.requires_grad = False
        return result
    if function.kind is Kind.OTHER:
        for value in (*positional, *keywords.values()):
            escape(value)
        return UNKNOWN
    result = derived(machine, frame, first, name, span, operands=operands, rank=rank, least_rank=least)
    result.is_integer = function.is_integer
    result.is_random = result.is_random or function.is_random
    if function.is_integer:
        result.requires_grad = False
    return _returned(function, result)


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


def _checked(function: Function, positional: list[Value], keywords: dict[str, Value]) -> list[Tensor]:
    """The operands that must be on one device."""
    flags = tuple(
        True if isinstance(value, Tensor) and value.is_certain else False if isinstance(value, Known) else None
        for value in positional
    )
    call = function.bind(flags, [name for name in keywords if name != "**"])
    places = function.parameters if call is None else call.places
    bound = [*zip(places, positional, strict=False), *keywords.items()]
    if call is not None:
        for place, value in bound:
            if place in call.signature.tensors - call.signature.mixed and isinstance(value, Tensor):
                # torch raises for anything else, so from here on it is a tensor
                value.is_certain = True
    return operands_of([value for place, value in bound if place in function.same_device])


def _factory(
    machine: Machine,
    frame: Frame,
    function: Function,
    positional: list[Value],
    keywords: dict[str, Value],
    span: Span,
) -> Tensor:
    name = function.name.rsplit(".", 1)[-1]
    device = devices.device_of(keywords["device"]) if "device" in keywords else None
    devices.note_literal(machine, frame, device, f"device={device.literal!r}" if device else "", None, span)
    placement = Placement.DEFAULT if device is None else device.placement
    if machine.on_meta or "**" in keywords:
        placement = Placement.UNKNOWN
    is_uninitialised: bool | None = function.is_uninitialised
    rank = result_rank(function, positional, keywords)
    if name in ("Tensor", "FloatTensor", "DoubleTensor", "HalfTensor", "LongTensor", "IntTensor", "BoolTensor"):
        is_uninitialised, rank = _constructor_form(positional)
    source = operands_of(list(positional))
    if function.result_rank is torch_api.ResultRank.DATA and positional:
        rank = rank_of_data(positional[0])
    if name == "from_numpy":
        # in forward, what goes through numpy is on the CPU by design
        placement = Placement.DEFAULT if machine.phase is Phase.CONSTRUCTOR else Placement.UNKNOWN
    elif function.result_device is ResultDevice.CPU or (name in ("as_tensor", "tensor") and source):
        placement = Placement.UNKNOWN if device is None else placement
    if name in ("tensor", "as_tensor") and positional and _may_move(positional[0]):
        placement = Placement.UNKNOWN if device is None else placement
    requires = keywords.get("requires_grad", Known(False))
    return Tensor(
        made=frame.place(span),
        factory=name,
        phase=machine.phase,
        placement=placement,
        storage=Storage(_fill(machine, is_uninitialised)),
        rank=rank,
        least_rank=least_rank(function, positional, keywords),
        is_random=function.is_random or any(item.is_random for item in source),
        follows_model=device is not None,
        is_empty=_is_empty(positional, is_uninitialised) or _has_no_size(function, positional),
        is_integer=_is_integer(function, positional, keywords),
        requires_grad=flag(machine, requires),
        is_table=name in _COUNTING
        or any(item.is_table for item in source)
        or any(isinstance(value, External) and value.name == POSITIONS for value in positional[:1]),
    )


def flag(machine: Machine, value: Value) -> bool | None:
    """Whether a boolean argument is true on this path."""
    return evaluate.truth(machine, value)


def _may_move(data: Value) -> bool:
    """Whether data given to a factory may be a tensor or an array from elsewhere."""
    return not isinstance(data, (Known, Container, Symbol))


def _fill(machine: Machine, is_uninitialised: bool | None) -> Fill:
    if machine.on_meta or is_uninitialised is None:
        return Fill.UNKNOWN
    return Fill.UNINITIALISED if is_uninitialised else Fill.WRITTEN


def _constructor_form(positional: list[Value]) -> tuple[bool | None, int | None]:
    """``torch.Tensor(2, 3)`` is uninitialised memory, ``torch.Tensor([1.0])`` is data."""
    if not positional:
        return False, 1
    if all(isinstance(value, Known) and isinstance(value.value, int) for value in positional):
        return True, len(positional)
    first = positional[0]
    if len(positional) == 1:
        if isinstance(first, (Container, Tensor)):
            return False, rank_of_data(first)
        # one argument of unknown type is a size or data
        is_size = isinstance(first, Symbol) and (first.is_number or first.key.startswith("("))
        return (True, 1) if is_size else (None, None)
    return True, len(positional)


def _has_no_size(function: Function, positional: list[Value]) -> bool:
    """Whether a factory that takes sizes is given one of 0: ``zeros(0)``, ``full((0, 3), 1.0)``."""
    if function.result_rank is not torch_api.ResultRank.SIZE:
        return False
    written = [value for value in positional if isinstance(value, Container)]
    if not written and function.name.endswith(("full", "randint")):
        return False  # their numbers are values and bounds
    return any(size == Known(0) for size in (written[0].items if written else positional))


def _is_empty(positional: list[Value], is_uninitialised: bool | None) -> bool:
    sizes: list[Value] = []
    for value in positional:
        sizes.extend(value.items if isinstance(value, Container) else [value])
    if not positional and is_uninitialised is False:
        return True
    return bool(sizes) and is_uninitialised is not False and any(size == Known(0) for size in sizes)


def _is_integer(function: Function, positional: list[Value], keywords: dict[str, Value]) -> bool | None:
    dtype = keywords.get("dtype")
    if dtype is not None:
        text = getattr(dtype, "name", "")
        if text.startswith("torch."):
            return any(kind in text for kind in ("int", "long", "bool", "short"))
        return None
    if function.is_integer is not None:
        return function.is_integer
    values = positional[1:2] if function.name.rsplit(".", 1)[-1] == "full" else positional
    kinds = {type(value.value) for value in _scalars(values) if isinstance(value, Known)}
    if kinds and kinds <= {int, bool} and function.name.rsplit(".", 1)[-1] in ("tensor", "arange", "as_tensor", "full"):
        return True
    return None


def _scalars(values: list[Value]) -> list[Value]:
    found: list[Value] = []
    for value in values:
        found.extend(_scalars(value.items) if isinstance(value, Container) else [value])
    return found


def _like(
    machine: Machine,
    frame: Frame,
    function: Function,
    first: Tensor,
    positional: list[Value],
    keywords: dict[str, Value],
    span: Span,
) -> Tensor:
    device = devices.device_of(keywords["device"]) if "device" in keywords else None
    requires = keywords.get("requires_grad", Known(False))
    return Tensor(
        made=frame.place(span),
        factory=function.name.rsplit(".", 1)[-1],
        phase=machine.phase,
        placement=first.placement if device is None else device.placement,
        storage=Storage(_fill(machine, function.is_uninitialised)),
        rank=result_rank(function, positional, keywords),
        least_rank=least_rank(function, positional, keywords),
        is_random=function.is_random,
        is_integer=function.is_integer,
        is_certain=first.is_certain,
        follows_model=first.is_registered or first.follows_model,
        requires_grad=flag(machine, requires),
    )


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
    result = derived(machine, frame, source, name, span)
    result.made, result.factory, result.phase = source.made, source.factory, source.phase
    if function.result_device is ResultDevice.ACCELERATOR:
        device: Device | None = Device(Placement.LITERAL, "cuda")
    elif function.result_device is ResultDevice.CPU:
        device = Device(Placement.UNKNOWN, "cpu")
    elif name == "to" or function.result_device is ResultDevice.ARGUMENT:
        given = [*arguments, *keywords.values()]
        device = next((found for value in given if (found := devices.device_of(value)) is not None), None)
    else:
        device = None
    if device is not None:
        result.placement = Placement.UNKNOWN if machine.on_meta else device.placement
        if result.placement is Placement.LITERAL and machine.phase is Phase.FORWARD:
            result.placement = Placement.UNKNOWN
        devices.note_literal(machine, frame, device, f".{name}()", source.home, span)
    if name in ("long", "int", "bool", "short", "byte"):
        result.is_integer = True
    elif name in ("float", "double", "half", "bfloat16"):
        result.is_integer = False
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
        target.requires_grad = flag(machine, given)
        return target
    if target.is_recomputed and machine.phase is Phase.CONSTRUCTOR and not machine.undecided:
        machine.emit(LostWrite(frame.place(span), name, target.home))
    before = target.storage.overwritten
    write(machine, target)
    target.storage.overwritten = before
    place = frame.place(span)
    initialisation.note_write(machine, target, place, name, positional[1:])
    initialisation.note_gain(machine, target, place, name, positional[1:], keywords, frame.function)
    target.is_random = target.is_random or function.is_random
    is_initialiser = function.name.startswith("torch.nn.init.")
    is_leaf_parameter = target.is_parameter and target.requires_grad is True and not machine.without_gradients
    if is_leaf_parameter and not is_initialiser and name in torch_api.raises_on_leaf() and not machine.undecided:
        machine.emit(LostParameter(frame.place(span), name))
    return target


def index_rank(tensor: Tensor, position: Value) -> int | None:
    """The rank of ``tensor[position]``."""
    return rank_of_index(tensor.rank, position)

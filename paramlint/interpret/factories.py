"""Tensors that are made: by factories, by the tensor types' constructors, and after the model of another tensor."""

from __future__ import annotations

import re

from paramlint import torch_api
from paramlint.interpret import constants, devices, results
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.ranks import least_rank, rank_of_data, result_rank
from paramlint.interpret.slots import Fill, Phase
from paramlint.interpret.values import (
    NONE,
    POSITIONS,
    Container,
    Device,
    External,
    Known,
    Placement,
    Storage,
    Symbol,
    Tensor,
    Value,
)
from paramlint.model.code import Span
from paramlint.torch_api import Function, ResultDevice

_DRAWING_NUMBERS = frozenset({"randint", "randperm"})
_COUNTING = frozenset({"arange", "meshgrid", "cartesian_prod", "indices"})
# What makes elements of torch's default type, which is 32 bits long, where no type is asked for.
_OF_DEFAULT_TYPE = frozenset({"zeros", "ones", "empty", "rand", "randn", "eye", "linspace", "logspace", "Tensor"})
_COUNT = re.compile(
    r"(num|n)_[a-z]+|[a-z_]+_(size|dim|features|channels|units)|dim|width|channels|hidden|d_model|nhead"
)


def factory(
    machine: Machine,
    frame: Frame,
    function: Function,
    positional: list[Value],
    keywords: dict[str, Value],
    span: Span,
) -> Tensor:
    name = function.name.rsplit(".", 1)[-1]
    positional, keywords = _in_place(function, positional, keywords)
    device = devices.device_of(keywords["device"]) if "device" in keywords else None
    by = f"device={device.literal!r}" if device else ""
    if function.name.startswith("torch.cuda.") and device is None:
        device, by = Device(Placement.LITERAL, "cuda"), function.name
    devices.note_literal(machine, frame, device, by, None, span)
    placement = Placement.DEFAULT if device is None else device.placement
    # a dtype in the place of a device, a text among sizes: torch raises TypeError
    is_refused = device is None and keywords.get("device", NONE) != NONE
    is_refused = is_refused or any(isinstance(value, Known) and isinstance(value.value, str) for value in positional)
    is_asked = bool(machine.device_tests) and machine.phase is Phase.FORWARD
    if machine.on_meta or "**" in keywords or is_asked or is_refused:
        placement = Placement.UNKNOWN
    is_uninitialised: bool | None = function.is_uninitialised
    rank = result_rank(function, positional, keywords)
    if name in ("Tensor", "FloatTensor", "DoubleTensor", "HalfTensor", "LongTensor", "IntTensor", "BoolTensor"):
        is_uninitialised, rank = _constructor_form(positional)
    source = results.operands_of(list(positional))
    length: int | None = None
    if function.result_rank is torch_api.ResultRank.DATA and positional:
        rank = rank_of_data(positional[0])
        if isinstance(positional[0], Container) and positional[0].is_exact:
            length = len(positional[0].items)
    if name == "from_numpy":
        # in forward, what goes through numpy is on the CPU by design
        placement = Placement.DEFAULT if machine.phase is Phase.CONSTRUCTOR else Placement.UNKNOWN
    elif function.result_device is ResultDevice.CPU or (name in ("as_tensor", "tensor") and source):
        placement = Placement.UNKNOWN if device is None else placement
    if name in ("tensor", "as_tensor") and positional and _may_move(positional[0]):
        placement = Placement.UNKNOWN if device is None else placement
    requires = keywords.get("requires_grad", Known(False))
    is_integer = _is_integer(function, positional, keywords)
    has_default_type = "dtype" not in keywords and "**" not in keywords
    return Tensor(
        made=frame.place(span),
        reached=machine.reached,
        factory=name,
        phase=machine.phase,
        placement=placement,
        storage=Storage(_fill(machine, is_uninitialised), constant=constants.constant_of(name, positional, keywords)),
        rank=rank,
        least_rank=least_rank(function, positional, keywords),
        is_random=draws_anew(function, keywords) or any(item.is_random for item in source),
        follows_model=device is not None,
        origin=None if device is None or not placement.is_pinned else device.source,
        is_empty=_is_empty(positional, is_uninitialised) or _has_no_size(function, positional),
        length=length,
        is_integer=is_integer,
        requires_grad=results.flag(machine, requires),
        is_leaf=True,
        is_single=name == "FloatTensor" or (has_default_type and _is_of_default_type(name, positional)),
        is_long=has_default_type and (name in _DRAWING_NUMBERS or (name == "arange" and is_integer is True)),
        is_table=name in _COUNTING
        or any(item.is_table for item in source)
        or any(isinstance(value, External) and value.name == POSITIONS for value in positional[:1]),
    )


def _in_place(
    function: Function, positional: list[Value], keywords: dict[str, Value]
) -> tuple[list[Value], dict[str, Value]]:
    """The arguments with the leading one in its place, where it is given by name: ``zeros(size=(2, 3))``."""
    leading = [overload.parameters[0] for overload in function.overloads if overload.parameters]
    given = next((name for name in leading if name in keywords), None)
    if positional or given is None:
        return positional, keywords
    return [keywords[given]], {name: value for name, value in keywords.items() if name != given}


def _is_of_default_type(name: str, positional: list[Value]) -> bool:
    if name in ("tensor", "full"):
        kinds = [type(value.value) for value in constants.scalars(positional[-1:]) if isinstance(value, Known)]
        return float in kinds
    return name in _OF_DEFAULT_TYPE


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
        return (True, 1) if isinstance(first, Symbol) and _is_count(first) else (None, None)
    return True, len(positional)


def _is_count(value: Symbol) -> bool:
    """Whether a value is a number: it was computed, or it has the name of one (``num_features``, ``config.hidden_size``)."""
    return value.is_number or value.key.startswith("(") or bool(_COUNT.fullmatch(value.key.rsplit(".", 1)[-1]))


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


def draws_anew(function: Function, keywords: dict[str, Value]) -> bool:
    """Whether each run draws other values; a generator of its own is there to be seeded."""
    return function.is_random and keywords.get("generator", NONE) == NONE


def _is_integer(function: Function, positional: list[Value], keywords: dict[str, Value]) -> bool | None:
    dtype = keywords.get("dtype")
    if dtype is not None:
        text = getattr(dtype, "name", "")
        if text.startswith("torch."):
            return any(kind in text for kind in ("int", "long", "bool", "short"))
        return None
    if function.is_integer is not None:
        return function.is_integer
    name = function.name.rsplit(".", 1)[-1]
    values = positional[1:2] if name == "full" else positional
    if name == "arange":
        # what a size defaults to tells its type
        values = [value.default if isinstance(value, Symbol) and value.default else value for value in values]
    kinds = {type(value.value) for value in constants.scalars(values) if isinstance(value, Known)}
    if kinds and kinds <= {int, bool} and name in ("tensor", "arange", "as_tensor", "full"):
        return True
    return None


def like(
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
    name = function.name.rsplit(".", 1)[-1]
    constant = constants.constant_of(name, positional, keywords)
    at = devices.of_tensor(first) if device is None else device
    return Tensor(
        made=frame.place(span),
        factory=name,
        phase=machine.phase,
        placement=at.placement,
        origin=at.source,
        storage=Storage(_fill(machine, function.is_uninitialised), constant=constant),
        rank=result_rank(function, positional, keywords),
        least_rank=least_rank(function, positional, keywords),
        is_random=draws_anew(function, keywords),
        is_empty=first.is_empty,
        is_integer=function.is_integer,
        is_certain=first.is_certain,
        follows_model=first.is_registered or first.follows_model,
        requires_grad=results.flag(machine, requires),
        is_leaf=True,
    )

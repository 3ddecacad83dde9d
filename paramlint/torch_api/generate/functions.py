"""Puts together what is known of each function: signature, kind, devices, result."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch._ops import OpOverloadPacket

from paramlint.torch_api import decode
from paramlint.torch_api.decode import Json
from paramlint.torch_api.generate import by_hand
from paramlint.torch_api.generate.catalogue import is_property
from paramlint.torch_api.generate.handwritten import SIGNATURES
from paramlint.torch_api.generate.measure import Measurement
from paramlint.torch_api.generate.mends import DEVICE_MENDS
from paramlint.torch_api.generate.ranking import rule_for
from paramlint.torch_api.generate.signatures import Overload, Parameter
from paramlint.torch_api.tables import Function, Kind, ResultDevice, ResultRank, Returns

OPERATORS = {
    "truediv": "div",
    "div": "div",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
    "lshift": "bitwise_left_shift",
    "rshift": "bitwise_right_shift",
    "invert": "bitwise_not",
}
IN_PLACE_OPERATOR = re.compile(r"__i(?:add|sub|mul|truediv|div|pow|floordiv|mod|and|or|xor|lshift|rshift|matmul)__")
NAMESPACES_BY_PREFERENCE = ("torch", "torch.Tensor", "torch.nn.functional", "torch.linalg", "torch.special")


def with_handwritten(found: Mapping[str, tuple[Overload, ...]], is_method: bool) -> dict[str, tuple[Overload, ...]]:
    """The catalogue with the signatures that are written by hand."""
    merged = dict(found)
    for name, lines in SIGNATURES.items():
        if name.startswith("torch.Tensor.") is is_method:
            merged[name] = tuple(_overload(line) for line in lines)
    return dict(sorted(merged.items()))


def without_facts(name: str, overloads: tuple[Overload, ...]) -> Function:
    """A function of which only the signatures are known, for binding samples."""
    lines = [overload.line(ResultRank.UNKNOWN.value) for overload in overloads]
    entry: Json = [Kind.OTHER.value, [*lines], [], [], ResultDevice.NONE.value, None, "", None]
    return decode.function(name, entry)


def entry(
    name: str, overloads: tuple[Overload, ...], measured: Mapping[str, Measurement], aliases: Mapping[str, str]
) -> Json:
    """The entry of a function in ``torch.json``."""
    kind = _kind(name, overloads)
    overloads = tuple(dict.fromkeys(_returning_self(item) if kind is Kind.IN_PLACE else item for item in overloads))
    source = _measurement(name, measured, aliases)
    places = _same_device(name, overloads, kind, source)
    strict = [place for place in places if source and _is_strict(source[0], place)]
    flags = "".join(
        (
            "r" if _is_random(name) else "",
            "u" if _is_uninitialised(name) else "",
            "p" if name.startswith("torch.Tensor.") and is_property(_leaf(name)) else "",
        )
    )
    lines = [overload.line(_rank(name, kind, overload, source).value) for overload in overloads]
    return [
        kind.value,
        [*dict.fromkeys(lines)],
        [*places],
        [*strict],
        _result_device(name, kind, overloads).value,
        _is_integer(name, kind, source),
        flags,
        _written(name, kind, overloads),
    ]


def _leaf(name: str) -> str:
    return name.rpartition(".")[2]


def _overload(line: str) -> Overload:
    left, _, returns = line.partition("->")
    is_keyword_only = False
    parameters: list[Parameter] = []
    for word in left.split():
        if word == "|":
            is_keyword_only = True
            continue
        text, _, code = word.partition(":")
        parameters.append(Parameter(text.strip("*?"), code, text.endswith("?"), is_keyword_only, text.startswith("*")))
    return Overload(tuple(parameters), Returns(returns.strip()))


def _returning_self(overload: Overload) -> Overload:
    return overload if overload.returns is Returns.NONE else overload._replace(returns=Returns.SELF)


def _operation(name: str) -> str:
    """The name of the operation behind a spelling: ``add`` for ``add_``, ``__iadd__`` and ``__add__``."""
    leaf = _leaf(name)
    if leaf.startswith("__") and leaf.endswith("__"):
        bare = leaf.strip("_")
        if bare in OPERATORS or hasattr(torch, bare):
            return OPERATORS.get(bare, bare)
        if bare[:1] in ("i", "r"):
            return OPERATORS.get(bare[1:], bare[1:])
        return bare
    return leaf.rstrip("_") or leaf


def _measurement(
    name: str, measured: Mapping[str, Measurement], aliases: Mapping[str, str]
) -> tuple[Measurement, str] | None:
    """The measurement that speaks of this name, its own or that of another spelling of the operation."""
    operation = _operation(name)
    namespace = name.rpartition(".")[0]
    candidates = [
        name,
        aliases.get(name, name),
        f"{namespace}.{operation}",
        *(f"{other}.{operation}" for other in NAMESPACES_BY_PREFERENCE),
        *(aliases.get(f"{other}.{operation}", "") for other in NAMESPACES_BY_PREFERENCE),
    ]
    for candidate in candidates:
        if candidate in measured and measured[candidate].samples:
            return measured[candidate], candidate
    return None


def _kind(name: str, overloads: tuple[Overload, ...]) -> Kind:
    leaf = _leaf(name)
    if name in by_hand.KINDS:
        return by_hand.KINDS[name]
    if name.startswith("torch.cuda.") or leaf == "Tensor" or re.fullmatch(r"torch\.\w+Tensor", name):
        return Kind.FACTORY
    is_operator = leaf.startswith("__")
    if (leaf.endswith("_") and not is_operator) or IN_PLACE_OPERATOR.fullmatch(leaf):
        return Kind.IN_PLACE
    takes_tensors = any(_operands(item) for item in overloads)
    makes = any(item.has("device") for item in overloads)
    if not takes_tensors:
        return Kind.FACTORY if makes or name.startswith("torch.signal.") else Kind.OTHER
    if makes and (leaf.endswith("_like") or leaf.startswith("new_")):
        return Kind.LIKE
    if all(item.returns is Returns.PYTHON for item in overloads):
        return Kind.TO_PYTHON
    if all(item.returns in (Returns.PYTHON, Returns.NONE) for item in overloads):
        return Kind.OTHER
    if makes and leaf in ("linspace", "logspace", "full"):
        return Kind.FACTORY
    if name.rpartition(".")[0] in ("torch", "torch.Tensor") and _is_view(leaf):
        return Kind.VIEW
    if any(item.returns in (Returns.TENSOR, Returns.TUPLE, Returns.LIST, Returns.VARIES) for item in overloads):
        return Kind.OPERATION
    return Kind.OTHER


def _operands(overload: Overload) -> tuple[str, ...]:
    return tuple(name for name in overload.names("tml") if name != "out")


def _is_view(leaf: str) -> bool:
    for schema in torch._C._jit_get_schemas_for_operator(f"aten::{leaf}"):
        if not schema.arguments or any(argument.is_out for argument in schema.arguments):
            continue
        alias = schema.arguments[0].alias_info
        if alias is not None and not alias.is_write and any(item.alias_info is not None for item in schema.returns):
            return True
    return False


def _same_device(
    name: str, overloads: tuple[Overload, ...], kind: Kind, source: tuple[Measurement, str] | None
) -> list[str]:
    asks_nothing = kind in (Kind.TO_PYTHON, Kind.OTHER, Kind.LIKE, Kind.CONVERSION, Kind.FACTORY)
    if asks_nothing and f"torch.{_operation(name)}" not in DEVICE_MENDS:
        return []
    operands = list(dict.fromkeys(place for item in overloads for place in _operands(item)))
    chosen: dict[str, bool] = {}
    if source is not None:
        for place, runs in source[0].places.items():
            chosen[place] = runs.clashes > 0 and runs.clashes >= runs.passes
    for mended in (source[1] if source else "", f"torch.{_operation(name)}", name):
        if mended in DEVICE_MENDS:
            mend = DEVICE_MENDS[mended]
            chosen.update(dict.fromkeys(mend.places, mend.clashes))
    first = operands[0] if operands else ""
    places = [place for place in operands if chosen.get(place, place == first and _first_of(chosen))]
    return places if len(places) > 1 or any(_is_list(overloads, place) for place in places) else []


def _first_of(chosen: Mapping[str, bool]) -> bool:
    """What is known of the first operand, whatever it is called: functions say input, methods self."""
    return next((chosen[name] for name in ("input", "self") if name in chosen), False)


def _is_list(overloads: tuple[Overload, ...], place: str) -> bool:
    return any(place in item.names("l") for item in overloads)


def _is_strict(measurement: Measurement, place: str) -> bool:
    runs = measurement.places.get(place) or measurement.places.get({"self": "input", "input": "self"}.get(place, place))
    return runs is not None and runs.scalar_clashes > 0 and not runs.scalar_passes


def _rank(name: str, kind: Kind, overload: Overload, source: tuple[Measurement, str] | None) -> ResultRank:
    leaf = _leaf(name)
    if overload.returns in (Returns.PYTHON, Returns.NONE):
        return ResultRank.UNKNOWN
    if name in by_hand.RANKS:
        return by_hand.RANKS[name]
    if leaf.endswith("Tensor"):
        return ResultRank.SIZE
    if name.startswith("torch.signal.windows."):
        return ResultRank.ONE
    if leaf in by_hand.WRITES_NO_VALUES and leaf not in ("requires_grad_", "detach_", "share_memory_"):
        return ResultRank.SIZE if leaf == "resize_" else ResultRank.UNKNOWN
    if kind is Kind.IN_PLACE or (kind is Kind.LIKE and leaf.endswith("_like")):
        return ResultRank.SAME
    if name.rpartition(".")[0] in ("torch", "torch.Tensor") and leaf in by_hand.SAME_RANK:
        return ResultRank.SAME
    if overload.has("size") and kind in (Kind.FACTORY, Kind.LIKE):
        return ResultRank.SIZE
    return _measured_rank(overload, source) if source is not None else ResultRank.UNKNOWN


def _measured_rank(overload: Overload, source: tuple[Measurement, str]) -> ResultRank:
    measurement, _ = source
    rules = {key: rule_for(calls) for key, calls in measurement.calls.items()}
    key = binding_key(overload)
    if key in rules:
        return rules[key]
    kinds = set(rules.values())
    return kinds.pop() if len(kinds) == 1 else ResultRank.UNKNOWN


def binding_key(overload: Overload) -> tuple[str, ...]:
    """What tells the overloads of an operation apart in all its spellings: the positional names but the first."""
    return tuple(item.name for item in overload.parameters[1:] if not item.is_keyword_only)


def _result_device(name: str, kind: Kind, overloads: tuple[Overload, ...]) -> ResultDevice:
    if name in by_hand.RESULT_DEVICES:
        return by_hand.RESULT_DEVICES[name]
    if name.startswith("torch.cuda."):
        return ResultDevice.ACCELERATOR
    if kind is Kind.FACTORY:
        return ResultDevice.DEFAULT
    if kind in (Kind.LIKE, Kind.VIEW, Kind.IN_PLACE):
        return ResultDevice.FIRST
    if kind is Kind.OPERATION:
        is_alone = all(len(_operands(item)) == 1 and not item.names("l") for item in overloads)
        return ResultDevice.FIRST if is_alone else ResultDevice.OPERANDS
    return ResultDevice.NONE


def _is_integer(name: str, kind: Kind, source: tuple[Measurement, str] | None) -> bool | None:
    if name in by_hand.INTEGER:
        return by_hand.INTEGER[name]
    leaf = _leaf(name)
    if name.startswith("torch.Tensor.") and leaf in by_hand.CHANGES_TYPE:
        return leaf in by_hand.TO_INTEGER
    if kind is Kind.FACTORY:
        return False
    if kind in (Kind.OPERATION, Kind.VIEW) and source is not None and source[0].is_integer == {True}:
        return True
    return None


def _is_random(name: str) -> bool:
    leaf = _leaf(name)
    if name in by_hand.RANDOM:
        return True
    if name.startswith("torch.nn.init."):
        return any(word in leaf for word in ("uniform", "normal", "orthogonal", "sparse"))
    if name.startswith(("torch.nn.functional.", "torch.linalg.", "torch.signal.", "torch.nn.utils.")):
        return False
    packet = getattr(torch.ops.aten, leaf, None)
    if leaf.startswith("__") or not isinstance(packet, OpOverloadPacket):
        return False
    overloads: list[str] = packet.overloads()  # type: ignore[no-untyped-call]
    return any(torch.Tag.nondeterministic_seeded in getattr(packet, overload).tags for overload in overloads)


def _is_uninitialised(name: str) -> bool:
    leaf = _leaf(name)
    return leaf in by_hand.UNINITIALISED or bool(re.fullmatch(r"torch\.(?:cuda\.)?\w*Tensor", name))


def _written(name: str, kind: Kind, overloads: tuple[Overload, ...]) -> str | None:
    if kind is not Kind.IN_PLACE or _leaf(name) in by_hand.WRITES_NO_VALUES or not overloads[0].parameters:
        return None
    return overloads[0].parameters[0].name

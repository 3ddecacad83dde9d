"""How the entries of ``torch.json`` become records; the generator writes what this reads.

A function is a list: kind, signatures, places that must share a device, those of them that refuse 0-dim tensors too,
device of the result, whether it is an integer, flags (``r`` random, ``u`` uninitialised, ``p`` property), and the place
that is written.

A signature is one line: ``input:t other?:m | alpha? out?:m -> tensor broadcast``. ``t`` is a tensor, ``m`` a tensor or
something else, ``l`` a list of tensors; ``?`` has a default, ``*`` takes all further positional arguments, and what
follows ``|`` is given by keyword only. After the arrow stand what comes back, and the rule for its rank.
"""

from __future__ import annotations

from typing import TypeAlias, TypedDict, cast

from paramlint.torch_api.tables import (
    COMPUTED,
    REQUIRED,
    Constant,
    Default,
    Function,
    Initialiser,
    Kind,
    Layer,
    ParameterOf,
    ResultDevice,
    ResultRank,
    Returns,
    Signature,
    Slot,
    common_rank,
)

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

FunctionEntry: TypeAlias = tuple[str, list[str], list[str], list[str], str, bool | None, str, str | None]


class SlotEntry(TypedDict):
    name: str
    rank: int | None
    absent_when: list[tuple[str, Constant]]
    persistent: bool
    uncertain: bool


class LayerEntry(TypedDict):
    constructor: list[list[Json]]
    parameters: list[SlotEntry]
    buffers: list[SlotEntry]
    children: list[str]
    forward: list[str]
    same_device: list[str]
    flags: list[str]
    preserves_rank: bool | None


class InitialiserEntry(TypedDict):
    tensor: str
    in_place: bool
    complete: bool
    returns_argument: bool
    deprecated: bool
    random: bool


def signature(line: str) -> Signature:
    """Read one signature line."""
    left, _, right = line.partition("->")
    returns, rank = right.split()
    names: list[str] = []
    positional: int | None = None
    required = 0
    variadic: str | None = None
    tensors: set[str] = set()
    mixed: set[str] = set()
    lists: set[str] = set()
    for word in left.split():
        if word == "|":
            positional = len(names)
            continue
        text, _, code = word.partition(":")
        name = text.strip("*?")
        if text.startswith("*"):
            variadic = name
        if not text.endswith("?") and positional is None and required == len(names):
            required += 1
        if code in ("t", "m"):
            tensors.add(name)
        if code == "m":
            mixed.add(name)
        if code == "l":
            lists.add(name)
        names.append(name)
    return Signature(
        parameters=tuple(names),
        positional=len(names) if positional is None else positional,
        required=required,
        variadic=variadic,
        tensors=frozenset(tensors),
        mixed=frozenset(mixed),
        lists=frozenset(lists),
        returns=Returns(returns),
        result_rank=ResultRank(rank),
    )


def function(name: str, entry: Json) -> Function:
    """Read one function or method."""
    kind, lines, same_device, strict, device, is_integer, flags, writes = cast(FunctionEntry, entry)
    overloads = tuple(signature(line) for line in lines)
    returns = {overload.returns for overload in overloads}
    return Function(
        name=name,
        kind=Kind(kind),
        overloads=overloads,
        same_device=frozenset(same_device),
        strict=frozenset(strict),
        returns=returns.pop() if len(returns) == 1 else Returns.VARIES,
        result_rank=common_rank([overload.result_rank for overload in overloads]),
        result_device=ResultDevice(device),
        is_integer=is_integer,
        is_random="r" in flags,
        is_uninitialised="u" in flags,
        is_property="p" in flags,
        writes=writes,
    )


def layer(name: str, entry: Json) -> Layer:
    """Read one module class."""
    data = cast(LayerEntry, entry)
    flags = data["flags"]
    return Layer(
        name=name,
        constructor=tuple(_parameter(item) for item in data["constructor"]),
        parameters=tuple(_slot(item) for item in data["parameters"]),
        buffers=tuple(_slot(item) for item in data["buffers"]),
        children=tuple(data["children"]),
        forward=tuple(data["forward"]),
        same_device=tuple(data["same_device"]),
        is_stateless="stateless" in flags,
        depends_on_training="training" in flags,
        is_lazy="lazy" in flags,
        is_container="container" in flags,
        is_loss="loss" in flags,
        is_abstract="abstract" in flags,
        returns_tuple="tuple" in flags,
        preserves_rank=data["preserves_rank"],
    )


def initialiser(name: str, entry: Json) -> Initialiser:
    """Read one function of ``torch.nn.init``."""
    data = cast(InitialiserEntry, entry)
    return Initialiser(
        name=name,
        tensor=data["tensor"],
        is_in_place=data["in_place"],
        is_complete=data["complete"],
        returns_argument=data["returns_argument"],
        is_deprecated=data["deprecated"],
        is_random=data["random"],
    )


def _parameter(item: list[Json]) -> ParameterOf:
    name, kind, *rest = item
    default: Default
    if kind == "required":
        default = REQUIRED
    elif kind == "computed":
        default = COMPUTED
    else:
        value = rest[0]
        default = tuple(cast("list[Constant]", value)) if isinstance(value, list) else cast(Constant, value)
    return ParameterOf(cast(str, name), default, "keyword" in rest[1:] or rest[:1] == ["keyword"])


def _slot(item: SlotEntry) -> Slot:
    return Slot(
        name=item["name"],
        rank=item["rank"],
        absent_when=tuple((parameter, value) for parameter, value in item["absent_when"]),
        is_persistent=item["persistent"],
        is_uncertain=item["uncertain"],
    )

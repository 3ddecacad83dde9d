"""How many dimensions a tensor has, as far as arguments tell."""

from __future__ import annotations

from paramlint.interpret.values import Container, External, Known, Symbol, Tensor, Value
from paramlint.torch_api import Function, ResultRank

_FIXED = {
    ResultRank.ZERO: 0,
    ResultRank.ONE: 1,
    ResultRank.TWO: 2,
    ResultRank.THREE: 3,
    ResultRank.FOUR: 4,
}

# How many dimensions the results of these have at least, of which no more is known without counting their arguments.
_LEAST = {
    **dict.fromkeys(("meshgrid", "cartesian_prod", "repeat_interleave", "embedding", "atleast_1d"), 1),
    **dict.fromkeys(("stft", "vander", "atleast_2d"), 2),
    **dict.fromkeys(("fold", "conv_tbc", "atleast_3d"), 3),
    **dict.fromkeys(("affine_grid", "affine_grid_generator"), 4),
}

# Nothing is spread out to no dimensions.
_SPREADING = frozenset({"expand", "expand_as", "repeat", "broadcast_to", "tile"})


def result_rank(function: Function, positional: list[Value], keywords: dict[str, Value]) -> int | None:
    """The rank of what a function of torch returns; None where it is not known."""
    code = function.result_rank
    if code in _FIXED:
        return _FIXED[code]
    values = [*positional, *keywords.values()]
    tensors = [value for value in values if isinstance(value, Tensor)]
    first = tensors[0].rank if tensors else None
    name = function.name.rpartition(".")[2]
    if name == "einsum":
        return _rank_of_equation(positional[0]) if positional else None
    if name == "meshgrid":
        return _rank_of_grid(positional)
    match code:
        case ResultRank.SAME:
            return first
        case ResultRank.BROADCAST:
            ranks = [tensor.rank for tensor in tensors]
            unknown = any(not isinstance(value, (Tensor, Known, External)) for value in positional)
            return None if unknown or None in ranks or not ranks else max(rank or 0 for rank in ranks)
        case ResultRank.PLUS_ONE:
            return None if first is None else first + 1
        case ResultRank.MINUS_ONE:
            return None if first is None else first - 1
        case ResultRank.SIZE:
            return _rank_of_size(function, positional, keywords)
        case ResultRank.REDUCTION | ResultRank.DIMENSION:
            return _reduced(code, first, positional, keywords)
        case ResultRank.ELEMENT | ResultRank.STACK:
            return _of_elements(code, positional, keywords)
        case ResultRank.MATMUL:
            return _matmul(tensors)
        case ResultRank.DATA:
            return rank_of_data(positional[0]) if positional else None
    return None


def _rank_of_equation(equation: Value) -> int | None:
    """How many dimensions an equation of ``einsum`` names behind its arrow; None where others may be among them."""
    if not isinstance(equation, Known) or not isinstance(equation.value, str) or "..." in equation.value:
        return None
    _, arrow, result = equation.value.replace(" ", "").partition("->")
    return len(result) if arrow else None


def _rank_of_grid(positional: list[Value]) -> int | None:
    """One dimension for each tensor that ``meshgrid`` is given, in a list or by itself."""
    given = positional[0] if len(positional) == 1 else None
    if isinstance(given, Container):
        return len(given.items) if given.is_exact else None
    return len(positional) if positional and all(isinstance(value, Tensor) for value in positional) else None


def _rank_of_size(function: Function, positional: list[Value], keywords: dict[str, Value]) -> int | None:
    is_method = function.name.startswith("torch.Tensor.")
    sizes = positional[1:] if is_method else positional
    for name in ("size", "shape", "sizes"):
        if name in keywords:
            sizes = [keywords[name]]
    if function.name == "torch.normal":
        return None
    if function.name in ("torch.full",):
        sizes = sizes[:1]
    elif function.name == "torch.randint":
        sizes = [value for value in sizes if isinstance(value, Container)]
    if not sizes:
        return None
    if len(sizes) == 1:
        only = sizes[0]
        if isinstance(only, Container):
            return len(only.items) if only.is_exact else None
        if isinstance(only, Known) and isinstance(only.value, int):
            return 1
        # one symbol is a number or a whole size
        return 1 if isinstance(only, Symbol) and (only.is_number or only.key.startswith(("(", "len#"))) else None
    return len(sizes)


def _reduced(code: ResultRank, first: int | None, positional: list[Value], keywords: dict[str, Value]) -> int | None:
    dimension = keywords.get("dim", keywords.get("axis"))
    others = [value for value in positional[1:] if not isinstance(value, Tensor)]
    if dimension is None and others:
        dimension = others[0]
    if dimension is None or dimension == Known(None):
        return 0 if code is ResultRank.REDUCTION else first
    keep = keywords.get("keepdim", Known(False))
    if len(others) > 1 and isinstance(others[1], Known) and isinstance(others[1].value, bool):
        keep = others[1]
    if first is None or not isinstance(keep, Known):
        return None
    if keep.value or code is ResultRank.DIMENSION:
        return first
    if isinstance(dimension, Container):
        return max(first - len(dimension.items), 0) if dimension.is_exact else None
    return max(first - 1, 0) if isinstance(dimension, (Known, Symbol)) else None


def _of_elements(code: ResultRank, positional: list[Value], keywords: dict[str, Value]) -> int | None:
    sequence = positional[0] if positional else keywords.get("tensors")
    if not isinstance(sequence, Container) or not sequence.items:
        return None
    ranks = {item.rank if isinstance(item, Tensor) else None for item in sequence.items}
    known = ranks - {None}
    if len(known) != 1:
        return None
    rank = known.pop() or 0
    return rank + 1 if code is ResultRank.STACK else rank


def _matmul(tensors: list[Tensor]) -> int | None:
    if len(tensors) < 2 or tensors[0].rank is None or tensors[1].rank is None:
        return None
    first, second = tensors[0].rank, tensors[1].rank
    if first == 1 and second == 1:
        return 0
    return max(first, second) - 1 if 1 in (first, second) else max(first, second)


def rank_of_data(value: Value) -> int | None:
    """The rank of ``torch.tensor(value)``."""
    match value:
        case Tensor(rank=rank):
            return rank
        case Known(value=constant):
            return None if isinstance(constant, str) else 0
        case Container(items=items) if items:
            inner = {rank_of_data(item) if not isinstance(item, Symbol) else _scalar(item) for item in items}
            if len(inner) == 1:
                only = inner.pop()
                return None if only is None else only + 1
            return None
        case Container(items=[], is_exact=True):
            return 1
        case Symbol():
            return None
    return None


def _scalar(symbol: Symbol) -> int | None:
    # arithmetic on numbers is a number; a bare argument may be a list
    return 0 if symbol.key.startswith("(") else None


def rank_of_index(rank: int | None, position: Value) -> int | None:
    """The rank of a tensor of ``rank`` dimensions, indexed."""
    if rank is None:
        return None
    items = position.items if isinstance(position, Container) and position.kind == "tuple" else [position]
    for item in items:
        match item:
            case Known(value=None):
                rank += 1
            case Known(value=bool()):
                return None
            case Known(value=int()):
                rank -= 1
            case Symbol():
                rank -= 1
            case External(name="builtins.slice" | "builtins.Ellipsis"):
                pass
            case Tensor(rank=inner, is_integer=is_integer) if inner is not None and is_integer is not None:
                rank += inner - 1
            case _:
                return None
    return max(rank, 0)


def least_of_index(least: int, position: Value) -> int:
    """How many dimensions a tensor of at least so many has at least, indexed: slices and Nones are kept or added."""
    items = position.items if isinstance(position, Container) and position.kind == "tuple" else [position]
    added = items.count(Known(None))
    kept = added + sum(isinstance(item, External) and item.name == "builtins.slice" for item in items)
    removed = 0
    for item in items:
        match item:
            case Known(value=None) | External(name="builtins.slice" | "builtins.Ellipsis"):
                pass
            case Known(value=int()) | Symbol() if not (isinstance(item, Known) and isinstance(item.value, bool)):
                removed += 1
            case _:
                return kept
    return max(kept, least - removed + added)


def _has_length(data: Value) -> bool:
    return isinstance(data, Container) or (isinstance(data, Symbol) and data.has_length)


def least_rank(function: Function, positional: list[Value], keywords: dict[str, Value]) -> int:
    """How many dimensions the result of a function of torch has at least."""
    rank = result_rank(function, positional, keywords)
    if rank is not None:
        return rank
    if function.name == "torch.from_numpy":
        return 1  # numpy's scalars are refused, and an array of no dimensions is hardly ever given
    name = function.name.rpartition(".")[2]
    if name in _SPREADING:
        return 1
    if name in _LEAST:
        return _LEAST[name]
    tensors = [value for value in (*positional, *keywords.values()) if isinstance(value, Tensor)]
    match function.result_rank:
        case ResultRank.SAME | ResultRank.DIMENSION:
            return tensors[0].dimensions if tensors else 0
        case ResultRank.BROADCAST:
            return max((tensor.dimensions for tensor in tensors), default=0)
        case ResultRank.PLUS_ONE:
            return tensors[0].dimensions + 1 if tensors else 1
        case ResultRank.ELEMENT | ResultRank.STACK:
            return 1
        case ResultRank.SIZE:
            # a size of no dimensions at all is hardly ever written
            return 1 if not function.name.startswith("torch.Tensor.") and positional else 0
        case ResultRank.DATA:
            return 1 if positional and _has_length(positional[0]) else 0
    return 0

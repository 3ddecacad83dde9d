"""The records that describe torch's API: layers, functions, initialisers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum
from typing import NamedTuple, TypeAlias

Constant: TypeAlias = bool | int | float | str | None


class Required(Enum):
    """The default of a parameter that has none."""

    REQUIRED = "required"


class Computed(Enum):
    """A default that is no constant (a function, a class, an object)."""

    COMPUTED = "computed"


REQUIRED = Required.REQUIRED
COMPUTED = Computed.COMPUTED
Default: TypeAlias = Constant | tuple[Constant, ...] | Required | Computed


class ParameterOf(NamedTuple):
    """A parameter of a constructor. ``*args`` and ``**kwargs`` keep their stars in ``name``."""

    name: str
    default: Default
    is_keyword_only: bool = False


class Slot(NamedTuple):
    """A parameter or buffer that a layer registers when it is constructed.

    ``rank`` is None where it depends on arguments. The slot holds None (it exists, ``layer.bias is None``) when any
    pair of ``absent_when`` holds: the constructor's parameter is that constant. ``is_uncertain`` marks slots whose
    presence depends on arguments in another way.
    """

    name: str
    rank: int | None
    absent_when: tuple[tuple[str, Constant], ...] = ()
    is_persistent: bool = True
    is_uncertain: bool = False


class Layer(NamedTuple):
    """A module class of ``torch.nn``, as an instance of it looks right after construction.

    ``children`` are the names of the submodules it builds itself. ``forward`` are the names of the parameters of its
    ``forward`` without self. ``is_stateless``: no parameters, no buffers, no children, no behaviour that depends on
    training. ``same_device`` names the places of ``forward`` that must be on the device of the layer or, for a layer
    without state, on one device with the others. ``preserves_rank`` is None where it is not known.
    """

    name: str
    constructor: tuple[ParameterOf, ...]
    parameters: tuple[Slot, ...]
    buffers: tuple[Slot, ...]
    children: tuple[str, ...]
    forward: tuple[str, ...]
    same_device: tuple[str, ...]
    is_stateless: bool
    depends_on_training: bool
    is_lazy: bool
    is_container: bool
    is_loss: bool
    is_abstract: bool
    returns_tuple: bool
    preserves_rank: bool | None

    def slot(self, name: str) -> Slot | None:
        """The parameter or buffer of that name."""
        for slot in (*self.parameters, *self.buffers):
            if slot.name == name:
                return slot
        return None


class Kind(str, Enum):
    """What a function of torch does with tensors.

    FACTORY      makes a tensor on the default device, unless ``device=`` is given.
    LIKE         makes a tensor that follows the device of its first operand (``zeros_like``, ``new_ones``).
    OPERATION    computes a new tensor from its operands, on their device.
    VIEW         returns a tensor that shares, or may share (``reshape``, ``contiguous``), its first operand's storage.
    IN_PLACE     writes its first operand and returns it.
    CONVERSION   copies to another device or dtype where needed; see ``Function.result_device``.
    TO_PYTHON    returns no tensor but a Python value; nothing is asked of any device.
    OTHER        none of these.
    """

    FACTORY = "factory"
    LIKE = "like"
    OPERATION = "operation"
    VIEW = "view"
    IN_PLACE = "in-place"
    CONVERSION = "conversion"
    TO_PYTHON = "to python"
    OTHER = "other"


class Returns(str, Enum):
    """What comes back: one tensor, a (named) tuple or list of tensors, a Python value, None, or the first operand.

    VARIES: depends on the overload or on a flag (``torch.max``, ``F.max_pool2d(return_indices=True)``).
    """

    TENSOR = "tensor"
    TUPLE = "tuple"
    LIST = "list"
    PYTHON = "python"
    NONE = "none"
    SELF = "self"
    VARIES = "varies"


class ResultRank(str, Enum):
    """How the rank of the result (of each, where several come back) follows from the arguments; see ``ranks.py``.

    SAME         that of the first tensor operand.
    BROADCAST    the largest rank among the tensor operands (numbers count as 0).
    PLUS_ONE, MINUS_ONE    that of the first tensor operand, one more or less.
    SIZE         the number of sizes given: ``zeros(2, 3)``, ``zeros((2, 3))``, ``x.view(2, -1)``; a ``Size`` of another
                 tensor has that tensor's rank.
    REDUCTION    0 where neither ``dim`` nor ``axis`` is given (or is None); else that of the operand where ``keepdim``
                 is true; else the operand's less the number of dimensions named.
    DIMENSION    like REDUCTION, but the operand's rank stays where no dimension is given (``argsort``, ``flip``).
    ELEMENT      that of the elements of the list operand (``cat``).
    STACK        one more than that of the elements of the list operand (``stack``).
    MATMUL       numpy's rules for ``@``: 1 with 1 is 0; 1 with n, or n with 1, is n - 1; else the larger.
    FLATTEN      the operand's, with the dimensions from ``start_dim`` to ``end_dim`` made one.
    LOSS         0, unless ``reduction="none"`` (or a deprecated flag) is given; then not known.
    DATA         that of the nested list, number or array given: ``torch.tensor([[1, 2]])`` is 2.
    """

    ZERO = "0"
    ONE = "1"
    TWO = "2"
    THREE = "3"
    FOUR = "4"
    SAME = "same"
    BROADCAST = "broadcast"
    PLUS_ONE = "+1"
    MINUS_ONE = "-1"
    SIZE = "size"
    REDUCTION = "reduction"
    DIMENSION = "dimension"
    ELEMENT = "element"
    STACK = "stack"
    MATMUL = "matmul"
    FLATTEN = "flatten"
    LOSS = "loss"
    DATA = "data"
    UNKNOWN = "unknown"


class ResultDevice(str, Enum):
    """Where the result lives.

    DEFAULT      ``device=`` if given, else the default device (factories).
    DATA         ``device=`` if given, else that of the first argument where it is a tensor, else the default device
                 (``torch.tensor``, ``torch.as_tensor``).
    FIRST        that of the first operand (``zeros_like``, views, in-place), unless ``device=`` is given.
    OPERANDS     that of the operands together; of those that are not 0-dim where there are such.
    ARGUMENT     that of the argument, a device or a tensor (``x.to(y)``, ``type_as``, ``type``); the first operand's
                 where the argument names only a dtype.
    ACCELERATOR  a literal accelerator (``cuda()``).
    CPU          the CPU (``cpu()``, ``from_numpy``, ``combinations``).
    NONE         no tensor.
    """

    DEFAULT = "default"
    DATA = "data"
    FIRST = "first"
    OPERANDS = "operands"
    ARGUMENT = "argument"
    ACCELERATOR = "accelerator"
    CPU = "cpu"
    NONE = "none"


class Signature(NamedTuple):
    """One overload: names in binding order, and what comes back.

    The first ``positional`` of ``parameters`` may be given by position, the others by keyword only. ``variadic`` is the
    one of them that also takes all further positional arguments (``torch.zeros(2, 3)``: ``size``). ``required`` counts
    how many of the leading ones have no default. ``tensors`` names the places that take a tensor, ``mixed`` those of
    them that also take something else (a number, None), and ``lists`` those that take a list or tuple of tensors.
    """

    parameters: tuple[str, ...]
    positional: int
    required: int
    variadic: str | None
    tensors: frozenset[str]
    mixed: frozenset[str]
    lists: frozenset[str]
    returns: Returns
    result_rank: ResultRank


class Bound(NamedTuple):
    """A call bound to an overload: the place of each positional argument, in their order."""

    signature: Signature
    places: tuple[str, ...]


class Function(NamedTuple):
    """A function of torch, or a method of ``torch.Tensor`` (whose first parameter is ``self``).

    ``same_device`` names the operand places in which a tensor that was left on the CPU raises when the others are on
    the accelerator; 0-dim CPU tensors are let through in all of them but those of ``strict``. Places of ``lists`` hold
    several such operands. ``returns`` and ``result_rank`` hold where no overload is known: VARIES and UNKNOWN where
    overloads differ. ``is_integer``: True, the result is of an integer or bool type whatever the operands; False, it
    never is; None, it follows operands or arguments. ``is_uninitialised``: the memory that comes back was never
    written. ``is_property``: read without a call (``x.T``). ``writes`` is the place that is written (None: none).
    """

    name: str
    kind: Kind
    overloads: tuple[Signature, ...]
    same_device: frozenset[str]
    strict: frozenset[str]
    returns: Returns
    result_rank: ResultRank
    result_device: ResultDevice
    is_integer: bool | None
    is_random: bool
    is_uninitialised: bool
    is_property: bool
    writes: str | None

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters of the first overload, in binding order."""
        return self.overloads[0].parameters if self.overloads else ()

    @property
    def lists(self) -> frozenset[str]:
        """The places that take a list or tuple of tensors, in any overload."""
        return frozenset(name for overload in self.overloads for name in overload.lists)

    def bind(self, positional: Sequence[bool | None], keywords: Collection[str] = ()) -> Bound | None:
        """Bind a call to the first overload that takes it; None if none does.

        ``positional`` says of each positional argument, self included for methods, whether it is a tensor: True, False,
        or None where that is not known. Where arguments that are not known leave several overloads, the first that
        takes the call is returned, with VARIES and UNKNOWN for what the others return otherwise.
        """
        found: Bound | None = None
        for overload in self.overloads:
            places = _places(overload, positional, keywords)
            if places is None:
                continue
            if found is None:
                found = Bound(overload, places)
                if None not in positional:
                    break
            else:
                found = found._replace(signature=_either(found.signature, overload))
        return found


def common_rank(rules: Collection[ResultRank]) -> ResultRank:
    """The rule that holds whichever of these does: a reduction without a dimension is of rank 0 too."""
    distinct = set(rules)
    if distinct == {ResultRank.ZERO, ResultRank.REDUCTION}:
        return ResultRank.REDUCTION
    return distinct.pop() if len(distinct) == 1 else ResultRank.UNKNOWN


def _either(first: Signature, second: Signature) -> Signature:
    returns = first.returns if first.returns is second.returns else Returns.VARIES
    return first._replace(returns=returns, result_rank=common_rank({first.result_rank, second.result_rank}))


def _places(
    overload: Signature, positional: Sequence[bool | None], keywords: Collection[str]
) -> tuple[str, ...] | None:
    places = list(overload.parameters[: overload.positional])
    surplus = len(positional) - len(places)
    if surplus > 0:
        if overload.variadic is None:
            return None
        places += [overload.variadic] * surplus
    del places[len(positional) :]
    if any(keyword not in overload.parameters or keyword in places for keyword in keywords):
        return None
    if any(name not in places and name not in keywords for name in overload.parameters[: overload.required]):
        return None
    for place, is_tensor in zip(places, positional, strict=True):
        takes_tensor = place in overload.tensors
        if is_tensor is True and not takes_tensor and place not in overload.lists:
            return None
        if is_tensor is False and takes_tensor and place not in overload.mixed and place not in overload.lists:
            return None
    return tuple(places)


class Initialiser(NamedTuple):
    """A function of ``torch.nn.init``.

    ``is_in_place``: it writes its tensor. ``is_complete``: it writes each element of it. ``returns_argument``: it
    returns the very object that it was given (so a Parameter stays one). ``is_deprecated``: the spelling without the
    trailing underscore, which in torch 2.13 warns and then *does* write in place. ``is_random``: the values are drawn.
    ``tensor`` is the name of the parameter that is written.
    """

    name: str
    tensor: str
    is_in_place: bool
    is_complete: bool
    returns_argument: bool
    is_deprecated: bool
    is_random: bool

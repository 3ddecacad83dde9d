"""Abstract values: what an expression may stand for while a class is interpreted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

from paramlint.interpret.events import Overwritten, Write
from paramlint.interpret.slots import LITERAL_DEVICE, Fill, Loss, Phase, Place, Registration
from paramlint.model.code import Class, Function, Lambda

if TYPE_CHECKING:
    from paramlint.interpret.machine import Frame
    from paramlint.project.classes import LinkedClass
    from paramlint.project.definitions import ClassDefinition, External as Unread, SourceModule

_numbers = count()


def _number() -> int:
    """What tells an object from all others, and what its copies on other paths share with it."""
    number: int = field(default_factory=_numbers.__next__, init=False)
    return number


Plain: TypeAlias = bool | int | float | complex | str | bytes | None


class Placement(str, Enum):
    """Where a tensor lives, and what it follows."""

    DEFAULT = "default device"
    LITERAL = LITERAL_DEVICE
    GIVEN = "given device"
    MODEL = "model"
    INPUT = "input"
    HOST = "brought to the host"
    UNKNOWN = "unknown"

    @property
    def is_pinned(self) -> bool:
        return self is Placement.DEFAULT or self is Placement.LITERAL

    @property
    def is_moving(self) -> bool:
        return self is Placement.MODEL or self is Placement.INPUT


@dataclass(frozen=True, slots=True)
class Known:
    """A Python constant."""

    value: Plain


@dataclass(frozen=True, slots=True)
class Symbol:
    """A value that is not known but has an identity: the same key always stands for the same value.

    ``argument`` names the constructor parameter it is, if it is one; ``default`` what that parameter defaults to.
    ``is_configuration`` is False for values computed from tensors' data, on which paths are not split. ``is_number``:
    its annotation, default or uses say that it is one. ``is_dtype``: it is the type of a tensor's elements.
    ``has_length``: it is a sequence or an array. ``makes_modules``: it is a class of Modules, or a function that
    returns one.
    """

    key: str
    argument: str | None = None
    default: Known | None = None
    is_configuration: bool = True
    is_number: bool = False
    is_dtype: bool = False
    has_length: bool = False
    makes_modules: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing is known, not even identity."""


UNKNOWN = Unknown()

# What stands for an array of numpy's that holds positions (``np.mgrid[0:h, 0:w]``) and whatever is shaped from it.
POSITIONS = "numpy.mgrid"
NONE = Known(None)


@dataclass(frozen=True, slots=True)
class Predicate:
    """A condition on a symbol: decided once for a path. ``constant`` is what the symbol equals when it holds.

    ``order`` compares the subject with a number: the operator and the number.
    """

    key: str
    argument: str | None = None
    constant: Plain = None
    has_constant: bool = False
    default: bool | None = None
    subject: str | None = None
    negated: bool = False
    order: tuple[str, float] | None = None


@dataclass(eq=False, slots=True)
class Storage:
    """Memory shared by a tensor and its views.

    ``written`` is the last write that names its operation; ``is_touched``: something may have written it after it was
    made; ``overwritten`` is what a walk over modules replaced, until something else is written. ``constant``: the one
    number that all of it holds.
    """

    fill: Fill
    written: Write | None = None
    overwritten: Overwritten | None = None
    is_touched: bool = False
    constant: float | None = None


@dataclass(eq=False, slots=True)
class Vanishing:
    """Why a tensor is exactly zero when training begins: ``parameter`` is a factor of it, registered under ``name``.

    ``reads`` counts what is computed from it; ``chain`` are the tensors on the way to it, read once each or not.
    """

    parameter: Tensor
    name: str
    chain: tuple[Vanishing, ...] = ()
    reads: int = 0


@dataclass(eq=False, slots=True)
class Tensor:
    """A tensor; identity is the object's identity.

    ``least_rank`` bounds the rank where that is not known; ``length`` is how many elements it was made of, where that is
    known. ``is_certain`` is False for what may be no tensor at all (an argument of forward). ``key`` is set for optional
    arguments, whose presence is decided once for a path.

    ``home`` is the attribute of the instance it was read from; ``ancestor`` the Parameter it was computed from, and
    ``lost`` the first operation on the way. ``values_of`` is the Parameter whose values it has, or is computed from,
    without being connected with it (``.data``). ``origin`` is the pinned tensor from which its placement comes.
    ``follows_model``: it is computed from a registered tensor, or made on a device that was named, so that it goes where
    the model is.

    ``is_recomputed``: torch computes it anew from others, so that what is written to it is lost. ``is_table``: its
    values are positions, counted and put into shape, and nothing else. ``is_part``: it is a view of a part of its
    storage. ``is_leaf``: no graph leads to it, should it ask for gradients. ``vanishing`` tells that it starts at
    zero, and why. ``is_single``: its elements are 32 bits long, as torch makes them where no type is asked for;
    ``is_long``: they are whole numbers of 64 bits, for the same reason. ``is_output``: a layer with weights computed it, or what it is computed from. ``reached`` is the call in the root's
    file by which a function of another file made it.
    """

    made: Place
    factory: str
    phase: Phase
    placement: Placement
    storage: Storage
    rank: int | None = None
    least_rank: int = 0
    is_parameter: bool = False
    is_buffer: bool = False
    is_persistent: bool = True
    is_registered: bool = False
    is_random: bool = False
    is_empty: bool = False
    length: int | None = None
    is_integer: bool | None = None
    requires_grad: bool | None = False
    is_leaf: bool = False
    is_certain: bool = True
    key: str | None = None
    default: Known | None = None
    lost: Loss | None = None
    ancestor: Tensor | None = None
    home: str | None = None
    is_recomputed: bool = False
    is_table: bool = False
    follows_model: bool = False
    origin: Tensor | None = None
    is_part: bool = False
    vanishing: Vanishing | None = None
    values_of: Tensor | None = None
    is_single: bool = False
    is_long: bool = False
    is_output: bool = False
    reached: Place | None = None
    number: int = _number()

    @property
    def dimensions(self) -> int:
        """How many dimensions the tensor has at least."""
        return self.least_rank if self.rank is None else self.rank


@dataclass(eq=False, slots=True)
class Container:
    """A list, tuple, set or dict; ``is_exact`` is False where it may hold more than is listed.

    ``is_walk``: it lists the modules, parameters or buffers of a module, ``walked``. ``written`` counts the elements
    that it was written out with, None where it was made in another way. ``is_lent``: a part of the model keeps it too.
    ``tail`` counts the last items of a tuple that stand at its end though it may hold more (``(*shape, device)``).
    ``makes`` is the kind of container that a dict makes for a key that it does not have (``defaultdict(list)``).
    """

    kind: str
    items: list[Value] = field(default_factory=list)
    keys: list[Value] = field(default_factory=list)
    is_exact: bool = True
    is_walk: bool = False
    walked: Instance | None = None
    written: int | None = None
    is_lent: bool = False
    tail: int = 0
    makes: str | None = None
    number: int = _number()


@dataclass(eq=False, slots=True)
class Switch:
    """A setting of the class that a layer is given: where it is true, a slot of the layer holds ``held``, else None."""

    setting: Symbol | Predicate
    held: Value


@dataclass(eq=False, slots=True)
class Binding:
    """What a name on an object is bound to, how it is registered, and by which statement.

    ``switch`` says what decides about a value that is unknown.
    """

    value: Value
    registration: Registration
    place: Place
    phase: Phase
    is_certain: bool = True
    is_persistent: bool = True
    switch: Switch | None = None


@dataclass(eq=False, slots=True)
class Instance:
    """An object: of a class in source (``linked``) or of one of torch's (``external``).

    ``is_opaque`` marks objects whose contents are not (fully) known; where it ``hides`` something, not even all that
    they hold is known, and otherwise only some names are not. ``recomputed`` names the parameter that a
    parametrisation computes anew from others.
    """

    made: Place
    phase: Phase
    linked: LinkedClass | None = None
    external: str | None = None
    is_module: bool = False
    is_opaque: bool = False
    is_initialised: bool = False
    is_registered: bool = False
    is_lazy: bool = False
    hides: bool = False
    recomputed: str | None = None
    bindings: dict[str, Binding] = field(default_factory=dict)
    number: int = _number()

    def blur(self, *, by_name: bool = False) -> None:
        """Take it that more is held than is known; ``by_name``: something known, under a name that is not."""
        self.is_opaque = True
        self.hides = self.hides or not by_name

    @property
    def class_name(self) -> str:
        if self.linked is not None:
            return self.linked.definition.qualified_name
        return (self.external or "object").rsplit(".", 1)[-1]


@dataclass(eq=False, slots=True)
class Closure:
    """A function of the source, with the frame it closes over and the object it is bound to."""

    node: Function | Lambda
    module: SourceModule
    enclosing: tuple[Function | Class, ...]
    outer: Frame | None
    owner: LinkedClass | None
    bound: Value | None
    qualified_name: str


@dataclass(eq=False, slots=True)
class ClassValue:
    """A class of the source."""

    linked: LinkedClass


@dataclass(frozen=True, slots=True)
class External:
    """A name in a package whose source is not read: torch's own functions, classes and modules above all."""

    name: str


@dataclass(eq=False, slots=True)
class BoundExternal:
    """A method of torch's, or of a builtin type, with the object it is looked up on."""

    receiver: Value
    name: str


@dataclass(eq=False, slots=True)
class Super:
    """``super()`` on ``receiver``: what stands behind ``after`` in the order of its class."""

    receiver: Instance
    after: ClassDefinition | Unread


@dataclass(frozen=True, slots=True)
class Device:
    """A device, as far as it is known what it follows; ``literal`` is its name where the source writes it.

    ``source`` is the pinned tensor whose device it is: what is made there is where that one was made.
    """

    placement: Placement
    literal: str | None = None
    argument: str | None = None
    source: Tensor | None = None


@dataclass(eq=False, slots=True)
class Partial:
    """``functools.partial(function, ...)``."""

    function: Value
    arguments: list[Value]
    keywords: Mapping[str, Value]


Value: TypeAlias = (
    Known
    | Symbol
    | Unknown
    | Predicate
    | Tensor
    | Container
    | Instance
    | Closure
    | ClassValue
    | External
    | BoundExternal
    | Super
    | Device
    | Partial
)


def join(first: Value, second: Value) -> Value:
    """The value that stands for either of two."""
    if first is second or first == second:
        return first
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        return join_tensors(first, second)
    return UNKNOWN


def join_tensors(first: Tensor, second: Tensor) -> Tensor:
    """A tensor that may be either of two: what they disagree on is unknown."""
    placement = first.placement
    if placement is not second.placement:
        both_move = placement.is_moving and second.placement.is_moving
        placement = Placement.MODEL if both_move else Placement.UNKNOWN
    fill = first.storage.fill if first.storage.fill is second.storage.fill else Fill.UNKNOWN
    return Tensor(
        made=first.made,
        factory=first.factory,
        phase=first.phase,
        placement=placement,
        storage=first.storage if first.storage is second.storage else Storage(fill),
        rank=first.rank if first.rank == second.rank else None,
        least_rank=min(first.dimensions, second.dimensions),
        is_parameter=first.is_parameter and second.is_parameter,
        is_buffer=first.is_buffer and second.is_buffer,
        is_registered=first.is_registered or second.is_registered,
        is_random=first.is_random and second.is_random,
        is_empty=first.is_empty or second.is_empty,
        is_integer=first.is_integer if first.is_integer == second.is_integer else None,
        requires_grad=first.requires_grad if first.requires_grad == second.requires_grad else None,
        is_certain=first.is_certain and second.is_certain,
        home=first.home if first.home == second.home else None,
        is_single=first.is_single and second.is_single,
    )


def without_repeats(container: Container) -> Container:
    """Return a set with each of its elements once; it is not exact where two that are not known may be one."""
    if container.kind == "set" and len(container.items) > 1:
        unique: list[Value] = []
        for item in container.items:
            if item is UNKNOWN or item not in unique:
                unique.append(item)
        container.items = unique
        if len(unique) > 1 and not all(isinstance(item, (Known, Instance, Tensor)) for item in unique):
            container.is_exact = False
    return container

"""What happened on a path, in the order in which the path met it, as the interpreter notes it for the rules."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, TypeAlias

from paramlint.interpret.slots import (
    Phase,
    Place,
    Registration,
    TensorSummary,
)


class Clash(NamedTuple):
    """A tensor that stays where it was made meets one that moves, in an operation that wants one device.

    ``reached`` is the call in the class's own file by which a function of another file made it.
    """

    place: Place
    operation: str
    pinned: TensorSummary
    home: str | None
    moving: str
    reached: Place | None


class MadeInForward(NamedTuple):
    """A Parameter or a Module made by forward or what it calls; ``stored`` is the name on self that it ends in."""

    place: Place
    kind: Registration
    class_name: str
    has_state: bool | None
    depends_on_training: bool
    stored: str | None
    local: str | None
    is_lazy_once: bool


class Rebinding(NamedTuple):
    """A tensor that is no Parameter is bound to a registered parameter's name, or given to register_parameter."""

    place: Place
    phase: Phase
    attribute: str
    registered_at: Place | None
    by_registration_call: bool


class ParameterAsBuffer(NamedTuple):
    place: Place
    attribute: str
    by_registration_call: bool


class ParameterOfNoTensor(NamedTuple):
    """``nn.Parameter`` is given a ``kind`` of object that is no tensor: torch raises."""

    place: Place
    kind: str


class AssignedBeforeInit(NamedTuple):
    """A parameter, buffer or submodule is assigned before any base constructor ran.

    ``is_certain``: everything in front of it was followed, so that the constructor ends there.
    """

    place: Place
    attribute: str
    kind: Registration
    is_certain: bool = False


class AskedBeforeInit(NamedTuple):
    """A method that reads what a Module holds is called on the instance before any base constructor ran."""

    place: Place
    method: str


class BaseConstructorRan(NamedTuple):
    """Module.__init__ ran on the instance; ``wiped`` are the registered names that it forgot."""

    place: Place
    wiped: tuple[str, ...]


class UndefinedMethod(NamedTuple):
    """A method is called on self that nothing in the whole hierarchy defines; ``may_be_bound``: some method assigns it."""

    place: Place
    method: str
    in_constructor: bool
    may_be_bound: bool = False


class DroppedResult(NamedTuple):
    """The value of a bare expression statement is a tensor made from an attribute or a fresh one, and is lost."""

    place: Place
    operation: str
    attribute: str | None
    in_initialiser: bool


class LocalRebinding(NamedTuple):
    """A loop or local name that stands for a parameter is bound to a computed tensor: the parameter is unchanged."""

    place: Place
    name: str
    operation: str


class HardCodedDevice(NamedTuple):
    """A tensor or module goes to a device written in the source, an accelerator or, in a constructor, the host.

    ``is_asked``: after the source has asked where something is.
    """

    place: Place
    phase: Phase
    device: str
    by_method: str
    attribute: str | None
    argument: str | None
    statement: Place | None
    is_asked: bool


class LostParameter(NamedTuple):
    """An in-place operation is called on a leaf Parameter that asks for gradients: torch raises, if it keeps a graph."""

    place: Place
    phase: Phase
    operation: str


class UsedNone(NamedTuple):
    """Construction takes an attribute of None, or hands None to an initialiser: torch or Python raises."""

    place: Place
    operation: str


class InitialisedModule(NamedTuple):
    """A function of ``nn.init``, or a method of tensors, is given a module where it takes a tensor: torch raises."""

    place: Place
    operation: str
    attribute: str | None


class MethodReached(NamedTuple):
    """A method of the instance's own hierarchy was entered."""

    place: Place
    method: str
    phase: Phase


class SchemeRan(NamedTuple):
    """An initialisation scheme went over the instance's modules during construction.

    ``types`` are the class names its ``isinstance`` tests name; ``registered`` the names that existed by then, and
    ``reached`` the numbers of the modules that did. ``is_vain``: it loops over all parameters, and there are none yet.
    ``restored`` are those of ``types`` for which it writes what normalisation layers begin with.
    The place is the statement of the class's own constructor.
    """

    place: Place
    method: str
    types: tuple[str, ...]
    registered: tuple[str, ...]
    reached: frozenset[int] = frozenset()
    is_vain: bool = False
    restored: frozenset[str] = frozenset()


class Writer(str, Enum):
    """What a write is part of: a walk over modules, the class's own constructor, a scheme that it calls, or neither."""

    WALK = "walk"
    CONSTRUCTOR = "constructor"
    SCHEME = "scheme"
    OTHER = "other"


class Write(NamedTuple):
    """A value is written to a parameter: ``key`` equal: the same value; ``factory`` made the tensor.

    ``scheme`` is the method of the class that is under way.
    """

    place: Place
    operation: str
    key: str
    writer: Writer
    scheme: str
    factory: str


class Overwritten(NamedTuple):
    """A constant that construction wrote on purpose is replaced by a walk over all modules, or a scheme."""

    place: Place
    first: Write
    by: Write
    attribute: str | None


class KeptConstant(NamedTuple):
    """A constant that construction wrote on purpose is still there at its end."""

    place: Place


class RandomGain(NamedTuple):
    """A walk over all parameters gives the gain of a normalisation layer random values around zero."""

    place: Place
    operation: str
    layer: str
    method: str


class EarlyRead(NamedTuple):
    """Construction reads an attribute of self that nothing has set yet."""

    place: Place
    name: str
    method: str


class StateWritten(NamedTuple):
    """Forward writes in place to a plain tensor of the instance's that lives on from call to call."""

    place: Place
    name: str
    operation: str


class UnassignedRead(NamedTuple):
    """Forward reads an attribute of self that its path through the constructor has not set."""

    place: Place
    name: str


class UninitialisedRead(NamedTuple):
    """Forward computes with memory of the constructor's that nothing has written; ``home`` is the attribute."""

    place: Place
    home: str
    operation: str


class Tied(NamedTuple):
    """Construction gives a module below the instance (under ``attribute``) a Parameter that is registered elsewhere.

    ``method`` is the function that does it; ``by_data``: through ``.data``, so that two Parameters share memory for now,
    and ``others`` are the attributes that hold the other one.
    """

    place: Place
    attribute: str
    method: str
    by_data: bool
    others: tuple[str, ...]


class DataReplaced(NamedTuple):
    """An initialiser puts a tensor made on the default device in the place of a parameter's memory."""

    place: Place
    attribute: str
    method: str


class DeadProduct(NamedTuple):
    """Forward multiplies two learned factors that both start at zero, and computes nothing else from them."""

    place: Place
    first: str
    second: str


class Marked(NamedTuple):
    """Construction sets a plain value on a module of the source; ``kinds`` are the names of its classes."""

    place: Place
    attribute: str
    name: str
    kinds: frozenset[str]


class LayerLeft(NamedTuple):
    """A layer of torch's that construction leaves at its default; ``attribute`` is the name above it, ``kinds`` its classes."""

    attribute: str
    class_name: str
    made: Place
    number: int
    kinds: tuple[str, ...]


class LostWrite(NamedTuple):
    """A value is written to a tensor that torch computes anew from others (a parametrised weight), or to a copy.

    ``copied_by`` is the operation that made the copy, None for what is computed anew.
    """

    place: Place
    operation: str
    attribute: str | None
    copied_by: str | None = None


class ShadowedRegistration(NamedTuple):
    """A name is registered that something else has already.

    ``by`` is "a plain attribute", "a class attribute" or "a method of Module". ``raises``: torch raises KeyError; else
    the submodule is registered, and reading the name yields what the class has. ``earlier`` is None for torch's own.
    """

    place: Place
    attribute: str
    earlier: Place | None
    by: str
    raises: bool


class AttributeRead(NamedTuple):
    """Forward, or what it calls, read a name of self."""

    place: Place
    name: str


Event: TypeAlias = (
    Clash
    | MadeInForward
    | Rebinding
    | ParameterAsBuffer
    | ParameterOfNoTensor
    | AssignedBeforeInit
    | AskedBeforeInit
    | BaseConstructorRan
    | UndefinedMethod
    | DroppedResult
    | LocalRebinding
    | HardCodedDevice
    | LostParameter
    | MethodReached
    | SchemeRan
    | Overwritten
    | KeptConstant
    | RandomGain
    | EarlyRead
    | StateWritten
    | UnassignedRead
    | UninitialisedRead
    | Tied
    | DataReplaced
    | DeadProduct
    | Marked
    | UsedNone
    | InitialisedModule
    | LostWrite
    | ShadowedRegistration
    | AttributeRead
)

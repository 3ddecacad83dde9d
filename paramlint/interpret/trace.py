"""What the interpreter learnt of one Module class: the frozen data that rules read."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, TypeAlias

from paramlint.interpret.surroundings import Surroundings
from paramlint.model.code import Span


class Place(NamedTuple):
    """A span in a file."""

    path: str
    span: Span


class Phase(str, Enum):
    """When something happened in the life of an instance."""

    CONSTRUCTOR = "constructor"
    FORWARD = "forward"


class Registration(str, Enum):
    """What torch holds under a name on an instance."""

    PARAMETER = "parameter"
    BUFFER = "buffer"
    SUBMODULE = "submodule"
    PLAIN_TENSOR = "plain tensor"
    CONTAINER = "container"
    OTHER = "other"
    UNSET = "unset"
    UNKNOWN = "unknown"


class Fill(str, Enum):
    """How far the memory of a tensor has been written."""

    UNINITIALISED = "uninitialised"
    WRITTEN = "written"
    UNKNOWN = "unknown"


class Loss(NamedTuple):
    """How a Parameter became an ordinary tensor: by which operation, and where."""

    operation: str
    place: Place


class TensorSummary(NamedTuple):
    """What is known of a tensor at the end of a path; None means unknown. ``number`` tells one tensor from another."""

    number: int
    made: Place
    factory: str
    phase: Phase
    rank: int | None
    is_parameter: bool
    is_registered: bool
    is_random: bool
    is_empty: bool
    is_integer: bool | None
    requires_grad: bool | None
    placement: str
    fill: Fill
    lost: Loss | None
    is_table: bool


class ModuleSummary(NamedTuple):
    """A Module object met on the way: its class, where it was made, and whether anything registers it.

    ``is_learned``: it is certain that some parameter in it, or below it, asks for gradients.
    """

    class_name: str
    made: Place
    phase: Phase
    has_state: bool | None
    is_registered: bool
    is_learned: bool


class Member(NamedTuple):
    """One element of a container, with its place in it (``[0]``, ``['key']``)."""

    where: str
    tensor: TensorSummary | None
    module: ModuleSummary | None


class Slot(NamedTuple):
    """One name on the instance at the end of a path.

    ``place`` is the statement that bound it last during construction (or in forward, for names set only there);
    ``is_certain`` is False where an undecided condition guards the binding; ``is_shared`` says that what it holds, or
    a part of it, is held under another name as well.
    """

    name: str
    registration: Registration
    place: Place
    phase: Phase
    is_certain: bool
    tensor: TensorSummary | None
    module: ModuleSummary | None
    members: tuple[Member, ...]
    is_persistent: bool = True
    is_none: bool = False
    container: str = ""
    is_exact: bool = True
    is_shared: bool = False


class Decision(NamedTuple):
    """A condition on which the path was split, with the constructor argument it pins down, if it does."""

    condition: str
    outcome: bool
    argument: str | None
    constant: bool | int | float | str | None


# Events, in the order in which a path met them.


class Clash(NamedTuple):
    """A tensor that stays where it was made meets one that moves, in an operation that wants one device."""

    place: Place
    operation: str
    pinned: TensorSummary
    home: str | None
    moving: str


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
    """A parameter, buffer or submodule is assigned before any base constructor ran."""

    place: Place
    attribute: str
    kind: Registration


class BaseConstructorRan(NamedTuple):
    """Module.__init__ ran on the instance; ``wiped`` are the registered names that it forgot."""

    place: Place
    wiped: tuple[str, ...]


class UndefinedMethod(NamedTuple):
    """A method is called on self that nothing in the whole hierarchy defines."""

    place: Place
    method: str
    in_constructor: bool


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
    """A tensor or module goes to a device written in the source."""

    place: Place
    phase: Phase
    device: str
    by_method: str
    attribute: str | None
    argument: str | None
    statement: Place | None


class LostParameter(NamedTuple):
    """An in-place operation is called on a fresh leaf Parameter that asks for gradients: torch raises."""

    place: Place
    operation: str


class UsedNone(NamedTuple):
    """Construction takes an attribute of None, or hands None to an initialiser: torch or Python raises."""

    place: Place
    operation: str


class InitialisedModule(NamedTuple):
    """A function of ``nn.init`` is given a module where it takes a tensor: torch raises."""

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
    ``reached`` the numbers of the modules that did. The place is the statement of the class's own constructor.
    """

    place: Place
    method: str
    types: tuple[str, ...]
    registered: tuple[str, ...]
    reached: frozenset[int] = frozenset()


class Write(NamedTuple):
    """A value is written to a parameter: ``key`` is the operation with its constants; ``factory`` made the tensor."""

    place: Place
    operation: str
    key: str
    by_walk: bool
    factory: str


class Overwritten(NamedTuple):
    """A constant that construction wrote on purpose (at ``place``) is replaced by a walk over all modules."""

    place: Place
    operation: str
    by: Write
    attribute: str | None


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


class UninitialisedRead(NamedTuple):
    """Forward computes with memory of the constructor's that nothing has written; ``home`` is the attribute."""

    place: Place
    home: str
    operation: str


class Tied(NamedTuple):
    """Construction gives a module below the instance (under ``attribute``) a Parameter that is registered elsewhere.

    ``method`` is the function that does it; ``by_data``: through ``.data``, so that two Parameters share memory for now.
    """

    place: Place
    attribute: str
    method: str
    by_data: bool


class DataReplaced(NamedTuple):
    """An initialiser puts a tensor made on the default device in the place of a parameter's memory."""

    place: Place
    attribute: str
    method: str


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
    """A value is written to a tensor that torch computes anew from others (a parametrised weight)."""

    place: Place
    operation: str
    attribute: str | None


class ShadowedRegistration(NamedTuple):
    """A name is registered that is a plain attribute already: torch raises KeyError."""

    place: Place
    attribute: str
    earlier: Place


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
    | BaseConstructorRan
    | UndefinedMethod
    | DroppedResult
    | LocalRebinding
    | HardCodedDevice
    | LostParameter
    | MethodReached
    | SchemeRan
    | Overwritten
    | RandomGain
    | EarlyRead
    | UninitialisedRead
    | Tied
    | DataReplaced
    | Marked
    | UsedNone
    | InitialisedModule
    | LostWrite
    | ShadowedRegistration
    | AttributeRead
)


class Run(NamedTuple):
    """One path through the constructor, and through forward.

    ``is_complete`` is False where the interpreter gave up on a part (a budget, an unknown base): nothing may then be
    said of what is *missing*. ``is_opaque``: names may be set that it did not see. ``rewritten`` are the names that
    forward binds; ``kept`` what they hold when it returns, with the statement in forward as their place. ``left`` are
    torch's layers that still have their default initialisation, ``unfilled`` those whose memory nothing has written.
    ``is_default``: it is the path that the defaults lead to.
    """

    decisions: tuple[Decision, ...]
    is_complete: bool
    slots: tuple[Slot, ...]
    events: tuple[Event, ...]
    rewritten: frozenset[str]
    is_opaque: bool
    kept: tuple[Slot, ...]
    left: tuple[LayerLeft, ...] = ()
    unfilled: tuple[LayerLeft, ...] = ()
    is_default: bool = False


class MethodFacts(NamedTuple):
    """A method in the hierarchy: where it is defined, and what its body does to initialise.

    ``is_hook``: a framework calls it. ``types`` are the class names of its ``isinstance`` tests, ``mentions`` the
    attributes of self in it, ``delegates`` those whose method of the same name it calls. ``wrong_subject`` is where a
    walk over modules tests and initialises something else than the module it has come to.
    """

    name: str
    place: Place
    owner: str
    is_own: bool
    initialises: tuple[str, ...]
    walks_modules: bool
    is_hook: bool = False
    types: tuple[str, ...] = ()
    mentions: frozenset[str] = frozenset()
    delegates: frozenset[str] = frozenset()
    wrong_subject: Place | None = None
    assigns: frozenset[str] = frozenset()


class Maker(NamedTuple):
    """The class's own constructor makes an attribute by a call; ``shape`` is the callee, keys of subscripts left out."""

    attribute: str
    shape: str
    place: Place


class ClassTrace(NamedTuple):
    """Everything rules may know of one Module class."""

    class_name: str
    place: Place
    constructor: Place | None
    constructor_is_own: bool
    is_complete: bool
    is_abstract: bool
    runs: tuple[Run, ...]
    methods: tuple[MethodFacts, ...]
    documentation: str
    makers: tuple[Maker, ...]
    surroundings: Surroundings

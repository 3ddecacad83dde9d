"""What a name of an instance holds, in plain frozen data: registration, tensors, modules, and the decisions of a path."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from paramlint.model.code import Span


class Place(NamedTuple):
    """A span in a file."""

    path: str
    span: Span

    def encloses(self, inner: Place) -> bool:
        """Whether another place lies inside this one."""
        first, second = self.span, inner.span
        begins = (first.line, first.column) <= (second.line, second.column)
        return self.path == inner.path and begins and second[2:] <= first[2:]


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


# What torch keeps in an instance's own tables, and Module.__init__ empties.
REGISTERED = frozenset({Registration.PARAMETER, Registration.BUFFER, Registration.SUBMODULE})


class Fill(str, Enum):
    """How far the memory of a tensor has been written."""

    UNINITIALISED = "uninitialised"
    WRITTEN = "written"
    UNKNOWN = "unknown"


class Care(str, Enum):
    """Of which other tensors, registered as one is, construction writes the memory: their own class sees to them.

    Those of its like are vectors, where it is one, or have more dimensions, where it has more.
    """

    NONE = "none"
    OF_OTHERS = "of others"
    OF_ITS_LIKE = "of its like"


class Loss(NamedTuple):
    """How a Parameter became an ordinary tensor: by which operation, and where; ``is_frozen`` of one without gradients."""

    operation: str
    place: Place
    is_frozen: bool


# The placement of a tensor that is made where the source says.
LITERAL_DEVICE = "literal device"


class TensorSummary(NamedTuple):
    """What is known of a tensor at the end of a path; None means unknown. ``number`` tells one tensor from another.

    ``is_derived``: computed from a registered one, or an alias of it; ``written_by`` is the last operation that wrote it;
    ``is_leaf``: no graph leads to it. ``is_output``: layers with weights computed it.
    """

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
    is_leaf: bool
    placement: str
    fill: Fill
    lost: Loss | None
    is_table: bool
    is_derived: bool
    is_output: bool
    written_by: str | None


class ModuleSummary(NamedTuple):
    """A Module object met on the way: its class, where it was made, and whether anything registers it.

    ``is_learned``: it is certain that some parameter in it, or below it, asks for gradients. ``is_frozen``: it has
    parameters, and that is not certain. ``is_own``: its class is not torch's.
    """

    class_name: str
    made: Place
    phase: Phase
    has_state: bool | None
    is_registered: bool
    is_learned: bool
    is_frozen: bool
    is_own: bool


class Member(NamedTuple):
    """One element of a container or of an ordinary object, with its place in it (``[0]``, ``['key']``, ``.weight``).

    ``inside`` names the class of the ordinary object that holds it, "" where there is none.
    """

    where: str
    tensor: TensorSummary | None
    module: ModuleSummary | None
    inside: str = ""


class Slot(NamedTuple):
    """One name on the instance at the end of a path.

    ``place`` is the statement that bound it last during construction (or in forward, for names set only there);
    ``is_certain`` is False where an undecided condition guards the binding; ``is_shared`` says that what it holds, or
    a part of it, is held under another name as well, or that another object keeps the container; ``written`` counts the elements that a container was written with.
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
    written: int | None = None


class Decision(NamedTuple):
    """A condition on which the path was split, with the constructor argument it pins down, if it does."""

    condition: str
    outcome: bool
    argument: str | None
    constant: bool | int | float | str | None

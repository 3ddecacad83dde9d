"""Classes with their hierarchies linked: what an instance has, and which class supplies it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final, Literal, NamedTuple, Protocol

from paramlint.model import code
from paramlint.project import externals, frameworks
from paramlint.project.definitions import ClassDefinition, Definition, External, Unresolved
from paramlint.project.order import Entry


class Unknown(Enum):
    """The answer to a question that a base which is not known could decide either way."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN


class Member(NamedTuple):
    """A class attribute, by the class that supplies it.

    ``node`` is the method, nested class or assigned expression; None where there is no source for it: members of
    classes that are not read, what decorators generate (a dataclass's ``__init__``), names bound in other ways.
    """

    owner: ClassDefinition | External
    node: code.Function | code.Class | code.Expression | None


class Hierarchy(Protocol):
    """What a linked class asks about the classes it inherits from."""

    def own_member(self, definition: ClassDefinition, name: str) -> Member | None:
        """Return the attribute that a class supplies by itself."""

    def decorators(self, definition: ClassDefinition) -> tuple[Definition, ...]:
        """Return what a class's decorators (or the functions that make them) refer to, in order."""


class LinkedClass:
    """A class and what it inherits.

    ``order`` is Python's method resolution order without ``object``, itself first, with a gap (Unresolved) for each
    base that is not known. ``is_complete``: there is no gap, and each class that is not read is one that is known.
    ``is_module``: whether it inherits from ``torch.nn.Module``; None where a gap could. ``metaclass`` is None for
    ``type``.
    """

    def __init__(
        self,
        definition: ClassDefinition,
        bases: tuple[Definition, ...],
        order: tuple[Entry, ...],
        is_complete: bool,
        is_module: bool | None,
        metaclass: Definition | None,
        hierarchy: Hierarchy,
    ) -> None:
        self.definition: Final = definition
        self.bases: Final = bases
        self.order: Final = order
        self.is_complete: Final = is_complete
        self.is_module: Final = is_module
        self.metaclass: Final = metaclass
        self.hierarchy: Final = hierarchy
        self._found: dict[str, Member | Literal[Unknown.UNKNOWN] | None] = {}

    def __repr__(self) -> str:
        return f"LinkedClass({self.definition.full_name!r})"

    @property
    def mro(self) -> tuple[ClassDefinition | External, ...]:
        """The classes of ``order``, gaps left out."""
        return tuple(entry for entry in self.order if not isinstance(entry, Unresolved))

    @property
    def sources(self) -> tuple[ClassDefinition, ...]:
        """The classes of ``order`` that have source, itself first."""
        return tuple(entry for entry in self.order if isinstance(entry, ClassDefinition))

    @property
    def decorators(self) -> tuple[Definition, ...]:
        """What the class's decorators (or the functions that make them) refer to, in order."""
        return self.hierarchy.decorators(self.definition)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the class is not complete, one reason for each gap or class that nothing is known of."""
        gaps = [entry.reason for entry in self.order if isinstance(entry, Unresolved)]
        external = [entry.name for entry in self.order if isinstance(entry, External)]
        gaps += [f"{name} is not known" for name in external if externals.is_module_class(name) is None]
        if not gaps and not self.is_complete:
            gaps.append("bases in an order that Python refuses")
        return tuple(gaps)

    def find(self, name: str) -> Member | Literal[Unknown.UNKNOWN] | None:
        """Return the class attribute that instances see under a name.

        None when no class of the order has it (what every ``object`` has counts as absent); UNKNOWN when a class that
        is not known could supply it or hide the one that is found further on.
        """
        if name not in self._found:
            self._found[name] = self._search(self.order, name)
        return self._found[name]

    def find_after(self, owner: ClassDefinition | External, name: str) -> Member | Literal[Unknown.UNKNOWN] | None:
        """Return what ``super().name`` finds in a method of ``owner`` when it runs on an instance of this class."""
        if owner not in self.order or (isinstance(owner, External) and externals.stands_before_unlisted(owner.name)):
            return UNKNOWN
        return self._search(self.order[self.order.index(owner) + 1 :], name)

    def inherits(self, name: str) -> bool | None:
        """Whether a class of that canonical dotted name is among the bases; None where a gap could bring it."""
        names = [entry.name if isinstance(entry, External) else entry.full_name for entry in self.mro]
        if name in names:
            return True
        return False if self.is_complete else None

    def is_framework_hook(self, method: str) -> bool:
        """Whether a framework that the class builds on calls that method on its own."""
        names = (entry.name if isinstance(entry, External) else entry.full_name for entry in self.mro)
        return any(frameworks.is_framework_hook(name, method) for name in names)

    @property
    def method_before_init(self) -> str | None:
        """The method that the metaclass runs on each new instance before ``__init__``, for known metaclasses."""
        if isinstance(self.metaclass, External):
            return frameworks.method_before_init(self.metaclass.name)
        if isinstance(self.metaclass, ClassDefinition):
            return frameworks.method_before_init(self.metaclass.full_name)
        return None

    @property
    def is_prepared(self) -> bool:
        """Whether a class that is not read has run ``Module.__init__`` on the instance before ``__init__`` starts."""
        return any(isinstance(entry, External) and externals.prepares_instances(entry.name) for entry in self.order)

    def _search(self, order: Sequence[Entry], name: str) -> Member | Literal[Unknown.UNKNOWN] | None:
        for entry in order:
            if isinstance(entry, Unresolved):
                return UNKNOWN
            if isinstance(entry, ClassDefinition):
                member = self.hierarchy.own_member(entry, name)
                if member is not None:
                    return member
                continue
            supplies = externals.external_member(entry.name, name)
            if supplies is None:
                return UNKNOWN
            if supplies:
                return Member(entry, None)
        return None if self.is_complete else UNKNOWN

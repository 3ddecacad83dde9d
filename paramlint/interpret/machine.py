"""The state of one path: frames, budget, events, and what phase of an instance's life it is in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf

from paramlint.interpret.decisions import Choice, Decider
from paramlint.interpret.events import DeadProduct, Event, UsedNone
from paramlint.interpret.limits import BudgetSpent, IdleSpent, NotIdle
from paramlint.interpret.slots import Phase, Place
from paramlint.interpret.values import Instance, Predicate, Symbol, Tensor, Value, Vanishing
from paramlint.model.code import BooleanOperation, Class, Conditional, Function, If, Raise, Span
from paramlint.project.classes import LinkedClass
from paramlint.project.definitions import SourceModule
from paramlint.project.project import Project

MOST_STEPS = 20_000
MOST_DEPTH = 14


@dataclass(eq=False, slots=True)
class Frame:
    """One call under way, or a module's top level."""

    module: SourceModule
    enclosing: tuple[Function | Class, ...]
    outer: Frame | None = None
    receiver: Value | None = None
    owner: LinkedClass | None = None
    function: str = ""
    names: dict[str, Value] = field(default_factory=dict)
    returns: list[Value] = field(default_factory=list)
    yields: list[Value] = field(default_factory=list)

    def place(self, span: Span) -> Place:
        return Place(self.module.place, span)


@dataclass(eq=False, slots=True)
class Made:
    """A Parameter or Module that forward made; ``local`` is the name it was first bound to.

    ``is_below_none``: where a condition asks that an attribute of self is None."""

    value: Tensor | Instance
    place: Place
    guards: tuple[str, ...]
    is_below_none: bool = False
    local: str | None = None
    stored: str | None = None


@dataclass(eq=False, slots=True)
class Machine:
    """One path under way.

    ``undecided`` counts the conditions around the current statement that nothing decides: writes below them are
    weak, that is, the old value may survive. ``repeated`` counts the loops around it that run an unknown number of
    times. ``statement`` is the one under way in a constructor of the instance, ``own_statement`` in that of its very
    class, and ``assigned`` the attribute of self that it binds. ``choice`` is what the condition under way chooses
    between, and ``preferred`` how it turns out where nothing says so, that is, without an error. ``abroad``: what
    is under way is a method of a Module other than the root, or from another file, and what it decides is its own.
    ``reached`` is the call in the root's file by which functions of other files are under way, where no method stands
    between.

    ``is_complete`` turns False when something was skipped, ``refuses`` True where forward raises whatever it is given.
    ``idle_steps`` counts, for each function, the steps of calls that had nothing to do with tensors or modules;
    ``idle_end`` is the step at which the one under way is given up, and ``is_idle_cut`` tells that in it a call was not
    followed.

    ``optimised`` are the tensors that optimisers are given. ``rewritten`` are the attributes of the root that forward
    binds, ``made_once`` those of them below a test that something is None, ``changed`` what it binds on a part of the
    root, or writes to. ``products`` are those of two factors that are zero, with the tensors between. ``has_scheme``:
    what initialises the root's layers has run. ``schemes`` are the root's own methods under way that initialise by
    their name, and that its constructor calls whatever happens.
    """

    project: Project
    decider: Decider
    root: Instance | None = None
    phase: Phase = Phase.CONSTRUCTOR
    events: list[Event] = field(default_factory=list)
    steps: int = 0
    most_steps: int = MOST_STEPS
    depth: int = 0
    undecided: int = 0
    repeated: int = 0
    guarded: int = 0
    without_gradients: int = 0
    on_meta: int = 0
    device_tests: int = 0
    abroad: bool = False
    reached: Place | None = None
    choice: Choice | None = None
    is_choosing: bool = False
    preferred: bool | None = None
    chain: tuple[int, bool] | None = None
    has_scheme: bool = False
    schemes: list[str] = field(default_factory=list)
    guards: list[str] = field(default_factory=list)
    below_none: int = 0
    made: list[Made] = field(default_factory=list)
    constructing: int = 0
    walking: int = 0
    walking_parameters: int = 0
    is_called_by_forward: bool = False
    rewritten: dict[str, Place] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    statement: Place | None = None
    assigned: str | None = None
    own_statement: Place | None = None
    is_complete: bool = True
    refuses: bool = False
    active: list[str] = field(default_factory=list)
    counter: int = 0
    idle_steps: dict[str, int] = field(default_factory=dict)
    idle_end: float = inf
    is_apart: bool = False
    is_idle_cut: bool = False
    module_values: dict[tuple[str, str], Value] = field(default_factory=dict)
    made_once: set[str] = field(default_factory=set)
    optimised: list[Tensor] = field(default_factory=list)
    products: list[tuple[DeadProduct, tuple[Vanishing, ...]]] = field(default_factory=list)

    @property
    def is_unsure(self) -> bool:
        """Whether the current statement may run never, or more than once."""
        return bool(self.undecided or self.repeated)

    def refuse(self) -> None:
        """Note that the statement under way raises, which forward comes to whatever it is given."""
        if self.is_called_by_forward and not self.is_unsure and not self.guarded:
            self.refuses = True

    def step(self, count: int = 1) -> None:
        """Count steps of work; raises ``BudgetSpent`` or ``IdleSpent`` when there have been too many."""
        self.steps += count
        if self.steps > self.idle_end:
            raise IdleSpent
        if self.steps > self.most_steps:
            raise BudgetSpent

    def leave_idle(self) -> None:
        """Go on with what makes a model's parts, which is not idle, whatever it is given.

        Raises NotIdle where a call is followed apart, for that comes to nothing then.
        """
        if self.is_apart:
            raise NotIdle
        self.idle_end = inf

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def emit_on_none(self, place: Place, operation: str) -> None:
        """Record that construction uses None as a tensor."""
        if self.phase is Phase.CONSTRUCTOR and not self.undecided and not self.guarded:
            self.emit(UsedNone(self.reached or place, operation))

    def fresh(self, what: str) -> Symbol:
        """A value computed from data: it has an identity, but paths are not split on it."""
        self.counter += 1
        return Symbol(f"{what}#{self.counter}", is_configuration=False)

    @contextmanager
    def choosing(self, frame: Frame, node: If | Conditional | BooleanOperation) -> Iterator[Choice | None]:
        """What is decided inside decides between the ways of a statement or expression; None if of more than that."""
        before = self.choice, self.is_choosing, self.preferred, self.chain
        self.chain = None
        # The body of a check ends in an error: where all is well it does not run.
        is_check = isinstance(node, If) and not node.orelse and isinstance(node.body[-1], Raise)
        self.preferred = False if is_check else None
        function = frame.enclosing[-1] if frame.enclosing else None
        if self.is_choosing or not isinstance(function, Function):
            # What is chosen inside a condition also decides the condition around it.
            self.choice = None
        else:
            scope = frame.module, frame.enclosing[:-1], function, frame.owner
            asks_layers = self.has_scheme or (self.root is not None and not self.root.is_initialised)
            self.choice = Choice(node, *scope, self.phase, asks_layers)
        self.is_choosing = True
        try:
            yield self.choice
        finally:
            self.choice, self.is_choosing, self.preferred, self.chain = before

    def decide(self, predicate: Predicate) -> bool | None:
        """How a condition turns out on this path; None below a condition that is itself undecided."""
        if self.undecided and not self.decider.has_decided(predicate):
            return None
        preferred = None if self.preferred is None else self.preferred is not predicate.negated
        chain = None if self.chain is None else (self.chain[0], self.chain[1] is not predicate.negated)
        return self.decider.decide(predicate, not self.abroad, self.choice, preferred, chain) is not predicate.negated

    @contextmanager
    def in_loop(self) -> Iterator[None]:
        """Statements inside run once here, and any number of times in truth."""
        self.repeated += 1
        try:
            yield
        finally:
            self.repeated -= 1

    @contextmanager
    def in_doubt(self) -> Iterator[None]:
        """Statements inside may or may not run."""
        self.undecided += 1
        try:
            yield
        finally:
            self.undecided -= 1

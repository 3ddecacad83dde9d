"""Which way a path goes at conditions that configuration decides, and which paths are tried."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from paramlint.interpret.bounds import Bounds
from paramlint.interpret.slots import Decision, Phase
from paramlint.interpret.values import Plain, Predicate
from paramlint.model import code
from paramlint.project.classes import LinkedClass
from paramlint.project.definitions import SourceModule
from paramlint.project.names import Enclosing

MOST_PATHS = 16


@dataclass(eq=False, slots=True)
class Choice:
    """What a condition chooses between on one path: the statement or expression, and the function in which it stands.

    ``owner`` is the class whose method that is; ``asks_layers``: a layer that is made now is told of, for what initialises
    the root's layers has run, or ``Module.__init__`` has not.
    ``outcome`` is how the whole condition turned out in the end, None where nothing decides that.
    """

    node: code.If | code.Conditional | code.BooleanOperation
    module: SourceModule
    enclosing: Enclosing
    function: code.Function
    owner: LinkedClass | None
    phase: Phase
    asks_layers: bool
    outcome: bool | None = None


class Decider:
    """Decides each condition once for a path: as forced, and else the default way first.

    ``taken`` lists the decisions in the order in which they were met, ``own`` what those among them choose
    between that the class's own code asks for, by position; None is a choice between nothing that can be looked at.
    ``is_default``: every condition goes the way that the defaults say, where they say one and it ends in no error.
    ``asked`` is the position of the decision that was asked for last, ``blamed`` of the one for which the path has ended
    in an error, None where that is not known. ``settled`` are conditions of which other paths have shown how they go
    where nothing ends in an error.
    """

    __slots__ = (
        "_bounds",
        "_chains",
        "_constants",
        "_false",
        "_forced",
        "_known",
        "_narrowing",
        "_positions",
        "_settled",
        "_true",
        "asked",
        "blamed",
        "is_default",
        "own",
        "taken",
    )

    def __init__(
        self, forced: tuple[bool, ...], is_default: bool = True, settled: Mapping[str, bool] = MappingProxyType({})
    ) -> None:
        self._forced = forced
        self._settled = settled
        self.is_default = is_default
        self.asked: int | None = None
        self.blamed: int | None = None
        self._known: dict[str, bool] = {}
        self._constants: dict[str, Plain] = {}
        self._true: set[str] = set()
        self._false: set[str] = set()
        self._bounds: dict[str, Bounds] = {}
        self.taken: list[Decision] = []
        self.own: dict[int, list[Choice | None]] = {}
        self._positions: dict[str, int] = {}
        self._chains: dict[int, int] = {}
        self._narrowing: dict[str, int] = {}

    def shares(self, outcomes: tuple[bool, ...]) -> bool:
        """Whether this path is to go as another went until it had decided that."""
        return self._forced[: len(outcomes)] == outcomes

    def go_on_from(self, earlier: Decider) -> None:
        """Take over, and change from then on, what has been decided on a path with which this one shares its beginning."""
        self._known, self._positions, self._chains = earlier._known, earlier._positions, earlier._chains
        self._constants, self._bounds = earlier._constants, earlier._bounds
        self._true, self._false = earlier._true, earlier._false
        self._narrowing = earlier._narrowing
        self.taken, self.own = earlier.taken, earlier.own

    def has_decided(self, predicate: Predicate) -> bool:
        """Whether earlier decisions on this path settle the condition."""
        return predicate.key in self._known or self._implied(predicate) is not None

    def decide(
        self,
        predicate: Predicate,
        is_own: bool = True,
        choice: Choice | None = None,
        preferred: bool | None = None,
        chain: tuple[int, bool] | None = None,
    ) -> bool:
        """Return how the condition (not negated) turns out on this path; ``choice`` is what it is asked for.

        What nothing says goes the ``preferred`` way first. ``chain`` names the conditions that are joined with this one,
        and the outcome with which the next is asked: of ``a and b``, where ``a`` has been turned to see what is behind
        both, ``b`` is true as well.
        Conditions on the same key agree; a symbol that equals one constant equals no other, and numbers are in order.
        """
        if predicate.key in self._known:
            self.asked = self._positions.get(predicate.key)
            if is_own and predicate.key in self._positions:
                self.own.setdefault(self._positions[predicate.key], []).append(choice)
            return self._known[predicate.key]
        implied = self._implied(predicate)
        if implied is not None:
            self._known[predicate.key] = implied
            position = self._narrowing.get(predicate.subject or "")
            if is_own and position is not None:
                # what has settled it decides on this as well
                self._positions[predicate.key] = position
                self.own.setdefault(position, []).append(choice)
            return implied
        index = self.asked = len(self.taken)
        self._positions[predicate.key] = index
        if is_own:
            self.own[index] = [choice]
        if chain is not None:
            self._chains[index] = chain[0]
        if index < len(self._forced):
            outcome = self._forced[index]
        elif chain is not None and self._forced and self._chains.get(len(self._forced) - 1) == chain[0]:
            outcome = chain[1]
        elif predicate.key in self._settled:
            outcome = self._settled[predicate.key]
        else:
            known = predicate.default if predicate.default is not None else preferred
            outcome = known if known is not None else True
        self._known[predicate.key] = outcome
        if predicate.subject is not None:
            self._note(predicate, predicate.subject, outcome)
            self._narrowing[predicate.subject] = index
        self.taken.append(_decision(predicate, outcome))
        return outcome

    def _note(self, predicate: Predicate, subject: str, outcome: bool) -> None:
        if predicate.order is not None:
            self._bounds.setdefault(subject, Bounds()).narrow(*predicate.order, outcome)
        elif predicate.has_constant:
            if outcome:
                self._constants[subject] = predicate.constant
        elif outcome:
            self._true.add(subject)
        else:
            self._false.add(subject)

    def _implied(self, predicate: Predicate) -> bool | None:
        subject = predicate.subject
        if subject is None:
            return None
        if predicate.order is not None:
            bounds = self._bounds_of(subject)
            return None if bounds is None else bounds.settles(*predicate.order)
        if subject in self._constants:
            settled = self._constants[subject]
            return settled == predicate.constant if predicate.has_constant else bool(settled)
        if subject in self._true and predicate.has_constant and not predicate.constant:
            return False
        if subject in self._bounds:
            return self._implied_by_bounds(self._bounds[subject], predicate)
        return None

    def _bounds_of(self, subject: str) -> Bounds | None:
        """The numbers that a symbol may be on this path; None where nothing is said, or it is no number."""
        settled = self._constants.get(subject, 0 if subject in self._false else None)
        if isinstance(settled, (int, float)):
            return Bounds(settled, settled)
        return None if subject in self._constants else self._bounds.get(subject)

    def _implied_by_bounds(self, bounds: Bounds, predicate: Predicate) -> bool | None:
        """What has been compared with a number is one, and true unless it is zero."""
        if not predicate.has_constant:
            is_zero = bounds.settles("==", 0)
            return None if is_zero is None else not is_zero
        if isinstance(predicate.constant, (int, float)):
            return bounds.settles("==", predicate.constant)
        return False


def _decision(predicate: Predicate, outcome: bool) -> Decision:
    constant = predicate.constant if predicate.has_constant else outcome
    if (
        predicate.subject is None
        or predicate.order is not None
        or isinstance(constant, (complex, bytes))
        or (predicate.has_constant and not outcome)
    ):
        return Decision(predicate.key, outcome, None, None)
    return Decision(predicate.key, outcome, predicate.argument, constant)


def _place(choice: Choice | None) -> int | None:
    """What tells a place at which a condition is asked from others."""
    return None if choice is None else id(choice.node)


def paths(
    run: Callable[[Decider], bool | None], matters: Callable[[Choice | None], bool], most: int = MOST_PATHS
) -> Iterator[bool]:
    """Run once for each path, the default one first, at most ``most`` times; yields whether paths are left to try.

    Each condition that the class's own code asks goes the other way on the path on which it is first met, and again
    where another path asks it for the first time at another place, if it matters there how it goes; all of them do on a
    path of which ``run`` says that it was not seen to its end. What other classes ask is asked again where they are
    looked at themselves. Of a path that ends in an error (``run`` returns None) nothing was seen: the condition that led
    there, or else the last in front of it, goes the other way for good, whoever asks it, and the others are looked at on
    the path that this leads to.
    """
    waiting: deque[tuple[tuple[bool, ...], int, bool]] = deque([((), 0, True)])
    tried = 0
    turned: set[tuple[str, int | None]] = set()
    settled: dict[str, bool] = {}
    while waiting and tried < most:
        forced, first, is_default = waiting.popleft()
        decider = Decider(forced, is_default, settled)
        tried += 1
        is_seen = run(decider)
        outcomes = [decision.outcome for decision in decider.taken]
        last = len(outcomes) - 1 if decider.blamed is None else decider.blamed
        if is_seen is None and last >= len(forced):
            settled[decider.taken[last].condition] = not outcomes[last]
            waiting.appendleft(((*outcomes[:last], not outcomes[last]), first, is_default))
            yield True
            continue
        for index in range(first, len(outcomes)):
            condition = decider.taken[index].condition
            if condition in settled:
                continue
            choices = {(condition, _place(choice)): choice for choice in decider.own.get(index, ())}
            new = choices.keys() - turned
            if new and (not is_seen or any(matters(choices[place]) for place in new)):
                turned |= new
                waiting.append(((*outcomes[:index], not outcomes[index]), index + 1, False))
        yield bool(waiting)

"""Which way a path goes at conditions that configuration decides, and which paths are tried."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from paramlint.interpret.slots import Decision
from paramlint.interpret.values import Plain, Predicate

MOST_PATHS = 16


class Decider:
    """Decides each condition once for a path: as forced, and else the default way first.

    ``taken`` lists the decisions in the order in which they were met, ``own`` the positions of those that the class's
    own code asks for.
    """

    def __init__(self, forced: tuple[bool, ...]) -> None:
        self._forced = forced
        self._known: dict[str, bool] = {}
        self._constants: dict[str, Plain] = {}
        self._true: set[str] = set()
        self.taken: list[Decision] = []
        self.own: set[int] = set()
        self._positions: dict[str, int] = {}

    @property
    def is_default(self) -> bool:
        """Whether nothing is forced: every condition goes the way that the defaults say, where they say one."""
        return not self._forced

    def has_decided(self, predicate: Predicate) -> bool:
        """Whether earlier decisions on this path settle the condition."""
        return predicate.key in self._known or self._implied(predicate) is not None

    def decide(self, predicate: Predicate, is_own: bool = True) -> bool:
        """Return how the condition (not negated) turns out on this path.

        Conditions on the same key agree; a symbol that equals one constant equals no other.
        """
        if predicate.key in self._known:
            if is_own and predicate.key in self._positions:
                self.own.add(self._positions[predicate.key])
            return self._known[predicate.key]
        implied = self._implied(predicate)
        if implied is not None:
            self._known[predicate.key] = implied
            return implied
        index = len(self.taken)
        self._positions[predicate.key] = index
        if is_own:
            self.own.add(index)
        if index < len(self._forced):
            outcome = self._forced[index]
        else:
            outcome = predicate.default if predicate.default is not None else True
        self._known[predicate.key] = outcome
        if outcome and predicate.subject is not None:
            if predicate.has_constant:
                self._constants[predicate.subject] = predicate.constant
            else:
                self._true.add(predicate.subject)
        self.taken.append(_decision(predicate, outcome))
        return outcome

    def _implied(self, predicate: Predicate) -> bool | None:
        subject = predicate.subject
        if subject is None:
            return None
        if subject in self._constants:
            settled = self._constants[subject]
            return settled == predicate.constant if predicate.has_constant else bool(settled)
        if subject in self._true and predicate.has_constant and not predicate.constant:
            return False
        return None


def _decision(predicate: Predicate, outcome: bool) -> Decision:
    constant = predicate.constant if predicate.has_constant else outcome
    if predicate.subject is None or isinstance(constant, (complex, bytes)) or (predicate.has_constant and not outcome):
        return Decision(predicate.key, outcome, None, None)
    return Decision(predicate.key, outcome, predicate.argument, constant)


def paths(run: Callable[[Decider], None], most: int = MOST_PATHS) -> Iterator[bool]:
    """Run once for each path, the default one first, at most ``most`` times; yields whether paths are left to try.

    Each condition that the class's own code asks goes the other way once, on the path on which it is first met; what
    other classes ask is asked again where they are looked at themselves.
    """
    waiting: deque[tuple[bool, ...]] = deque([()])
    tried = 0
    turned: set[str] = set()
    while waiting and tried < most:
        forced = waiting.popleft()
        decider = Decider(forced)
        tried += 1
        run(decider)
        outcomes = [decision.outcome for decision in decider.taken]
        for index in range(len(forced), len(outcomes)):
            condition = decider.taken[index].condition
            if index in decider.own and condition not in turned:
                turned.add(condition)
                waiting.append((*outcomes[:index], not outcomes[index]))
        yield bool(waiting)

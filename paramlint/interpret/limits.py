"""What ends a path, or a call on it, before its end."""

from __future__ import annotations


class PathEnds(Exception):
    """The path raises, so nothing that happens on it reaches a user."""


class IdleSpent(Exception):
    """A call that has nothing to do with tensors or modules has cost as much as it may; its result is unknown."""


class BudgetSpent(Exception):
    """The path has cost as much as it may; what it has not reached is unknown."""


class NotIdle(Exception):
    """A call that is followed on a machine of its own makes a part of a model: it is to be followed where it stands."""

"""What is told of a living model beside an observation: where classes stand, who made what, what was hidden on purpose."""

from __future__ import annotations

from typing import NamedTuple

from paramlint.model.observation import Place


class ClassSource(NamedTuple):
    """Where a Module class is defined: ``line`` is that of its ``class`` statement."""

    qualified_name: str
    path: str
    line: int


class Surroundings(NamedTuple):
    """``classes`` by dotted name with module; all paths are paths within the instance.

    ``made``: where a Module was constructed. ``single``: attributes that hold a list of exactly one Module or
    Parameter. ``detached``: plain tensors computed from Parameters of which none is registered. ``watched``: Modules
    whose building was watched.
    """

    classes: tuple[tuple[str, ClassSource], ...]
    made: tuple[tuple[str, Place], ...]
    single: tuple[str, ...]
    detached: tuple[str, ...]
    watched: tuple[str, ...]

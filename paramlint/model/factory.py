"""What the process that audits one model is asked, and what it answers: plain data that survives JSON."""

from __future__ import annotations

from typing import NamedTuple

from paramlint.model.observation import Observation
from paramlint.model.surroundings import Surroundings


class FactoryRequest(NamedTuple):
    """A model to be made by ``name`` (dotted, a function, class or Module) of ``module``, importable from ``paths``.

    ``inputs`` are Python expressions, each an argument of the model's call. ``memory`` in bytes.
    """

    module: str
    name: str
    paths: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    forward: bool = True
    memory: int = 4 * 2**30
    allow_network: bool = False


class FactoryAnswer(NamedTuple):
    """Either what was observed, or the reason why nothing was."""

    observation: Observation | None = None
    surroundings: Surroundings | None = None
    reason: str | None = None

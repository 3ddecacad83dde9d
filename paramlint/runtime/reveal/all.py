"""All that one observation reveals, as diagnostics in the order of their places."""

from __future__ import annotations

from paramlint.model.diagnostic import Diagnostic
from paramlint.model.observation import Observation
from paramlint.model.surroundings import Surroundings
from paramlint.runtime.reveal import initialisation, placement, registration
from paramlint.runtime.reveal.revelation import diagnostics


def revealed(observation: Observation, surroundings: Surroundings) -> list[Diagnostic]:
    """The diagnostics of a model of the user's; what is torch's own has no line of theirs."""
    revelations = [
        *registration.reveal(observation, surroundings),
        *placement.reveal(observation),
        *initialisation.reveal(observation, surroundings),
    ]
    own = [item for item in revelations if not item.owner_class.startswith("torch.") or item.place is not None]
    return sorted(diagnostics(own, observation, surroundings), key=_order)


def _order(diagnostic: Diagnostic) -> tuple[str, int, int, str, str]:
    return diagnostic.path, diagnostic.span.line, diagnostic.span.column, diagnostic.code, diagnostic.attribute or ""

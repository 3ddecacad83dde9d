"""All that one observation reveals, as diagnostics in the order of their places."""

from __future__ import annotations

from paramlint.model.diagnostic import Diagnostic
from paramlint.model.observation import Observation
from paramlint.model.surroundings import Surroundings
from paramlint.runtime.reveal import initialisation, placement, registration
from paramlint.runtime.reveal.revelation import diagnostics


def revealed(observation: Observation, surroundings: Surroundings) -> list[Diagnostic]:
    """The diagnostics of a model of the user's; what is torch's own has no line of theirs."""
    unregistered = list(registration.reveal(observation, surroundings))
    # What should be a Parameter would move as one: where it stays is no second fault.
    named = {(item.owner_class, item.attribute) for item in unregistered if item.attribute is not None}
    revelations = [
        *unregistered,
        *(item for item in placement.reveal(observation) if (item.owner_class, item.attribute) not in named),
        *initialisation.reveal(observation, surroundings),
    ]
    own = [item for item in revelations if not item.owner_class.startswith("torch.") or item.place is not None]
    return sorted(diagnostics(own, observation, surroundings), key=_order)


def _order(diagnostic: Diagnostic) -> tuple[str, int, int, str, str]:
    return diagnostic.path, diagnostic.span.line, diagnostic.span.column, diagnostic.code, diagnostic.attribute or ""

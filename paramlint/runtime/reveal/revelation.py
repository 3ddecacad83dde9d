"""What the runtime can say without a reading of the source, and how it becomes a diagnostic."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import NamedTuple

from paramlint.model.diagnostic import Diagnostic, Proof, Related, Severity, Verdict
from paramlint.model.observation import Observation, Place
from paramlint.model.surroundings import Surroundings
from paramlint.runtime.reveal.spans import statement_span


class Kind(NamedTuple):
    """A code with its name and severity. ``is_default``: reported unless other codes are asked for.

    One forward of a part may leave to the owner what the source shows to be read: PRM205 is on by default for source alone.
    """

    slug: str
    severity: Severity
    is_default: bool = True


# The codes of the catalogue that an observation alone can give. A test compares them with the rules that read source.
KINDS = MappingProxyType(
    {
        "PRM101": Kind("unregistered-tensor", Severity.WARNING),
        "PRM102": Kind("unregistered-weight", Severity.WARNING),
        "PRM103": Kind("detached-parameter", Severity.ERROR),
        "PRM104": Kind("parameter-in-container", Severity.WARNING),
        "PRM105": Kind("module-in-container", Severity.ERROR),
        "PRM106": Kind("parameter-as-buffer", Severity.WARNING),
        "PRM108": Kind("parameter-created-in-forward", Severity.ERROR),
        "PRM109": Kind("module-created-in-forward", Severity.ERROR),
        "PRM110": Kind("tensor-in-container", Severity.WARNING),
        "PRM111": Kind("state-in-helper-object", Severity.WARNING),
        "PRM204": Kind("gradient-cut", Severity.WARNING),
        "PRM205": Kind("unread-parameter", Severity.WARNING, is_default=False),
        "PRM301": Kind("uninitialised-parameter", Severity.ERROR),
        "PRM302": Kind("uninitialised-buffer", Severity.WARNING),
        "PRM504": Kind("buffer-persistence", Severity.INFO),
        "PRM601": Kind("parameter-without-optimiser", Severity.WARNING),
    }
)
ALL_CODES = frozenset(KINDS)
DEFAULT_CODES = frozenset(code for code, kind in KINDS.items() if kind.is_default)


class Revelation(NamedTuple):
    """One fact about an attribute of a class: ``place`` is the line to show, None where building was not watched.

    ``reason`` is set where the fact is not the whole finding, which is then *unconfirmed*.
    """

    code: str
    owner_class: str
    attribute: str | None
    place: Place | None
    message: str
    evidence: str
    related: tuple[tuple[Place, str], ...] = ()
    reason: str | None = None


def diagnostics(
    revelations: Iterable[Revelation], observation: Observation, surroundings: Surroundings
) -> list[Diagnostic]:
    """Revelations as diagnostics, one for each attribute of a class, however many of its instances show it."""
    found: dict[tuple[object, ...], Diagnostic] = {}
    for item in revelations:
        # Dotted names count through layers (layers.0.weight, layers.1.weight): there the line tells them apart.
        name = item.place if item.attribute is not None and "." in item.attribute else item.attribute
        key = item.code, item.owner_class, name
        if key not in found:
            found[key] = _diagnostic(item, observation, surroundings)
    return list(found.values())


def _diagnostic(item: Revelation, observation: Observation, surroundings: Surroundings) -> Diagnostic:
    source = dict(surroundings.classes).get(item.owner_class)
    place = item.place
    evidence = item.evidence
    if place is None and source is not None:
        place = Place(source.path, source.line, source.qualified_name)
        evidence += " (the line is that of the class: its building was not watched)"
    path, line = (place.path, place.line) if place is not None else (f"<{item.owner_class}>", 1)
    kind = KINDS[item.code]
    verdict = Verdict.CONFIRMED if item.reason is None else Verdict.UNCONFIRMED
    return Diagnostic(
        item.code,
        kind.slug,
        kind.severity,
        path,
        statement_span(path, line),
        source.qualified_name if source is not None else item.owner_class.rpartition(".")[2],
        item.attribute,
        item.message,
        tuple(
            Related(there.path, statement_span(there.path, there.line), text)
            for there, text in item.related
            if (there.path, there.line) != (path, line)
        ),
        proof=Proof(verdict, evidence, item.reason, observation.recipe),
    )

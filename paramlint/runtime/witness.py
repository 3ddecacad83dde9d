"""Findings of the source, judged by instances that were watched while the user's own code built and called them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from paramlint.facts.source import SourceError
from paramlint.model.diagnostic import Diagnostic, Proof, Verdict
from paramlint.model.observation import Observation
from paramlint.model.surroundings import ClassSource, Surroundings
from paramlint.project.classes import LinkedClass
from paramlint.project.definitions import ClassDefinition
from paramlint.project.project import Project
from paramlint.runtime.focus import instances
from paramlint.runtime.judge import judge
from paramlint.runtime.subjects import Subjects

ProjectFor = Callable[[Path], Project]

# What a call between construction and first use would take back: a running program is not watched there.
_TOLD_BY_CONSTRUCTION_ALONE = frozenset({"PRM303"})
_STRENGTH = (Verdict.CONFIRMED, Verdict.REFUTED, Verdict.UNCONFIRMED)


class Witness(NamedTuple):
    """One watched instance: what was observed of it, and what was known around it."""

    observation: Observation
    surroundings: Surroundings


class _Watched(NamedTuple):
    """A class that was watched: ``name`` is dotted, with its module."""

    name: str
    linked: LinkedClass


def files(witnesses: Iterable[Witness], project_for: ProjectFor) -> tuple[Path, ...]:
    """Return the files that define the watched classes and their bases, in their order."""
    found: dict[Path, None] = {}
    for watched in _watched(witnesses, project_for):
        for base in watched.linked.mro:
            if isinstance(base, ClassDefinition):
                found[base.module.path] = None
    return tuple(sorted(found))


def judged(
    diagnostics: Sequence[Diagnostic], witnesses: Sequence[Witness], project_for: ProjectFor
) -> Iterator[Diagnostic]:
    """Yield each finding that is about a class of which an instance was watched, with the strongest of its proofs.

    An heir's instance may replace what the finding speaks of: it can confirm and not refute. What a line of the class
    does is told where the instance's building was watched.
    """
    heirs: dict[ClassDefinition, list[_Watched]] = {}
    for watched in _watched(witnesses, project_for):
        for base in watched.linked.mro:
            if isinstance(base, ClassDefinition):
                heirs.setdefault(base, []).append(watched)
    by_project: dict[int, Subjects] = {}
    for diagnostic in diagnostics:
        project = project_for(Path(diagnostic.path))
        subjects = by_project.setdefault(id(project), Subjects(project))
        try:
            subject = subjects.of(diagnostic)
        except (SourceError, OSError):
            continue
        proofs = [
            _proof(diagnostic, seen, watched.linked.definition == subject, watched.name)
            for watched in (heirs.get(subject, ()) if subject is not None else ())
            for witness in witnesses
            for seen in _instances(witness, watched.name)
        ]
        if proofs:
            yield diagnostic._replace(proof=min(proofs, key=_weakness))


def joined(revealed: Iterable[Diagnostic], read: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return what was observed without the source and what the source says, of each fault the one that tells more.

    A confirmed finding of the source stands for the same observation, since it also shows where the fault bites. It
    gives way to an observation of another kind in the same place, as a finding that is not confirmed does to any.
    """
    observed = list(revealed)
    found = list(observed)
    for diagnostic in read:
        here = [item for item in observed if _is_same_place(item, diagnostic)]
        same = [item for item in here if item.code == diagnostic.code]
        if diagnostic.proof is not None and diagnostic.proof.verdict is Verdict.CONFIRMED:
            if not same and any(_family(item) == _family(diagnostic) for item in here):
                continue
            found = [item for item in found if item not in same]
        elif same or any(_is_same_attribute(item, diagnostic) for item in observed):
            continue
        found.append(diagnostic)
    return found


def strongest(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return each finding once, with the strongest of its verdicts: several processes may have watched its class."""
    found: dict[tuple[object, ...], Diagnostic] = {}
    for diagnostic in diagnostics:
        key = diagnostic.code, diagnostic.path, diagnostic.span, diagnostic.attribute
        if key not in found or _weakness(diagnostic.proof) < _weakness(found[key].proof):
            found[key] = diagnostic
    return list(found.values())


def _watched(witnesses: Iterable[Witness], project_for: ProjectFor) -> Iterator[_Watched]:
    sources = dict.fromkeys(entry for witness in witnesses for entry in witness.surroundings.classes)
    for name, source in sources:
        linked = _linked(source, project_for)
        if linked is not None:
            yield _Watched(name, linked)


def _linked(source: ClassSource, project_for: ProjectFor) -> LinkedClass | None:
    try:
        project = project_for(Path(source.path))
        classes = project.classes(project.module_at(Path(source.path)))
    except (SourceError, OSError):
        return None
    return next((item for item in classes if item.definition.qualified_name == source.qualified_name), None)


def _instances(witness: Witness, class_name: str) -> Iterator[Observation]:
    for seen in instances(witness.observation, class_name):
        if seen.within in witness.surroundings.watched:
            yield seen
        else:
            lacks = dict.fromkeys((*seen.lacks, "in-place writes", "unwritten memory"))
            yield seen._replace(lacks=tuple(lacks))


def _proof(diagnostic: Diagnostic, seen: Observation, is_exact: bool, class_name: str) -> Proof:
    proof = judge(diagnostic, seen)
    if proof.verdict is Verdict.REFUTED and not is_exact:
        reason = f"seen on an instance of {class_name.rpartition('.')[2]}, which may do it in its own way"
        return proof._replace(verdict=Verdict.UNCONFIRMED, reason=reason)
    if proof.verdict is Verdict.CONFIRMED and diagnostic.code in _TOLD_BY_CONSTRUCTION_ALONE:
        reason = "what is called between the constructor and the first forward was not watched"
        return proof._replace(verdict=Verdict.UNCONFIRMED, reason=reason)
    return proof


def _weakness(proof: Proof | None) -> int:
    return len(_STRENGTH) if proof is None else _STRENGTH.index(proof.verdict)


def _family(diagnostic: Diagnostic) -> str:
    """What a rule is about: registration (PRM1), initial values (PRM3) and so on."""
    return diagnostic.code[:4]


def _is_same_place(one: Diagnostic, other: Diagnostic) -> bool:
    return _is_same_attribute(one, other) or (one.path == other.path and one.span.line == other.span.line)


def _is_same_attribute(one: Diagnostic, other: Diagnostic) -> bool:
    return one.attribute is not None and (one.class_name, one.attribute) == (other.class_name, other.attribute)

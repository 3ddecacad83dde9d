"""Proving fixes: each file is written, its models are built again, and it is restored where they are not the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from paramlint.cli.runtime import runtime_settings
from paramlint.engine.analysis import Analyser
from paramlint.engine.check import Planner
from paramlint.engine.configuration import Configuration
from paramlint.engine.fixing import Change, Key, key_of
from paramlint.engine.repair import Fixer
from paramlint.engine.settings import Factory
from paramlint.facts.write import write_source
from paramlint.model.diagnostic import Diagnostic, Verdict
from paramlint.model.observation import ClassRequest, Observation, Scalar
from paramlint.project.definitions import ClassDefinition
from paramlint.project.project import Project
from paramlint.runtime.confirm import Observe, confirm
from paramlint.runtime.equivalence import (
    again,
    allowed,
    difference,
    difference_beside,
    has_new_values,
    raised_in_written,
)
from paramlint.runtime.settings import RuntimeSettings
from paramlint.runtime.subjects import Subjects

Progress = Callable[[int, int], None]

_MOST_ROUNDS = 4

# That an initialisation has no effect is told by the lines that write, which are others after the fix: that values
# are other than before tells that it has one, or that there are values now.
_TOLD_BY_LINE = frozenset({"PRM303", "PRM304", "PRM308", "PRM309"})

# What two builds are compared by; all else is observed of the fixed classes alone, to see whether the finding is gone.
_COMPARED = ("forward", "digests", "levelled")

_Class = tuple[str, str]
_Instance = tuple[str, str, tuple[tuple[str, Scalar], ...]]


class _Seen(NamedTuple):
    """What building showed: the findings with their proofs, and the observations by class and circumstances.

    ``dependents`` are the classes that derive from one or hold it, and were built with it.
    """

    proved: Mapping[tuple[str, Key], Diagnostic]
    observations: Mapping[_Instance, Observation]
    dependents: Mapping[_Class, tuple[_Class, ...]]


class Prover:
    """Writes changes that hold. This imports and runs the code that was fixed."""

    def __init__(self, configuration: Configuration, fixer: Fixer, progress: Progress, observe: Observe) -> None:
        self._configuration = configuration
        self._fixer = fixer
        self._progress = progress
        self._observe = observe
        self._planner = Planner(configuration)

    def write(self, changes: Sequence[Change]) -> list[Change]:
        """Write what of each change is proved and return it; the reason is with each fix that is not.

        Every file must be writable. Whatever happens, each file then holds a text that is proved or its old one.
        """
        done: dict[str, Change] = {change.before.path: change for change in changes if not change.applied}
        open_changes = [change for change in changes if change.applied]
        refused: dict[str, dict[Key, str]] = {}
        before = self._seen(open_changes)
        for _ in range(_MOST_ROUNDS):
            kept: set[str] = set()
            try:
                for change in open_changes:
                    write_source(change.after)
                after = self._seen(open_changes, before)
                for change in open_changes:
                    reasons = _reasons(change, open_changes, before, after)
                    refused.setdefault(change.before.path, {}).update(reasons)
                    if not reasons:
                        kept.add(change.before.path)
                        done[change.before.path] = change
            finally:
                for change in open_changes:
                    if change.before.path not in kept:
                        write_source(change.before)
            again = [
                self._fixer.fix(change.before, refused[change.before.path])
                for change in open_changes
                if change.before.path not in kept
            ]
            done.update((change.before.path, change) for change in again if not change.applied)
            open_changes = [change for change in again if change.applied]
            if not open_changes:
                break
        for change in open_changes:
            everything = {key_of(item): "it could not be proved in time" for item in change.applied}
            done[change.before.path] = self._fixer.fix(change.before, {**everything, **refused[change.before.path]})
        return [done[change.before.path] for change in changes]

    def _seen(self, changes: Sequence[Change], earlier: _Seen | None = None) -> _Seen:
        """Build the classes of the findings that were fixed, as their files are now; where it can, as it did earlier.

        With them those that derive from them or hold them.
        """
        groups: dict[tuple[RuntimeSettings, tuple[Factory, ...]], list[Diagnostic]] = {}
        for change in changes:
            settings = self._configuration.for_file(Path(change.before.path))
            runtime = runtime_settings(settings)._replace(digests=True)
            groups.setdefault((runtime, settings.factories), []).extend(
                item._replace(fix=None) for item in change.applied
            )
        touched = allowed(item for change in changes for item in change.applied).touched
        analyser = Analyser()
        observations: dict[_Instance, Observation] = {}
        dependents: dict[_Class, tuple[_Class, ...]] = {}

        def project_for(path: Path) -> Project:
            return analyser.project_for(self._planner.root(path), self._planner.environment(path))

        def beside(subjects: Subjects, subject: ClassDefinition) -> Sequence[ClassDefinition]:
            found = subjects.dependents(subject)
            if earlier is not None:
                # What was not built before has nothing to keep.
                found = tuple(item for item in found if _is_built(earlier.observations.get((*_named(item), ()))))
            dependents[_named(subject)] = tuple(map(_named, found))
            return found

        def observe(requests: Sequence[ClassRequest], settings: RuntimeSettings) -> Iterator[Observation]:
            requests = [request._replace(touched=touched) for request in requests]
            if earlier is None:
                requests = [request._replace(stages=_COMPARED) for request in requests]
            else:
                compared = {other for some in dependents.values() for other in some} - set(dependents)
                requests = [
                    again(request, earlier.observations.get(_instance(request)))._replace(
                        stages=_COMPARED if _instance(request)[:2] in compared else None
                    )
                    for request in requests
                ]
            for observation in self._observe(requests, settings):
                observations[observation.path, observation.class_name, observation.circumstances] = observation
                yield observation

        proved: dict[tuple[str, Key], Diagnostic] = {}
        for (runtime, factories), diagnostics in groups.items():
            named = {factory.class_name: factory.function for factory in factories}
            found = confirm(
                diagnostics,
                runtime,
                project_for,
                factories=named,
                progress=self._progress,
                observe=observe,
                beside=beside,
            )
            proved.update(((item.path, key_of(item)), item) for item in found)
        return _Seen(proved, observations, dependents)


def _named(definition: ClassDefinition) -> _Class:
    return str(definition.module.path), definition.qualified_name


def _instance(request: ClassRequest) -> _Instance:
    return request.path, request.qualified_name, request.circumstances


def _of(seen: _Seen, diagnostic: Diagnostic) -> Iterator[tuple[_Instance, Observation]]:
    """What was observed of the class of a finding."""
    subject = (diagnostic.path, diagnostic.class_name or "")
    yield from ((item, observation) for item, observation in seen.observations.items() if item[:2] == subject)


def _wanted(diagnostic: Diagnostic, before: _Seen, after: _Seen) -> list[_Instance]:
    """The instances of a finding's class on which its fix must hold: those built as it asks, where that can be.

    What it asks may be no more than a sign: True for a class that is given.
    """
    instances = [instance for instance, _ in _of(after, diagnostic)]
    exact = [instance for instance in instances if instance[2] == diagnostic.circumstances]
    if any(_is_built(seen.observations.get(instance)) for instance in exact for seen in (before, after)):
        return exact
    return [instance for instance in instances if _is_built(after.observations[instance])] or exact or instances


def _is_built(observation: Observation | None) -> bool:
    return observation is not None and observation.status == "built"


def _has_written(diagnostic: Diagnostic, line: str, change: Change) -> bool:
    """Whether a line comes from the fix of a finding, or from that of none alone."""
    writers = [
        key_of(item)
        for item in change.applied
        if item.fix is not None
        if any(edit.replacement.strip() and edit.replacement.strip() in line for edit in item.fix.edits)
    ]
    return not writers or key_of(diagnostic) in writers


def _reasons(change: Change, together: Sequence[Change], before: _Seen, after: _Seen) -> dict[Key, str]:
    """Why some fixes of a file are not proved, by their findings; ``together`` is all that was written with them.

    A class may hold what another file's fixes have changed. What forward may compute is its own fixes' to say.
    """
    own = allowed(change.applied)
    of_all = allowed(item for other in together for item in other.applied)
    with_others = of_all._replace(outputs=own.outputs)
    reasons: dict[Key, str] = {}
    for diagnostic in change.applied:
        proof = after.proved[diagnostic.path, key_of(diagnostic)].proof
        shows = proof is not None and proof.verdict is Verdict.CONFIRMED
        if shows and diagnostic.code in _TOLD_BY_LINE:
            shows = not any(
                has_new_values(before.observations.get(item), seen) for item, seen in _of(after, diagnostic)
            )
        if proof is not None and shows:
            reasons[key_of(diagnostic)] = f"the built model still shows the finding: {proof.evidence}"
            continue
        wanted = _wanted(diagnostic, before, after)
        reason = None if wanted else "no instance of its class was asked for"
        for instance in wanted:
            compared = before.observations.get(instance), after.observations[instance]
            reason = reason or (difference(*compared, own) and difference(*compared, with_others))
            line = raised_in_written(*compared, change.before.path, change.before.text, change.after.text)
            if line is not None and _has_written(diagnostic, line, change):
                reason = reason or f"forward raises in a line that it wrote: {line.strip()}"
        for other in after.dependents.get((diagnostic.path, diagnostic.class_name or ""), ()):
            seen_before, seen_after = (seen.observations.get((*other, ())) for seen in (before, after))
            reason = reason or difference_beside(seen_before, seen_after, of_all)
        if reason is not None:
            reasons[key_of(diagnostic)] = reason
    return reasons

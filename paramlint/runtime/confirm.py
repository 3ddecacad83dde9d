"""Stamping findings with verdicts: which instances are asked for, and which observation decides what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from paramlint.facts.source import SourceError
from paramlint.model.diagnostic import Diagnostic, Proof, Verdict
from paramlint.model.observation import ClassRequest, Observation, Scalar
from paramlint.project.definitions import ClassDefinition
from paramlint.project.project import Project
from paramlint.project.root import source_folders
from paramlint.runtime import parent
from paramlint.runtime.focus import focused
from paramlint.runtime.judge import judge, stages
from paramlint.runtime.recipes import RecipeFinder, factory_recipes
from paramlint.runtime.settings import RuntimeSettings
from paramlint.runtime.subjects import Subjects

Observe = Callable[[Sequence[ClassRequest], RuntimeSettings], Iterable[Observation]]
Progress = Callable[[int, int], None]
Beside = Callable[[Subjects, ClassDefinition], Iterable[ClassDefinition]]
Circumstances = tuple[tuple[str, Scalar], ...]

_MOST_SUBCLASSES = 3
_MOST_ROOTS = 3

# Findings about initial values: a framework may fill a part only where it is built inside its whole.
_FILLED_BY_ROOTS = frozenset({"PRM301", "PRM302"})

_NO_FACTORIES: Mapping[str, str] = MappingProxyType({})


class _Wanted(NamedTuple):
    """An instance to ask for."""

    definition: ClassDefinition
    circumstances: Circumstances


class _Case(NamedTuple):
    """A finding with the class whose instances it is about; ``subject`` is None where there is none, for ``reason``."""

    diagnostic: Diagnostic
    subject: ClassDefinition | None
    reason: str = ""


def confirm(
    diagnostics: Sequence[Diagnostic],
    settings: RuntimeSettings,
    project_for: Callable[[Path], Project],
    *,
    factories: Mapping[str, str] = _NO_FACTORIES,
    progress: Progress | None = None,
    observe: Observe = parent.observe,
    beside: Beside | None = None,
) -> list[Diagnostic]:
    """Build the classes that the findings speak of, and return the findings in their order, each with its proof.

    ``project_for`` gives the project of an absolute path. ``factories`` are the user's own ways to make instances, by
    the class's dotted name. ``progress`` is told how many instances were observed, and of how many. ``beside`` names
    classes to be observed together with one; no verdict rests on them. Nothing that user code does raises.
    """
    session = _Session(settings, factories, progress or (lambda done, total: None), observe)
    cases: list[_Case] = []
    others: list[_Wanted] = []
    for project, some in _by_project(diagnostics, project_for):
        subjects = Subjects(project)
        of_project = [_case(subjects, diagnostic) for diagnostic in some]
        wanted = list(dict.fromkeys(case.subject for case in of_project if case.subject is not None))
        extra = [other for subject in wanted for other in (beside(subjects, subject) if beside else ())]
        session.add_project(project, [*wanted, *extra])
        others += [_Wanted(other, ()) for other in extra]
        cases += of_project
    session.ask(
        [*(_of(case, item) for case in cases for item in _first_wanted(case)), *((item, "") for item in others)]
    )
    session.ask(_of(case, wanted) for case in cases for wanted in session.second_wanted(case))
    proofs = {case.diagnostic: session.proof(case) for case in cases}
    return [diagnostic._replace(proof=proofs[diagnostic]) for diagnostic in diagnostics]


def _by_project(
    diagnostics: Sequence[Diagnostic], project_for: Callable[[Path], Project]
) -> Iterator[tuple[Project, list[Diagnostic]]]:
    groups: dict[int, tuple[Project, list[Diagnostic]]] = {}
    for diagnostic in diagnostics:
        project = project_for(Path(diagnostic.path).absolute())
        groups.setdefault(id(project), (project, []))[1].append(diagnostic)
    yield from groups.values()


def _case(subjects: Subjects, diagnostic: Diagnostic) -> _Case:
    try:
        subject = subjects.of(diagnostic)
    except (SourceError, OSError) as error:
        return _Case(diagnostic, None, f"the file could not be read: {error}")
    if subject is not None:
        return _Case(diagnostic, subject)
    if diagnostic.class_name is None:
        return _Case(diagnostic, None, "the finding is in a function, and no class was found to call it")
    return _Case(diagnostic, None, f"the class {diagnostic.class_name} was not found again")


def _first_wanted(case: _Case) -> Iterator[_Wanted]:
    if case.subject is not None:
        yield _Wanted(case.subject, case.diagnostic.circumstances)
        if case.diagnostic.circumstances:
            yield _Wanted(case.subject, ())


def _of(case: _Case, wanted: _Wanted) -> tuple[_Wanted, str]:
    return wanted, case.diagnostic.code


class _Session:
    """What was asked and observed in one run."""

    def __init__(
        self, settings: RuntimeSettings, factories: Mapping[str, str], progress: Progress, observe: Observe
    ) -> None:
        self._settings = settings
        self._factories = factories
        self._progress = progress
        self._observe = observe
        self._observations: dict[_Wanted, Observation] = {}
        self._stages: dict[_Wanted, frozenset[str]] = {}
        self._finders: dict[ClassDefinition, tuple[Project, RecipeFinder, Subjects]] = {}
        self._done = 0
        self._total = 0

    def add_project(self, project: Project, definitions: Iterable[ClassDefinition]) -> None:
        """Make known which classes of a project will be asked for."""
        wanted = tuple(dict.fromkeys(definitions))
        if not wanted:
            return
        finder = RecipeFinder(project, wanted)
        subjects = Subjects(project)
        for definition in wanted:
            self._finders[definition] = (project, finder, subjects)

    def ask(self, wanted: Iterable[tuple[_Wanted, str]]) -> None:
        """Have each instance observed in what decides findings of the code beside it, unless it was already."""
        codes: dict[_Wanted, set[str]] = {}
        for item, code in wanted:
            codes.setdefault(item, set()).add(code)
        new = []
        for item, some in codes.items():
            asked, needed = self._stages.get(item), stages(some)
            if asked is None or not needed <= asked:
                self._stages[item] = needed | (asked or frozenset())
                new.append(item)
        if not new:
            return
        keys = {str(number): item for number, item in enumerate(new)}
        requests = [self._request(key, item) for key, item in keys.items()]
        self._total += len(requests)
        self._progress(self._done, self._total)
        for observation in self._observe(requests, self._settings):
            self._observations[keys[observation.key]] = observation
            self._done += 1
            self._progress(self._done, self._total)

    def second_wanted(self, case: _Case) -> Iterator[_Wanted]:
        """What else may decide a finding: subclasses of what cannot be built, and what contains a part."""
        subject = case.subject
        if subject is None:
            return
        project, finder, subjects = self._finders[subject]
        first = self._first_proof(case)
        if first.verdict is Verdict.UNCONFIRMED and not self._is_built(case):
            for subclass in subjects.subclasses(subject)[:_MOST_SUBCLASSES]:
                self._finders.setdefault(subclass, (project, finder, subjects))
                yield _Wanted(subclass, ())
        if first.verdict is Verdict.CONFIRMED and case.diagnostic.code in _FILLED_BY_ROOTS:
            for root in finder.containing(subject)[:_MOST_ROOTS]:
                self._finders.setdefault(root, (project, finder, subjects))
                yield _Wanted(root, ())

    def proof(self, case: _Case) -> Proof:
        """Return the verdict by all that was observed."""
        if case.subject is None:
            return Proof(Verdict.UNCONFIRMED, None, case.reason, None)
        proof = self._first_proof(case)
        _, finder, subjects = self._finders[case.subject]
        if proof.verdict is Verdict.UNCONFIRMED and not self._is_built(case):
            for subclass in subjects.subclasses(case.subject)[:_MOST_SUBCLASSES]:
                observation = self._observations.get(_Wanted(subclass, ()))
                if observation is not None and observation.status == "built":
                    # A subclass may replace what the finding speaks of: it can only confirm.
                    other = judge(case.diagnostic, observation)
                    if other.verdict is Verdict.CONFIRMED:
                        return other
        if proof.verdict is Verdict.CONFIRMED and case.diagnostic.code in _FILLED_BY_ROOTS:
            roots = finder.containing(case.subject)[:_MOST_ROOTS]
            return self._proof_inside(case.diagnostic, case.subject, roots, proof)
        return proof

    def _proof_inside(
        self, diagnostic: Diagnostic, subject: ClassDefinition, roots: Sequence[ClassDefinition], alone: Proof
    ) -> Proof:
        """Decide on a part by the wholes that were built: one that fills it takes back what was seen of it alone."""
        for root in roots:
            observation = self._observations.get(_Wanted(root, ()))
            inside = focused(observation, subject.full_name) if observation is not None else None
            if inside is None:
                continue
            proof = judge(diagnostic, inside)
            if proof.verdict is Verdict.CONFIRMED:
                return proof
            return Proof(
                Verdict.UNCONFIRMED, alone.evidence, f"built inside {root.node.name}, it is written", proof.recipe
            )
        return alone

    def _first_proof(self, case: _Case) -> Proof:
        proofs = [
            judge(case.diagnostic, self._observations[wanted])
            for wanted in _first_wanted(case)
            if wanted in self._observations
        ]
        if not proofs:
            return judge(case.diagnostic, None)
        order = (Verdict.CONFIRMED, Verdict.REFUTED, Verdict.UNCONFIRMED)
        return min(proofs, key=lambda proof: order.index(proof.verdict))

    def _is_built(self, case: _Case) -> bool:
        return any(
            self._observations[wanted].status == "built"
            for wanted in _first_wanted(case)
            if wanted in self._observations
        )

    def _request(self, key: str, wanted: _Wanted) -> ClassRequest:
        definition = wanted.definition
        project, finder, _ = self._finders[definition]
        found = finder.recipes(definition)
        module = definition.module
        steps = len(module.name.split(".")) - (0 if module.is_package else 1)
        return ClassRequest(
            key=key,
            path=str(module.path),
            root=str(module.path.parents[steps]),
            module=module.name,
            qualified_name=definition.qualified_name,
            circumstances=wanted.circumstances,
            stages=tuple(sorted(self._stages[wanted])),
            recipes=(*factory_recipes(project, definition, self._factories), *found.builds),
            input_recipes=found.inputs,
            extra_paths=tuple(dict.fromkeys(map(str, (*source_folders(project.root), project.root)))),
        )

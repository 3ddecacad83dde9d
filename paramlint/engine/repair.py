"""A whole run of fixes: which files are fixed, with what lint, and whether other files stay as silent as they were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

from paramlint.engine.analysis import Analyser, Batch, Given
from paramlint.engine.check import Planner
from paramlint.engine.configuration import Configuration
from paramlint.engine.fixing import Change, Key, Withheld, fix_source, is_applicable, key_of
from paramlint.engine.outcome import FileError, Report
from paramlint.facts.source import Source, SourceError, read_source
from paramlint.model.diagnostic import Diagnostic

Recheck: TypeAlias = Callable[[Mapping[Path, Given]], Report]


class Fixed(NamedTuple):
    """What fixes made of the files of a report; nothing is written yet. ``errors`` tell of files that cannot be."""

    changes: tuple[Change, ...]
    errors: tuple[FileError, ...]

    @property
    def withheld(self) -> tuple[Withheld, ...]:
        return tuple(item for change in self.changes for item in change.withheld)


class Fixer:
    """Fixes file after file, each linted in memory among the files that are on disk."""

    def __init__(self, configuration: Configuration, with_unsafe: bool) -> None:
        self._planner = Planner(configuration)
        self._fast_path = configuration.for_folder(Path.cwd()).fast_path
        self._with_unsafe = with_unsafe

    def fix(self, source: Source, refused: Mapping[Key, str] | None = None) -> Change:
        """Return what fixes make of a source; ``refused`` are not to be tried, for the reason given."""
        return fix_source(source, self._lint, self._with_unsafe, refused)

    def has_work(self, diagnostics: Sequence[Diagnostic]) -> bool:
        """Whether any finding has a fix that may be applied, or a reason why it has none."""
        return any(
            item.fix is not None and (not item.fix.edits or is_applicable(item.fix, self._with_unsafe))
            for item in diagnostics
        )

    def _lint(self, source: Source) -> Sequence[Diagnostic]:
        path = Path(source.path)
        batch = Batch(
            self._planner.root(path),
            self._planner.environment(path),
            (self._planner.task(path),),
            frozenset({path}),
        )
        # What an analyser has read of the project may rest on the file as it was: each text gets a new one.
        (result,) = Analyser(self._fast_path)(batch, {path: Given(source)})
        if result.error is not None:
            raise SourceError(result.error.path, result.error.line or 1, result.error.message)
        return result.diagnostics


def fix_report(report: Report, fixer: Fixer, recheck: Recheck) -> Fixed:
    """Fix the files of a report in memory.

    ``recheck`` lints everything again with some texts in the place of files. A change that would make another file
    speak is withheld as a whole.
    """
    by_path: dict[str, list[Diagnostic]] = {}
    for diagnostic in report.diagnostics:
        by_path.setdefault(diagnostic.path, []).append(diagnostic)
    changes: list[Change] = []
    errors: list[FileError] = []
    for path, diagnostics in by_path.items():
        if fixer.has_work(diagnostics):
            try:
                changes.append(fixer.fix(read_source(path)))
            except SourceError as error:
                errors.append(FileError(error.path, error.line, error.message))
    return Fixed(tuple(_harmless(changes, report, recheck)), tuple(errors))


def given_texts(changes: Sequence[Change]) -> dict[Path, Given]:
    """The changed texts, to be linted in the place of their files."""
    return {Path(change.after.path): Given(change.after) for change in changes if change.applied}


def _harmless(changes: list[Change], report: Report, recheck: Recheck) -> list[Change]:
    """The changes after which no file beside them says more than it did."""
    changed = [change for change in changes if change.applied]
    if not changed or not _new_elsewhere(changed, report, recheck):
        return changes
    kept: list[Change] = []
    for change in changes:
        if change.applied and (
            new := _new_elsewhere([*(item for item in kept if item.applied), change], report, recheck)
        ):
            kept.append(_undone(change, f"it would bring {new[0].code} in {new[0].path}: {new[0].message}"))
        else:
            kept.append(change)
    return kept


def _new_elsewhere(changes: Sequence[Change], report: Report, recheck: Recheck) -> list[Diagnostic]:
    paths = {change.before.path for change in changes}
    before = Counter((item.path, key_of(item)) for item in report.diagnostics)
    after = recheck(given_texts(changes)).diagnostics
    counts = Counter((item.path, key_of(item)) for item in after)
    return [
        item
        for item in after
        if item.path not in paths and counts[item.path, key_of(item)] > before[item.path, key_of(item)]
    ]


def _undone(change: Change, reason: str) -> Change:
    withheld = (*change.withheld, *(Withheld(item, reason) for item in change.applied))
    return Change(change.before, change.before, (), withheld, change.remaining)

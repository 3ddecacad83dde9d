"""``paramlint check --fix`` and ``--diff``: what is written, what is shown, and what is said of the rest."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from paramlint.cli.progress import Progress
from paramlint.engine.analysis import Given
from paramlint.engine.configuration import Configuration
from paramlint.engine.fixing import Change, key_of
from paramlint.engine.outcome import FileError, Report
from paramlint.engine.repair import Fixed, Fixer, fix_report
from paramlint.facts.source import SourceError
from paramlint.facts.write import check_writable, encoded, write_source
from paramlint.report.summary import place
from paramlint.report.view import View

if TYPE_CHECKING:
    from paramlint.runtime.confirm import Observe

Recheck = Callable[[Mapping[Path, Given]], Report]


def show(report: Report, configuration: Configuration, arguments: argparse.Namespace, recheck: Recheck) -> int:
    """Print what fixes would change, write nothing, and return the exit code: 1 where they would change something."""
    fixed = fix_report(report, Fixer(configuration, arguments.unsafe_fixes), recheck)
    for change in fixed.changes:
        for line in _difference(change):
            print(line)
    errors = (*report.errors, *fixed.errors)
    _tell([*fixed.changes], errors, "would fix")
    if errors:
        return 2
    return int(any(change.applied for change in fixed.changes))


def apply(
    report: Report,
    configuration: Configuration,
    arguments: argparse.Namespace,
    recheck: Recheck,
    observe: Observe | None,
) -> tuple[Report, int]:
    """Write what can be fixed, and return the report of what remains and how many findings were fixed.

    ``observe`` is what builds models where each fix is to be proved, None where none is. A fix that was withheld is no longer one: its finding comes without it.
    """
    fixer = Fixer(configuration, arguments.unsafe_fixes)
    fixed = fix_report(report, fixer, recheck)
    errors: list[FileError] = list(fixed.errors)
    changes = list(_written(fixed, errors, configuration, fixer, observe))
    remaining = recheck({}) if any(change.applied for change in changes) else report
    _tell(changes, errors, "fixed")
    failed = {(change.before.path, key_of(item.diagnostic)) for change in changes for item in change.withheld}
    diagnostics = tuple(
        item._replace(fix=None) if (item.path, key_of(item)) in failed else item for item in remaining.diagnostics
    )
    left = remaining._replace(diagnostics=diagnostics, errors=(*remaining.errors, *errors))
    return left, sum(len(change.applied) for change in changes)


def _written(
    fixed: Fixed, errors: list[FileError], configuration: Configuration, fixer: Fixer, observe: Observe | None
) -> Iterator[Change]:
    """Write the changes and yield what became of each."""
    ready: list[Change] = []
    for change in fixed.changes:
        problem = _problem(change) if change.applied else None
        if problem is None:
            ready.append(change)
        else:
            errors.append(problem)
    if observe is not None and any(change.applied for change in ready):
        from paramlint.cli.proof import Prover

        with Progress("models") as progress:
            yield from Prover(configuration, fixer, progress, observe).write(ready)
        return
    for change in ready:
        if change.applied:
            write_source(change.after)
        yield change


def _problem(change: Change) -> FileError | None:
    """Why a change cannot be written."""
    try:
        check_writable(change.before.path)
        encoded(change.after)
    except SourceError as error:
        return FileError(error.path, error.line, error.message)
    return None


def _difference(change: Change) -> Iterator[str]:
    path = _view().path(change.before.path)
    before, after = (source.text.splitlines(keepends=True) for source in (change.before, change.after))
    for line in difflib.unified_diff(before, after, path, path):
        yield line.rstrip("\r\n")
        if not line.endswith(("\n", "\r")):
            yield "\\ No newline at end of file"


def _tell(changes: Sequence[Change], errors: Sequence[FileError], verb: str) -> None:
    """Say on standard error what was done, and why some fixes were not applied."""
    view = _view()
    withheld = [item for change in changes for item in change.withheld]
    for item in withheld:
        where = f"{place(item.diagnostic, view)}: {item.diagnostic.code}"
        print(f"paramlint: {where} is not fixed: {item.reason}", file=sys.stderr)
    for error in errors:
        print(f"paramlint: error: {view.path(error.path)}: {error.message}", file=sys.stderr)
    count, files = sum(len(item.applied) for item in changes), sum(bool(item.applied) for item in changes)
    findings = f"{count} finding{'' if count == 1 else 's'} in {files} file{'' if files == 1 else 's'}"
    print(f"paramlint: {verb} {findings}" + (f", {len(withheld)} withheld" if withheld else ""), file=sys.stderr)


def _view() -> View:
    return View(folder=Path.cwd())

"""What the source says of the classes that were watched: they are linted, and each finding is judged by what was seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from paramlint.engine.analysis import Analyser
from paramlint.engine.check import Planner, check
from paramlint.engine.configuration import Configuration, ConfigurationError
from paramlint.engine.selection import SelectionLayer
from paramlint.engine.settings import CACHE_FOLDER, Overrides
from paramlint.model.diagnostic import Diagnostic
from paramlint.project.project import Project
from paramlint.project.root import find_root
from paramlint.rules import ALL_RULES
from paramlint.runtime.witness import Witness, files, judged


class Read(NamedTuple):
    """Findings of the source with their proofs, and why something could not be read."""

    findings: tuple[Diagnostic, ...] = ()
    notes: tuple[str, ...] = ()


def read(
    witnesses: Sequence[Witness],
    has_file: Callable[[str], bool],
    codes: Sequence[str] | None = None,
    python: str | None = None,
) -> Read:
    """Lint the files in scope that define the watched classes, as ``paramlint check`` would, and judge the findings.

    ``codes`` are the codes that were asked for (those that read no source are left out), None for what the
    configuration of each file says; ``python`` is the interpreter whose packages are read.
    """
    select = None if codes is None else _rules_among(codes)
    if not witnesses or select == ():
        return Read()
    configuration = Configuration(Overrides(SelectionLayer(select), python=python))
    try:
        planner = Planner(configuration)
        analyser = Analyser()

        def project_for(path: Path) -> Project:
            return analyser.project_for(planner.root(path), planner.environment(path))

        wanted = [path for path in files(witnesses, project_for) if has_file(str(path))]
        if not wanted:
            return Read()
        settings = configuration.for_folder(Path.cwd())
        cache = (settings.cache_dir or find_root(Path.cwd()) / CACHE_FOLDER) if settings.uses_cache else None
        report = check(wanted, configuration, jobs=1, cache_folder=cache)
    except ConfigurationError as error:
        return Read(notes=(f"the source was not read: {error}",))
    findings = [item for item in report.diagnostics if has_file(item.path)]
    return Read(
        tuple(judged(findings, witnesses, project_for)),
        tuple(f"{error.path} was not read: {error.message}" for error in report.errors),
    )


def _rules_among(codes: Sequence[str]) -> tuple[str, ...]:
    known = {rule.code for rule in ALL_RULES}
    return ("ALL",) if "ALL" in codes else tuple(code for code in codes if code in known)

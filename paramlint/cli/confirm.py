"""Handing a report's findings to the runtime, under the settings of the files they stand in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from paramlint.cli.runtime import runtime_settings
from paramlint.engine.analysis import Analyser
from paramlint.engine.check import Planner
from paramlint.engine.configuration import Configuration
from paramlint.engine.outcome import Report
from paramlint.engine.settings import Factory
from paramlint.model.diagnostic import Diagnostic, Verdict
from paramlint.project.project import Project
from paramlint.runtime.confirm import Observe, confirm
from paramlint.runtime.settings import RuntimeSettings


def confirmed(
    report: Report, configuration: Configuration, progress: Callable[[int, int], None], observe: Observe
) -> Report:
    """Return the report with a verdict on each finding. This imports and runs the code that was linted.

    What a rule says that is off in its file is left out unless it is confirmed.

    One run of the runtime serves all files whose settings agree on how models are built.
    """
    groups: dict[tuple[RuntimeSettings, tuple[Factory, ...]], list[Diagnostic]] = defaultdict(list)
    for diagnostic in report.diagnostics:
        settings = configuration.for_file(Path(diagnostic.path))
        groups[runtime_settings(settings), settings.factories].append(diagnostic)
    planner = Planner(configuration)
    analyser = Analyser()

    def project_for(path: Path) -> Project:
        return analyser.project_for(planner.root(path), planner.environment(path))

    proofs: dict[Diagnostic, Diagnostic] = {}
    for (runtime, factories), diagnostics in groups.items():
        named = {factory.class_name: factory.function for factory in factories}
        proved = confirm(diagnostics, runtime, project_for, factories=named, progress=progress, observe=observe)
        proofs.update(zip(diagnostics, proved, strict=True))
    shown = [proofs[found] for found in report.diagnostics if _is_shown(proofs[found], planner.codes(Path(found.path)))]
    return report._replace(diagnostics=tuple(shown))


def _is_shown(proved: Diagnostic, codes: frozenset[str]) -> bool:
    return proved.code in codes or (proved.proof is not None and proved.proof.verdict is Verdict.CONFIRMED)

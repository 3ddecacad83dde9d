"""``paramlint check``: settings from the command line, a run, a report, an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from paramlint.cli.progress import Progress
from paramlint.engine.configuration import Configuration, ConfigurationError
from paramlint.engine.outcome import FileError, Report
from paramlint.engine.selection import SelectionLayer
from paramlint.engine.settings import CACHE_FOLDER, Overrides, Settings
from paramlint.facts.source import SourceError, decode_source
from paramlint.project.root import find_root
from paramlint.report.view import Lines, view_on

if TYPE_CHECKING:
    from paramlint.engine.analysis import Given
    from paramlint.runtime.confirm import Observe

STANDARD_INPUT = "-"
_NAMELESS = "<stdin>"


class UsageError(Exception):
    """Arguments that do not go together."""


def run(arguments: argparse.Namespace) -> int:
    """Lint what the arguments name, write the report to standard output, and return the exit code."""
    try:
        return _run(arguments)
    except (ConfigurationError, UsageError) as error:
        print(f"paramlint: error: {error}", file=sys.stderr)
        return 2


def _run(arguments: argparse.Namespace) -> int:
    configuration = Configuration(_overrides(arguments), arguments.config, arguments.isolated)
    settings = configuration.for_folder(Path.cwd())
    _require_device(arguments, settings)
    paths, given, errors = _what(arguments)
    if not arguments.confirm:
        return _report(arguments, configuration, settings, paths, given, errors, None)
    from paramlint.cli.termination import EXIT_CODE, Terminated, terminable

    try:
        with terminable(), _observe(settings) as observe:
            return _report(arguments, configuration, settings, paths, given, errors, observe)
    except Terminated:
        print("paramlint: terminated", file=sys.stderr)
        return EXIT_CODE


@contextmanager
def _observe(settings: Settings) -> Iterator[Observe]:
    """What observes models: it imports torch while the source is still read."""
    from paramlint.cli.runtime import runtime_settings
    from paramlint.runtime.parent import Workers

    with Workers() as workers:
        workers.expect(runtime_settings(settings), find_root(Path.cwd()))
        yield workers.observe


def _report(
    arguments: argparse.Namespace,
    configuration: Configuration,
    settings: Settings,
    paths: Sequence[Path],
    given: Mapping[Path, Given],
    errors: Sequence[FileError],
    observe: Observe | None,
) -> int:
    # Loaded only now, while the worker of --confirm imports torch.
    from paramlint.engine.check import check

    with Progress("files") as progress:
        report = check(
            paths,
            configuration,
            given=given,
            jobs=settings.jobs,
            progress=progress,
            cache_folder=_cache_folder(settings),
            proving=observe is not None and not _wants_fixes(arguments),
        )
    report = report._replace(errors=(*errors, *report.errors))
    fixed = 0
    if _wants_fixes(arguments):
        from paramlint.cli import fix

        def recheck(texts: Mapping[Path, Given]) -> Report:
            return check(paths, configuration, given=texts, jobs=settings.jobs)

        if arguments.diff:
            return fix.show(report, configuration, arguments, recheck)
        report, fixed = fix.apply(report, configuration, arguments, recheck, observe)
    if observe is not None:
        from paramlint.cli.confirm import confirmed

        with Progress("models") as progress:
            report = confirmed(report, configuration, progress, observe)
    texts = {str(path): source.source.text for path, source in given.items()}
    for line in _rendered(report, settings, Lines(texts), arguments.statistics):
        print(line)
    if not (report.files or report.errors):
        print("paramlint: warning: no Python files under the paths given", file=sys.stderr)
    code = report.exit_code
    if fixed and arguments.exit_non_zero_on_fix:
        code = max(code, 1)
    return 0 if arguments.exit_zero and code == 1 else code


def _wants_fixes(arguments: argparse.Namespace) -> bool:
    return bool(arguments.fix or arguments.unsafe_fixes or arguments.diff)


def _require_device(arguments: argparse.Namespace, settings: Settings) -> None:
    """Raise UsageError where models are to be moved to a device that is not there: a verdict would rest on nothing."""
    if arguments.device is None:
        return
    if not arguments.confirm:
        raise UsageError("--device is where --confirm moves models: give --confirm too")
    from paramlint.cli.runtime import runtime_settings
    from paramlint.runtime.parent import missing_device

    reason = missing_device(runtime_settings(settings), find_root(Path.cwd()))
    if reason is not None:
        raise UsageError(f"--device {arguments.device}: {reason}")


def _cache_folder(settings: Settings) -> Path | None:
    if not settings.uses_cache:
        return None
    return settings.cache_dir or find_root(Path.cwd()) / CACHE_FOLDER


def _overrides(arguments: argparse.Namespace) -> Overrides:
    return Overrides(
        selection=SelectionLayer(
            select=_flat(arguments.select) if arguments.select else None,
            extend_select=_flat(arguments.extend_select),
            ignore=_flat(arguments.ignore),
        ),
        exclude=_flat(arguments.exclude) if arguments.exclude else None,
        extend_exclude=_flat(arguments.extend_exclude),
        respect_gitignore=arguments.respect_gitignore,
        force_exclude=arguments.force_exclude,
        output_format=arguments.output_format,
        jobs=arguments.jobs,
        python=_absolute(arguments.python),
        timeout=arguments.timeout,
        memory_limit=arguments.memory_limit,
        allow_network=arguments.allow_network,
        device=arguments.device,
        fast_path=arguments.fast_path,
        cache_dir=arguments.cache_dir and Path(os.path.abspath(arguments.cache_dir)),
        uses_cache=arguments.uses_cache,
    )


def _flat(lists: Sequence[Sequence[str]] | None) -> tuple[str, ...]:
    return tuple(name for names in lists or () for name in names)


def _absolute(python: str | None) -> str | None:
    """A path on the command line starts from the working directory; a bare command name stays one."""
    if python is None or ("/" not in python and os.sep not in python):
        return python
    return os.path.abspath(os.path.expanduser(python))


def _what(arguments: argparse.Namespace) -> tuple[list[Path], Mapping[Path, Given], list[FileError]]:
    """Return the paths named, what comes from standard input, and why it could not be read."""
    paths = [Path(path) for path in arguments.paths if path != STANDARD_INPUT]
    if STANDARD_INPUT not in arguments.paths:
        if arguments.stdin_filename:
            raise UsageError("--stdin-filename is for standard input: name - as a path")
        return paths or [Path()], {}, []
    if _wants_fixes(arguments):
        raise UsageError("fixes are for files: standard input has none to write to")
    if arguments.confirm:
        raise UsageError("--confirm imports files: it cannot import standard input")
    from paramlint.engine.analysis import Given

    path = Path(os.path.abspath(arguments.stdin_filename or _NAMELESS))
    try:
        source = decode_source(str(path), sys.stdin.buffer.read())
    except SourceError as error:
        return paths, {}, [FileError(error.path, error.line, error.message)]
    return paths, {path: Given(source)}, []


def _rendered(report: Report, settings: Settings, lines: Lines, with_statistics: bool) -> Iterator[str]:
    """Yield the report's lines; only the format that is asked for is imported."""
    view = view_on(sys.stdout)
    match settings.output_format:
        case "json":
            from paramlint.report import json

            yield from json.render(report, view)
            return
        case "github":
            from paramlint.report import github

            yield from github.render(report, view)
            return
        case "concise":
            from paramlint.report import concise

            yield from concise.render(report, view)
        case _:
            from paramlint.report import text

            yield from text.render(report, view, lines)
    if with_statistics:
        from paramlint.report.summary import statistics

        yield from statistics(report)

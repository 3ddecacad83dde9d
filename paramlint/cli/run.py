"""``paramlint run``: a script is run as Python would run it, and what it builds and trains is audited on the way."""

from __future__ import annotations

import argparse
import builtins
import os
import runpy
import sys
import traceback
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TextIO

from paramlint.auditing.result import not_silenced
from paramlint.engine.outcome import Report, place_order
from paramlint.project.root import find_root
from paramlint.report.view import Lines, view_on

_INTERRUPTED = 130
_WRONG_USAGE = 2
_FOUND = 1


def run(arguments: argparse.Namespace) -> int:
    """Run the script or module, write the report, and return the exit code: the script's own unless that is 0."""
    if not arguments.module and not Path(arguments.target).is_file():
        print(f"paramlint: error: no such file: {arguments.target}", file=sys.stderr)
        return _WRONG_USAGE
    if find_spec("torch") is None:
        print(f"paramlint: error: torch is not installed in {sys.executable}", file=sys.stderr)
        return _WRONG_USAGE
    from paramlint.auditing.source import read
    from paramlint.runtime.live.scope import Scope
    from paramlint.runtime.live.session import Session
    from paramlint.runtime.live.training import Training
    from paramlint.runtime.reveal.revelation import ALL_CODES, DEFAULT_CODES
    from paramlint.runtime.witness import joined

    folder = Path.cwd() if arguments.module else Path(arguments.target).resolve().parent
    root = find_root(folder)
    training = Training()
    session = Session(Scope(root, arguments.package), training)
    start = Path.cwd()
    work = _module if arguments.module else _script
    with session.watching(), training.following(session):
        code = _exit_code(lambda: work(arguments.target, list(arguments.arguments)))
        training.conclude(arguments.steps)
    os.chdir(start)
    chosen = arguments.select.split(",") if arguments.select else None
    codes = DEFAULT_CODES | {"PRM205"} if chosen is None else ALL_CODES if "ALL" in chosen else frozenset(chosen)
    told = read(session.witnesses, session.scope.has_file, chosen, sys.executable)
    session.notes += told.notes
    findings = sorted(
        joined(
            not_silenced(list(session.findings.values()), codes),
            [item for item in told.findings if not session.is_excused(item)],
        ),
        key=place_order,
    )
    report = Report(tuple(findings), (), len({item.path for item in findings}) or 1)
    if arguments.output is not None:
        with open(arguments.output, "w", encoding="utf-8") as file:
            _write(report, session.notes, arguments.output_format, file)
    else:
        sys.stdout.flush()
        _write(report, session.notes, arguments.output_format, sys.stderr)
    if code == 0 and report.exit_code and not arguments.exit_zero:
        return _FOUND
    return code


def _script(path: str, arguments: list[str]) -> None:
    """Execute a file as ``python path`` would."""
    # Since Python 3.9 the file of __main__ is absolute, and its first argument as it was given.
    full = os.path.abspath(path)
    with open(full, "rb") as file:
        code = compile(file.read(), full, "exec", dont_inherit=True)
    main = ModuleType("__main__")
    main.__dict__.update(__file__=full, __builtins__=builtins, __spec__=None, __cached__=None)
    sys.modules["__main__"] = main
    sys.argv[:] = [path, *arguments]
    sys.path[0] = os.path.dirname(os.path.realpath(path))
    exec(code, main.__dict__)


def _module(name: str, arguments: list[str]) -> None:
    """Execute a module or package as ``python -m name`` would."""
    sys.argv[:] = [name, *arguments]
    sys.path[0] = os.getcwd()
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _exit_code(work: Callable[[], None]) -> int:
    """Do the work and return the exit code with which Python would end; a traceback is printed as Python prints it."""
    try:
        work()
    except SystemExit as error:
        if error.code is None:
            return 0
        if isinstance(error.code, int):
            return error.code
        print(error.code, file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        _print(error)
        return _INTERRUPTED
    except BaseException as error:
        _print(error)
        return 1
    return 0


def _print(error: BaseException) -> None:
    """Print a traceback that begins in the user's code."""
    own = (os.path.dirname(os.path.dirname(os.path.abspath(__file__))), os.path.dirname(runpy.__file__) + "/runpy.py")
    start: TracebackType | None = error.__traceback__
    while start is not None and start.tb_frame.f_code.co_filename.startswith((*own, "<frozen runpy>")):
        start = start.tb_next
    traceback.print_exception(type(error), error, start)


def _write(report: Report, notes: list[str], output_format: str, stream: TextIO) -> None:
    for line in _rendered(report, output_format, stream):
        print(line, file=stream)
    if output_format in ("text", "concise"):
        for note in dict.fromkeys(notes):
            print(f"note: {note}", file=stream)


def _rendered(report: Report, output_format: str, stream: TextIO) -> Iterator[str]:
    view = view_on(stream)
    match output_format:
        case "json":
            from paramlint.report import json

            yield from json.render(report, view)
        case "github":
            from paramlint.report import github

            yield from github.render(report, view)
        case "concise":
            from paramlint.report import concise

            yield from concise.render(report, view)
        case _:
            from paramlint.report import text

            yield from text.render(report, view, Lines({}))

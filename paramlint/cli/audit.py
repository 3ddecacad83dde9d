"""``paramlint audit``: a model is made by the user's function in another process, and what it holds is reported."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from paramlint.auditing.result import Audit, audit_of
from paramlint.auditing.source import read
from paramlint.model.factory import FactoryRequest
from paramlint.project.root import find_root, source_folders
from paramlint.report.excerpt import printable
from paramlint.report.tables import Table, text_lines
from paramlint.report.view import Lines, view_on
from paramlint.runtime.factory import observe_factory
from paramlint.runtime.live.scope import Scope
from paramlint.runtime.reveal.revelation import ALL_CODES, DEFAULT_CODES
from paramlint.runtime.settings import RuntimeSettings
from paramlint.runtime.witness import Witness

_WRONG = 2
_IMPORT_SECONDS = 120.0


def run(arguments: argparse.Namespace) -> int:
    """Audit the model that the arguments name, write the report to standard output, and return the exit code."""
    module, colon, name = arguments.factory.partition(":")
    if not (module and colon and name):
        return _error(f"{arguments.factory!r} names no model: give MODULE:NAME, such as pkg.models:make_net")
    if module.endswith(".py"):
        return _error(f"{module!r} is a file: give the name under which it is imported")
    folder = Path.cwd()
    root = find_root(folder)
    paths = tuple(dict.fromkeys(map(str, (folder, *source_folders(root), root))))
    request = FactoryRequest(
        module,
        name,
        paths,
        tuple(arguments.input),
        not arguments.no_forward,
        arguments.memory_limit or RuntimeSettings().memory_limit,
        arguments.allow_network,
    )
    settings = RuntimeSettings(arguments.python, arguments.timeout, _IMPORT_SECONDS)
    answer = observe_factory(request, settings, root)
    if answer.observation is None or answer.surroundings is None:
        return _error(printable(answer.reason or "the model could not be examined"))
    codes = DEFAULT_CODES
    if arguments.select:
        codes = ALL_CODES if arguments.select == "ALL" else frozenset(arguments.select.split(","))
    witness = Witness(answer.observation, answer.surroundings)
    top = module.partition(".")[0]
    own = {source.path for name, source in answer.surroundings.classes if name.partition(".")[0] == top}
    scope = Scope(root)
    chosen = arguments.select.split(",") if arguments.select else None
    told = read([witness], lambda path: path in own or scope.has_file(path), chosen, arguments.python)
    audit = audit_of(answer.observation, answer.surroundings, codes).with_source(told.findings, told.notes)
    for line in _rendered(audit, arguments):
        print(line)
    return 1 if audit.report.exit_code and not arguments.exit_zero else 0


def _error(message: str) -> int:
    print(f"paramlint: error: {message}", file=sys.stderr)
    return _WRONG


def _rendered(audit: Audit, arguments: argparse.Namespace) -> Iterator[str]:
    view = view_on(sys.stdout)
    coverage = audit.init_coverage() if arguments.init_coverage else None
    match arguments.output_format:
        case "json":
            from paramlint.report import json as report

            document = json.loads("\n".join(report.render(audit.report, view)))
            document["tensors"] = [row._asdict() for row in audit.tensors]
            document["init_coverage"] = _objects(coverage.table) if coverage is not None else None
            document["notes"] = list(audit.notes)
            yield json.dumps(document, indent=2)
            return
        case "github":
            from paramlint.report import github

            yield from github.render(audit.report, view)
            return
        case "concise":
            from paramlint.report import concise

            yield from concise.render(audit.report, view)
            return
        case _:
            from paramlint.report import text

            yield from text.render(audit.report, view, Lines({}))
    yield ""
    if coverage is not None:
        yield from str(coverage).splitlines()
    else:
        yield from text_lines(audit.table())
    for note in audit.notes:
        yield f"note: {printable(note)}"


def _objects(table: Table) -> list[dict[str, str]]:
    names = ("layer", "parameter", "how", "tensors", "elements", "example")
    return [dict(zip(names, row, strict=True)) for row in table.rows]

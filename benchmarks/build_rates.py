"""Build every Module class of installed packages: how many are made without help, and for how many an input is found?

    python benchmarks/build_rates.py --python VENV/bin/python
    python benchmarks/build_rates.py --python VENV/bin/python --sample 60 timm kornia
    python benchmarks/build_rates.py --python VENV/bin/python --list FILE --seconds 600    # once more, until done

``VENV`` is an environment that has torch and the packages. Without names these are timm, vit_pytorch,
torch_geometric.nn, x_transformers, kornia, and 300 classes of transformers drawn by a fixed seed. All classes that the
source defines count, abstract ones and those whose optional dependencies are missing too; those made inside functions
are left out, since nothing but their function makes them. Prints a line for each package and the reasons for the rest.
``--list FILE`` adds one line of JSON for each class as soon as it is done, and takes the classes that have a line there
from it; with ``--seconds`` a run ends after so many, and the next one with the same file goes on.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from paramlint.facts import lower_ast
from paramlint.facts.source import SourceError, read_source
from paramlint.model.observation import ClassRequest, Observation
from paramlint.project.definitions import ClassDefinition
from paramlint.project.environment import Environment, find_environment
from paramlint.project.files import source_files
from paramlint.project.project import Project
from paramlint.runtime import parent
from paramlint.runtime.recipes import RecipeFinder
from paramlint.runtime.settings import RuntimeSettings

PACKAGES = ("timm", "vit_pytorch", "torch_geometric.nn", "x_transformers", "kornia", "transformers")
DRAWN = {"transformers": 300}
SEED = 2026
# Generated sources, which are no code that runs (transformers' modular_*.py).
_NO_CODE = re.compile(r"^modular_.*\.py$")


Row = Mapping[str, Any]


class Rates(NamedTuple):
    """What was counted for one package."""

    package: str
    classes: int
    built: int
    with_forward: int
    with_input: int
    on_meta: int
    median_seconds: float
    median_meta_seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    parser = parser_for(str(__doc__), PACKAGES)
    parser.add_argument("--no-inputs", action="store_true", help="build only")
    parser.add_argument("--list", type=Path, help="keep one line of JSON for each class, and go on from those there")
    parser.add_argument("--seconds", type=float, help="build nothing more after so many")
    options = parser.parse_args(arguments)
    stages = ("materialise",) if options.no_inputs else ("forward", "materialise")
    settings = RuntimeSettings(python=options.python, timeout=options.timeout, jobs=options.jobs, stages=stages)
    environment = find_environment(Path.cwd(), options.python, {})
    known = [json.loads(line) for line in options.list.read_text().splitlines()] if _exists(options.list) else []
    until = time.monotonic() + options.seconds if options.seconds else math.inf
    rates: list[Rates] = []
    reasons: Counter[str] = Counter()
    for package in options.packages:
        if time.monotonic() > until:
            print(f"{package}: no time was left")
            continue
        limits = [limit for limit in (DRAWN.get(package), options.sample) if limit is not None]
        requests = requests_for(package, environment, options.python, min(limits, default=None), options.seed)
        wanted = {(request.path, request.qualified_name): request for request in requests}
        rows = [row for row in known if wanted.pop((row["path"], row["class"]), None) is not None]
        before = len(rows)
        for row in _built(package, list(wanted.values()), settings, until):
            rows.append(row)
            if options.list is not None:
                with options.list.open("a") as file:
                    file.write(json.dumps(row) + "\n")
        rates.append(counted(package, rows))
        reasons.update(reason(row) for row in rows if row["status"] != "built")
        print(line_of(rates[-1]) + (f"; {left} are left" if (left := before + len(wanted) - len(rows)) else ""))
        sys.stdout.flush()
    total = sum(item.classes for item in rates)
    print(
        f"all: {total} classes, {_share(sum(item.built for item in rates), total)} built, "
        f"{_share(sum(item.with_input for item in rates), sum(item.with_forward for item in rates))} of those with a "
        f"forward have an input, {_share(sum(item.on_meta for item in rates), sum(item.built for item in rates))} of "
        "the built ones also on meta"
    )
    for text, count in reasons.most_common(40):
        print(f"{count:5}  {text}")
    return 0


def _exists(path: Path | None) -> bool:
    return path is not None and path.exists()


def _built(package: str, requests: Sequence[ClassRequest], settings: RuntimeSettings, until: float) -> Iterator[Row]:
    """Build classes until the time is up; a row for each."""
    if not requests or time.monotonic() > until:
        return
    with closing(parent.observe(requests, settings)) as observations:
        for observation in observations:
            yield _summary(package, observation)
            if time.monotonic() > until:
                return


def parser_for(description: str, packages: Sequence[str]) -> argparse.ArgumentParser:
    """The arguments of every command that builds the classes of packages, ``packages`` by default."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", default=list(packages))
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has torch and the packages")
    parser.add_argument("--sample", type=int, help="draw at most so many classes of each package")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=20.0)
    return parser


def requests_for(
    package: str, environment: Environment, python: str, limit: int | None, seed: int
) -> list[ClassRequest]:
    """Requests for the Module classes that a package defines, or for ``limit`` of them."""
    folder = folder_of(package, python)
    project = Project(folder, environment, lambda path: lower_ast.lower(read_source(str(path))))
    definitions = list(_classes(project, folder))
    if limit is not None and len(definitions) > limit:
        definitions = random.Random(seed).sample(definitions, limit)
        definitions.sort(key=lambda definition: (str(definition.module.path), definition.qualified_name))
    finder = RecipeFinder(project, definitions)
    return [_request(str(number), definition, finder) for number, definition in enumerate(definitions)]


def folder_of(package: str, python: str) -> Path:
    """Where a package's source lies; nothing is imported, since what is asked for is the package above all others."""
    top, *rest = package.split(".")
    ask = f"import importlib.util as u; print(u.find_spec({top!r}).submodule_search_locations[0])"
    found = subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout.strip()
    return Path(found, *rest)


def _classes(project: Project, folder: Path) -> Iterator[ClassDefinition]:
    for path in source_files(folder):
        if _NO_CODE.match(path.name):
            continue
        try:
            module = project.module_at(path)
        except SourceError:
            continue
        for linked in project.classes(module):
            if linked.is_module and "<locals>" not in linked.definition.qualified_name:
                yield linked.definition


def _request(key: str, definition: ClassDefinition, finder: RecipeFinder) -> ClassRequest:
    found = finder.recipes(definition)
    module = definition.module
    root = module.path.parents[len(module.name.split(".")) - (0 if module.is_package else 1)]
    return ClassRequest(
        key=key,
        path=str(module.path),
        root=str(root),
        module=module.name,
        qualified_name=definition.qualified_name,
        recipes=found.builds,
        input_recipes=found.inputs,
    )


def counted(package: str, rows: Sequence[Row]) -> Rates:
    """Count what was seen of one package."""
    built = [row for row in rows if row["status"] == "built"]
    called = [row for row in built if row["forward"] not in (None, "no forward")]
    on_meta = [row for row in built if row["meta_seconds"] is not None]
    return Rates(
        package,
        len(rows),
        len(built),
        len(called),
        sum(row["input"] is not None for row in called),
        len(on_meta),
        statistics.median([row["build_seconds"] for row in built] or [0.0]),
        statistics.median([row["meta_seconds"] for row in on_meta] or [0.0]),
    )


def line_of(rates: Rates) -> str:
    return (
        f"{rates.package}: {rates.classes} classes, {_share(rates.built, rates.classes)} built "
        f"(median {1000 * rates.median_seconds:.0f} ms), {_share(rates.on_meta, rates.built)} of them on meta "
        f"(median {1000 * rates.median_meta_seconds:.0f} ms), "
        f"{_share(rates.with_input, rates.with_forward)} of {rates.with_forward} with a forward have an input"
    )


def reason(row: Row) -> str:
    """Why a class was not built, without what is particular to it."""
    text = re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", row["reason"] or "")
    return f"{row['status']}: {re.sub(r'[0-9.]+', 'N', text)[:110]}"


def _summary(package: str, observation: Observation) -> Row:
    forward = observation.forward
    materialised = observation.materialised
    return {
        "package": package,
        "path": observation.path,
        "class": observation.class_name,
        "status": observation.status,
        "reason": observation.reason,
        "recipe": observation.recipe,
        "kind": observation.recipe_kind,
        "attempts": observation.attempts,
        "forward": None if forward is None else forward.status,
        "input": None if forward is None else forward.recipe,
        "failure": None if forward is None or forward.failure is None else forward.failure.message[:300],
        "meta": None if materialised is None else materialised.reason or "built",
        "meta_seconds": None if materialised is None or not materialised.is_built else materialised.seconds,
        "build_seconds": round(observation.build_seconds, 3),
        "seconds": round(observation.seconds, 2),
        "notes": observation.notes,
    }


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "none"


if __name__ == "__main__":
    raise SystemExit(main())

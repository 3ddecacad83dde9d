"""How many planted faults does paramlint find?

    python -m benchmarks.mutation --python ENVIRONMENT/bin/python --packages vit_pytorch,kornia

The packages must be installed, with torch, in the environment of that interpreter; they are read and built there, and
never changed. In each, Module classes are taken of which paramlint says nothing with every rule on; one operator after
the other plants one fault in a class (a fixed seed decides which), the oracle builds the class before and after, and a
mutant is kept if the fault is observed. Printed are, for each operator and family, how many mutants were kept and in
how many paramlint reports a fitting code on the class that was changed; misses are listed with --verbose.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import libcst as cst

from benchmarks.mutation.operators import OPERATORS
from paramlint.engine.analysis import Given
from paramlint.engine.check import check
from paramlint.engine.configuration import Configuration
from paramlint.engine.selection import SelectionLayer
from paramlint.engine.settings import Overrides
from paramlint.facts.source import SourceError, read_source, source_from_text
from paramlint.model.diagnostic import Diagnostic

_ORACLE = Path(__file__).with_name("oracle.py")
_MOST_A_FILE = 6


class Mutant(NamedTuple):
    """One planted fault; ``text`` is the whole file's, ``line`` where the class begins in it."""

    package: str
    path: str
    module: str
    qualified_name: str
    operator: str
    attribute: str | None
    text: str


class Judged(NamedTuple):
    mutant: Mutant
    observed: str
    found: str | None


def _configuration(python: str | None = None) -> Configuration:
    return Configuration(Overrides(selection=SelectionLayer(select=("ALL",)), python=python), None, True)


def silent_classes(package: Path, python: str) -> Iterator[tuple[Path, str, cst.Module, cst.ClassDef]]:
    """Top-level classes with a forward or a constructor of their own, in which paramlint finds nothing at all."""
    report = check([package], _configuration(python), jobs=2)
    named = {(item.path, (item.class_name or "").split(".")[0]) for item in report.diagnostics}
    lines = defaultdict(list)
    for item in report.diagnostics:
        lines[item.path].append(item.span.line)
    for path in sorted(package.rglob("*.py")):
        try:
            text = read_source(str(path)).text
            if "import torch" not in text or "class " not in text:
                continue
            module = cst.parse_module(text)
        except (SourceError, cst.ParserSyntaxError):
            continue
        for statement in module.body:
            if isinstance(statement, cst.ClassDef) and (str(path), statement.name.value) not in named:
                yield path, statement.name.value, module, statement


def plant(package: Path, python: str, seed: int, wanted: int) -> Iterator[Mutant]:
    """Mutants, the scarcest operators first, so that each gets its share; at most a few in one file."""
    chance = random.Random(seed)
    candidates: dict[str, list[Mutant]] = defaultdict(list)
    for path, name, module, node in silent_classes(package, python):
        dotted = ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")
        for operator in OPERATORS:
            for planted in operator.plant(node):
                changed = module.deep_replace(node, planted.node)
                if isinstance(changed, cst.Module) and changed.code != module.code:
                    candidates[operator.name].append(
                        Mutant(package.name, str(path), dotted, name, operator.name, planted.attribute, changed.code)
                    )
    for some in candidates.values():
        chance.shuffle(some)
    in_file: Counter[str] = Counter()
    for operator in sorted(OPERATORS, key=lambda item: len(candidates[item.name])):
        taken = 0
        for mutant in candidates[operator.name]:
            if taken < wanted and in_file[mutant.path] < _MOST_A_FILE:
                taken += 1
                in_file[mutant.path] += 1
                yield mutant


def observe(mutants: Sequence[Mutant], python: str) -> dict[Mutant, str]:
    """The mutants whose fault the oracle sees, with what it saw."""
    faults = {operator.name: operator.fault for operator in OPERATORS}
    groups: dict[tuple[str, str], list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        groups[mutant.path, mutant.qualified_name].append(mutant)
    with tempfile.TemporaryDirectory() as folder:
        jobs, results = Path(folder, "jobs"), Path(folder, "results")
        with jobs.open("w") as stream:
            for key, some in groups.items():
                job = {
                    "key": "\n".join(key),
                    "module": some[0].module,
                    "path": key[0],
                    "qualified_name": key[1],
                    "mutants": [{"text": item.text, "fault": faults[item.operator]} for item in some],
                }
                stream.write(json.dumps(job) + "\n")
        subprocess.run(
            [python, str(_ORACLE), str(jobs), str(results)],
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        answers = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    seen: dict[Mutant, str] = {}
    for answer in answers:
        some = groups[tuple(answer["key"].split("\n"))]  # type: ignore[index]
        pairs = zip(some, answer["observed"], strict=False)
        seen.update((mutant, observed) for mutant, observed in pairs if observed)
    return seen


def judge(entry: tuple[Mutant, str, str]) -> Judged:
    """Lint one mutant in its file's place."""
    mutant, observed, python = entry
    path = Path(mutant.path)
    report = check([], _configuration(python), given={path: Given(source_from_text(str(path), mutant.text))}, jobs=1)
    codes = next(operator.codes for operator in OPERATORS if operator.name == mutant.operator)
    found = next((item for item in report.diagnostics if item.code in codes and _fits(item, mutant)), None)
    return Judged(mutant, observed, found.code if found else None)


def _fits(item: Diagnostic, mutant: Mutant) -> bool:
    same_class = (item.class_name or "").split(".")[0] == mutant.qualified_name
    same_name = (
        mutant.attribute is not None and (item.attribute or "").split(".")[-1] == mutant.attribute.split(".")[-1]
    )
    return same_class or same_name


def table(judged: Sequence[Judged]) -> Iterator[str]:
    """Recall by operator and family."""
    yield f"{'operator':<36}{'kept':>6}{'found':>7}{'recall':>8}"
    families: dict[str, list[Judged]] = defaultdict(list)
    for operator in OPERATORS:
        some = [item for item in judged if item.mutant.operator == operator.name]
        families[operator.family] += some
        yield _row(operator.name, some)
    yield ""
    for family, some in families.items():
        yield _row(family, some)
    yield _row("all", judged)


def _row(name: str, some: Sequence[Judged]) -> str:
    found = sum(item.found is not None for item in some)
    share = f"{found / len(some):.3f}" if some else "-"
    return f"{name:<36}{len(some):>6}{found:>7}{share:>8}"


def _packages(python: str, names: str) -> list[Path]:
    script = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    folder = Path(subprocess.run([python, "-c", script], check=True, capture_output=True, text=True).stdout.strip())
    paths = [folder / name for name in names.split(",") if name]
    for path in paths:
        if not path.is_dir():
            sys.exit(f"mutation: error: {path.name} is not installed beside {python}")
    return paths


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", required=True, help="an interpreter with torch and the packages")
    parser.add_argument(
        "--packages", required=True, help="import names, separated by commas (a folder in one: monai/networks)"
    )
    parser.add_argument("--wanted", type=int, default=12, help="mutants tried for each operator in each package")
    parser.add_argument("--operators", default="", help="a regular expression: only these")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="write what was kept, and what was found, as JSON lines")
    parser.add_argument("--verbose", action="store_true", help="list the misses")
    arguments = parser.parse_args()
    judged: list[Judged] = []
    for package in _packages(arguments.python, arguments.packages):
        mutants = [
            item
            for item in plant(package, arguments.python, arguments.seed, arguments.wanted)
            if re.search(arguments.operators, item.operator)
        ]
        seen = observe(mutants, arguments.python)
        print(f"{package.name}: {len(mutants)} mutants, {len(seen)} observed", file=sys.stderr, flush=True)
        with ProcessPoolExecutor(2) as pool:
            judged += pool.map(judge, [(mutant, observed, arguments.python) for mutant, observed in seen.items()])
    print("\n".join(table(judged)))
    if arguments.verbose:
        for item in judged:
            if item.found is None:
                mutant = item.mutant
                print(
                    f"missed: {mutant.operator}: {mutant.path} {mutant.qualified_name}.{mutant.attribute} ({item.observed})"
                )
    if arguments.output:
        with arguments.output.open("w") as stream:
            for item in judged:
                row = {key: value for key, value in item.mutant._asdict().items() if key not in ("text", "path")}
                stream.write(json.dumps({**row, "observed": item.observed, "found": item.found}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

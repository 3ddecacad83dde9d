"""How many planted faults does paramlint find?

    python -m benchmarks.mutation --python ENVIRONMENT/bin/python --packages vit_pytorch,kornia --output vit.jsonl
    python -m benchmarks.mutation --report vit.jsonl timm.jsonl

The packages must be installed, with torch, in the environment of that interpreter; they are read and built there, and
never changed. A fixed seed draws Module classes and, for each, operators that plant one fault; the oracle builds the
class before and after, and a mutant is kept if the fault is observed and paramlint, with every rule on, said nothing of
the class before. Printed are, for each operator and family, how many mutants were kept and in how many paramlint
reports a fitting code on the class that was changed; misses are listed with --verbose.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from benchmarks.mutation import oracle_path
from benchmarks.mutation.judging import Judge, alone
from benchmarks.mutation.operators import OPERATORS
from benchmarks.mutation.planting import Mutant, Subject, root_of, subjects
from paramlint.project.environment import find_environment

Row = Mapping[str, str | None]
Observed = tuple[Subject, Sequence[str | None]]


def observe(some: Sequence[Subject], python: str) -> Iterator[tuple[Subject, Mapping[str, Any]]]:
    """The oracle's answer for each class that it built."""
    faults = {operator.name: operator.fault for operator in OPERATORS}
    with tempfile.TemporaryDirectory() as folder:
        jobs, results = Path(folder, "jobs"), Path(folder, "results")
        with jobs.open("w") as stream:
            for subject in some:
                job = {
                    "key": subject.key,
                    "module": subject.module,
                    "name": subject.name,
                    "annotations": subject.postponed,
                    "mutants": [
                        {"text": item.text, "fault": faults[item.operator], "attribute": item.attribute}
                        for item in subject.mutants
                    ],
                }
                stream.write(json.dumps(job) + "\n")
        subprocess.run(
            [python, str(oracle_path()), str(jobs), str(results)],
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        answers = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    by_key = {subject.key: subject for subject in some}
    yield from ((by_key[answer["key"]], answer) for answer in answers if answer["built"])


def observed(package: Path, arguments: argparse.Namespace) -> list[Observed]:
    """The classes of a package with the mutants whose fault the oracle sees; from ``--observed`` where that has them."""
    memory = (
        arguments.observed / f"{'.'.join(package.relative_to(root_of(package)).parts)}.json"
        if arguments.observed
        else None
    )
    if memory is not None and memory.exists():
        return [
            (
                Subject(
                    **{**subject, "path": Path(subject["path"]), "mutants": tuple(Mutant(*item) for item in mutants)}
                ),
                seen,
            )
            for subject, mutants, seen in json.loads(memory.read_text())
        ]
    began = time.monotonic()
    found = subjects(package, arguments.seed, arguments.wanted, arguments.faults, arguments.operators)
    planned = list(itertools.islice(found, arguments.classes))
    answers = list(observe(planned, arguments.python))
    print(
        f"{package.name}: {len(planned)} classes drawn, {len(answers)} built, "
        f"{sum(bool(answer['called']) for _, answer in answers)} called in {time.monotonic() - began:.0f} s",
        file=sys.stderr,
        flush=True,
    )
    kept: list[Observed] = [(subject, answer["observed"]) for subject, answer in answers if any(answer["observed"])]
    if memory is not None:
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_text(
            json.dumps([({**item._asdict(), "path": str(item.path)}, item.mutants, seen) for item, seen in kept])
        )
    return kept


def measure(package: Path, arguments: argparse.Namespace) -> Iterator[Row]:
    """A row for each mutant that is kept."""
    kept = observed(package, arguments)
    began = time.monotonic()
    silent = 0
    with alone(package) as root:
        judge = Judge(root, find_environment(root, arguments.python, os.environ))
        for installed, observations in kept:
            subject = installed._replace(path=root / installed.path.relative_to(root_of(package)))
            if not judge.is_silent(subject):
                continue
            silent += 1
            for mutant, fault in zip(subject.mutants, observations, strict=False):
                if fault is not None:
                    found = judge.finding(subject, mutant)
                    yield {
                        "package": subject.package,
                        "class": subject.key,
                        "operator": mutant.operator,
                        "attribute": mutant.attribute,
                        "observed": fault,
                        "found": found.code if found else None,
                    }
    seconds = time.monotonic() - began
    print(f"{package.name}: {silent} of {len(kept)} classes silent; linted in {seconds:.0f} s", file=sys.stderr)


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Recall by operator and family."""
    yield f"{len({row['class'] for row in rows})} classes of {len({row['package'] for row in rows})} packages"
    yield f"{'operator':<36}{'kept':>6}{'found':>7}{'recall':>8}"
    families: dict[str, list[Row]] = defaultdict(list)
    for operator in OPERATORS:
        some = [row for row in rows if row["operator"] == operator.name]
        families[operator.family] += some
        yield _line(operator.name, some)
    yield ""
    for family, some in families.items():
        yield _line(family, some)
    yield _line("all", rows)


def _line(name: str, some: Sequence[Row]) -> str:
    found = sum(row["found"] is not None for row in some)
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
    parser.add_argument("--python", help="an interpreter with torch and the packages")
    parser.add_argument("--packages", default="", help="import names, separated by commas (or folders: monai/networks)")
    parser.add_argument("--wanted", type=int, default=12, help="mutants tried for each operator in each package")
    parser.add_argument("--faults", type=int, default=2, help="mutants tried in each class")
    parser.add_argument("--classes", type=int, default=100_000, help="classes tried in each package")
    parser.add_argument("--operators", default="", help='a regular expression over "family: name": only these')
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="write what was kept, and what was found, as JSON lines")
    parser.add_argument("--observed", type=Path, help="a folder that keeps what the oracle saw for another run")
    parser.add_argument("--verbose", action="store_true", help="list the misses")
    parser.add_argument("--report", type=Path, nargs="+", help="print what earlier outputs say, and measure nothing")
    arguments = parser.parse_args()
    rows: list[Row] = []
    for file in arguments.report or ():
        rows += map(json.loads, file.read_text().splitlines())
    if not arguments.report:
        if not arguments.python or not arguments.packages:
            parser.error("--python and --packages are needed, or --report")
        with arguments.output.open("w") if arguments.output else nullcontext() as stream:
            for package in _packages(arguments.python, arguments.packages):
                for row in measure(package, arguments):
                    rows.append(row)
                    if stream:
                        stream.write(json.dumps(row) + "\n")
                        stream.flush()
    print("\n".join(table(rows)))
    if arguments.verbose:
        for row in rows:
            if row["found"] is None:
                print(f"missed: {row['operator']}: {row['class']}.{row['attribute']} ({row['observed']})")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Fixes of planted faults: how many are repaired, and how many repairs give back the model that was there before.

The faults are those of ``benchmarks.mutation``, with what its oracle saw; a repair counts where a finding with a fitting
code on the changed class is fixed. It is *equal* where the repaired class holds the same parameters and buffers as the
original, with the same values under the same seed, and forward returns the same; *announced* where only initial values
differ and the fix says so; else *different*. Operators that add or compute something of their own (``_OWN``) have the
faulty class as the reference of what that is: the original never had it.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from benchmarks.mutation.operators import OPERATORS
from benchmarks.mutation.planting import Mutant, Subject
from paramlint.engine.fixing import fix_source
from paramlint.engine.suppression import Suppressions
from paramlint.facts import lower_ast, lower_libcst
from paramlint.facts.source import Source, read_source
from paramlint.fixes.repairs import with_fixes
from paramlint.fixes.style import METHOD
from paramlint.model.code import SourceFacts
from paramlint.model.diagnostic import Diagnostic
from paramlint.project.environment import find_environment
from paramlint.project.project import Project
from paramlint.rules import ALL_RULES
from paramlint.rules.run import check_class

_WITNESS = Path(__file__).with_name("witness.py")
_CODES = {operator.name: operator.codes for operator in OPERATORS}
_OWN = frozenset(
    {
        "Parameter cast",
        "Parameter scaled",
        "constant left behind",
        "noise on the default device",
        "Parameter made in forward",
        "layer made in forward",
    }
)
# After their repair the original's layer goes by a longer name.
_RENAMED = frozenset({"layer in a tuple"})
# What these plant computes something of its own too (of a number, the shape is lost), and cannot be built: only what is
# registered can be compared.
_FREE = frozenset({"tensor over parameter", "Parameter of integers", "Parameter of a number"})
# The command imports a package twice, whatever it proves there.
_MOST_AT_ONCE = 8


class Repair(NamedTuple):
    """A mutant and its class after the fix; None where there was none. ``names`` are those that the fix is about."""

    subject: Subject
    mutant: Mutant
    text: str | None
    names: tuple[str, ...]
    announces_values: bool
    written_under_proof: bool | None = None


def measure_mutants(folder: Path, python: str, proofs: int, classes: int | None, output: Path | None) -> int:
    """Print the table; return how many repairs that were written under proof are wrong.

    ``classes``: so many are drawn by a fixed seed; None takes all.
    """
    mutants = [
        (Subject(**{**subject, "path": Path(subject["path"]), "mutants": ()}), Mutant(*mutant))
        for file in sorted(folder.glob("*.json"))
        for subject, some, seen in json.loads(file.read_text())
        for mutant, fault in zip(some, seen, strict=False)
        if fault is not None
    ]
    keys = sorted({subject.key for subject, _ in mutants})
    if classes is not None and classes < len(keys):
        drawn = set(Random(0).sample(keys, classes))
        mutants = [(subject, mutant) for subject, mutant in mutants if subject.key in drawn]
    linters: dict[Path, Linter] = {}
    repairs: list[Repair] = []
    for number, (subject, mutant) in enumerate(mutants):
        root = _root(subject)
        linter = linters.setdefault(root, Linter(root, python))
        repairs.append(_repaired(linter, subject, mutant))
        print(f"{number + 1} of {len(mutants)} mutants looked at", end="\r", file=sys.stderr, flush=True)
    done = [index for index, item in enumerate(repairs) if item.text is not None]
    for batch in _batches(repairs, done[:: max(1, len(done) // proofs)][:proofs] if proofs else ()):
        for index, repair in zip(batch, _under_proof([repairs[index] for index in batch], python), strict=True):
            repairs[index] = repair
    verdicts = _witnessed(repairs, python)
    rows = [
        {
            "class": repair.subject.key,
            "operator": repair.mutant.operator,
            "attribute": repair.mutant.attribute,
            "repaired": repair.text is not None,
            "under proof": repair.written_under_proof,
            "verdict": _verdict(repair, verdict),
            **(verdict or {}),
        }
        for repair, verdict in zip(repairs, verdicts, strict=True)
    ]
    print("\n".join(_table(rows)))
    if output is not None:
        output.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return sum(bool(row["under proof"]) and row["verdict"] == "different" for row in rows)


class Linter:
    """Lints one class in its file's place, with fixes; other files' facts are kept from one mutant to the next."""

    def __init__(self, root: Path, python: str) -> None:
        self._root = root
        self._environment = find_environment(root, python, os.environ)
        self._facts: dict[Path, SourceFacts] = {}

    def of(self, name: str) -> Callable[[Source], Sequence[Diagnostic]]:
        def lint(source: Source) -> Sequence[Diagnostic]:
            path = Path(source.path)
            facts = lower_libcst.lower(source)
            project = Project(
                self._root, self._environment, lambda other: facts if other == path else self._load(other)
            )
            module = project.module_at(path)
            suppressions = Suppressions(source.text)
            found = [
                item
                for linked in project.classes(module)
                if linked.definition.qualified_name.split(".")[0] == name
                for item in check_class(project, linked, ALL_RULES)
                if item.path == path.as_posix() and not suppressions.silences(item.code, item.span.line)
            ]
            return list(with_fixes(project, module, source.text, METHOD, found))

        return lint

    def _load(self, path: Path) -> SourceFacts:
        if path not in self._facts:
            self._facts[path] = lower_ast.lower(read_source(str(path)))
        return self._facts[path]


def _root(subject: Subject) -> Path:
    """The folder from which the class's package is importable."""
    steps = len(subject.module.split(".")) - (subject.path.name != "__init__.py")
    return subject.path.parents[steps]


def _repaired(linter: Linter, subject: Subject, mutant: Mutant) -> Repair:
    source = read_source(str(subject.path))
    faulty = source._replace(text=source.text.replace(subject.text, mutant.text))
    change = fix_source(faulty, linter.of(subject.name), with_unsafe=True)
    fixes = [
        item.fix
        for item in change.applied
        if item.fix is not None
        and item.code in _CODES[mutant.operator]
        and ((item.class_name or "").split(".")[0] == subject.name or item.attribute == mutant.attribute)
    ]
    if not fixes:
        return Repair(subject, mutant, None, (), False)
    names = tuple(dict.fromkeys(name for fix in fixes for name in fix.effect.names))
    text = _class_text(change.after.text, source.text, subject.name)
    return Repair(subject, mutant, text, names, any(fix.effect.values for fix in fixes))


def _class_text(text: str, original: str, name: str) -> str:
    """The class as it stands in a text, after the imports that the original does not have."""
    tree = ast.parse(text)
    known = {ast.unparse(item) for item in ast.parse(original).body}
    imports = [
        ast.unparse(item)
        for item in tree.body
        if isinstance(item, (ast.Import, ast.ImportFrom)) and ast.unparse(item) not in known
    ]
    found = next(item for item in tree.body if isinstance(item, ast.ClassDef) and item.name == name)
    first = min([found.lineno, *(item.lineno for item in found.decorator_list)])
    return "\n".join([*imports, *text.splitlines()[first - 1 : found.end_lineno]]) + "\n"


def _batches(repairs: Sequence[Repair], chosen: Iterable[int]) -> Iterator[list[int]]:
    """Some repairs, as many at a time as one command is given: of one package, no two in one file."""
    open_batches: dict[Path, list[list[int]]] = defaultdict(list)
    for index in chosen:
        subject = repairs[index].subject
        for batch in open_batches[_root(subject) / subject.package]:
            if len(batch) < _MOST_AT_ONCE and all(repairs[other].subject.path != subject.path for other in batch):
                batch.append(index)
                break
        else:
            open_batches[_root(subject) / subject.package].append([index])
    yield from (batch for batches in open_batches.values() for batch in batches)


def _under_proof(repairs: Sequence[Repair], python: str) -> list[Repair]:
    """Let the command repair and prove some faults in a copy of their package."""
    package = _root(repairs[0].subject) / repairs[0].subject.package
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(package, Path(folder, package.name), ignore=shutil.ignore_patterns("__pycache__"))
        Path(folder, "pyproject.toml").touch()
        names = [str(repair.subject.path.relative_to(package.parent)) for repair in repairs]
        for name, repair in zip(names, repairs, strict=True):
            source = read_source(str(Path(folder, name)))
            faulty = source.text.replace(repair.subject.text, repair.mutant.text)
            Path(folder, name).write_text(faulty, encoding=source.encoding)
        command = [sys.executable, "-m", "paramlint", "check", *names, "--isolated", "--no-cache", "--select=ALL"]
        command += ["--fix", "--unsafe-fixes", "--confirm", f"--python={python}"]
        command += ["--timeout=180", "--memory-limit=12GB", "--jobs=1"]
        here = str(Path(__file__).resolve().parent.parent.parent)
        began = time.monotonic()
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": here}
        )
        print(f"  {len(repairs)} repairs under proof in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        return [
            _seen_written(item, Path(folder, name), name, done.stderr)
            for name, item in zip(names, repairs, strict=True)
        ]


def _seen_written(repair: Repair, path: Path, name: str, said: str) -> Repair:
    """The repair as the command has left it: written, or withheld for a reason that is printed."""
    original, name_of_class = read_source(str(repair.subject.path)).text, repair.subject.name
    written = _class_text(read_source(str(path)).text, original, name_of_class)
    faulty = _class_text(original.replace(repair.subject.text, repair.mutant.text), original, name_of_class)
    if written != faulty:
        return repair._replace(written_under_proof=True, text=written)
    reasons = [line for line in said.splitlines() if f"{name}:" in line and "is not fixed: " in line]
    reason = "; ".join(line.partition(f"{name}:")[2] for line in reasons) or said[-200:]
    print(f"  withheld: {repair.mutant.operator}: {repair.subject.key}: {reason}", flush=True)
    return repair._replace(written_under_proof=False)


def _witnessed(repairs: Sequence[Repair], python: str) -> list[dict[str, Any] | None]:
    """What the witness saw of each repair; None where there is none, or nothing was built."""
    groups: dict[str, list[int]] = defaultdict(list)
    for index, repair in enumerate(repairs):
        if repair.text is not None:
            groups[repair.subject.key].append(index)
    seen: list[dict[str, Any] | None] = [None] * len(repairs)
    with tempfile.TemporaryDirectory() as folder:
        jobs, results = Path(folder, "jobs"), Path(folder, "results")
        jobs.write_text(
            "".join(json.dumps(_job(key, [repairs[i] for i in some])) + "\n" for key, some in groups.items())
        )
        subprocess.run([python, str(_WITNESS), str(jobs), str(results)], check=False, stdout=subprocess.DEVNULL)
        for line in results.read_text().splitlines() if results.exists() else ():
            answer = json.loads(line)
            for index, item in zip(groups[answer["key"]], answer["seen"], strict=False):
                seen[index] = item
    return seen


def _job(key: str, repairs: Iterable[Repair]) -> dict[str, Any]:
    some = list(repairs)
    subject = some[0].subject
    return {
        "key": key,
        "module": subject.module,
        "name": subject.name,
        "annotations": subject.postponed,
        "repairs": [
            {
                "text": item.text,
                "reference": item.mutant.text if item.mutant.operator in _OWN else None,
                "names": item.names if item.mutant.operator in _OWN | _FREE | _RENAMED else (),
                "is_free": item.mutant.operator in _FREE,
            }
            for item in some
        ],
    }


def _verdict(repair: Repair, seen: dict[str, Any] | None) -> str | None:
    if repair.text is None:
        return None
    if seen is None or (seen["state"] or "").startswith("not built"):
        return "not built"
    if seen["state"] is None and seen["values"] is None and seen["output"] is None:
        return "equal"
    is_announced = repair.announces_values and seen["state"] is None and "not written" not in (seen["values"] or "")
    return "announced" if is_announced and not (seen["output"] or "").startswith("forward raises") else "different"


def _table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    columns = ("equal", "announced", "different", "not built")
    yield f"{'operator':<36}{'mutants':>8}{'repaired':>9}" + "".join(f"{name:>11}" for name in columns) + "   of proof"
    for name in [*(operator.name for operator in OPERATORS), "all"]:
        some = [row for row in rows if name in ("all", row["operator"])]
        if some:
            counts = Counter(row["verdict"] for row in some)
            proved = [row for row in some if row["under proof"]]
            tried = sum(row["under proof"] is not None for row in some)
            wrong = sum(row["verdict"] == "different" for row in proved)
            yield (
                f"{name:<36}{len(some):>8}{sum(row['repaired'] for row in some):>9}"
                + "".join(f"{counts[column]:>11}" for column in columns)
                + (f"   {len(proved)} of {tried} written, {wrong} wrong" if tried else "")
            )
    for row in rows:
        if row["verdict"] == "different":
            why = row["state"] or row["values"] or row["output"]
            yield f"different: {row['operator']}: {row['class']}.{row['attribute']}: {why}"

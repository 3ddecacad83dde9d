"""Measure fixes: over labelled cases (is the fault gone?) and over packages (does anything else change?).

    python -m benchmarks.fixes --cases CASES --packages FOLDER [FOLDER ...]

CASES is a folder with ``index.jsonl`` (``id``, ``buggy``, ``fact``) and a ``verify.py`` that can tell whether a fact holds
of a file; the packages are unpacked and never imported. Nothing is written to either: fixes are applied to copies.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from paramlint.engine.analysis import Given
from paramlint.engine.check import check
from paramlint.engine.configuration import Configuration
from paramlint.engine.fixing import Change, is_applicable, key_of
from paramlint.engine.outcome import Report
from paramlint.engine.repair import Fixer
from paramlint.engine.selection import SelectionLayer
from paramlint.engine.settings import Overrides
from paramlint.facts.source import SourceError, read_source
from paramlint.facts.write import write_source

# A process of its own for each fact: cases change torch's global settings.
_HOLDS = """\
import importlib.util, sys
spec = importlib.util.spec_from_file_location("verify", sys.argv[1])
verify = importlib.util.module_from_spec(spec)
spec.loader.exec_module(verify)
verify.HERE = sys.argv[2]
print("holds" if verify.ev(sys.argv[4], verify.Ctx(sys.argv[3])) else "is gone")
"""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--packages", type=Path, nargs="*", default=[])
    parser.add_argument("--show", action="store_true", help="print each repair of a package as a diff")
    arguments = parser.parse_args(argv)
    failures = 0
    if arguments.cases:
        failures += measure_cases(arguments.cases)
    if arguments.packages:
        failures += measure_packages(arguments.packages, arguments.show)
    return int(failures > 0)


def configuration() -> Configuration:
    return Configuration(Overrides(selection=SelectionLayer(select=("ALL",)), respect_gitignore=False), isolated=True)


def measure_cases(cases: Path) -> int:
    """Repair each faulty file; its fact must then be false, the repaired findings silent, a second run idle."""
    rows = [json.loads(line) for line in (cases / "index.jsonl").read_text().splitlines()]
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        copies = Path(folder)
        (copies / "pyproject.toml").touch()
        for row in rows:
            if row["class"] == "negative":
                continue
            path = copies / row["buggy"]
            shutil.copyfile(cases / row["buggy"], path)
            fixer = Fixer(configuration(), with_unsafe=True)
            change = fixer.fix(read_source(str(path)))
            if not change.applied:
                counts["found and not repaired" if change.remaining else "not found"] += 1
                continue
            counts["repaired"] += 1
            write_source(change.after)
            outcome = _fact(cases / "verify.py", copies, row)
            silent = not {key_of(item) for item in change.applied} & {key_of(item) for item in change.remaining}
            idle = fixer.fix(read_source(str(path))).after.text == change.after.text
            for name, holds in (("fact gone", outcome == "is gone"), ("silent", silent), ("second run idle", idle)):
                counts[name] += holds
            counts["whole file silent"] += not change.remaining
            if outcome != "is gone" or not silent or not idle:
                rest = ", ".join(sorted({item.code for item in change.remaining}))
                print(f"{row['id']}: the fact {outcome}; silent {silent}; idle {idle}; left {rest or 'nothing'}")
    print("cases:", ", ".join(f"{name} {count}" for name, count in counts.items()))
    return counts["repaired"] - min(counts["silent"], counts["second run idle"])


def _fact(verify: Path, folder: Path, row: dict[str, str]) -> str:
    command = [sys.executable, "-c", _HOLDS, str(verify), str(folder), row["buggy"], row["fact"]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return lines[-1] if lines else "said nothing"


def measure_packages(folders: Iterable[Path], show: bool) -> int:
    """Apply every fix to a copy: each file must parse, compile and lint without new findings."""
    counts: Counter[str] = Counter()
    by_code: Counter[str] = Counter()
    offered: Counter[str] = Counter()
    failures = 0
    for folder in folders:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as parent:
            copy = Path(parent) / folder.name
            shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*.so", "*.bin", "*.json", "*.txt"))
            report = check([copy], configuration(), jobs=1)
            changes = list(_changes(report, show))
            failures += _verify(copy, report, changes)
        offered.update(item.code for item in report.diagnostics if item.fix and item.fix.edits)
        by_code.update(item.code for change in changes for item in change.applied)
        counts.update(
            {
                "findings": len(report.diagnostics),
                "with a fix": sum(is_applicable(item.fix, True) for item in report.diagnostics),
                "applied": sum(len(change.applied) for change in changes),
                "withheld": sum(len(change.withheld) for change in changes),
                "files changed": sum(bool(change.applied) for change in changes),
            }
        )
        for change in changes:
            for item in change.withheld:
                where = f"{Path(item.diagnostic.path).relative_to(parent)}:{item.diagnostic.span.line}"
                print(f"  withheld {where} {item.diagnostic.code} {item.diagnostic.attribute}: {item.reason}")
        print(f"{folder.name}: {len(report.diagnostics)} findings, {time.monotonic() - began:.0f} s", flush=True)
    print("packages:", ", ".join(f"{name} {count}" for name, count in counts.items()), f"; broken {failures}")
    print("applied:", ", ".join(f"{code} {count} of {offered[code]}" for code, count in sorted(by_code.items())))
    return failures


def _changes(report: Report, show: bool) -> Iterable[Change]:
    import difflib

    fixer = Fixer(configuration(), with_unsafe=True)
    for path in sorted({item.path for item in report.diagnostics}):
        if not fixer.has_work([item for item in report.diagnostics if item.path == path]):
            continue
        try:
            change = fixer.fix(read_source(path))
        except SourceError as error:
            print(f"  not fixed: {error}")
            continue
        if show and change.applied:
            before, after = (item.text.splitlines() for item in (change.before, change.after))
            print("\n".join(difflib.unified_diff(before, after, path, path, n=1, lineterm="")))
        yield change


def _verify(copy: Path, report: Report, changes: Sequence[Change]) -> int:
    """Count the changed files that do not compile, and the findings that the changes bring anywhere in the package."""
    broken = 0
    for change in changes:
        if change.applied:
            try:
                compile(change.after.text, change.after.path, "exec", dont_inherit=True)
            except (SyntaxError, ValueError) as error:
                broken += 1
                print(f"  BROKEN {change.after.path}: {error}")
    before = Counter((item.path, key_of(item)) for item in report.diagnostics)
    given = {Path(change.after.path): Given(change.after) for change in changes if change.applied}
    after = check([copy], configuration(), given=given, jobs=1)
    for (path, key), count in Counter((item.path, key_of(item)) for item in after.diagnostics).items():
        if count > before[path, key]:
            broken += 1
            print(f"  NEW {path} {key}")
    return broken


if __name__ == "__main__":
    sys.exit(main())

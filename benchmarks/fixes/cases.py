"""Fixes of labelled cases: the fact of each must be gone, the file silent, a second run idle."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.fixes.every import configuration
from paramlint.engine.fixing import key_of
from paramlint.engine.repair import Fixer
from paramlint.facts.source import read_source
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


def measure_cases(cases: Path) -> int:
    """Repair each faulty file; return how many repairs left their finding, or something to do for a second run."""
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
            left = ", ".join(sorted({item.code for item in change.remaining}))
            if not change.applied:
                counts["found and not repaired" if change.remaining else "not found"] += 1
                reasons = "; ".join(item.reason for item in change.withheld)
                print(f"{row['id']}: not repaired: {f'{left} {reasons}'.rstrip() or 'not found'}")
                continue
            counts["repaired"] += 1
            write_source(change.after)
            outcome = _fact(cases / "verify.py", copies, row)
            silent = not {key_of(item) for item in change.applied} & {key_of(item) for item in change.remaining}
            idle = fixer.fix(read_source(str(path))).after.text == change.after.text
            for name, holds in (("fact gone", outcome == "is gone"), ("silent", silent), ("second run idle", idle)):
                counts[name] += holds
            counts["whole file silent"] += not change.remaining
            if outcome != "is gone" or change.remaining or not idle:
                print(f"{row['id']}: the fact {outcome}; silent {silent}; idle {idle}; left {left or 'nothing'}")
    print("cases:", ", ".join(f"{name} {count}" for name, count in counts.items()))
    return counts["repaired"] - min(counts["silent"], counts["second run idle"])


def _fact(verify: Path, folder: Path, row: dict[str, str]) -> str:
    command = [sys.executable, "-c", _HOLDS, str(verify), str(folder), row["buggy"], row["fact"]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return lines[-1] if lines else "said nothing"

"""Show that the fast path is exact: the same diagnostics with and without it, and what it leaves to libcst.

    python benchmarks/fast_path.py FOLDER [FOLDER ...]

For each folder: whether ``--no-fast-path`` finds the same, and the share of bytes that findings send to libcst, in all
and for each rule. Exits with 1 where anything differs. ``benchmarks/lowerings.py`` compares the forms themselves.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

from paramlint.engine.check import check
from paramlint.engine.configuration import Configuration
from paramlint.engine.outcome import Report
from paramlint.engine.selection import SelectionLayer
from paramlint.engine.settings import Overrides


def linted(folder: Path, fast_path: bool, jobs: int) -> Report:
    """Return what all rules find in a folder."""
    overrides = Overrides(SelectionLayer(select=("ALL",)), fast_path=fast_path)
    return check([folder], Configuration(overrides, isolated=True), jobs=jobs)


def shares(folder: Path, report: Report) -> dict[str, float]:
    """Return the share of a folder's bytes that lie in files in which each rule speaks, and any rule ("all")."""
    total = sum(path.stat().st_size for path in folder.rglob("*.py")) or 1
    files: dict[str, set[str]] = defaultdict(set)
    for entry in report.diagnostics:
        for path in (entry.path, *(related.path for related in entry.related)):
            files["all"].add(path)
            files[entry.code].add(path)
    return {code: sum(Path(path).stat().st_size for path in paths) / total for code, paths in sorted(files.items())}


def main() -> int:
    """Compare each folder that is named on the command line, and print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--jobs", type=int, default=1, metavar="N")
    arguments = parser.parse_args()
    is_equal = True
    for folder in arguments.folders:
        fast, exact = (linted(folder, fast_path, arguments.jobs) for fast_path in (True, False))
        same = fast == exact
        is_equal = is_equal and same
        sent = ", ".join(f"{code} {share:.1%}" for code, share in shares(folder, fast).items())
        print(
            f"{folder.name}: {len(fast.diagnostics)} diagnostics, {'equal' if same else 'DIFFERENT'}; {sent}",
            flush=True,
        )
        for entry in set(fast.diagnostics) ^ set(exact.diagnostics):
            print(f"  {'fast' if entry in fast.diagnostics else 'libcst'} only: {entry}")
    return 0 if is_equal else 1


if __name__ == "__main__":
    sys.exit(main())

"""Measure fixes: is the fault gone, and does anything else change?

    python -m benchmarks.fixes --cases CASES
    python -m benchmarks.fixes --packages FOLDER [FOLDER ...]
    python -m benchmarks.fixes --mutants MUTANTS --python ENVIRONMENT/bin/python

CASES is a folder with ``index.jsonl`` (``id``, ``buggy``, ``fact``) and a ``verify.py`` that can tell whether a fact holds
of a file. The packages are unpacked and never imported. Nothing is written to either: fixes are applied to copies.
MUTANTS is what ``python -m benchmarks.mutation --mutants MUTANTS`` has written; the interpreter is the one named there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.fixes.cases import measure_cases
from benchmarks.fixes.packages import measure_packages


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--packages", type=Path, nargs="*", default=[])
    parser.add_argument("--show", action="store_true", help="print each repair of a package as a diff")
    parser.add_argument("--output", type=Path, help="append the figures of each package, a JSON object a line")
    arguments = parser.parse_args(argv)
    failures = 0
    if arguments.cases:
        failures += measure_cases(arguments.cases)
    if arguments.packages:
        failures += measure_packages(arguments.packages, arguments.show, arguments.output)
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())

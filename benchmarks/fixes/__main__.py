"""Measure fixes: is the fault gone, and does anything else change?

    python -m benchmarks.fixes --cases CASES
    python -m benchmarks.fixes --packages FOLDER [FOLDER ...]
    python -m benchmarks.mutation --python ENVIRONMENT/bin/python --packages vit_pytorch --observed MUTANTS
    python -m benchmarks.fixes --mutants MUTANTS --python ENVIRONMENT/bin/python --proofs 20

CASES is a folder with ``index.jsonl`` (``id``, ``buggy``, ``fact``) and a ``verify.py`` that can tell whether a fact holds
of a file. The packages are unpacked and never imported. Nothing is written to either: fixes are applied to copies.
MUTANTS is a folder in which the mutation benchmark keeps its mutants; so many of their repairs are also made by
``paramlint check --fix --unsafe-fixes --confirm`` in copies of their packages, several in one command.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.fixes.cases import measure_cases
from benchmarks.fixes.mutants import measure_mutants
from benchmarks.fixes.packages import measure_packages


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--packages", type=Path, nargs="*", default=[])
    parser.add_argument("--show", action="store_true", help="print each repair of a package as a diff")
    parser.add_argument("--labels", type=Path, help="look only at files named here (primer_labels.jsonl)")
    parser.add_argument(
        "--files", type=int, help="of each package, so many files that speak of Modules at most, drawn by a seed"
    )
    parser.add_argument("--output", type=Path, help="append the figures of each package, a JSON object a line")
    parser.add_argument("--mutants", type=Path)
    parser.add_argument("--python", help="the interpreter that has torch and the mutants' packages")
    parser.add_argument("--proofs", type=int, default=0, help="how many repairs of mutants are proved, spread evenly")
    parser.add_argument("--classes", type=int, help="of the mutants, those of so many classes, drawn by a fixed seed")
    arguments = parser.parse_args(argv)
    if arguments.mutants and not arguments.python:
        parser.error("--mutants needs --python")
    failures = 0
    if arguments.cases:
        failures += measure_cases(arguments.cases)
    if arguments.packages:
        failures += measure_packages(
            arguments.packages, arguments.show, arguments.output, arguments.labels, arguments.files
        )
    if arguments.mutants:
        failures += measure_mutants(
            arguments.mutants, arguments.python, arguments.proofs, arguments.classes, arguments.output
        )
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())

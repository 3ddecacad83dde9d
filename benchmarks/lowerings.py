"""Compare both lowerings over real code: are their forms equal, and what does each cost?

    python benchmarks/lowerings.py FOLDER [FOLDER ...]

Prints, for each folder, the number of files and functions, the differences, and the processor time of each lowering
relative to ``ast.parse`` of the same files; the three take turns file by file, so that a busy machine slows all of
them alike. A file that ``ast`` cannot parse is left out. Exits with 1 when there is a difference.
"""

from __future__ import annotations

import argparse
import ast
import gc
import sys
import time
from pathlib import Path
from typing import NamedTuple

from paramlint.facts import lower_ast, lower_libcst
from paramlint.facts.source import SourceError, read_source
from paramlint.model import code


class Difference(NamedTuple):
    """The first place at which two forms differ, by the names of the fields that lead there."""

    where: str
    fast: object
    exact: object


def first_difference(fast: object, exact: object, where: str = "") -> Difference | None:
    """Compare two forms by structure and by type, which tuples' own equality ignores."""
    if type(fast) is not type(exact):
        return Difference(where, fast, exact)
    if isinstance(fast, tuple) and isinstance(exact, tuple):
        if len(fast) != len(exact):
            return Difference(where, fast, exact)
        names = getattr(fast, "_fields", range(len(fast)))
        for name, one, other in zip(names, fast, exact, strict=True):
            found = first_difference(one, other, f"{where}.{name}")
            if found is not None:
                return found
        return None
    # Floats by their representation: a literal's sign of zero counts.
    return None if repr(fast) == repr(exact) else Difference(where, fast, exact)


def functions_in(node: object) -> int:
    """How many function definitions a form holds."""
    if not isinstance(node, tuple):
        return 0
    return isinstance(node, code.Function) + sum(map(functions_in, node))


class Measured(NamedTuple):
    """What one folder showed; times are processor seconds."""

    files: int
    functions: int
    differences: int
    refused: int
    parse: float
    fast: float
    exact: float


def measure(folder: Path) -> Measured:
    """Lower each Python file below ``folder`` both ways, and print what differs."""
    files = functions = differences = refused = 0
    parse = fast = exact = 0.0
    for path in sorted(folder.rglob("*.py")):
        try:
            source = read_source(str(path))
            gc.collect()
            gc.disable()
            started = time.process_time()
            tree = ast.parse(source.text)
            parse += time.process_time() - started
            gc.enable()
            started = time.process_time()
            fast_form = lower_ast.lower(source, tree)
            fast += time.process_time() - started
        except (SourceError, SyntaxError, ValueError) as error:
            print(f"{path}: left out: {error}")
            continue
        finally:
            gc.enable()
        files += 1
        functions += functions_in(fast_form)
        del tree
        started = time.process_time()
        try:
            exact_form = lower_libcst.lower(source)
        except SourceError as error:
            print(f"refused by libcst: {error}")
            refused += 1
            continue
        finally:
            exact += time.process_time() - started
        found = first_difference(fast_form, exact_form)
        if found is not None:
            differences += 1
            print(f"{path}: {found.where}\n  ast    {found.fast!r:.300}\n  libcst {found.exact!r:.300}")
    return Measured(files, functions, differences, refused, parse, fast, exact)


def main() -> int:
    """Measure each folder that is named on the command line, and print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    results = []
    for folder in parser.parse_args().folders:
        result = measure(folder)
        results.append(result)
        if result.files:
            print(
                f"{folder.name}: {result.files} files, {result.functions} functions, {result.differences} differences, "
                f"{result.refused} refused by libcst; relative to ast.parse ({result.parse:.2f} s): "
                f"lower_ast {result.fast / result.parse:.2f}, lower_libcst {result.exact / result.parse:.2f}",
                flush=True,
            )
    return 1 if any(result.differences for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())

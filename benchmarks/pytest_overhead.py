"""What ``pytest --paramlint`` adds to a test suite, in processor seconds and by the clock.

    python -m benchmarks.pytest_overhead --python VENV/bin/python FOLDER
    python -m benchmarks.pytest_overhead --python VENV/bin/python --rounds 5 FOLDER tests/test_vit.py -n 2

``VENV`` is an environment that has pytest, torch, libcst, pathspec and what the suite imports; ``FOLDER`` is where the
suite is run, such as an unpacked source distribution. What follows is handed to pytest. The suite is run in turns
without and with the option; the medians are compared with what is promised: a tenth of the suite's time and 3 seconds.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measuring import Cost, median, run

_ROOT = Path(__file__).resolve().parent.parent
_PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:paramlint")
_WATCHED = ("-p", "paramlint.pytest_plugin", "--paramlint")
_SHARE, _ONCE = 0.1, 3.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("folder", type=Path)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT")
    options = parser.parse_args(arguments)
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    plain: list[Cost] = []
    watched: list[Cost] = []
    for _ in range(options.rounds):
        for costs, extra in ((plain, ()), (watched, _WATCHED)):
            command = [options.python, *_PYTEST, *extra, *options.arguments]
            costs.append(run(command, options.folder, {"PYTHONPATH": path}))
    without, with_option = median(plain), median(watched)
    for name, before, after in (
        ("processor", without.cpu, with_option.cpu),
        ("clock", without.wall, with_option.wall),
    ):
        allowed = _SHARE * before + _ONCE
        print(
            f"{name}: {before:.1f} s without, {after:.1f} s with --paramlint: {after - before:+.1f} s "
            f"({100 * (after / before - 1):+.0f} %), {allowed:.1f} s are allowed"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

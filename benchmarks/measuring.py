"""What a process costs: run to its end, with its children's time and memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Cost(NamedTuple):
    """Seconds of processor and of the clock; the largest resident set of one process, in megabytes."""

    cpu: float
    wall: float
    memory: float


def run(command: Sequence[str], folder: Path, variables: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end, whatever its exit code, and return what it and its children cost."""
    environment = {**os.environ, **(variables or {})}
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode < 0 or process.returncode > 2:
        raise SystemExit(f"ended with {process.returncode}: {' '.join(command[:6])} ...")
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / unit)


def median(costs: Sequence[Cost]) -> Cost:
    """Return the median of each figure."""
    return Cost(*(statistics.median(figures) for figures in zip(*costs, strict=True)))


_PARSE = """
import ast, gc, sys, time
gc.disable()
total = 0.0
for path in open(sys.argv[1]).read().splitlines():
    text = open(path, encoding="utf-8", errors="replace").read()
    started = time.process_time()
    try:
        ast.parse(text)
    except SyntaxError:
        pass
    total += time.process_time() - started
print(total)
"""


def parsing(files: Sequence[Path], listing: Path) -> float:
    """Return the processor seconds that ``ast.parse`` takes for files."""
    listing.write_text("\n".join(map(str, files)), encoding="utf-8")
    command = [sys.executable, "-W", "ignore", "-c", _PARSE, str(listing)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

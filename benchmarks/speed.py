"""Measure paramlint beside TorchFix, flake8 and ruff, and write what came out to docs/performance.md.

    python benchmarks/speed.py [--corpus DIR] [--peers DIR] [--files N] [--rounds N]

Fetches the pinned packages from PyPI, makes an environment for the other tools, runs everything in turns (so that a
busy machine slows all alike) and takes medians. Processor time is compared with that of ``ast.parse`` over the same
files. ``--files`` measures on that many files of transformers, spread evenly; the table says so.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from corpus import PINNED, package, sample, sources
from measuring import Cost, median, parsing, run

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "performance.md"
_CACHE = Path.home() / ".cache" / "paramlint-benchmarks"
# TorchFix is a plugin of flake8 too, and would run with it: flake8 has an environment of its own.
_PEERS = {"torchfix": ("torchfix==0.7.0", "ruff==0.17.6"), "flake8": ("flake8==7.5.0", "libcst", "pathspec")}
_TORCHFIX_FILES = 12
# Bytecode is kept, as that of the other tools is: who installs a package has it.
_OURS = {
    "PYTHONPATH": str(ROOT),
    "PYTHONDONTWRITEBYTECODE": "",
    "PYTHONPYCACHEPREFIX": str(_CACHE / "bytecode"),
}


class Row(NamedTuple):
    """One line of the table."""

    what: str
    target: str
    stretch: str
    measured: str


def paramlint(*arguments: str) -> list[str]:
    """Return the command that runs the paramlint of this repository."""
    return [sys.executable, "-m", "paramlint", "check", "--isolated", "--output-format", "json", *arguments]


def cold(paths: Sequence[str], *arguments: str) -> list[str]:
    """Return the command of a run that knows nothing from earlier ones."""
    return paramlint("--no-cache", *arguments, *paths)


def peers(folder: Path, name: str) -> Path:
    """Return the folder of programs of an environment that has one of the other tools."""
    environment = folder / name
    programs = environment / ("Scripts" if os.name == "nt" else "bin")
    if not (programs / name).exists():
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        subprocess.run([str(programs / "python"), "-m", "pip", "install", "-q", *_PEERS[name]], check=True)
    return programs


def against_parsing(
    folder: Path, files: Sequence[Path], programs: Path, flake8: Path, rounds: int, scratch: Path
) -> Iterator[Row]:
    """Cold runs and the other tools, each relative to ``ast.parse``."""
    named = [str(path) for path in files]
    parse: list[float] = []
    costs: dict[str, list[Cost]] = defaultdict(list)
    for _ in range(rounds):
        parse.append(parsing(files, scratch / "files"))
        costs["default"].append(run(cold(named, "--jobs", "2"), folder, _OURS))
        costs["all"].append(run(cold(named, "--jobs", "2", "--select", "ALL"), folder, _OURS))
        costs["ruff"].append(
            run([str(programs / "ruff"), "check", "--isolated", "--no-cache", "--select", "ALL", *named], folder)
        )
        costs["flake8"].append(run([str(flake8 / "flake8"), "--isolated", "-j", "2", *named], folder))
    base = sorted(parse)[len(parse) // 2]

    def ratio(tool: str) -> str:
        return f"{median(costs[tool]).cpu / base:.1f} × ({median(costs[tool]).cpu:.1f} s of {base:.2f} s)"

    yield Row("cold, CPU, default selection, against `ast.parse`", "3.0 ×", "1.5 ×", ratio("default"))
    yield Row("cold, `--select ALL`", "4.0 ×", "2.0 ×", ratio("all"))
    yield Row("ruff, all rules, without its cache", "", "", ratio("ruff"))
    yield Row("flake8", "", "", ratio("flake8"))
    peak = max(cost.memory for tool in ("default", "all") for cost in costs[tool])
    yield Row("peak memory of a process", "200 MB", "150 MB", f"{peak:.0f} MB")


def against_torchfix(folder: Path, files: Sequence[Path], programs: Path, rounds: int) -> Iterator[Row]:
    """Wall time beside TorchFix, which has one process: it is given half of the files in each of two."""
    named = [str(path) for path in sample(list(files), _TORCHFIX_FILES)]
    theirs: list[Cost] = []
    ours: list[Cost] = []
    script = 'a="$1"; shift; n=$(($# / 2)); "$a" --select=ALL "${@:1:$n}" & "$a" --select=ALL "${@:$((n + 1))}"; wait'
    for _ in range(rounds):
        theirs.append(run(["bash", "-c", script, "-", str(programs / "torchfix"), *named], folder))
        ours.append(run(cold(named, "--jobs", "2", "--select", "ALL"), folder, _OURS))
    one, other = median(ours), median(theirs)
    figures = f"1/{other.wall / one.wall:.1f} ({one.wall:.2f} s and {other.wall:.2f} s, {len(named)} files)"
    yield Row("wall against TorchFix with `--select ALL`, both at 2 workers", "1/60", "1/150", figures)


def with_cache(folder: Path, files: Sequence[Path], rounds: int, scratch: Path) -> Iterator[Row]:
    """A second run over files of which nothing has changed."""
    named = [str(path) for path in files]
    shares = []
    for number in range(rounds):
        arguments = ("--cache-dir", str(scratch / f"cache{number}"), "--jobs", "2", *named)
        first = run(paramlint(*arguments), folder, _OURS)
        second = run(paramlint(*arguments), folder, _OURS)
        shares.append((second.cpu / first.cpu, first.cpu, second.cpu))
    share, first_cpu, second_cpu = sorted(shares)[len(shares) // 2]
    figures = f"{share:.1%} ({second_cpu:.2f} s of {first_cpu:.1f} s)"
    yield Row("nothing changed, against own cold run (CPU)", "5 %", "2 %", figures)


def one_of_many(folder: Path, rounds: int, scratch: Path, count: int | None) -> Iterator[Row]:
    """One file edited, in a project of 300 files."""
    project = scratch / "project"
    chosen = sample(sources(folder), min(300, count or 300))
    for path in chosen:
        target = project / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    (project / "pyproject.toml").touch()
    run(paramlint("."), project, _OURS)
    edited = max(project.rglob("*.py"), key=lambda path: path.stat().st_size)
    costs = []
    for number in range(max(rounds, 3)):
        with edited.open("a", encoding="utf-8") as stream:
            stream.write(f"# {number}\n")
        costs.append(run(paramlint("."), project, _OURS))
    figures = f"{median(costs).wall:.2f} s (CPU {median(costs).cpu:.2f} s)"
    yield Row(f"one file of {len(chosen)} changed, wall", "0.35 s", "0.2 s", figures)


_MODEL = """

class Block{0}(nn.Module):
    def __init__(self, size, hidden=64, dropout=0.1):
        super().__init__()
        self.norm = nn.LayerNorm(size)
        self.first = nn.Linear(size, hidden)
        self.second = nn.Linear(hidden, size)
        self.dropout = nn.Dropout(dropout)
        {1}

    def forward(self, x):
        residual = x
        x = self.norm(x)
        x = self.first(x)
        x = torch.relu(x)
        x = self.dropout(x)
        x = self.second(x)
        return x + residual
"""


def one_file(rounds: int, scratch: Path) -> Iterator[Row]:
    """A model file of a thousand lines as a whole process."""
    head = "import torch\nfrom torch import nn\n"
    kinds = {"clean": "self.size = size", "with findings": "self.scale = nn.Parameter(torch.ones(size)).half()"}
    figures = []
    for kind, line in kinds.items():
        path = scratch / "one" / f"{kind.split()[0]}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(head + "".join(_MODEL.format(number, line) for number in range(50)), encoding="utf-8")
        costs = [run(cold([path.name], "--jobs", "1"), path.parent, _OURS) for _ in range(max(rounds, 5))]
        figures.append(f"{median(costs).cpu:.2f} s {kind}")
    yield Row("one 1,000-line model file, whole process, CPU", "0.15 s / 0.6 s", "0.06 s / 0.4 s", ", ".join(figures))


def added_to_flake8(folder: Path, programs: Path, rounds: int, scratch: Path, count: int | None) -> Iterator[Row]:
    """What the plugin adds to flake8, which has parsed already."""
    named = [str(path) for path in sample(sources(folder), count)]
    settings = scratch / "flake8.ini"
    settings.write_text(
        "[flake8:local-plugins]\nextension =\n  PRM = paramlint.flake8_plugin:Plugin\n", encoding="utf-8"
    )
    plain, plugged = [], []
    for _ in range(rounds):
        plain.append(run([str(programs / "flake8"), "--isolated", "-j", "1", *named], folder))
        command = [str(programs / "flake8"), "--config", str(settings), "-j", "1", *named]
        plugged.append(run(command, folder, _OURS))
    added = median(plugged).cpu / median(plain).cpu - 1
    figures = f"{added:.0%} ({median(plain).cpu:.1f} s and {median(plugged).cpu:.1f} s, {len(named)} files)"
    yield Row("added to flake8's own time on timm (CPU)", "25 %", "10 %", figures)


def growth(folder: Path, rounds: int, scratch: Path) -> Iterator[Row]:
    """The cost of one, two and four copies of a package."""
    per_copy = []
    for copies in (1, 2, 4):
        project = scratch / f"copies{copies}"
        for number in range(copies):
            shutil.copytree(folder, project / f"part{number}")
        (project / "pyproject.toml").touch()
        costs = [run(cold(["."], "--jobs", "2"), project, _OURS) for _ in range(rounds)]
        per_copy.append(median(costs).cpu / copies)
    figures = ", ".join(f"{cost / per_copy[0]:.2f}" for cost in per_copy)
    yield Row("growth: cost of a file at 1×, 2×, 4× the files", "within 10 %", "", figures)


def page(rows: Sequence[Row], described: str, remarks: str) -> str:
    """Return the text of docs/performance.md; ``remarks`` are what follows the table."""
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    lines = [
        "# Performance",
        "",
        "Measured by `python benchmarks/speed.py`, which fetches the packages and the other tools, runs all in turns,",
        "takes medians and writes this page. Processor time is user and system time of all processes.",
        "",
        f"Machine: {system}. {described}",
        "",
        "| what | at most | stretch | measured |",
        "|---|---|---|---|",
        *(f"| {row.what} | {row.target} | {row.stretch} | {row.measured} |" for row in rows),
        "",
    ]
    return "\n".join(lines) + remarks


def remarks_in(text: str) -> str:
    """What has been written below the table of a page by hand."""
    rows = [line for line in text.splitlines(keepends=True) if line.startswith("|")]
    return text.rpartition(rows[-1])[2] if rows else ""


def main() -> None:
    """Measure everything that the command line asks for, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=_CACHE / "corpus", help="where packages are, or are fetched to")
    parser.add_argument("--peers", type=Path, default=_CACHE / "peers", help="the environment of the other tools")
    parser.add_argument("--files", type=int, metavar="N", help="measure on N files of each package (default: all)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    arguments = parser.parse_args()
    programs, flake8 = peers(arguments.peers, "torchfix"), peers(arguments.peers, "flake8")
    transformers = package("transformers", arguments.corpus)
    timm, small = (package(name, arguments.corpus) for name in ("timm", "vit-pytorch"))
    files = sample(sources(transformers), arguments.files)
    size = sum(path.stat().st_size for path in files) / 1e6
    rounds = arguments.rounds
    rows: list[Row] = []
    remarks = remarks_in(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else ""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        parts: list[Callable[[], Iterator[Row]]] = [
            lambda: one_file(rounds, scratch),
            lambda: against_parsing(transformers, files, programs, flake8, rounds, scratch),
            lambda: with_cache(transformers, files, rounds, scratch),
            lambda: one_of_many(timm, rounds, scratch, arguments.files),
            lambda: against_torchfix(transformers, files, programs, rounds),
            lambda: added_to_flake8(timm, flake8, rounds, scratch, arguments.files),
            lambda: growth(small, rounds, scratch),
        ]
        for part in parts:
            for row in part():
                rows.append(row)
                print(f"{row.what}: {row.measured} (at most {row.target or '-'})", flush=True)
            described = (
                f"transformers {PINNED['transformers']}: {len(files)} of {len(sources(transformers))} files, "
                f"{size:.1f} MB; medians of {rounds}."
            )
            PAGE.write_text(page(rows, described, remarks), encoding="utf-8")


if __name__ == "__main__":
    main()

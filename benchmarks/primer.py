"""Lint pinned packages from PyPI, unmodified, and compare the alarms with labels that were given by reading the source.

    python benchmarks/primer.py [--corpus FOLDER] [--packages timm,monai] [--record]

The packages and versions are those of ``primer_packages.txt``. What the corpus folder does not hold yet is downloaded by
pip without dependencies and unpacked there; nothing of it is imported or run by paramlint, and no interpreter's packages
are looked at, so that the figures are the same on every machine. The labels are in ``primer_labels.jsonl``.

Printed are new alarms (without a label), missing ones (labelled, and no longer said), changed ones (at another line or
in other words of the rule), and precision overall and for each rule, with alarms for each 1,000 Module classes. With
``--record`` the alarms go into ``primer_results.jsonl``, from which ``benchmarks/field_report.py`` makes the tables of
docs/field-report.md. Exits with 1 when an alarm has no label, with 2 when a package could not be had. Files that cannot
be analysed are listed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from paramlint.engine.analysis import Analyser
from paramlint.engine.check import Planner, check
from paramlint.engine.configuration import Configuration
from paramlint.engine.discovery import discover
from paramlint.engine.settings import Overrides
from paramlint.facts.source import SourceError

HERE = Path(__file__).parent
RESULTS = HERE / "primer_results.jsonl"
# One platform's wheels on every machine: the labels name lines of these files.
_PLATFORM = ["--implementation", "cp", "--python-version", "3.11", "--platform", "manylinux_2_34_x86_64"]
_PLATFORM += ["--platform", "manylinux_2_28_x86_64", "--platform", "manylinux2014_x86_64"]


class Alarm(NamedTuple):
    """One diagnostic, by what identifies it in a pinned package; ``file`` is relative to the unpacked package."""

    package: str
    version: str
    file: str
    line: int
    code: str
    class_name: str | None
    attribute: str | None

    @property
    def without_line(self) -> tuple[str, str, str, str | None, str | None]:
        """What stays the same when a rule chooses another line to speak at."""
        return (self.package, self.file, self.code, self.class_name, self.attribute)


class Label(NamedTuple):
    """What reading the source said of an alarm, why in a line, and what a user meets where the reason does not say it."""

    is_true: bool
    reason: str
    meets: str = ""


class Linted(NamedTuple):
    """One package: ``classes`` counts its Module classes, ``seconds`` are of processor time."""

    alarms: tuple[Alarm, ...]
    errors: tuple[str, ...]
    files: int
    classes: int
    seconds: float


class Comparison(NamedTuple):
    """Alarms against labels; ``changed`` pairs an alarm with the labelled one that it stands for now."""

    known: tuple[tuple[Alarm, Label], ...]
    changed: tuple[tuple[Alarm, Alarm], ...]
    new: tuple[Alarm, ...]
    missing: tuple[tuple[Alarm, Label], ...]


def read_packages(path: Path) -> dict[str, str]:
    """Return the pinned version of each package: lines of ``name==version``, comments after ``#``."""
    lines = [line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    return {name: version for name, _, version in (line.partition("==") for line in lines if line)}


def read_labels(path: Path) -> dict[Alarm, Label]:
    """Return the labels, one JSON object a line."""
    labels = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        fields = ("package", "version", "file", "line", "code", "class", "attribute")
        labels[Alarm(*(row[field] for field in fields))] = Label(
            row["verdict"] == "true", row["reason"], row.get("meets", "")
        )
    return labels


def read_results(path: Path) -> dict[str, Linted]:
    """Return what the last recorded run of each package said, one JSON object a line; errors are not recorded."""
    results = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        row = json.loads(line)
        alarms = tuple(Alarm(row["package"], row["version"], *alarm) for alarm in row["alarms"])
        results[row["package"]] = Linted(alarms, (), row["files"], row["classes"], row["seconds"])
    return results


def write_results(path: Path, versions: Mapping[str, str], results: Mapping[str, Linted]) -> None:
    """Write what ``read_results`` reads, packages in their order, those that are not pinned any more left out."""
    with path.open("w", encoding="utf-8") as stream:
        for name in sorted(results.keys() & versions.keys()):
            result = results[name]
            row: dict[str, object] = {"package": name, "version": versions[name], "files": result.files}
            row |= {"classes": result.classes, "seconds": round(result.seconds)}
            row["alarms"] = [alarm[2:] for alarm in sorted(result.alarms, key=str)]
            stream.write(json.dumps(row) + "\n")


def fetch(name: str, version: str, corpus: Path) -> Path | None:
    """Return the folder that holds an unpacked package, downloading it first where needed; None when that fails."""
    folder = corpus / f"{name}-{version}"
    if folder.is_dir():
        return folder
    downloads = corpus / "downloads" / folder.name
    downloads.mkdir(parents=True, exist_ok=True)
    base = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(downloads)]
    said: subprocess.CompletedProcess[str] | None = None
    # A source archive only where there is no wheel: pip runs its setup script to learn its name.
    for options in (["--only-binary=:all:", *_PLATFORM], ["--no-binary=:all:", "--no-build-isolation"]):
        if not any(downloads.iterdir()):
            said = subprocess.run([*base, *options, f"{name}=={version}"], capture_output=True, text=True, check=False)
    archive = next(downloads.iterdir(), None)
    if archive is None:
        print(said.stderr if said else "", file=sys.stderr)
        return None
    partial = corpus / f".{folder.name}"
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(partial)
    else:
        with tarfile.open(archive) as source:
            source.extractall(partial, filter="data")
    return partial.rename(folder)


def lint(name: str, version: str, folder: Path) -> Linted:
    """Lint an unpacked package with the default selection, in this process."""
    configuration = Configuration(Overrides(), None, True)
    started = time.process_time()
    report = check([folder], configuration, jobs=1)
    seconds = time.process_time() - started
    alarms = [
        Alarm(
            name,
            version,
            Path(found.path).relative_to(folder).as_posix(),
            found.span.line,
            found.code,
            found.class_name,
            found.attribute,
        )
        for found in report.diagnostics
    ]
    errors = tuple(f"{error.path}:{error.line or 0}: {error.message}" for error in report.errors)
    return Linted(tuple(dict.fromkeys(alarms)), errors, report.files, module_classes(folder, configuration), seconds)


def module_classes(folder: Path, configuration: Configuration) -> int:
    """Count the classes of a folder that are known to be Modules."""
    planner, analyser = Planner(configuration), Analyser()
    count = 0
    for path in discover([folder], configuration).files:
        project = analyser.project_for(planner.root(path), planner.environment(path))
        try:
            count += sum(linked.is_module is True for linked in project.classes(project.module_at(path)))
        except SourceError:
            continue
    return count


def compare(alarms: Iterable[Alarm], labels: Mapping[Alarm, Label]) -> Comparison:
    """Match alarms with the labels of the same packages: exactly, or else at another line of the same attribute."""
    alarms = list(alarms)
    known = tuple((alarm, labels[alarm]) for alarm in alarms if alarm in labels)
    open_labels = [alarm for alarm in labels if alarm not in set(alarms)]
    changed: list[tuple[Alarm, Alarm]] = []
    new: list[Alarm] = []
    for alarm in alarms:
        if alarm in labels:
            continue
        same = next((other for other in open_labels if other.without_line == alarm.without_line), None)
        if same is None:
            new.append(alarm)
        else:
            open_labels.remove(same)
            changed.append((alarm, same))
    return Comparison(known, tuple(changed), tuple(new), tuple((alarm, labels[alarm]) for alarm in open_labels))


def precision(known: Sequence[tuple[Alarm, Label]]) -> Iterator[str]:
    """Lines of a table: for each rule and overall, how many labelled alarms there are and how many of them are right."""
    right = Counter(alarm.code for alarm, label in known if label.is_true)
    every = Counter(alarm.code for alarm, _ in known)
    yield f"{'rule':<10}{'alarms':>8}{'true':>6}{'precision':>11}"
    for code in sorted(every):
        yield f"{code:<10}{every[code]:>8}{right[code]:>6}{right[code] / every[code]:>11.3f}"
    if known:
        yield f"{'all':<10}{len(known):>8}{right.total():>6}{right.total() / len(known):>11.3f}"


def _line(alarm: Alarm) -> str:
    name = ".".join(part for part in (alarm.class_name, alarm.attribute) if part)
    return f"{alarm.package}=={alarm.version} {alarm.file}:{alarm.line} {alarm.code} {name}"


def _print(comparison: Comparison) -> None:
    for alarm in comparison.new:
        print(f"new      {_line(alarm)}")
    for alarm, label in comparison.missing:
        print(f"missing  {_line(alarm)} ({'true' if label.is_true else 'false'}: {label.reason})")
    for alarm, before in comparison.changed:
        print(f"changed  {_line(alarm)} (labelled at line {before.line})")


def _arguments() -> argparse.Namespace:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, default=cache / "paramlint" / "primer", help="default: %(default)s")
    parser.add_argument("--packages", default="", help="only these, by name, separated by commas")
    parser.add_argument("--labels", type=Path, default=HERE / "primer_labels.jsonl")
    parser.add_argument(
        "--record",
        action="store_true",
        help="put what was found in primer_results.jsonl, which the report is made from",
    )
    parser.add_argument(
        "--output", type=Path, help="write the alarms as JSON lines, with the verdict where there is one"
    )
    arguments = parser.parse_args()
    arguments.corpus = arguments.corpus.absolute()
    return arguments


def _write(path: Path, alarms: Iterable[Alarm], labels: Mapping[Alarm, Label]) -> None:
    with path.open("w", encoding="utf-8") as stream:
        for alarm in alarms:
            row: dict[str, object] = {
                ("class" if key == "class_name" else key): value for key, value in alarm._asdict().items()
            }
            label = labels.get(alarm)
            row |= {"verdict": label and str(label.is_true).lower(), "reason": label and label.reason}
            stream.write(json.dumps(row) + "\n")


def main() -> int:
    arguments = _arguments()
    # The active environment holds other versions of the packages' dependencies on every machine.
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        os.environ.pop(variable, None)
    packages = read_packages(HERE / "primer_packages.txt")
    wanted = arguments.packages.split(",") if arguments.packages else list(packages)
    if unknown := set(wanted) - set(packages):
        sys.exit(f"primer: error: not in primer_packages.txt: {', '.join(sorted(unknown))}")
    linted: dict[str, Linted] = {}
    failed = False
    for name in wanted:
        folder = fetch(name, packages[name], arguments.corpus)
        if folder is None:
            print(f"primer: {name}=={packages[name]} could not be downloaded", file=sys.stderr)
            failed = True
            continue
        result = linted[name] = lint(name, packages[name], folder)
        figures = f"{result.files} files, {result.classes} Module classes, {len(result.alarms)} alarms"
        print(f"{name}=={packages[name]}: {figures}, {result.seconds:.0f} s", flush=True)
        for error in result.errors:
            print(f"  {error}")
        if arguments.record:
            write_results(RESULTS, packages, read_results(RESULTS) | {name: result})
    labels = {alarm: label for alarm, label in read_labels(arguments.labels).items() if alarm.package in linted}
    alarms = [alarm for result in linted.values() for alarm in result.alarms]
    if arguments.output:
        _write(arguments.output, alarms, labels)
    comparison = compare(alarms, labels)
    print()
    _print(comparison)
    print("\n".join(precision(comparison.known)))
    classes = sum(result.classes for result in linted.values())
    print(
        f"{len(alarms)} alarms in {classes} Module classes: {1000 * len(alarms) / max(classes, 1):.1f} for each 1,000"
    )
    if failed:
        return 2
    return 1 if comparison.new or comparison.changed else 0


if __name__ == "__main__":
    sys.exit(main())

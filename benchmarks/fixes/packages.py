"""Fixes of released packages: each file must compile and lint as before, and be the same byte for byte around the edits."""

from __future__ import annotations

import difflib
import json
import shutil
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from benchmarks.fixes.every import configuration
from paramlint.engine.check import check
from paramlint.engine.fixing import Change, is_applicable, key_of
from paramlint.engine.outcome import Report
from paramlint.engine.repair import Fixer
from paramlint.facts.source import Source, SourceError, read_source
from paramlint.facts.write import write_source
from paramlint.model.diagnostic import Edit


def measure_packages(
    folders: Sequence[Path], show: bool, output: Path | None, labels: Path | None, most: int | None
) -> int:
    """Apply every fix to a copy of each package; return how many files or findings tell that something broke.

    ``labels``: of each package, only the files that labels of the primer name are linted and fixed. ``most``: of each
    package, at most so many of the files that speak of Modules, drawn by a fixed seed.
    """
    files = defaultdict(set)
    for line in labels.read_text().splitlines() if labels is not None else ():
        label = json.loads(line)
        files[label["package"]].add(label["file"])
    total: Counter[str] = Counter()
    for folder in folders:
        began = time.process_time()
        only = None if labels is None else sorted(files[folder.name.rpartition("-")[0]])
        if most is not None:
            only = _drawn(folder, most)
        counts = _measure(folder, show, only)
        total += counts
        row = {
            "package": folder.name,
            "CPU seconds": round(time.process_time() - began),
            **dict(sorted(counts.items())),
        }
        print(json.dumps(row), flush=True)
        if output is not None:
            with output.open("a") as stream:
                stream.write(json.dumps(row) + "\n")
    print(
        "packages:", ", ".join(f"{name} {count}" for name, count in sorted(total.items())), "; broken", total["broken"]
    )
    return total["broken"]


def _drawn(folder: Path, most: int) -> list[str]:
    names = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*.py") if b"Module" in path.read_bytes()
    )
    return names if len(names) <= most else sorted(Random(0).sample(names, most))


def _measure(folder: Path, show: bool, only: Sequence[str] | None) -> Counter[str]:
    with tempfile.TemporaryDirectory() as parent:
        copy = Path(parent) / folder.name
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*.so", "*.bin", "*.json", "*.txt"))
        paths = [copy] if only is None else [copy / name for name in only]
        report = check(paths, configuration(), jobs=1)
        counts = Counter(
            {"findings": len(report.diagnostics), "files": len(list(copy.rglob("*.py")) if only is None else only)}
        )
        counts["with a fix"] = sum(is_applicable(item.fix, True) for item in report.diagnostics)
        changes = list(_changes(report, show))
        for change in changes:
            counts["applied"] += len(change.applied)
            counts["withheld"] += len(change.withheld)
            counts["files changed"] += bool(change.applied)
            counts.update(f"applied {item.code}" for item in change.applied)
            for item in change.withheld:
                where = f"{Path(item.diagnostic.path).relative_to(parent)}:{item.diagnostic.span.line}"
                print(f"  withheld {where} {item.diagnostic.code} {item.diagnostic.attribute}: {item.reason}")
        counts["broken"] = sum(_is_broken(change) for change in changes if change.applied)
        if counts["applied"]:
            counts["broken"] += sum(1 for _ in _new_findings(paths, report))
        return counts


def _changes(report: Report, show: bool) -> Iterator[Change]:
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


def _is_broken(change: Change) -> bool:
    """Write a change; tell whether the file does not compile, or differs anywhere but in the edits."""
    path = Path(change.before.path)
    data = path.read_bytes()
    for edits in change.passes:
        data = _edited(data, change.before, edits)
    write_source(change.after)
    written = path.read_bytes()
    if data != written:
        print(f"  BROKEN {path}: changed outside of the edits")
        return True
    try:
        compile(written, str(path), "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        print(f"  BROKEN {path}: {error}")
        return True
    return False


def _edited(data: bytes, source: Source, edits: Sequence[Edit]) -> bytes:
    """Edits of one pass made to a file's bytes, by other means than the program's own."""
    mark = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b""
    lines = data[len(mark) :].splitlines(keepends=True)
    end = next((line[len(line.rstrip(b"\r\n")) :] for line in lines), b"\n") or b"\n"

    def offset(line: int, column: int) -> int:
        before = lines[line - 1].decode(source.encoding)[: column - 1] if line <= len(lines) else ""
        return sum(map(len, lines[: line - 1])) + len(before.encode(source.encoding))

    text = data[len(mark) :]
    places = sorted(
        enumerate(edits), key=lambda item: (offset(*item[1].span[:2]), offset(*item[1].span[2:]), item[0]), reverse=True
    )
    for _, edit in places:
        replacement = edit.replacement.encode(source.encoding).replace(b"\r\n", b"\n").replace(b"\n", end)
        text = text[: offset(*edit.span[:2])] + replacement + text[offset(*edit.span[2:]) :]
    return mark + text


def _new_findings(paths: Sequence[Path], report: Report) -> Iterator[str]:
    """What is found in the written files beyond what was found before."""
    before = Counter((item.path, key_of(item)) for item in report.diagnostics)
    after = check(paths, configuration(), jobs=1)
    for (path, key), count in Counter((item.path, key_of(item)) for item in after.diagnostics).items():
        if count > before[path, key]:
            print(f"  NEW {path} {key}")
            yield path

"""Make the tables of docs/field-report.md from the recorded alarms and the labels.

    python -m benchmarks.field_report

Rewrites what stands between the comments of the page; nothing is linted. ``benchmarks/primer.py --record`` records.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from benchmarks.primer import HERE, RESULTS, Alarm, Label, Linted, compare, read_labels, read_packages, read_results
from paramlint.rules import ALL_RULES

PAGE = HERE.parent / "docs" / "field-report.md"
_LICENCE_TO_SPEAK = 0.9


class Evidence(NamedTuple):
    """What the tables are made from: pinned versions, recorded runs, labelled alarms, how many have no label, and bugs.

    ``known`` are the recorded alarms of the default selection with their labels; ``bugs`` are all that were found right in
    any package, by whichever rule.
    """

    versions: Mapping[str, str]
    results: Mapping[str, Linted]
    known: tuple[tuple[Alarm, Label], ...]
    unread: int
    bugs: tuple[tuple[Alarm, Label], ...]


def gather() -> Evidence:
    """Read the data files."""
    versions = read_packages(HERE / "primer_packages.txt")
    results = read_results(RESULTS)
    default = {rule.code for rule in ALL_RULES if rule.enabled_by_default}
    alarms = [alarm for result in results.values() for alarm in result.alarms if alarm.code in default]
    labels = read_labels(HERE / "primer_labels.jsonl")
    found = compare(alarms, labels)
    bugs = tuple((alarm, label) for alarm, label in labels.items() if label.is_true)
    return Evidence(versions, results, found.known, len(found.new) + len(found.changed), bugs)


def parts(evidence: Evidence) -> dict[str, str]:
    """Return each generated part of the page by its name."""
    wrong = [(alarm, label) for alarm, label in evidence.known if not label.is_true]
    return {
        "packages": "\n".join(_packages(evidence)) + "\n",
        "precision": "\n".join(_precision(evidence)) + "\n",
        "bugs": "\n".join(_alarms(evidence.bugs, "what a user meets")) + "\n",
        "false alarms": "\n".join(_alarms(wrong, "why it is none")) + "\n",
    }


def _packages(evidence: Evidence) -> Iterator[str]:
    yield "| package | files | Module classes | alarms | right |"
    yield "|---|---|---|---|---|"
    by_package = Counter(alarm.package for alarm, _ in evidence.known)
    right = Counter(alarm.package for alarm, label in evidence.known if label.is_true)
    for name, result in sorted(evidence.results.items()):
        alarms = f"{by_package[name]} | {right[name]}"
        yield f"| {name} {evidence.versions[name]} | {result.files} | {result.classes} | {alarms} |"
    others = [f"{name} {version}" for name, version in evidence.versions.items() if name not in evidence.results]
    if others:
        yield ""
        yield f"Not recorded: {', '.join(others)}."


def _precision(evidence: Evidence) -> Iterator[str]:
    every = Counter(alarm.code for alarm, _ in evidence.known)
    right = Counter(alarm.code for alarm, label in evidence.known if label.is_true)
    slugs = {rule.code: rule.slug for rule in ALL_RULES}
    yield "| rule | alarms | right | precision |"
    yield "|---|---|---|---|"
    for code in sorted(every):
        yield f"| {code} {slugs[code]} | {every[code]} | {right[code]} | {right[code] / every[code]:.2f} |"
    classes = sum(result.classes for result in evidence.results.values())
    total = every.total()
    yield f"| all | {total} | {right.total()} | {right.total() / max(total, 1):.3f} |"
    yield ""
    rate = f"{1000 * total / max(classes, 1):.1f} for each 1,000"
    yield f"{total} alarms in {classes} Module classes: {rate}."
    if evidence.unread:
        yield f"{evidence.unread} more alarms have no label yet."
    below = [code for code in every if every[code] >= 10 and right[code] / every[code] < _LICENCE_TO_SPEAK]
    if below:
        yield f"Below 0.9 with ten alarms or more: {', '.join(sorted(below))}."


def _alarms(labelled: Iterable[tuple[Alarm, Label]], column: str) -> Iterator[str]:
    yield f"| package | where | what | {column} |"
    yield "|---|---|---|---|"
    for alarm, label in sorted(labelled, key=lambda item: str(item[0])):
        name = ".".join(part for part in (alarm.class_name, alarm.attribute) if part)
        text = (label.meets or label.reason).replace("|", "\\|")
        yield f"| {alarm.package} {alarm.version} | `{alarm.file}:{alarm.line}` | {alarm.code} `{name}` | {text} |"


def with_parts(text: str, contents: Mapping[str, str]) -> str:
    """Return the page with its generated parts replaced. Raises ValueError where the page lacks one."""
    for name, content in contents.items():
        enclosed = re.compile(rf"(<!-- {name}: begin[^>]*-->\n).*?(<!-- {name}: end -->)", re.DOTALL)
        if not enclosed.search(text):
            raise ValueError(f"the page has no part {name}")
        text = enclosed.sub(lambda match, made=content: match[1] + made + match[2], text)  # type: ignore[misc]
    return text


def main() -> None:
    page = Path(PAGE)
    page.write_text(with_parts(page.read_text(encoding="utf-8"), parts(gather())), encoding="utf-8")


if __name__ == "__main__":
    main()

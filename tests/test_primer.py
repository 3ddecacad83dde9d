"""The comparison of alarms with labels that the primer makes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.field_report import PAGE, Evidence, gather, parts, with_parts
from benchmarks.primer import (
    HERE,
    Alarm,
    Label,
    Linted,
    compare,
    precision,
    read_labels,
    read_packages,
    read_results,
    write_results,
)

ALARM = Alarm("package", "1.0", "net.py", 3, "PRM101", "Net", "scale")
RIGHT = Label(True, "meets the input")
WRONG = Label(False, "moved by the caller")


def test_a_labelled_alarm_is_known() -> None:
    found = compare([ALARM], {ALARM: RIGHT})
    assert found.known == ((ALARM, RIGHT),)
    assert (found.new, found.missing, found.changed) == ((), (), ())


def test_another_line_of_the_same_attribute_is_a_change() -> None:
    moved = ALARM._replace(line=9)
    found = compare([moved], {ALARM: RIGHT})
    assert found.changed == ((moved, ALARM),)
    assert (found.new, found.missing) == ((), ())


def test_one_label_stands_for_one_alarm() -> None:
    moved = [ALARM._replace(line=line) for line in (9, 12)]
    found = compare(moved, {ALARM: RIGHT})
    assert found.changed == ((moved[0], ALARM),)
    assert found.new == (moved[1],)


def test_what_is_no_longer_said_is_missing() -> None:
    assert compare([], {ALARM: WRONG}).missing == ((ALARM, WRONG),)


def test_precision_counts_labelled_alarms() -> None:
    other = ALARM._replace(line=9)
    assert list(precision([(ALARM, RIGHT), (other, WRONG)]))[1:] == [
        "PRM101           2     1      0.500",
        "all              2     1      0.500",
    ]


def test_labels_are_of_pinned_packages() -> None:
    packages = read_packages(HERE / "primer_packages.txt")
    labels = read_labels(HERE / "primer_labels.jsonl")
    assert all(packages.get(alarm.package) == alarm.version for alarm in labels)
    assert all(label.reason for label in labels.values())


def test_recorded_runs_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    results = {"package": Linted((ALARM,), (), 3, 7, 2.0)}
    write_results(path, {"package": "1.0"}, results | {"unpinned": Linted((), (), 1, 1, 1.0)})
    assert read_results(path) == results


def test_the_tables_count_what_is_labelled() -> None:
    results = {"package": Linted((ALARM,), (), 3, 500, 2.0)}
    made = parts(Evidence({"package": "1.0", "other": "2.0"}, results, ((ALARM, RIGHT),), 0, ((ALARM, RIGHT),)))
    assert "| PRM101 unregistered-tensor | 1 | 1 | 1.00 |" in made["precision"]
    assert "1 alarms in 500 Module classes: 2.0 for each 1,000." in made["precision"]
    assert "Not recorded: other 2.0." in made["packages"]
    assert "| package 1.0 | `net.py:3` | PRM101 `Net.scale` | meets the input |" in made["bugs"]


def test_a_page_without_the_comments_is_refused() -> None:
    with pytest.raises(ValueError, match="no part bugs"):
        with_parts("# a page", {"bugs": ""})


def test_the_field_report_is_current() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_parts(page, parts(gather())), "run: python -m benchmarks.field_report"


def test_the_default_selection_is_as_right_as_promised() -> None:
    known = gather().known
    every = Counter(alarm.code for alarm, _ in known)
    right = Counter(alarm.code for alarm, label in known if label.is_true)
    assert right.total() >= 0.95 * every.total()
    assert not [code for code in every if every[code] >= 10 and right[code] < 0.9 * every[code]]

"""The comparison of alarms with labels that the primer makes."""

from __future__ import annotations

from benchmarks.primer import HERE, Alarm, Label, compare, precision, read_labels, read_packages

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

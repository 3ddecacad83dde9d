"""``# noqa``, side by side with flake8's own code on generated files."""

from __future__ import annotations

import argparse
import io

import pytest
from flake8.processor import FileProcessor
from flake8.violation import Violation
from hypothesis import given, settings, strategies as st

from paramlint.engine.suppression import Suppressions

OPTIONS = argparse.Namespace(
    hang_closing=False, indent_size=4, max_line_length=79, max_doc_length=None, verbose=0, disable_noqa=False
)
CODES = ("PRM101", "PRM103", "PRM301")


def flake8_silences(text: str, code: str, line: int) -> bool:
    """Answer by flake8's own code: whether it would drop a violation."""
    processor = FileProcessor("unsaved.py", OPTIONS, lines=list(io.StringIO(text, newline=None)))
    if processor.should_ignore_file():
        return True
    physical = processor.noqa_line_for(line)
    if physical is None:
        # flake8 asks linecache for the line of the file, which is not saved here.
        physical = processor.lines[line - 1] if line <= len(processor.lines) else ""
    return Violation(code, "unsaved.py", line, 0, "", physical).is_inline_ignored(disable_noqa=False)


def silenced(text: str, code: str = "PRM101") -> list[int]:
    suppressions = Suppressions(text)
    return [line for line in range(1, text.count("\n") + 2) if suppressions.silences(code, line)]


@pytest.mark.parametrize(
    ("comment", "codes"),
    [
        pytest.param("# noqa", set(CODES), id="all"),
        pytest.param("# NoQA", set(CODES), id="in any case"),
        pytest.param("#noqa", set(), id="a space is needed"),
        pytest.param("#  noqa", set(), id="one space"),
        pytest.param("# noqa: PRM101", {"PRM101"}, id="one code"),
        pytest.param("# noqa:PRM101,PRM301", {"PRM101", "PRM301"}, id="two codes"),
        pytest.param("# noqa: PRM101 PRM301", {"PRM101", "PRM301"}, id="separated by a space"),
        pytest.param("# noqa: PRM1", {"PRM101", "PRM103"}, id="a prefix"),
        pytest.param("# noqa: prm101", set(), id="codes as they are written"),
        pytest.param("# noqa: E501", set(), id="another's code"),
        pytest.param("# noqa: E501,PRM103", {"PRM103"}, id="beside another's code"),
        pytest.param("# noqa : PRM101", set(CODES), id="a space before the colon ends it"),
        pytest.param("# noqa:  PRM101", set(CODES), id="two spaces after the colon end it"),
        pytest.param("# noqa: detached-parameter", set(CODES), id="a name is no code"),
        pytest.param("# type: ignore # noqa: PRM301", {"PRM301"}, id="after another comment"),
        pytest.param("# noqa: PRM101: because", {"PRM101"}, id="with a reason"),
    ],
)
def test_comments(comment: str, codes: set[str]) -> None:
    text = f"x = 1  {comment}\n"
    assert {code for code in CODES if Suppressions(text).silences(code, 1)} == codes
    assert {code for code in CODES if flake8_silences(text, code, 1)} == codes


def test_each_line_in_brackets_is_its_own() -> None:
    assert silenced("a = f(\n    1,\n    2,\n)  # noqa\nb = 1\n") == [4]


def test_all_lines_joined_by_backslashes_are_silenced() -> None:
    assert silenced("a = \\\n    1 + \\\n    2  # noqa\nb = 1\n") == [1, 2, 3]


def test_all_lines_of_a_string_are_silenced() -> None:
    assert silenced('a = """\nb\n"""  # noqa\nc = 1\n') == [1, 2, 3]
    assert silenced('a = f("""\nb\n""", [  # noqa\n])\nc = 1\n') == [1, 2, 3]


def test_a_comment_inside_a_string_counts_as_flake8_has_it() -> None:
    assert silenced('a = """\n# noqa\n"""\nc = 1\n') == [1, 2, 3]


def test_a_whole_file() -> None:
    assert silenced("a = 1\n# flake8: noqa\nb = 1\n") == [1, 2, 3, 4]
    assert silenced("a = 1  # flake8: noqa\n") == []


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_line_endings(ending: str) -> None:
    text = ending.join(["a = 1", "b = 2  # noqa", "c = 3", ""])
    suppressions = Suppressions(text)
    assert [line for line in (1, 2, 3) if suppressions.silences("PRM101", line)] == [2]


def test_form_feeds_end_no_line() -> None:
    assert silenced("a = 1\n\x0c\nb = 2  # noqa\n") == [3]


LINES = st.sampled_from(
    [
        "x = 1",
        "x = f(",
        ")",
        "    y,",
        'z = """',
        '"""',
        "\\",
        "if x:",
        "    pass",
        "",
        "\x0c",
        "def f():",
        "é = 'ü'",
        "x = (1, \\",
        "'",
        "]",
    ]
)
COMMENTS = st.sampled_from(
    [
        "",
        "",
        "",
        "# noqa",
        "#noqa",
        "# NOQA:PRM101",
        "# noqa: PRM1",
        "# noqa: prm101",
        "# noqa : PRM101",
        "# noqa:  PRM101",
        "# noqa: PRM101 PRM103",
        "# noqa: PRM301,E501, X1",
        "# noqa:PRM103,",
        "# noqa: 101",
        "# flake8: noqa",
        "# flake8=noqa",
        "# FLAKE8:  NoQA: PRM101",
        "# flake8:noqa:PRM301",
        "# pylint: disable=all # noqa: PRM30",
    ]
)
ENDINGS = st.sampled_from(["\n", "\n", "\r\n", "\r"])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(LINES, COMMENTS, ENDINGS), max_size=9), st.booleans())
def test_as_flake8_has_it(parts: list[tuple[str, str, str]], ends: bool) -> None:
    text = "".join(f"{line}  {comment}{ending}" for line, comment, ending in parts) + ("" if ends else "x = 1  # noqa")
    count = len(list(io.StringIO(text, newline=None))) + 1
    suppressions = Suppressions(text)
    ours = [(code, line) for code in CODES for line in range(1, count + 1) if suppressions.silences(code, line)]
    theirs = [(code, line) for code in CODES for line in range(1, count + 1) if flake8_silences(text, code, line)]
    assert ours == theirs

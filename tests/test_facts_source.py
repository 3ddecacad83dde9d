"""Reading a file as Python reads it, and what is told of a file that cannot be read."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from paramlint.facts.source import SourceError, read_source, source_from_text, split_lines


def written(folder: Path, data: bytes) -> str:
    path = folder / "example.py"
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize(
    ("data", "text", "encoding", "bom"),
    [
        pytest.param("é = 1\n".encode(), "é = 1\n", "utf-8", False, id="UTF-8 without a declaration"),
        pytest.param(b"\xef\xbb\xbf\xc3\xa9 = 1\n", "é = 1\n", "utf-8", True, id="byte order mark"),
        pytest.param(
            b"\xef\xbb\xbf# coding: utf-8\nx", "# coding: utf-8\nx", "utf-8", True, id="byte order mark and declaration"
        ),
        pytest.param(b"# coding: latin-1\n\xe9", "# coding: latin-1\né", "iso-8859-1", False, id="first line"),
        pytest.param(
            b"#!python\n# -*- coding: cp1252 -*-\n\x80", "#!python\n# -*- coding: cp1252 -*-\n€", "cp1252", False,
            id="second line",
        ),
        pytest.param(b"\n\n# coding: latin-1\n\xc3\xa9", "\n\n# coding: latin-1\né", "utf-8", False, id="third line"),
        pytest.param(b"coding = 1\n", "coding = 1\n", "utf-8", False, id="a word that is no declaration"),
        pytest.param(b"", "", "utf-8", False, id="empty"),
    ],
)  # fmt: skip
def test_encodings_are_those_of_python(tmp_path: Path, data: bytes, text: str, encoding: str, bom: bool) -> None:
    source = read_source(written(tmp_path, data))
    assert (source.text, source.encoding, source.bom) == (text, encoding, bom)


@pytest.mark.parametrize(
    ("text", "newline"),
    [("a\nb\r\n", "\n"), ("a\r\nb\n", "\r\n"), ("a\rb", "\r"), ("a", "\n")],
    ids=["LF first", "CR LF first", "CR", "none"],
)
def test_first_line_ending_is_kept(tmp_path: Path, text: str, newline: str) -> None:
    source = read_source(written(tmp_path, text.encode()))
    assert source.newline == newline
    assert source.text == text


def test_text_is_taken_like_a_file() -> None:
    source = source_from_text("standard input", "\ufeffa\r\n")
    assert (source.path, source.text, source.newline, source.bom) == ("standard input", "a\r\n", "\r\n", True)


def test_only_pythons_line_endings_end_lines() -> None:
    assert split_lines("a\n\fb\x0bc\x85d\u2028e\r\nf\rg\n") == ["a", "\fb\x0bc\x85d\u2028e", "f", "g", ""]


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        pytest.param(b"a\nb\n\xff\n", 3, "utf-8", id="not UTF-8"),
        pytest.param(b"\xef\xbb\xbfa\n\xff\n", 2, "utf-8", id="not UTF-8 after a byte order mark"),
        pytest.param(b"# coding: ascii\n\xff\n", 2, "ascii", id="not what is declared"),
        pytest.param(b"# coding: nonsense\n", 1, "nonsense", id="unknown encoding"),
        pytest.param(b"# coding: rot13\n", 1, "rot13", id="no text encoding"),
        pytest.param(b"\xef\xbb\xbf# coding: latin-1\n", 1, "encoding", id="byte order mark against declaration"),
        pytest.param(b"a\nb\0\n", 2, "null byte", id="null byte"),
    ],
)
def test_undecodable_file_is_an_error_with_its_line(tmp_path: Path, data: bytes, line: int, message: str) -> None:
    path = written(tmp_path, data)
    with pytest.raises(SourceError, match=message) as raised:
        read_source(path)
    assert (raised.value.path, raised.value.line) == (path, line)


@pytest.mark.parametrize("name", ["missing.py", "", "null\0byte.py"], ids=["missing", "folder", "null byte"])
def test_unreadable_file_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        read_source(str(tmp_path / name))


def test_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(SourceError("a.py", 3, "is wrong")))
    assert (error.path, error.line, error.message, str(error)) == ("a.py", 3, "is wrong", "a.py:3: is wrong")

"""Source text of one file: how it is read and decoded, and what is told when it cannot be."""

from __future__ import annotations

import codecs
import io
import re
from typing import NamedTuple

_BOM = codecs.BOM_UTF8
# Python ends lines at these three; ``str.splitlines`` would also split at form feeds and Unicode separators.
_LINE_END = re.compile(r"\r\n?|\n")


class SourceError(Exception):
    """A file that cannot be read, decoded or parsed: which, at what line (from 1), and why, in one line."""

    def __init__(self, path: str, line: int, message: str) -> None:
        # All three are exception arguments so that the error survives pickling between processes.
        super().__init__(path, line, message)
        self.path = path
        self.line = line
        self.message = message

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class Source(NamedTuple):
    """The decoded text of one file, line endings as they are and without a byte order mark.

    ``newline`` is the first line ending of the file ("\\n" where there is none) and ``encoding`` the codec's name, so
    that an edited text can be written back as it was found; ``bom`` tells whether a byte order mark came first.
    """

    path: str
    text: str
    encoding: str
    newline: str
    bom: bool


def read_source(path: str) -> Source:
    """Read and decode the file at ``path`` as Python does (PEP 263; UTF-8 where nothing is declared).

    Raises SourceError when the file cannot be read or decoded, or holds a null byte.
    """
    try:
        with open(path, "rb") as stream:
            data = stream.read()
    except OSError as error:
        raise SourceError(path, 1, f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a path with a null byte
        raise SourceError(path, 1, f"cannot be read: {error}") from error
    return decode_source(path, data)


def decode_source(path: str, data: bytes) -> Source:
    """Decode the bytes of a file (or of standard input, to be spoken of as ``path``) as ``read_source`` does.

    Raises SourceError when they cannot be decoded, or hold a null byte.
    """
    encoding = _declared_encoding(path, data)
    bom = data.startswith(_BOM)
    try:
        text = data[len(_BOM) :].decode("utf-8") if bom else data.decode(encoding)
    except UnicodeDecodeError as error:
        # Positions are relative to the bytes that were decoded, which the byte order mark is not part of.
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SourceError(path, line, f"is not valid {encoding}: {error.reason}") from error
    except (UnicodeError, LookupError) as error:
        raise SourceError(path, 1, f"cannot be decoded as {encoding}: {error}") from error
    return _source(path, text, encoding, bom)


def source_from_text(path: str, text: str) -> Source:
    """Source of a text that is already decoded (standard input, an editor, flake8), to be spoken of as ``path``.

    Raises SourceError when the text holds a null byte.
    """
    bom = text.startswith("\ufeff")
    return _source(path, text[1:] if bom else text, "utf-8", bom)


def split_lines(text: str) -> list[str]:
    """The lines of ``text`` as Python counts them, without their endings; line n is at index n - 1."""
    if "\r" in text:
        return _LINE_END.split(text)
    return text.split("\n")


def _source(path: str, text: str, encoding: str, bom: bool) -> Source:
    if "\0" in text:
        line = len(split_lines(text[: text.index("\0")]))
        raise SourceError(path, line, "holds a null byte, which no Python source may")
    newline = "\n"
    if "\r" in text:
        first = _LINE_END.search(text)
        newline = first.group() if first is not None else newline
    return Source(path, text, encoding, newline, bom)


def _declared_encoding(path: str, data: bytes) -> str:
    end = -1
    for _ in range(2):
        end = data.find(b"\n", end + 1)
        if end < 0:
            end = len(data)
            break
    # Lone carriage returns end lines too, so this may look at more than two lines; tokenize then decides.
    if b"coding" not in data[:end]:
        return "utf-8"
    import tokenize  # only the few files that declare an encoding pay for it

    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        raise SourceError(path, 1, f"declares an encoding that is not known: {error.msg}") from error
    return "utf-8" if encoding == "utf-8-sig" else encoding

"""Writing an edited source back as it was found: encoding, byte order mark, mode, and all of it or nothing."""

from __future__ import annotations

import codecs
import os
import stat
import tempfile

from paramlint.facts.source import Source, SourceError


def encoded(source: Source) -> bytes:
    """The bytes of a source. Raises SourceError where its encoding lacks a character."""
    try:
        data = source.text.encode("utf-8" if source.bom else source.encoding)
    except UnicodeEncodeError as error:
        line = source.text.count("\n", 0, error.start) + 1
        raise SourceError(source.path, line, f"cannot be written as {source.encoding}: {error.reason}") from error
    return codecs.BOM_UTF8 + data if source.bom else data


def check_writable(path: str) -> None:
    """Raise SourceError where a file is marked as not to be written, or cannot be."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise SourceError(path, 1, f"cannot be written: {error.strerror or error}") from error
    # The superuser may write what is marked as not to be written; the mark is meant for tools too.
    if not mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(path, os.W_OK):
        raise SourceError(path, 1, "is read-only: it is not fixed")


def write_source(source: Source) -> None:
    """Replace the file of a source by its text in one step; links are followed and the mode is kept.

    Raises SourceError where the file is read-only or cannot be written; it is then unchanged.
    """
    data = encoded(source)
    check_writable(source.path)
    path = os.path.realpath(source.path)
    temporary = ""
    try:
        mode = os.stat(path).st_mode
        descriptor, temporary = tempfile.mkstemp(prefix=".paramlint-", dir=os.path.dirname(path))
        with open(descriptor, "wb") as stream:
            stream.write(data)
        os.chmod(temporary, stat.S_IMODE(mode))
        os.replace(temporary, path)
    except OSError as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise SourceError(source.path, 1, f"cannot be written: {error.strerror or error}") from error

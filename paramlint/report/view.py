"""What the formats for people share: how paths are shown, whether there is colour, and where source lines come from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import NamedTuple, TextIO

from paramlint.facts.source import SourceError, read_source, split_lines


class Style(str, Enum):
    """ANSI attributes."""

    BOLD = "1"
    RED = "1;31"
    GREEN = "1;32"
    YELLOW = "33"
    BLUE = "1;34"


class View(NamedTuple):
    """How a report is shown: paths below ``folder`` relative to it, lines clipped to ``width`` columns."""

    folder: Path
    width: int = 120
    colour: bool = False

    def path(self, path: str) -> str:
        """Return a path as a user would type it."""
        try:
            return str(Path(path).relative_to(self.folder))
        except ValueError:
            return path

    def paint(self, text: str, style: Style) -> str:
        """Return ``text`` in a style where there is colour."""
        return f"\x1b[{style.value}m{text}\x1b[0m" if self.colour and text else text


class Lines:
    """The lines of source files, each file read at most once; ``texts`` stand in for files."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._lines = {path: split_lines(text) for path, text in texts.items()}

    def line(self, path: str, number: int) -> str | None:
        """Return a line, counted from 1, without its end; None where there is none or the file cannot be read."""
        if path not in self._lines:
            try:
                self._lines[path] = split_lines(read_source(path).text)
            except SourceError:
                self._lines[path] = []
        lines = self._lines[path]
        return lines[number - 1] if 1 <= number <= len(lines) else None


def view_on(stream: TextIO) -> View:
    """Return how a report is shown on a stream: paths from the working directory, as wide as a terminal is."""
    width = View._field_defaults["width"]
    if stream.isatty():
        import shutil  # brings the compressors along, which a report in a pipe has no use for

        width = shutil.get_terminal_size((width, 24)).columns
    return View(Path.cwd(), width, wants_colour(stream, os.environ))


def wants_colour(stream: TextIO, variables: Mapping[str, str]) -> bool:
    """Whether to colour what is written to a stream: on a terminal only, unless NO_COLOR or FORCE_COLOR decide."""
    if variables.get("NO_COLOR"):
        return False
    if variables.get("FORCE_COLOR"):
        return True
    if not stream.isatty() or variables.get("TERM") == "dumb":
        return False
    if os.name == "nt":
        # Any child process makes the Windows console understand escape sequences.
        os.system("")
    return True

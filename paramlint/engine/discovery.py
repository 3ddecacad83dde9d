"""Which files are linted: those named, and those found in the folders named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from paramlint.engine import patterns
from paramlint.engine.configuration import Configuration
from paramlint.engine.outcome import FileError
from paramlint.engine.patterns import PatternList
from paramlint.engine.settings import Settings

SUFFIX = ".py"


class Discovery(NamedTuple):
    """Absolute paths of files, sorted and each once; and what was named and cannot be read."""

    files: tuple[Path, ...]
    errors: tuple[FileError, ...]


def discover(paths: Sequence[Path], configuration: Configuration) -> Discovery:
    """Return the files that ``paths`` mean.

    A file that is named is taken whatever its name, even where ``exclude`` or ``.gitignore`` would leave it out, unless
    ``force-exclude`` is set. In folders, ``*.py`` files are taken; symbolic links to folders are not followed.
    Raises ConfigurationError for a configuration file met on the way that cannot be used.
    """
    files: set[Path] = set()
    errors: list[FileError] = []
    for named in paths:
        path = Path(os.path.abspath(named))
        if path.is_dir():
            files.update(_walk(path, configuration, errors))
        elif path.exists():
            settings = configuration.for_file(path)
            if not (settings.force_exclude and _excluded(path, settings)):
                files.add(path)
        else:
            errors.append(FileError(str(path), None, "no such file or folder"))
    return Discovery(tuple(sorted(files)), tuple(errors))


def _excluded(path: Path, settings: Settings) -> bool:
    return bool(PatternList(settings.directory, settings.exclude).verdict(str(path), is_folder=False))


def _walk(root: Path, configuration: Configuration, errors: list[FileError]) -> Iterator[Path]:
    above = [below for patterns_above in patterns.ignore_files_above(root) for below in patterns_above.below(root)]
    pending: list[tuple[Path, tuple[PatternList, ...]]] = [(root, tuple(above))]
    excludes: dict[Settings, tuple[PatternList, ...]] = {}
    while pending:
        folder, ignored = pending.pop()
        settings = configuration.for_folder(folder)
        if settings not in excludes:
            excludes[settings] = PatternList(settings.directory, settings.exclude).below(root)
        if (folder / ".git").exists() and folder != root:
            ignored = ()
        if settings.respect_gitignore:
            ignored = (*ignored, *patterns.ignore_file(folder))
        leaves_out = (excludes[settings], ignored if settings.respect_gitignore else ())
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            errors.append(FileError(str(folder), None, f"cannot be read: {error.strerror or error}"))
            continue
        for entry in entries:
            is_folder = entry.is_dir(follow_symlinks=False)
            if not is_folder and not (entry.name.endswith(SUFFIX) and entry.is_file()):
                continue
            if any(patterns.verdict(lists, entry.path, is_folder) for lists in leaves_out):
                continue
            if is_folder:
                pending.append((Path(entry.path), ignored))
            else:
                yield Path(entry.path)

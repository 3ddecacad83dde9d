"""How a project writes buffers: as calls of ``register_buffer``, or as ``nn.Buffer``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from paramlint.model.style import AUTOMATIC, CLASS, METHOD
from paramlint.project.definitions import SourceModule
from paramlint.project.dependencies import file, tree
from paramlint.project.files import source_files
from paramlint.project.project import Project

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# torch.nn.Buffer came with torch 2.5.
_FIRST_WITH_CLASS = (2, 5)
_LOWEST = re.compile(r"^torch\b(?!\w|[-_.])[^;]*?(?:>=|==|~=)\s*(\d+)\.(\d+)")
_MOST_FILES = 500
_CLASS_CALL = re.compile(r"\bnn\.Buffer\(")
_METHOD_CALL = re.compile(r"\.register_buffer\(")


def buffer_style(project: Project, module: SourceModule, wanted: str) -> str:
    """Return METHOD or CLASS: what is wanted, else what the file and its project do, as far as their torch allows it."""
    if wanted != AUTOMATIC:
        return wanted
    project.dependencies.note(module.path, file(project.root / "pyproject.toml"))
    lowest = lowest_torch(project)
    if lowest is None or lowest < _FIRST_WITH_CLASS:
        return METHOD
    classes, methods = _habit([module.path])
    if classes == methods:
        project.dependencies.note(module.path, tree(project.root))
        classes, methods = _habit(islice(source_files(project.root), _MOST_FILES))
    return CLASS if classes > methods else METHOD


def _habit(paths: Iterable[Path]) -> tuple[int, int]:
    """How often files call ``nn.Buffer``, and how often ``register_buffer``."""
    classes = methods = 0
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        classes += len(_CLASS_CALL.findall(text))
        methods += len(_METHOD_CALL.findall(text))
    return classes, methods


def lowest_torch(project: Project) -> tuple[int, int] | None:
    """The lowest version of torch that the project's ``pyproject.toml`` admits; None where it names none."""
    try:
        with (project.root / "pyproject.toml").open("rb") as stream:
            table = tomllib.load(stream)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return None
    versions = [
        (int(match[1]), int(match[2]))
        for requirement in _requirements(table)
        if (match := _LOWEST.match(requirement.strip())) is not None
    ]
    return min(versions, default=None)


def _requirements(table: dict[str, object]) -> Iterator[str]:
    described = table.get("project")
    if not isinstance(described, dict):
        return
    listed = [described.get("dependencies")]
    optional = described.get("optional-dependencies")
    listed += list(optional.values()) if isinstance(optional, dict) else []
    for requirements in listed:
        if isinstance(requirements, list):
            yield from (item for item in requirements if isinstance(item, str))

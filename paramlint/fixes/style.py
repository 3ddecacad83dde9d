"""How a project writes buffers: as calls of ``register_buffer``, or as ``nn.Buffer``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from paramlint.model.style import AUTOMATIC, CLASS, METHOD
from paramlint.project.definitions import SourceModule
from paramlint.project.dependencies import file
from paramlint.project.project import Project

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# torch.nn.Buffer came with torch 2.5.
_FIRST_WITH_CLASS = (2, 5)
_LOWEST = re.compile(r"^torch\b(?!\w|[-_.])[^;]*?(?:>=|==|~=)\s*(\d+)\.(\d+)")
_CLASS_CALL = re.compile(r"\bnn\.Buffer\(")
_METHOD_CALL = re.compile(r"\.register_buffer\(")


def buffer_style(project: Project, module: SourceModule, wanted: str) -> str:
    """Return METHOD or CLASS: what is wanted, else what the file does, else what more files of the project do.

    ``nn.Buffer`` only where the lowest torch that the project admits has it.
    """
    if wanted != AUTOMATIC:
        return wanted
    project.dependencies.note(module.path, file(project.root / "pyproject.toml"))
    lowest = lowest_torch(project)
    if lowest is None or lowest < _FIRST_WITH_CLASS:
        return METHOD
    own = _text(module.path)
    classes, methods = len(_CLASS_CALL.findall(own)), len(_METHOD_CALL.findall(own))
    if classes == methods:
        naming = project.files_mentioning("Buffer", module.path) or ()
        classes = sum(_CLASS_CALL.search(_text(path)) is not None for path in naming)
        methods = project.count_mentioning("register_buffer", module.path) or 0
    return CLASS if classes > methods else METHOD


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


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

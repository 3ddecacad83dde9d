"""Whether a file is a template, from which another file is generated that says so: what is generated is what runs."""

from __future__ import annotations

import re
from pathlib import Path

from paramlint.project.project import Project

_HEAD_BYTES = 2_000


def is_template(project: Project, path: Path) -> bool:
    """Whether a file beside this one says at its top that it was generated from it (transformers' ``modular_*.py``)."""
    says = re.compile(rb"\bgenerated from\s+(\S*/)?" + re.escape(path.name.encode()) + rb"\b")
    others = project.files_mentioning("generated", path, beside=True) or ()
    return any(says.search(_head(other)) for other in others if other != path)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_HEAD_BYTES)
    except OSError:
        return b""

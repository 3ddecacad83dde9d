"""The source files of a project: what lies below its root, without environments, caches and builds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

EXCLUDED_FOLDERS = frozenset(
    {"__pycache__", "__pypackages__", "_build", "build", "dist", "node_modules", "site-packages", "venv"}
)


def source_files(root: Path) -> Iterator[Path]:
    """Yield the ``.py`` files below a root, sorted within each folder; hidden folders and environments are skipped."""
    for folder, subfolders, names in os.walk(root):
        if "pyvenv.cfg" in names:
            subfolders.clear()
            continue
        subfolders[:] = sorted(name for name in subfolders if not is_excluded(name))
        for name in sorted(names):
            if name.endswith(".py"):
                yield Path(folder, name)


def is_excluded(folder_name: str) -> bool:
    """Whether folders of that name hold nothing that a project's author wrote."""
    return folder_name.startswith(".") or folder_name in EXCLUDED_FOLDERS or folder_name.endswith(".egg-info")


def is_of_tests(path: Path) -> bool:
    """Whether a file is one of tests, as pytest and unittest name them: what it does to a model is no part of that."""
    stem = path.stem
    return (
        stem == "conftest"
        or stem.startswith("test_")
        or stem.endswith("_test")
        or path.parent.name in ("test", "tests")
    )

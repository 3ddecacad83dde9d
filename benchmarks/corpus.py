"""The pinned packages that benchmarks run on: fetched from PyPI once, and unpacked."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

PINNED = {"transformers": "5.23.0", "timm": "1.0.22", "vit-pytorch": "1.26.11", "kornia": "0.9.0"}


def package(name: str, corpus: Path) -> Path:
    """Return the folder of an unpacked package below ``corpus``, fetching the pinned version where there is none."""
    folder = corpus / name
    if not folder.is_dir():
        downloads = corpus / "downloads"
        requirement = f"{name}=={PINNED[name]}"
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "-d", str(downloads)]
        subprocess.run([*command, requirement], check=True)
        wheel = next(downloads.glob(f"{name.replace('-', '_')}-{PINNED[name]}-*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
    return folder


def sources(folder: Path) -> list[Path]:
    """Return the Python files below a folder in a fixed order."""
    return sorted(folder.rglob("*.py"))


def sample(files: list[Path], count: int | None) -> list[Path]:
    """Return ``count`` files spread evenly, all of them for None."""
    if count is None or count >= len(files):
        return files
    return [files[index * len(files) // count] for index in range(count)]

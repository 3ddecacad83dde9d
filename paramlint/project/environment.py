"""Where installed packages are read from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

INTERPRETER_TIMEOUT_SECONDS = 30
# -I keeps the working directory, PYTHONPATH and the user's own site-packages out of the answer.
_ASK = "import json, sys; print(json.dumps([entry for entry in sys.path if entry]))"


class EnvironmentNotFound(Exception):
    """The interpreter that was configured cannot be asked; the message says why."""


class Environment(NamedTuple):
    """``folders`` are searched for installed packages, in order; ``origin`` says in words where they were found."""

    folders: tuple[Path, ...]
    origin: str

    @property
    def is_known(self) -> bool:
        """Whether an environment was found: only then does a missing package mean that it is not installed."""
        return bool(self.folders)


NO_ENVIRONMENT = Environment((), "none")


def find_environment(root: Path, python: str | None, variables: Mapping[str, str]) -> Environment:
    """Return the environment of a project.

    In this order: the interpreter ``python`` that the user configured (a path, from the root where it is relative), the
    active virtual environment (``VIRTUAL_ENV`` in ``variables``), ``.venv`` or ``venv`` in the root, ``CONDA_PREFIX``,
    none. No interpreter is started where the folders of a virtual environment tell enough.

    Raises EnvironmentNotFound when the configured interpreter does not exist or does not answer.
    """
    if python is not None:
        return _of_interpreter(root, python)
    candidates = [
        (variables.get("VIRTUAL_ENV"), "VIRTUAL_ENV"),
        (str(root / ".venv"), ".venv"),
        (str(root / "venv"), "venv"),
        (variables.get("CONDA_PREFIX"), "CONDA_PREFIX"),
    ]
    for prefix, origin in candidates:
        folders = _package_folders(Path(prefix)) if prefix else ()
        if folders:
            return Environment(_with_path_files(folders), origin)
    return NO_ENVIRONMENT


def _of_interpreter(root: Path, python: str) -> Environment:
    path = _located(root, python)
    prefix = path.parent.parent
    origin = f"python {python}"
    if (prefix / "pyvenv.cfg").is_file() and not _shares_system_packages(prefix):
        folders = _package_folders(prefix)
        if folders:
            return Environment(_with_path_files(folders), origin)
    return Environment(_asked(path), origin)


def _located(root: Path, python: str) -> Path:
    path = Path(python).expanduser()
    if os.sep not in python and "/" not in python:
        for folder in os.get_exec_path():
            if (Path(folder) / python).is_file():
                return Path(folder) / python
    path = path if path.is_absolute() else root / path
    if not path.is_file():
        raise EnvironmentNotFound(f"no interpreter at {python}")
    return path


def _asked(python: Path) -> tuple[Path, ...]:
    import subprocess

    try:
        answer = subprocess.run(
            [str(python), "-I", "-c", _ASK],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=INTERPRETER_TIMEOUT_SECONDS,
            check=True,
            text=True,
        )
        entries = json.loads(answer.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        raise EnvironmentNotFound(f"{python} does not say where its packages are: {error}") from error
    folders = [Path(entry) for entry in entries]
    return tuple(folder for folder in folders if folder.is_dir() and not _is_standard_library(folder))


def _is_standard_library(folder: Path) -> bool:
    return (folder / "os.py").is_file() or folder.name == "lib-dynload"


def _shares_system_packages(prefix: Path) -> bool:
    try:
        lines = (prefix / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    settings = {name.strip(): value.strip().lower() for name, _, value in (line.partition("=") for line in lines)}
    return settings.get("include-system-site-packages") == "true"


def _package_folders(prefix: Path) -> tuple[Path, ...]:
    # POSIX keeps packages in lib/pythonX.Y/site-packages, Windows in Lib/site-packages.
    found = [*sorted(prefix.glob("lib/python*/site-packages"), reverse=True), prefix / "Lib" / "site-packages"]
    return tuple(folder for folder in found if folder.is_dir())[:1]


def _with_path_files(folders: tuple[Path, ...]) -> tuple[Path, ...]:
    """Add the folders that ``.pth`` files name, as editable installs do; their ``import`` lines are never run."""
    named = [
        folder / line
        for folder in folders
        for file in sorted(folder.glob("*.pth"))
        for line in _lines(file)
        if line and not line.startswith(("#", "import ", "import\t")) and (folder / line).is_dir()
    ]
    return tuple(dict.fromkeys((*folders, *named)))


def _lines(file: Path) -> list[str]:
    try:
        return [line.strip() for line in file.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return []

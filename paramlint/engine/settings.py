"""What a run is asked to do: the frozen settings that hold for one file."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from paramlint.engine.selection import SelectionLayer
from paramlint.model.style import AUTOMATIC

OUTPUT_FORMATS = ("text", "concise", "json", "github")

# Where results are kept, in the root of the project that paramlint is run in.
CACHE_FOLDER = ".paramlint_cache"

# The folders that ruff leaves out, as patterns of .gitignore.
DEFAULT_EXCLUDE = (
    ".bzr",
    ".direnv",
    ".eggs",
    ".git",
    ".git-rewrite",
    ".hg",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".nox",
    CACHE_FOLDER,
    ".pants.d",
    ".pyenv",
    ".pytest_cache",
    ".pytype",
    ".ruff_cache",
    ".svn",
    ".tox",
    ".venv",
    ".vscode",
    "__pycache__",
    "__pypackages__",
    "_build",
    "buck-out",
    "dist",
    "node_modules",
    "site-packages",
    "venv",
)


class FileIgnores(NamedTuple):
    """Selectors that are off in the files that ``pattern`` matches (with a leading ``!``, in all others)."""

    pattern: str
    selectors: tuple[str, ...]


class Factory(NamedTuple):
    """How the user says an instance is made: the class's dotted name, and ``module:function``."""

    class_name: str
    function: str


class Settings(NamedTuple):
    """Everything that configuration and command line say about one file.

    ``directory`` is the folder that patterns and a relative ``python`` start from; ``origin`` the configuration file,
    None where there is none. ``timeout`` is in seconds for each model, ``memory_limit`` in bytes; None leaves either to
    the runtime's own default. ``cache_dir`` is an absolute folder, None for the one that the engine chooses.
    """

    directory: Path
    origin: Path | None = None
    selection: tuple[SelectionLayer, ...] = ()
    exclude: tuple[str, ...] = DEFAULT_EXCLUDE
    per_file_ignores: tuple[FileIgnores, ...] = ()
    respect_gitignore: bool = True
    force_exclude: bool = False
    output_format: str = "text"
    jobs: int | None = None
    python: str | None = None
    factories: tuple[Factory, ...] = ()
    timeout: float | None = None
    memory_limit: int | None = None
    allow_network: bool = False
    device: str | None = None
    fast_path: bool = True
    buffer_style: str = AUTOMATIC
    cache_dir: Path | None = None
    uses_cache: bool = True


class Overrides(NamedTuple):
    """What the command line says; None (or empty) leaves the configuration's word."""

    selection: SelectionLayer = SelectionLayer()
    exclude: tuple[str, ...] | None = None
    extend_exclude: tuple[str, ...] = ()
    respect_gitignore: bool | None = None
    force_exclude: bool | None = None
    output_format: str | None = None
    jobs: int | None = None
    python: str | None = None
    timeout: float | None = None
    memory_limit: int | None = None
    allow_network: bool | None = None
    device: str | None = None
    fast_path: bool = True
    cache_dir: Path | None = None
    uses_cache: bool = True

"""Reading ``[tool.paramlint]``: which file holds for which source, and what its keys mean."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from paramlint.engine.selection import SelectionLayer
from paramlint.engine.settings import OUTPUT_FORMATS, Factory, FileIgnores, Overrides, Settings
from paramlint.model.style import BUFFER_STYLES

FILE_NAME = "pyproject.toml"
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[kmg]i?)?b?", re.IGNORECASE)
T = TypeVar("T")


class ConfigurationError(Exception):
    """A configuration file that cannot be used; the message names the file and the key."""


class Configuration:
    """Finds the settings of files: the nearest ``pyproject.toml`` upwards that has ``[tool.paramlint]``.

    So a file is linted alike whether it is named alone or found in a folder.
    """

    def __init__(self, overrides: Overrides, file: Path | None = None, isolated: bool = False) -> None:
        """Take what the command line says; ``file`` stands for every search, ``isolated`` reads no file at all.

        Patterns of a configuration that is named start from the working directory, as ruff has it.
        Raises ConfigurationError when ``file`` cannot be used.
        """
        self._overrides = overrides
        self._by_folder: dict[Path, Settings] = {}
        self._fixed: Settings | None = None
        if isolated:
            self._fixed = merged(Settings(Path.cwd()), overrides)
        elif file is not None:
            table = _table(file)
            if table is None and file.name != FILE_NAME:
                table = _toml(file)
            self._fixed = merged(parse(table or {}, file, Path.cwd()), overrides)

    def for_folder(self, folder: Path) -> Settings:
        """Return the settings of the files in an absolute folder. Raises ConfigurationError."""
        if self._fixed is not None:
            return self._fixed
        known = self._by_folder.get(folder)
        if known is None:
            candidate = folder / FILE_NAME
            table = _table(candidate) if candidate.is_file() else None
            if table is not None:
                known = merged(parse(table, candidate, folder), self._overrides)
            elif folder.parent == folder:
                known = merged(Settings(Path.cwd()), self._overrides)
            else:
                known = self.for_folder(folder.parent)
            self._by_folder[folder] = known
        return known

    def for_file(self, path: Path) -> Settings:
        """Return the settings of one absolute path. Raises ConfigurationError."""
        return self.for_folder(path.parent)


def merged(settings: Settings, overrides: Overrides) -> Settings:
    """Return ``settings`` with what the command line says put on top."""

    def chosen(override: T | None, configured: T) -> T:
        return configured if override is None else override

    return settings._replace(
        selection=(*settings.selection, overrides.selection),
        exclude=(*chosen(overrides.exclude, settings.exclude), *overrides.extend_exclude),
        respect_gitignore=chosen(overrides.respect_gitignore, settings.respect_gitignore),
        force_exclude=chosen(overrides.force_exclude, settings.force_exclude),
        output_format=chosen(overrides.output_format, settings.output_format),
        jobs=chosen(overrides.jobs, settings.jobs),
        python=chosen(overrides.python, settings.python),
        timeout=chosen(overrides.timeout, settings.timeout),
        memory_limit=chosen(overrides.memory_limit, settings.memory_limit),
        allow_network=chosen(overrides.allow_network, settings.allow_network),
        device=overrides.device,
        fast_path=overrides.fast_path,
        cache_dir=chosen(overrides.cache_dir, settings.cache_dir),
        uses_cache=overrides.uses_cache,
    )


def parse(table: Mapping[str, object], file: Path, directory: Path) -> Settings:
    """Return the settings that a ``[tool.paramlint]`` table describes.

    Raises ConfigurationError for an unknown key or a value of the wrong kind.
    """
    unknown = sorted(set(table) - KEYS)
    if unknown:
        raise ConfigurationError(f"{file}: unknown key {unknown[0]!r} in [tool.paramlint]; known are {_listed(KEYS)}")
    settings = Settings(directory, file)

    def read(key: str, convert: Callable[[object], T], default: T) -> T:
        if key not in table:
            return default
        try:
            return convert(table[key])
        except ValueError as error:
            raise ConfigurationError(f"{file}: {key} in [tool.paramlint] {error}") from error

    nothing: tuple[str, ...] = ()
    select = read("select", _strings, nothing) if "select" in table else None
    return settings._replace(
        selection=(
            SelectionLayer(select, read("extend-select", _strings, nothing), read("ignore", _strings, nothing)),
        ),
        exclude=(*read("exclude", _strings, settings.exclude), *read("extend-exclude", _strings, nothing)),
        per_file_ignores=read("per-file-ignores", _file_ignores, ()),
        respect_gitignore=read("respect-gitignore", _flag, settings.respect_gitignore),
        force_exclude=read("force-exclude", _flag, settings.force_exclude),
        output_format=read("output-format", _output_format, settings.output_format),
        jobs=read("jobs", _count, None),
        python=_beside(directory, read("python", _text, None)),
        factories=read("factories", _factories, ()),
        timeout=read("timeout", _seconds, None),
        memory_limit=read("memory-limit", memory_size, None),
        allow_network=read("allow-network", _flag, settings.allow_network),
        buffer_style=read("buffer-style", _buffer_style, settings.buffer_style),
        cache_dir=read("cache-dir", partial(_folder, directory), None),
    )


KEYS = frozenset(
    {
        "select",
        "extend-select",
        "ignore",
        "exclude",
        "extend-exclude",
        "per-file-ignores",
        "respect-gitignore",
        "force-exclude",
        "output-format",
        "jobs",
        "python",
        "factories",
        "timeout",
        "memory-limit",
        "allow-network",
        "buffer-style",
        "cache-dir",
    }
)


def memory_size(value: object) -> int:
    """Return bytes for ``"4GB"``, ``"512MiB"`` or a number of bytes. Raises ValueError."""
    match = _SIZE.fullmatch(str(value).strip()) if isinstance(value, (str, int)) and value is not True else None
    if match is None or not float(match["number"]):
        raise ValueError('must be a size such as "4GB" or "512MiB"')
    return int(float(match["number"]) * _UNITS[(match["unit"] or "").lower()])


def _toml(file: Path) -> Mapping[str, object]:
    # A project without a configuration file needs no parser of one.
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        with file.open("rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: is not valid TOML: {error}") from error


def _table(file: Path) -> Mapping[str, object] | None:
    tool = _toml(file).get("tool")
    table = tool.get("paramlint") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ConfigurationError(f"{file}: [tool.paramlint] must be a table")
    return table


def _beside(directory: Path, python: str | None) -> str | None:
    """Make a relative path to an interpreter absolute; a bare command name stays one."""
    if python is None or ("/" not in python and "\\" not in python):
        return python
    return str(directory / Path(python).expanduser())


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise ValueError("must be a list of strings")
    return tuple(value)


def _folder(directory: Path, value: object) -> Path | None:
    text = _text(value)
    return None if text is None else directory / Path(text).expanduser()


def _text(value: object) -> str | None:
    if not isinstance(value, str) or not value:
        raise ValueError("must be a string")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _count(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError("must be a whole number above zero")
    return value


def _seconds(value: object) -> float | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < float("inf"):
        raise ValueError("must be a number of seconds above zero")
    return float(value)


def _output_format(value: object) -> str:
    if not isinstance(value, str) or value not in OUTPUT_FORMATS:
        raise ValueError(f"must be one of {', '.join(OUTPUT_FORMATS)}")
    return value


def _buffer_style(value: object) -> str:
    if not isinstance(value, str) or value not in BUFFER_STYLES:
        raise ValueError(f"must be one of {', '.join(BUFFER_STYLES)}")
    return value


def _file_ignores(value: object) -> tuple[FileIgnores, ...]:
    if not isinstance(value, dict):
        raise ValueError("must be a table from a pattern to a list of rules")
    return tuple(FileIgnores(pattern, _strings(selectors)) for pattern, selectors in value.items())


def _factories(value: object) -> tuple[Factory, ...]:
    wrong = ValueError('must be a table such as "package.Net" = "tests.models:make_net"')
    if not isinstance(value, dict):
        raise wrong
    factories = []
    for name, function in value.items():
        module, _, attribute = function.partition(":") if isinstance(function, str) else ("", "", "")
        if not (name and module and attribute):
            raise wrong
        factories.append(Factory(name, f"{module}:{attribute}"))
    return tuple(factories)

"""``[tool.paramlint]``: which file holds, what its keys mean, and how mistakes in it are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from paramlint.engine.configuration import Configuration, ConfigurationError, memory_size
from paramlint.engine.selection import SelectionLayer
from paramlint.engine.settings import DEFAULT_EXCLUDE, Factory, FileIgnores, Overrides, Settings

NOTHING = Overrides()


def configure(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "pyproject.toml"
    file.write_text(text, encoding="utf-8")
    return file


def settings_in(folder: Path, overrides: Overrides = NOTHING) -> Settings:
    return Configuration(overrides).for_file(folder / "module.py")


def test_every_key_is_read(tmp_path: Path) -> None:
    file = configure(
        tmp_path,
        """
        [tool.paramlint]
        select = ["PRM1", "PRM301"]
        extend-select = ["unregistered-weight"]
        ignore = ["PRM105"]
        exclude = ["generated"]
        extend-exclude = ["*_pb2.py"]
        respect-gitignore = false
        force-exclude = true
        output-format = "concise"
        jobs = 3
        python = "env/bin/python"
        timeout = 12.5
        memory-limit = "4GB"
        allow-network = true

        [tool.paramlint.per-file-ignores]
        "tests/*" = ["ALL"]

        [tool.paramlint.factories]
        "package.Net" = "tests.models:make_net"
        """,
    )
    assert settings_in(tmp_path) == Settings(
        directory=tmp_path,
        origin=file,
        selection=(SelectionLayer(("PRM1", "PRM301"), ("unregistered-weight",), ("PRM105",)), SelectionLayer()),
        exclude=("generated", "*_pb2.py"),
        per_file_ignores=(FileIgnores("tests/*", ("ALL",)),),
        respect_gitignore=False,
        force_exclude=True,
        output_format="concise",
        jobs=3,
        python=str(tmp_path / "env/bin/python"),
        factories=(Factory("package.Net", "tests.models:make_net"),),
        timeout=12.5,
        memory_limit=4 * 10**9,
        allow_network=True,
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param('selct = ["PRM1"]', "unknown key 'selct'", id="unknown key"),
        pytest.param('select = "PRM1"', "select in .* must be a list of strings", id="string for a list"),
        pytest.param("select = [1]", "select in .* must be a list of strings", id="number in a list"),
        pytest.param("jobs = true", "jobs in .* must be a whole number", id="bool for a number"),
        pytest.param("jobs = 0", "jobs in .* must be a whole number", id="no process"),
        pytest.param("timeout = -1", "timeout in .* must be a number of seconds", id="negative time"),
        pytest.param("timeout = inf", "timeout in .* must be a number of seconds", id="infinite time"),
        pytest.param('memory-limit = "lots"', "memory-limit in .* must be a size", id="no size"),
        pytest.param("python = 3", "python in .* must be a string", id="number for a path"),
        pytest.param('allow-network = "yes"', "allow-network in .* must be true or false", id="string for a bool"),
        pytest.param('output-format = "html"', "output-format in .* must be one of", id="unknown format"),
        pytest.param("per-file-ignores = []", "per-file-ignores in .* must be a table", id="list for a table"),
        pytest.param('factories = {"a.B" = "c.d"}', "factories in .* must be a table", id="factory without a function"),
        pytest.param("factories = 1", "factories in .* must be a table", id="number for factories"),
        pytest.param("select = [", "is not valid TOML", id="broken TOML"),
    ],
)
def test_mistakes_are_told_with_file_and_key(tmp_path: Path, line: str, words: str) -> None:
    configure(tmp_path, f"[tool.paramlint]\n{line}\n")
    with pytest.raises(ConfigurationError, match=words) as caught:
        settings_in(tmp_path)
    assert str(tmp_path / "pyproject.toml") in str(caught.value)


def test_a_table_of_the_wrong_kind_is_told(tmp_path: Path) -> None:
    configure(tmp_path, "[tool]\nparamlint = 1\n")
    with pytest.raises(ConfigurationError, match="must be a table"):
        settings_in(tmp_path)


def test_the_nearest_file_with_a_table_holds(tmp_path: Path) -> None:
    configure(tmp_path, '[tool.paramlint]\nselect = ["PRM1"]\n')
    configure(tmp_path / "part", '[project]\nname = "part"\n')
    configure(tmp_path / "part" / "inner", '[tool.paramlint]\nselect = ["PRM3"]\n')
    assert settings_in(tmp_path / "part").selection[0].select == ("PRM1",)
    assert settings_in(tmp_path / "part" / "inner" / "deep").selection[0].select == ("PRM3",)


def test_a_named_file_holds_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    configure(tmp_path / "part", '[tool.paramlint]\nselect = ["PRM1"]\n')
    other = tmp_path / "lint.toml"
    other.write_text('[tool.paramlint]\nselect = ["PRM3"]\n', encoding="utf-8")
    settings = Configuration(Overrides(), other).for_file(tmp_path / "part" / "module.py")
    assert settings.selection[0].select == ("PRM3",)
    assert settings.directory == tmp_path


def test_a_named_file_may_hold_the_keys_at_its_top(tmp_path: Path) -> None:
    other = tmp_path / "paramlint.toml"
    other.write_text('select = ["PRM3"]\n', encoding="utf-8")
    assert Configuration(Overrides(), other).for_file(tmp_path / "module.py").selection[0].select == ("PRM3",)


def test_a_named_file_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Configuration(Overrides(), tmp_path / "missing.toml")


def test_isolated_reads_nothing(tmp_path: Path) -> None:
    configure(tmp_path, '[tool.paramlint]\nselect = ["PRM1"]\n')
    settings = Configuration(Overrides(), isolated=True).for_file(tmp_path / "module.py")
    assert settings.origin is None
    assert settings.exclude == DEFAULT_EXCLUDE


def test_the_command_line_outweighs_the_file(tmp_path: Path) -> None:
    configure(tmp_path, '[tool.paramlint]\nexclude = ["a"]\ntimeout = 5\njobs = 2\nforce-exclude = true\n')
    overrides = Overrides(exclude=("b",), extend_exclude=("c",), timeout=7.0)
    settings = settings_in(tmp_path, overrides)
    assert settings.exclude == ("b", "c")
    assert settings.timeout == 7.0
    assert settings.jobs == 2
    assert settings.force_exclude


def test_a_bare_command_is_no_path(tmp_path: Path) -> None:
    configure(tmp_path, '[tool.paramlint]\npython = "python3"\n')
    assert settings_in(tmp_path).python == "python3"


@pytest.mark.parametrize(
    ("text", "size"),
    [("4GB", 4 * 10**9), ("512MiB", 512 * 2**20), ("1.5 gb", 1_500_000_000), (1000, 1000), ("2k", 2000), ("77", 77)],
)
def test_sizes(text: object, size: int) -> None:
    assert memory_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "GB", "-1GB", "1TB", 1.5, True, None])
def test_what_is_no_size(text: object) -> None:
    with pytest.raises(ValueError, match="must be a size"):
        memory_size(text)

"""Roots, module names, environments and the project's files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from paramlint.facts.lower_ast import lower
from paramlint.facts.source import read_source
from paramlint.project import environment as environments
from paramlint.project.environment import EnvironmentNotFound, find_environment
from paramlint.project.files import source_files
from paramlint.project.mentions import WordIndex
from paramlint.project.project import Project
from paramlint.project.root import find_root, name_module


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


LAYOUTS = {
    "flat": (["pyproject.toml", "pkg/__init__.py", "pkg/a.py"], "pkg/a.py", "", "pkg.a"),
    "package file": (["pyproject.toml", "pkg/__init__.py"], "pkg/__init__.py", "", "pkg"),
    "src": (["pyproject.toml", "src/pkg/__init__.py", "src/pkg/a.py"], "src/pkg/a.py", "", "pkg.a"),
    "src without packages": (["setup.py", "src/a.py"], "src/a.py", "", "a"),
    "src that is a package": (["setup.py", "src/__init__.py", "src/a.py"], "src/a.py", "", "src.a"),
    "other source folder": ([".git/HEAD", "python/pkg/__init__.py", "python/pkg/a.py"], "python/pkg/a.py", "", "pkg.a"),
    "namespace in a package": (["setup.cfg", "pkg/__init__.py", "pkg/sub/a.py"], "pkg/sub/a.py", "", "pkg.sub.a"),
    "scripts": (["pyproject.toml", "tools/a.py"], "tools/a.py", "", "tools.a"),
    "top-level file": (["pyproject.toml", "a.py"], "a.py", "", "a"),
    "nearest project": (["pyproject.toml", "sub/setup.py", "sub/pkg/__init__.py"], "sub/pkg/__init__.py", "sub", "pkg"),
    "no marker": (["x/pkg/__init__.py", "x/pkg/sub/__init__.py", "x/pkg/sub/a.py"], "x/pkg/sub/a.py", "x", "pkg.sub.a"),
    "no marker, gap": (["x/pkg/__init__.py", "x/pkg/sub/a.py"], "x/pkg/sub/a.py", "x", "pkg.sub.a"),
    "no marker, no package": (["x/a.py"], "x/a.py", "x", "a"),
    "installed": (
        ["pyproject.toml", ".venv/lib/site-packages/pkg/__init__.py"],
        ".venv/lib/site-packages/pkg/__init__.py",
        ".venv/lib/site-packages",
        "pkg",
    ),
    "unpacked wheel": (["x/pkg-1.0.dist-info/METADATA", "x/examples/a.py"], "x/examples/a.py", "x", "examples.a"),
    "root that is a package": (["pyproject.toml", "__init__.py", "a.py"], "a.py", "", "a"),
}


@pytest.mark.parametrize(("files", "file", "root", "name"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_root_and_name(tmp_path: Path, files: list[str], file: str, root: str, name: str) -> None:
    write(tmp_path, *files)
    found = find_root(tmp_path / file)
    assert found == tmp_path / root
    assert name_module(tmp_path / file, found).name == name


def test_names_do_not_depend_on_how_a_path_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "pyproject.toml", "pkg/__init__.py", "pkg/a.py")
    monkeypatch.chdir(tmp_path / "pkg")
    assert find_root(Path("a.py")) == tmp_path
    assert find_root(Path()) == tmp_path
    project = Project(tmp_path, environments.NO_ENVIRONMENT, lambda path: lower(read_source(str(path))))
    assert project.module_at(Path("a.py")) is project.module_at(tmp_path / "pkg" / ".." / "pkg" / "a.py")
    assert project.module_at(Path("a.py")).name == "pkg.a"


def test_scripts_import_what_lies_beside_them(tmp_path: Path) -> None:
    write(tmp_path, "pyproject.toml")
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "models.py").write_text("class Net: ...\n")
    (tmp_path / "train" / "run.py").write_text("from models import Net\n")
    project = Project(tmp_path, environments.NO_ENVIRONMENT, lambda path: lower(read_source(str(path))))
    module = project.module_at(tmp_path / "train" / "run.py")
    found = project.module_named("models", beside=module)
    assert found is not None
    assert found.name == "train.models"
    assert project.module_named("models") is None


def fake_environment(prefix: Path, *, shares: bool = False) -> Path:
    packages = prefix / "lib" / "python3.12" / "site-packages"
    packages.mkdir(parents=True)
    (prefix / "pyvenv.cfg").write_text(f"home = /usr/bin\ninclude-system-site-packages = {str(shares).lower()}\n")
    (prefix / "bin").mkdir()
    (prefix / "bin" / "python").write_text("#!/bin/sh\nexit 3\n")
    (prefix / "bin" / "python").chmod(0o755)
    return packages


def test_environments_in_order(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    assert not find_environment(root, None, {}).is_known
    conda = fake_environment(tmp_path / "conda")
    variables = {"CONDA_PREFIX": str(tmp_path / "conda")}
    assert find_environment(root, None, variables).folders == (conda,)
    beside = fake_environment(root / ".venv")
    assert find_environment(root, None, variables).folders == (beside,)
    active = fake_environment(tmp_path / "active")
    variables["VIRTUAL_ENV"] = str(tmp_path / "active")
    assert find_environment(root, None, variables).folders == (active,)
    configured = fake_environment(root / "other")
    found = find_environment(root, "other/bin/python", variables)
    assert found.folders == (configured,)
    assert find_environment(root, None, {"VIRTUAL_ENV": str(tmp_path / "gone")}).origin == ".venv"


def test_editable_installs_are_followed(tmp_path: Path) -> None:
    packages = fake_environment(tmp_path / ".venv")
    (tmp_path / "elsewhere").mkdir()
    (packages / "editable.pth").write_text(f"import os\n# comment\n{tmp_path / 'elsewhere'}\nmissing\n")
    assert find_environment(tmp_path, None, {}).folders == (packages, tmp_path / "elsewhere")


def test_an_interpreter_outside_an_environment_is_asked(tmp_path: Path) -> None:
    found = find_environment(tmp_path, sys.executable, {})
    assert any((folder / "pytest").is_dir() for folder in found.folders)
    assert not any((folder / "os.py").exists() for folder in found.folders)


def test_a_wrong_interpreter_is_said(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentNotFound, match="no interpreter"):
        find_environment(tmp_path, "gone/bin/python", {})
    fake_environment(tmp_path / "broken", shares=True)
    with pytest.raises(EnvironmentNotFound, match="does not say"):
        find_environment(tmp_path, "broken/bin/python", {})


def test_source_files_leave_out_what_nobody_wrote(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "pkg/b.py", "pkg/c.txt", ".git/x.py", "build/x.py", "__pycache__/x.py", "node_modules/x.py")
    write(tmp_path, "env/pyvenv.cfg", "env/x.py", ".venv/x.py", "x.egg-info/x.py")
    assert [path.relative_to(tmp_path).as_posix() for path in source_files(tmp_path)] == ["a.py", "pkg/b.py"]


TEXTS = {
    "attribute": ("x = self.init_weights", True),
    "string": ("getattr(m, 'init_weights')", True),
    "at the end": ("init_weights", True),
    "part of another name": ("my_init_weights(m); init_weights_(m); éinit_weights", False),
    "behind part of another name": ("my_init_weights(m); init_weights(m)", True),
}


@pytest.mark.parametrize(("text", "is_found"), TEXTS.values(), ids=TEXTS.keys())
def test_words_are_found_whole(tmp_path: Path, text: str, is_found: bool) -> None:
    files = [tmp_path / name for name in ("before.py", "file.py", "behind.py")]
    for path in files:
        path.write_text("init")
    files[1].write_text(text)
    index = WordIndex(files)
    assert index.files_with("init_weights") == ((files[1],) if is_found else ())


@pytest.mark.parametrize(("text", "is_found"), TEXTS.values(), ids=TEXTS.keys())
def test_words_are_found_whole_where_many_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, is_found: bool
) -> None:
    files = [tmp_path / name for name in ("before.py", "file.py", "empty.py", "behind.py")]
    for path, content in zip(files, ("init other", text, "", "other\ninit"), strict=True):
        path.write_text(content, encoding="utf-8")
    monkeypatch.setattr("paramlint.project.mentions._WORDS_IN_FULL_TEXT", 1)
    index = WordIndex(files)
    assert index.files_with("other") == (files[0], files[3])
    assert index.files_with("init_weights") == ((files[1],) if is_found else ())
    assert index.files_with("init") == (files[0], files[3])
    assert index.files_with("other\ninit") == (files[3],)
    assert index.files_with("") == ()


def test_too_much_to_search_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_text("word")
    monkeypatch.setattr("paramlint.project.mentions.MOST_BYTES", 3)
    assert WordIndex([tmp_path / "a.py"]).files_with("word") is None


def test_among_installed_packages_one_package_is_searched(tmp_path: Path) -> None:
    folder = tmp_path / "site-packages"
    for package in ("one", "two"):
        (folder / package).mkdir(parents=True)
        (folder / package / "a.py").write_text("word")
    project = Project(folder, environments.NO_ENVIRONMENT, lambda path: lower(read_source(str(path))))
    assert project.files_mentioning("word", folder / "one" / "a.py") == (folder / "one" / "a.py",)

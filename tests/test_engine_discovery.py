"""Which files are linted: what is named, and what ``.gitignore`` and ``exclude`` leave out of folders."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from paramlint.engine.configuration import Configuration
from paramlint.engine.discovery import discover
from paramlint.engine.settings import Overrides

ISOLATED = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


NOTHING = Overrides()


def write(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")


def found(root: Path, *named: str, overrides: Overrides = NOTHING) -> list[str]:
    paths = [root / name for name in named] or [root]
    files = discover(paths, Configuration(overrides)).files
    return [path.relative_to(root).as_posix() for path in files]


def test_python_files_in_order_and_once(tmp_path: Path) -> None:
    write(tmp_path, "b.py", "a/c.py", "a/data.json", "a/stub.pyi", "script")
    assert found(tmp_path, ".", "a", "a/c.py") == ["a/c.py", "b.py"]


def test_a_named_file_is_taken_whatever_its_name(tmp_path: Path) -> None:
    write(tmp_path, "script", "venv/x.py")
    assert found(tmp_path, "script", "venv/x.py") == ["script", "venv/x.py"]


def test_what_is_missing_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, "a.py")
    discovery = discover([tmp_path / "a.py", tmp_path / "b.py"], Configuration(Overrides()))
    assert [path.name for path in discovery.files] == ["a.py"]
    assert [(error.path, error.line) for error in discovery.errors] == [(str(tmp_path / "b.py"), None)]


def test_folders_of_tools_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, "a.py", ".venv/b.py", "pkg/__pycache__/c.py", "node_modules/d.py", "pkg/dist/e.py", ".git/f.py")
    assert found(tmp_path) == ["a.py"]


def test_a_named_folder_is_linted_though_its_name_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "venv/lib/site-packages/pkg/a.py", "venv/lib/site-packages/pkg/venv/b.py")
    assert found(tmp_path, "venv/lib/site-packages/pkg") == ["venv/lib/site-packages/pkg/a.py"]


@pytest.mark.parametrize("with_git", [True, False], ids=["repository", "plain folder"])
def test_gitignore(tmp_path: Path, with_git: bool) -> None:
    write(tmp_path, "a.py", "build/b.py", "deep/build/c.py", "gen_x.py", "deep/gen_y.py", "deep/keep/gen_z.py")
    (tmp_path / ".gitignore").write_text("/build/\ngen_*.py\n", encoding="utf-8")
    (tmp_path / "deep" / "keep" / ".gitignore").write_text("!gen_z.py\n", encoding="utf-8")
    if with_git:
        (tmp_path / ".git" / "info").mkdir(parents=True)
    assert found(tmp_path) == ["a.py", "deep/build/c.py", "deep/keep/gen_z.py"]


def test_gitignore_above_the_folder_that_is_named(tmp_path: Path) -> None:
    write(tmp_path, "part/a.py", "part/build/b.py", "part/c_gen.py", "part/d_local.py")
    (tmp_path / ".git" / "info").mkdir(parents=True)
    (tmp_path / ".git" / "info" / "exclude").write_text("*_local.py\n", encoding="utf-8")
    (tmp_path / ".gitignore").write_text("part/build\n*_gen.py\n", encoding="utf-8")
    assert found(tmp_path, "part") == ["part/a.py"]


def test_a_named_folder_is_linted_though_git_ignores_it(tmp_path: Path) -> None:
    write(tmp_path, "out/a.py", "out/inner/b.py", "out/c_gen.py")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("/out/\n*_gen.py\n", encoding="utf-8")
    assert found(tmp_path, "out") == ["out/a.py", "out/inner/b.py"]
    assert found(tmp_path) == []


def test_gitignore_can_be_disregarded(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "b.py")
    (tmp_path / ".gitignore").write_text("b.py\n", encoding="utf-8")
    assert found(tmp_path, overrides=Overrides(respect_gitignore=False)) == ["a.py", "b.py"]


def test_an_inner_repository_has_its_own_rules(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "inner/a.py", "inner/b.py")
    (tmp_path / ".git").mkdir()
    (tmp_path / "inner" / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("a.py\n", encoding="utf-8")
    (tmp_path / "inner" / ".gitignore").write_text("b.py\n", encoding="utf-8")
    assert found(tmp_path) == ["inner/a.py"]


def test_the_same_files_as_git_lists(tmp_path: Path) -> None:
    ignores = {
        ".gitignore": "*.tmp.py\n/only_top.py\n**/cache/\n!kept.tmp.py\ndocs/**/old.py\n",
        "p/.gitignore": "x?.py\n",
    }
    names = ["only_top.py", "p/only_top.py", "a.tmp.py", "kept.tmp.py", "p/cache/a.py", "cache/b.py", "docs/old.py"]
    write(tmp_path, *names, "docs/a/b/old.py", "docs/a/new.py", "p/x1.py", "p/q/x2.py", "x3.py", "p/xyz.py")
    for name, text in ignores.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, env=ISOLATED, check=True)
    listing = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard", "*.py"],
        cwd=tmp_path,
        env=ISOLATED,
        check=True,
        capture_output=True,
        text=True,
    )
    assert found(tmp_path) == sorted(listing.stdout.split())


def test_exclude_of_the_configuration_starts_from_its_folder(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "src/gen/b.py", "gen/c.py", "src/x_pb2.py", "dist/d.py")
    (tmp_path / "pyproject.toml").write_text('[tool.paramlint]\nexclude = ["/gen", "*_pb2.py"]\n', encoding="utf-8")
    assert found(tmp_path) == ["a.py", "dist/d.py", "src/gen/b.py"]
    assert found(tmp_path, "src", "gen/c.py") == ["gen/c.py", "src/gen/b.py"]


def test_named_files_are_left_out_only_by_force(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "gen/b.py")
    (tmp_path / "pyproject.toml").write_text('[tool.paramlint]\nexclude = ["gen"]\n', encoding="utf-8")
    assert found(tmp_path, "a.py", "gen/b.py") == ["a.py", "gen/b.py"]
    assert found(tmp_path, "a.py", "gen/b.py", overrides=Overrides(force_exclude=True)) == ["a.py"]


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a privilege on Windows")
def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, "a/b.py")
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "broken.py").symlink_to(tmp_path / "nowhere.py")
    assert found(tmp_path) == ["a/b.py"]

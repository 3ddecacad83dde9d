"""The cache: nothing is done twice, and nothing stale is ever said."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import paramlint.engine.analysis
from paramlint.engine import cache, check as check_module, fingerprint
from paramlint.engine.cached_form import decode, encode
from paramlint.engine.check import check
from paramlint.engine.configuration import Configuration
from paramlint.engine.selection import SelectionLayer
from paramlint.engine.settings import CACHE_FOLDER, Overrides
from paramlint.model.code import Span
from paramlint.model.diagnostic import Applicability, Diagnostic, Edit, Effect, Fix, Related, Severity
from paramlint.project.definitions import SourceModule
from paramlint.project.project import Project
from paramlint.rules import Rule, check_module as real_check_module

FILES = {
    "pyproject.toml": "",
    "package/__init__.py": "",
    "package/base.py": """\
from torch import nn


class Base(nn.Module):
    def __init__(self):
        super().__init__()
""",
    "package/helpers.py": """\
from torch import nn


def make():
    return nn.Linear(3, 3)
""",
    "package/net.py": """\
from package.base import Base
from package.helpers import make


class Net(Base):
    def __init__(self):
        super().__init__()
        self.layers = [make() for _ in range(2)]

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
""",
    "package/other.py": "from torch import nn\n\n\nclass Other(nn.Module):\n    pass\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.delenv(variable, raising=False)
    for name, text in FILES.items():
        write(tmp_path / name, text)
    settle()
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def settle() -> None:
    """Wait until what was written is old enough to be trusted."""
    time.sleep(2 * fingerprint._TICK_NANOSECONDS / 1e9)


@pytest.fixture
def linted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that rules were run on."""
    names: list[str] = []

    def counting(project: Project, module: SourceModule, rules: Sequence[Rule], **how: Any) -> list[Diagnostic]:
        names.append(module.path.name)
        return list(real_check_module(project, module, rules, **how))

    monkeypatch.setattr(paramlint.engine.analysis, "check_module", counting)
    return names


def found(root: Path, *select: str, folder: Path | None = None, jobs: int = 1) -> list[tuple[str, str, int]]:
    selection = SelectionLayer(select=select or None)
    report = check([root], Configuration(Overrides(selection)), jobs=jobs, cache_folder=folder or root / CACHE_FOLDER)
    assert not report.errors
    return [(Path(entry.path).name, entry.code, entry.span.line) for entry in report.diagnostics]


SAID = [("net.py", "PRM105", 8)]


def test_nothing_is_linted_twice(project: Path, linted: list[str]) -> None:
    assert found(project) == SAID
    assert set(linted) == {"__init__.py", "base.py", "helpers.py", "net.py", "other.py"}
    linted.clear()
    assert found(project) == SAID
    assert linted == []


def test_a_base_class_in_another_file_changes_the_diagnostic(project: Path, linted: list[str]) -> None:
    assert found(project) == SAID
    linted.clear()
    write(project / "package/base.py", "class Base:\n    pass\n")
    assert found(project) == []
    assert "net.py" in linted
    assert "other.py" not in linted
    write(project / "package/base.py", FILES["package/base.py"])
    assert found(project) == SAID


def test_a_base_class_counts_where_every_worker_gives_way_to_an_experienced_one(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_module, "_WORTH_DIVIDING_BYTES", 0)
    monkeypatch.setattr(check_module, "_BATCH_BYTES", 0)
    monkeypatch.setattr(paramlint.engine.analysis, "_BYTES_KEPT", 0)
    net = (project / "package" / "net.py").read_text(encoding="utf-8")
    for number in range(6):
        write(project / f"package/net{number}.py", net)
    settle()
    assert len(found(project, jobs=2)) == 7
    write(project / "package/base.py", FILES["package/base.py"].replace("nn.Module", "object"))
    settle()
    assert found(project, jobs=2) == []


def test_a_helper_in_another_file_changes_the_diagnostic(project: Path) -> None:
    assert found(project) == SAID
    write(project / "package/helpers.py", "def make():\n    return abs\n")
    assert found(project) == []


def test_a_file_that_is_named_alone_and_has_not_changed_still_depends_on_its_base(project: Path) -> None:
    assert found(project) == SAID
    write(project / "package/base.py", "class Base:\n    pass\n")
    report = check(
        [project / "package/net.py"], Configuration(Overrides()), jobs=1, cache_folder=project / CACHE_FOLDER
    )
    assert report.diagnostics == ()


def test_a_base_behind_a_re_export_counts(project: Path) -> None:
    write(project / "package/__init__.py", "from package.base import Base\n")
    write(project / "package/net.py", FILES["package/net.py"].replace("package.base", "package"))
    settle()
    assert found(project) == SAID
    write(project / "package/base.py", "class Base:\n    pass\n")
    assert found(project) == []


def test_a_module_that_comes_to_stand_before_another_counts(project: Path) -> None:
    assert found(project) == SAID
    settle()
    write(project / "package/base/__init__.py", "class Base:\n    pass\n")
    assert found(project) == []


def test_a_module_that_was_missing_counts(project: Path) -> None:
    (project / "package/base.py").unlink()
    settle()
    assert found(project) == []
    write(project / "package/base.py", FILES["package/base.py"])
    assert found(project) == SAID


def test_what_a_star_import_of_a_star_import_comes_to_bind_counts(project: Path) -> None:
    net = FILES["package/net.py"].replace("from package.base import Base", "from .hub import *")
    write(project / "package/net.py", net)
    write(project / "package/hub.py", "from .deep import *\n")
    write(project / "package/deep.py", "")
    settle()
    assert found(project) == []
    write(project / "package/deep.py", FILES["package/base.py"])
    assert found(project) == SAID


HUBS = {
    "imports": {"package/__init__.py": "from package.base import Base\nfrom package.helpers import make\n"},
    "star imports": {
        "package/__init__.py": "from .base import *\nfrom .helpers import *\n",
        "package/base.py": '__all__ = ["Base"]\n' + FILES["package/base.py"],
        "package/helpers.py": '__all__ = ["make"]\n' + FILES["package/helpers.py"],
    },
}


@pytest.mark.parametrize("hub", HUBS.values(), ids=HUBS)
def test_who_imports_from_a_package_depends_on_the_module_that_has_the_name(
    project: Path, linted: list[str], hub: dict[str, str]
) -> None:
    users = {
        "package/net.py": FILES["package/net.py"]
        .replace("package.base", "package")
        .replace("package.helpers", "package"),
        "package/other.py": "from package import Base\n\n\nclass Other(Base):\n    pass\n",
    }
    for name, text in {**hub, **users}.items():
        write(project / name, text)
    settle()
    assert found(project) == SAID
    helpers = (project / "package/helpers.py").read_text(encoding="utf-8")
    linted.clear()
    write(project / "package/helpers.py", helpers.replace("3, 3", "3, 4"))
    settle()
    assert found(project) == SAID
    assert set(linted) == {"helpers.py", "net.py"}
    write(project / "package/helpers.py", helpers.replace("nn.Linear(3, 3)", "abs"))
    settle()
    assert found(project) == []
    write(project / "package/helpers.py", helpers)
    settle()
    assert found(project) == SAID


def test_a_star_import_that_comes_to_hide_a_name_counts(project: Path) -> None:
    hub = HUBS["star imports"]
    for name, text in hub.items():
        write(project / name, text)
    write(project / "package/net.py", FILES["package/net.py"].replace("package.base", "package"))
    settle()
    assert found(project) == SAID
    write(
        project / "package/helpers.py",
        hub["package/helpers.py"].replace('["make"]', '["make", "Base"]') + "Base = object\n",
    )
    settle()
    assert found(project) == []


def test_an_installed_package_counts(project: Path) -> None:
    site = project / ".venv/lib/python3.11/site-packages"
    site.mkdir(parents=True)
    write(site / "outside/__init__.py", FILES["package/base.py"])
    write(project / "package/net.py", FILES["package/net.py"].replace("package.base", "outside"))
    settle()
    assert found(project) == SAID
    write(site / "outside/__init__.py", "class Base:\n    pass\n")
    assert found(project) == []


SCHEME = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def _initialize_weights(self):
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x):
        return self.conv(x)
"""
CALLER = "def build(net):\n    net._initialize_weights()\n    return net\n"


def codes(root: Path) -> list[str]:
    return [code for _, code, _ in found(root, "ALL")]


@pytest.mark.parametrize("name", ["package/other.py", "package/new.py"])
def test_a_caller_elsewhere_in_the_project_counts(project: Path, name: str) -> None:
    write(project / "package/net.py", SCHEME)
    settle()
    assert codes(project) == ["PRM303"]
    write(project / name, CALLER)
    settle()
    assert codes(project) == []
    (project / name).unlink()
    assert codes(project) == ["PRM303"]


def test_a_file_that_does_not_have_the_word_that_was_asked_for_does_not_count(project: Path, linted: list[str]) -> None:
    write(project / "package/net.py", SCHEME)
    settle()
    assert codes(project) == ["PRM303"]
    for text in ("def build(net):\n    return net\n", "def build(net):\n    return net.half()\n"):
        linted.clear()
        write(project / "package/other.py", text)
        settle()
        assert codes(project) == ["PRM303"]
        assert linted == ["other.py"]
    write(project / "package/other.py", CALLER)
    assert codes(project) == []


def test_a_word_counts_that_came_while_the_file_that_asked_for_it_was_not_linted(project: Path) -> None:
    write(project / "package/net.py", SCHEME)
    settle()
    assert codes(project) == ["PRM303"]
    write(project / "package/other.py", CALLER)
    settle()
    settings = Configuration(Overrides(SelectionLayer(select=("ALL",))))
    assert not check([project / "package/other.py"], settings, cache_folder=project / CACHE_FOLDER).diagnostics
    assert codes(project) == []


def test_rules_and_settings_have_results_of_their_own(project: Path, linted: list[str]) -> None:
    assert found(project) == SAID
    assert found(project, "PRM103") == []
    linted.clear()
    assert found(project, "PRM105") == SAID
    assert found(project) == SAID
    assert "net.py" in linted


def test_another_version_of_paramlint_starts_anew(
    project: Path, linted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found(project)
    linted.clear()
    monkeypatch.setattr(fingerprint, "of_paramlint", lambda: "another")
    assert found(project) == SAID
    assert "net.py" in linted


def test_what_changes_during_the_run_is_not_kept(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def editing(project_: Project, module: SourceModule, rules: Sequence[Rule], **how: Any) -> list[Diagnostic]:
        said = list(real_check_module(project_, module, rules, **how))
        write(project / "package/base.py", "class Base:\n    pass\n")
        return said

    with monkeypatch.context() as patched:
        patched.setattr(paramlint.engine.analysis, "check_module", editing)
        found(project)
    assert found(project) == []


def test_git_ignores_the_folder(project: Path) -> None:
    found(project)
    assert "*" in (project / CACHE_FOLDER / ".gitignore").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"", b"SQLite format 3\0" + bytes(5000)])
def test_a_broken_file_is_made_anew(project: Path, linted: list[str], content: bytes) -> None:
    found(project)
    (project / CACHE_FOLDER / "cache.sqlite3").write_bytes(content)
    assert found(project) == SAID
    found(project)
    linted.clear()
    assert found(project) == SAID
    assert linted == []


def test_rows_that_nobody_wrote_are_made_anew(project: Path) -> None:
    found(project)
    with sqlite3.connect(project / CACHE_FOLDER / "cache.sqlite3") as connection:
        connection.execute("UPDATE results SET diagnostics = '[[1, 2]]'")
    connection.close()
    assert found(project) == SAID


def test_a_folder_that_cannot_be_made_is_done_without(project: Path) -> None:
    write(project / "occupied", "")
    assert found(project, folder=project / "occupied/cache") == SAID


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_cannot_be_written_is_done_without(project: Path) -> None:
    folder = project / "closed"
    folder.mkdir(mode=0o500)
    assert found(project, folder=folder) == SAID


def test_the_file_stays_small(project: Path, linted: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_BYTES", 100)
    assert found(project) == SAID
    linted.clear()
    assert found(project) == SAID
    assert "net.py" in linted


def run(root: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "paramlint", "check", "--output-format", "concise", *arguments, "."],
        cwd=root,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_two_processes_at_once(project: Path) -> None:
    both = [run(project), run(project)]
    outputs = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [1, 1]
    assert outputs[0] == outputs[1]
    assert found(project) == SAID


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("delay", [0.1, 0.4, 0.6, 0.8])
def test_a_kill_at_any_moment(project: Path, delay: float) -> None:
    process = run(project)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert found(project) == SAID
    assert found(project) == SAID


def test_no_cache_leaves_nothing(project: Path) -> None:
    run(project, "--no-cache").communicate()
    assert not (project / CACHE_FOLDER).exists()
    run(project, "--cache-dir", "elsewhere").communicate()
    assert (project / "elsewhere/cache.sqlite3").exists()
    write(project / "pyproject.toml", '[tool.paramlint]\ncache-dir = "configured"\n')
    run(project).communicate()
    assert (project / "configured/cache.sqlite3").exists()
    assert not (project / CACHE_FOLDER).exists()


def test_diagnostics_are_read_back_as_they_were() -> None:
    span = Span(1, 2, 3, 4)
    entry = Diagnostic(
        "PRM101",
        "slug",
        Severity.ERROR,
        "a.py",
        span,
        "Net",
        None,
        "message",
        (Related("b.py", span, "there"),),
        (("argument", None), ("other", 1.5)),
        Fix("do", Applicability.UNSAFE, (Edit(span, "text"),), Effect(("weight",), values=True)),
    )
    assert decode(encode([entry])) == (entry,)
    assert isinstance(decode(encode([entry]))[0].severity, Severity)

"""What is imported: a command loads what it uses, and nothing that is only used by another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = """
import contextlib, io, json, sys
sys.argv = ["paramlint", *sys.argv[1:]]
from paramlint.cli import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main()
print(json.dumps(sorted(sys.modules)))
"""
CLEAN = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x):
        return self.layer(x)
"""
FAULTY = CLEAN.replace("nn.Linear(3, 3)", "[nn.Linear(3, 3) for _ in range(2)]").replace(
    "return self.layer(x)", "return self.layer[0](self.layer[1](x))"
)
HEAVY = {"libcst", "torch", "rich", "numpy", "multiprocessing", "concurrent.futures", "difflib"}


def imported(folder: Path, *arguments: str) -> set[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _SCRIPT, *arguments]
    output = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True).stdout
    return set(json.loads(output))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "net.py").write_text(CLEAN, encoding="utf-8")
    return tmp_path


def test_the_version_needs_nothing(folder: Path) -> None:
    modules = imported(folder, "--version")
    assert not modules & {*HEAVY, "sqlite3", "paramlint.interpret.interpret", "paramlint.engine.check"}


def test_a_clean_run_needs_neither_libcst_nor_torch(folder: Path) -> None:
    modules = imported(folder, "check")
    assert "paramlint.engine.check" in modules
    assert not modules & HEAVY
    assert not any(name.startswith("paramlint.runtime") for name in modules)
    assert not modules & {"paramlint.interpret.interpret", "paramlint.fixes.repairs", "paramlint.engine.fixing"}


def test_libcst_is_loaded_for_a_finding_and_not_for_one_that_is_remembered(folder: Path) -> None:
    (folder / "net.py").write_text(FAULTY, encoding="utf-8")
    assert "libcst" in imported(folder, "check")
    modules = imported(folder, "check")
    assert "sqlite3" in modules
    assert "libcst" not in modules
    assert "libcst" in imported(folder, "check", "--no-cache")

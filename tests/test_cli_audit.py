"""``paramlint audit MODULE:NAME``: another process makes the model, this one reports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

MODELS = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.head = nn.Linear(width, width)
        self.table = torch.ones(width)
        self.raw = nn.Parameter(torch.empty(width))

    def forward(self, x, *, scale=1.0):
        return self.head(x) * scale + self.table + self.raw


class Sound(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 3)

    def forward(self, x):
        return self.head(x)


def make():
    print("noise")
    return Net(5)


def make_with_input():
    return Net(7), torch.ones(2, 7)


def broken():
    raise ValueError("no weights")


def wrong():
    return 3


def leaves():
    import os
    os._exit(9)


def hangs():
    while True:
        pass


def connects():
    import socket
    socket.create_connection(("example.org", 80))


ready = Sound()
"""


class Done(NamedTuple):
    code: int
    output: str
    errors: str


def paramlint_audit(folder: Path, *arguments: str) -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "paramlint", "audit", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "pyproject.toml").touch()
    (folder / "src" / "pkg").mkdir(parents=True)
    (folder / "src" / "pkg" / "__init__.py").touch()
    (folder / "src" / "pkg" / "models.py").write_text(MODELS)
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        ["pkg.models:make_with_input"],
        ["pkg.models:make", "--input", "torch.ones(2, 5)", "--input", "scale=2.0"],
    ],
    ids=["function with input", "given input"],
)
def test_text_shows_findings_and_the_table(project: Path, arguments: list[str]) -> None:
    done = paramlint_audit(project, *arguments)
    assert done.code == 1, done.errors
    assert "src/pkg/models.py:9:9: PRM101 [*] unregistered-tensor" in done.output
    assert "src/pkg/models.py:10:9: PRM301 uninitialised-parameter" in done.output
    assert "never written, made at models.py:10" in done.output
    assert "layer's default at models.py:8" in done.output
    assert "noise" not in done.output


def test_json_has_findings_tensors_and_init_coverage(project: Path) -> None:
    done = paramlint_audit(project, "pkg.models:make", "--output-format", "json", "--init-coverage")
    document = json.loads(done.output)
    assert [item["code"] for item in document["diagnostics"]] == ["PRM101", "PRM301"]
    tensors = {item["name"]: item for item in document["tensors"]}
    assert tensors["table"]["registration"] == "unregistered"
    assert tensors["head.weight"]["shape"] == [5, 5]
    assert tensors["head.weight"]["gradient"] == "flows"
    assert {row["how"].partition(",")[0] for row in document["init_coverage"]} == {"never written", "layer's default"}
    assert any("guessed input" in note for note in document["notes"])


def test_init_coverage_is_a_table(project: Path) -> None:
    done = paramlint_audit(project, "pkg.models:Net", "--init-coverage", "--exit-zero")
    assert done.code == 0
    assert "3 parameters (15 elements): 2 at the layer's default, 1 NEVER WRITTEN" in done.output


def test_a_sound_model_that_stands_ready(project: Path) -> None:
    done = paramlint_audit(project, "pkg.models:ready")
    assert (done.code, done.errors) == (0, "")
    assert "layer's default" in done.output


def test_codes_can_be_chosen_and_forward_left_out(project: Path) -> None:
    done = paramlint_audit(project, "pkg.models:Net", "--no-forward", "--select", "PRM101", "--output-format", "json")
    # The source says it; that the tensor is left behind shows in forward alone.
    told = [(item["code"], item["verdict"]) for item in json.loads(done.output)["diagnostics"]]
    assert told == [("PRM101", "unconfirmed")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pkg.models"], "names no model"),
        (["src/pkg/models.py:Net"], "is a file"),
        (["pkg.nowhere:Net"], "No module named 'pkg.nowhere'"),
        (["pkg.models:broken"], "raised ValueError"),
        (["pkg.models:wrong"], "gave int, which is no torch.nn.Module"),
        (["pkg.models:leaves"], "exit code 9"),
        (["pkg.models:connects"], "the network is refused"),
        (["pkg.models:Net", "--input", "torch.nonsense"], "--input: AttributeError"),
        (["pkg.models:Net", "--python", "/nowhere/python"], "could not be started"),
    ],
)
def test_what_cannot_be_audited_is_said_in_one_line(project: Path, arguments: list[str], said: str) -> None:
    done = paramlint_audit(project, *arguments)
    assert done.code == 2
    assert done.output == ""
    assert said in done.errors
    assert len(done.errors.splitlines()) == 1

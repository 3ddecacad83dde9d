"""What source alone says too little of is shown where the runtime proves it, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from paramlint.cli import main

SOURCE = """\
import torch
from torch import nn


class Prompt(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.prompt = nn.Parameter(torch.empty(3, width))

    def forward(self, x):
        return torch.cat([self.prompt, x])


class Unbuilt(nn.Module):
    def __init__(self, connection):
        super().__init__()
        self.prompt = nn.Parameter(torch.empty(connection.open().width))

    def forward(self, x):
        return self.prompt + x
"""


def found(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[tuple[str, str]]:
    main(["check", "net.py", "--no-cache", "--output-format", "json", *arguments])
    report = json.loads(capsys.readouterr().out)
    return [(entry["class"], entry["code"]) for entry in report["diagnostics"]]


def test_an_uninitialised_parameter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "net.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    both = [("Prompt", "PRM301"), ("Unbuilt", "PRM301")]
    assert found(capsys) == []
    assert found(capsys, "--extend-select", "PRM301") == both
    assert found(capsys, "--confirm", "--timeout", "120") == both[:1]
    assert found(capsys, "--confirm", "--ignore", "PRM301") == []
    assert found(capsys, "--confirm", "--extend-select", "PRM301", "--timeout", "120") == both

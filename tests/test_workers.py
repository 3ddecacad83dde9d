"""One worker serves a whole run: torch is imported once, however often the runtime is asked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from paramlint.cli import main
from paramlint.model.observation import ClassRequest
from paramlint.runtime import parent
from paramlint.runtime.parent import Workers
from paramlint.runtime.settings import RuntimeSettings

NETS = """\
from torch import nn

class Net(nn.Module):
    pass

class Other(nn.Module):
    pass
"""
SETTINGS = RuntimeSettings(python=sys.executable, stages=())


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The worker processes that were started, in their order."""
    processes: list[subprocess.Popen[bytes]] = []
    original = parent.start

    def start(command: Sequence[str], errors: Path) -> subprocess.Popen[bytes]:
        processes.append(original(command, errors))
        return processes[-1]

    monkeypatch.setattr(parent, "start", start)
    return processes


def request(folder: Path, name: str) -> ClassRequest:
    path = folder / "nets.py"
    path.write_text(NETS)
    return ClassRequest(name, str(path), str(folder), "nets", name)


def test_a_worker_is_kept_between_questions_and_ended_with_the_last(tmp_path: Path, started: list[Any]) -> None:
    with Workers() as workers:
        workers.expect(SETTINGS, tmp_path)
        for _ in range(2):
            (seen,) = workers.observe([request(tmp_path, "Net")], SETTINGS)
            assert seen.status == "built"
        (process,) = started
        assert process.poll() is None
    assert process.poll() is not None


def test_one_that_was_not_needed_is_ended(tmp_path: Path, started: list[Any]) -> None:
    (tmp_path / "clean.py").write_text("x = 1\n")
    assert main(["check", "--confirm", "--no-cache", str(tmp_path)]) == 0
    (process,) = started
    assert process.poll() is not None


def test_one_that_was_stopped_in_the_middle_is_not_asked_again(tmp_path: Path, started: list[Any]) -> None:
    with Workers() as workers:
        answers = workers.observe([request(tmp_path, "Net"), request(tmp_path, "Other")], SETTINGS)
        next(answers)
        answers.close()
        (seen,) = workers.observe([request(tmp_path, "Net")], SETTINGS)
        assert seen.status == "built"
    assert len(started) == 2
    assert all(process.poll() is not None for process in started)

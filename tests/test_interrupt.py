"""A run that is told to end does so at once, with the shell's exit code for it, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

_BLOCK = """

class Net{0}(nn.Module):
    def __init__(self, a, b, c, d):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(a, b) if c else nn.Linear(b, a) for _ in range(10)])
        self.scale = nn.Parameter(torch.ones(3)) if d else None

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
"""


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_ends_the_whole_group(tmp_path: Path, jobs: str) -> None:
    text = "import torch\nfrom torch import nn\n" + "".join(_BLOCK.format(number) for number in range(200))
    for number in range(30):
        (tmp_path / f"nets{number}.py").write_text(text, encoding="utf-8")
    (tmp_path / "pyproject.toml").touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "paramlint", "check", "--jobs", jobs, "."],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=True,
    )
    # The folder of the cache is made when the run proper begins, long before so many classes are done.
    deadline = time.monotonic() + 60
    while not (tmp_path / ".paramlint_cache").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert output == b""
    assert errors.splitlines()[-1:] == [b"paramlint: interrupted"]
    assert b"Traceback" not in errors
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


_HANGING = """\
import time
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.scale = torch.ones(width)
        self.layers = [nn.Linear(width, width)]
        open("{started}", "w").close()
        {wait}

    def forward(self, x):
        return self.layers[0](x) * self.scale
"""


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize(
    ("number", "options"),
    [(signal.SIGTERM, []), (signal.SIGTERM, ["--fix", "--unsafe-fixes"]), (signal.SIGKILL, [])],
    ids=["SIGTERM", "SIGTERM in a fix", "SIGKILL"],
)
def test_a_proof_that_is_ended_leaves_no_folder_no_process_and_no_unproved_fix(
    tmp_path: Path, number: signal.Signals, options: list[str]
) -> None:
    project, temporary = tmp_path / "project", tmp_path / "temporary"
    project.mkdir()
    temporary.mkdir()
    (project / "pyproject.toml").touch()
    started = tmp_path / "started"
    text = _HANGING.format(
        started=started.as_posix(),
        wait="time.sleep(600 if len(list(self.modules())) > 1 else 0)" if options else "time.sleep(600)",
    )
    (project / "net.py").write_text(text, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "paramlint", "check", "--no-cache", "--confirm", "--timeout=300", *options, "net.py"],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(temporary)},
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (
        started.exists() and (not options or "ModuleList" in (project / "net.py").read_text())
    ):
        time.sleep(0.05)
    assert list(temporary.iterdir())
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == (143 if number is signal.SIGTERM else -signal.SIGKILL)
    assert b"Traceback" not in errors
    while time.monotonic() < deadline and list(temporary.iterdir()):
        time.sleep(0.05)
    assert not list(temporary.iterdir())
    assert (project / "net.py").read_text(encoding="utf-8") == text


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("arguments", [["check", "--confirm", "--no-cache", "."], ["audit", "net:Net"]])
def test_a_run_that_is_killed_while_its_worker_starts_leaves_none(tmp_path: Path, arguments: list[str]) -> None:
    project, temporary, started = (tmp_path / name for name in ("project", "temporary", "started"))
    project.mkdir()
    temporary.mkdir()
    (project / "pyproject.toml").touch()
    (project / "net.py").write_text(_HANGING.format(started=started.as_posix(), wait="time.sleep(600)"))
    python = tmp_path / "python"
    # The worker goes on when the run that started it is gone.
    python.write_text(
        f'#!/bin/sh\ntouch "{tmp_path}/waiting"\nwhile kill -0 $PPID; do sleep 0.05; done\nexec "{sys.executable}" "$@"\n'
    )
    python.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-m", "paramlint", *arguments, "--python", str(python)],
        cwd=project,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(temporary)},
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (tmp_path / "waiting").exists():
        time.sleep(0.05)
    process.kill()
    process.wait()
    while time.monotonic() < deadline and list(temporary.iterdir()):
        time.sleep(0.05)
    assert not list(temporary.iterdir())
    assert not started.exists()

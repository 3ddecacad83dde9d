"""Ctrl-C: the run ends at once, with the shell's exit code for it, and leaves no process behind."""

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

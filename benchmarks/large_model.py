"""What ``--confirm`` costs on a model that fits into no machine: seconds, and megabytes of the largest process.

    python -m benchmarks.large_model
    python -m benchmarks.large_model --blocks 100

The model is a transformer of 50 billion parameters (200 GB) with one plain tensor that ``.to()`` leaves behind. It is
built without memory and moved to the simulated accelerator, and forward runs there: the finding is confirmed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measuring import run

_WIDTH = 8192
_MODEL = """\
import torch
from torch import nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = self.qkv(self.norm(x)).view(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        x = x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, d))
        return x + self.down(F.gelu(self.up(x)))


class Giant(nn.Module):
    def __init__(self, width={width}, blocks={blocks}, tokens=32_000):
        super().__init__()
        self.embedding = nn.Embedding(tokens, width)
        self.position = torch.arange(width) / width
        self.blocks = nn.ModuleList([Block(width, 64) for _ in range(blocks)])

    def forward(self, ids):
        x = self.embedding(ids) + self.position
        for block in self.blocks:
            x = block(x)
        return x @ self.embedding.weight.T
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=62, help="of 0.8 billion parameters each (default: 62)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pyproject.toml").touch()
        (folder / "giant.py").write_text(
            _MODEL.replace("{width}", str(_WIDTH)).replace("{blocks}", str(options.blocks))
        )
        report = folder / "report.json"
        command = [sys.executable, "-c", _CHECK, str(report)]
        cost = run(command, folder)
        billions = (options.blocks * 12 * _WIDTH**2 + 32_000 * _WIDTH) / 1e9
        verdict = "confirmed" if '"verdict": "confirmed"' in report.read_text() else "NOT CONFIRMED"
        print(
            f"{billions:.0f} billion parameters: {verdict} in {cost.wall:.1f} s ({cost.cpu:.1f} s of processor), "
            f"{cost.memory:.0f} MB"
        )
    return 0


# The report goes to a file, since what a measured process prints is dropped.
_CHECK = """
import contextlib, sys
from paramlint.cli import main
with open(sys.argv[1], "w") as file, contextlib.redirect_stdout(file):
    main(["check", "--confirm", "--no-cache", "--output-format", "json", "giant.py"])
"""

if __name__ == "__main__":
    sys.exit(main())

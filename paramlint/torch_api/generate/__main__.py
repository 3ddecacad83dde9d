"""Writes ``torch.json``."""

from __future__ import annotations

import sys
from pathlib import Path

from paramlint.torch_api.generate.tables import generate, render

if __name__ == "__main__":
    target = Path(__file__).parent.parent / "torch.json"
    if len(sys.argv) > 1:
        target = Path(sys.argv[1])
    target.write_text(render(generate()), encoding="utf-8")

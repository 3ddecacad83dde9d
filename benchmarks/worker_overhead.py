"""What the worker of ``--confirm`` costs for each class beyond building it, in milliseconds of processor.

    python -m benchmarks.worker_overhead --python VENV/bin/python

Classes that hold one small layer, whose build costs nothing, are observed: few and many of them, with the build alone,
with the stages that decide a finding of one rule, and with every stage. The difference between few and many, divided by
their number, is what one class costs, since all else is done once for a run.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from paramlint.model.observation import ClassRequest
from paramlint.runtime import parent
from paramlint.runtime.judge import stages
from paramlint.runtime.settings import RuntimeSettings

_FEW, _MANY = 10, 110
_CODES = ("PRM301", "PRM205", "PRM506", "PRM101")
_CLASS = """\
class Net{number}(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, x):
        return self.layer(x)


"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "nets.py"
        path.write_text("from torch import nn\n\n\n" + "".join(_CLASS.format(number=n) for n in range(_MANY)))
        ways: list[tuple[str, tuple[str, ...] | None]] = [("built", ())]
        ways += [(f"observed for {code}", tuple(stages([code]))) for code in _CODES]
        for title, asked in [*ways, ("observed in every way", None)]:
            settings = RuntimeSettings(python=options.python, jobs=1, stages=() if asked == () else None)
            few, many = (_seconds(path, count, settings, asked or None) for count in (_FEW, _MANY))
            print(f"{title}: {1000 * (many - few) / (_MANY - _FEW):.0f} ms of processor for each class")
    return 0


def _seconds(path: Path, count: int, settings: RuntimeSettings, asked: tuple[str, ...] | None) -> float:
    """Seconds of processor of a worker and all that it starts, for so many classes."""
    before = _spent()
    requests = [
        ClassRequest(str(n), str(path), str(path.parent), "nets", f"Net{n}", stages=asked) for n in range(count)
    ]
    seen = list(parent.observe(requests, settings))
    assert [item.status for item in seen] == ["built"] * count, seen[-1]
    return _spent() - before


def _spent() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(main())

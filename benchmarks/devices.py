"""Do both simulated devices say the same of labelled cases?

    python -m benchmarks.devices CASES

CASES is a folder of files with ``build()`` and ``example_inputs()``. Each model's forward runs on the simulated
accelerator (fake tensors) and on the shadow device (real tensors whose device is kept in books), in a process of its own
for each file: a simulated device can be registered once only. Printed is how often both ran, and agreed; each
disagreement, and why a device could not run, is listed. The exit code is 1 where they disagree.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from paramlint.runtime.worker import device, importing
from paramlint.runtime.worker.accelerator import simulated
from paramlint.runtime.worker.inputs import Input
from paramlint.runtime.worker.timing import Clock

_SECONDS = 120


class Said(NamedTuple):
    """ "ran", "clash" or "not run: <reason>" of each device, and where a clash was raised."""

    simulated: str
    shadow: str
    places: tuple[str, str] = ("", "")

    @property
    def verdict(self) -> str:
        for name, status in (("simulated accelerator", self.simulated), ("shadow device", self.shadow)):
            if status not in ("ran", "clash"):
                return f"not run on the {name}"
        return "agree" if self.simulated == self.shadow else "disagree"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--verbose", action="store_true", help="list the agreements too")
    options = parser.parse_args(arguments)
    counts: Counter[str] = Counter()
    for path in sorted(options.cases.glob("*.py")):
        said = _in_process(path)
        if isinstance(said, str):
            counts["not built or not called"] += 1
            print(f"{path.name}: {said}")
            continue
        counts[said.verdict] += 1
        if said.verdict == "agree":
            counts[f"agree: {said.simulated}"] += 1
            counts["clash at the same line"] += said.simulated == "clash" and said.places[0] == said.places[1]
        if options.verbose or said.verdict != "agree" or said.places[0] != said.places[1]:
            print(f"{path.name}: simulated {said.simulated} {said.places[0]}; shadow {said.shadow} {said.places[1]}")
    print(", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    return int(counts["disagree"] > 0)


def _in_process(path: Path) -> Said | str:
    """What both say of one file; why nothing, where it makes no instance or has no input."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_tell, args=(path, sender))
    process.start()
    sender.close()
    answer: Said | str = "no answer"
    if receiver.poll(_SECONDS):
        with suppress(EOFError):
            answer = receiver.recv()
    process.kill()
    process.join()
    return answer


def _tell(path: Path, sender: Connection) -> None:
    try:
        answer: Said | str = tell(path)
    except Exception as error:
        answer = f"{type(error).__name__}: {str(error)[:120]}"
    sender.send(answer)


def tell(path: Path) -> Said:
    """What both devices say of one file; raises where it makes no instance or has no input."""
    module: Any = importing.find("", str(path))
    chosen = Input("example_inputs()", lambda: (tuple(module.example_inputs()), {}))
    module.build()(*chosen.make()[0])
    accelerator = simulated()
    if isinstance(accelerator, str):
        raise RuntimeError(accelerator)
    on_fake, failure = device.on_simulated(module.build, chosen, accelerator, Clock(_SECONDS))
    on_books, other = device.on_shadow(module.build(), chosen, Clock(_SECONDS))
    places = [str(item.frames[-1].line) if item is not None and item.frames else "" for item in (failure, other)]
    return Said(on_fake, on_books, (places[0], places[1]))


if __name__ == "__main__":
    sys.exit(main())

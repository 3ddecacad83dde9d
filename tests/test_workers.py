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
from paramlint.runtime.worker import host, pages

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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="large pages are asked of Linux")
def test_large_pages_are_asked_for_what_no_file_backs_and_nothing_else() -> None:
    size = 2 * 2**20
    assert pages.whole_pages("7f0000100000-7f0000900000 rw-p 00000000 00:00 0 ", size) == (
        0x7F0000200000,
        0x7F0000800000,
    )
    assert pages.whole_pages("55ae5f400000-55ae5fa00000 rw-p 00000000 00:00 0    [heap]", size) is not None
    assert pages.whole_pages("7f0000000000-7f0000100000 rw-p 00000000 00:00 0 ", size) is None, "smaller than a page"
    assert pages.whole_pages("7f0000000000-7f0000900000 r--p 00000000 00:00 0 ", size) is None, "cannot be written"
    assert pages.whole_pages("7f0000000000-7f0000900000 rw-s 00000000 00:00 0 ", size) is None, "shared"
    assert pages.whole_pages("7f0000000000-7f0000900000 rw-p 00000000 fe:00 26 /lib/a b.so", size) is None, "of a file"


def test_memory_in_large_pages_holds_what_it_held_here_and_in_a_fork() -> None:
    code = (
        "import os, sys\n"
        "from paramlint.runtime.worker import pages\n"
        "held = bytearray(range(256)) * 40_000\n"
        "asked = pages.enlarge()\n"
        "process = os.fork()\n"
        "if process == 0:\n"
        "    held[7] = 0\n"
        "    os._exit(held[8] != 8)\n"
        "assert os.waitpid(process, 0)[1] == 0\n"
        "assert held == bytearray(range(256)) * 40_000\n"
        "print(asked)\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    has_large_pages = Path(pages.SIZE).exists()
    assert (int(said.stdout) >= 8 * 2**20) is has_large_pages


def test_a_worker_with_many_classes_answers_for_each(tmp_path: Path) -> None:
    path = tmp_path / "nets.py"
    count = host.MANY + 3
    path.write_text("from torch import nn\n" + "".join(f"class Net{n}(nn.Linear): pass\n" for n in range(count)))
    requests = [ClassRequest(str(n), str(path), str(tmp_path), "nets", f"Net{n}") for n in range(count)]
    with Workers() as workers:
        seen = list(workers.observe(requests, SETTINGS))
    assert [item.status for item in seen] == ["built"] * count

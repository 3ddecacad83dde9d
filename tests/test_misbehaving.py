"""Models that misbehave: each costs its own verdict, and nothing else.

``docs/confirm.md`` shows the same table to users.
"""

from __future__ import annotations

import os
import re
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from paramlint.model.observation import ClassRequest, Observation
from paramlint.runtime import parent
from paramlint.runtime.settings import RuntimeSettings

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

HEAD = """\
import atexit, ctypes, gc, itertools, os, random, signal, socket, subprocess, sys, threading, time
import torch
from torch import nn

"""
# In each file beside the class that misbehaves: it asks for a world that nobody has touched.
NEIGHBOUR = """

class Neighbour(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        assert torch.get_default_dtype() is torch.float32, "the default dtype has changed"
        assert torch.empty(1).device.type == "cpu", "the default device has changed"
        assert "MISBEHAVED" not in os.environ, "the environment has changed"
        assert os.path.isdir(os.getcwd()) and os.getcwd() != "/", "the working directory has changed"
        assert "/misbehaved" not in sys.path, "sys.path has changed"

    def forward(self, x):
        return self.layer(x)
"""


class Kind(NamedTuple):
    """``body`` is the constructor's, ``top`` the module's; the rest is what the observation must say."""

    slug: str
    body: str
    status: str
    says: str = ""
    top: str = ""
    forward: str = "return self.layer(x)"
    neighbour: str = "built"


KINDS = (
    Kind("raises", "raise ValueError('no such thing')", "not built", "ValueError: no such thing"),
    Kind("raises_base_exception", "raise KeyboardInterrupt", "not built|exited", "KeyboardInterrupt"),
    Kind("hangs", "while True: pass", "timed out", r"took longer than|no answer"),
    Kind("sleeps_in_c", "time.sleep(10_000)", "timed out", r"took longer than|no answer"),
    Kind(
        "swallows_interruptions",
        "while True:\n            try:\n                time.sleep(1)\n            except BaseException:\n                pass",
        "timed out",
        "no answer within",
    ),
    Kind(
        "catches_signals",
        "for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:\n"
        "            signal.signal(number, signal.SIG_IGN)\n"
        "        while True: pass",
        "timed out",
        "no answer within",
    ),
    Kind("stops_itself", "os.kill(os.getpid(), signal.SIGSTOP)", "timed out", "no answer within"),
    Kind("prints", "print('x' * 1_000_000); os.write(1, b'x' * 1_000_000); os.write(2, b'y' * 100_000)", "built"),
    Kind("exits", "sys.exit(3)", "exited", r"sys.exit\(3\)"),
    Kind("exits_at_once", "os._exit(7)", "exited", "status 7"),
    Kind("segfaults", "ctypes.string_at(0)", "crashed", "SIGSEGV"),
    Kind("aborts", "os.abort()", "crashed", "SIGABRT"),
    Kind("kills_itself", "os.kill(os.getpid(), signal.SIGKILL)", "out of memory", "was killed"),
    Kind("kills_its_group", "os.killpg(0, signal.SIGTERM)", "crashed", "SIGTERM"),
    Kind(
        "forks",
        "[time.sleep(600) for _ in range(5) if os.fork() == 0]",
        "built|exited|timed out",
    ),
    Kind(
        "leaves_a_daemon",
        "if os.fork() == 0:\n            os.setsid()\n            if os.fork() == 0:\n                time.sleep(600)\n            os._exit(0)",
        "built",
    ),
    Kind("starts_a_program", "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])", "built"),
    Kind("fork_bomb", "while True: os.fork()", "not built", "no more processes"),
    Kind("eats_memory", "self.rows = [bytearray(50_000_000) for _ in range(1_000)]", "out of memory", "memory"),
    Kind("asks_for_a_huge_tensor", "self.table = torch.zeros(10**12)", "built", "without memory"),
    Kind("endless_generator", "list(itertools.count())", "out of memory|timed out"),
    Kind("recurses", "type(self)()", "not built", "RecursionError"),
    Kind("recurses_in_c", "repr(__import__('functools').reduce(lambda a, _: [a], range(10**5), []))", "crashed|not built"),
    Kind("reads_input", "input()", "not built", "EOFError"),
    Kind("deletes_its_file", "os.remove(__file__)", "built"),
    Kind(
        "writes_a_huge_file",
        "with open('huge', 'wb') as file:\n            file.seek(10**10)\n            file.write(b'x')",
        "not built",
        "File too large",
    ),
    Kind(
        "changes_the_world",
        "torch.set_default_dtype(torch.float64); torch.manual_seed(1); random.seed(1); os.chdir('/')\n"
        "        os.environ['MISBEHAVED'] = '1'; sys.path.insert(0, '/misbehaved')",
        "built",
    ),
    Kind("changes_the_device", "torch.set_default_device('meta')", "built"),
    Kind("breaks_torch", "nn.Module.__setattr__ = None; torch.Tensor.to = None; gc.disable()", "built|not built|not run"),
    Kind("empties_sys_modules", "sys.modules.clear()", "built|not built|not run"),
    Kind("connects", "socket.create_connection(('127.0.0.1', 9), 1)", "not built", "the network is refused"),
    Kind("leaves_threads", "threading.Thread(target=time.sleep, args=(600,)).start()", "built"),
    Kind("closes_files", "os.closerange(0, 1024)", "exited|not run|crashed|not built", ""),
    Kind("writes_to_every_file", "[os.write(n, b'{}\\n') for n in range(3, 64) if _is_open(n)]", "built", top=(
        "def _is_open(number):\n    try:\n        return os.write(number, b'') == 0\n    except OSError:\n        return False\n"
    )),
    Kind("hangs_at_exit", "atexit.register(time.sleep, 600)", "built"),
    Kind("raises_in_str", "raise Rude()", "not built", "Rude", "class Rude(Exception):\n    def __str__(self): raise Rude()\n"),
    Kind("has_rude_attributes", "self.rude = Rude()", "built", top=(
        "class Rude:\n    def __getattribute__(self, name):\n        if name == '__class__': return object\n        raise RuntimeError(name)\n"
        "    def __eq__(self, other): raise RuntimeError('eq')\n    __hash__ = None\n"
    )),
    Kind("hangs_in_forward", "pass", "built", forward="while True: pass"),
    Kind("crashes_in_forward", "pass", "built", forward="ctypes.string_at(0)"),
    Kind("exits_in_forward", "pass", "built", forward="os._exit(0)"),
    Kind("raises_at_import", "pass", "not importable", "RuntimeError: not today", "raise RuntimeError('not today')\n", neighbour="not importable"),
    Kind("exits_at_import", "pass", "not importable", "SystemExit", "sys.exit('bye')\n", neighbour="not importable"),
    Kind("crashes_at_import", "pass", "crashed", "while importing", "ctypes.string_at(0)\n", neighbour="crashed"),
    Kind("hangs_at_import", "pass", "timed out", "importing the module", "while True: pass\n", neighbour="timed out"),
    Kind("changes_the_world_at_import", "pass", "built", "", (
        "torch.set_default_dtype(torch.float64); torch.set_default_device('meta')\n"
        "os.environ['MISBEHAVED'] = '1'; os.chdir('/')\n"
    )),
    Kind("starts_threads_at_import", "pass", "built", "", "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"),
)  # fmt: skip


def source(kind: Kind) -> str:
    return (
        f"{HEAD}{kind.top}\n"
        "class Misbehaving(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        f"        self.layer = nn.Linear(2, 2)\n        {kind.body}\n\n"
        f"    def forward(self, x):\n        {kind.forward}\n{NEIGHBOUR}"
    )


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Observation]:
    """What one run over all of them reported, by "slug.Class"; and what it left running, under "left"."""
    folder = tmp_path_factory.mktemp("misbehaving")
    requests = []
    for kind in KINDS:
        path = folder / f"{kind.slug}.py"
        path.write_text(source(kind))
        requests += [
            ClassRequest(f"{kind.slug}.{name}", str(path), str(folder), kind.slug, name)
            for name in ("Misbehaving", "Neighbour")
        ]
    settings = RuntimeSettings(
        python=sys.executable,
        timeout=8.0,
        import_timeout=20.0,
        memory_limit=2**29,
        jobs=4,
        stages=("forward",),
    )
    mark = uuid.uuid4().hex
    os.environ["PARAMLINT_TEST_MARK"] = mark
    try:
        found = {observation.key: observation for observation in parent.observe(requests, settings)}
    finally:
        del os.environ["PARAMLINT_TEST_MARK"]
    return {**found, "left": left_running(mark)}  # type: ignore[dict-item]


def left_running(mark: str) -> list[str]:
    """Processes that were started with the mark in their environment and still run a moment later."""
    time.sleep(0.5)
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile, or is another user's
            if mark.encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().decode(errors="replace"))
    return found


def test_every_class_is_answered_once_and_nothing_is_left_running(observed: dict[str, Observation]) -> None:
    assert len(observed) == 2 * len(KINDS) + 1
    assert observed["left"] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_it_costs_its_own_verdict_and_nothing_else(observed: dict[str, Observation], kind: Kind) -> None:
    own = observed[f"{kind.slug}.Misbehaving"]
    assert re.fullmatch(kind.status, own.status), (own.status, own.reason)
    told = own.reason or own.recipe or ""
    assert re.search(kind.says, told), told
    beside = observed[f"{kind.slug}.Neighbour"]
    assert re.fullmatch(kind.neighbour, beside.status), (beside.status, beside.reason)
    if beside.status == "built":
        assert beside.forward is not None
        assert beside.forward.status == "ran"


@pytest.mark.parametrize("slug", ["hangs_in_forward", "crashes_in_forward", "exits_in_forward"])
def test_what_was_seen_before_forward_is_kept_and_the_rest_is_explained(
    observed: dict[str, Observation], slug: str
) -> None:
    own = observed[f"{slug}.Misbehaving"]
    assert {tensor.path for tensor in own.tensors} == {"layer.weight", "layer.bias"}
    assert own.notes or (own.forward is not None and own.forward.status == "no input found")


def test_the_table_for_users_lists_every_kind() -> None:
    page = (Path(__file__).parent.parent / "docs" / "confirm.md").read_text()
    assert [kind.slug for kind in KINDS if f"`{kind.slug}`" not in page] == []

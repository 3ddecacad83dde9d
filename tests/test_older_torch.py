"""The worker with each younger or private function of torch that it uses taken away, as on an older torch."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from paramlint.model.code import Span
from paramlint.model.diagnostic import Diagnostic, Related, Severity, Verdict
from paramlint.model.observation import ClassRequest, Observation
from paramlint.runtime import parent
from paramlint.runtime.judge import judge
from paramlint.runtime.settings import RuntimeSettings

MODEL = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(4))
        self.scale = torch.arange(4.0)
        self.layer = nn.Linear(4, 4)
        self.register_buffer("count", torch.zeros(1))

    def init_weights(self):
        nn.init.zeros_(self.layer.weight)

    def forward(self, x):
        return self.layer(x) * self.weight + self.scale
"""
PLACES = {"weight": 8, "scale": 9, "init_weights": 13}

# Torch's own modules that use the same names are loaded first: those of an older torch do without them.
LOADED = """\
import torch.overrides, torch._subclasses.fake_tensor, torch.utils._device, torch.utils.backend_registration
import torch.utils._python_dispatch
class Through(torch.utils._python_dispatch.TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))
with Through():
    torch.empty(2).zero_()
"""

# What is taken away, and what must then be said: of notes, of PRM301 (weight), of PRM101 (scale), of PRM303.
REMOVALS = {
    "nothing": ("", None, None, None, None),
    "filling": ("sys.modules['torch.utils.deterministic'] = None", None, "does not show unwritten memory", None, None),
    "determinism": (
        "del torch._C._set_deterministic_algorithms, torch.use_deterministic_algorithms",
        None,
        "does not show unwritten memory",
        None,
        None,
    ),
    "fake_tensors": (
        f"{LOADED}del torch._subclasses.fake_tensor.FakeTensorMode",
        "cannot simulate an accelerator",
        None,
        None,
        None,
    ),
    "registering_a_device": (
        "import torch.utils.backend_registration as b; del b._setup_privateuseone_for_python_backend",
        "cannot simulate an accelerator",
        None,
        None,
        None,
    ),
    "naming_a_device": (
        f"{LOADED}del torch._C._get_privateuse1_backend_name",
        "cannot simulate an accelerator",
        None,
        None,
        None,
    ),
    "function_modes": (
        f"{LOADED}del torch.overrides.TorchFunctionMode",
        None,
        None,
        None,
        "does not show in-place writes",
    ),
    "dispatch_modes": (
        f"{LOADED}del torch.utils._python_dispatch.TorchDispatchMode",
        None,
        None,
        None,
        None,
    ),
    "default_device": ("del torch.set_default_device", None, None, None, None),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("older")
    (made / "net.py").write_text(MODEL)
    return made


def observed(folder: Path, slug: str, removal: str) -> Observation:
    """What the worker reports under an interpreter that takes something from torch first."""
    script = folder / f"remove_{slug}.py"
    script.write_text(
        f"import runpy, sys, torch\n{removal}\ndel sys.argv[0]\nrunpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    python = folder / f"python_{slug}"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    request = ClassRequest("0", str(folder / "net.py"), str(folder), "net", "Net")
    settings = RuntimeSettings(python=str(python), timeout=60.0, jobs=1)
    return next(iter(parent.observe([request], settings)))


def finding(folder: Path, code: str, attribute: str) -> Diagnostic:
    path = str(folder / "net.py")
    line = PLACES[attribute]
    clash = (Related(path, Span(17, 9, 17, 30), "here"),)
    span = Span(line, 9, line, 30)
    return Diagnostic(code, "slug", Severity.WARNING, path, span, "Net", attribute, "message", clash)


@pytest.mark.skipif(sys.platform == "win32", reason="the interpreter is a shell script")
@pytest.mark.parametrize("slug", REMOVALS)
def test_what_degrades_is_said_and_nothing_is_decided_wrongly(folder: Path, slug: str) -> None:
    removal, note, *reasons = REMOVALS[slug]
    observation = observed(folder, slug, removal)
    assert observation.status == "built", observation.reason
    assert {"weight", "scale", "count", "layer.weight"} <= {tensor.path for tensor in observation.tensors}
    text = "\n".join(observation.notes)
    assert "Traceback" not in text
    assert "line " not in text, text
    assert (note in text) if note is not None else text == "", text
    for (code, attribute), reason in zip(
        (("PRM301", "weight"), ("PRM101", "scale"), ("PRM303", "init_weights")), reasons, strict=True
    ):
        proof = judge(finding(folder, code, attribute), observation)
        if reason is None:
            assert proof.verdict is Verdict.CONFIRMED, (code, proof)
        else:
            assert proof.verdict is Verdict.UNCONFIRMED, (code, proof)
            assert reason in (proof.reason or ""), (code, proof)

"""Both simulated devices on the same small models: each is right where it runs, so they agree where both do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from paramlint.model.observation import ClassRequest
from paramlint.runtime.parent import observe
from paramlint.runtime.settings import RuntimeSettings
from tests.device_forwards import FORWARDS

ROOT = Path(__file__).parent.parent

# What fake tensors cannot run: values that depend on data, kernels without a fake form, numbers filled in from elsewhere.
ONLY_ON_THE_SHADOW = {
    "item",
    "item_sound",
    "branch_on_data",
    "branch_sound",
    "gru",
    "gru_sound",
    "filled_into_a_number",
}


@pytest.fixture(scope="module")
def said() -> dict[str, dict[str, str]]:
    command = [sys.executable, "-m", "tests.device_forwards"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", FORWARDS)
def test_the_shadow_device_runs_everything_and_says_what_hardware_says(
    said: dict[str, dict[str, str]], name: str
) -> None:
    assert said[name]["shadow"] == FORWARDS[name][1]


@pytest.mark.parametrize("name", FORWARDS)
def test_the_simulated_accelerator_says_the_same_or_does_not_run(said: dict[str, dict[str, str]], name: str) -> None:
    if name in ONLY_ON_THE_SHADOW:
        assert said[name]["simulated"].startswith("not run: ")
    else:
        assert said[name]["simulated"] == FORWARDS[name][1]


def test_a_clash_before_forward_fails_is_seen_without_an_input_that_runs(tmp_path: Path) -> None:
    """No input is found, since forward always raises in the end; what it meets on the way there is a fact."""
    (tmp_path / "losses.py").write_text(
        "import torch\n"
        "from torch import nn\n"
        "class Loss(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.left = torch.ones(3, 1)\n"
        "        self.unused = torch.ones(3, 1)\n"
        "    def forward(self, x):\n"
        "        scaled = x * self.left\n"
        "        raise LookupError(f'no entry for {scaled.shape}')\n"
    )
    request = ClassRequest("0", str(tmp_path / "losses.py"), str(tmp_path), "losses", "Loss")
    (observation,) = observe([request], RuntimeSettings())
    clashes = {tensor.path: tensor.clash for tensor in observation.tensors}
    assert observation.forward is not None
    assert observation.forward.status == "no input found"
    assert clashes["left"] is not None
    assert clashes["left"].frames[-1].line == 9
    assert clashes["unused"] is None


def test_what_forward_makes_hides_no_tensor_that_clashes_before_it(tmp_path: Path) -> None:
    (tmp_path / "heads.py").write_text(
        "import torch\n"
        "from torch import nn\n"
        "class Head(nn.Linear):\n"
        "    def __init__(self):\n"
        "        super().__init__(4, 4)\n"
        "        self.scale = torch.ones(4)\n"
        "        self.late = torch.ones(4)\n"
        "    def forward(self, x):\n"
        "        x = super().forward(x) * self.scale\n"
        "        x = x + torch.ones(4)\n"
        "        return x + self.late\n"
    )
    request = ClassRequest("0", str(tmp_path / "heads.py"), str(tmp_path), "heads", "Head")
    (observation,) = observe([request], RuntimeSettings())
    clashes = {tensor.path: tensor.clash for tensor in observation.tensors}
    assert observation.forward is not None
    assert observation.forward.forward_made_clash is not None
    assert observation.forward.forward_made_clash.frames[-1].line == 10
    assert clashes["scale"] is not None
    assert clashes["scale"].frames[-1].line == 9
    assert clashes["late"] is None


def test_what_clashes_in_eval_mode_alone_is_seen(tmp_path: Path) -> None:
    (tmp_path / "heads.py").write_text(
        "import torch\n"
        "from torch import nn\n"
        "class Head(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.layer = nn.Linear(4, 4)\n"
        "        self.scale = torch.ones(4)\n"
        "        self.other = torch.ones(4)\n"
        "    def forward(self, x):\n"
        "        if self.training:\n"
        "            return self.layer(x)\n"
        "        return self.layer(x) * self.scale\n"
        "class Making(nn.Linear):\n"
        "    def forward(self, x):\n"
        "        x = super().forward(x)\n"
        "        return x if self.training else x + torch.ones(x.shape[-1])\n"
    )
    requests = [
        ClassRequest(name, str(tmp_path / "heads.py"), str(tmp_path), "heads", name) for name in ("Head", "Making")
    ]
    head, making = sorted(observe(requests, RuntimeSettings()), key=lambda seen: seen.key)
    clashes = {tensor.path: tensor.clash for tensor in head.tensors}
    assert head.forward is not None
    assert head.forward.clashes_in_eval
    assert clashes["scale"] is not None
    assert clashes["scale"].frames[-1].line == 12
    assert clashes["other"] is None
    assert making.forward is not None
    assert making.forward.clashes_in_eval
    assert making.forward.forward_made_clash is not None
    assert making.forward.forward_made_clash.frames[-1].line == 16


ADDS = """\
import torch
from torch import nn


class Adds(nn.Module):
    def __init__(self):
        super().__init__()
        self.row = torch.ones(4)

    def forward(self, x):
        return x + self.row
"""


def confirmed(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "pyproject.toml").touch()
    (folder / "adds.py").write_text(ADDS)
    command = [sys.executable, "-m", "paramlint", "check", "--no-cache", "--output-format", "json", *options, "adds.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_device_of_the_machine_is_the_one_that_models_are_moved_to(tmp_path: Path) -> None:
    """The meta device stands in for one of hardware: torch itself moves to it, and raises over two devices."""
    done = confirmed(tmp_path, "--confirm", "--device", "meta")
    (finding,) = json.loads(done.stdout)["diagnostics"]
    assert finding["verdict"] == "confirmed", done.stderr
    assert "meta" in finding["evidence"]
    assert "accel" not in finding["evidence"].replace("accelerator", "")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--confirm", "--device", "nowhere"], "--device nowhere: "),
        (["--confirm", "--device", "cpu"], "models are built there already"),
        (["--device", "meta"], "give --confirm too"),
    ],
)
def test_a_device_that_cannot_be_used_is_wrong_usage(tmp_path: Path, options: list[str], said: str) -> None:
    done = confirmed(tmp_path, *options)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="has the device")
def test_a_machine_without_the_device_says_so(tmp_path: Path) -> None:
    done = confirmed(tmp_path, "--confirm", "--device", "cuda")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--device cuda: " in done.stderr


def test_what_eval_makes_is_moved_and_met_in_forward_too(tmp_path: Path) -> None:
    (tmp_path / "cached.py").write_text(
        "import torch\n"
        "from torch import nn\n"
        "class Cached(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.bias = nn.Parameter(torch.zeros(4))\n"
        "    def train(self, mode=True):\n"
        "        super().train(mode)\n"
        "        if mode:\n"
        "            self.__dict__.pop('now', None)\n"
        "        else:\n"
        "            self.now = self.bias.detach() * 2\n"
        "        return self\n"
        "    def forward(self, x: torch.Tensor):\n"
        "        return x + (self.bias if self.training else self.now)\n"
    )
    request = ClassRequest("0", str(tmp_path / "cached.py"), str(tmp_path), "cached", "Cached")
    (observation,) = observe([request], RuntimeSettings(timeout=60))
    (now,) = [tensor for tensor in observation.tensors if tensor.path == "now"]
    assert now.follows_device is False
    assert now.place is not None
    assert now.place.line == 12
    assert now.clash is not None, observation.notes
    assert now.clash.frames[-1].line == 15

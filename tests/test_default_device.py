"""What is made on the default device is beside the model where a package sets that device, or a script hides the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from paramlint.engine.check import check
from paramlint.engine.configuration import Configuration
from paramlint.engine.settings import Overrides

MODEL = """
import torch
from torch import nn


class Basis(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.layer = nn.Linear(width, width)
        self.basis = torch.ones(width)

    def forward(self, x):
        return self.layer(x) * self.basis + torch.ones(x.shape[0], 1)
"""
SETTING = """
import torch

if torch.cuda.is_available():
    {call}
"""
HIDING = """
import os


def main():
    os.environ["CUDA_VISIBLE_DEVICES"] = {value}
"""


def alarms(folder: Path, **files: str) -> list[str]:
    """The codes of what is said of a package of some files; those called ``beside_...`` lie outside it."""
    package = folder / "package"
    package.mkdir()
    (folder / "pyproject.toml").touch()
    for name, text in {"__init__": "", "model": MODEL, **files}.items():
        (folder / f"{name}.py" if name.startswith("beside") else package / f"{name}.py").write_text(text)
    report = check([folder], Configuration(Overrides(), None, True))
    return sorted(item.code for item in report.diagnostics)


@pytest.mark.parametrize(
    "call",
    [
        'torch.set_default_device("cuda")',
        "torch.set_default_tensor_type(torch.cuda.FloatTensor)",
        'torch.set_default_tensor_type("torch.cuda.FloatTensor")',
    ],
)
def test_a_package_that_sets_the_default_device_has_all_there(tmp_path: Path, call: str) -> None:
    """It does so when it is imported, in whatever file."""
    assert alarms(tmp_path, backend=SETTING.format(call=call)) == []


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"beside": SETTING.format(call='torch.set_default_device("cuda")')},
        {"backend": SETTING.format(call='torch.set_default_device("cpu")')},
        {"backend": SETTING.format(call="torch.set_default_tensor_type(torch.DoubleTensor)")},
        {"backend": 'import torch\n\n\ndef main():\n    torch.set_default_device("cuda")\n'},
        {"backend": 'import torch\n\nif __name__ == "__main__":\n    torch.set_default_device("cuda")\n'},
        {"backend": HIDING.format(value='"-1"')},
        {"model": MODEL + HIDING.format(value='"0"')},
    ],
)
def test_anything_else_leaves_the_model_to_its_user(tmp_path: Path, files: dict[str, str]) -> None:
    """A script, a type of elements, the host, and what another file says of a run set nothing for the package."""
    assert alarms(tmp_path, **files) == ["PRM101", "PRM502"]


@pytest.mark.parametrize("value", ['"-1"', '""'])
def test_a_script_that_hides_the_accelerators_runs_on_the_host(tmp_path: Path, value: str) -> None:
    """What is defined in it is for that."""
    assert alarms(tmp_path, model=MODEL + HIDING.format(value=value)) == []

"""What is made on the default device is beside the model where a package or each program sets it, or others are hidden."""

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


PROGRAM = """
import torch

from package{what}


def main(device):
    {call}
    model = {name}().to(device)


{run}
"""
SETTER = "torch.set_default_device(device)"
RUN = 'if __name__ == "__main__":\n    main(torch.device("cuda"))'


def program(call: str = SETTER, what: str = ".model import Basis", name: str = "Basis", run: str = RUN) -> str:
    """The text of a file that imports the model, is not imported itself, and puts an object on a device."""
    return PROGRAM.format(call=call, what=what, name=name, run=run)


@pytest.mark.parametrize(
    "files",
    [
        {"beside": program()},
        {"beside": program(run="main(torch.device('cuda'))")},
        {"beside": program('torch.set_default_tensor_type("torch.cuda.FloatTensor")')},
        {"beside": program(), "beside_too": program()},
        {"beside": program(what=".net import Net", name="Net"), "net": "from .model import Basis as Net\n"},
        {"beside": program(what=" import Basis"), "__init__": "from package.model import *\n"},
        {"model": MODEL + program(what=" import nothing")},
        {"beside": program(), "beside_test": program("pass")},
        {"beside": program(), "beside_on_the_host": "from package.model import Basis\n\nprint(Basis())\n"},
        {
            "beside": program(),
            "beside_of_others": program("pass", what=".other import Basis"),
            "other": "Basis = list\n",
        },
    ],
)
def test_where_each_program_sets_the_default_device_all_is_there(tmp_path: Path, files: dict[str, str]) -> None:
    """Programs are what imports the model, through other files too; tests and what never names a device do not count."""
    assert alarms(tmp_path, **files) == []


@pytest.mark.parametrize(
    "files",
    [
        {"beside": program(), "beside_too": program("pass")},
        {"beside": program('torch.set_default_device("cpu")')},
        {"beside": program(what=".other import Basis"), "other": "Basis = list\n"},
        {"beside_test": program()},
    ],
)
def test_one_program_that_does_not_leaves_the_fault(tmp_path: Path, files: dict[str, str]) -> None:
    """Neither does one set anything for a model that it does not import."""
    assert alarms(tmp_path, **files) == ["PRM101", "PRM502"]

"""What takes modules apart reads a class's layers, or does not; layers under numbers are told of once."""

from __future__ import annotations

from pathlib import Path

import pytest

from paramlint.engine.check import check
from paramlint.engine.configuration import Configuration
from paramlint.engine.settings import Overrides

MODEL = """
from torch import nn
{imported}


class Encoder(nn.Module):
    def __init__(self, other=None):
        super().__init__()
        self.features = nn.Sequential(*list({made}.children())[:-3])
        self.mean = nn.Linear(4, 4)
        self.variance = nn.Linear(4, 4)

    def forward(self, x):
        x = self.features(x)
        return self.mean(x), self.mean(x)
"""


@pytest.mark.parametrize(
    ("imported", "made", "told"),
    [
        ("from torchvision.models import resnet18", "resnet18(weights=None)", True),
        ("from torchvision import models", "models.resnet18(weights=None)", True),
        ("from torchvision.models import get_model", "get_model('encoder')", False),
        ("from elsewhere import wrap", "wrap(other)", False),
    ],
)
def test_children_of_a_model_of_torchvision(tmp_path: Path, imported: str, made: str, told: bool) -> None:
    path = tmp_path / "model.py"
    path.write_text(MODEL.format(imported=imported, made=made), encoding="utf-8")
    report = check([path], Configuration(Overrides(), None, True))
    found = [(item.code, item.attribute) for item in report.diagnostics]
    assert found == ([("PRM205", "variance")] if told else [])


APPLIED = """
from torch import nn


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.mean = nn.Linear(4, 4)
        self.variance = nn.Linear(4, 4)

    def forward(self, x):
        return self.mean(x)


def {name}(do, module: nn.Module):
    for child in module.children():
        {name}(do, child)
    do(module)


def build(do):
    return {name}(do, Layer())
"""


@pytest.mark.parametrize(("name", "told"), [("named_apply", True), ("traverse", False)])
def test_children_that_are_only_handed_on(tmp_path: Path, name: str, told: bool) -> None:
    path = tmp_path / "model.py"
    path.write_text(APPLIED.format(name=name), encoding="utf-8")
    report = check([path], Configuration(Overrides(), None, True))
    found = [(item.code, item.attribute) for item in report.diagnostics]
    assert found == ([("PRM205", "variance")] if told else [])


def test_layers_that_a_loop_binds_are_told_of_once(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(
        "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.head = nn.Linear(4, 4)\n        for number in range(3):\n"
        "            setattr(self, f'layer{number}', nn.Linear(4, 4))\n"
        "        self.left, self.right = nn.Linear(4, 4), nn.Linear(4, 4)\n\n"
        "    def forward(self, x):\n        return self.head(x)\n",
        encoding="utf-8",
    )
    report = check([path], Configuration(Overrides(), None, True))
    assert [item.attribute for item in report.diagnostics] == ["layer0", "left", "right"]

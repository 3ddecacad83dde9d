"""What a framework's base is known to do, read or not, and what follows for the classes that inherit from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from paramlint.engine.check import check
from paramlint.engine.configuration import Configuration
from paramlint.engine.selection import SelectionLayer
from paramlint.engine.settings import Overrides

_SOURCE = """\
import torch
from torch import nn
from {module} import {name} as Base


class Net(Base):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.left_over = nn.Linear(4, 4)
        self.gain = nn.Parameter(torch.empty(4))
        self.layers = [nn.Linear(4, 4)]

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return nn.Linear(4, 4)(self.first(x) * self.gain)
"""
_BUILT_IN_FORWARD = {"PRM109"}
_OF_THE_CLASS_ALONE = {"PRM105", "PRM205", "PRM301"}

# Its constructor evaluates text, its methods are marked abstract though no heir needs them all, and it reads attributes
# by names that it computes.
_MESSAGE_PASSING = """\
from abc import abstractmethod

from torch import nn


class MessagePassing(nn.Module):
    def __init__(self):
        super().__init__()
        self.made = eval("lambda: None")
        exec("self.templates = []")

    def collect(self, names):
        return [getattr(self, name) for name in names]

    @abstractmethod
    def edge_update(self):
        raise NotImplementedError
"""


def codes(folder: Path, module: str, name: str) -> set[str]:
    (folder / "pyproject.toml").touch()
    path = folder / "net.py"
    path.write_text(_SOURCE.format(module=module, name=name), encoding="utf-8")
    selection = SelectionLayer(select=("PRM105", "PRM109", "PRM205", "PRM301"))
    report = check([path], Configuration(Overrides(selection=selection)), jobs=1)
    return {item.code for item in report.diagnostics}


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("pytorch_lightning", "LightningModule"),
        ("lightning.pytorch", "LightningModule"),
        ("torch_geometric.nn", "MessagePassing"),
        ("torch_geometric.nn.conv", "MessagePassing"),
        ("stable_baselines3.common.torch_layers", "BaseFeaturesExtractor"),
        ("detectron2.modeling", "Backbone"),
        ("nflows.transforms", "Transform"),
    ],
)
def test_a_base_that_leaves_heirs_alone_silences_nothing(tmp_path: Path, module: str, name: str) -> None:
    assert codes(tmp_path, module, name) == _BUILT_IN_FORWARD | _OF_THE_CLASS_ALONE


@pytest.mark.parametrize(
    ("module", "name"),
    [("transformers", "PreTrainedModel"), ("diffusers", "ModelMixin"), ("mmengine.model", "BaseModule")],
)
def test_a_base_that_may_register_or_initialise_is_asked_for_nothing_missing(
    tmp_path: Path, module: str, name: str
) -> None:
    """No fix is found for the layer in forward, for any name may be one that the base has."""
    assert codes(tmp_path, module, name) == _BUILT_IN_FORWARD


def test_a_base_whose_source_is_read_is_known_for_the_same(tmp_path: Path) -> None:
    """The same source in a package that nothing is known of may do anything to its heirs."""
    environment = tmp_path / ".venv"
    for package in ("torch_geometric", "other_graphs"):
        packages = environment / "lib" / "python3.12" / "site-packages" / package
        packages.mkdir(parents=True)
        (packages / "__init__.py").touch()
        (packages / "nn.py").write_text(_MESSAGE_PASSING, encoding="utf-8")
    (environment / "pyvenv.cfg").write_text("home = /nowhere\nversion = 3.12.0\n", encoding="utf-8")
    assert codes(tmp_path, "torch_geometric.nn", "MessagePassing") == _BUILT_IN_FORWARD | _OF_THE_CLASS_ALONE
    assert not codes(tmp_path, "other_graphs.nn", "MessagePassing") & _OF_THE_CLASS_ALONE

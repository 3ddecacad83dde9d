"""Classes of which no rule can speak are not interpreted, and nothing is lost with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import paramlint.fixes.repairs
import paramlint.interpret.interpret
import paramlint.interpret.silence
import paramlint.rules.run
from paramlint.engine.analysis import Analyser
from paramlint.engine.check import check
from paramlint.engine.configuration import Configuration
from paramlint.engine.selection import SelectionLayer
from paramlint.engine.settings import Overrides
from paramlint.facts import lower_ast
from paramlint.facts.source import read_source
from paramlint.interpret.interpret import interpret
from paramlint.interpret.trace import ClassTrace
from paramlint.project.classes import LinkedClass
from paramlint.project.environment import NO_ENVIRONMENT
from paramlint.project.project import Project
from paramlint.rules import ALL_RULES, check_module
from paramlint.rules.base import Rule

FIXTURES = Path(__file__).parent.parent / "fixtures"

QUIET = """
from functools import partial

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F


def pair(size):
    return size if isinstance(size, tuple) else (size, size)


class Attention(nn.Module):
    def __init__(self, dim, heads=8, norm=nn.LayerNorm):
        super().__init__()
        self.heads = heads
        self.scale = (dim // heads) ** -0.5
        self.norm = norm(dim)
        self.to_qkv = nn.Linear(dim, dim * 3, bias=False)
        self.to_out = nn.Sequential(nn.Linear(dim, dim), nn.Dropout(0.1)) if heads > 1 else nn.Identity()

    def forward(self, x, mask=None):
        q, k, v = self.to_qkv(self.norm(x)).chunk(3, dim=-1)
        weights = (q @ k.transpose(-1, -2)) * self.scale
        if mask is not None:
            weights = weights.masked_fill(mask, float("-inf"))
        positions = torch.arange(x.shape[1], device=x.device)
        return self.to_out(rearrange(weights.softmax(dim=-1) @ v, "b n d -> b n d") + positions)


class Norm(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.steps = nn.Buffer(torch.arange(dim), persistent=False)

    def forward(self, x):
        return x * self.weight + self.steps


class Model(nn.Module):
    def __init__(self, size, dim, depth, drop=0.0):
        super().__init__()
        height, width = pair(size)
        layers = []
        for _ in range(depth):
            layers.append(Attention(dim, norm=partial(nn.LayerNorm, eps=1e-6)))
        self.position = nn.Parameter(torch.randn(1, height * width, dim) * 0.02)
        self.layers = nn.Sequential(*layers)
        self.register_buffer("steps", torch.linspace(0, 1, depth))
        self.drop = drop

    def forward(self, x):
        return F.dropout(self.layers(x + self.position), self.drop, self.training) * self.steps.mean()
"""

LOUD = {
    "an attribute made by a helper": (
        "def table(n):\n    return torch.zeros(n)\n",
        "self.table = table(3)",
        "return x + self.table",
    ),
    "a tensor kept in a list": ("", "self.tables = [torch.zeros(3)]", "return x + self.tables[0]"),
    "a tensor made by a name that is handed in": (
        "def made(by):\n    return by(3)\n",
        "self.table = made(torch.zeros)",
        "return x + self.table",
    ),
    "a weight that is written": (
        "",
        "self.weight = nn.Parameter(torch.ones(3))\n        self.weight.data.fill_(0)",
        "return x + self.weight",
    ),
    "a Buffer that nothing holds": ("", "nn.Buffer(torch.arange(3))", "return x"),
    "a Buffer whose name is bound again": (
        "",
        "self.table = nn.Buffer(torch.arange(3))\n        self.table = nn.Buffer(torch.arange(4))",
        "return x + self.table",
    ),
    "a tensor that forward makes": ("", "self.size = 3", "return x + torch.zeros(3)"),
    "a tensor that the class holds": ("", "self.size = 3", "return x + self.offset"),
    "a module that forward makes": ("", "self.size = 3", "return nn.Linear(3, 3)(x)"),
    "a module list that grows as an attribute": (
        "",
        "self.parts = []\n        for _ in range(2):\n            self.parts.append(nn.Linear(3, 3))",
        "return self.parts[0](x)",
    ),
}


def project_of(path: Path) -> Project:
    return Project(path.parent, NO_ENVIRONMENT, lambda file: lower_ast.lower(read_source(str(file))))


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    names: list[str] = []

    def counting(project: Project, linked: LinkedClass, *, turns_all: bool = False) -> ClassTrace:
        names.append(linked.definition.qualified_name)
        return interpret(project, linked, turns_all=turns_all)

    monkeypatch.setattr(paramlint.interpret.interpret, "interpret", counting)
    return names


def test_classes_without_ingredients_are_not_interpreted(tmp_path: Path, interpreted: list[str]) -> None:
    path = tmp_path / "quiet.py"
    path.write_text(QUIET, encoding="utf-8")
    project = project_of(path)
    assert not list(check_module(project, project.module_at(path), ALL_RULES))
    assert interpreted == []
    assert not list(check_module(project, project.module_at(path), ALL_RULES, asks_all=True))
    assert interpreted == ["Attention", "Norm", "Model"]


def test_a_class_that_asks_for_too_much_is_interpreted(
    tmp_path: Path, interpreted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paramlint.interpret.silence, "_MOST_SCOPES", 0)
    path = tmp_path / "quiet.py"
    path.write_text(QUIET, encoding="utf-8")
    project = project_of(path)
    assert not list(check_module(project, project.module_at(path), ALL_RULES))
    assert interpreted == ["Attention", "Norm", "Model"]


def test_what_a_framework_does_in_its_own_files_is_not_asked(tmp_path: Path, interpreted: list[str]) -> None:
    path = tmp_path / "net.py"
    (tmp_path / "transformers").mkdir()
    (tmp_path / "transformers" / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "transformers" / "modeling_utils.py").write_text(
        "from torch import nn\n\n\nclass PreTrainedModel(nn.Module):\n    def __init__(self, config):\n"
        "        super().__init__()\n        self.config = config\n\n    def post_init(self):\n"
        "        for module in self.modules():\n            module.weight.data.zero_()\n",
        encoding="utf-8",
    )
    text = (
        "from torch import nn\nfrom transformers.modeling_utils import PreTrainedModel\n\n\n"
        "class Net(PreTrainedModel):\n    def __init__(self, config):\n        super().__init__(config)\n"
        "        self.layer = nn.Linear(3, 3)\n        self.post_init()\n\n"
        "    def forward(self, x):\n        return self.layer(x)\n"
    )
    path.write_text(text, encoding="utf-8")
    project = project_of(path)
    list(check_module(project, project.module_at(path), ALL_RULES))
    assert interpreted == []
    path.write_text(text.replace("self.post_init()", "self.layer.weight.data.zero_()"), encoding="utf-8")
    project = project_of(path)
    list(check_module(project, project.module_at(path), ALL_RULES))
    assert interpreted == ["Net"]


@pytest.mark.parametrize("is_equal", [True, False])
def test_only_classes_that_have_spoken_are_asked_again_and_only_of_another_form(
    tmp_path: Path, interpreted: list[str], monkeypatch: pytest.MonkeyPatch, is_equal: bool
) -> None:
    if not is_equal:
        monkeypatch.setattr(Analyser, "_are_equal", lambda *_: False)
    path = tmp_path / "net.py"
    path.write_text(
        "import torch\nfrom torch import nn\n\n\n"
        "class Held(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.parts = [nn.Linear(3, 3)]\n\n    def forward(self, x):\n        return self.parts[0](x)\n\n\n"
        "class Kept(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.table = torch.zeros(3)\n\n    def forward(self, x):\n        return x + self.table\n",
        encoding="utf-8",
    )
    report = check([path], Configuration(Overrides(SelectionLayer(select=("PRM105",))), isolated=True))
    assert [entry.class_name for entry in report.diagnostics] == ["Held"]
    assert interpreted == (["Held", "Kept"] if is_equal else ["Held", "Kept", "Held"])


@pytest.mark.parametrize("name", LOUD)
def test_what_a_rule_may_speak_of_is_interpreted(tmp_path: Path, interpreted: list[str], name: str) -> None:
    helper, built, run = LOUD[name]
    path = tmp_path / "loud.py"
    path.write_text(
        f"import torch\nfrom torch import nn\n\n{helper}\nclass Net(nn.Module):\n    offset = torch.zeros(3)\n\n"
        f"    def __init__(self):\n        super().__init__()\n        {built}\n\n    def forward(self, x):\n        {run}\n",
        encoding="utf-8",
    )
    if "the class holds" not in name:
        path.write_text(path.read_text(encoding="utf-8").replace("    offset = torch.zeros(3)\n", ""), encoding="utf-8")
    project = project_of(path)
    list(check_module(project, project.module_at(path), ALL_RULES))
    assert interpreted == ["Net"]


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.code)
def test_every_bad_example_is_interpreted(tmp_path: Path, rule: Rule) -> None:
    path = tmp_path / "bad.py"
    path.write_text(rule.bad, encoding="utf-8")
    project = project_of(path)
    found = list(check_module(project, project.module_at(path), [rule]))
    assert found
    assert found == list(check_module(project, project.module_at(path), [rule], asks_all=True))


@pytest.mark.parametrize("path", sorted(FIXTURES.rglob("*.py")), ids=lambda path: path.stem)
def test_fixtures_say_the_same_with_every_class_interpreted(path: Path) -> None:
    project = project_of(path)
    module = project.module_at(path)
    assert list(check_module(project, module, ALL_RULES)) == list(
        check_module(project, module, ALL_RULES, asks_all=True)
    )

"""Conditions whose two ways show a rule the same are not turned, and nothing is lost with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from paramlint.facts import lower_ast
from paramlint.facts.source import read_source
from paramlint.interpret.events import SchemeRan
from paramlint.interpret.interpret import interpret
from paramlint.interpret.trace import Run
from paramlint.project.environment import NO_ENVIRONMENT
from paramlint.project.project import Project

HEAD = "import torch\nfrom torch import nn\n\n\ndef made(width):\n    return nn.Linear(width, width)\n\n\n"
HEAD += "def lost(part, flag):\n    if not flag:\n        return part\n    assert part.in_features\n\n\n"
# The statements of a constructor, and of forward, that ask one condition each of whose ways is the other's like.
QUIET = {
    "a layer or none": ("self.norm = nn.LayerNorm(3) if flag else nn.Identity()", "return self.norm(x)"),
    "an added layer": ("if flag:\n            self.extra = nn.Linear(3, 3)", "return self.extra(x)"),
    "a layer of a function": ("if flag:\n            self.extra = made(3)", "return self.extra(x)"),
    "a refusal": ("if not flag:\n            raise ValueError('no')", "return x"),
    "a number": ("self.size = 3 if flag else 4", "return x"),
    "a default": ("self.size = size or 4", "return x"),
    "a call of a layer": (
        "self.part = nn.Linear(3, 3)\n        self.flag = flag",
        "return self.part(x) if self.flag else x",
    ),
    "an early end": (
        "self.part = nn.Linear(3, 3)\n        self.flag = flag",
        "if not self.flag:\n            return x\n        return self.part(x)",
    ),
}
# And those that have to be turned.
TOLD = {
    "a plain tensor": ("if flag:\n            self.table = torch.ones(3)", "return x"),
    "a Parameter": ("self.weight = nn.Parameter(torch.empty(3)) if flag else None", "return x"),
    "a use of what forward has made": (
        "self.flag = flag",
        "mask = torch.ones(3)\n        if self.flag:\n            x = x * mask\n        return x",
    ),
    "a layer that nothing reads": ("if flag:\n            self.extra = nn.Linear(3, 3)", "return x"),
    "a list of layers": ("self.parts = [nn.Linear(3, 3)] if flag else None", "return x"),
    "a layer added to a list": ("self.parts = []\n        if flag:\n            self.parts.append(nn.Linear(3, 3))", "return x"),
    "a layer added to a list later": ("self.parts = []\n        part = nn.Identity()\n        if flag:\n            part = nn.Linear(3, 3)\n        self.parts.append(part)", "return x"),
    "a call that initialises": ("self.part = nn.Linear(3, 3)\n        if flag:\n            nn.init.ones_(self.part.weight)", "return x"),
    "a method that does": ("if flag:\n            self.fill()", "return x\n\n    def fill(self):\n        self.table = torch.ones(3)"),
    "a way that leaves": ("if flag:\n            return\n        self.part = nn.Linear(3, 3)", "return x"),
    "a function that returns nothing": ("self.part = lost(nn.Linear(3, 3), flag)", "return x"),
    "a tensor made in forward": ("self.flag = flag", "return x + torch.ones(3) if self.flag else x"),
    "a module made in forward": ("self.flag = flag", "return nn.ReLU()(x) if self.flag else x"),
    "a plain tensor read": ("self.table = torch.ones(3)\n        self.flag = flag", "return x + self.table if self.flag else x"),
    "something kept": ("self.flag = flag", "if self.flag:\n            self.last = x\n        return x"),
    "a way past something": ("self.flag = flag", "if self.flag:\n            return x\n        return x + torch.ones(3)"),
    "what nothing sets": ("self.flag = flag", "return self.nothing(x) if self.flag else x"),
}  # fmt: skip


def paths_of(tmp_path: Path, built: str, run: str, default: str = "=False", turns_all: bool = False) -> int:
    return len(runs_of(tmp_path, built, run, default, turns_all))


def runs_of(tmp_path: Path, built: str, run: str, default: str = "=False", turns_all: bool = False) -> tuple[Run, ...]:
    path = tmp_path / "net.py"
    path.write_text(
        f"{HEAD}class Net(nn.Module):\n    def __init__(self, flag{default}, size=None):\n        super().__init__()\n"
        f"        {built}\n\n    def forward(self, x):\n        {run}\n",
        encoding="utf-8",
    )
    project = Project(tmp_path, NO_ENVIRONMENT, lambda file: lower_ast.lower(read_source(str(file))))
    (linked,) = project.classes(project.module_at(path))
    return interpret(project, linked, turns_all=turns_all).runs


@pytest.mark.parametrize("name", QUIET)
def test_a_condition_that_shows_nothing_is_not_turned(tmp_path: Path, name: str) -> None:
    default = "=True" if name in ("a refusal", "an early end") else "=False"
    assert paths_of(tmp_path, *QUIET[name], default) == 1
    if name != "a refusal":
        assert paths_of(tmp_path, *QUIET[name], default, turns_all=True) == 2


@pytest.mark.parametrize("name", TOLD)
def test_a_condition_that_may_show_something_is_turned(tmp_path: Path, name: str) -> None:
    default = "=True" if name == "a way past something" else "=False"
    assert paths_of(tmp_path, *TOLD[name], default) == 2


def test_a_layer_made_after_a_scheme_is_told(tmp_path: Path) -> None:
    scheme = "for part in self.modules():\n            if isinstance(part, nn.Linear):\n                nn.init.ones_(part.weight)"
    layer = "if flag:\n            self.extra = nn.Linear(3, 3)"
    assert paths_of(tmp_path, f"{layer}\n        {scheme}", "return self.extra(x)") == 1
    assert paths_of(tmp_path, f"{scheme}\n        {layer}", "return self.extra(x)") == 2


def test_a_layer_made_before_the_base_constructor_is_told(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        f"{HEAD}class Net(nn.Module):\n    def __init__(self, act=nn.ReLU):\n"
        "        self.act = act() if act else nn.Identity()\n        super().__init__()\n",
        encoding="utf-8",
    )
    project = Project(tmp_path, NO_ENVIRONMENT, lambda file: lower_ast.lower(read_source(str(file))))
    (linked,) = project.classes(project.module_at(path))
    assert len(interpret(project, linked).runs) == 2


def test_the_way_past_an_error_is_taken(tmp_path: Path) -> None:
    built = "self.size = 3 if flag else 4\n        if size is None:\n            raise ValueError('no')"
    assert paths_of(tmp_path, built, "return x") == 1


def test_what_an_assertion_asks_is_turned_however_long_ago_it_was_decided(tmp_path: Path) -> None:
    built = (
        "self.size = 3 if flag else 4\n        self.extra = nn.Linear(3, 3) if size else None\n"
        "        self.flag = flag\n        assert self.flag"
    )
    assert paths_of(tmp_path, built, "return x") == 1
    assert paths_of(tmp_path, f"{built}\n        self.table = torch.ones(3) if size else None", "return x") == 2


def test_what_stands_behind_two_conditions_is_seen_on_the_path_of_the_first(tmp_path: Path) -> None:
    built = "if flag and size is not None:\n            self.table = torch.ones(3)"
    assert {"table" in {slot.name for slot in run.slots} for run in runs_of(tmp_path, built, "return x")[:2]} == {
        True,
        False,
    }
    built = "if not (not flag or size is None):\n            self.table = torch.ones(3)"
    assert {"table" in {slot.name for slot in run.slots} for run in runs_of(tmp_path, built, "return x")[:2]} == {
        True,
        False,
    }


def test_a_condition_of_a_helper_is_turned_where_it_ends_the_path(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        f"{HEAD}def checked(width, names):\n    if width <= 1:\n        raise ValueError(width)\n"
        "    if isinstance(names, int):\n        raise TypeError(names)\n    return width\n\n\n"
        "class Net(nn.Module):\n    def __init__(self, width, names=('a', 'b')):\n"
        "        super().__init__()\n        self.part = nn.Linear(checked(width, names), 2)\n",
        encoding="utf-8",
    )
    project = Project(tmp_path, NO_ENVIRONMENT, lambda file: lower_ast.lower(read_source(str(file))))
    (linked,) = project.classes(project.module_at(path))
    (run,) = interpret(project, linked).runs
    assert [slot.name for slot in run.slots] == ["part"]


def test_a_scheme_in_the_constructor_itself_runs_where_its_loop_stands(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.first = nn.Conv2d(3, 3, 3)\n"
        "        self.last = nn.Linear(3, 3)\n"
        "        for part in self.modules():\n"
        "            if isinstance(part, nn.Conv2d):\n"
        "                nn.init.zeros_(\n"
        "                    part.weight\n"
        "                )\n"
        "    def forward(self, x):\n"
        "        return self.last(self.first(x))\n"
    )
    project = Project(tmp_path, NO_ENVIRONMENT, lambda path: lower_ast.lower(read_source(str(path))))
    trace = interpret(project, project.classes(project.module_at(path))[0])
    (scheme,) = {event for run in trace.runs for event in run.events if isinstance(event, SchemeRan)}
    assert (scheme.place.span.line, scheme.place.span.end_line) == (7, 11)


@pytest.mark.parametrize(
    ("default", "kinds", "is_table"),
    [
        ('"relu"', "nn.Module", False),
        ('"relu"', "str", True),
        ("None", "(int, float)", False),
        ("3", "(str, int)", True),
    ],
)
def test_the_first_path_asks_the_default_of_what_kind_it_is(
    tmp_path: Path, default: str, kinds: str, is_table: bool
) -> None:
    built = f"self.table = torch.ones(3) if isinstance(flag, {kinds}) else None"
    first, second = runs_of(tmp_path, built, "return x", f"={default}")
    assert (first.is_default, [decision.outcome for decision in first.decisions]) == (True, [is_table])
    assert (second.is_default, [decision.outcome for decision in second.decisions]) == (False, [not is_table])


@pytest.mark.parametrize("given", ["affine", "affine=affine"])
def test_a_switch_that_is_handed_on_is_decided_for_a_path(tmp_path: Path, given: str) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        "from torch import nn\n\n\nclass Norm(nn.InstanceNorm1d):\n    def __init__(self, width, affine=False):\n"
        f"        super().__init__(width, 1e-5, 0.1, {given})\n\n    def forward(self, x):\n        return x * self.weight\n",
        encoding="utf-8",
    )
    project = Project(tmp_path, NO_ENVIRONMENT, lambda file: lower_ast.lower(read_source(str(file))))
    (linked,) = project.classes(project.module_at(path))
    runs = interpret(project, linked).runs
    without = {run.decisions[0].outcome: slot.is_none for run in runs for slot in run.slots if slot.name == "weight"}
    assert without == {False: True, True: False}

"""Calls that have nothing to do with tensors or modules: what they come to is remembered where no path differs in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from paramlint.facts.lower_ast import lower
from paramlint.facts.source import read_source
from paramlint.interpret import calls
from paramlint.interpret.interpret import interpret
from paramlint.interpret.slots import Registration
from paramlint.project.environment import NO_ENVIRONMENT
from paramlint.project.project import Project

HEADER = """\
import torch
from torch import nn

"""


def follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> tuple[dict[str, dict[str, Registration]], list[str]]:
    """What each class of a file registers on its default path, and the functions that were followed, in order."""
    path = tmp_path / "net.py"
    path.write_text(HEADER + text, encoding="utf-8")
    project = Project(tmp_path, NO_ENVIRONMENT, lambda file: lower(read_source(str(file))))
    followed: list[str] = []
    original = calls._follow

    def noting(machine: object, frame: object, closure: calls.Closure, *rest: object) -> object:
        followed.append(closure.qualified_name)
        return original(machine, frame, closure, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(calls, "_follow", noting)
    slots = {}
    for linked in project.classes(project.module_at(path)):
        trace = interpret(project, linked)
        slots[linked.definition.node.name] = {slot.name: slot.registration for slot in trace.runs[0].slots}
    return slots, followed


TWO_CLASSES = """\
class First(nn.Module):
    def __init__(self, size):
        super().__init__()
        {statement}


class Second(nn.Module):
    def __init__(self, size):
        super().__init__()
        {statement}
"""


def test_a_helper_is_followed_once_for_all_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "def is_new(version):\n    return version > 2\n\n\n" + TWO_CLASSES.format(
        statement="self.a = torch.ones(3) if is_new(3) else nn.Parameter(torch.ones(3))"
    )
    slots, followed = follow(tmp_path, monkeypatch, text)
    assert followed.count("is_new") == 1
    assert slots["First"]["a"] is slots["Second"]["a"] is Registration.PLAIN_TENSOR


def test_other_arguments_are_another_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "def is_one(version):\n    return version is True\n\n\n" + TWO_CLASSES.format(
        statement="self.a = is_one(1); self.b = is_one(True); self.c = is_one(1.0); self.d = is_one(value=2)"
    )
    _, followed = follow(tmp_path, monkeypatch, text)
    assert followed.count("is_one") == 4


def test_what_a_path_decides_is_followed_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "def pick(size):\n    if size > 2:\n        return 1\n    return 0\n\n\n" + TWO_CLASSES.format(
        statement="self.a = torch.ones(3) if pick(size) else nn.Parameter(torch.ones(3))"
    )
    slots, _ = follow(tmp_path, monkeypatch, text)
    project = Project(tmp_path, NO_ENVIRONMENT, lambda file: lower(read_source(str(file))))
    linked = project.classes(project.module_at(tmp_path / "net.py"))[0]
    kinds = {run.slots[0].registration for run in interpret(project, linked, turns_all=True).runs}
    assert kinds == {Registration.PLAIN_TENSOR, Registration.PARAMETER}
    assert set(slots) == {"First", "Second"}


def test_a_list_is_made_anew_for_each_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "def empty():\n    return []\n\n\n" + TWO_CLASSES.format(
        statement="self.a = empty(); self.a.append(nn.Parameter(torch.ones(size)))"
    )
    _, followed = follow(tmp_path, monkeypatch, text)
    assert followed.count("empty") == 3  # once to learn that it cannot be remembered


def test_the_budget_is_spent_as_if_the_call_were_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a file would say more among others, in which somebody has made the call already, than alone."""
    text = (
        "def long(x):\n    return "
        + " + ".join(["x"] * 40)
        + "\n\n\n"
        + TWO_CLASSES.format(statement="self.a = long(1)")
    )
    spent: dict[str, list[int]] = {"long": []}
    original = calls.call_closure

    def noting(machine: calls.Machine, frame: object, closure: calls.Closure, *rest: object) -> object:
        before = machine.steps
        result = original(machine, frame, closure, *rest)  # type: ignore[arg-type]
        spent.setdefault(closure.qualified_name, []).append(machine.steps - before)
        return result

    monkeypatch.setattr(calls, "call_closure", noting)
    _, followed = follow(tmp_path, monkeypatch, text)
    assert followed.count("long") == 1
    first, second = spent["long"]
    assert first == second > 40


def test_a_call_in_forward_is_another_than_one_in_the_constructor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is told of a call may depend on when it is made."""
    text = "def is_new(version):\n    return version > 2\n\n\n" + TWO_CLASSES.format(
        statement="self.a = is_new(3)\n\n    def forward(self, x):\n        return x if is_new(3) else None"
    )
    _, followed = follow(tmp_path, monkeypatch, text)
    assert followed.count("is_new") == 2


def test_what_makes_layers_is_followed_where_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each maker calls the next twice: followed apart as well, every level would double what the levels below cost."""
    levels = 6
    makers = ["def make_0(width):\n    return nn.Linear(width, width)\n"]
    makers += [
        f"def make_{level}(width):\n    make_{level - 1}(width)\n    return make_{level - 1}(width)\n"
        for level in range(1, levels)
    ]
    text = (
        "\n\n".join(makers)
        + "\n\n"
        + f"""
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = make_{levels - 1}(4)
"""
    )
    slots, followed = follow(tmp_path, monkeypatch, text)
    assert slots["Net"]["layer"] is Registration.SUBMODULE
    where_it_stands = 2 ** (levels - 1)
    apart = levels
    assert followed.count("make_0") <= where_it_stands + apart

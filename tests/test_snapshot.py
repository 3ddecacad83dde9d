"""What paths have in common is followed once: the state at the end of a constructor is copied, whole and apart."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from paramlint.facts import lower_ast
from paramlint.facts.source import read_source
from paramlint.interpret import bounds, interpret as interpreter, machine, snapshot, values
from paramlint.interpret.events import Clash
from paramlint.interpret.slots import Fill, Phase, Place
from paramlint.interpret.values import Container, Placement, Storage, Tensor
from paramlint.model.code import Span
from paramlint.project.environment import NO_ENVIRONMENT
from paramlint.project.project import Project

NET = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, early=False, late=False):
        super().__init__()
        self.table = torch.ones(3) if early else torch.zeros(3)
        self.late = late

    def forward(self, x):
        if self.late:
            self.table = self.table.to(x.device)
        return x + self.table
"""


@pytest.mark.parametrize("module", [values, machine, bounds])
def test_all_that_changes_is_copied(module: ModuleType) -> None:
    defined = [kind for kind in vars(module).values() if isinstance(kind, type) and kind.__module__ == module.__name__]
    changing = {
        kind
        for kind in defined
        if dataclasses.is_dataclass(kind) and not kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    }
    assert changing - {values.ClassValue} <= set(snapshot._CHANGING)
    for kind in changing:
        assert {field.name for field in dataclasses.fields(kind)} == set(kind.__slots__)  # type: ignore[attr-defined]


class Held(NamedTuple):
    first: Container
    second: Tensor


def test_a_copy_shares_nothing_that_changes_and_keeps_what_is_one() -> None:
    tensor = Tensor(
        Place("net.py", Span(1, 1, 1, 2)),
        "torch.ones",
        Phase.CONSTRUCTOR,
        Placement.DEFAULT,
        Storage(Fill.WRITTEN),
    )
    first = Container("list", [tensor])
    first.items.append(first)
    copy = snapshot.copied(Held(first, tensor))
    assert isinstance(copy, Held)
    assert copy.second is copy.first.items[0] is not tensor
    assert copy.first.items[1] is copy.first is not first
    assert copy.second.number == tensor.number
    assert copy.second.made is tensor.made
    assert copy.second.storage is not tensor.storage
    copy.second.storage.is_touched = True
    copy.first.items.clear()
    assert not tensor.storage.is_touched
    assert len(first.items) == 2


def test_a_condition_of_forward_does_not_follow_the_constructor_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.py"
    path.write_text(NET, encoding="utf-8")
    project = Project(tmp_path, NO_ENVIRONMENT, lambda file: lower_ast.lower(read_source(str(file))))
    (linked,) = project.classes(project.module_at(path))
    followed: list[int] = []
    real = interpreter._construct

    def counting(*given: object) -> object:
        followed.append(1)
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(interpreter, "_construct", counting)
    shared = interpreter.interpret(project, linked, turns_all=True).runs
    # The default path, that with ``early``; with ``late`` neither.
    assert len(followed) == 2
    assert len(shared) == 3
    assert [bool(run.rewritten) for run in shared] == [False, False, True]
    for run in shared:
        (table,) = (slot for slot in run.slots if slot.name == "table")
        assert table.tensor is not None
        met = {event.pinned.number for event in run.events if isinstance(event, Clash)}
        assert run.rewritten or met == {table.tensor.number}

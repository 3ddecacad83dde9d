"""What leaves memory unwritten is planted only where no other method of the class fills it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from benchmarks.mutation.filling import filled_later
from benchmarks.mutation.planting import subjects

_MODULE = """
import torch
from torch import nn

class Base(nn.Module):
{base}

class Holder(Base):
    def __init__(self, width):
        super().__init__()
        self.register_buffer("centres", torch.zeros(width))
        self.build()

    def build(self):
        {build}

{method}

class Heir(Holder):
{heir}
"""


def is_filled_later(
    method: str = "    pass", base: str = "    pass", heir: str = "    pass", build: str = "pass"
) -> bool:
    module = ast.parse(_MODULE.format(method=method, base=base, heir=heir, build=build))
    holder = next(item for item in module.body if isinstance(item, ast.ClassDef) and item.name == "Holder")
    (changed,) = ast.parse(ast.unparse(holder).replace("zeros", "empty")).body
    assert isinstance(changed, ast.ClassDef)
    return filled_later(module, holder, changed, "centres")


def written(line: str, name: str = "set_up", before: str = "pass") -> str:
    return f"    def {name}(self, x):\n        {before}\n        {line}\n"


@pytest.mark.parametrize(
    "line",
    [
        "self.centres = x",
        "self.centres, self.width = x, 3",
        "self.centres.copy_(x)",
        "self.centres.data.copy_(x.mean(0))",
        "self.centres.data = x",
        "self.centres[:] = x",
        "self.centres[...] = x",
        "self.centres.zero_()",
        "nn.init.normal_(self.centres)",
        'self.register_buffer("centres", x)',
        "self.centres.copy_(x.expand(self.centres.shape))",
    ],
)
def test_another_method_that_writes_it_whole_fills_it(line: str) -> None:
    assert is_filled_later(method=written(line))
    assert is_filled_later(base=written(line))
    assert is_filled_later(heir=written(line, "__init__"))


@pytest.mark.parametrize(
    "line",
    [
        "pass",
        "self.centres[0] = x",
        "self.centres.add_(x)",
        "self.centres += x",
        "self.centres = None",
        "self.centres = self.centres * 0.9 + x",
        "self.centres.copy_(self.centres / 2)",
        "self.others = self.centres",
        "other.centres = x",
    ],
)
def test_what_writes_a_part_or_goes_on_from_what_is_there_does_not(line: str) -> None:
    assert not is_filled_later(method=written(line))


def test_a_local_name_for_what_is_computed_from_it_does_not() -> None:
    assert not is_filled_later(method=written("self.centres = new", before="new = self.centres * 0.9"))


def test_what_construction_runs_is_no_other_method() -> None:
    assert not is_filled_later(build="nn.init.zeros_(self.centres)")
    assert not is_filled_later(build="self.set_up(1)", method=written("self.centres.zero_()"))


def test_a_private_method_that_nothing_calls_fills_nothing() -> None:
    private = written("self.centres.copy_(x)", "_set_up")
    assert not is_filled_later(method=private)
    assert is_filled_later(method=private + "\n    def forward(self, x):\n        self._set_up(x)\n")


def test_the_method_that_the_fault_is_in_is_no_other_method() -> None:
    source = _MODULE.format(
        base="    pass",
        heir="    pass",
        build="self.reset('uniform')",
        method="    def reset(self, kind):\n"
        "        if kind == 'zeros':\n            self.centres.zero_()\n"
        "        else:\n            self.centres.uniform_()\n",
    ).replace("self.build()", "pass")
    module = ast.parse(source)
    holder = next(item for item in module.body if isinstance(item, ast.ClassDef) and item.name == "Holder")
    (changed,) = ast.parse(ast.unparse(holder).replace("self.centres.uniform_()", "pass")).body
    assert isinstance(changed, ast.ClassDef)
    assert not filled_later(module, holder, changed, "centres")


def test_nothing_is_planted_there_nor_where_the_whole_file_is_silenced(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "drawn"
    package.mkdir(parents=True)
    for name, method in (
        ("filled", written("self.centres.copy_(x)")),
        ("left", written("pass")),
        ("silenced", "    # flake8: noqa C901"),
    ):
        text = _MODULE.format(base="    pass", heir="    pass", build="pass", method=method)
        (package / f"{name}.py").write_text(text)
    found = {subject.path.stem for subject in subjects(package, 0, 9, 9, "buffer of empty")}
    assert found == {"left"}

"""What the interpreter claims of generated modules is what torch registers, or unknown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies as st
from torch import nn

from paramlint.facts import lower_ast
from paramlint.facts.source import Source, read_source
from paramlint.interpret.interpret import interpret
from paramlint.interpret.slots import Registration
from paramlint.interpret.trace import ClassTrace, Run
from paramlint.project.environment import NO_ENVIRONMENT
from paramlint.project.project import Project

NAMES = tuple("abcdef")
VALUES = (
    "nn.Parameter(torch.zeros(2))",
    "nn.Parameter(torch.zeros(2), requires_grad=False)",
    "nn.Linear(2, 2)",
    "nn.Sequential(nn.Linear(2, 2), nn.ReLU())",
    "nn.ModuleList(nn.Linear(2, 2) for _ in range(2))",
    "torch.ones(2)",
    "nn.Parameter(torch.zeros(2)) * 2",
    "nn.Buffer(torch.zeros(2))",
    "[nn.Linear(2, 2), nn.Linear(2, 2)]",
    "{'k': nn.Parameter(torch.zeros(2))}",
    "(torch.zeros(2), 3)",
    "None",
    "3",
    "'text'",
    "make_layer(2)",
    "make_table(2)",
    "Part()",
)
PRELUDE = """\
import torch
from torch import nn


def make_layer(width):
    layer = nn.Linear(width, width)
    nn.init.zeros_(layer.weight)
    return layer


def make_table(width):
    table = torch.arange(width)
    return table.float() / width


class Part(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(2, 2)

    def forward(self, x):
        return self.inner(x)
"""

names = st.sampled_from(NAMES)
values = st.sampled_from(VALUES)


@st.composite
def simple(draw: st.DrawFn) -> list[str]:
    """One statement, as lines, that binds names in a constructor."""
    name, value = draw(names), draw(values)
    return draw(
        st.sampled_from(
            [
                [f"self.{name} = {value}"],
                [f"local = {value}", f"self.{name} = local"],
                [f"self.{name} = {value}", f"self.{name}_alias = self.{name}"],
                [f"setattr(self, '{name}' + '_set', {value})"],
                [f"self.register_buffer('{name}_buffer', torch.zeros(2))"],
                [f"self.register_parameter('{name}_parameter', nn.Parameter(torch.zeros(2)))"],
                [f"self.add_module('{name}_module', nn.Linear(2, 2))"],
                [f"self.{name}_list = []", f"self.{name}_list.append({value})"],
                [f"self.{name}_first, self.{name}_second = {value}, {draw(values)}"],
                [f"self.helper_{name}({value})"],
                [f"del self.{name}_gone"] if draw(st.booleans()) else ["pass"],
            ]
        )
    )


@st.composite
def statements(draw: st.DrawFn) -> list[str]:
    """Statements with branches, loops and context managers around them."""
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 4))):
        body = draw(simple())
        shape = draw(st.sampled_from(["plain", "if", "unless", "argument", "loop", "enumerate", "with", "try"]))
        indented = [f"    {line}" for line in body]
        match shape:
            case "if":
                body = ["if width > 1:", *indented, "else:", "    self.other = 1"]
            case "unless":
                body = ["if not flag:", *indented]
            case "argument":
                body = ["if flag:", *indented, "else:", "    self.unset_branch = None"]
            case "loop":
                body = ["for index in range(2):", *indented, "    setattr(self, f'step{index}', nn.Linear(2, 2))"]
            case "enumerate":
                body = [
                    "for index, size in enumerate((2, 3)):",
                    "    self.add_module('at%d' % index, make_layer(size))",
                ]
            case "with":
                body = ["with torch.no_grad():", *indented]
            case "try":
                body = ["try:", *indented, "except AttributeError:", "    pass"]
        lines += body
    return lines


@st.composite
def programs(draw: st.DrawFn) -> str:
    """A module's source with a class ``Net``, its base and its helpers."""
    base, own, after = draw(statements()), draw(statements()), draw(st.booleans())
    lines = [PRELUDE, "", "class Base(nn.Module):", "    def __init__(self, width=2, flag=True):"]
    lines += [f"        {line}" for line in ["super().__init__()", *base]]
    for name in NAMES:
        lines += ["", f"    def helper_{name}(self, value):", f"        self.{name}_helped = value"]
    lines += ["", "    def forward(self, x):", "        return x", "", "", "class Net(Base):"]
    lines += ["    def __init__(self, width=2, flag=True):"]
    body = ["super().__init__(width, flag)", *own] if after else ["super().__init__(flag=flag)", "self.z = 0", *own]
    lines += [f"        {line}" for line in body]
    return "\n".join(lines) + "\n"


def observed(instance: nn.Module) -> dict[str, Registration]:
    """What torch holds under each name of an instance."""
    found: dict[str, Registration] = {}
    for name, value in vars(instance).items():
        if name.startswith("_") or name == "training":
            continue
        if isinstance(value, torch.Tensor):
            found[name] = Registration.PLAIN_TENSOR
        else:
            is_container = isinstance(value, (list, tuple, dict, set))
            found[name] = Registration.CONTAINER if is_container else Registration.OTHER
    found |= dict.fromkeys(instance._parameters, Registration.PARAMETER)
    found |= dict.fromkeys(instance._buffers, Registration.BUFFER)
    found |= dict.fromkeys(instance._modules, Registration.SUBMODULE)
    return found


def runs_of(text: str) -> tuple[Run, ...]:
    """The paths of ``Net`` of a source text."""
    return trace_of(text).runs


def trace_of(text: str) -> ClassTrace:
    """Interpret ``Net`` of a source text."""
    path = Path("/generated/module.py")
    project = Project(
        path.parent, NO_ENVIRONMENT, lambda _: lower_ast.lower(Source(str(path), text, "utf-8", "\n", False))
    )
    (linked,) = [item for item in project.classes(project.module_at(path)) if item.definition.node.name == "Net"]
    return interpret(project, linked, turns_all=True)


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(programs())
def test_claims_are_what_torch_registers(text: str) -> None:
    scope: dict[str, Any] = {"__name__": "generated"}
    exec(compile(text, "generated", "exec"), scope)
    try:
        instance = scope["Net"]()
    except (TypeError, AttributeError, KeyError):
        return  # torch refuses: nothing is registered under any name
    real = observed(instance)
    run = runs_of(text)[0]
    claimed = {slot.name: slot.registration for slot in run.slots}
    for name, registration in claimed.items():
        if registration is not Registration.UNKNOWN:
            assert real.get(name) == registration, f"{name}\n{text}"
    if run.is_complete and not run.is_opaque:
        assert set(real) <= set(claimed), text


def test_what_a_class_makes_by_its_own_rule_is_not_known() -> None:
    body = (
        "    def __new__(cls):\n        return nn.Linear(2, 2)\n\n    def __init__(self):\n        self.part = Part()\n"
    )
    (run, *_) = runs_of(f"{PRELUDE}\n\nclass Net(nn.Module):\n{body}")
    assert run.is_opaque


ANNOTATED = (
    PRELUDE
    + """

class Whole(nn.Module):
    def __init__(self, part: Part, maybe: Part = None, quoted: "Part | None" = None, other=None):
        super().__init__()
        self.part = part
        self.maybe = maybe
        self.quoted = quoted
        self.other = other
"""
)


def test_an_argument_that_is_annotated_with_a_module_class_is_a_submodule(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(ANNOTATED)
    project = Project(tmp_path, NO_ENVIRONMENT, lambda file: lower_ast.lower(read_source(str(file))))
    (linked,) = [item for item in project.classes(project.module_at(path)) if item.definition.node.name == "Whole"]
    for run in interpret(project, linked, turns_all=True).runs:
        claims = {slot.name: slot.registration for slot in run.slots}
        assert claims["part"] is Registration.SUBMODULE
        assert claims["maybe"] is not Registration.SUBMODULE


FACTORIES = """\
from functools import partial
from typing import Callable, Optional, Type

import torch
from torch import nn


class Net(nn.Module):
    def __init__(
        self,
        width: int = 4,
        norm_layer=nn.LayerNorm,
        part_layer: Type[nn.Module] = None,
        mixer: Optional[Callable[..., nn.Module]] = None,
        pool=partial(nn.AvgPool1d, stride=1),
        scale: Callable[[nn.Module], torch.Tensor] = None,
        gate=torch.ones,
    ):
        super().__init__()
        self.norm = norm_layer(width)
        self.part = part_layer(width)
        self.mixer = mixer(width)
        self.pool = pool(2)
        self.scale = scale(self.norm)
        self.gate = gate(width)
"""


def test_what_a_class_of_modules_makes_is_a_submodule() -> None:
    (run,) = runs_of(FACTORIES)
    claims = {slot.name: slot.registration for slot in run.slots}
    assert [claims.get(name) for name in ("norm", "part", "mixer", "pool")] == [Registration.SUBMODULE] * 4
    assert claims.get("scale") is not Registration.SUBMODULE
    assert claims.get("gate") is not Registration.SUBMODULE


def with_flags(count: int) -> str:
    """A class with so many independent options, each of which registers a name."""
    arguments = ", ".join(f"flag_{index}=False" for index in range(count))
    lines = [f"        if flag_{index}:\n            self.part_{index} = Part()\n" for index in range(count)]
    body = f"    def __init__(self, {arguments}):\n        super().__init__()\n{''.join(lines)}"
    return f"{PRELUDE}\n\nclass Net(nn.Module):\n{body}"


def test_a_class_with_more_options_than_are_tried_is_not_exhausted() -> None:
    few, many = trace_of(with_flags(3)), trace_of(with_flags(20))
    assert few.is_exhaustive
    assert {slot.name for run in few.runs for slot in run.slots} == {"part_0", "part_1", "part_2"}
    assert not many.is_exhaustive


def test_a_tensor_in_the_place_of_a_buffer_that_may_not_be_is_not_known() -> None:
    body = (
        "    def __init__(self, table: torch.Tensor):\n        super().__init__()\n        if table.sum() > 0:\n"
        "            self.register_buffer('table', table)\n        self.table = torch.ones(2)\n"
    )
    for run in runs_of(f"{PRELUDE}\n\nclass Net(nn.Module):\n{body}"):
        (slot,) = [slot for slot in run.slots if slot.name == "table"]
        assert slot.registration is Registration.UNKNOWN


@pytest.mark.parametrize("over", ["widths", "torch.unique(torch.arange(4)).tolist()"])
def test_one_element_that_stands_for_many_has_no_number(over: str) -> None:
    body = (
        "    def __init__(self, widths):\n        super().__init__()\n"
        f"        for index, width in enumerate({over}):\n"
        "            self.add_module(f'stage{index}', Part())\n"
    )
    (run,) = runs_of(f"{PRELUDE}\n\nclass Net(nn.Module):\n{body}")
    assert run.is_opaque

"""Class hierarchies: order, what is a Module, members, and what stays unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from paramlint.facts.lower_ast import lower
from paramlint.facts.source import read_source
from paramlint.model import code
from paramlint.project.classes import UNKNOWN, LinkedClass, Member
from paramlint.project.definitions import ClassDefinition, External
from paramlint.project.environment import NO_ENVIRONMENT, Environment
from paramlint.project.fields import dataclass_fields
from paramlint.project.project import Project


def project_of(folder: Path, files: dict[str, str], environment: Environment = NO_ENVIRONMENT) -> Project:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Project(folder, environment, lambda path: lower(read_source(str(path))))


def classes_of(folder: Path, source: str, **files: str) -> dict[str, LinkedClass]:
    named = {name.replace("__", "/") + ".py": text for name, text in files.items()}
    project = project_of(folder, {"main.py": source, **named})
    linked = project.classes(project.module_at(folder / "main.py"))
    return {item.definition.qualified_name: item for item in linked}


def names(linked: LinkedClass) -> list[str]:
    return [entry.name if isinstance(entry, External) else entry.qualified_name for entry in linked.mro]


DIAMOND = """
from torch import nn
class Base(nn.Module): ...
class Left(Base): ...
class Right(Base): ...
class Both(Left, Right): ...
class Mixin: ...
class Layer(Mixin, nn.Linear): ...
class Mixed(nn.Linear, Base): ...
"""


def test_order_is_that_of_python(tmp_path: Path) -> None:
    found = classes_of(tmp_path, DIAMOND)
    assert names(found["Both"]) == ["Both", "Left", "Right", "Base", "torch.nn.Module"]
    assert names(found["Layer"]) == ["Layer", "Mixin", "torch.nn.Linear", "torch.nn.Module"]
    assert names(found["Mixed"]) == ["Mixed", "torch.nn.Linear", "Base", "torch.nn.Module"]
    assert all(item.is_complete for item in found.values())
    assert [item.is_module for item in found.values()] == [True, True, True, True, False, True, True]


def test_an_impossible_order_is_incomplete(tmp_path: Path) -> None:
    source = "class A: ...\nclass B(A): ...\nclass C(A, B): ...\n"
    linked = classes_of(tmp_path, source)["C"]
    assert names(linked) == ["C", "B", "A"]
    assert not linked.is_complete


BASES = {
    "no base": ("class X: ...", False, True),
    "object": ("class X(object): ...", False, True),
    "Module": ("class X(nn.Module): ...", True, True),
    "functional is no class": ("class X(nn.functional): ...", None, False),
    "Parameter": ("class X(nn.Parameter): ...", False, True),
    "autograd function": ("class X(torch.autograd.Function): ...", False, True),
    "dataset": ("class X(torch.utils.data.Dataset): ...", False, True),
    "private base of torch": ("class X(nn.modules.batchnorm._BatchNorm): ...", True, True),
    "abstract": ("import abc\nclass X(nn.Module, abc.ABC): ...", True, True),
    "generic": ("from typing import *\nimport typing\nT = 1\nclass X(nn.Module, typing.Generic[T]): ...", True, True),
    "protocol": ("import typing\nclass X(typing.Protocol): ...", False, True),
    "named tuple": ("import typing\nclass X(typing.NamedTuple):\n    a: int", False, True),
    "namedtuple call": ("from collections import namedtuple\nclass X(namedtuple('X', 'a b')): ...", False, True),
    "namedtuple alias": (
        "from collections import namedtuple\nB = namedtuple('X', 'a b')\nclass X(B): ...",
        False,
        True,
    ),
    "enumeration": ("import enum\nclass X(str, enum.Enum): ...", False, True),
    "generic base of the project": (
        "import typing\nclass B(nn.Module, typing.Generic[int]): ...\nclass X(B[int]): ...",
        True,
        True,
    ),
    "subscripted builtin": ("class X(dict[str, int]): ...", False, True),
    "unknown base": ("import gone\nclass X(gone.Base): ...", None, False),
    "unknown base beside Module": ("import gone\nclass X(gone.Base, nn.Module): ...", True, False),
    "call": ("class X(make_base()): ...", None, False),
    "unpacked": ("B = (nn.Module,)\nclass X(*B): ...", None, False),
    "registry": ("R = {}\nclass X(R['x']): ...", None, False),
    "parameter as base": ("def f(base):\n    class X(base): ...\n", None, False),
    "type call": ("class X(type('B', (nn.Module,), {})): ...", True, False),
    "six": ("import six\nclass X(six.with_metaclass(Meta, nn.Module)): ...", True, True),
    "alias": ("Base = nn.Module\nclass X(Base): ...", True, True),
    "alias in a function": ("def f():\n    Base = nn.Module\n    class X(Base): ...\n", True, True),
    "nested in a class": ("class O:\n    class B(nn.Module): ...\n    class X(B): ...\n", True, True),
    "nested by path": ("class O:\n    class B(nn.Module): ...\nclass X(O.B): ...\n", True, True),
    "redefined name": ("class X(nn.Module): ...\nclass X(X): ...\n", True, True),
    "name bound again later": ("B = nn.Module\nclass X(B): ...\nB = object", True, True),
    "inherits from itself": ("class X(X): ...", None, False),
    "Lightning": ("import pytorch_lightning as pl\nclass X(pl.LightningModule): ...", True, True),
    "Lightning data": ("import lightning as L\nclass X(L.LightningDataModule): ...", False, True),
    "transformers": ("from transformers import BertPreTrainedModel as B\nclass X(B): ...", True, True),
    "transformers configuration": (
        "from transformers import PretrainedConfig\nclass X(PretrainedConfig): ...",
        False,
        True,
    ),
    "PyG": ("from torch_geometric.nn import MessagePassing\nclass X(MessagePassing): ...", True, True),
    "fastai": ("from fastai.vision.all import *\nclass X(Module): ...", True, True),
    "torch through fastai": ("from fastai.basics import *\nclass X(nn.Module): ...", True, True),
    "torchmetrics": ("import torchmetrics\nclass X(torchmetrics.Metric): ...", True, True),
    "Module for what is missing": (
        "try:\n    from gone import Base\nexcept ImportError:\n    Base = nn.Module\nclass X(Base): ...",
        None,
        False,
    ),
    "decorated to look it up": (
        "def note(cls):\n    TABLE[cls.__name__] = cls\n    return cls\n@note\nclass X(nn.Module): ...",
        True,
        True,
    ),
    "decorated with bases": (
        "def mix(cls):\n    cls.__bases__ = (Mixin, *cls.__bases__)\n    return cls\n@mix\nclass X(nn.Module): ...",
        True,
        False,
    ),
    "decorated with members": (
        "def give(name):\n    def wrap(cls):\n        setattr(cls, name, 1)\n        return cls\n    return wrap\n"
        "@give('a')\nclass X(nn.Module): ...",
        True,
        False,
    ),
    "decorated with a note": (
        "MODE = '__mode__'\ndef mark(cls):\n    setattr(cls, MODE, 1)\n    return cls\n@mark\nclass X(nn.Module): ...",
        True,
        True,
    ),
    "decorated with a method": (
        "def mark(cls):\n    def walk(self): ...\n    setattr(cls, 'walk', walk)\n    return cls\n"
        "@mark\nclass X(nn.Module): ...",
        True,
        False,
    ),
    "decorated with a constructor": (
        "def mark(made):\n    def wrap(cls):\n        setattr(cls, '__init__', made)\n        return cls\n    return wrap\n"
        "@mark(f)\nclass X(nn.Module): ...",
        True,
        False,
    ),
    "decorated with a name that may be another": (
        "name = 'mode'\ndef give(name):\n    def mark(cls):\n        setattr(cls, name, 1)\n        return cls\n"
        "    return mark\n@give('a')\nclass X(nn.Module): ...",
        True,
        False,
    ),
    "decorated by a subclass": (
        "def wrap(cls):\n    class Wrapped(cls): ...\n    return Wrapped\n@wrap\nclass X(nn.Module): ...",
        True,
        False,
    ),
    "estimator": ("from sklearn.base import BaseEstimator\nclass X(BaseEstimator): ...", False, True),
}


@pytest.mark.parametrize(("source", "is_module", "is_complete"), BASES.values(), ids=BASES.keys())
def test_base(tmp_path: Path, source: str, is_module: bool | None, is_complete: bool) -> None:
    found = classes_of(tmp_path, "import torch\nfrom torch import nn\n" + source + "\n")
    linked = next(item for name, item in reversed(found.items()) if name.rpartition(".")[2] == "X")
    assert (linked.is_module, linked.is_complete) == (is_module, is_complete), linked.reasons
    assert bool(linked.reasons) == (not is_complete)


def test_circular_bases_end(tmp_path: Path) -> None:
    project = project_of(
        tmp_path,
        {"a.py": "import b\nclass A(b.B): ...\n", "b.py": "import a\nclass B(a.A): ...\n"},
    )
    for file in ("a.py", "b.py"):
        (linked,) = project.classes(project.module_at(tmp_path / file))
        assert linked.is_module is None
        assert not linked.is_complete


def test_a_very_deep_hierarchy_ends(tmp_path: Path) -> None:
    source = "class C0: ...\n" + "".join(f"class C{i + 1}(C{i}): ...\n" for i in range(2000))
    assert len(classes_of(tmp_path, source)) == 2001
    backwards = "".join(f"from m{i + 1} import C\nclass C(C): ...\n@@" for i in range(200)).split("@@")
    project = project_of(tmp_path, {f"m{i}.py": text for i, text in enumerate(backwards)})
    (linked,) = project.classes(project.module_at(tmp_path / "m0.py"))
    assert not linked.is_complete


def test_classes_come_in_source_order_from_everywhere(tmp_path: Path) -> None:
    source = """
class A:
    class B:
        def method(self):
            class C: ...
def f():
    if 1:
        class D: ...
    try:
        pass
    except ValueError:
        class E: ...
for _ in ():
    class F: ...
with open("") as g:
    class H: ...
match 1:
    case 1:
        class I: ...
"""
    assert list(classes_of(tmp_path, source)) == [
        "A",
        "A.B",
        "A.B.method.<locals>.C",
        "f.<locals>.D",
        "f.<locals>.E",
        "F",
        "H",
        "I",
    ]


MEMBERS = """
import abc, typing, gone
from torch import nn

class Base(nn.Module):
    size = 3
    def __init__(self): ...
    def _reset(self): ...
    reset = _reset
    @property
    def width(self): ...
    @width.setter
    def width(self, value): ...
    annotated: int
    if size:
        def branch(self): ...
    class Config: ...

class Child(Base, abc.ABC): ...

class Hidden(gone.Mixin, Base):
    def own(self): ...

class Late(Base, gone.Mixin): ...

Base.patched = lambda self: 1
"""


def member(linked: LinkedClass, name: str) -> Member:
    found = linked.find(name)
    assert isinstance(found, Member)
    return found


def test_members_by_owner(tmp_path: Path) -> None:
    found = classes_of(tmp_path, MEMBERS)
    base, child = found["Base"], found["Child"]
    for name in ("__init__", "_reset", "width", "branch"):
        assert member(child, name).owner == base.definition
        assert isinstance(member(child, name).node, code.Function)
    assert isinstance(member(child, "size").node, code.Constant)
    assert isinstance(member(child, "Config").node, code.Class)
    reset = member(child, "reset").node
    assert isinstance(reset, code.Function)
    assert reset.name == "_reset"
    assert isinstance(member(child, "patched").node, code.Lambda)
    width = member(child, "width").node
    assert isinstance(width, code.Function)
    assert len(width.parameters) == 1
    assert child.find("annotated") is None
    assert child.find("nowhere") is None


def test_members_of_torch(tmp_path: Path) -> None:
    child = classes_of(tmp_path, MEMBERS)["Child"]
    assert child.find("register_buffer") == Member(External("torch.nn.Module"), None)


def test_an_unknown_base_hides_what_comes_after_it(tmp_path: Path) -> None:
    found = classes_of(tmp_path, MEMBERS)
    assert isinstance(found["Hidden"].find("own"), Member)
    assert found["Hidden"].find("size") is UNKNOWN
    assert isinstance(found["Late"].find("size"), Member)
    assert found["Late"].find("nowhere") is UNKNOWN


def test_super_starts_after_the_class_that_asks(tmp_path: Path) -> None:
    found = classes_of(tmp_path, DIAMOND.replace("class Right(Base): ...", "class Right(Base):\n    def f(self): ..."))
    both = found["Both"]
    after = both.find_after(found["Left"].definition, "f")
    assert isinstance(after, Member)
    assert after.owner == found["Right"].definition
    assert both.find_after(found["Right"].definition, "f") is None
    assert both.find_after(External("elsewhere"), "f") is UNKNOWN


FIELDS = """
import dataclasses, attr
from dataclasses import dataclass, field, InitVar
from typing import ClassVar
from torch import nn

@dataclass
class Base(nn.Module):
    width: int
    depth: int = 2
    shared: ClassVar[int] = 3

@dataclasses.dataclass(eq=False)
class Child(Base):
    depth: int = 4
    names: list = field(default_factory=list)
    hidden: int = field(default=1, init=False)

@attr.s(auto_attribs=True)
class Attrs:
    width: int
    depth = attr.ib(default=3)

@dataclass(init=False)
class Bare(nn.Module):
    width: int

class Plain(Base): ...
"""


def test_fields_of_generated_constructors(tmp_path: Path) -> None:
    found = classes_of(tmp_path, FIELDS)
    fields = dataclass_fields(found["Child"])
    assert fields is not None
    assert [(item.name, item.is_factory, item.is_parameter) for item in fields] == [
        ("width", False, True),
        ("depth", False, True),
        ("names", True, True),
        ("hidden", False, False),
    ]
    assert [isinstance(item.default, code.Constant) and item.default.value for item in fields] == [False, 4, False, 1]
    assert [item.name for item in dataclass_fields(found["Attrs"]) or ()] == ["width", "depth"]
    assert dataclass_fields(found["Plain"]) is None
    assert found["Child"].find("__init__") == Member(found["Child"].definition, None)
    assert found["Plain"].find("__init__") == Member(found["Base"].definition, None)
    assert found["Bare"].find("__init__") == Member(External("torch.nn.Module"), None)


def test_metaclasses(tmp_path: Path) -> None:
    source = """
import abc
from torch import nn
from fastai.torch_core import Module, PrePostInitMeta
class Meta(type): ...
class A(nn.Module, metaclass=Meta): ...
class B(A): ...
class C(nn.Module, metaclass=abc.ABCMeta): ...
class D(Module): ...
class E(nn.Module, metaclass=PrePostInitMeta):
    def __pre_init__(self): super().__init__()
"""
    found = classes_of(tmp_path, source)
    assert found["B"].metaclass == found["A"].metaclass
    assert isinstance(found["B"].metaclass, ClassDefinition)
    assert found["C"].metaclass == External("abc.ABCMeta")
    assert found["D"].is_prepared
    assert not found["B"].is_prepared
    assert found["E"].method_before_init == "__pre_init__"
    assert found["C"].method_before_init is None


def test_hooks_of_frameworks(tmp_path: Path) -> None:
    source = """
import lightning as L
from transformers import PreTrainedModel
from torch import nn
class A(L.LightningModule): ...
class B(PreTrainedModel): ...
class C(nn.Module): ...
"""
    found = classes_of(tmp_path, source)
    assert found["A"].is_framework_hook("configure_model")
    assert found["B"].is_framework_hook("_init_weights")
    assert not found["B"].is_framework_hook("configure_model")
    assert not found["C"].is_framework_hook("_init_weights")


def test_installed_bases_are_read_from_their_files(tmp_path: Path) -> None:
    packages = tmp_path / "environment" / "lib" / "python3.12" / "site-packages"
    files = {
        "transformers/__init__.py": "from .modeling import Net\n",
        "transformers/modeling.py": "from torch import nn\nclass Net(nn.Module):\n    def helper(self): ...\n",
        "namespace/part/layers.py": "import single\nclass Layer(single.Base): ...\n",
        "single.py": "from torch import nn\nclass Base(nn.Module): ...\n",
        "single.pyi": "class Base: ...\n",
        "torch/__init__.py": "raise RuntimeError('torch is never read')\n",
    }
    for name, text in files.items():
        path = packages / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    source = "from transformers import Net\nfrom namespace.part.layers import Layer\nclass A(Net, Layer): ...\n"
    project = project_of(tmp_path / "project", {"main.py": source}, Environment((packages,), "test"))
    (linked,) = project.classes(project.module_at(tmp_path / "project" / "main.py"))
    assert linked.is_complete
    full = [entry.name if isinstance(entry, External) else entry.full_name for entry in linked.mro]
    assert full == [
        "main.A",
        "transformers.modeling.Net",
        "namespace.part.layers.Layer",
        "single.Base",
        "torch.nn.Module",
    ]
    assert member(linked, "helper").owner == linked.mro[1]
    assert project.module_named("torch") is None
    assert project.module_named("namespace.part.layers") is not None


def test_the_project_goes_before_what_is_installed(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    (packages / "layers").mkdir(parents=True)
    (packages / "layers" / "__init__.py").write_text("class Net: ...\n")
    source = "from layers import Net\nclass A(Net): ...\n"
    files = {"main.py": source, "layers.py": "from torch import nn\nclass Net(nn.Module): ...\n"}
    project = project_of(tmp_path / "project", files, Environment((packages,), "test"))
    (linked,) = project.classes(project.module_at(tmp_path / "project" / "main.py"))
    assert linked.is_module

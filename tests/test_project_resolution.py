"""Names through every form of import, alias and scope."""

from __future__ import annotations

from pathlib import Path

import pytest

from paramlint.facts.lower_ast import lower
from paramlint.facts.source import read_source
from paramlint.model import code
from paramlint.project.definitions import (
    ClassDefinition,
    Definition,
    External,
    FunctionDefinition,
    ModuleReference,
    Unresolved,
    ValueDefinition,
)
from paramlint.project.environment import NO_ENVIRONMENT, Environment
from paramlint.project.project import Project


class Tree:
    """A small project on disk, and the files that were read of it."""

    def __init__(self, folder: Path, files: dict[str, str], environment: Environment = NO_ENVIRONMENT) -> None:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.folder = folder
        self.loads: list[str] = []
        self.project = Project(folder, environment, self._load)

    def _load(self, path: Path) -> code.SourceFacts:
        self.loads.append(path.relative_to(self.folder).as_posix())
        return lower(read_source(str(path)))

    def resolve(self, file: str, dotted: str) -> Definition:
        return self.project.resolve(self.project.module_at(self.folder / file), tuple(dotted.split(".")))


def described(definition: Definition) -> str:
    """One word for the kind and one for what it is, so that expectations stay readable."""
    match definition:
        case ClassDefinition() | FunctionDefinition():
            return f"{'class' if isinstance(definition, ClassDefinition) else 'function'} {definition.full_name}"
        case ModuleReference(name=name):
            return f"module {name}"
        case External(name=name):
            return f"external {name}"
        case ValueDefinition():
            return f"value {type(definition.node).__name__}"
    return "unresolved"


LIBRARY = {
    "pkg/__init__.py": "from .layers import Conv, helper as assist\nfrom . import sub\n__version__ = '1'\n",
    "pkg/layers.py": """
import torch
class Conv(torch.nn.Module):
    class Inner: ...
    def run(self): ...
def helper(): ...
_hidden = 1
""",
    "pkg/sub/__init__.py": "",
    "pkg/sub/deep.py": "from ..layers import Conv as Deep\nfrom ... import outside\nfrom . import sibling\n",
    "pkg/sub/sibling.py": "class Sibling: ...\n",
    "pkg/listed.py": "from .layers import *\n__all__ = ['Conv', 'Extra']\nclass Extra: ...\nclass Private: ...\n",
    "pkg/unlisted.py": "class Public: ...\nclass _Private: ...\nfrom pkg.listed import *\n",
    "pkg/hub.py": "from .stars import *\n",
    "pkg/stars/__init__.py": "if True:\n    from .first import *\n    from .second import *\n",
    "pkg/stars/first.py": "class First: ...\n",
    "pkg/stars/second.py": "from ..layers import helper as Second\n",
    "pkg/grown.py": """
__all__ = ['A']
__all__ += ['B']
__all__.append('C')
class A: ...
class B: ...
class C: ...
class D: ...
""",
}

FORMS = {
    "plain import": ("import torch", "torch.nn.Linear", "external torch.nn.Linear"),
    "submodule import binds the top": ("import torch.nn", "torch.nn.Linear", "external torch.nn.Linear"),
    "import as": ("import torch.nn as tnn", "tnn.Linear", "external torch.nn.Linear"),
    "import as of the package": ("import torch as th", "th.nn.Linear", "external torch.nn.Linear"),
    "from import as": ("from torch import nn as layers", "layers.Linear", "external torch.nn.Linear"),
    "functional": ("import torch.nn.functional as F", "F.relu", "external torch.nn.functional.relu"),
    "init": ("from torch.nn import init", "init.normal_", "external torch.nn.init.normal_"),
    "private path of a layer": ("from torch.nn.modules.conv import Conv2d", "Conv2d", "external torch.nn.Conv2d"),
    "private path of Parameter": (
        "from torch.nn.parameter import Parameter",
        "Parameter",
        "external torch.nn.Parameter",
    ),
    "private path of a function": ("from torch.functional import einsum", "einsum", "external torch.einsum"),
    "legacy tensor": ("import torch", "torch.FloatTensor", "external torch.FloatTensor"),
    "star of torch.nn": ("from torch.nn import *", "Linear", "external torch.nn.Linear"),
    "module member": ("import pkg.layers", "pkg.layers.Conv", "class pkg.layers.Conv"),
    "module alias": ("import pkg.layers as l", "l.Conv", "class pkg.layers.Conv"),
    "re-export": ("from pkg import Conv", "Conv", "class pkg.layers.Conv"),
    "re-export under another name": ("import pkg", "pkg.assist", "function pkg.layers.helper"),
    "submodule of a package": ("from pkg.sub import deep", "deep.Deep", "class pkg.layers.Conv"),
    "package that imports its own submodule": (
        "import pkg",
        "pkg.sub.sibling.Sibling",
        "class pkg.sub.sibling.Sibling",
    ),
    "nested class": ("from pkg.layers import Conv", "Conv.Inner", "class pkg.layers.Conv.Inner"),
    "method": ("from pkg.layers import Conv", "Conv.run", "function pkg.layers.Conv.run"),
    "star with __all__": ("from pkg.listed import *", "Extra", "class pkg.listed.Extra"),
    "star with __all__, re-exported": ("from pkg.listed import *", "Conv", "class pkg.layers.Conv"),
    "star with __all__ leaves out": ("from pkg.listed import *", "Private", "unresolved"),
    "star without __all__": ("from pkg.unlisted import *", "Public", "class pkg.unlisted.Public"),
    "star without __all__ leaves out": ("from pkg.unlisted import *", "_Private", "unresolved"),
    "star of star": ("from pkg.unlisted import *", "Extra", "class pkg.listed.Extra"),
    "star of stars": ("from pkg.hub import *", "Second", "function pkg.layers.helper"),
    "star of stars leaves out": ("from pkg.hub import *", "Third", "unresolved"),
    "__all__ extended": ("from pkg.grown import *", "B", "class pkg.grown.B"),
    "__all__ appended": ("from pkg.grown import *", "C", "class pkg.grown.C"),
    "__all__ extended leaves out": ("from pkg.grown import *", "D", "unresolved"),
    "builtin": ("", "object", "external builtins.object"),
    "builtin beside a star": ("from pkg.listed import *", "dict", "external builtins.dict"),
    "not installed": ("import elsewhere.part", "elsewhere.part.Thing", "external elsewhere.part.Thing"),
    "missing in the project": ("from pkg.absent import Thing", "Thing", "external pkg.absent.Thing"),
    "unbound": ("", "nothing", "unresolved"),
    "alias of a module": ("import torch\nnn = torch.nn", "nn.Linear", "external torch.nn.Linear"),
    "alias of a class": ("from torch import nn\nBase = nn.Module", "Base", "external torch.nn.Module"),
    "alias of an alias": ("from torch import nn\nA = nn.Module\nB = A", "B", "external torch.nn.Module"),
    "annotated alias": ("from torch import nn\nA: type = nn.Module", "A", "external torch.nn.Module"),
    "parallel assignment": ("from torch import nn\nA, B = nn.Linear, nn.Conv2d", "B", "external torch.nn.Conv2d"),
    "alias of itself": ("from torch.nn import Module\nModule = Module", "Module", "external torch.nn.Module"),
    "getattr": ("import torch\nB = getattr(torch.nn, 'Linear')", "B", "external torch.nn.Linear"),
    "import_module": ("import importlib\nm = importlib.import_module('pkg.layers')", "m.Conv", "class pkg.layers.Conv"),
    "value": ("SIZE = 3", "SIZE", "value Constant"),
    "call": ("from functools import partial\nC = partial(int)", "C", "value Call"),
    "value bound twice": ("SIZE = 3\nSIZE = 4", "SIZE", "unresolved"),
    "value bound in a loop": ("for i in range(3):\n    SIZE = i", "SIZE", "unresolved"),
    "value rebound by a function": ("SIZE = 3\ndef f():\n    global SIZE\n    SIZE = 4", "SIZE", "unresolved"),
    "loop variable shadows": ("from pkg.layers import Conv\nfor Conv in []: ...", "Conv", "unresolved"),
    "deleted": ("Conv = 1\ndel Conv", "Conv", "unresolved"),
    "unpacked": ("a, b = make()", "a", "unresolved"),
    "attribute of a value": ("a = make()", "a.b", "unresolved"),
    "later definition wins": ("from pkg.layers import Conv\nclass Conv(Conv): ...", "Conv", "class main.Conv"),
    "branches that differ": (
        "if x:\n    from pkg.layers import Conv\nelse:\n    class Conv: ...",
        "Conv",
        "unresolved",
    ),
    "branches that agree": (
        "if x:\n    from pkg import Conv\nelse:\n    from pkg.layers import Conv",
        "Conv",
        "class pkg.layers.Conv",
    ),
    "None as a stand-in": ("Conv = None\nif x:\n    from pkg.layers import Conv", "Conv", "class pkg.layers.Conv"),
    "object as a stand-in": (
        "if x:\n    from pkg.layers import Conv\nelse:\n    Conv = object",
        "Conv",
        "class pkg.layers.Conv",
    ),
    "conditional alias": ("from torch import nn\nB = nn.Module if nn else object", "B", "external torch.nn.Module"),
    "try falls back": (
        "try:\n    from gone import X\nexcept ImportError:\n    from pkg.layers import Conv as X",
        "X",
        "class pkg.layers.Conv",
    ),
    "try stays": (
        "try:\n    from pkg.layers import Conv as X\nexcept ImportError:\n    class X: ...",
        "X",
        "class pkg.layers.Conv",
    ),
    "try with None": (
        "try:\n    from gone import X\nexcept (ImportError, OSError):\n    X = None",
        "X",
        "external gone.X",
    ),
    "try in a branch": (
        "if a:\n    try:\n        import gone as X\n    except ImportError:\n        from pkg.layers import Conv as X",
        "X",
        "class pkg.layers.Conv",
    ),
    "TYPE_CHECKING": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pkg.layers import Conv",
        "Conv",
        "class pkg.layers.Conv",
    ),
    "TYPE_CHECKING, but other at run time": (
        "import typing\nfrom torch import nn\nif typing.TYPE_CHECKING:\n    B = nn.Module\nelse:\n    B = object",
        "B",
        "external builtins.object",
    ),
    "import in a with": (
        "import contextlib\nwith contextlib.suppress(ImportError):\n    from pkg.layers import Conv",
        "Conv",
        "class pkg.layers.Conv",
    ),
}


@pytest.mark.parametrize(("source", "name", "expected"), FORMS.values(), ids=FORMS.keys())
def test_form(tmp_path: Path, source: str, name: str, expected: str) -> None:
    tree = Tree(tmp_path, {**LIBRARY, "main.py": source + "\n"})
    assert described(tree.resolve("main.py", name)) == expected


def test_relative_imports(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {**LIBRARY, "outside.py": ""})
    assert described(tree.resolve("pkg/sub/deep.py", "Deep")) == "class pkg.layers.Conv"
    assert described(tree.resolve("pkg/sub/deep.py", "sibling.Sibling")) == "class pkg.sub.sibling.Sibling"
    assert described(tree.resolve("pkg/sub/deep.py", "outside")) == "module outside"


def test_import_beyond_the_top_is_unresolved(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"pkg/__init__.py": "from ... import beyond\n"})
    assert isinstance(tree.resolve("pkg/__init__.py", "beyond"), Unresolved)


SCOPES = """
import torch
from torch import nn

Shadowed = nn.Linear

def make(Shadowed, size):
    from torch.nn import Conv2d as Local
    Alias = nn.GRU
    for looped in ():
        pass
    if (walrus := size):
        pass
    class Inner:
        Member = nn.LSTM
        def method(self): ...
    def helper(): ...

class Outer:
    Member = nn.Embedding
    Size = 3
    def method(self):
        pass

def outside():
    global torch
    class torch: ...
"""


@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        (("make",), "Local", "external torch.nn.Conv2d"),
        (("make",), "Alias", "external torch.nn.GRU"),
        (("make",), "Shadowed", "unresolved"),
        (("make",), "looped", "unresolved"),
        (("make",), "walrus", "unresolved"),
        (("make",), "nn.Linear", "external torch.nn.Linear"),
        (("make",), "Inner", "class main.make.<locals>.Inner"),
        (("make", "Inner"), "Member", "external torch.nn.LSTM"),
        (("make", "Inner"), "Local", "external torch.nn.Conv2d"),
        (("make", "Inner", "method"), "Member", "unresolved"),
        (("make", "Inner", "method"), "helper", "function main.make.<locals>.helper"),
        (("Outer",), "Member", "external torch.nn.Embedding"),
        (("Outer", "method"), "Member", "unresolved"),
        (("Outer",), "Size", "value Constant"),
        (("outside",), "torch", "module torch"),
        ((), "Local", "unresolved"),
    ],
    ids=str,
)
def test_scopes(tmp_path: Path, path: tuple[str, ...], name: str, expected: str) -> None:
    tree = Tree(tmp_path, {"main.py": SCOPES})
    module = tree.project.module_at(tmp_path / "main.py")
    enclosing: list[code.Function | code.Class] = []
    body = module.facts.body
    for part in path:
        node = next(item for item in body if isinstance(item, (code.Function, code.Class)) and item.name == part)
        enclosing.append(node)
        body = node.body
    assert described(tree.project.resolve(module, tuple(name.split(".")), tuple(enclosing))) == expected


@pytest.mark.parametrize(
    "files",
    [
        {"a.py": "from b import X\n", "b.py": "from a import X\n"},
        {"a.py": "from b import *\n", "b.py": "from a import *\n"},
        {"a.py": "from a import X\n"},
        {"a.py": "X = Y\nY = X\n"},
        {"a.py": "X = X\n"},
        {"a.py": "X = getattr(X, 'y').z\nX = X.z\n"},
        {"a.py": "class X(X): ...\nX = X\ndel X\n"},
        {"a.py": "import a as X\n", "b.py": ""},
        {"a/__init__.py": "from . import X\n", "a.py": ""},
        {"a.py": "".join(f"X{i} = X{i + 1}\n" for i in range(3000)) + "X = X0\n"},
        {"a.py": "X0 = int\n" + "".join(f"X{i + 1} = X{i}\n" for i in range(3000)) + "X = X3000\n"},
        {"a.py": "".join(f"from b{i} import *\n" for i in range(8))}
        | {f"b{i}.py": "".join(f"from b{j} import *\n" for j in range(8)) for i in range(8)},
    ],
    ids=lambda files: next(iter(files.values()))[:30],
)
def test_circles_end(tmp_path: Path, files: dict[str, str]) -> None:
    tree = Tree(tmp_path, files)
    definition = tree.resolve(next(iter(files)), "X")
    assert isinstance(definition, (Unresolved, ModuleReference))
    tree.project.classes(tree.project.module_at(tmp_path / next(iter(files))))


def test_a_circle_does_not_hide_what_lies_beside_it(tmp_path: Path) -> None:
    files = {
        "a.py": "from b import *\nfrom c import *\n",
        "b.py": "from a import *\nclass Other: ...\n",
        "c.py": "class X: ...\n",
    }
    for first in ("a.py", "b.py"):
        tree = Tree(tmp_path, files)
        assert described(tree.resolve(first, "X")) == "class c.X"
        assert described(tree.resolve("a.py", "X")) == "class c.X"
        assert described(tree.resolve("b.py", "X")) == "class c.X"


def test_only_needed_files_are_read(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "".join(f"from .part{i} import *\n" for i in range(50)) + "from .main import Main\n",
        "pkg/main.py": "from .base import Base\nfrom .heavy import Heavy\nimport pkg\nclass Main(Base): ...\n",
        "pkg/base.py": "import torch\nfrom .heavy import Heavy\nclass Base(torch.nn.Module): ...\n",
        "pkg/heavy.py": "class Heavy: ...\n",
        **{f"pkg/part{i}.py": f"class Part{i}: ...\n" for i in range(50)},
    }
    tree = Tree(tmp_path, files)
    (main,) = tree.project.classes(tree.project.module_at(tmp_path / "pkg/main.py"))
    assert main.is_module
    assert tree.loads == ["pkg/main.py", "pkg/base.py"]
    assert described(tree.resolve("pkg/main.py", "pkg.Part7")) == "class pkg.part7.Part7"
    assert tree.loads[2:] == ["pkg/__init__.py", "pkg/part7.py"]


def test_a_file_that_does_not_parse_is_unknown(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"a.py": "from b import X\n", "b.py": "class X(:\n"})
    assert isinstance(tree.resolve("a.py", "X"), Unresolved)


LAZY = """
from typing import TYPE_CHECKING
from .utils import _LazyModule
_import_structure = {"modeling": ["Net"]}
if TYPE_CHECKING:
    from .modeling import Net
else:
    import sys
    sys.modules[__name__] = _LazyModule(__name__, globals()["__file__"], _import_structure)
"""


def test_lazy_packages(tmp_path: Path) -> None:
    files = {
        "lazy/__init__.py": LAZY,
        "lazy/utils.py": "class _LazyModule: ...\n",
        "lazy/modeling.py": "class Net: ...\n",
        "dynamic/__init__.py": "tools = LazyLoader('tools')\ndef __getattr__(name): ...\n",
        "dynamic/tools.py": "class Tool: ...\n",
        "dynamic/other.py": "class Other: ...\n",
        "main.py": "import lazy, dynamic\nfrom lazy.modeling import Net\n",
    }
    tree = Tree(tmp_path, files)
    assert described(tree.resolve("main.py", "lazy.Net")) == "class lazy.modeling.Net"
    assert described(tree.resolve("main.py", "lazy.modeling.Net")) == "class lazy.modeling.Net"
    assert described(tree.resolve("main.py", "dynamic.tools.Tool")) == "class dynamic.tools.Tool"
    assert described(tree.resolve("main.py", "dynamic.other.Other")) == "class dynamic.other.Other"
    assert isinstance(tree.resolve("main.py", "dynamic.Unseen"), Unresolved)

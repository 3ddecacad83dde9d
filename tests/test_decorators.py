"""What decorates forward: it is followed where its name or its text says that it runs as it stands, and not elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from paramlint.engine.check import check
from paramlint.engine.configuration import Configuration
from paramlint.engine.settings import Overrides

NET = """\
import functools
import os
import torch
from torch import nn

{decorator}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.ones(4)

    @{name}
    def forward(self, x):
        return x * self.scale
"""

FOLLOWED = {
    "a name for a check of types": ("from beartype import beartype as checked", "checked"),
    "a check of types or nothing": (
        "from beartype import beartype\n\n\ndef identity(function):\n    return function\n\n\n"
        "checked = beartype if os.environ.get('CHECK') else identity",
        "checked",
    ),
    "one that marks": ("def marked(f):\n    'Marks.'\n    return f", "marked"),
    "one that counts": (
        "def counted(f):\n    @functools.wraps(f)\n    def inner(self, *args, **kwargs):\n"
        "        result = f(self, *args, **kwargs)\n        print(f.__name__)\n        return result\n\n    return inner",
        "counted",
    ),
}

NOT_FOLLOWED = {
    "not in the project": ("from somewhere import checked", "checked"),
    "one that moves arguments": (
        "def moved(f):\n    def inner(self, *args, **kwargs):\n        args = [item.cpu() for item in args]\n"
        "        return f(self, *args, **kwargs)\n\n    return inner",
        "moved",
    ),
    "one that touches self": (
        "def moved(f):\n    def inner(self, *args, **kwargs):\n        self.scale = self.scale.to(args[0].device)\n"
        "        return f(self, *args, **kwargs)\n\n    return inner",
        "moved",
    ),
    "one without the call": (
        "def skipped(f):\n    def inner(self, *args, **kwargs):\n        return None\n\n    return inner",
        "skipped",
    ),
    "one with another way": (
        "def guarded(f):\n    def inner(*args, **kwargs):\n        if os.environ.get('OFF'):\n            return None\n"
        "        return f(*args, **kwargs)\n\n    return inner",
        "guarded",
    ),
    "one in a context": (
        "def without(f):\n    def inner(*args, **kwargs):\n        with torch.device('meta'):\n"
        "            return f(*args, **kwargs)\n\n    return inner",
        "without",
    ),
    "one that changes the result": (
        "def changed(f):\n    def inner(*args, **kwargs):\n        result = f(*args, **kwargs)\n        result.cpu()\n"
        "        return result\n\n    return inner",
        "changed",
    ),
    "one that registers": (
        "KNOWN = []\n\n\ndef kept(f):\n    KNOWN.append(f)\n    return f",
        "kept",
    ),
}


def codes(folder: Path, decorator: str, name: str) -> list[str]:
    (folder / "pyproject.toml").touch()
    (folder / "net.py").write_text(NET.format(decorator=decorator, name=name), encoding="utf-8")
    return [entry.code for entry in check([folder], Configuration(Overrides())).diagnostics]


@pytest.mark.parametrize(("decorator", "name"), FOLLOWED.values(), ids=FOLLOWED.keys())
def test_followed(tmp_path: Path, decorator: str, name: str) -> None:
    assert codes(tmp_path, decorator, name) == ["PRM101"]


@pytest.mark.parametrize(("decorator", "name"), NOT_FOLLOWED.values(), ids=NOT_FOLLOWED.keys())
def test_not_followed(tmp_path: Path, decorator: str, name: str) -> None:
    assert codes(tmp_path, decorator, name) == []

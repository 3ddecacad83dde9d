"""A constructor that refuses some arguments is followed as it runs for others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_fixtures import places, run

HEAD = """
import torch
from torch import nn

try:
    from a_package_that_is_not_installed import wrapped
except ImportError:

    def wrapped(module):
        raise ImportError("a_package_that_is_not_installed is needed")


class Deep(nn.Module):
    def __init__(self, depth=None):
        super().__init__()
        assert depth is not None
        self.depth = depth


def sort(settings):
    groups = [{}, {}]
    for key in settings:
        groups[int(key.startswith("deep"))][key] = settings[key]
    return groups


class Checked(nn.Module):
    def __init__(self, trunk: nn.Module, wanted, **settings):
        super().__init__()
"""
TAIL = """
        self.row = torch.ones(4)

    def forward(self, x):
        return x * self.row
"""


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(
            """
        is_found = False
        for name, _ in trunk.named_parameters():
            if name == wanted:
                is_found = True
                break
        if not is_found:
            raise ValueError(wanted)
""",
            id="a flag that a search sets",
        ),
        pytest.param(
            """
        count = 0
        for _ in trunk.parameters():
            count += 1
        assert count > 3
""",
            id="a count",
        ),
        pytest.param(
            """
        remaining = set(wanted)
        for name, _ in trunk.named_parameters():
            if name in remaining:
                remaining.remove(name)
        assert not remaining
""",
            id="what is crossed off",
        ),
        pytest.param(
            """
        self.part = Deep(**sort(settings)[1])
""",
            id="settings of which it is not known where they went",
        ),
        pytest.param(
            """
        self.trunk = wrapped(trunk)
""",
            id="a function in the place of one that is not installed",
        ),
        pytest.param(
            """
        if not isinstance(trunk, nn.Linear):
            raise TypeError(trunk)
""",
            id="what kind of module it is",
        ),
    ],
)
def test_a_check_that_may_succeed_ends_no_path(tmp_path: Path, check: str) -> None:
    (tmp_path / "pyproject.toml").touch()
    path = tmp_path / "model.py"
    path.write_text(HEAD + check + TAIL)
    assert [code for _, code in places(run([path]), path)] == ["PRM101"]


def test_a_check_that_fails_ends_the_path(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    path = tmp_path / "model.py"
    path.write_text(HEAD + "        raise ValueError(trunk)\n" + TAIL)
    assert not places(run([path]), path)


def test_nothing_is_in_what_is_empty(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "keeping.py").write_text(
        "def keep(wanted):\n"
        "    seen, kept = set(), []\n"
        "    for name in wanted:\n"
        "        if name not in seen:\n"
        "            kept.append(name)\n"
        "    return kept\n"
    )
    path = tmp_path / "model.py"
    loop = """
        for name in keep(wanted):
            self.register_buffer(name, torch.ones(4, device="cuda"))
"""
    path.write_text(
        "from keeping import keep\n" + HEAD + loop + TAIL.replace("self.row", "row").replace("x * row", "x")
    )
    assert [code for _, code in places(run([path]), path)] == ["PRM501"]


def test_a_base_that_is_given_too_little_still_makes_the_tables(tmp_path: Path) -> None:
    """Python raises TypeError there; that nobody called ``Module.__init__`` would be said of another fault."""
    (tmp_path / "pyproject.toml").touch()
    path = tmp_path / "model.py"
    path.write_text(
        HEAD.split("class Deep")[0]
        + """
class Base(nn.Module):
    def __init__(self):
        super().__init__()


class Sized(Base):
    def __init__(self, width, count):
        super().__init__()
        self.linear = nn.Linear(width, count)

    def forward(self, x):
        return self.linear(x)


class GivesTooLittle(Sized):
    def __init__(self, width):
        super().__init__()
        self.count = width
        self.head = Sized(width, self.count)

    def forward(self, graph):
        return self.head(graph.features[self.count]) + torch.tensor(list(range(graph.count)))
"""
    )
    assert "PRM401" not in [code for _, code in places(run([path]), path)]

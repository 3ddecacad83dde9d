"""``paramlint run``: the script runs as Python runs it, and what it trains is audited."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

TRAIN = """\
import sys

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.unused = nn.Linear(4, 4)  # PRM205
        self.cut = nn.Parameter(torch.ones(4))  # PRM204
        self.average = torch.zeros(4)  # PRM504

    def forward(self, x):
        with torch.no_grad():
            self.average.mul_(0.9).add_(x.mean(0).cpu(), alpha=0.1)
        return self.fc(x) * self.cut.detach() + self.average.to(x.device)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([Block(), Block()])
        self.head = nn.Linear(4, 2)  # PRM504
        self.free = nn.Linear(4, 4)  # PRM601
        self.adapter = None

    def forward(self, x):
        if self.adapter is None:
            self.adapter = nn.Linear(4, 4)  # PRM108
        for block in self.blocks:
            x = block(x)
        return self.head(self.adapter(self.free(x)))


def main():
    net = Net()
    optimiser = torch.optim.SGD([*net.blocks.parameters(), *net.head.parameters()], lr=0.1)
    for _ in range(4):
        optimiser.zero_grad()
        net(torch.randn(8, 4)).pow(2).mean().backward()
        optimiser.step()
    torch.save({"model": net.blocks.state_dict(), "optimiser": optimiser.state_dict()}, "net.pt")


if __name__ == "__main__":
    main()
"""
RIGHT = """\
import copy

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(4)
        self.head = nn.Linear(4, 2)
        self.frozen = nn.Linear(4, 4).requires_grad_(False)
        self.cache = None
        self.extra = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2))]

    def forward(self, x):
        self.cache = x.detach()
        return self.head(self.frozen(self.norm(x))) + self.extra[0] + self.extra[1]


net = Net()
optimiser = torch.optim.AdamW([{"params": net.parameters()}, {"params": net.extra}])
teacher = copy.deepcopy(net)
for _ in range(4):
    optimiser.zero_grad()
    with torch.no_grad():
        target = teacher(torch.ones(8, 4))
    (net(torch.randn(8, 4)) - target).pow(2).mean().backward()
    optimiser.step()
torch.save({"net": {k: v.clone() for k, v in net.state_dict().items()}, "extra": net.extra, "step": 3}, "net.pt")
discriminator = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 1))
second = torch.optim.SGD(discriminator.parameters(), lr=0.1)
for _ in range(4):
    discriminator(torch.randn(2, 4)).sum().backward()
    second.step()
"""


DRAWN = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 2)
        self.register_buffer("projection", torch.randn(4, 4), persistent=False)  # lost
        self.register_buffer("mask", torch.rand(4) > 0.5, persistent=False)  # lost
        self.register_buffer("order", torch.empty(4).uniform_().argsort(), persistent=False)  # lost
        self.register_buffer("table", nn.init.orthogonal_(torch.empty(4, 4)), persistent=False)  # lost
        self.register_buffer("part", torch.zeros(4), persistent=False)  # lost
        self.part[:2] = torch.rand(2)
        self.register_buffer("saved", torch.randn(4))
        self.register_buffer("unread", torch.randn(4), persistent=False)
        self.register_buffer("shaped", torch.zeros_like(torch.randn(4)), persistent=False)
        self.register_buffer("filled", torch.randn(4).fill_(2.0), persistent=False)
        self.register_buffer("drawn_again", torch.randn(4), persistent=False)
        generator = torch.Generator().manual_seed(1)
        self.register_buffer("generated", torch.randn(4, generator=generator), persistent=False)
        with torch.random.fork_rng():
            torch.manual_seed(7)
            self.register_buffer("seeded", torch.randn(4), persistent=False)

    def forward(self, x):
        self.drawn_again = torch.randn_like(self.drawn_again)
        x = (x @ self.projection * self.mask)[:, self.order] @ self.table + self.part + self.saved + self.shaped
        return self.head(x * self.filled + self.generated + self.seeded + self.drawn_again)


torch.manual_seed(7)
net = Net()
optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(3):
    optimiser.zero_grad()
    net(torch.randn(8, 4)).sum().backward()
    optimiser.step()
torch.save(net.state_dict(), "net.pt")
"""


class Done(NamedTuple):
    code: int
    output: str
    report: str


def paramlint_run(folder: Path, *arguments: str) -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "paramlint", "run", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").touch()
    (tmp_path / "pkg" / "train.py").write_text(TRAIN)
    return tmp_path


@pytest.mark.parametrize("target", [["train.py"], ["-m", "pkg.train"]], ids=["script", "module"])
def test_what_training_shows_is_reported_on_its_lines(project: Path, target: list[str]) -> None:
    done = paramlint_run(project, "--output-format", "json", "--output", "report.json", *target)
    assert done.code == 1, done.report
    report = json.loads((project / "report.json").read_text())
    lines = TRAIN.splitlines()
    found = {(item["code"], lines[item["line"] - 1].rpartition("# ")[2]) for item in report["diagnostics"]}
    codes = ("PRM108", "PRM204", "PRM205", "PRM504", "PRM601")
    assert found == {(code, code) for code in codes}
    assert {item["verdict"] for item in report["diagnostics"]} == {"confirmed"}
    assert {item["attribute"] for item in report["diagnostics"] if item["code"] == "PRM504"} == {"average", "head"}
    assert (project / "net.pt").exists()


def test_a_right_training_is_left_alone(project: Path) -> None:
    done = paramlint_run(project, "--output-format", "concise", "right.py")
    # The parameters in a list are trained: the optimiser was handed them. That state_dict() lacks them is another matter.
    assert done.report.splitlines() == ["No findings in 1 file."]
    assert done.code == 0


def test_what_was_drawn_and_is_in_no_checkpoint_is_told(project: Path) -> None:
    (project / "drawn.py").write_text(DRAWN)
    done = paramlint_run(project, "--output-format", "json", "--output", "report.json", "drawn.py")
    assert done.code == 1, done.report
    report = json.loads((project / "report.json").read_text())
    lost = {number for number, line in enumerate(DRAWN.splitlines(), 1) if line.endswith("# lost")}
    assert {(item["code"], item["line"], item["verdict"]) for item in report["diagnostics"]} == {
        ("PRM504", line, "confirmed") for line in lost
    }


def test_few_steps_say_nothing_of_gradients_and_findings_need_not_change_the_exit_code(project: Path) -> None:
    done = paramlint_run(project, "--steps", "5", "--select", "PRM204,PRM205,PRM601", "--exit-zero", "train.py")
    assert done.code == 0, done.report
    assert "PRM601" in done.report
    # What the source says of a cut gradient is listed, and five steps do not confirm it.
    assert done.report.count("PRM204 gradient-cut") == 1
    assert "= confirmed" not in done.report.split("PRM204 gradient-cut")[1].split("\n\n")[0]


SCRIPT = """\
import sys, os
import helper
print(__name__, __file__ == sys.argv[0], sys.argv[1:], os.path.basename(sys.path[0]), __spec__ is None)
assert sys.modules["__main__"].__dict__ is globals()
import multiprocessing, pickle
class Local: pass
pickle.loads(pickle.dumps(Local()))
"""


def test_the_script_sees_what_python_shows_it(project: Path) -> None:
    folder = project / "tools"
    folder.mkdir()
    (folder / "helper.py").touch()
    (folder / "script.py").write_text(SCRIPT)
    plain = subprocess.run(
        [sys.executable, "tools/script.py", "--flag", "-m", "x"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    done = paramlint_run(project, "tools/script.py", "--flag", "-m", "x")
    assert done.output == plain.stdout == "__main__ False ['--flag', '-m', 'x'] tools True\n"
    assert done.code == 0


def test_a_module_sees_what_python_shows_it(project: Path) -> None:
    text = "import sys, os\nprint(__name__, __package__, os.path.basename(sys.argv[0]), sys.argv[1:], __spec__.name)\n"
    (project / "pkg" / "show.py").write_text(text)
    plain = subprocess.run(
        [sys.executable, "-m", "pkg.show", "a"], cwd=project, capture_output=True, text=True, check=True
    )
    done = paramlint_run(project, "-m", "pkg.show", "a")
    assert done.output == plain.stdout
    assert done.code == 0


@pytest.mark.parametrize(
    ("ending", "code", "said"),
    [
        ("sys.exit(0)", 1, "PRM601"),
        ("sys.exit(7)", 7, "PRM601"),
        ("raise ValueError('oops')", 1, "ValueError: oops"),
    ],
)
def test_the_exit_code_is_the_scripts_own_unless_that_is_zero(project: Path, ending: str, code: int, said: str) -> None:
    (project / "train.py").write_text(f"{TRAIN}    {ending}\n")
    done = paramlint_run(project, "train.py")
    assert done.code == code
    assert said in done.report
    assert "PRM601" in done.report
    assert "paramlint/cli" not in done.report


def test_what_cannot_be_run_is_wrong_usage(project: Path) -> None:
    done = paramlint_run(project, "nowhere.py")
    assert done.code == 2
    assert "no such file: nowhere.py" in done.report

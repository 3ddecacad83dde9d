"""Findings of the source, judged by instances that a running program built: parts of models, heirs, several processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from paramlint.model.code import Span
from paramlint.model.diagnostic import Diagnostic, Proof, Severity, Verdict
from paramlint.model.observation import ForwardObservation, ModuleObservation, Observation, TensorObservation
from paramlint.runtime.focus import instances
from paramlint.runtime.witness import joined, strongest

# Only the source tells of Early (what the scheme was meant for) and of Base (whose heir is built); Unused is never built.
MODELS = """\
import torch
from torch import nn


class Early(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.apply(self._init)  # PRM304
        self.second = nn.Linear(3, 3)

    def _init(self, module):
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.weight)

    def forward(self, x):
        return self.second(self.first(x))


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(3)).double()  # PRM103


class Heir(Base):
    def forward(self, x):
        return x * self.scale


class Running(nn.Module):
    def __init__(self):
        super().__init__()
        self.mean = torch.zeros(3)  # PRM101, which forward binds anew
        self.latest = None  # PRM101, which forward makes

    def forward(self, x):
        self.mean = 0.9 * self.mean + 0.1 * x.mean(0)
        self.latest = torch.arange(3.0)
        return x - self.mean + self.latest


class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.Sequential(Early(), Heir(), Running())

    def forward(self, x):
        return self.parts(x)


class Unused(nn.Module):
    def __init__(self):
        super().__init__()
        self.apply(self._init)
        self.layer = nn.Linear(3, 3)

    def _init(self, module):
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.weight)

    def forward(self, x):
        return self.layer(x)


def make():
    return Whole(), torch.ones(2, 3)
"""
SCRIPT = "from models import make\nmodel, x = make()\nmodel(x)\n"
WATCHED = {("PRM304", "Early", "confirmed"), ("PRM103", "Base", "confirmed"), ("PRM101", "Running", "confirmed")}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "models.py").write_text(MODELS)
    (tmp_path / "script.py").write_text(SCRIPT)
    return tmp_path


@pytest.mark.parametrize("arguments", [["audit", "models:make"], ["run", "--output", "report", "script.py"]])
def test_what_the_source_says_of_watched_classes_is_judged(project: Path, arguments: list[str]) -> None:
    command = [sys.executable, "-m", "paramlint", arguments[0], "--output-format", "json", *arguments[1:]]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    text = (project / "report").read_text() if arguments[0] == "run" else done.stdout
    found = {(item["code"], item["class"], item["verdict"]) for item in json.loads(text)["diagnostics"]}
    # What was observed of the heir is the heir's; that the statement is the base's, the source alone says.
    assert found >= WATCHED, done.stderr
    assert not {owner for _, owner, _ in found} & {"Unused"}
    assert done.returncode == 1


TENSOR = TensorObservation(
    "part.x", "part", "net.Part", "x", "parameter", True, True, True, (2,), "torch.float32", "cpu", 2
)
MODULE = ModuleObservation("part", "", "net.Whole", "part", "net.Part", True, True, 2)
SEEN = Observation("", "net.py", "Whole", "built", tensors=(TENSOR,), modules=(MODULE,))
RAN = ForwardObservation("ran", written_attributes=("part.x", "y"), graph_tensors=("part.x",), called=("", "part"))


def test_a_part_is_seen_from_itself_with_what_forward_did_to_it() -> None:
    (part,) = instances(SEEN._replace(forward=RAN), "net.Part")
    assert [tensor.path for tensor in part.tensors] == ["x"]
    assert part.forward is not None
    assert (part.forward.written_attributes, part.forward.graph_tensors) == (("x",), ("x",))
    assert part.forward.called == ("",)


def test_of_a_part_that_no_pass_called_no_pass_tells() -> None:
    (part,) = instances(SEEN._replace(forward=RAN._replace(called=("",))), "net.Part")
    assert part.forward is None


def test_every_part_of_a_class_is_an_instance_and_the_whole_is_its_own() -> None:
    other = TENSOR._replace(path="other.x", owner="other")
    seen = SEEN._replace(tensors=(TENSOR, other), forward=RAN)
    assert [part.within for part in instances(seen, "net.Part")] == ["part", "other"]
    assert list(instances(seen, "net.Whole")) == [seen]
    assert list(instances(seen, "net.Absent")) == []


def finding(code: str, verdict: Verdict, attribute: str | None = "x", line: int = 3) -> Diagnostic:
    proof = Proof(verdict, "seen", None, None)
    return Diagnostic(
        code, "slug", Severity.WARNING, "net.py", Span(line, 5, line, 9), "Net", attribute, "said", proof=proof
    )


YES, NO, OPEN = Verdict.CONFIRMED, Verdict.REFUTED, Verdict.UNCONFIRMED


@pytest.mark.parametrize(
    ("observed", "read", "kept"),
    [
        (("PRM101", YES), ("PRM101", YES), [("PRM101", YES)]),
        (("PRM102", YES), ("PRM101", OPEN), [("PRM102", YES)]),
        (("PRM102", YES), ("PRM101", YES), [("PRM102", YES)]),
        (("PRM102", YES), ("PRM301", YES), [("PRM102", YES), ("PRM301", YES)]),
        (("PRM102", OPEN), ("PRM102", NO), [("PRM102", OPEN)]),
    ],
    ids=["one fault once", "an observation is enough", "one of a kind", "two faults", "what was observed stays"],
)
def test_each_fault_is_told_once(
    observed: tuple[str, Verdict], read: tuple[str, Verdict], kept: list[tuple[str, Verdict]]
) -> None:
    source = finding(*read)._replace(message="the source says")
    found = joined([finding(*observed)], [source])
    assert [(item.code, item.proof.verdict) for item in found if item.proof] == kept
    assert (source in found) == (read[1] is YES and read in kept)


def test_an_attribute_that_nothing_else_is_said_of_is_told_whatever_the_verdict() -> None:
    source = finding("PRM101", OPEN, "y", line=9)
    assert joined([finding("PRM101", YES)], [source])[-1] is source


def test_the_strongest_verdict_of_several_processes_holds() -> None:
    verdicts = [OPEN, YES, NO]
    (found,) = strongest([finding("PRM101", verdict) for verdict in verdicts])
    assert found.proof is not None
    assert found.proof.verdict is YES

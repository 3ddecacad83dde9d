"""A run: the same diagnostics by every way through, and errors that cost their own file alone."""

from __future__ import annotations

import gc
import os
import sys
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import paramlint.engine.analysis
from paramlint.engine import check as check_module
from paramlint.engine.analysis import Analyser, Batch, Given, Task
from paramlint.engine.check import check
from paramlint.engine.configuration import Configuration, ConfigurationError
from paramlint.engine.outcome import Report
from paramlint.engine.selection import SelectionLayer
from paramlint.engine.settings import Overrides
from paramlint.facts.source import source_from_text
from paramlint.model.diagnostic import Diagnostic
from paramlint.project.definitions import SourceModule
from paramlint.project.environment import NO_ENVIRONMENT
from paramlint.project.project import Project
from paramlint.rules import Rule, check_module as real_check_module

FAULTY = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Linear(3, 3) for _ in range(2)]
        self.scale = nn.Parameter(torch.ones(3)).half()

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x * self.scale
"""
CLEAN = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x):
        return self.layer(x)
"""
FOUND = [("PRM105", 8), ("PRM103", 9)]
HELPER = """\
from torch import nn
from torch.nn.utils import weight_norm


class First(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = weight_norm(nn.Linear(3, 3))
        self.first.apply(reset)


class Last(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = weight_norm(nn.Linear(3, 3))
        self.last.apply(reset)


def reset(layer):
    if isinstance(layer, nn.Linear):
        layer.weight.data.normal_(0.0, 0.01)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.paramlint]\n", encoding="utf-8")
    for name, text in {"a.py": FAULTY, "b.py": CLEAN, "part/c.py": FAULTY, "part/__init__.py": ""}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def run(*paths: Path, overrides: Overrides | None = None, jobs: int = 1) -> Report:
    return check(paths, Configuration(overrides or Overrides()), jobs=jobs)


def places(report: Report, path: Path) -> list[tuple[str, int]]:
    return [(entry.code, entry.span.line) for entry in report.diagnostics if entry.path == str(path)]


def test_a_function_below_a_class_is_no_part_of_it(project: Path) -> None:
    file = project / "helper.py"
    file.write_text(HELPER, encoding="utf-8")
    (found,) = run(file).diagnostics
    assert (found.code, found.span.line, found.class_name) == ("PRM309", 21, "First")


def selecting(*selectors: str) -> Overrides:
    return Overrides(selection=SelectionLayer(select=selectors))


def test_findings_in_the_order_of_path_and_place(project: Path) -> None:
    report = run(project)
    assert [(Path(entry.path).name, entry.code) for entry in report.diagnostics] == [
        ("a.py", "PRM105"),
        ("a.py", "PRM103"),
        ("c.py", "PRM105"),
        ("c.py", "PRM103"),
    ]
    assert report.files == 4
    assert report.exit_code == 1
    assert report.summary.counts == (("PRM103", 2), ("PRM105", 2))


def test_a_file_says_the_same_alone_and_in_a_folder(project: Path) -> None:
    file = project / "part" / "c.py"
    whole = run(project).diagnostics
    assert run(file).diagnostics == tuple(entry for entry in whole if entry.path == str(file)) != ()
    assert run(project / "part").diagnostics == run(file).diagnostics


def test_the_same_from_several_processes(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(8):
        (project / f"more{number}.py").write_text(FAULTY + f"\n# {number}\n", encoding="utf-8")
    here = run(project)
    monkeypatch.setattr(check_module, "_WORTH_DIVIDING_BYTES", 0)
    monkeypatch.setattr(check_module, "_BATCH_BYTES", 600)
    assert run(project, jobs=3) == here
    monkeypatch.setattr(paramlint.engine.analysis, "_BYTES_KEPT", 0)
    assert run(project, jobs=2) == here


def test_the_same_without_the_fast_path(project: Path) -> None:
    assert run(project, overrides=Overrides(fast_path=False)) == run(project)


def test_libcst_reads_only_what_something_is_said_of(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from paramlint.facts import lower_libcst

    lowered: list[str] = []
    original = lower_libcst.lower
    monkeypatch.setattr(
        lower_libcst, "lower", lambda source: lowered.append(Path(source.path).name) or original(source)
    )
    run(project)
    assert lowered == ["a.py", "c.py"]


def test_only_what_the_libcst_form_says_is_reported(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from paramlint.facts import lower_ast, lower_libcst
    from paramlint.facts.source import Source
    from paramlint.model.code import SourceFacts

    def other(source: Source) -> SourceFacts:
        return lower_ast.lower(source_from_text(source.path, CLEAN))

    monkeypatch.setattr(lower_libcst, "lower", other)
    assert run(project).diagnostics == ()


def test_a_file_that_does_not_parse_is_an_error_with_its_line(project: Path) -> None:
    (project / "broken.py").write_text("x = 1\ndef f(:\n", encoding="utf-8")
    (project / "bytes.py").write_bytes(b"x = 1\ny = '\xff'\n")
    report = run(project)
    assert [(Path(error.path).name, error.line) for error in report.errors] == [("broken.py", 2), ("bytes.py", 2)]
    assert places(report, project / "a.py") == FOUND
    assert report.exit_code == 2


def test_what_libcst_alone_can_read_is_linted(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from paramlint.engine import analysis
    from paramlint.facts.source import SourceError

    def refuse(source: object, tree: object = None, trees: object = None) -> None:
        raise SourceError("a.py", 1, "a grammar of the future")

    monkeypatch.setattr(analysis, "lower_on_demand", refuse)
    assert places(run(project / "a.py"), project / "a.py") == FOUND


def test_a_missing_path_is_an_error_and_the_rest_is_linted(project: Path) -> None:
    report = run(project / "a.py", project / "missing.py")
    assert [(Path(error.path).name, error.line) for error in report.errors] == [("missing.py", None)]
    assert places(report, project / "a.py") == FOUND
    assert report.exit_code == 2


def failing(project: Project, module: SourceModule, rules: Sequence[Rule], **how: Any) -> Iterator[Diagnostic]:
    if module.path.name == "b.py":
        raise KeyError("a fault of ours")
    if module.path.name == "dies.py":
        os._exit(3)
    return real_check_module(project, module, rules, **how)


def test_a_fault_of_ours_names_the_file_and_costs_it_alone(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paramlint.engine.analysis, "check_module", failing)
    report = run(project)
    (error,) = report.errors
    assert Path(error.path).name == "b.py"
    assert "internal error of paramlint: KeyError" in error.message
    assert "test_engine_check.py" in error.message
    assert places(report, project / "part" / "c.py") == FOUND


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs fork to hand the fault to the workers")
def test_a_worker_that_dies_costs_the_file_alone(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "dies.py").write_text(CLEAN, encoding="utf-8")
    monkeypatch.setattr(paramlint.engine.analysis, "check_module", failing)
    monkeypatch.setattr(check_module, "_WORTH_DIVIDING_BYTES", 0)
    monkeypatch.setattr(check_module, "_BATCH_BYTES", 700)
    report = run(project, jobs=2)
    assert [Path(error.path).name for error in report.errors] == ["b.py", "dies.py"]
    assert "exit code 3" in report.errors[1].message
    assert places(report, project / "a.py") == places(report, project / "part" / "c.py") == FOUND


def test_deep_nesting_is_an_error_at_worst(project: Path) -> None:
    (project / "deep.py").write_text("x = " + "(" * 3000 + ")" * 3000 + "\n", encoding="utf-8")
    (project / "long.py").write_text("x = " + "+".join(["1"] * 20_000) + "\n", encoding="utf-8")
    assert places(run(project), project / "a.py") == FOUND


def test_noqa_silences(project: Path) -> None:
    text = FAULTY.replace("range(2)]", "range(2)]  # noqa: PRM105").replace(".half()", ".half()  # noqa: PRM1")
    (project / "a.py").write_text(text, encoding="utf-8")
    assert run(project / "a.py").diagnostics == ()


def test_per_file_ignores(project: Path) -> None:
    (project / "pyproject.toml").write_text(
        '[tool.paramlint.per-file-ignores]\n"part/*" = ["PRM103"]\n"!part/" = ["module-in-container"]\n',
        encoding="utf-8",
    )
    report = run(project)
    assert places(report, project / "a.py") == FOUND[1:]
    assert places(report, project / "part" / "c.py") == FOUND[:1]


def test_standard_input_takes_its_files_place(project: Path) -> None:
    path = project / "b.py"
    given = {path: Given(source_from_text(str(path), FAULTY))}
    report = check([], Configuration(Overrides()), given=given)
    assert places(report, path) == FOUND
    assert report.files == 1


def test_unknown_rules_are_refused_whether_or_not_there_are_files(project: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="PRM9"):
        run(project / "missing", overrides=selecting("PRM9"))
    file = tmp_path / "pyproject.toml"
    file.write_text('[tool.paramlint.per-file-ignores]\n"a.py" = ["PRM9"]\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"pyproject\.toml.*PRM9"):
        run(project)


def test_an_interpreter_that_is_missing_is_refused(project: Path) -> None:
    with pytest.raises(ConfigurationError, match="no interpreter"):
        run(project, overrides=Overrides(python=str(project / "nowhere" / "python")))


def test_progress_counts_files(project: Path) -> None:
    told: list[tuple[int, int]] = []
    check([project], Configuration(Overrides()), progress=lambda done, total: told.append((done, total)))
    assert told[0] == (0, 4)
    assert told[-1] == (4, 4)


@pytest.mark.parametrize("owns_process", [False, True])
def test_an_analyser_frees_what_it_forgets(project: Path, monkeypatch: pytest.MonkeyPatch, owns_process: bool) -> None:
    (project / "net.py").write_text(FAULTY, encoding="utf-8")
    monkeypatch.setattr(paramlint.engine.analysis, "_BYTES_KEPT", 0)
    analyser = Analyser()
    if owns_process:
        analyser.own_process()
    batch = Batch(project, NO_ENVIRONMENT, (Task(project / "net.py", frozenset({"PRM105"})),))
    (first,) = analyser(batch)
    linked = analyser.project_for(batch.root, batch.environment)
    known = weakref.ref(next(iter(linked.classes(linked.module_at(project / "net.py")))))
    del linked
    assert known() is not None
    gc.disable()  # it is not to happen by chance
    try:
        assert analyser(batch) == (first,)
        assert first.diagnostics
        assert known() is None
    finally:
        gc.enable()
        gc.unfreeze()


def test_findings_of_one_place_keep_their_order(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(project / "a.py").diagnostics[0]
    expected = [first._replace(attribute=f"part{number}") for number in range(50)]
    monkeypatch.setattr(paramlint.engine.analysis, "check_module", lambda *_, **__: expected)
    monkeypatch.setattr("paramlint.fixes.repairs.with_fixes", lambda *given: given[-1])
    assert [item.attribute for item in run(project / "a.py").diagnostics] == [item.attribute for item in expected]

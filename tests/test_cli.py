"""The command as its users meet it: exit codes, formats, options, and what bad input says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import paramlint

FAULTY = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3)).double()
        self.layers = [nn.Linear(3, 3) for _ in range(2)]
"""
CLEAN = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)
"""
FIELDS = {
    "code", "name", "severity", "path", "line", "column", "end_line", "end_column", "class", "attribute", "message",
    "verdict", "evidence", "reason", "recipe", "related", "fix",
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "faulty.py").write_text(FAULTY)
    (tmp_path / "clean.py").write_text(CLEAN)
    return tmp_path


def run(
    folder: Path, *arguments: str, given: str | bytes = "", variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR")}
    done = subprocess.run(
        [sys.executable, "-m", "paramlint", *arguments],
        input=given.encode() if isinstance(given, str) else given,
        capture_output=True,
        cwd=folder,
        env={**environment, **(variables or {})},
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    loaded = json.loads(done.stdout)
    assert isinstance(loaded, dict)
    return loaded


def codes(done: subprocess.CompletedProcess[str]) -> list[object]:
    return [item["code"] for item in document(done)["diagnostics"]]


class TestExitCodes:
    def test_clean(self, project: Path) -> None:
        done = run(project, "check", "clean.py")
        assert (done.returncode, done.stdout, done.stderr) == (0, "No findings in 1 file.\n", "")

    def test_findings(self, project: Path) -> None:
        assert run(project, "check").returncode == 1

    def test_findings_with_exit_zero(self, project: Path) -> None:
        assert run(project, "check", "--exit-zero").returncode == 0

    def test_an_error_outranks_findings_and_the_rest_is_linted(self, project: Path) -> None:
        (project / "broken.py").write_text("x = 1\ndef (:\n")
        done = run(project, "check", "--output-format=json", "--exit-zero")
        assert done.returncode == 2
        (error,) = document(done)["errors"]
        assert (error["path"], error["line"]) == ("broken.py", 2)
        assert codes(done) == ["PRM103", "PRM105"]

    def test_a_missing_path(self, project: Path) -> None:
        done = run(project, "check", "absent.py", "clean.py")
        assert done.returncode == 2
        assert "absent.py" in done.stdout + done.stderr

    @pytest.mark.parametrize(
        "arguments",
        [
            ["check", "--no-such-option"],
            ["check", "--select", "PRM999"],
            ["check", "--config", "absent.toml"],
            ["check", "--jobs", "0"],
            ["check", "--timeout", "-1", "--confirm"],
            ["check", "--stdin-filename", "net.py"],
            ["check", "-", "--confirm"],
            ["rule", "PRM999"],
            ["rule", "PRM1"],
            ["no-such-command"],
            [],
        ],
        ids=" ".join,
    )
    def test_wrong_usage_says_so_on_standard_error(self, project: Path, arguments: list[str]) -> None:
        done = run(project, *arguments)
        assert done.returncode == 2
        assert done.stdout == ""
        assert "error" in done.stderr
        assert "Traceback" not in done.stderr


class TestJson:
    def test_the_contract(self, project: Path) -> None:
        done = run(project, "check", "--output-format=json")
        told = document(done)
        assert told["version"] == 1
        first, second = told["diagnostics"]
        assert set(first) == FIELDS
        assert (first["code"], first["name"], first["severity"]) == ("PRM103", "detached-parameter", "error")
        assert (first["path"], first["line"], first["column"], first["end_line"]) == ("faulty.py", 8, 9, 8)
        assert first["end_column"] == len(FAULTY.splitlines()[7]) + 1
        assert (first["class"], first["attribute"]) == ("Net", "scale")
        assert (first["verdict"], first["evidence"]) == (None, None)
        (related,) = first["related"]
        assert set(related) == {"path", "line", "column", "message"}
        assert (second["code"], second["class"], second["attribute"]) == ("PRM105", "Net", "layers")

    def test_nothing_found_is_a_document_too(self, project: Path) -> None:
        done = run(project, "check", "clean.py", "--output-format=json")
        assert (document(done)["diagnostics"], document(done)["errors"]) == ([], [])


class TestFormats:
    def test_concise_is_one_line_a_finding(self, project: Path) -> None:
        lines = run(project, "check", "--output-format=concise").stdout.splitlines()
        assert [line.split(" ")[:2] for line in lines[:2]] == [
            ["faulty.py:8:9:", "PRM103"],
            ["faulty.py:9:9:", "PRM105"],
        ]

    def test_text_tells_of_fixes(self, project: Path) -> None:
        lines = run(project, "check").stdout.splitlines()
        assert lines[0] == "faulty.py:8:9: PRM103 [*] detached-parameter"
        assert sum(line.startswith("  = unsafe fix: ") and "load with strict=False" in line for line in lines) == 2
        assert lines[-2:] == ["2 findings in 2 files.", "[*] 2 fixable with --unsafe-fixes."]

    def test_github_makes_annotations(self, project: Path) -> None:
        lines = run(project, "check", "--output-format=github").stdout.splitlines()
        assert lines[0].startswith("::error ")
        assert "file=faulty.py" in lines[0]
        assert "line=8" in lines[0]

    def test_text_shows_the_line_a_caret_span_and_the_second_place(self, project: Path) -> None:
        text = run(project, "check").stdout
        line = FAULTY.splitlines()[7]
        shown = text.splitlines()
        at = next(index for index, row in enumerate(shown) if row.endswith(line))
        start = shown[at].index("self.scale")
        assert shown[at + 1][start:] == "^" * len(line.strip())
        assert "'double' returns a tensor that is no Parameter" in text

    def test_colour_is_for_terminals_or_by_request(self, project: Path) -> None:
        assert "\x1b[" not in run(project, "check").stdout
        assert "\x1b[" in run(project, "check", variables={"FORCE_COLOR": "1"}).stdout
        assert "\x1b[" not in run(project, "check", variables={"FORCE_COLOR": "1", "NO_COLOR": "1"}).stdout

    def test_statistics_count_the_rules(self, project: Path) -> None:
        assert run(project, "check", "--statistics").stdout.splitlines()[-2:] == [
            "1  PRM103  detached-parameter",
            "1  PRM105  module-in-container",
        ]


class TestSelection:
    def test_by_code_prefix_name_and_all(self, project: Path) -> None:
        for selector in ("PRM103", "detached-parameter"):
            assert codes(run(project, "check", "--output-format=json", "--select", selector)) == ["PRM103"]
        assert codes(run(project, "check", "--output-format=json", "--select=PRM1")) == ["PRM103", "PRM105"]
        assert codes(run(project, "check", "--output-format=json", "--select=ALL")) == ["PRM103", "PRM105"]
        assert codes(run(project, "check", "--output-format=json", "--ignore=PRM103")) == ["PRM105"]

    def test_configuration_and_isolated(self, project: Path) -> None:
        (project / "pyproject.toml").write_text('[tool.paramlint]\nignore = ["module-in-container"]\n')
        assert codes(run(project, "check", "--output-format=json")) == ["PRM103"]
        assert codes(run(project, "check", "--output-format=json", "--isolated")) == ["PRM103", "PRM105"]

    def test_another_configuration_file(self, project: Path) -> None:
        (project / "other.toml").write_text('[tool.paramlint]\nselect = ["PRM105"]\n')
        assert codes(run(project, "check", "--output-format=json", "--config", "other.toml")) == ["PRM105"]

    def test_noqa(self, project: Path) -> None:
        faulty = FAULTY.replace(".double()", ".double()  # noqa: PRM103").replace(
            "range(2)]", "range(2)]  # noqa: E501"
        )
        (project / "faulty.py").write_text(faulty)
        assert codes(run(project, "check", "--output-format=json")) == ["PRM105"]


class TestStandardInput:
    def test_is_linted_under_the_name_given(self, project: Path) -> None:
        done = run(project, "check", "-", "--stdin-filename", "new.py", "--output-format=json", given=FAULTY)
        assert [item["path"] for item in document(done)["diagnostics"]] == ["new.py", "new.py"]

    def test_that_cannot_be_decoded_is_an_error(self, project: Path) -> None:
        done = run(project, "check", "-", given=b"x = '\xff\xfe'\n")
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


class TestRules:
    def test_one_is_explained_by_code_and_by_name(self, project: Path) -> None:
        by_code, by_name = run(project, "rule", "PRM103"), run(project, "rule", "detached-parameter")
        assert by_code.returncode == 0
        assert by_code.stdout == by_name.stdout
        for heading in ("Why", "Bad", "Good", "Silent when"):
            assert f"\n{heading}\n" in by_code.stdout

    def test_all_are_listed(self, project: Path) -> None:
        listed = json.loads(run(project, "rules", "--output-format=json").stdout)["rules"]
        text = run(project, "rules").stdout
        assert len(listed) >= 26
        assert all(rule["code"] in text and rule["name"] in text for rule in listed)


def test_version(tmp_path: Path) -> None:
    assert run(tmp_path, "--version").stdout == f"paramlint {paramlint.__version__}\n"


def test_a_reader_that_leaves_costs_no_traceback(project: Path) -> None:
    command = f"{sys.executable} -m paramlint rules | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=project, check=False)
    assert done.stdout.startswith("PRM101")
    assert "Traceback" not in done.stderr

"""The README says what is: its table, its demo, its commands and its options are the program's own."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from paramlint.cli.arguments import parser
from paramlint.engine.configuration import KEYS
from tests.readme import README, ROOT, demo_output, part, rule_table

if sys.version_info >= (3, 11):
    import tomllib as toml_reader
else:
    import tomli as toml_reader

TEXT = README.read_text(encoding="utf-8")
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]


def test_table_of_rules_is_current() -> None:
    assert part(TEXT, "rules") == rule_table(), "python -m tests.readme writes it anew"


def test_demo_output_is_what_the_command_prints() -> None:
    assert part(TEXT, "demo") == demo_output(), "python -m tests.readme writes it anew"


def test_setup_commands_are_the_ones_of_the_project() -> None:
    project = toml_reader.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    commands = re.findall(r"^python3 -m venv .*$", TEXT, re.MULTILINE)
    assert len(commands) == 2
    run, test = commands
    (torch,) = (name for name in project["optional-dependencies"]["test"] if name.startswith("torch"))
    assert f'"{torch}"' in run
    assert run.endswith(".venv/bin/paramlint check fixtures/demo --confirm")
    assert '-e ".[test]"' in test
    assert "python -m pytest -q -n 2" in test


def test_every_option_that_is_named_exists() -> None:
    commands = [choice for action in parser()._actions for choice in (getattr(action, "choices", None) or {}).values()]
    told = "\n".join(command.format_help() for command in [parser(), *commands])
    told += (ROOT / "paramlint" / "pytest_plugin.py").read_text(encoding="utf-8")
    # Options of other tools: flake8's --extend-select is paramlint's too.
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT))
    assert not {option for option in named if option not in told}


def test_every_key_of_the_configuration_example_is_known() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    table = toml_reader.loads(example)["tool"]["paramlint"]
    assert set(table) <= KEYS


def test_json_contract_names_every_field_of_a_diagnostic() -> None:
    from paramlint.model.code import Span
    from paramlint.model.diagnostic import Diagnostic, Severity
    from paramlint.report import json
    from paramlint.report.view import View

    diagnostic = Diagnostic("PRM101", "name", Severity.ERROR, "a.py", Span(1, 1, 1, 2), None, None, "message")
    fields = json._diagnostic(diagnostic, View(Path.cwd(), 100, False))
    assert not {field for field in fields if f'"{field}"' not in TEXT}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert "://" in target or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_functions_and_files_that_are_named_exist(page: Path) -> None:
    """A page that names ``paramlint/rules/base.py`` or ``paramlint.rules.check_module`` names something real."""
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`((?:paramlint|tests|fixtures|docs)/[\w./-]+)`", text):
        assert (ROOT / name).exists(), name
    for file, names in re.findall(r"`(paramlint/[\w/]+\.py)`:\s*((?:`\w+`(?:,\s*)?)+)", text):
        source = (ROOT / file).read_text(encoding="utf-8")
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"^\s*(?:def|class) {name}\b|^{name}\b", source, re.MULTILINE), f"{file}: {name}"

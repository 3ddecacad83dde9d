"""docs/rules says what the rules say of themselves."""

from __future__ import annotations

from paramlint.rules import ALL_RULES
from tests.rule_pages import FAMILIES, FOLDER, pages


def test_pages_are_current() -> None:
    written = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.md")}
    assert written == pages(), "python -m tests.rule_pages writes them anew"


def test_every_rule_is_of_a_family() -> None:
    assert {rule.code[3] for rule in ALL_RULES} <= set(FAMILIES)

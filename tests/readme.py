"""Writes what documents are made from the program: in the README the demo's output and the table, and docs/rules."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from paramlint.rules import ALL_RULES
from tests import rule_pages

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
DEMO_COMMAND = "paramlint check fixtures/demo --confirm"


def part(text: str, name: str) -> str:
    """Return what stands between the two comments that enclose a part of the README."""
    match = _enclosed(name).search(text)
    if match is None:
        raise ValueError(f"the README has no part {name}")
    return match["part"]


def with_part(text: str, name: str, content: str) -> str:
    """Return the README's text with one part replaced."""
    return _enclosed(name).sub(lambda match: match["begin"] + content + match["end"], text)


def _enclosed(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?P<begin><!-- {name}: begin[^>]*-->\n)(?P<part>.*?)(?P<end><!-- {name}: end -->)", re.DOTALL)


def rule_table() -> str:
    """Return the table of all rules, in Markdown."""
    rows = ["| code | name | severity | on by default | what is wrong |", "|---|---|---|---|---|"]
    for rule in ALL_RULES:
        default = "yes" if rule.enabled_by_default else "if proved" if rule.shown_if_proved else "no"
        summary = rule.summary.replace("|", "\\|")
        rows.append(f"| {rule.code} | {rule.slug} | {rule.severity.value} | {default} | {summary} |")
    return "\n".join(rows) + "\n"


def demo_output() -> str:
    """Run the README's command, and return it with what it prints."""
    arguments = DEMO_COMMAND.split()[1:]
    done = subprocess.run(
        [sys.executable, "-m", "paramlint", *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )
    if done.returncode != 1:
        raise RuntimeError(f"exit code {done.returncode}: {done.stderr}")
    return f"```text\n$ {DEMO_COMMAND}\n{done.stdout.rstrip()}\n```\n"


def main() -> None:
    text = README.read_text(encoding="utf-8")
    text = with_part(text, "rules", rule_table())
    text = with_part(text, "demo", demo_output())
    README.write_text(text, encoding="utf-8")
    rule_pages.main()


if __name__ == "__main__":
    main()

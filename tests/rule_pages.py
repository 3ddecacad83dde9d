"""Writes docs/rules: a page for each rule, made from its file, and an index. ``python -m tests.rule_pages``."""

from __future__ import annotations

from pathlib import Path

from paramlint.rules import ALL_RULES, Rule

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "rules"
FAMILIES = {
    "1": "Registration",
    "2": "A parameter that should be something else",
    "3": "Initialisation",
    "4": "Construction",
    "5": "Device and dtype",
}


def page_name(rule: Rule) -> str:
    """Return the file name of a rule's page."""
    return f"{rule.slug}.md"


def page(rule: Rule) -> str:
    """Return the page of a rule, in Markdown."""
    default = "On by default." if rule.enabled_by_default else f"Off by default: `--extend-select {rule.code}` adds it."
    if rule.shown_if_proved:
        default += " With `--confirm`, what is confirmed is reported."
    silent = "\n".join(f"- {reason}" for reason in rule.silent_when)
    return f"""\
# {rule.slug} ({rule.code})

{rule.summary}

Severity: {rule.severity.value}. {default}

## Why it is bad

{rule.rationale}

## Example

```python
{rule.bad.rstrip()}
```

Use instead:

```python
{rule.good.rstrip()}
```

## It is silent when

{silent}

`# noqa: {rule.code}` at the end of a line silences it there.
"""


def index() -> str:
    """Return the list of all rules by family, in Markdown."""
    parts = ["# Rules\n"]
    for digit, family in FAMILIES.items():
        rules = sorted((rule for rule in ALL_RULES if rule.code[3] == digit), key=lambda rule: rule.code)
        if not rules:
            continue
        parts.append(f"\n## {family} (PRM{digit}xx)\n\n| code | rule | severity | on by default | what is wrong |")
        parts.append("|---|---|---|---|---|")
        for rule in rules:
            default = "yes" if rule.enabled_by_default else "if proved" if rule.shown_if_proved else "no"
            summary = rule.summary.replace("|", "\\|")
            link = f"[{rule.slug}]({page_name(rule)})"
            parts.append(f"| {rule.code} | {link} | {rule.severity.value} | {default} | {summary} |")
    return "\n".join(parts) + "\n"


def pages() -> dict[str, str]:
    """Return the text of each file of the folder by its name."""
    return {"README.md": index(), **{page_name(rule): page(rule) for rule in ALL_RULES}}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = pages()
    for file in FOLDER.glob("*.md"):
        if file.name not in wanted:
            file.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

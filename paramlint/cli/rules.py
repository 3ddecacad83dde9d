"""``paramlint rule`` and ``paramlint rules``: what the rules say about themselves."""

from __future__ import annotations

import argparse
import json
import os
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from paramlint.report.view import Style, View, wants_colour
from paramlint.rules import ALL_RULES
from paramlint.rules.base import Rule

_WIDTH = 100


def explain(arguments: argparse.Namespace) -> int:
    """Print one rule's explanation; 2 where there is no such rule."""
    from paramlint.engine.selection import UnknownSelector, codes_for

    try:
        codes = codes_for(arguments.rule, ALL_RULES)
    except UnknownSelector as error:
        print(f"paramlint: error: {error}", file=sys.stderr)
        return 2
    named = [rule for rule in ALL_RULES if arguments.rule in (rule.code, rule.slug)]
    if not named:
        print(f"paramlint: error: {arguments.rule} means several rules: {', '.join(sorted(codes))}", file=sys.stderr)
        return 2
    view = View(folder=Path.cwd(), colour=wants_colour(sys.stdout, os.environ))
    print("\n".join(_explanation(named[0], view)))
    return 0


def list_all(arguments: argparse.Namespace) -> int:
    """Print all rules, as a table or as JSON."""
    if arguments.output_format == "json":
        print(json.dumps({"version": 1, "rules": [_as_json(rule) for rule in ALL_RULES]}, indent=2))
        return 0
    view = View(folder=Path.cwd(), colour=wants_colour(sys.stdout, os.environ))
    width = max((len(rule.slug) for rule in ALL_RULES), default=0)
    for rule in ALL_RULES:
        state = "on    " if rule.enabled_by_default else "proved" if rule.shown_if_proved else "off   "
        print(f"{view.paint(rule.code, Style.RED)}  {rule.slug:<{width}}  {state}  {rule.summary}")
    print(
        "\non: reported by default; proved: with --confirm, what is confirmed; off: reached with --select or --extend-select"
    )
    return 0


def _explanation(rule: Rule, view: View) -> Iterator[str]:
    state = "on by default" if rule.enabled_by_default else "off by default, reached with --extend-select"
    if rule.shown_if_proved:
        state += "; --confirm shows what it confirms"
    yield f"{view.paint(rule.code, Style.RED)} {view.paint(rule.slug, Style.BOLD)} ({rule.severity.value}, {state})"
    yield ""
    yield from _wrapped(rule.summary)
    yield ""
    yield view.paint("Why", Style.BOLD)
    yield from _wrapped(rule.rationale)
    for title, source in (("Bad", rule.bad), ("Good", rule.good)):
        yield ""
        yield view.paint(title, Style.BOLD)
        yield textwrap.indent(textwrap.dedent(source).strip("\n"), "    ")
    if rule.silent_when:
        yield ""
        yield view.paint("Silent when", Style.BOLD)
        for reason in rule.silent_when:
            yield from textwrap.wrap(reason, _WIDTH, initial_indent="  - ", subsequent_indent="    ")


def _wrapped(text: str) -> Iterator[str]:
    for index, paragraph in enumerate(textwrap.dedent(text).strip().split("\n\n")):
        if index:
            yield ""
        yield from textwrap.wrap(paragraph, _WIDTH)


def _as_json(rule: Rule) -> dict[str, object]:
    return {
        "code": rule.code,
        "name": rule.slug,
        "severity": rule.severity.value,
        "enabled_by_default": rule.enabled_by_default,
        "summary": rule.summary,
        "rationale": textwrap.dedent(rule.rationale).strip(),
        "bad": textwrap.dedent(rule.bad).strip("\n"),
        "good": textwrap.dedent(rule.good).strip("\n"),
        "silent_when": list(rule.silent_when),
    }

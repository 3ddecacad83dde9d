"""Applying fixes: pass by pass, each kept only where the result parses and says nothing new."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from paramlint.engine.suppression import Suppressions
from paramlint.facts.source import Source, SourceError
from paramlint.fixes.edits import Text
from paramlint.model.diagnostic import Applicability, Diagnostic, Edit, Fix

MOST_PASSES = 10

Key: TypeAlias = tuple[str, str | None, str | None]
Lint: TypeAlias = Callable[[Source], Sequence[Diagnostic]]


class Withheld(NamedTuple):
    """A finding whose fix was not applied, and why."""

    diagnostic: Diagnostic
    reason: str


class Change(NamedTuple):
    """One file with what its fixes made of it; ``remaining`` is what is still found in the text of ``after``.

    ``passes`` are the edits of each pass, in the text that the pass before has left.
    """

    before: Source
    after: Source
    applied: tuple[Diagnostic, ...]
    withheld: tuple[Withheld, ...]
    remaining: tuple[Diagnostic, ...]
    passes: tuple[tuple[Edit, ...], ...] = ()


class _Result(NamedTuple):
    source: Source
    diagnostics: Sequence[Diagnostic]


def key_of(diagnostic: Diagnostic) -> Key:
    """What a finding is about, wherever it stands in the file."""
    return diagnostic.code, diagnostic.class_name, diagnostic.attribute


def is_applicable(fix: Fix | None, with_unsafe: bool) -> bool:
    """Whether a fix has edits that may be applied."""
    if fix is None or not fix.edits:
        return False
    return fix.applicability is Applicability.SAFE or (with_unsafe and fix.applicability is Applicability.UNSAFE)


def fix_source(source: Source, lint: Lint, with_unsafe: bool, refused: Mapping[Key, str] | None = None) -> Change:
    """Apply fixes to a source until nothing changes, at most MOST_PASSES times; nothing is written.

    ``lint`` returns the diagnostics of a text with their fixes and raises SourceError for one that does not parse.
    Edits that overlap wait for the next pass. A fix is withheld where its finding would stay, where another one would
    appear, where it would touch a line whose ``# noqa`` covers its code, or where ``refused`` names it with a reason.
    """
    now = _Result(source, lint(source))
    withheld: dict[Key, Withheld] = {}
    applied: list[Diagnostic] = []
    passes: list[tuple[Edit, ...]] = []
    for _ in range(MOST_PASSES):
        suppressions = Suppressions(now.source.text)
        candidates: list[Diagnostic] = []
        for diagnostic in now.diagnostics:
            key = key_of(diagnostic)
            if key in withheld or not is_applicable(diagnostic.fix, with_unsafe):
                continue
            if refused and key in refused:
                withheld[key] = Withheld(diagnostic, refused[key])
            elif _touches_silenced(diagnostic, suppressions):
                withheld[key] = Withheld(diagnostic, "it would change a line that has a # noqa for it")
            else:
                candidates.append(diagnostic)
        chosen = _without_overlap(candidates, Text(now.source.text))
        if not chosen:
            break
        result, taken, reasons = _attempt_all(now, chosen, lint)
        withheld.update({key_of(item.diagnostic): item for item in reasons})
        if not taken:
            continue
        applied += taken
        passes.append(_edits(taken))
        now = result
    shown = [item for item in now.diagnostics if item.fix and not item.fix.edits]
    for diagnostic in shown:
        assert diagnostic.fix is not None
        withheld.setdefault(key_of(diagnostic), Withheld(diagnostic, diagnostic.fix.message))
    return Change(source, now.source, tuple(applied), tuple(withheld.values()), tuple(now.diagnostics), tuple(passes))


def _edits(fixes: Iterable[Diagnostic]) -> tuple[Edit, ...]:
    """The edits of findings' fixes, each once."""
    return tuple(dict.fromkeys(edit for item in fixes for edit in (item.fix.edits if item.fix else ())))


def _touches_silenced(diagnostic: Diagnostic, suppressions: Suppressions) -> bool:
    edits = diagnostic.fix.edits if diagnostic.fix else ()
    return any(
        suppressions.silences(diagnostic.code, line)
        for edit in edits
        for line in range(edit.span.line, edit.span.end_line + 1)
    )


def _without_overlap(candidates: Iterable[Diagnostic], text: Text) -> list[Diagnostic]:
    """The fixes that can be applied together, the first in the file first; equal edits are one."""
    taken: set[Edit] = set()
    chosen: list[Diagnostic] = []
    for diagnostic in candidates:
        edits = diagnostic.fix.edits if diagnostic.fix else ()
        if not any(_overlap(edit, other, text) for edit in edits for other in taken):
            taken.update(edits)
            chosen.append(diagnostic)
    return chosen


def _overlap(first: Edit, second: Edit, text: Text) -> bool:
    if first == second:
        return False
    one, other = ((text.start(edit.span), text.end(edit.span)) for edit in (first, second))
    if one[0] == one[1] or other[0] == other[1]:
        return one[0] <= other[1] and other[0] <= one[1]
    return one[0] < other[1] and other[0] < one[1]


def _attempt_all(
    now: _Result, chosen: list[Diagnostic], lint: Lint
) -> tuple[_Result, list[Diagnostic], list[Withheld]]:
    """Apply all, and where that fails, one after the other."""
    result = _attempt(now, chosen, lint)
    if isinstance(result, _Result):
        return result, chosen, []
    if len(chosen) == 1:
        return now, [], [Withheld(chosen[0], result)]
    taken: list[Diagnostic] = []
    reasons: list[Withheld] = []
    best = now
    for diagnostic in chosen:
        result = _attempt(now, [*taken, diagnostic], lint)
        if isinstance(result, _Result):
            best = result
            taken.append(diagnostic)
        else:
            reasons.append(Withheld(diagnostic, result))
    return best, taken, reasons


def _attempt(now: _Result, chosen: Sequence[Diagnostic], lint: Lint) -> _Result | str:
    """The result of some fixes; a text says why it cannot be kept."""
    text = Text(now.source.text)
    edits = _edits(chosen)
    source = now.source._replace(text=text.applied(edits))
    try:
        ast.parse(source.text)
        diagnostics = lint(source)
    except (SyntaxError, SourceError) as error:
        return f"the result does not parse: {error}"
    before, after = Counter(map(key_of, now.diagnostics)), Counter(map(key_of, diagnostics))
    fixed = Counter({key: before[key] for key in map(key_of, chosen)} if _share_edits(chosen) else map(key_of, chosen))
    for key, count in fixed.items():
        if after[key] > before[key] - count:
            return "the finding would stay"
    touched = set(_new_lines(text, edits, source.text))
    reveals = {item.class_name for item in chosen if item.fix is not None and item.fix.effect.reveals}
    for diagnostic in diagnostics:
        key = key_of(diagnostic)
        if after[key] > before[key]:
            if diagnostic.class_name in reveals and diagnostic.span.line not in touched:
                continue
            return f"it would bring {diagnostic.code}: {diagnostic.message}"
    return _Result(source, diagnostics)


def _share_edits(chosen: Sequence[Diagnostic]) -> bool:
    """Whether one repair serves several findings."""
    fixes = [item.fix.edits for item in chosen if item.fix]
    return len(fixes) != len(set(fixes))


def _new_lines(text: Text, edits: Iterable[Edit], result: str) -> Iterator[int]:
    """The lines of the result in which something was written."""
    written = Text(result)
    moved = 0
    for edit in sorted(edits, key=lambda item: (text.start(item.span), text.end(item.span))):
        length = len(Text(edit.replacement).text) + edit.replacement.count("\n") * (len(text.newline) - 1)
        start = text.start(edit.span) + moved
        if length:
            yield from range(written.span(start, start).line, written.span(start, start + length).end_line + 1)
        moved += length - (text.end(edit.span) - text.start(edit.span))

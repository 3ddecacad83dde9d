"""Which rules are to be reported: selectors by code, prefix, slug or ``ALL``, the most specific of which decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from paramlint.rules.base import Rule

EVERYTHING = "ALL"
# Specificity of a selector: a code's is its length, ``ALL`` is the least, and a slug is as specific as a whole code.
_LEAST = 0
_WHOLE = 6


class UnknownSelector(ValueError):
    """A selector that matches no rule."""


class SelectionLayer(NamedTuple):
    """What one source (a configuration file, the command line) says; ``select`` is None where it says nothing."""

    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


class _Entry(NamedTuple):
    specificity: int
    layer: int
    ignores: bool
    codes: frozenset[str]


def codes_for(selector: str, rules: Sequence[Rule]) -> frozenset[str]:
    """Return the codes that a selector means: ``ALL``, a code or the beginning of one, or a slug.

    Raises UnknownSelector, with the nearest name as a hint, when it means none.
    """
    if selector == EVERYTHING:
        return frozenset(rule.code for rule in rules)
    codes = frozenset(rule.code for rule in rules if rule.slug == selector or rule.code.startswith(selector))
    if not codes or not selector:
        from difflib import get_close_matches

        names = [name for rule in rules for name in (rule.code, rule.slug)]
        near = get_close_matches(selector.lower(), names, 1) or get_close_matches(selector.upper(), names, 1)
        hint = f"; did you mean {near[0]}?" if near else "; `paramlint rules` lists the rules"
        raise UnknownSelector(f"no rule has the code, prefix or name {selector!r}{hint}")
    return codes


def selected_codes(rules: Sequence[Rule], layers: Sequence[SelectionLayer], *, proving: bool = False) -> frozenset[str]:
    """Return the codes that are on; ``proving``: where only what is proved will be shown of rules that ask for it.

    Rules start as they are by default. A layer's ``select`` replaces the defaults and the ``select`` and
    ``extend_select`` of earlier layers; ``ignore`` adds up. For each rule the most specific selector decides, then the
    later layer, then ``ignore``.

    Raises UnknownSelector.
    """
    replaced = max((index for index, layer in enumerate(layers) if layer.select is not None), default=-1)
    entries: list[_Entry] = []
    for index, layer in enumerate(layers):
        chosen = (*(layer.select or ()), *layer.extend_select)
        for ignores, selectors in ((False, chosen), (True, layer.ignore)):
            for selector in selectors:
                codes = codes_for(selector, rules)
                if ignores or index >= replaced:
                    entries.append(_Entry(_specificity(selector, codes), index, ignores, codes))
    selected = set()
    for rule in rules:
        deciding = max((entry for entry in entries if rule.code in entry.codes), default=None, key=lambda e: e[:3])
        if deciding is None:
            if replaced < 0 and (rule.enabled_by_default or (proving and rule.shown_if_proved)):
                selected.add(rule.code)
        elif not deciding.ignores:
            selected.add(rule.code)
    return frozenset(selected)


def _specificity(selector: str, codes: frozenset[str]) -> int:
    if selector == EVERYTHING:
        return _LEAST
    return len(selector) if any(code.startswith(selector) for code in codes) else _WHOLE

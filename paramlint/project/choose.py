"""Which of several bindings of one name counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from paramlint.model import code
from paramlint.project import externals
from paramlint.project.bindings import Binding, ValueTarget
from paramlint.project.definitions import Definition, External, ModuleReference, Unresolved

_STAND_IN = External("torch.nn.Module")


def choose(bindings: Sequence[Binding], define: Callable[[Binding], Definition], is_sequential: bool) -> Definition:
    """Return what all bindings that can count agree on; Unresolved where they do not.

    With ``is_sequential`` the scope has run from top to bottom, so a later unconditional binding replaces earlier ones.
    Of the arms of a ranked attempt (``try`` an import, else another) the first that resolves counts. ``None`` as a
    stand-in for what is missing counts for nothing beside other bindings.
    """
    telling = [binding for binding in bindings if not _binds_none(binding)] or list(bindings)
    return _merged(telling, define, is_sequential, 0)


def choose_equal(definitions: Iterable[Definition]) -> Definition:
    """Return the one definition that all alternatives are; ``object`` stands in for what is missing."""
    alternatives = list(dict.fromkeys(definitions))
    if len(alternatives) > 1:
        alternatives = [item for item in alternatives if item != External("builtins.object")]
    return alternatives[0] if len(alternatives) == 1 else Unresolved("bound to several things")


def _merged(
    bindings: Sequence[Binding], define: Callable[[Binding], Definition], is_sequential: bool, depth: int
) -> Definition:
    statements: dict[int, dict[int, list[Binding]]] = {}
    ranked: set[int] = set()
    definitions: list[Definition] = []
    for binding in _last(bindings, depth) if is_sequential else bindings:
        if len(binding.attempts) <= depth:
            definitions.append(define(binding))
            continue
        attempt = binding.attempts[depth]
        statements.setdefault(attempt.statement, {}).setdefault(attempt.arm, []).append(binding)
        if attempt.ranked:
            ranked.add(attempt.statement)
    for statement, arms in statements.items():
        merged = [_merged(arms[arm], define, is_sequential, depth + 1) for arm in sorted(arms)]
        definitions += [_first_known(merged)] if statement in ranked else merged
    return choose_equal(definitions)


def _last(bindings: Sequence[Binding], depth: int) -> Sequence[Binding]:
    """Return the last binding that is unconditional at a depth of branches, and those that follow it."""
    for index in range(len(bindings) - 1, -1, -1):
        if len(bindings[index].attempts) == depth:
            return bindings[index:]
    return bindings


def _first_known(definitions: Sequence[Definition]) -> Definition:
    """Return the first definition that is known to exist, failing that the first that resolves at all.

    ``torch.nn.Module`` stands in for a class that is missing, and says nothing of what that has.
    """
    for definition in definitions:
        if definition == _STAND_IN:
            continue
        if isinstance(definition, (External, ModuleReference)):
            is_found = isinstance(definition, ModuleReference) and definition.path is not None
            if is_found or externals.is_known(definition.name):
                return definition
        elif not isinstance(definition, Unresolved):
            return definition
    return next((item for item in definitions if not isinstance(item, Unresolved)), definitions[0])


def is_none(node: code.Expression) -> bool:
    """Whether an expression is the constant None."""
    return isinstance(node, code.Constant) and node.value is None


def _binds_none(binding: Binding) -> bool:
    return isinstance(binding.target, ValueTarget) and is_none(binding.target.node)

"""The order in which Python searches a class's bases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from paramlint.project import externals
from paramlint.project.definitions import ClassDefinition, External, Unresolved

Entry = ClassDefinition | External | Unresolved


def merge(bases: Sequence[Sequence[Entry]]) -> tuple[Entry, ...] | None:
    """Return the C3 merge of the bases' own orders (each begins with the base); None where Python would refuse."""
    if len(bases) == 1:
        return tuple(bases[0])
    pending = [list(reversed(order)) for order in (*bases, [order[0] for order in bases if order]) if order]
    in_tails = Counter(entry for order in pending for entry in order[:-1])
    result: list[Entry] = []
    while pending:
        head = next((order[-1] for order in pending if not in_tails[order[-1]]), None)
        if head is None:
            return None
        result.append(head)
        for order in pending:
            if order[-1] == head:
                order.pop()
                if order:
                    in_tails[order[-1]] -= 1
        pending = [order for order in pending if order]
    return tuple(result)


def depth_first(bases: Sequence[Sequence[Entry]]) -> tuple[Entry, ...]:
    """Return the bases' orders one after the other, each entry where it stands last."""
    entries = [entry for order in bases for entry in order]
    return tuple(reversed(dict.fromkeys(reversed(entries))))


def external_order(external: External) -> tuple[Entry, ...]:
    """Return the order of a class that is not read, as far as it is known; ``object`` is left out everywhere."""
    if external.name == "builtins.object":
        return ()
    if external.name != "torch.nn.Module" and externals.is_module_class(external.name):
        return (external, External("torch.nn.Module"))
    return (external,)

"""Comparing forms by structure and type, for the tests of the two lowerings."""

from __future__ import annotations


def difference(fast: object, exact: object, where: str = "facts") -> str:
    """Where and how two forms first differ, or "" when they are equal.

    Named tuples of different classes compare equal as tuples, and so do 1, 1.0 and True: types count here.
    """
    if type(fast) is not type(exact):
        return f"{where}: {fast!r:.300} is not of the type of {exact!r:.300}"
    if isinstance(fast, tuple) and isinstance(exact, tuple):
        if len(fast) != len(exact):
            return f"{where}: {fast!r:.300} is not as long as {exact!r:.300}"
        names = getattr(fast, "_fields", range(len(fast)))
        for name, one, other in zip(names, fast, exact, strict=True):
            found = difference(one, other, f"{where}.{name}")
            if found:
                return found
        return ""
    return "" if repr(fast) == repr(exact) else f"{where}: {fast!r:.300} != {exact!r:.300}"

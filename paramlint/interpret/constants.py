"""The numbers that factories and writes fill memory with, where all of it holds one."""

from __future__ import annotations

from paramlint.interpret.values import Container, Known, Value


def constant_of(name: str, positional: list[Value], keywords: dict[str, Value]) -> float | None:
    """The one number that a factory, or a write in place, of that bare name fills memory with; None for any other."""
    name = name.rstrip("_").removesuffix("_like").removeprefix("new_")
    if name in ("zeros", "zero"):
        return 0.0
    if name == "ones":
        return 1.0
    given: Value | None = None
    if name in ("full", "fill", "constant"):
        given = keywords.get("fill_value", keywords.get("val", positional[1] if len(positional) > 1 else None))
    elif name == "tensor" and positional:
        values = scalars(positional[:1])
        is_exact = not (isinstance(positional[0], Container) and not positional[0].is_exact)
        given = values[0] if is_exact and values and all(value == values[0] for value in values) else None
    if isinstance(given, Known) and isinstance(given.value, (int, float)):
        return float(given.value)
    return None


def scalars(values: list[Value]) -> list[Value]:
    """The values in lists and tuples, at any depth."""
    found: list[Value] = []
    for value in values:
        found.extend(scalars(value.items) if isinstance(value, Container) else [value])
    return found

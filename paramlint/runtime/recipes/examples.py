"""Examples in documentation: the statements behind ``>>>`` in docstrings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from paramlint.facts.lower_ast import lower
from paramlint.facts.source import SourceError, source_from_text
from paramlint.model import code

_PROMPT = re.compile(r"^\s*(>>>|\.\.\.)(?: (.*))?$")


def docstring(body: Sequence[code.Statement]) -> code.Constant | None:
    """Return the string that opens a module's, class's or function's body."""
    if not body or not isinstance(body[0], code.ExpressionStatement):
        return None
    value = body[0].value
    return value if isinstance(value, code.Constant) and isinstance(value.value, str) else None


def example_of(constant: code.Constant) -> code.Function | None:
    """Return the examples of a docstring as the body of a function, so that its imports are names of its own.

    Statements that do not parse are left out; None where none is left. Spans are those of a text of the examples
    alone, but the function's is the docstring's.
    """
    statements = tuple(statement for text in _chunks(str(constant.value)) for statement in _parsed(text))
    if not statements:
        return None
    return code.Function("<example>", (), None, (), statements, False, constant.span)


def _parsed(text: str) -> tuple[code.Statement, ...]:
    try:
        return lower(source_from_text("<example>", text)).body
    except SourceError:
        return ()


def _chunks(text: str) -> Iterator[str]:
    """Yield each ``>>>`` line with the ``...`` lines that continue it."""
    chunk: list[str] = []
    for line in text.splitlines():
        found = _PROMPT.match(line)
        if found is None or found.group(1) == ">>>":
            if chunk:
                yield "\n".join(chunk) + "\n"
            chunk = []
        if found is not None and (chunk or found.group(1) == ">>>"):
            chunk.append(found.group(2) or "")
    if chunk:
        yield "\n".join(chunk) + "\n"

"""What literals and names written in source stand for, as Python's own parser reads them."""

from __future__ import annotations

import ast
import re
import unicodedata
from typing import Final

_LINE_END: Final = re.compile(r"\r\n?")
# One escape sequence of a string; a backslash that ends the text stands for itself.
_ESCAPE: Final = re.compile(r"\\(?:[0-7]{1,3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]*\}|.)", re.DOTALL)


def identifier(written: str) -> str:
    """The name that an identifier means: Python compares names in normal form KC."""
    return written if written.isascii() else unicodedata.normalize("NFKC", written)


def integer(written: str) -> int:
    """The value of an integer literal. Raises ValueError for more digits than Python's ``int`` accepts."""
    return int(written, 0)


def imaginary(written: str) -> complex:
    """The value of an imaginary literal."""
    return complex(0.0, float(written[:-1]))


def string(written: str) -> str | bytes:
    """The value of one string or bytes literal, prefix and quotes included. Raises SyntaxError where Python would."""
    if "\\" in written or "\r" in written:
        value = ast.literal_eval(written)
        assert isinstance(value, (str, bytes))
        return value
    quote = written[-1]
    start = written.index(quote)
    width = 3 if written.startswith(quote * 3, start) and len(written) >= start + 6 else 1
    text = written[start + width : -width]
    return text.encode("ascii") if "b" in written[:start].lower() else text


def formatted_text(written: str, start: str) -> str:
    """The value of a literal piece of an f-string that opens with ``start``: its prefix and quotes."""
    text = written.replace("{{", "{").replace("}}", "}")
    if "\r" in text:
        text = _LINE_END.sub("\n", text)
    if "\\" not in text or "r" in start.lower():
        return text
    return _ESCAPE.sub(_unescaped, text)


def _unescaped(escape: re.Match[str]) -> str:
    value = ast.literal_eval(f'"{escape.group()}"')
    assert isinstance(value, str)
    return value

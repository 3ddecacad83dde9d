"""How deep a source nests, estimated from its text before a parser is trusted with it."""

from __future__ import annotations

import re
from typing import Final

from paramlint.facts.conditions import TOO_DEEP
from paramlint.facts.source import Source, SourceError

# libcst's native parser overflows the machine's stack, which ends the process, somewhere above 800 nested brackets
# and 3000 chained operators (libcst 1.9, 8 MB of stack). CPython itself stops at 200 brackets.
_MAXIMUM_BRACKETS: Final = 200
MAXIMUM_CHAIN: Final = 2000
# The time libcst takes for a pattern doubles with each of its brackets: 12 take 0.05 s, 20 take ten.
_MAXIMUM_PATTERN_BRACKETS: Final = 12

_LINE_END: Final = re.compile(r"\r\n?|\n")
_LINKS: Final = r"(?:and|or|not|if|elif|else|in|is|lambda|await|for)\b"
# Keywords that no expression holds.
_STATEMENTS: Final = r"(?:def|class|return)\b"
# Words and blanks are passed over within a match, which is several times faster than a match for each.
_TOKEN: Final = re.compile(
    rf"""
    (?: [ \t] | \b(?!{_LINKS}|{_STATEMENTS}|case\b)\w+ )*
    (?:
      (?P<link> {_LINKS} | [-+*/%@&|^~<>=!.]
              | \"{{3}} (?:[^"\\]|\\.|"(?!""))* \"{{3}} | '{{3}} (?:[^'\\]|\\.|'(?!''))* '{{3}}
              | " (?:[^"\\\r\n]|\\.)* " | ' (?:[^'\\\r\n]|\\.)* ' )
    | (?P<open> [(\[{{] )
    | (?P<close> [)\]}}] )
    | (?P<comma> , )
    | (?P<statement> {_STATEMENTS} )
    | (?P<case> case\b )
    | (?P<line> \r\n? | \n )
    | \#[^\r\n]*
    | \\\r?\n
    | .
    )
    """,
    re.VERBOSE | re.DOTALL,
)


def check_nesting(source: Source) -> None:
    """Raise SourceError, with its line, if brackets or chains of operators nest deeper than parsers can stand.

    A chain is what a parser may nest without any bracket: operators, attributes, calls, adjacent strings, conditional
    expressions, ``elif``. A comma ends the chain of its bracket, and the end of a line all of them outside brackets.
    f-strings that hold their own quotes (PEP 701) are misread; what that leaves open is closed by the next statement
    that has a keyword of its own.
    """
    chains = [0]  # of each bracket that is open, outermost first
    total = 0
    elifs = 0
    brackets = _MAXIMUM_BRACKETS
    for token in _TOKEN.finditer(source.text):
        kind = token.lastgroup
        if kind == "link":
            chains[-1] += 1
            total += 1
            if token["link"] == "elif":
                elifs += 1
        elif kind == "open":
            chains[-1] += 1
            total += 1
            chains.append(0)
        elif kind == "close":
            if len(chains) > 1:
                total -= chains.pop()
        elif kind == "comma" or (kind == "line" and len(chains) == 1):
            total -= chains[-1]
            chains[-1] = 0
            if kind == "line":
                brackets = _MAXIMUM_BRACKETS
        elif kind == "case" and total == 0:
            brackets = _MAXIMUM_PATTERN_BRACKETS
        elif kind == "statement":
            chains = [0]
            total = 0
        if total > MAXIMUM_CHAIN or len(chains) - 1 > brackets or elifs > MAXIMUM_CHAIN:
            line = len(_LINE_END.findall(source.text, 0, token.end())) + 1
            raise SourceError(source.path, line, TOO_DEEP)

"""Both lowerings give the same form: of tricky constructs, and of files of the standard library."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import pytest

from paramlint.facts import lower_ast, lower_libcst
from paramlint.facts.source import read_source, source_from_text
from paramlint.model import code
from tests.facts_equality import difference

EXPRESSIONS = {
    "constants": "[None, True, False, ..., 1, 0x_ff, 0o17, 0b1, 1_000, 00, 1.5, 1e-3, .5, 1_0.0_1, 2j, 1.5J, 10**100]",
    "plain strings": "['a', \"b\", '''c''', \"\"\"d\n  e\"\"\", u'f', '', \"\"\"\"\"\", r'\\d', R'\\\\']",
    "escapes": r"""['\n\t\\\'\"', '\x41\u00e9\U0001F600\N{BULLET}', '\101\7', '\d', 'a\
b', b'\xff\n', rb'\xff', Br'\\', '\0']""",
    "adjacent strings": "('a' \"b\" r'\\c' u'd'\n  '''e''' # comment\n  'f')",
    "adjacent bytes": "b'a' rb'\\b' b''",
    "negative numbers": "[-1, +1, ~1, - 1, --1, -1j, 1 - -1, -1 ** 2]",
    "formatted string": "f'a{b}c{d.e(1)!r:>{w}}{{}}{x:}' ",
    "formatted string without placeholders": "f'abc' f''",
    "formatted and plain strings": "'a' f'b{c}' 'd' rf'\\{e}' f\"{'f'}\" '{g}'",
    "formatted strings with escapes": "f'\\n{a}\\N{BULLET}{{\\x41\\'' f'\\{b}' rf'\\n{c}\\''",
    "self-documenting placeholders": "f'{x=}{ x = }{x=!s}{x = :>5}{a.b(c, d) =}'",
    "nested formatted strings": 'f\'{f"{x!a}"} {[y for y in f"{z}"]}\'',
    "formatted string over lines": "f'''a\n {b}\n{c\n}'''",
    "quote before a placeholder": 'f"""a"{b}"" \\"{c}"""',
    "lambda in a placeholder": "f'{(lambda x: x)}' f'{x:{y}.{z}f}'",
    "parenthesised operands": "((a) + (b)) * (c).d[(e)]((f))",
    "operators": "a + b - c * d / e // f % g @ h ** i << j >> k | l & m ^ ~n",
    "boolean chains": "a and b and c or (d and e) and f or not g or (h or i)",
    "boolean chains with parentheses": "(a or b) or c or (d or e)",
    "comparisons": "a < b <= c > d >= e == f != g is h is  not i in j not \\\n in k",
    "conditionals": "a if b else c if d else (e if f else g)",
    "lambdas": "[lambda: 0, lambda a, b=1, *c, d, e=2, **f: (a, e), lambda a, /, b, *, c: a, lambda *, a: a]",
    "displays": "[[], [a, *b], (), (a,), (a, b), {a}, {a, *b}, {}, {a: b, **c, 'd': e}]",
    "comprehensions": "[[a for b in c if d if e for f, *g in h], {a for b in c}, {a: b for c in d}, (a for b in c)]",
    "generator as the only argument": "f(a for b in c)(  # comment with (\n  d for e in f  )",
    "generator among arguments": "f((a for b in c), (d for e in g))",
    "generator in its own parentheses": "f((a for b in c))",
    "calls": "f(a, *b, c=d, **e)(*f, *g, h)(i := 1, j=(k := 2))",
    "argument unpacked after a keyword": "f(a, b=c, *d, **e)",
    "subscripts": "a[b][c, d][e:f][:, None, ...][g:h:i, ::2][::][(1, 2)][()][(a for b in c)][-1]",
    "subscripts with a trailing comma": "a[b,][c, ][ d : e , ][(f), (g) , ]",
    "walrus": "[a := 1, (b := 2), c[d := 3]]",
    "attributes over lines": "(a\n  .b  # comment\n  .c . d)",
    "whitespace inside brackets": "( a , b ,  )[ c ]( d , )",
    "redundant parentheses": "(((a)), ((b, c)), (((d for e in f))), ([g]), (f'{h}'), ('i' 'j'))",
    "outside ASCII": "'é' + ä.ö('日本', ß=1)['x', \"😀\"] + f'é{ü}ß{x=}'",
    "names in compatibility form": "ﬁ.ﬂ(ﬀ=1)",
    "awaits and yields": "lambda: [(yield), (yield a), (yield from b), (yield c, d), (yield *e, f)]",
}

STATEMENTS = {
    "assignments": (
        "a = b = c\na, b = b, a\n(a, b) = [c, *d] = e\na[b], c.d = e\n"
        "x = 1, 2,  # comment\n*a, = b\nx = (yield)\n(x) = (y)\n"
    ),
    "augmented assignments": (
        "a += b; a -= b; a *= b; a /= b; a //= b; a %= b; a @= b\n"
        "a **= b; a <<= b; a >>= b; a |= b; a &= b; a ^= b, c\n"
    ),
    "annotated assignments": "a: int\na.b: 'c' = 1\na[b]: c = d, e\n",
    "semicolons": "a; b ; c = 1;\nif x: y; z = 1\n",
    "deletions": "del a\ndel a, b\ndel (a), b[c], d.e\ndel (a, b)\ndel a,\ndel (a, b), [c]\n",
    "jumps": "for a in b:\n    break; continue\n    pass\n",
    "raises": "raise\nraise A\nraise A(b) from (c)\nassert a\nassert (a), 'b' 'c'\n",
    "imports": (
        "import a\nimport a.b as c, d . e\nfrom a import b\nfrom . import a as b, c\nfrom ...a.b import (c, d as e,)\n"
        "from .. . import f\nfrom .... import g\nfrom a import *\nfrom a import (  # comment\n    b,\n)\n"
    ),
    "scopes": "def f():\n    global a, b\n    def g():\n        nonlocal c\n",
    "branches": "if a: b\nelif c:\n    d\nelif e: f\nelse:\n    g\nif a:\n    b\nelse:\n    if c: d\n",
    "loops": "for a, b in c, d, :\n    e\nelse:\n    f\nwhile a: b\nelse: c\nfor x in *a, b: pass\nfor x, in y: pass\n",
    "with": (
        "with a: b\nwith a as b, c as (d, e): f\nwith (a, b): c\nwith (a as b, c as d,): e\nwith (a, b) as c: d\n"
        "with (a), (b): c\nwith (a): b\nwith (yield): c\nwith (a for b in c): d\nwith a() as b[c], d as e.f: g\n"
    ),
    "tries": (
        "try: a\nexcept: b\ntry:\n    a\nexcept A as b: c\nexcept (B, C): d\nelse: e\nfinally: f\ntry: a\nfinally: b\n"
    ),
    "functions": (
        "@a\n@b.c(d)\ndef f(a, /, b: int = 1, *c: str, d, e=2, **f: g) -> (h, i): ...\n"
        "def  g ( ) : return\ndef h(*, a): return a, *b\ndef \\\n  i(): pass\n"
    ),
    "async": (
        "async  def f():\n    async with a as b: await c\n    async for d in e: yield f\n"
        "    [x async for x in y]\n"
        "async def g(): return await (a), await b.c(d)\nclass A:\n    async \\\n def h(self): pass\n"
    ),
    "classes": (
        "class A: pass\nclass B(): x = 1\nclass C(A, *B, metaclass=M, **k):\n    '''Doc.'''\n"
        "@d\nclass  E\\\n(F): pass\n"
    ),
    "matches": (
        "match a:\n    case 1 | -2 | 'b' 'c' | None | 1 + 2j | e.f: pass\n    case [g, *h] | (g, *h) if i: pass\n"
        "    case {'j': k, **l}: pass\n    case M(n, o=p) as q: pass\n    case [*_], _: pass\n    case (r): pass\n"
        "    case x, : pass\nmatch b, c:\n    case _: pass\nmatch *a, b:\n    case _: pass\n"
        "match(c)\nmatch = case = 1\n"
    ),
    "nested definitions": "class A:\n  class B:\n    def f(self):\n      def g(): return self\n      return g\n",
    "documentation strings": '"""Module."""\ndef f():\n    "a" "b"\n',
    "type comments": "a = []  # type: list[int]\nfor b in c:  # type: ignore\n    pass\n",
    "tabs and form feeds": (
        "if a:\n\tb = 1\n\n\f\ndef f():\n \tif c:\n \t \td\n\fx = (1,\n\f2)\n"
        "class A:\n  y\n\fclass B: z, w\nif a:\n  b\n  \fc\n"
    ),
    "line endings": "if a:\r\n  b = '''c\r\nd'''\r\nx = f'''{y}\r\n'''\r\n",
    "old line endings": "a\rif b:\r  c = '''d\re'''\r",
    "continued lines": "a = b \\\n  + c\nif a and \\\n   b: c\nx = 'd' \\\n  'e'\n",
    "no newline at the end": "a = 1",
    "outside ASCII": (
        "é = 'ä'; ö = é\ndef ñ(ä, *, ö='ß'): return ä\nclass Ü(é): ß = 'x' + y\n"
        "'日本'; from a import é as ﬁ\nglobal ﬂ\ndef ℘·e\u0301(): pass\n"
    ),
    "comments everywhere": "# a\n\n  # b\nf(  # c\n    a,  # d\n    # e\n    *b\n    # f\n)  # g\n",
    "empty": "",
    "only a comment": "# a",
}
if sys.version_info >= (3, 11):
    STATEMENTS["exception groups"] = "try: a\nexcept* A as b: c\nexcept *(B, C): d\n"
    STATEMENTS["starred subscripts"] = "a[*b]\na[*b, c:d]\na[*b,]\ndef f(*args: *Ts): pass\n"
if sys.version_info >= (3, 12):
    STATEMENTS["type parameters"] = (
        "def f[T: int, *U, **P](x: T) -> T: pass\nclass A[T](B): pass\ntype X[T] = list[T]\n"
    )
    EXPRESSIONS["quotes within quotes"] = "f'{a['b']}{f'{f'{c}'}'}{\n'd' # comment\n}' f'{'\\n'}'"
if sys.version_info >= (3, 14):
    EXPRESSIONS["template strings"] = "t'{a}b'"
    STATEMENTS["exceptions without parentheses"] = "try: a\nexcept B, C: d\n"


def assert_equal_forms(text: str) -> code.SourceFacts:
    source = source_from_text("example.py", text)
    fast = lower_ast.lower(source)
    assert difference(fast, lower_libcst.lower(source)) == ""
    return fast


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in EXPRESSIONS.items()])
def test_expressions_lower_alike(text: str) -> None:
    assert_equal_forms(f"x = ({text})\nif {text}:\n    return_(({text}), k=[{text}])\n")


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in STATEMENTS.items()])
def test_statements_lower_alike(text: str) -> None:
    assert_equal_forms(text)


LIBRARY = Path(sysconfig.get_paths()["stdlib"])
# Chosen for variety: old and new style, long strings, deep expressions, metaclasses, async, other alphabets.
# fmt: off
LIBRARY_FILES = [
    "__future__", "_collections_abc", "_markupbase", "_sitebuiltins", "abc", "asyncio/events", "asyncio/locks",
    "asyncio/tasks", "base64", "bisect", "calendar", "cmd", "codecs", "collections/__init__", "colorsys",
    "concurrent/futures/_base", "contextlib", "copy", "csv", "ctypes/util", "dataclasses", "dis",
    "email/message", "encodings/cp1252", "enum", "fractions", "functools", "getopt", "glob", "graphlib",
    "heapq", "html/parser", "http/cookies", "importlib/util", "json/decoder", "json/encoder", "keyword",
    "linecache", "ntpath", "numbers", "opcode", "operator", "queue", "random", "re", "sched", "selectors",
    "shelve", "shlex", "stat", "string", "struct", "symtable", "textwrap", "this", "tokenize", "types", "uuid",
    "weakref", "zipapp",
]
# fmt: on


@pytest.mark.parametrize("name", LIBRARY_FILES)
def test_standard_library_lowers_alike(name: str) -> None:
    path = LIBRARY / f"{name}.py"
    if not path.exists():
        pytest.skip("a package or gone in this Python")
    source = read_source(str(path))
    assert difference(lower_ast.lower(source), lower_libcst.lower(source)) == ""

"""Functions that are lowered when they are first asked for have the form that lowering the whole file gives them."""

from __future__ import annotations

import ast
import pickle
import sysconfig
from pathlib import Path

import pytest

from paramlint.facts.lower_ast import lower
from paramlint.facts.on_demand import Trees, lower_on_demand
from paramlint.facts.source import Source, read_source, source_from_text
from paramlint.interpret.scan import nodes
from paramlint.model import code

STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib"))
KEPT = pytest.mark.parametrize("keeps", [False, True], ids=["parsed again", "from the tree"])

LAYOUTS = {
    "top level": "def f(a):\n    b = a\n    c = b\n    return c\n",
    "method": "class C:\n    @wraps\n    def f(self):\n        x = 1\n        y = 2\n        return x, y\n",
    "tabs": "class C:\n\tdef f(self):\n\t\tif self:\n\t\t\treturn 1\n\t\treturn 2\n",
    "below a branch": "if a:\n      def f():\n         x = 1\n\n         return x\nelse:\n  f = None\n",
    "asynchronous": "class C:\n    async def f(self):\n        async with a as b:\n            await b\n            return 1\n",
    "nested": "def f():\n    def g():\n        x = 1\n        return x\n    class D:\n        def h(self):\n            pass\n\n    return g\n",
    "beyond ASCII": "def f():\n    \u00e4 = '\u20ac'; x = \u00e4\n    s = f'\u00fc{x}'\n    return s\n\ndef g():\n    a = 1\n    b = 2\n    return b\n",
    "text at the margin": 'class C:\n    def f(self):\n        s = """\nno indentation\n"""\n# nor here\n        return s\n',
    "carriage returns": "class C:\r\n    def f(self):\r\n        a = '''x\r\n'''\r\n        b = a\r\n        return b\r\n",
    "form feed": "class C:\n\f\n    def f(self):\n        a = 1\n\f\n        b = a\n        return b\n",
    "after a backslash": "class C:\n    x = 1\n\\\n    def f(self):\n        a = 1\n        b = 2\n        return b\n",
    "no final newline": "def f():\n    a = 1\n    b = 2\n    return b",
    "many branches": "def f(x):\n    if x == 0:\n        return 0\n"
    + "".join(f"    elif x == {number}:\n        return {number}\n" for number in range(1, 120)),
}


def on_demand_form(source: Source, keeps: bool) -> code.SourceFacts:
    return lower_on_demand(source, trees={} if keeps else None)


@KEPT
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout: str, keeps: bool) -> None:
    source = source_from_text("example.py", LAYOUTS[layout])
    assert on_demand_form(source, keeps) == lower(source)


@KEPT
@pytest.mark.parametrize(
    "name", ["argparse.py", "dataclasses.py", "tokenize.py", "asyncio/base_events.py", "typing.py"]
)
def test_files_of_the_standard_library(name: str, keeps: bool) -> None:
    source = read_source(str(STANDARD_LIBRARY / name))
    assert on_demand_form(source, keeps) == lower(source)


def test_a_body_is_made_when_it_is_asked_for_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    (function,) = lower_on_demand(source_from_text("example.py", LAYOUTS["top level"])).body
    assert isinstance(function, code.Function)
    parsed: list[str] = []
    original = ast.parse

    def parse(text: str, *rest: str) -> ast.AST:
        parsed.append(text)
        return original(text, *rest)

    monkeypatch.setattr(ast, "parse", parse)
    assert not code.may_hold(function, "global")
    assert code.may_hold(function, "return")
    assert parsed == []
    assert function.body is function.body
    assert len(parsed) == 1
    assert sum(isinstance(node, code.Return) for node in nodes((function,))) == 1
    assert len(parsed) == 1


def test_a_tree_that_is_kept_is_used_and_let_go() -> None:
    trees: Trees = {}
    first, second = lower_on_demand(source_from_text("example.py", LAYOUTS["beyond ASCII"]), trees=trees).body
    assert isinstance(first, code.Function)
    assert isinstance(second, code.Function)
    assert len(trees) == 2
    assert len(first.body) == 4
    assert len(trees) == 1
    trees.clear()
    assert second.body == lower(source_from_text("example.py", LAYOUTS["beyond ASCII"])).body[1].body  # type: ignore[union-attr]


def test_facts_pickle_and_hash_as_those_made_at_once() -> None:
    source = source_from_text("example.py", LAYOUTS["method"])
    late, whole = lower_on_demand(source), lower(source)
    assert hash(late) == hash(whole)
    assert pickle.loads(pickle.dumps(late)) == whole

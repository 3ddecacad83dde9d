"""What the lowerings do with text that does not parse or nests without measure: an error with its line, never worse."""

from __future__ import annotations

import gc
import subprocess
import sys
import warnings
from collections.abc import Callable

import pytest

from paramlint.facts import lower_ast, lower_libcst
from paramlint.facts.conditions import MAXIMUM_DEPTH
from paramlint.facts.source import Source, SourceError, source_from_text
from paramlint.model import code
from tests.facts_equality import difference

Lower = Callable[[Source], code.SourceFacts]
BOTH = pytest.mark.parametrize("lower", [lower_ast.lower, lower_libcst.lower], ids=["ast", "libcst"])


@BOTH
@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("a = 1\nb = = 2\n", 2, id="syntax"),
        pytest.param("a = 1\n  b\n", 2, id="indentation"),
        pytest.param("a\nprint 1\n", 2, id="Python 2"),
        pytest.param("a\nb'é'\n", 2, id="bytes outside ASCII"),
        pytest.param("a\n'b\n", 2, id="open string"),
        pytest.param("a\n'b' b'c'\n", 2, id="str beside bytes"),
        pytest.param("a\nx = " + "(" * 1000 + ")" * 1000 + "\n", 2, id="brackets"),
    ],
)
def test_unparsable_text_is_an_error_with_its_line(lower: Lower, text: str, line: int) -> None:
    with pytest.raises(SourceError) as raised:
        lower(source_from_text("example.py", text))
    assert (raised.value.path, raised.value.line) == ("example.py", line)
    assert "\n" not in raised.value.message


@BOTH
@pytest.mark.parametrize(
    "text", ["x = '\ud800'\n", "x = " + "1" * 5000], ids=["lone surrogate", "number of 5000 digits"]
)
def test_text_that_python_cannot_hold_is_an_error(lower: Lower, text: str) -> None:
    if text[-1] == "1" and not hasattr(sys, "set_int_max_str_digits"):
        pytest.skip("this Python has no limit")
    with pytest.raises(SourceError):
        lower(source_from_text("example.py", text))


NESTED = {
    "sum": lambda n: "+".join(["a"] * n),
    "power": lambda n: "**".join(["a"] * n),
    "attributes": lambda n: "a" + ".b" * n,
    "calls": lambda n: "a" + "()" * n,
    "subscripts": lambda n: "a" + "[b]" * n,
    "minus": lambda n: "-" * n + "a",
    "not": lambda n: "not " * n + "a",
    "lambda": lambda n: "lambda:" * n + "a",
    "conditional": lambda n: "a if b else " * n + "c",
    "elif": lambda n: "if a: pass\n" + "elif b: pass\n" * n,
    "parentheses": lambda n: "(" * n + "a" + ")" * n,
    "lists": lambda n: "[" * n + "]" * n,
    "dicts": lambda n: "{a:" * n + "b" + "}" * n,
    "calls of calls": lambda n: "a(" * n + ")" * n,
    "unclosed": lambda n: "a(" * n,
    "comprehensions": lambda n: "[" * n + "a" + " for b in c]" * n,
    "formatted strings": lambda n: "f'{" * n,
    "await": lambda n: "async def f():\n  " + "await " * n + "a",
    "blocks": lambda n: "".join(" " * i + "if a:\n" for i in range(min(n, 300))) + "pass",
    "patterns": lambda n: "match a:\n  case " + "[" * n + "]" * n + ": pass",
    "strings": lambda n: "(" + "'a' " * n + ")",
    "comparisons": lambda n: " < ".join(["a"] * n),
    "conjunctions": lambda n: " and ".join(["a"] * n),
    "assignments": lambda n: "a = " * n + "b",
}


@pytest.mark.parametrize("size", [150, 600, 5_000, 60_000])
def test_hostile_nesting_neither_crashes_nor_hangs(size: int) -> None:
    """In a process of its own, since a parser whose stack overflows ends the process."""
    program = (
        "from tests.test_facts_errors import attempt, NESTED\n"
        f"for name in NESTED: print(name, attempt(name, {size}), flush=True)\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr[-2000:]
    assert len(result.stdout.splitlines()) == len(NESTED)


def outcome(lower: Lower, source: Source) -> code.SourceFacts | SourceError:
    try:
        return lower(source)
    except SourceError as error:
        return error


def attempt(name: str, size: int) -> str:
    source = source_from_text("example.py", NESTED[name](size))
    fast, exact = outcome(lower_ast.lower, source), outcome(lower_libcst.lower, source)
    if isinstance(fast, SourceError) or isinstance(exact, SourceError):
        return f"{type(fast).__name__} {type(exact).__name__}"
    assert difference(fast, exact) == "", name
    return "equal"


@pytest.mark.parametrize("name", ["sum", "attributes", "calls", "minus", "conditional", "lambda"])
def test_deep_expressions_become_opaque_in_both(name: str) -> None:
    assert attempt(name, MAXIMUM_DEPTH + 50) == "equal"
    facts = lower_ast.lower(source_from_text("example.py", NESTED[name](MAXIMUM_DEPTH + 50)))
    assert "Opaque(" in repr(facts)


@BOTH
def test_deep_statements_are_an_error_with_their_line(lower: Lower) -> None:
    with pytest.raises(SourceError, match="nested too deeply") as raised:
        lower(source_from_text("example.py", NESTED["elif"](MAXIMUM_DEPTH + 50)))
    assert raised.value.line == MAXIMUM_DEPTH + 1


@BOTH
def test_much_code_is_not_deep_code(lower: Lower) -> None:
    table = "x = [\n" + "    1.5 + y.z, 'a', {'b': -1},\n" * 1000 + "]\n"
    branches = "if a:\n    b\nelif c:\n    d\n" * 1000
    strings = "x = (\n" + "    'a'\n" * 600 + ")\n"
    lower(source_from_text("example.py", table + branches + strings + "a.b(c, d=-1)[2]\n" * 1000))


@BOTH
def test_conditions_are_restored(lower: Lower) -> None:
    limit = sys.getrecursionlimit()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lower(source_from_text("example.py", "x = '\\d'; y = 1if z else 2; z is 1\n"))
    with pytest.raises(SourceError):
        lower(source_from_text("example.py", "= 1"))
    assert gc.isenabled()
    assert sys.getrecursionlimit() == limit


def test_fast_lowering_loads_no_libcst() -> None:
    program = "import sys; import paramlint.facts.lower_ast; assert not any('libcst' in name for name in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_parsed_tree_is_used_as_it_is() -> None:
    import ast

    source = source_from_text("example.py", "x = ä + 1\n")
    tree = ast.parse(source.text)
    before = ast.dump(tree, include_attributes=True)
    assert difference(lower_ast.lower(source, tree), lower_ast.lower(source)) == ""
    assert ast.dump(tree, include_attributes=True) == before


def test_code_of_later_pythons_is_read_by_libcst() -> None:
    facts = lower_libcst.lower(
        source_from_text("example.py", "type X[T] = int\ndef f[T: int](a: T) -> T: ...\nclass A[T](B): pass\n")
    )
    alias, function, class_ = facts.body
    assert isinstance(alias, code.Assign)
    assert alias.targets == (code.Name("X", code.Span(1, 6, 1, 7)),)
    assert alias.value == code.Opaque(code.Span(1, 13, 1, 16))
    assert isinstance(function, code.Function)
    assert function.span == code.Span(2, 5, 2, 6)
    assert isinstance(class_, code.Class)
    assert len(class_.arguments) == 1


def test_text_that_only_libcst_refuses_is_an_error_with_its_line() -> None:
    # libcst 1.9 does not know parentheses around an annotated target.
    source = source_from_text("example.py", "a = 1\n(b): int = 2\n")
    lower_ast.lower(source)
    with pytest.raises(SourceError, match="libcst") as raised:
        lower_libcst.lower(source)
    assert raised.value.line == 2

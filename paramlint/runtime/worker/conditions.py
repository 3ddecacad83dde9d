"""Values that a condition asks for: read from the assertion that failed, or from what stands around a ``raise``."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

from torch import nn

from paramlint.runtime.worker import guess, source
from paramlint.runtime.worker.guess import Guess
from paramlint.runtime.worker.providers import Parts

Change = tuple[tuple[str, Guess], ...]
UNKNOWN = object()


def from_conditions(
    frames: list[tuple[FrameType, int]],
    suspects: list[str],
    plan: Mapping[str, Guess],
    parts: Parts,
) -> Iterator[Change]:
    """Values that would make the failing assertion true, or the condition of the ``raise`` false."""
    if not frames:
        return
    frame, line = frames[-1]
    statements = source.enclosing(frame.f_code, line)
    if not statements or not isinstance(statements[-1], (ast.Assert, ast.Raise)):
        return
    tests: list[ast.expr] = []
    if isinstance(statements[-1], ast.Assert):
        tests.append(statements[-1].test)
    tests += [statement.test for statement in reversed(statements[:-1]) if isinstance(statement, ast.If)]
    for test in tests[:3]:
        for node in ast.walk(test):
            if isinstance(node, ast.Compare) and len(node.ops) == 1:
                yield from _from_comparison(node, frame, suspects, plan)
            elif isinstance(node, ast.Call) and source.dotted(node.func) == "isinstance" and len(node.args) == 2:
                yield from _from_instance_check(node, frame, suspects, parts)
        # ``elif`` chains end in a raise: each branch above it names a value that is accepted.
    chain = [statement for statement in statements if isinstance(statement, ast.If)]
    for statement in chain[:1]:
        for part in ast.walk(statement):
            if isinstance(part, ast.Compare) and len(part.ops) == 1:
                yield from _from_comparison(part, frame, suspects, plan)


def _from_comparison(
    node: ast.Compare, frame: FrameType, suspects: list[str], plan: Mapping[str, Guess]
) -> Iterator[Change]:
    left, right = node.left, node.comparators[0]
    for side, other in ((left, right), (right, left)):
        related = [name for name in suspects if any(same_name(name, text) for text in source.names_in([side]))] or (
            suspects[:2] if source.names_in([side]) else []
        )
        value = evaluate(other, frame)
        if isinstance(side, ast.BinOp) and isinstance(side.op, ast.Mod):
            yield from _divisors(side, frame, suspects)
        elif (
            isinstance(side, ast.Call)
            and source.dotted(side.func) == "len"
            and isinstance(value, int)
            and 0 <= value < 64
        ):
            for name in related[:2]:
                scalar = guess.integer(name.rpartition(".")[2])
                yield ((name, guess.constant([scalar] * value)),)
        elif value is not UNKNOWN:
            accepted = list(value) if isinstance(value, (list, tuple, set, frozenset, dict)) else [value]
            if type(value).__name__ in ("dict_keys", "odict_keys"):
                accepted = list(value)
            for name in related[:2]:
                for item in accepted[:6]:
                    if isinstance(item, (str, int, float, bool)) and not isinstance(item, nn.Module):
                        yield ((name, guess.constant(item)),)
                        if isinstance(item, int) and isinstance(node.ops[0], (ast.Gt, ast.GtE, ast.Lt, ast.LtE)):
                            yield ((name, guess.constant(item + 1)),)
                            yield ((name, guess.constant(item - 1)),)


def same_name(suspect: str, text: str) -> bool:
    return suspect == text or text == f"self.{suspect}" or suspect.rpartition(".")[2] == text.rpartition(".")[2]


def _divisors(node: ast.BinOp, frame: FrameType, suspects: list[str]) -> Iterator[Change]:
    small = [name for name in suspects if any(same_name(name, text) for text in source.names_in([node.right]))]
    large = [name for name in suspects if any(same_name(name, text) for text in source.names_in([node.left]))]
    divisor, dividend = evaluate(node.right, frame), evaluate(node.left, frame)
    for name in large[:2]:
        if isinstance(divisor, int) and 0 < divisor <= 4096:
            factor = -(-guess.WIDTH // divisor)
            yield ((name, guess.constant(divisor * factor)),)
            yield ((name, guess.constant(divisor)),)
    for name in small[:2]:
        for value in (4, 8, 2, 1, 3):
            if not isinstance(dividend, int) or dividend % value == 0:
                yield ((name, guess.constant(value)),)


def _from_instance_check(node: ast.Call, frame: FrameType, suspects: list[str], parts: Parts) -> Iterator[Change]:
    kinds = evaluate(node.args[1], frame)
    related = [name for name in suspects if any(same_name(name, text) for text in source.names_in([node.args[0]]))]
    for kind in kinds if isinstance(kinds, tuple) else (kinds,):
        if not isinstance(kind, type):
            continue
        for name in related[:1] or suspects[:1]:
            for found in guess.from_annotation(kind, name):
                if isinstance(found, Guess):
                    yield ((name, found),)
                else:
                    for made in parts.instances(found):
                        yield ((name, made),)


def evaluate(node: ast.AST, frame: FrameType) -> Any:
    """A side-effect-free expression in the frame where it failed; ``UNKNOWN`` where it is more than that."""
    if any(
        isinstance(part, (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr, ast.Lambda)) for part in ast.walk(node)
    ):
        return UNKNOWN
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and source.dotted(part.func) not in (
            "len",
            "list",
            "tuple",
            "set",
            "type",
            "dict",
        ):
            if not (isinstance(part.func, ast.Attribute) and part.func.attr in ("keys", "values", "lower")):
                return UNKNOWN
    try:
        return eval(compile(ast.Expression(node), "<condition>", "eval"), frame.f_globals, frame.f_locals)  # type: ignore[arg-type]
    except Exception:
        return UNKNOWN

"""Objects of the user's own package that an argument may have to be: found by type or by an attribute they set."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from types import CodeType
from typing import Any

import torch
from torch import nn

from paramlint.runtime.worker import guess, source, stack
from paramlint.runtime.worker.guess import Guess
from paramlint.runtime.worker.timing import Clock, TimeLimit

_LIMIT = 3
_CANDIDATES = 30
_TRIED = 16
_SHARE = 0.2
_SHARE_OF_ONE = 0.05
_ELEMENTS = 20_000_000


def classes_of_package(module: str) -> Iterator[type[nn.Module]]:
    """Module classes of loaded modules under the same top-level name, those of the module itself first."""
    package = module.partition(".")[0]
    names = sorted(sys.modules, key=lambda name: (name != module, name.rpartition(".")[0] != module.rpartition(".")[0]))
    for name in names:
        if name.partition(".")[0] != package:
            continue
        loaded = sys.modules.get(name)
        try:
            values = list(vars(loaded).values())
        except TypeError:
            continue
        for value in values:
            if isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == name:
                yield value


class Parts:
    """Modules that can be arguments of others; finding them takes a share of the time of ``clock``."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[tuple[str, str, CodeType, int], list[Guess]] = {}

    def with_attribute(self, attribute: str, error: BaseException) -> list[Guess]:
        """Modules of the package of the failing code whose class has ``attribute``, or sets it; the smallest first."""
        frames = [item for item in stack.walk(error.__traceback__) if stack.is_users(item[0].f_code.co_filename)]
        if not frames:
            return []
        frame, line = frames[-1]
        module = str(frame.f_globals.get("__name__", ""))
        key = attribute, module, frame.f_code, line
        if key not in self._known:
            kinds = _with_attribute(attribute, module, _is_called(attribute, frame.f_code, line))
            self._known[key] = self._smallest(kinds)
        return self._known[key]

    def instances(self, kind: type) -> Iterator[Guess]:
        """Instances of a class made with plain guesses, without a search."""
        made = _plainly(kind)
        if made is not None and self._elements(made) is not None:
            yield made

    def _smallest(self, kinds: list[type[nn.Module]]) -> list[Guess]:
        until = self._clock.left - self._clock.budget * _SHARE
        sized: list[tuple[int, int, Guess]] = []
        for number, kind in enumerate(kinds[:_TRIED]):
            made = _plainly(kind)
            size = self._elements(made) if made is not None and self._clock.left > until else None
            # A whole model of its usual size takes seconds to make, and it would be made a dozen times.
            if made is not None and size is not None and size <= _ELEMENTS:
                sized.append((size, number, made))
        return [made for _, _, made in sorted(sized, key=lambda item: item[:2])[:_LIMIT]]

    def _elements(self, made: Guess) -> int | None:
        """How many elements an instance's parameters have; None where it cannot be made in a while."""
        found = self._counted(made, torch.device("meta")) if hasattr(torch.device, "__enter__") else None
        # A constructor that reads values cannot do without memory.
        return self._counted(made, nullcontext()) if found is None else found

    def _counted(self, made: Guess, context: AbstractContextManager[Any]) -> int | None:
        try:
            with self._clock.limit(self._clock.budget * _SHARE_OF_ONE), context:
                value = made.make()
        except (Exception, TimeLimit):  # a candidate that cannot be built is none
            return None
        return sum(item.numel() for item in value.parameters()) if isinstance(value, nn.Module) else 0


def _with_attribute(attribute: str, module: str, is_called: bool) -> list[type[nn.Module]]:
    """Classes of the package of a module that have or set an attribute; of those that do so by a method where that is
    called, or as data where it is not, those with the smallest constructors first."""
    found: list[tuple[bool, int, type[nn.Module]]] = []
    for kind in classes_of_package(module):
        code = getattr(vars(kind).get("__init__"), "__code__", None)
        if attribute in vars(kind) or (code is not None and attribute in code.co_names):
            is_method = inspect.isfunction(vars(kind).get(attribute))
            found.append((is_method is not is_called, len(getattr(code, "co_code", b"")), kind))
        if len(found) > _CANDIDATES:
            break
    return [kind for *_, kind in sorted(found, key=lambda item: item[:2])]


def _is_called(attribute: str, code: CodeType, line: int) -> bool:
    """Whether the statement at a line calls a method of that name."""
    return any(
        isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr == attribute
        for statement in source.enclosing(code, line)[-1:]
        for node in source.header(statement)
        for part in ast.walk(node)
    )


def _plainly(kind: type) -> Guess | None:
    """A call of a class with plain guesses."""
    try:
        signature = inspect.signature(kind)
    except (ValueError, TypeError):
        return None
    keywords: dict[str, Guess] = {}
    for parameter in signature.parameters.values():
        if parameter.default is parameter.empty and parameter.kind in (
            parameter.POSITIONAL_OR_KEYWORD,
            parameter.KEYWORD_ONLY,
        ):
            keywords[parameter.name] = _first(parameter)
    return Guess(
        f"{kind.__qualname__}({', '.join(f'{name}={value.text}' for name, value in keywords.items())})",
        _maker(kind, keywords),
    )


def _first(parameter: inspect.Parameter) -> Guess:
    for found in guess.from_annotation(parameter.annotation, parameter.name):
        if isinstance(found, Guess):
            return found
    return next(guess.of_kind(guess.kind_of_name(parameter.name), parameter.name), guess.NONE)


def _maker(kind: Callable[..., Any], keywords: dict[str, Guess]) -> Callable[[], object]:
    return lambda: kind(**{name: value.make() for name, value in keywords.items()})

"""Objects of the user's own package that an argument may have to be: found by type or by an attribute they set."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

from torch import nn

from paramlint.runtime.worker import guess, stack
from paramlint.runtime.worker.guess import Guess

_LIMIT = 3


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


def with_attribute(attribute: str, error: BaseException) -> Iterator[Guess]:
    """Modules of the package of the failing code whose constructor sets ``attribute``, smallest constructors first."""
    frames = [frame for frame, _ in stack.walk(error.__traceback__) if stack.is_users(frame.f_code.co_filename)]
    if not frames:
        return
    module = str(frames[-1].f_globals.get("__name__", ""))
    found: list[tuple[int, type[nn.Module]]] = []
    for kind in classes_of_package(module):
        code = getattr(vars(kind).get("__init__"), "__code__", None)
        if attribute in vars(kind) or (code is not None and attribute in code.co_names):
            found.append((len(getattr(code, "co_code", b"")), kind))
        if len(found) > 30:
            break
    count = 0
    for _, kind in found[:12]:
        for made in instances(kind):
            yield made
            count += 1
        if count >= _LIMIT:
            return


def instances(kind: type) -> Iterator[Guess]:
    """Instances of a class made with plain guesses, without a search."""
    try:
        signature = inspect.signature(kind)
    except (ValueError, TypeError):
        return
    keywords: dict[str, Guess] = {}
    for parameter in signature.parameters.values():
        if parameter.default is parameter.empty and parameter.kind in (
            parameter.POSITIONAL_OR_KEYWORD,
            parameter.KEYWORD_ONLY,
        ):
            keywords[parameter.name] = _first(parameter)
    made = Guess(
        f"{kind.__qualname__}({', '.join(f'{name}={value.text}' for name, value in keywords.items())})",
        _maker(kind, keywords),
    )
    try:
        made.make()
    except Exception:  # a candidate that cannot be built is none
        return
    yield made


def _first(parameter: inspect.Parameter) -> Guess:
    for found in guess.from_annotation(parameter.annotation, parameter.name):
        if isinstance(found, Guess):
            return found
    return next(guess.of_kind(guess.kind_of_name(parameter.name), parameter.name), guess.NONE)


def _maker(kind: Callable[..., Any], keywords: dict[str, Guess]) -> Callable[[], object]:
    return lambda: kind(**{name: value.make() for name, value in keywords.items()})

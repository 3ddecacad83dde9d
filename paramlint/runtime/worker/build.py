"""Making an instance of a class: by the user's factory, by calls found in the project, by examples, by guesses."""

from __future__ import annotations

import ast
import inspect
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple

import torch
import torch.nn.functional
from torch import nn

from paramlint.model.observation import AGAIN, ClassRequest, Failure, Recipe
from paramlint.runtime.worker import elsewhere, function_mode, guess, importing, repair, signature, size, stack
from paramlint.runtime.worker.locate import find_class, locate, locating, path_of
from paramlint.runtime.worker.providers import Parts
from paramlint.runtime.worker.solve import Situation, Solved, Unsolved, own_failure, solve
from paramlint.runtime.worker.timing import Clock, TimeLimit

_SHARE_OF_ONE_ATTEMPT = 0.3
_SHARE_OF_BUILDING = 0.6
_KEPT_ATTEMPTS = 12
_ALIKE = 3
_SLOW = 0.1

USUAL_NAMES = MappingProxyType({"torch": torch, "nn": nn, "F": torch.nn.functional})
"""What examples and recipes take for granted."""


class Built(NamedTuple):
    """How an instance is made: ``make`` gives a new one each time (its globals and random seeds are the caller's).

    ``kind`` is the recipe's kind, "docstring", "defaults" or "guessed". ``needs_pretence``: it is only built where
    moves to a device are pretended. ``trusted_error``: what a more trusted way to make it had raised. ``is_meta``: it
    is built on the meta device, since with memory it could not be.
    """

    make: Callable[[], nn.Module]
    text: str
    kind: str
    within: str
    needs_pretence: bool
    trusted_error: BaseException | None
    attempts: tuple[str, ...]
    is_meta: bool = False


class NotBuilt(NamedTuple):
    status: str
    reason: str
    failure: Failure | None
    is_certain: bool
    attempts: tuple[str, ...]


class _Way(NamedTuple):
    make: Callable[[], object]
    text: str
    kind: str


def build(request: ClassRequest, clock: Clock) -> Built | NotBuilt:
    """Find a way to make an instance of the requested class."""
    module = importing.find(request.module, request.path)
    kind = find_class(module, request.qualified_name)
    is_local = "<locals>" in request.qualified_name
    if kind is None and not is_local:
        return NotBuilt("not found", f"the module has no {request.qualified_name} after its import", None, False, ())
    if kind is not None and not issubclass(kind, nn.Module):
        return NotBuilt("not found", f"{request.qualified_name} is no Module class", None, False, ())
    if kind is not None and inspect.isabstract(kind):
        names = ", ".join(sorted(getattr(kind, "__abstractmethods__", ())))
        return NotBuilt("abstract", f"abstract methods: {names}", None, False, ())
    budget = Clock(min(clock.left, clock.budget * _SHARE_OF_BUILDING))
    result = _build(request, module, kind, budget, pretend=False)
    if isinstance(result, NotBuilt) and function_mode.is_available() and result.failure is not None:
        failure = result.failure
        if elsewhere.is_about_devices(failure.message):
            budget = Clock(min(clock.left, clock.budget * _SHARE_OF_BUILDING))
            second = _build(request, module, kind, budget, pretend=True)
            if isinstance(second, Built):
                return second._replace(trusted_error=_Remembered(failure), needs_pretence=True)
    return result


def build_without_memory(request: ClassRequest, clock: Clock) -> Built | NotBuilt:
    """Find a way to make an instance on the meta device."""
    module = importing.find(request.module, request.path)
    kind = find_class(module, request.qualified_name)
    result = _build(request, module, kind, clock, pretend=False, on_meta=True)
    if isinstance(result, NotBuilt):
        return result
    make = result.make

    def instance() -> nn.Module:
        with torch.device("meta"):
            made = make()
        made.register_forward_pre_hook(_to_meta, with_kwargs=True)
        return made

    return result._replace(make=instance, is_meta=True)


def _to_meta(module: nn.Module, arguments: Any, keywords: Any) -> Any:
    """A hook that takes an example input from the CPU to where the instance is; one that was moved stays."""

    def moved(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return value.to("meta") if value.device.type == "cpu" else value
        return type(value)(map(moved, value)) if type(value) in (list, tuple) else value

    return tuple(map(moved, arguments)), {name: moved(value) for name, value in keywords.items()}


class _Remembered(Exception):
    """A failure that is already data."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def failure_of(error: BaseException | None) -> Failure | None:
    if error is None:
        return None
    return error.failure if isinstance(error, _Remembered) else stack.failure(error)


def _build(
    request: ClassRequest,
    module: ModuleType,
    kind: type[nn.Module] | None,
    clock: Clock,
    pretend: bool,
    on_meta: bool = False,
) -> Built | NotBuilt:
    attempts: list[str] = []
    trusted: BaseException | None = None
    last: BaseException | None = None
    failing: Counter[tuple[object, ...]] = Counter()
    # A part of something that takes long to make: alone, it is observed in the time in which that is made once.
    slow: Built | None = None

    def run(thunk: Callable[[], object]) -> object:
        share = _SHARE_OF_ONE_ATTEMPT if not on_meta else _SHARE_OF_BUILDING
        with clock.limit(max(1.0, clock.budget * share)):
            seed(0)
            with elsewhere.pretending() if pretend else torch.device("meta") if on_meta else size.guarded(thunk):
                return thunk()

    def attempt(way: _Way) -> Built | None:
        nonlocal trusted, last
        try:
            found = locate(run(way.make), kind, request)
        except BaseException as error:  # whatever user code raises is a reason
            attempts.append(f"{way.text}: {stack.type_name(error)}: {stack.first_line(stack.message(error))}")
            if not isinstance(error, TimeLimit) and way.kind not in ("docstring", "announced", "guessed"):
                trusted = trusted or error
                failing[own_failure(error, kind)] += 1
            last = error
            return None
        if found is None:
            attempts.append(f"{way.text}: returned nothing that holds the class")
            return None
        make = locating(way.make, kind, request)
        return Built(make, way.text, way.kind, found, pretend, trusted, tuple(attempts))

    for way in _ways(request, module, kind):
        # Half of the time is for guesses. What a few calls meet in the class's own constructor others will too.
        if clock.left <= (clock.budget / 2 if kind else 0.2) or any(
            where and count >= _ALIKE for where, count in failing.items()
        ):
            break
        began = clock.elapsed
        slow = attempt(way)
        if slow is not None and (kind is None or not slow.within or clock.elapsed - began < clock.budget * _SLOW):
            return slow
        if slow is not None:
            break
    if kind is None:
        return NotBuilt(
            "not built", "the class is made inside a function, and nothing found calls it", None, False, tuple(attempts)
        )
    fixed = {name: guess.constant(value) for name, value in request.circumstances}
    searching = clock if slow is None else Clock(min(clock.left, clock.budget / 5))
    result = solve(kind, fixed, Situation(searching, run, Parts(searching)))
    if slow is not None and not (isinstance(result, Solved) and isinstance(result.value, kind)):
        return slow
    if isinstance(result, Solved):
        own = result.value
        if not isinstance(own, nn.Module):
            return NotBuilt(
                "not built", f"calling the class returned {type(own).__name__}", None, False, tuple(attempts)
            )
        return Built(
            result.make,  # type: ignore[arg-type]
            result.text,
            "guessed" if result.has_guesses else "defaults",
            "",
            pretend,
            trusted or result.certain_error,
            tuple(attempts),
        )
    if not request.circumstances:
        clock = Clock(clock.budget / 2)
        for way in _announced(request):
            built = attempt(way) if clock.left > 0.2 else None
            if built is not None:
                return built
    return _not_built(result, trusted, last, attempts, clock)


def _announced(request: ClassRequest) -> Iterator[_Way]:
    """Functions of which no more is known than what their annotation says."""
    for recipe in request.recipes:
        make = _evaluating(recipe, None, {}) if recipe.kind == "announced" else None
        if make is not None:
            yield _Way(make, _shown(recipe), recipe.kind)


def _not_built(
    result: Unsolved, trusted: BaseException | None, last: BaseException | None, attempts: list[str], clock: Clock
) -> NotBuilt:
    error = trusted or result.error or last
    attempts += result.attempts
    kept = tuple(attempts[:_KEPT_ATTEMPTS])
    if error is None:
        return NotBuilt("timed out", "no time was left to build the class", None, False, kept)
    failure = stack.failure(error)
    if isinstance(error, TimeLimit):
        return NotBuilt(
            "timed out",
            f"construction took longer than {clock.budget * _SHARE_OF_ONE_ATTEMPT:.1f} s",
            failure,
            False,
            kept,
        )
    is_certain = trusted is not None or result.was_certain
    if repair.is_about_memory(error):
        return NotBuilt("out of memory", "construction needs more memory than the limit", failure, False, kept)
    if isinstance(error, TypeError) and "abstract class" in failure.message:
        return NotBuilt("abstract", stack.first_line(failure.message), None, False, kept)
    if isinstance(error, SystemExit):
        return NotBuilt("exited", f"construction called sys.exit({error.code!r})", failure, is_certain, kept)
    return NotBuilt("not built", f"{failure.type}: {stack.first_line(failure.message)}", failure, is_certain, kept)


def _ways(request: ClassRequest, module: ModuleType, kind: type[nn.Module] | None) -> Iterator[_Way]:
    """What can be tried before guessing, most trusted first."""
    order = {AGAIN: -1, "factory": 0, "call": 1, "function": 2}
    recipes = sorted(request.recipes, key=lambda recipe: order.get(recipe.kind, 3))
    for recipe in recipes:
        if recipe.kind == "announced":
            continue
        if recipe.kind == AGAIN:
            make = _evaluating(recipe, kind, {})
            if make is not None:
                yield _Way(make, recipe.expression, "guessed")
        elif not request.circumstances or recipe.kind == "call":
            make = _evaluating(recipe, kind, dict(request.circumstances))
            if make is not None:
                yield _Way(make, _shown(recipe), recipe.kind)
    if kind is None:
        return
    if not request.circumstances:
        if not any(parameter.is_required for parameter in signature.parameters(kind)):
            return
        for block in signature.examples(kind, (f"{kind.__name__}(",)):
            yield _Way(
                _running(block, module, kind), f"the example in the documentation of {kind.__qualname__}", "docstring"
            )


def _shown(recipe: Recipe) -> str:
    return recipe.expression if recipe.kind == "call" else f"{recipe.module}.{recipe.expression}"


def _evaluating(
    recipe: Recipe, kind: type[nn.Module] | None, circumstances: Mapping[str, object]
) -> Callable[[], object] | None:
    """Evaluate a recipe in its module, with the circumstances in place of the call's own arguments."""
    try:
        tree = ast.parse(recipe.expression, mode="eval")
    except SyntaxError:
        return None
    body = tree.body
    if circumstances and not (
        isinstance(body, ast.Call) and not any(isinstance(item, ast.Starred) for item in body.args)
    ):
        return None

    def make() -> object:
        namespace = vars(importing.find(recipe.module, recipe.path))
        if recipe.kind == AGAIN:
            namespace = {**USUAL_NAMES, **namespace}
        if not circumstances:
            return eval(recipe.expression, namespace)  # the user's own expression, in the user's process
        assert isinstance(body, ast.Call)
        target = eval(ast.unparse(body.func), namespace)
        arguments = [eval(ast.unparse(item), namespace) for item in body.args]
        keywords = {item.arg: eval(ast.unparse(item.value), namespace) for item in body.keywords if item.arg}
        bound = inspect.signature(target).bind_partial(*arguments, **keywords)
        bound.arguments.update(circumstances)
        return target(*bound.args, **bound.kwargs)

    return make


def _running(block: str, module: ModuleType, kind: type[nn.Module]) -> Callable[[], object]:
    """Run an example statement by statement until it has bound an instance of the class."""
    statements = ast.parse(block).body

    def make() -> object:
        namespace: dict[str, Any] = {**USUAL_NAMES, **vars(module)}
        namespace[kind.__name__] = kind
        for statement in statements:
            before = {name: id(value) for name, value in namespace.items()}
            exec(compile(ast.Module([statement], []), "<example>", "exec"), namespace)
            for name, value in namespace.items():
                if before.get(name) != id(value) and isinstance(value, nn.Module) and path_of(value, kind) is not None:
                    return value
        return None

    return make


def seed(number: int) -> None:
    """Seed every source of chance that user code is likely to use."""
    random.seed(number)
    # torch.manual_seed goes to every kind of device, and formats the stack for those that do not run yet: milliseconds.
    torch.default_generator.manual_seed(number)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.manual_seed_all(number)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        with suppress(Exception):
            numpy.random.seed(number)

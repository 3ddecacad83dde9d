"""Finding an example input for a built instance: recipes, documentation, shapes of its first layers, repairs."""

from __future__ import annotations

import ast
import functools
import heapq
import inspect
import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import torch
import torch.nn.functional
from torch import nn

from paramlint.model.observation import AGAIN, NO_ARGUMENTS, ClassRequest, Failure
from paramlint.runtime.worker import build, importing, input_guess, input_repair, input_shapes, signature, stack
from paramlint.runtime.worker.guess import Guess, Parameter
from paramlint.runtime.worker.input_shapes import Setting
from paramlint.runtime.worker.timing import Clock, TimeLimit

_ATTEMPTS = 120
_BRANCHES = 16
_ONE = 3.0
_CHANGED = 0.25
_LAST = 0.6
_KEPT = 0.4

Plan = tuple[tuple[str, Guess], ...]


class Input(NamedTuple):
    """Arguments for a call of the instance: ``make`` gives new ones each time, the same under the same seed."""

    text: str
    make: Callable[[], tuple[tuple[Any, ...], dict[str, Any]]]


class NoInput(NamedTuple):
    """No input with which forward returns; ``furthest`` is the one that came furthest before forward raised."""

    failure: Failure | None
    attempts: tuple[str, ...]
    furthest: Input | None = None


def find(
    instance: nn.Module,
    request: ClassRequest,
    clock: Clock,
    run: Callable[[Callable[[], Any]], Any],
    made_by: str = "",
) -> Input | NoInput:
    """An input with which ``run`` of a call of the instance, made by a call of that text, does not raise."""
    attempts: list[str] = []
    failure: Failure | None = None
    for candidate in _given(instance, request):
        try:
            with clock.limit(_ONE):
                arguments, keywords = candidate.make()
                run(functools.partial(instance, *arguments, **keywords))
        except BaseException as error:  # whatever user code raises is a reason
            attempts.append(f"{candidate.text}: {stack.type_name(error)}: {stack.first_line(stack.message(error))}")
            failure = failure or stack.failure(error)
            continue
        return candidate
    found = _search(input_shapes.setting_of(instance, made_by), clock, run, attempts)
    if isinstance(found, Input):
        return found
    return NoInput(failure or found.failure, tuple(attempts[:12]), found.furthest)


def _given(instance: nn.Module, request: ClassRequest) -> Iterator[Input]:
    for recipe in request.input_recipes:

        def make(recipe: Any = recipe) -> tuple[tuple[Any, ...], dict[str, Any]]:
            build.seed(0)
            namespace = {**vars(importing.find(recipe.module, recipe.path)), "instance": instance}
            if recipe.kind == AGAIN:
                taken = {"_taken": lambda *arguments, **keywords: (arguments, keywords)}
                return eval(f"_taken({recipe.expression})", {**build.USUAL_NAMES, **namespace, **taken})  # type: ignore[no-any-return]
            return _as_arguments(eval(recipe.expression, namespace))  # the user's own expression

        yield Input(recipe.expression or NO_ARGUMENTS, make)
    kind = type(instance)
    for block in signature.examples(kind, (f"{kind.__name__}(", ">>>")):
        try:
            tree = ast.parse(block)
        except SyntaxError:
            continue
        yield from _from_example(tree, instance)


def _as_arguments(value: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return (), dict(value)
    if isinstance(value, tuple):
        return tuple(value), {}
    return (value,), {}


def _from_example(tree: ast.Module, instance: nn.Module) -> Iterator[Input]:
    """Calls of the instance in an example: the statements before the call prepare its arguments."""
    kind = type(instance)
    names = {
        target.id
        for statement in tree.body
        if isinstance(statement, ast.Assign) and _calls(statement.value, kind.__name__)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    module = inspect.getmodule(kind)
    for index, statement in enumerate(tree.body):
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and (
                (isinstance(node.func, ast.Name) and node.func.id in names) or _calls(node.func, kind.__name__)
            ):
                before = tree.body[:index]

                def make(
                    node: ast.Call = node, before: list[ast.stmt] = before
                ) -> tuple[tuple[Any, ...], dict[str, Any]]:
                    build.seed(0)
                    namespace: dict[str, Any] = {**build.USUAL_NAMES, **vars(module or torch)}
                    namespace[kind.__name__] = lambda *arguments, **keywords: instance
                    for item in before:
                        exec(compile(ast.Module([item], []), "<example>", "exec"), namespace)
                    call = ast.Call(ast.Name("_arguments", ast.Load()), node.args, node.keywords)
                    namespace["_arguments"] = lambda *arguments, **keywords: (arguments, keywords)
                    expression = ast.fix_missing_locations(ast.Expression(call))
                    return eval(compile(expression, "<example>", "eval"), namespace)  # type: ignore[no-any-return]

                text = ", ".join(ast.unparse(item) for item in node.args)
                yield Input(f"({text}) from its documentation", make)


def _calls(node: ast.AST, name: str) -> bool:
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    return (isinstance(function, ast.Name) and function.id == name) or (
        isinstance(function, ast.Attribute) and function.attr == name
    )


def _search(
    setting: Setting, clock: Clock, run: Callable[[Callable[[], Any]], Any], attempts: list[str]
) -> Input | NoInput:
    instance = setting.instance
    known = [item for item in signature.parameters(instance.forward) if not item.name.startswith("*")]
    required = [item for item in known if item.is_required]
    if not required and known and type(instance).forward is not nn.Module.forward:
        required = [] if all(not input_guess.is_main(item) for item in known) else known[:1]
    if not known:
        stars = signature.parameters(instance.forward)
        required = [Parameter("*input", inspect.Parameter.empty, True, None)] if stars else []
    counter = itertools.count()
    waiting: list[tuple[float, int, int, Plan]] = []
    for index, plan in enumerate(_first_plans(setting, required)):
        heapq.heappush(waiting, (0.35 * index, next(counter), 0, plan))
    seen: set[str] = set()
    tried = 0
    slow: list[Plan] = []
    best: tuple[float, Failure, Input] | None = None
    while waiting and tried < _ATTEMPTS and clock.left > (clock.budget * _KEPT if slow else 0.3):
        _, _, changes, plan = heapq.heappop(waiting)
        text = describe(plan)
        if text in seen:
            continue
        seen.add(text)
        tried += 1
        try:
            with clock.limit(min(_ONE, clock.left / 2)):
                arguments, keywords = _make(plan)
                run(functools.partial(instance, *arguments, **keywords))
        except TimeLimit:
            attempts.append(f"{text}: took too long")
            slow.append(plan)
            continue
        except BaseException as error:
            attempts.append(f"{text}: {stack.type_name(error)}: {stack.first_line(stack.message(error))}")
            reached = input_repair.progress(error, instance)
            if best is None or reached > best[0]:
                best = reached, stack.failure(error), Input(text, functools.partial(_make, plan))
            if isinstance(error, ImportError):
                break
            for index, change in enumerate(
                itertools.islice(input_repair.repairs(error, setting, known, dict(plan)), _BRANCHES)
            ):
                new = tuple({**dict(plan), **dict(change)}.items())
                # A change of a change has to earn its place: else one bad idea, repeated, goes before all others.
                cost = -reached + 0.3 * index + _CHANGED * changes
                heapq.heappush(waiting, (cost, next(counter), changes + 1, new))
            continue
        return Input(text, functools.partial(_make, plan))
    # What ran out of its share of the time did not raise: the first such may have all that is left.
    for plan in slow[:1] if clock.left > _ONE else ():
        with suppress(BaseException), clock.limit(clock.left * _LAST):
            arguments, keywords = _make(plan)
            run(functools.partial(instance, *arguments, **keywords))
            return Input(describe(plan), functools.partial(_make, plan))
    return NoInput(best[1], (), best[2]) if best else NoInput(None, ())


def _first_plans(setting: Setting, required: list[Parameter]) -> Iterator[Plan]:
    """Combinations for the required parameters: the same shape for those that are alike."""
    options = [list(itertools.islice(input_guess.values(item, setting), 14)) for item in required]
    if not options:
        yield ()
        return
    for index in range(max(len(option) for option in options)):
        yield tuple(
            (item.name, option[min(index, len(option) - 1)])
            for item, option in zip(required, options, strict=True)
            if option
        )


def _make(plan: Plan) -> tuple[tuple[Any, ...], dict[str, Any]]:
    build.seed(0)
    stars: list[Any] = []
    keywords: dict[str, Any] = {}
    for name, chosen in plan:
        if name.startswith("*"):
            stars.append(chosen.make())
        else:
            keywords[name] = chosen.make()
    return tuple(stars), keywords


def describe(plan: Plan) -> str:
    return (
        ", ".join(chosen.text if name.startswith("*") else f"{name}={chosen.text}" for name, chosen in plan)
        or NO_ARGUMENTS
    )

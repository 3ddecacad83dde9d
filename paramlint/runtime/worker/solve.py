"""Finding arguments for a callable of the user's: guesses first, then repairs that the exceptions suggest."""

from __future__ import annotations

import functools
import heapq
import inspect
import itertools
import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from torch import nn

from paramlint.runtime.worker import configuration, guess, repair, signature, source, stack
from paramlint.runtime.worker.guess import Guess, Parameter
from paramlint.runtime.worker.providers import Parts
from paramlint.runtime.worker.timing import Clock, TimeLimit

_ATTEMPTS = 80
_NESTED_ATTEMPTS = 16
_DEPTH = 3
_BRANCHES = 10

Plan = tuple[tuple[str, Guess], ...]


class Solved(NamedTuple):
    """Arguments that work: ``make`` calls afresh; ``value`` is what the successful call returned.

    ``certain_error`` is what a call without guessed arguments had raised before.
    """

    text: str
    make: Callable[[], object]
    value: object
    has_guesses: bool
    certain_error: BaseException | None


class Unsolved(NamedTuple):
    """No arguments worked: ``error`` is the one of the attempt that came furthest, ``attempts`` all texts tried.

    ``was_certain`` where the failing call had nothing guessed in it.
    """

    error: BaseException | None
    attempts: tuple[str, ...]
    was_certain: bool


class Situation(NamedTuple):
    """What a search may use: its clock, a way to run an attempt, Modules for arguments, and how deep arguments of
    arguments may go."""

    clock: Clock
    run: Callable[[Callable[[], object]], object]
    parts: Parts
    depth: int = 0


def solve(target: Callable[..., object], fixed: Mapping[str, Guess], situation: Situation) -> Solved | Unsolved:
    """Call ``target`` with ``fixed`` arguments and guessed ones, changing the guesses until a call succeeds."""
    known = signature.parameters(target)
    first = {
        parameter.name: next(alternatives(parameter, target, situation), guess.NONE)
        for parameter in known
        if parameter.is_required
    }
    first.update(fixed)
    counter = itertools.count()
    waiting: list[tuple[float, int, int, Plan]] = [(0.0, 0, next(counter), tuple(first.items()))]
    settings = _optional_settings(known, target, situation) if first else {}
    if settings:
        # What may do without settings in its constructor often asks for them in forward.
        waiting.insert(0, (-0.1, 0, next(counter), tuple({**settings, **first}.items())))
    seen: set[str] = set()
    tried: list[str] = []
    best: tuple[float, BaseException, bool] | None = None
    certain_error: BaseException | None = None
    limit = _ATTEMPTS if situation.depth == 0 else _NESTED_ATTEMPTS
    while waiting and len(tried) < limit and situation.clock.left > 0.5:
        _, changes, _, plan = heapq.heappop(waiting)
        text = describe(target, plan)
        if text in seen:
            continue
        seen.add(text)
        try:
            value = situation.run(functools.partial(call, target, known, plan))
        except TimeLimit as error:
            tried.append(f"{text}: took too long")
            best = best or (0.0, error, False)
            # What the statement that took so long reads may be a switch (``pretrained=True``).
            for index, change in enumerate(_switches(error, target, known, plan, fixed)):
                entry = (0.4 * index, changes + 1, next(counter), tuple({**dict(plan), **dict(change)}.items()))
                heapq.heappush(waiting, entry)
            continue
        except BaseException as error:  # whatever user code raises guides the next attempt
            tried.append(f"{text}: {stack.type_name(error)}: {stack.first_line(stack.message(error))}")
            reached = progress(error, target)
            was_certain = all(name in fixed for name, _ in plan)
            if was_certain:
                certain_error = certain_error or error
            if best is None or reached > best[0]:
                best = reached, error, was_certain
            if repair.is_hopeless(error) or (was_certain and repair.is_about_memory(error)):
                break
            fixes = _repairs(error, target, known, plan, fixed, situation)
            for index, change in enumerate(itertools.islice(fixes, _BRANCHES)):
                new = {**dict(plan), **dict(change)}
                entry = (-reached + 0.4 * index + 0.05 * changes, changes + 1, next(counter), tuple(new.items()))
                heapq.heappush(waiting, entry)
            if best is None or (error is not best[1] and error is not certain_error):
                error.__traceback__ = None
            continue
        if value is None and isinstance(target, type):
            continue
        has_guesses = any(name not in fixed for name, _ in plan)
        return Solved(text, functools.partial(call, target, known, plan), value, has_guesses, certain_error)
    return Unsolved(best[1] if best else None, tuple(tried), bool(best and best[2]))


def _optional_settings(
    known: tuple[Parameter, ...], target: Callable[..., object], situation: Situation
) -> dict[str, Guess]:
    """Configurations of the project's own for parameters that are None by default."""
    found: dict[str, Guess] = {}
    for parameter in known:
        kinds = [kind for kind in guess.from_annotation(parameter.annotation, parameter.name) if isinstance(kind, type)]
        if parameter.default is None and any(map(configuration.is_configuration, kinds)):
            found[parameter.name] = next(alternatives(parameter, target, situation), guess.NONE)
    return found


def _repairs(
    error: BaseException,
    target: Callable[..., object],
    known: tuple[Parameter, ...],
    plan: Plan,
    fixed: Mapping[str, Guess],
    situation: Situation,
) -> Iterator[Plan]:
    def others(name: str) -> Iterator[Guess]:
        parameter = next((item for item in known if item.name == name), None)
        field = name.rpartition(".")[2]
        if parameter is None:
            parameter = Parameter(field, inspect.Parameter.empty, False, None)
        yield from alternatives(parameter, target, situation)

    better = _settings_with_what_lacked(error, target, plan, situation)
    for change in itertools.chain(better, repair.repairs(error, target, known, dict(plan), others, situation.parts)):
        if not any(name in fixed for name, _ in change):
            yield change


def _settings_with_what_lacked(
    error: BaseException, target: Callable[..., object], plan: Plan, situation: Situation
) -> Iterator[Plan]:
    """Another configuration in the place of one that lacks a setting: better than to make that setting up."""
    match = re.search(r"'(\w+)' object has no attribute '(\w+)'", stack.message(error))
    if match is None or not isinstance(error, AttributeError):
        return
    for name, chosen in plan:
        if chosen.text.startswith(f"{match.group(1)}("):
            for other in configuration.with_setting(target, match.group(2), situation.clock):
                yield ((name, other),)


def _switches(
    error: BaseException,
    target: Callable[..., object],
    known: tuple[Parameter, ...],
    plan: Plan,
    fixed: Mapping[str, Guess],
) -> Iterator[Plan]:
    """Turn off what is on by default, where a statement that was running asks for it."""
    for name in repair.suspects(error, target, known, dict(plan)):
        parameter = next((item for item in known if item.name == name), None)
        if parameter is not None and parameter.default is True and name not in fixed and name not in dict(plan):
            yield ((name, guess.constant(False)),)


def progress(error: BaseException, target: Callable[..., object]) -> float:
    """How many lines of the target's own constructor ran before the error: a later failure is a better plan."""
    code = getattr(signature.initialiser(target), "__code__", None)
    for frame, line in stack.walk(error.__traceback__):
        if frame.f_code is code and code is not None:
            return float(line - code.co_firstlineno)
    return 0.0


def own_failure(error: BaseException, target: Callable[..., object] | None) -> tuple[object, ...]:
    """What a constructor of the target raised, and where; empty where the error did not come through one."""
    codes = {function.__code__ for function in repair.constructors(target)} if target is not None else set()
    for frame, line in stack.walk(error.__traceback__):
        if frame.f_code in codes:
            return stack.type_name(error), stack.message(error), frame.f_code, line
    return ()


def call(target: Callable[..., object], known: tuple[Parameter, ...], plan: Plan) -> object:
    """Call with fresh values; names with a dot are attributes set on the argument before the call."""
    keywords: dict[str, object] = {}
    stars: list[object] = []
    for name, chosen in plan:
        if name.startswith("*"):
            made = chosen.make()
            stars.extend(made if isinstance(made, (list, tuple)) else [made])
        elif "." not in name:
            keywords[name] = chosen.make()
    for name, chosen in plan:
        base, _, field = name.partition(".")
        if field and base in keywords:
            configuration.set_field(keywords[base], field, chosen.make())
    if stars:
        ordered = [keywords.pop(item.name) for item in known if not item.name.startswith("*") and item.is_required]
        return target(*ordered, *stars, **keywords)
    try:
        return target(**keywords)
    except TypeError as error:
        if "positional-only" not in stack.message(error):
            raise
        return target(*keywords.values())


def describe(target: Callable[..., object], plan: Plan) -> str:
    """The call as a reader would write it."""
    parts = [chosen.text if name.startswith("*") else f"{name}={chosen.text}" for name, chosen in plan]
    return f"{getattr(target, '__qualname__', target)}({', '.join(parts)})"


def alternatives(parameter: Parameter, target: Callable[..., object], situation: Situation) -> Iterator[Guess]:
    """Values for one parameter, best first, each text once."""
    seen: set[str] = set()
    for found in _alternatives(parameter, target, situation):
        if found.text not in seen:
            seen.add(found.text)
            yield found


def _alternatives(parameter: Parameter, target: Callable[..., object], situation: Situation) -> Iterator[Guess]:
    name = parameter.name
    kind = guess.kind_of_name(name)
    constants = _constants(target, name)
    if constants and kind in ("text", "int"):
        yield from (guess.constant(value) for value in constants)
    for item in _item_classes(parameter):
        yield from itertools.chain.from_iterable(map(guess.several, of_class(item, target, situation)))
    for found in guess.from_annotation(parameter.annotation, name):
        if isinstance(found, Guess):
            yield found
        else:
            yield from of_class(found, target, situation)
    if parameter.hint:
        for found in guess.from_annotation(parameter.hint, name):
            if isinstance(found, Guess):
                yield found
    if name.startswith("*"):
        yield guess.expression("nn.Linear(64, 64)", lambda: nn.Linear(guess.WIDTH, guess.WIDTH))
        yield guess.constant([guess.WIDTH, guess.WIDTH])
        return
    if kind == "config":
        yield from configuration.guesses(target, situation.clock)
        return
    if parameter.default is not inspect.Parameter.empty and isinstance(
        parameter.default, (bool, int, float, str, tuple)
    ):
        yield from guess.of_kind(_kind_of_value(parameter.default), name)
    yield from guess.of_kind(kind, name)
    yield from (guess.constant(value) for value in constants)
    for other in ("int", "sequence", "module", "callable", "text", "float", "tensor", "bool", "mapping"):
        if other != kind:
            yield from itertools.islice(guess.of_kind(other, name), 3)


def _item_classes(parameter: Parameter) -> Iterator[type]:
    """Of which classes the items are that an annotated list, tuple or sequence holds."""
    origin, arguments = typing.get_origin(parameter.annotation), typing.get_args(parameter.annotation)
    if arguments and isinstance(origin, type) and issubclass(origin, Sequence):
        items = guess.from_annotation(arguments[0], parameter.name)
        yield from (item for item in items if isinstance(item, type))


def _kind_of_value(value: object) -> str:
    kinds = {bool: "bool", int: "int", float: "float", str: "text", tuple: "sequence"}
    return kinds.get(type(value), "int")


def _constants(target: Callable[..., object], name: str) -> list[object]:
    from_code: list[object] = []
    for function in repair.constructors(target):
        from_code += [value for value in source.compared_constants(function.__code__, name) if value is not None]
    return from_code


def of_class(wanted: type, target: Callable[..., object], situation: Situation) -> Iterator[Guess]:
    """Instances of one of the user's classes, built in the same way; configurations are kept small."""
    if configuration.is_configuration(wanted):
        yield from configuration.of_class(wanted, situation.clock)
        return
    if situation.depth >= _DEPTH or situation.clock.left < 1 or wanted is target:
        return
    inner = situation._replace(depth=situation.depth + 1)
    found = solve(wanted, {}, inner)
    if isinstance(found, Solved):
        yield Guess(found.text, found.make)
    if isinstance(found, Unsolved) and inspect.isabstract(wanted):
        heirs: list[type] = wanted.__subclasses__()
        for heir in heirs[:3]:
            concrete = solve(heir, {}, inner)
            if isinstance(concrete, Solved):
                yield Guess(concrete.text, concrete.make)
    yield guess.expression(wanted.__name__, lambda: wanted)

"""What to change in a call's arguments after it raised: read from the exception, the failing statement, its condition."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

from torch import nn

from paramlint.runtime.worker import guess, signature, source, stack
from paramlint.runtime.worker.conditions import UNKNOWN, Change, evaluate, from_conditions, same_name
from paramlint.runtime.worker.guess import Guess, Parameter
from paramlint.runtime.worker.providers import Parts

Others = Callable[[str], Iterator[Guess]]

# Two sizes that torch found to differ.
_SIZES = re.compile(
    r"size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\)"
    r"|expanded size of the tensor \((\d+)\) must match the existing size \((\d+)\)"
    r"|shapes cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)"
    r"|Expected size (\d+) but got size (\d+)"
)

# What the text of an exception says about the sort of value that was wanted.
_WANTED: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"'(int|float|NoneType|bool)' object is not (iterable|subscriptable)|'(int|float|NoneType)' has no len", ("sequence", "mapping")),
    (r"object of type '(int|float|NoneType)' has no len|cannot unpack non-iterable|argument of type '(int|float|NoneType)'", ("sequence", "mapping")),
    (r"after \* must be an iterable|must be an? (list|tuple|sequence)|should be an? (list|tuple|sequence)", ("sequence",)),
    (r"after \*\* must be a mapping|indices must be integers|not a dict", ("mapping",)),
    (r"'(list|tuple)' object cannot be interpreted|found element of type (list|tuple)|\(list\)|'(list|tuple)' and '(int|float)'"
     r"|'(int|float)' and '(list|tuple)'|can only concatenate|multiply sequence by non-int|must be real number, not", ("int", "float")),
    (r"'(float|str|NoneType|Linear|type)' object cannot be interpreted as an integer|must be (an )?int", ("int",)),
    (r"object is not callable", ("activation", "callable", "module")),
    (r"is not a Module subclass|not a module|expected .*Module", ("module", "callable")),
    (r"expected .*Tensor|must be Tensor|not a tensor|must be a tensor", ("tensor",)),
    (r"has no attribute '(lower|upper|split|startswith|endswith|format|strip|replace|join|encode)'", ("text",)),
    (r"has no attribute '(items|get|keys|values|pop|copy|update|setdefault)'", ("mapping",)),
    (r"has no attribute '(shape|size|dim|device|dtype|float|clone|t|view|reshape|numel|unsqueeze|to|ndim)'", ("tensor", "module")),
    (r"has no attribute '(append|extend|index|insert)'|'(int|float)' object is not reversible", ("sequence",)),
    (r"has no attribute '(parameters|modules|state_dict|children|forward|named_parameters|weight|apply)'", ("module",)),
    (r"'NoneType'|and NoneType|not NoneType|got None", ("int", "sequence", "module")),
    (r"expected str|not str|must be (a )?str|expected string", ("text",)),
)  # fmt: skip


def is_hopeless(error: BaseException) -> bool:
    """Whether no other argument can help: something is not installed, or the class is abstract."""
    if isinstance(error, ImportError):
        return True
    return isinstance(error, TypeError) and "abstract class" in stack.message(error)


def is_about_memory(error: BaseException) -> bool:
    """Whether there was not enough memory: the same call may do with tensors that have none."""
    return isinstance(error, MemoryError) or bool(
        re.search(r"can't allocate memory|not enough memory", stack.message(error))
    )


def constructors(target: Callable[..., object]) -> list[Any]:
    """The Python functions that construct an instance of ``target``, its own first."""
    kinds = target.__mro__ if isinstance(target, type) else ()
    functions = [vars(kind).get("__init__") for kind in kinds] if kinds else [target]
    functions = [inspect.unwrap(function) for function in functions if callable(function)]
    return [
        function
        for function in functions
        if hasattr(function, "__code__") and stack.is_users(function.__code__.co_filename)
    ]


def repairs(
    error: BaseException,
    target: Callable[..., object],
    known: tuple[Parameter, ...],
    plan: Mapping[str, Guess],
    others: Others,
    parts: Parts,
) -> Iterator[Change]:
    """Changes to ``plan``, most telling first. ``others(name)`` yields other values for a parameter."""
    text = stack.message(error)
    names = [parameter.name for parameter in known]
    missing = _missing(text, target)
    if missing:
        yield tuple((name, next(others(name), guess.NONE)) for name in missing)
        return
    frames = [
        (frame, line) for frame, line in stack.walk(error.__traceback__) if stack.is_users(frame.f_code.co_filename)
    ]
    read = list(_suspects(frames, names, plan, target))
    yield from from_conditions(frames, read, plan, parts)
    yield from _from_lookup(error, frames, read)
    yield from _from_message(error, text, read, plan, others, parts)
    # A starred parameter that nothing was given for may be what the constructor lives on.
    for index, name in enumerate(read):
        limit = 8 if index == 0 else 4
        current = plan[name].text if name in plan else None
        for found in others(name):
            if found.text != current:
                yield ((name, found),)
                limit -= 1
                if limit == 0:
                    break
    if not read:
        for name in plan:
            for position, found in enumerate(others(name)):
                if position and position < 4:
                    yield ((name, found),)


def suspects(
    error: BaseException, target: Callable[..., object], known: tuple[Parameter, ...], plan: Mapping[str, Guess]
) -> list[str]:
    """Parameters that the statements which were executing read, from the innermost outwards."""
    frames = [
        (frame, line) for frame, line in stack.walk(error.__traceback__) if stack.is_users(frame.f_code.co_filename)
    ]
    return list(_suspects(frames, [parameter.name for parameter in known], plan, target))


def _missing(text: str, target: Callable[..., object]) -> list[str]:
    match = re.search(r"missing \d+ required (?:positional|keyword-only) arguments?: (.*)", text)
    if not match:
        return []
    function = re.match(r"([\w.<>]+)\(\) missing", text)
    if function and not function.group(1).endswith(("__init__", "__new__", getattr(target, "__name__", ""))):
        return []
    found = re.findall(r"'(\w+)'", match.group(1))
    if signature.takes_any_keyword(target):
        return found
    accepted = {parameter.name for parameter in signature.parameters(target)}
    return [name for name in found if name in accepted]


def _suspects(
    frames: list[tuple[FrameType, int]], names: list[str], plan: Mapping[str, Guess], target: Callable[..., object]
) -> Iterator[str]:
    """Parameters that the failing statements read, from the innermost frame outwards."""
    own = {function.__code__ for function in constructors(target)}
    seen: set[str] = set()
    for frame, line in reversed(frames):
        statements = source.enclosing(frame.f_code, line)
        if not statements:
            continue
        read = source.names_in(source.header(statements[-1]))
        for statement in reversed(statements[:-1]):
            if isinstance(statement, (ast.If, ast.For, ast.While)):
                read += source.names_in(source.header(statement))
        position = 0
        while position < len(read) and len(read) < 80:
            for node in source.definitions(frame.f_code, read[position]):
                read += [name for name in source.names_in([node]) if name not in read]
            position += 1
        for name in read:
            for found in _parameter_of(name, frame, names, plan, frame.f_code in own):
                if found not in seen:
                    seen.add(found)
                    yield found


def _parameter_of(
    name: str, frame: FrameType, names: list[str], plan: Mapping[str, Guess], is_own: bool
) -> Iterator[str]:
    base, _, rest = name.partition(".")
    if is_own and base in names and not (rest and base == "self"):
        if rest and base in plan and "." not in rest:
            yield f"{base}.{rest}"
        yield base
    elif is_own and f"*{base}" in names:
        yield f"*{base}"
    elif rest and base in ("self", "cls"):
        field = rest.partition(".")[0]
        if field in names:
            yield field
    elif base in frame.f_locals:
        value = frame.f_locals[base]
        if base in names:
            yield base
        for candidate in ("config", "cfg", "args"):
            if base == candidate and candidate in plan and rest and "." not in rest:
                yield f"{candidate}.{rest}"
        for other, chosen in plan.items():
            if other != base and "." not in other and not isinstance(value, (bool, type(None), nn.Module)):
                if guess.same_value(_peek(chosen), value):
                    yield other


def _peek(chosen: Guess) -> object:
    """The value of a guess that is a constant; anything else would have to be built."""
    try:
        return ast.literal_eval(chosen.text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return UNKNOWN


def _from_lookup(error: BaseException, frames: list[tuple[FrameType, int]], suspects: list[str]) -> Iterator[Change]:
    """Keys that a failed lookup would have found."""
    if not isinstance(error, (KeyError, IndexError, AttributeError)) or not frames:
        return
    for frame, line in reversed(frames[-3:]):
        statements = source.enclosing(frame.f_code, line)
        for part in (part for node in source.header(statements[-1]) for part in ast.walk(node)) if statements else ():
            if not isinstance(part, ast.Subscript):
                continue
            table = evaluate(part.value, frame)
            related = [
                name for name in suspects if any(same_name(name, text) for text in source.names_in([part.slice]))
            ]
            keys = list(table)[:8] if isinstance(table, dict) else []
            for name in related[:1] or suspects[:1]:
                for key in keys:
                    if isinstance(key, (str, int, float, bool)):
                        yield ((name, guess.constant(key)),)
            missing = error.args[0] if error.args else None
            if isinstance(error, KeyError) and isinstance(table, dict) and isinstance(missing, str):
                for name in [
                    name for name in suspects if any(same_name(name, text) for text in source.names_in([part.value]))
                ][:1]:
                    kind = guess.kind_of_name(missing)
                    found = next(guess.of_kind(kind, missing), guess.constant(4))
                    yield (
                        (
                            name,
                            guess.Guess(
                                f"{{**{table!r:.200}, {missing!r}: {found.text}}}", _extended(table, missing, found)
                            ),
                        ),
                    )


def _extended(table: dict[object, object], key: str, value: Guess) -> Callable[[], object]:
    return lambda: {**table, key: value.make()}


def _from_sizes(text: str, suspects: list[str], plan: Mapping[str, Guess]) -> Iterator[Change]:
    """A count that makes two sizes equal which depend on it: greater or less by their difference, or by their ratio."""
    match = _SIZES.search(text)
    if match is None:
        return
    one, other = (int(size) for size in match.groups() if size is not None)
    for name in suspects[:4]:
        count = _peek(plan[name]) if name in plan else UNKNOWN
        if isinstance(count, int) and not isinstance(count, bool):
            wanted = [count + other - one, count + one - other]
            wanted += [count * to // by for to, by in ((other, one), (one, other)) if by and count * to % by == 0]
            for value in dict.fromkeys(wanted):
                if value > 0 and value != count:
                    yield ((name, guess.constant(value)),)


def _from_message(
    error: BaseException,
    text: str,
    suspects: list[str],
    plan: Mapping[str, Guess],
    others: Others,
    parts: Parts,
) -> Iterator[Change]:
    yield from _from_sizes(text, suspects, plan)
    match = re.search(
        r"not enough values to unpack \(expected (?:at least )?(\d+), got (\d+)\)|too many values to unpack \(expected (\d+)",
        text,
    )
    if match:
        wanted = int(match.group(1) or match.group(3))
        for name in suspects[:3]:
            scalar = guess.integer(name.rpartition(".")[2])
            yield ((name, guess.constant([scalar] * wanted)),)
    match = re.search(r"'(\w+)' object has no attribute '(\w+)'", text)
    if match and isinstance(error, AttributeError):
        for name in suspects[:3]:
            _base, _, field = name.partition(".")
            if field == match.group(2):
                for found in others(name):
                    yield ((name, found),)
                    break
        for name in [name for name in suspects if "." not in name][:2]:
            for found in parts.with_attribute(match.group(2), error):
                yield ((name, found),)
    for pattern, kinds in _WANTED:
        if re.search(pattern, text):
            for name in suspects[:4]:
                bare = name.rpartition(".")[2].lstrip("*")
                own = guess.kind_of_name(bare)
                for kind in (own, *kinds) if own in kinds or "NoneType" in text else kinds:
                    for index, found in enumerate(guess.of_kind(kind, bare)):
                        if index < 3 and (name not in plan or plan[name].text != found.text):
                            yield ((name, found),)
            break
    if isinstance(error, (ValueError, NotImplementedError, KeyError, AssertionError, RuntimeError)):
        for quoted in re.findall(r"['\"`]([\w.-]{1,30})['\"`]", text)[:8]:
            for name in suspects[:2]:
                if guess.kind_of_name(name.rpartition(".")[2]) in ("text", "activation", "norm"):
                    yield ((name, guess.constant(quoted)),)

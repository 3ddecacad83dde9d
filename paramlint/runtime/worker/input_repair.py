"""What to change in an example input after forward raised, read from torch's own messages about shapes and types."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from paramlint.runtime.worker import guess, input_guess, source, stack
from paramlint.runtime.worker.guess import Guess, Parameter, constant, expression
from paramlint.runtime.worker.input_shapes import BATCH, LENGTH, Setting

Change = tuple[tuple[str, Guess], ...]


def progress(error: BaseException, instance: nn.Module) -> float:
    """How far forward came: its own line, and how deep the failing call was inside it."""
    code = getattr(inspect.unwrap(type(instance).forward), "__code__", None)
    depth, line_reached = 0.0, 0.0
    for frame, line in stack.walk(error.__traceback__):
        if frame.f_code is code:
            line_reached = float(line - frame.f_code.co_firstlineno)
        elif stack.is_users(frame.f_code.co_filename):
            depth += 0.1
    return line_reached + min(depth, 0.9)


def repairs(
    error: BaseException, setting: Setting, known: list[Parameter], plan: Mapping[str, Guess]
) -> Iterator[Change]:
    """Changes to ``plan``, most telling first."""
    text = stack.message(error) or stack.type_name(error)
    missing = re.search(r"forward\(\) missing \d+ required (?:positional|keyword-only) arguments?: (.*)", text)
    if missing:
        names = re.findall(r"'(\w+)'", missing.group(1))
        by_name = {item.name: item for item in known}
        yield tuple((name, next(input_guess.values(by_name[name], setting))) for name in names if name in by_name)
    current = {name: _peek(chosen) for name, chosen in plan.items()}
    suspects = _suspects(error, plan, known)
    if re.search(
        r"interpreted as an integer|invalid combination of arguments|must be (tuple of ints|int)|an integer"
        r"|only one element tensors can be converted",
        text,
    ):
        read = [name for name in suspects if isinstance(current.get(name), torch.Tensor)]
        yield tuple((name, constant(LENGTH)) for name in read[:2])
        yield from (((name, constant(LENGTH)),) for name in read[:2])
    for name in suspects:
        value = current.get(name)
        if isinstance(value, torch.Tensor):
            # What has the same shape mostly has to keep the same shape.
            alike = [other for other, item in current.items() if _is_like(item, value)]
            for change in _first(_tensor_changes(text, value), 4) if len(alike) > 1 and name == alike[0] else ():
                yield tuple((other, change) for other in alike)
            for change in _tensor_changes(text, value):
                yield ((name, change),)
        elif isinstance(value, (tuple, list)) and len(value) > 1 and all(_is_like(item, value[0]) for item in value):
            shape = tuple(value[0].shape)
            for sizes in dict.fromkeys((*_exact_sizes(text, shape), *_sizes(text, shape))):
                yield ((name, input_guess.several(sizes, len(value), type(value).__name__)),)
    alike = [name for name, value in current.items() if isinstance(value, torch.Tensor)]
    if len(alike) > 1 and re.search(r"size|shape|match|expand|broadcast|dimension", text):
        for name in alike:
            for other_name in alike:
                if name != other_name:
                    yield ((name, plan[other_name]),)
    if (
        "NoneType" in text
        or "must be specified" in text
        or "have to specify" in text
        or "not None" in text
        or "be None" in text
    ):
        for item in sorted(
            known, key=lambda item: suspects.index(item.name) if item.name in suspects else len(suspects)
        ):
            if (item.name not in plan or plan[item.name].text == "None") and input_guess.is_main(item):
                for other in _first(input_guess.values(item, setting), 2):
                    if other.text != "None":
                        yield ((item.name, other),)
    for name in suspects[:3]:
        parameter = next((item for item in known if item.name == name), None)
        if parameter is not None:
            for other in _first(input_guess.values(parameter, setting), 10):
                if name not in plan or other.text != plan[name].text:
                    yield ((name, other),)
    if re.search(r"object is not (iterable|subscriptable)|not enough values|unpack|'list'|list index|zip", text):
        for name in suspects[:2]:
            shape = (
                tuple(current[name].shape)
                if isinstance(current.get(name), torch.Tensor)
                else (BATCH, LENGTH, guess.WIDTH)
            )
            for count in _counts(text):
                yield ((name, input_guess.several(shape, count, "list")),)
    if re.search(r"Tensor.*has no attribute|'Tensor' object is not callable|string|str", text):
        for name in suspects[:1]:
            yield ((name, constant("a")),)
            yield ((name, expression("{'x': torch.randn(2, 8)}", lambda: {"x": torch.randn(2, 8)})),)


def _counts(text: str) -> Iterator[int]:
    match = re.search(r"expected (?:at least )?(\d+)", text)
    if match:
        yield int(match.group(1))
    yield from (2, 3, 4, 5)


def _first(items: Iterator[Guess], count: int) -> list[Guess]:
    found: list[Guess] = []
    for item in items:
        if len(found) == count:
            break
        found.append(item)
    return found


def _is_like(one: Any, other: torch.Tensor) -> bool:
    return isinstance(one, torch.Tensor) and one.shape == other.shape and one.dtype == other.dtype


def _peek(chosen: Guess) -> Any:
    try:
        return chosen.make()
    except Exception:
        return None


def _suspects(error: BaseException, plan: Mapping[str, Guess], known: list[Parameter]) -> list[str]:
    """Inputs that the failing statements of the user's code read, then all others."""
    found: list[str] = []
    names = [item.name for item in known]
    for frame, line in reversed(list(stack.walk(error.__traceback__))):
        if not stack.is_users(frame.f_code.co_filename):
            continue
        statements = source.enclosing(frame.f_code, line)
        read = source.names_in(source.header(statements[-1])) if statements else []
        position = 0
        while position < len(read) and len(read) < 60:
            for node in source.definitions(frame.f_code, read[position]):
                read += [name for name in source.names_in([node]) if name not in read]
            position += 1
        found += [name for name in read if name in names and name not in found]
    return [name for name in found if name in names] + [name for name in plan if name not in found]


def _tensor_changes(text: str, value: torch.Tensor) -> Iterator[Guess]:
    """Other tensors that answer what a message asks for."""
    shape = tuple(value.shape)
    is_float = value.is_floating_point()
    make = input_guess.tensor if is_float else (lambda *sizes: input_guess.ids(2, *sizes))
    yield from (make(*sizes) for sizes in _exact_sizes(text, shape))
    yield from _types(text, shape)
    yield from (make(*sizes) for sizes in _by_pattern(text, shape))
    yield from (make(*sizes) for sizes in _ranks(text, shape))
    yield from (make(*sizes) for sizes in _sizes(text, shape))
    if re.search(r"index out of range|out of bounds|CUDA|indices", text):
        yield input_guess.ids(2, *shape)
        yield input_guess.ids(1, *shape)
    if re.search(r"more than 1 value per channel|batch", text):
        yield make(4, *shape[1:])
    if re.search(
        r"[Kk]ernel size can't be greater|too small|Output size is too small|smaller than|should be less than|greater than",
        text,
    ):
        yield make(*(size if index < 2 else max(size * 4, 64) for index, size in enumerate(shape)))
    if re.search(
        r"divisible|multiple|rearrange|Shape mismatch|assert|view|reshape|invalid for input|^AssertionError", text
    ):
        for side in (64, 16, 32, 8, 224, 256):
            if len(shape) >= 4:
                yield make(*shape[:-2], side, side)
        for length in (16, 64, 49, 197, 4, 65):
            if len(shape) == 3:
                yield make(shape[0], length, shape[2])
    for wanted in re.findall(r"\((\d+)\*?(?:x(\d+))?\)", text)[:1]:
        if len(shape) == 4 and wanted[0]:
            yield make(*shape[:-2], int(wanted[0]), int(wanted[0]))


def _types(text: str, shape: tuple[int, ...]) -> Iterator[Guess]:
    if re.search(
        r"(expected|Expected).*(Long|Int|long|int)|one of the following scalar types: Long|indices must be|used as indices",
        text,
    ):
        yield input_guess.ids(2, *shape)
        if len(shape) > 2:
            yield input_guess.ids(2, *shape[:2])
        yield input_guess.ids(2, BATCH, LENGTH)
    if re.search(
        r"Float|float|not implemented for '(Long|Bool)'|mean\(\)|same dtype|found dtype Long|expected scalar type", text
    ):
        yield input_guess.tensor(*shape)
        yield input_guess.tensor(*shape, guess.WIDTH)
    if re.search(r"[Bb]ool", text):
        yield input_guess.ones(torch.bool, *shape)
    if re.search(r"complex", text):
        yield expression(f"torch.randn{shape}.to(torch.complex64)", lambda: torch.randn(*shape).to(torch.complex64))


def _by_pattern(text: str, shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Shapes that an einops pattern takes, from its message: the pattern's left side and the sizes it was given.

    An axis that is written as a product gets a size that its known factors divide, so that ``(h w)`` is a square.
    """
    match = re.search(r'pattern "([^"]*?)\s*->', text)
    if match is None:
        return
    known = {name: int(size) for name, size in re.findall(r"'(\w+)': (\d+)", text)}
    axes = re.findall(r"\([^)]*\)|\S+", match.group(1))
    if "..." in axes or not axes:
        return
    base = shape if len(shape) == len(axes) else with_rank(shape, len(axes)) if len(axes) <= 6 else shape
    for free in (8, 4, 2):
        wanted = []
        for position, axis in enumerate(axes):
            names = axis.strip("()").split()
            if not axis.startswith("("):
                wanted.append(known.get(axis, int(axis) if axis.isdigit() else base[position]))
                continue
            product = 1
            for name in names:
                product *= known.get(name, int(name) if name.isdigit() else free)
            wanted.append(product)
        if tuple(wanted) != shape:
            yield tuple(wanted)


_RANK = (
    r"[Ee]xpected (\d)D (?:\(unbatched\) )?or (\d)D",
    r"[Ee]xpected (?:input to be |an? )?(\d)-?[dD]",
    r"expected .*?(\d)-dimensional input",
    r"(?:[Ee]xpected|must be|should be|requires?)\D{0,40}(\d)[ -]?[dD]",
    r"not enough values to unpack \(expected (\d)",
    r"too many values to unpack \(expected (\d)",
    r"expected (\d) dims",
    r"[Ee]xpected (\d) dimensions",
    r"must have (\d) dim",
    r"number of dims don't match.*?dims=.*?(\d)",
)


def _ranks(text: str, shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    ranks: list[int] = []
    for pattern in _RANK:
        match = re.search(pattern, text, re.DOTALL)
        if match:
            ranks += [int(part) for part in reversed(match.groups()) if part]
    match = re.search(r"Dimension out of range \(expected to be in range of \[-(\d), ", text)
    if match:
        ranks.append(int(match.group(1)) + 1)
    match = re.search(r"permute.*input\.dim\(\) = (\d).*len\(dims\) = (\d)", text, re.DOTALL)
    if match:
        ranks.append(int(match.group(2)))
    match = re.search(r"Expected (\d)-dimensional|(\d)D tensor expected|Wrong shape: expected (\d) dims", text)
    if match:
        ranks += [int(part) for part in match.groups() if part]
    for rank in ranks:
        if rank != len(shape) and 1 <= rank <= 6:
            yield with_rank(shape, rank)
    if ranks or re.search(r"dim|index|shape|unpack|too many indices", text):
        for rank in (4, 3, 2, 5):
            if rank != len(shape):
                yield with_rank(shape, rank)


def with_rank(shape: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """A shape of another rank that keeps the number of channels where it can."""
    if not shape:
        return (BATCH, guess.WIDTH, 16, 16)[:rank] if rank <= 4 else (BATCH, guess.WIDTH, 8, 16, 16)
    if rank > len(shape):
        if len(shape) == 1:
            return (BATCH, *(LENGTH,) * (rank - 2), shape[0])
        return (*shape, *(16,) * (rank - len(shape)))
    return (*shape[: rank - 1], shape[-1]) if len(shape) == 3 else shape[:rank]


def _exact_sizes(text: str, shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """The shape with the one size replaced that a message names beside the one it should be, where it has that one."""
    for pattern, wanted_first in (
        (r"size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\)", False),
        (r"normalized_shape=\[(\d+)\].*?got input of size\s*\[[\d, ]*?(\d+)\]", True),
        (r"to have (\d+) channels, but got (\d+) channels", True),
        (r"running_mean should contain (\d+) elements not (\d+)", False),
        (r"must be equal to input_size. Expected (\d+), got (\d+)", True),
        (r"shapes cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)", False),
    ):
        match = re.search(pattern, text, re.DOTALL)
        if match is None:
            continue
        got, wanted = (int(part) for part in match.groups())
        if wanted_first:
            got, wanted = wanted, got
        places = [axis for axis, size in enumerate(shape) if size == got]
        for axis in reversed(places):
            yield (*shape[:axis], wanted, *shape[axis + 1 :])


def _sizes(text: str, shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    match = re.search(r"to have (\d+) channels, but got (\d+) channels", text)
    if match and len(shape) > 1:
        yield (shape[0], int(match.group(1)), *shape[2:])
    match = re.search(r"mat1 and mat2 shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)", text)
    if match:
        got, wanted = int(match.group(2)), int(match.group(3))
        for axis in reversed(range(len(shape))):
            if shape[axis] == got:
                yield (*shape[:axis], wanted, *shape[axis + 1 :])
        yield (*shape[:-1], wanted)
        factor = got // wanted if wanted and got % wanted == 0 else 0
        if factor and len(shape) == 4:
            side = int(factor**0.5)
            yield (*shape[:-2], max(1, shape[-2] // max(side, 1)), max(1, shape[-1] // max(side, 1)))
        if wanted % got == 0 and len(shape) == 4:
            side = int((wanted // got) ** 0.5)
            yield (*shape[:-2], shape[-2] * side, shape[-1] * side)
        if len(shape) >= 3:
            yield (shape[0], wanted, *shape[2:])
    for pattern in (
        r"normalized_shape=\[(\d+)\].*?got input of size\s*\[([\d, ]+)\]",
        r"running_mean should contain (\d+) elements not (\d+)",
        r"size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\)",
        r"must be equal to input_size. Expected (\d+), got (\d+)",
        r"Expected weight to be a vector of size equal to the number of channels in input.*?\[(\d+)\].*?\[([\d, ]+)\]",
        r"expanded size of the tensor \((\d+)\) must match the existing size \((\d+)\)",
        r"[Ee]xpected (\d+),? (?:but )?got (\d+)",
        r"doesn't match model \((\d+)\)|\((\d+)\) doesn't match",
        r"(\d+) (?:!=|==|vs\.?) (\d+)",
    ):
        match = re.search(pattern, text, re.DOTALL)
        if match:
            found = [int(part) for part in re.findall(r"\d+", " ".join(part for part in match.groups() if part))]
            yield from _with_sizes(shape, found[:3])
    if "rearrange" in text or "einops" in text or "Error while processing" in text:
        yield from ((BATCH, 3, 64, 64), (BATCH, 3, 32, 32), (BATCH, LENGTH, guess.WIDTH), (BATCH, guess.WIDTH, 16, 16))


def _with_sizes(shape: tuple[int, ...], sizes: list[int]) -> Iterator[tuple[int, ...]]:
    """Shapes in which one of the sizes that a message names takes another's place, or the channels' or the last."""
    for wanted in sizes:
        for got in sizes:
            if got != wanted:
                for axis in reversed(range(len(shape))):
                    if shape[axis] == got:
                        yield (*shape[:axis], wanted, *shape[axis + 1 :])
    for wanted in sizes[:2]:
        if 0 < wanted <= 4096:
            yield (*shape[:-1], wanted)
            if len(shape) > 2:
                yield (shape[0], wanted, *shape[2:])

"""The witness of repairs: builds a class as it was and as it was repaired, and compares all that it holds and computes.

    python witness.py JOBS RESULTS      (under the interpreter that has torch and the packages)

``JOBS`` is a file with a JSON object a line: ``key``, ``module``, ``name`` of a class, ``annotations`` (whether the
module postpones them) and ``repairs``, each with ``text`` (of the class, after the imports that it newly needs),
``reference`` (the text of a class that computes what the repaired one should, null for the class as it is) and ``names``
(attributes that may differ from the original as long as they hold what the reference holds); ``is_free`` says that no
class computes what the repaired one should, so that only what is registered can be compared. ``RESULTS`` gets a line for
each class: its ``key`` and for each repair an object of ``state``, ``values``, ``output``: null where all is equal, else
what is not. How classes are built is the mutation oracle's; nothing of paramlint is imported.
"""

from __future__ import annotations
import __future__

import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "mutation"))
import making
import oracle

sys.path.pop(0)

_SECONDS = 120.0


class Entry(NamedTuple):
    """A parameter or buffer."""

    registration: str
    value: torch.Tensor


def entries(instance: nn.Module) -> dict[str, Entry]:
    return {
        **{name: Entry("parameter", value) for name, value in instance.named_parameters(remove_duplicate=False)},
        **{name: Entry("buffer", value) for name, value in instance.named_buffers(remove_duplicate=False)},
    }


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    making.seed(0)
    return make()


def compare(
    original: nn.Module, reference: nn.Module, repaired: nn.Module, names: list[str], chosen: making.Made | None
) -> dict[str, str | None]:
    """What the repaired instance differs in: registrations and shapes, values, outputs."""
    before, after = entries(original), entries(repaired)
    meant = {name for name in {*before, *after} if set(name.split(".")) & set(names)}
    state = next(_state(before, after, meant), None)
    values = next(_values(before, after, meant), None)
    for name in meant & set(after):
        if name in before and _same(before[name].value, after[name].value):
            continue  # registered again, it follows what the constructor does to all that is: ``self.to(dtype=...)``
        held = _reached(reference, name)
        if held is not None and not _same(held, after[name].value):
            values = values or f"'{name}' does not hold what the reference holds"
    return {"state": state, "values": values, "output": _output(reference, repaired, chosen)}


def _state(before: Mapping[str, Entry], after: Mapping[str, Entry], meant: set[str]) -> Any:
    for name, entry in before.items():
        if name in meant:
            continue
        if name not in after:
            yield f"the {entry.registration} '{name}' is missing"
        elif _kind(entry) != _kind(after[name]):
            yield f"'{name}' is {_kind(after[name])}, not {_kind(entry)}"
    if len(meant & set(after)) < len(meant & set(before)):
        yield "what the fix is about is not registered"
    yield from (f"'{name}' is new" for name in after if name not in before and name not in meant)


def _kind(entry: Entry) -> tuple[object, ...]:
    return entry.registration, tuple(entry.value.shape), str(entry.value.dtype), entry.value.requires_grad


def _values(before: Mapping[str, Entry], after: Mapping[str, Entry], meant: set[str]) -> Any:
    for name, entry in after.items():
        if entry.value.is_floating_point() and bool(torch.isnan(entry.value).any()):
            if name not in before or not bool(torch.isnan(before[name].value).any()):
                yield f"'{name}' is not written"
        if name in before and name not in meant and not _same(entry.value, before[name].value):
            yield f"'{name}' has other values"


def _same(first: torch.Tensor, second: torch.Tensor) -> bool:
    return first.dtype == second.dtype and torch.equal(first.detach().nan_to_num(), second.detach().nan_to_num())


def _reached(instance: nn.Module, name: str) -> torch.Tensor | None:
    value: Any = instance
    try:
        for part in name.split("."):
            if part.isdigit() and isinstance(value, nn.Module) and not hasattr(value, part):
                continue  # a layer that the repair has put into a list
            value = value[int(part)] if part.isdigit() and not isinstance(value, nn.Module) else getattr(value, part)
    except (AttributeError, IndexError, TypeError):
        return None
    return value if isinstance(value, torch.Tensor) else None


def _output(reference: nn.Module, repaired: nn.Module, chosen: making.Made | None) -> str | None:
    if chosen is None:
        return None
    try:
        wanted = _called(reference, chosen)
    except Exception:
        return None
    try:
        found = _called(repaired, chosen)
    except Exception as error:
        return f"forward raises {type(error).__name__}: {error}"
    if len(wanted) != len(found):
        return "forward returns another structure"
    return None if all(map(_same, wanted, found)) else "forward returns other values"


def _called(instance: nn.Module, chosen: making.Made) -> list[torch.Tensor]:
    making.seed(1)
    arguments = chosen.make()
    making.seed(2)
    with torch.no_grad():
        return [item for item in tree_leaves(instance(*arguments)) if isinstance(item, torch.Tensor)]


def _job(job: dict[str, Any]) -> list[dict[str, Any] | None]:
    """Compare the repairs of one class; runs in a process of its own."""
    module = importlib.import_module(job["module"])
    kind = getattr(module, job["name"])
    made = making.instance_of(kind, current=lambda: getattr(module, job["name"]))
    if made is None:
        return []
    chosen = making.input_for(seeded(made.make))
    return [
        oracle._forked(lambda repair=repair: _repair(job, repair, made, chosen), _SECONDS) for repair in job["repairs"]
    ]


def _repair(
    job: dict[str, Any], repair: dict[str, Any], made: making.Made, chosen: making.Made | None
) -> dict[str, Any]:
    module = importlib.import_module(job["module"])

    def become(text: str) -> None:
        flags = __future__.annotations.compiler_flag if job["annotations"] else 0
        exec(compile(text, job["name"], "exec", flags, dont_inherit=True), vars(module))

    original = reference = seeded(made.make)
    if repair["reference"] is not None:
        become(repair["reference"])
        reference = seeded(made.make)
    try:
        become(repair["text"])
        repaired = seeded(made.make)
    except Exception as error:
        return {"state": f"not built: {type(error).__name__}: {error}", "values": None, "output": None, "called": False}
    seen = compare(original, reference, repaired, repair["names"], chosen)
    if repair["is_free"]:
        seen.update(values=None, output=None)
    return {**seen, "called": chosen is not None}


def main() -> None:
    oracle.answer_jobs(_job, lambda job, seen: {"key": job["key"], "seen": seen or []}, _SECONDS * 5)


if __name__ == "__main__":
    main()

"""Building as large models are loaded: on meta, then ``to_empty``, the model's own initialisation, the saved state."""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext

import torch
from torch import nn

from paramlint.model.observation import MaterialisedObservation, Observation
from paramlint.runtime.worker import build, elsewhere, snapshot, stack
from paramlint.runtime.worker.build import Built
from paramlint.runtime.worker.snapshot import Subject
from paramlint.runtime.worker.timing import Clock, TimeLimit
from paramlint.runtime.worker.walk import FoundTensor, Walk, is_lazy, join

_LARGEST = 50_000_000
_NAMED = 100

# Methods by which a model initialises itself, or ties what belongs together, when a framework asks it to: torch's FSDP
# calls reset_parameters, transformers init_weights and tie_weights; projects have their own words for the same.
_INITIALISES = re.compile(
    r"^_?(init|initiali[sz]e|reset|tie)(_(weights?|parameters?|params?|buffers?|all|model|self))*$"
)


def materialised(known: Observation, way: Built, clock: Clock) -> Observation:
    """Fill in what a build on meta and its materialisation give."""
    device = getattr(torch, "device", None)
    if not hasattr(device, "__enter__"):  # before torch 2.0 a device is no context
        return _with(known, MaterialisedObservation(False, "this torch cannot build on the meta device"))
    started = time.perf_counter()
    try:
        with clock.limit(clock.left / 2):
            build.seed(0)
            with elsewhere.pretending() if way.needs_pretence else nullcontext(), torch.device("meta"):
                instance = way.make()
    except (Exception, TimeLimit) as error:
        reason = f"{stack.type_name(error)}: {stack.first_line(stack.message(error))}"
        return _with(known, MaterialisedObservation(False, f"not built on meta: {reason}"))
    seconds = time.perf_counter() - started
    result = MaterialisedObservation(True, seconds=seconds)
    if sum(tensor.elements for tensor in known.tensors) > _LARGEST:
        return _with(known, result._replace(reason="too large to be materialised"))
    try:
        original = snapshot.take(way, clock, 0)
        with clock.limit(clock.left), torch.no_grad():
            return _with(known, _restored(result, instance, original))
    except (Exception, TimeLimit) as error:
        reason = f"not materialised: {stack.type_name(error)}: {stack.first_line(stack.message(error))}"
        return _with(known, result._replace(reason=reason))


def _with(known: Observation, result: MaterialisedObservation) -> Observation:
    return known._replace(materialised=result)


def _restored(result: MaterialisedObservation, instance: nn.Module, subject: Subject) -> MaterialisedObservation:
    instance.to_empty(device="cpu")
    build.seed(0)
    called = []
    for path, initialise in _initialisers(instance):
        initialise()
        called.append(path)
    now = Walk(instance)
    unwritten = tuple(
        found.path for found in now.tensors if found.kind == "parameter" and snapshot.unwritten_share(found.tensor)
    )
    original = subject.instance
    instance.load_state_dict(original.state_dict(), strict=False)
    held = Walk(instance).by_path
    lost, lost_ties = tuple(_lost(subject, held)), tuple(_lost_ties(original, instance))
    instance.to(torch.float64)
    for _, initialise in _initialisers(instance):
        initialise()
    recast = tuple(
        name
        for name, parameter in instance.named_parameters()
        if parameter.is_floating_point() and parameter.dtype is not torch.float64
    )
    return result._replace(
        recast=recast[:_NAMED],
        initialisers=tuple(called[:_NAMED]),
        not_initialised=unwritten[:_NAMED],
        lost=lost[:_NAMED],
        lost_ties=lost_ties[:_NAMED],
    )


def _initialisers(instance: nn.Module) -> Iterator[tuple[str, Callable[[], object]]]:
    """The model's own ways to initialise itself, parts before wholes, ties last: bound methods that need no argument."""
    ties: list[tuple[str, Callable[[], object]]] = []
    for path, module in reversed(list(instance.named_modules())):
        seen: set[str] = set()
        for kind in type(module).__mro__:
            if kind is nn.Module:
                break
            for name, function in vars(kind).items():
                if name in seen or not _INITIALISES.match(name) or not inspect.isfunction(function):
                    continue
                seen.add(name)
                if _needs_no_argument(function):
                    entry = join(path, name), getattr(module, name)
                    if "tie" in name:
                        ties.append(entry)
                    else:
                        yield entry
    yield from ties


def _needs_no_argument(function: Callable[..., object]) -> bool:
    listed = list(inspect.signature(function).parameters.values())[1:]
    return all(
        item.default is not item.empty or item.kind in (item.VAR_POSITIONAL, item.VAR_KEYWORD) for item in listed
    )


def _lost(subject: Subject, held: dict[str, FoundTensor]) -> Iterator[str]:
    """Paths of the original's tensors that hold other values now, or none; parameters are restored by their state."""
    for found in subject.walk.tensors:
        if found.kind == "parameter" or is_lazy(found.tensor) or not found.tensor.numel():
            continue
        other = held.get(found.path)
        if (
            other is None
            or other.tensor.device.type == "meta"
            or (found.kind != "plain" and _differs(found.tensor, other.tensor))
        ):
            yield found.path


def _differs(first: torch.Tensor, second: torch.Tensor) -> bool:
    if first.shape != second.shape or first.dtype != second.dtype:
        return True
    if first.is_floating_point() or first.is_complex():
        return bool(((first != second) & ~(first.isnan() & second.isnan())).any())
    return not torch.equal(first, second)


def _lost_ties(original: nn.Module, instance: nn.Module) -> Iterator[tuple[str, str]]:
    """Pairs of names that are one parameter in the original and two in the other."""
    first_names: dict[int, str] = {}
    now = dict(instance.named_parameters(remove_duplicate=False))
    for name, parameter in original.named_parameters(remove_duplicate=False):
        first = first_names.setdefault(id(parameter), name)
        if first != name and now.get(first) is not now.get(name):
            yield first, name

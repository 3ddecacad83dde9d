"""What forward passes on an example input show: creations, state, gradients, outputs that differ."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn

from paramlint.model.observation import (
    Assignment,
    ClassRequest,
    Creation,
    ForwardObservation,
    Observation,
    TensorObservation,
)
from paramlint.runtime.worker import build, elsewhere, inputs, snapshot, stack
from paramlint.runtime.worker.build import Built
from paramlint.runtime.worker.inputs import Input, NoInput
from paramlint.runtime.worker.snapshot import Subject, class_name
from paramlint.runtime.worker.timing import Clock
from paramlint.runtime.worker.walk import Walk, is_lazy, join
from paramlint.runtime.worker.watch import Binding, Created, Recorder

_NAMED = 200
_TRIED = 16


def call(instance: nn.Module, chosen: Input, number: int) -> Any:
    """One call under a random seed, with fresh arguments that are the same for each seed."""
    arguments, keywords = chosen.make()
    build.seed(number)
    return instance(*arguments, **keywords)


def runner(way: Built) -> Callable[[Callable[[], Any]], Any]:
    def run(thunk: Callable[[], Any]) -> Any:
        with elsewhere.pretending() if way.needs_pretence else nullcontext():
            return thunk()

    return run


def has_forward(instance: nn.Module) -> bool:
    own = getattr(type(instance), "forward", None)
    return callable(own) and getattr(own, "__name__", "") != "_forward_unimplemented"


def forward_passes(
    known: Observation, subject: Subject, way: Built, request: ClassRequest, clock: Clock
) -> tuple[Observation, Input | NoInput]:
    """Find an input and run forward twice on it, watched; what is seen goes into ``forward`` and the tensors."""
    if not has_forward(subject.instance):
        return known._replace(forward=ForwardObservation("no forward")), NoInput(None, ())
    run = runner(way)
    tried = _Tried(run)
    before = Before(subject.walk)
    # Without memory a call takes as long as all else: the one that finds an input is the first that is watched.
    instance = subject.instance if way.is_meta else snapshot.instance(way, clock, 0)
    found = inputs.find(instance, request, Clock(clock.left * 0.6), tried if way.is_meta else run, way.text)
    if isinstance(found, NoInput):
        status = "no input found" if found.failure is None else "raised"
        return known._replace(
            forward=ForwardObservation("no input found" if status == "raised" else status, failure=found.failure),
            notes=(*known.notes, *found.attempts[:3]),
        ), found
    passes = tried.passes
    if len(passes) > 1:
        # Earlier calls may have left something behind that this one did not find missing.
        subject = snapshot.take(way, clock, 0)
        before, passes = Before(subject.walk), []
    for number in (2, 3)[len(passes) :]:
        # Where values do not exist, a second pass differs from the first only by what that one left behind.
        if way.is_meta and passes and not passes[0].bindings and not passes[0].creations:
            break
        recorder = Recorder()
        with clock.limit(clock.left), recorder.watching(creations=True, operands=True):
            run(functools.partial(call, subject.instance, found, number))
        passes.append(recorder)
    return witnessed(known, before, passes, found.text), found


class _Tried:
    """Runs calls, each watched: ``passes`` has the record of each, of those that raised too."""

    def __init__(self, run: Callable[[Callable[[], Any]], Any]) -> None:
        self._run = run
        self.passes: list[Recorder] = []

    def __call__(self, thunk: Callable[[], Any]) -> Any:
        self.passes.append(Recorder())
        with self.passes[-1].watching(creations=True, operands=True):
            return self._run(thunk)


class Before:
    """What an instance held before its forward passes, with the versions that in-place writes would raise."""

    def __init__(self, walk: Walk) -> None:
        self.root = walk.root
        self.tensors = walk.by_path
        self.versions = {path: (id(item.tensor), _version(item.tensor)) for path, item in self.tensors.items()}


def witnessed(known: Observation, before: Before, passes: list[Recorder], recipe: str | None) -> Observation:
    """The observation with what recorded forward passes of one instance showed."""
    after = Walk(before.root)
    operands = {id(tensor) for recorder in passes for tensor in recorder.operands.values()}
    now = after.by_path
    can_watch = "in-place writes" not in known.lacks and all(recorder.has_operands for recorder in passes)

    def change(tensor: TensorObservation) -> TensorObservation:
        if tensor.path not in before.tensors:
            return tensor
        old = before.tensors[tensor.path].tensor
        held = now.get(tensor.path)
        changed = held is None or (id(held.tensor), _version(held.tensor)) != before.versions[tensor.path]
        return tensor._replace(changed_by_forward=changed, read_in_forward=(id(old) in operands) if can_watch else None)

    owners = snapshot.module_paths(after)
    written = sorted(
        {
            join(owners[id(item.module)], item.attribute)
            for recorder in passes
            for item in recorder.bindings
            if item.raised is None and id(item.module) in owners
        }
    )
    observation = ForwardObservation(
        "ran",
        recipe=recipe,
        creations=tuple(_creations(passes, after, before)),
        written_attributes=tuple(written[:_NAMED]),
        graph_tensors=tuple(item.path for item in after.tensors if item.tensor.grad_fn is not None)[:_NAMED],
        left_zero=tuple(path for path in written[:_NAMED] if path in now and _is_all_zero(now[path].tensor)),
        called=tuple(owners[number] for recorder in passes[:1] for number in recorder.called if number in owners),
    )
    failures = tuple(
        _assignment(item, after) for recorder in passes for item in recorder.bindings if item.raised is not None
    )
    known = known._replace(assignments=(*known.assignments, *failures))
    return known._replace(tensors=tuple(change(item) for item in known.tensors), forward=observation)


def _assignment(item: Binding, after: Walk) -> Assignment:
    owners = snapshot.module_paths(after)
    return Assignment(owners.get(id(item.module), ""), item.attribute, item.how, "forward", item.place, item.raised)


def _is_all_zero(tensor: torch.Tensor) -> bool:
    try:
        return tensor.numel() > 0 and not bool(tensor.any())
    except Exception:  # on meta, or of a subclass that cannot say
        return False


def _version(tensor: torch.Tensor) -> int:
    try:
        return int(tensor._version)
    except Exception:
        return 0


def _creations(passes: list[Recorder], after: Walk, before: Before) -> Iterable[Creation]:
    existed = {id(item.tensor) for item in before.tensors.values()}
    held = {id(item.tensor): item.path for item in after.tensors}
    held.update({id(item.module): item.path for item in after.modules})
    by_place: dict[tuple[object, str], list[tuple[int, Created]]] = {}
    for number, recorder in enumerate(passes):
        for item in recorder.creations:
            if _is_another_view(item.value, existed):
                continue
            kind = "torch.nn.Parameter" if isinstance(item.value, nn.Parameter) else class_name(type(item.value))
            by_place.setdefault((item.place, kind), []).append((number, item))
    for (_, kind), items in list(by_place.items())[:_NAMED]:
        value = items[-1][1].value
        stored = next((held[id(item.value)] for _, item in reversed(items) if id(item.value) in held), None)
        has_state = isinstance(value, nn.Parameter) or snapshot._state_of(value)[0]
        rewritten = all(_is_rewritten(item.value, passes[number]) for number, item in items)
        yield Creation(kind, items[0][1].place, stored, len({number for number, _ in items}), has_state, rewritten)


def _is_another_view(value: nn.Module | nn.Parameter, existed: set[int]) -> bool:
    """Whether a new Module holds layers that the instance had before alone, as a slice of a ModuleList does."""
    if not isinstance(value, nn.Module):
        return False
    try:
        own = [id(tensor) for tensor in (*value.parameters(), *value.buffers())]
    except Exception:  # a Module whose constructor never ran
        return False
    return bool(own) and existed.issuperset(own)


def _is_rewritten(value: nn.Module | nn.Parameter, recorder: Recorder) -> bool:
    """Whether the user's own code gave a new Module or Parameter its values, so that it serves as a function."""
    modules = list(value.modules()) if isinstance(value, nn.Module) else []
    tensors = [value] if isinstance(value, nn.Parameter) else list(value.parameters())
    keys = {snapshot.storage_key(tensor) for tensor in tensors}
    if any(item.is_direct and any(item.module is module for module in modules) for item in recorder.bindings):
        return True
    return any(not item.is_default and snapshot.storage_key(item.tensor) in keys for item in recorder.writes)


def outputs(known: Observation, way: Built, clock: Clock, chosen: Input) -> Observation:
    """Whether two calls in eval mode agree, and whether a reloaded instance computes the same."""
    assert known.forward is not None
    run = runner(way)
    first = snapshot.instance(way, clock, 0)
    first.eval()
    with torch.no_grad(), clock.limit(clock.left):
        values = [flatten(run(functools.partial(call, first, chosen, number))) for number in (4, 5, 4)]
    differs = not same(values[0], values[1])
    is_stateful = not same(values[0], values[2])
    reloaded: bool | None = None
    lost: list[str] = []
    fresh = snapshot.instance(way, clock, 0).eval()
    second = snapshot.instance(way, clock, 1).eval()
    if not is_stateful:
        with torch.no_grad(), clock.limit(clock.left):
            second.load_state_dict(fresh.state_dict(), strict=False)
            expected = flatten(run(lambda: call(fresh, chosen, 4)))
            given = flatten(run(lambda: call(second, chosen, 4)))
            reloaded = not same(expected, given)
            if reloaded and not differs:
                lost = _lost(
                    known, fresh, second, given, expected, lambda: flatten(run(lambda: call(second, chosen, 4)))
                )
    return known._replace(
        forward=known.forward._replace(
            differs_between_calls=differs, differs_after_reload=reloaded, lost_on_reload=tuple(lost)
        )
    )


def loading(known: Observation, subject: Subject, way: Built, clock: Clock) -> Observation:
    """Whether the state after the forward passes can be loaded into a fresh instance."""
    if known.forward is None or known.forward.status != "ran":
        return known
    failure = None
    saved = subject.instance.state_dict()
    before = {item.path: item.shape for item in known.tensors if item.in_state_dict}
    changed = tuple(name for name, value in saved.items() if before.get(name) != tuple(getattr(value, "shape", ())))
    if changed:
        fresh = snapshot.instance(way, clock, 0)
        try:
            fresh.load_state_dict(saved)
        except RuntimeError as error:
            failure = stack.failure(error)
    return known._replace(forward=known.forward._replace(loading_failure=failure, unloadable=changed))


def _lost(
    known: Observation,
    fresh: nn.Module,
    second: nn.Module,
    given: list[torch.Tensor],
    expected: list[torch.Tensor],
    run: Callable[[], list[torch.Tensor]],
) -> list[str]:
    """Copy what no state holds from one instance to the other, one by one: which of it changes the output?"""
    source, target = Walk(fresh).by_path, Walk(second).by_path
    found: list[str] = []
    for tensor in [item for item in known.tensors if item.is_random and not item.in_state_dict][:_TRIED]:
        if tensor.path not in source or tensor.path not in target or same(given, expected):
            continue
        target[tensor.path].tensor.copy_(source[tensor.path].tensor)
        after = run()
        if not same(given, after):
            found.append(tensor.path)
        given = after
    return found


def gradients(known: Observation, way: Built, clock: Clock, chosen: Input) -> Observation:
    """Which parameters a backward pass reaches, with all parameters moved off exact zeros first."""
    assert known.forward is not None
    reached = _reached(way, clock, chosen, is_perturbed=True)
    if not reached:
        return known
    registered = {item.path for item in known.tensors if item.registration == "parameter"}
    return known._replace(
        tensors=tuple(item._replace(gradient=reached.get(item.path)) for item in known.tensors),
        forward=known.forward._replace(
            without_gradient=tuple(path for path, state in reached.items() if state == "none" and path in registered),
            zero_gradient=tuple(path for path, state in reached.items() if state == "zero" and path in registered),
        ),
    )


def dead_starts(known: Observation, way: Built, clock: Clock, chosen: Input) -> Observation:
    """Which parameters are zero as construction leaves them, and get no gradient there that would change that."""
    fresh = Walk(snapshot.instance(way, clock, 0)).by_path
    zero = {path for path, found in fresh.items() if found.tensor.requires_grad and _is_zero(found.tensor)}
    if len(zero) < 2:
        return known
    reached = _reached(way, clock, chosen, is_perturbed=False)
    return known._replace(
        tensors=tuple(
            item._replace(starts_dead=item.path in zero and reached[item.path] == "zero")
            if reached.get(item.path) in ("zero", "flows")
            else item
            for item in known.tensors
        )
    )


def _is_zero(tensor: torch.Tensor) -> bool:
    is_plain = not is_lazy(tensor) and tensor.device.type == "cpu" and tensor.is_floating_point()
    return is_plain and tensor.numel() > 0 and not bool(tensor.detach().any())


def _reached(way: Built, clock: Clock, chosen: Input, *, is_perturbed: bool) -> dict[str, str]:
    """For each leaf that asks for gradients, "none", "zero" or "flows" after a backward pass; empty without one."""
    instance = snapshot.instance(way, clock, 0)
    instance.train()
    if is_perturbed:
        _perturb(instance)
    with clock.limit(clock.left):
        total = None
        for number in (6, 7):
            for value in flatten(runner(way)(functools.partial(call, instance, chosen, number))):
                part = weighed(value)
                if part is not None:
                    total = part if total is None else total + part
        if total is None:
            return {}
        torch.autograd.backward(total)
    reached: dict[str, str] = {}
    for found in Walk(instance).tensors:
        if found.tensor.requires_grad and found.tensor.is_leaf:
            gradient = found.tensor.grad
            reached[found.path] = "none" if gradient is None else "flows" if bool((gradient != 0).any()) else "zero"
    return reached


def weighed(value: torch.Tensor) -> torch.Tensor | None:
    """A sum in which each element of an output weighs differently, to start a backward pass from; None without one."""
    if not (value.requires_grad and value.numel() and (value.is_floating_point() or value.is_complex())):
        return None
    value = value.abs() if value.is_complex() else value
    weights = torch.linspace(0.5, 1.5, value.numel(), device=value.device)
    return (value * weights.reshape(value.shape).to(value.dtype)).nan_to_num().sum()


def _perturb(instance: nn.Module) -> None:
    with torch.no_grad():
        generator = torch.Generator().manual_seed(7)
        for parameter in instance.parameters():
            if parameter.is_floating_point() and parameter.device.type == "cpu":
                parameter.add_(torch.randn(parameter.shape, generator=generator).to(parameter.dtype) * 0.01)


def flatten(value: Any, depth: int = 0) -> list[torch.Tensor]:
    """All tensors in an output, in a stable order."""
    if isinstance(value, torch.Tensor):
        return [value]
    if depth > 6:
        return []
    if isinstance(value, Mapping):
        return [found for item in list(value.values()) for found in flatten(item, depth + 1)]
    if isinstance(value, (list, tuple)):
        return [found for item in value for found in flatten(item, depth + 1)]
    if hasattr(value, "__dict__") and not isinstance(value, (nn.Module, type)):
        return [found for item in list(vars(value).values()) for found in flatten(item, depth + 1)]
    return []


def same(first: list[torch.Tensor], second: list[torch.Tensor]) -> bool:
    """Equality of outputs but for rounding; NaN equals NaN."""
    if len(first) != len(second):
        return False
    for one, other in zip(first, second, strict=True):
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        if one.is_floating_point() or one.is_complex():
            if not torch.allclose(one.detach(), other.detach(), rtol=1e-4, atol=1e-6, equal_nan=True):
                return False
        elif not torch.equal(one, other):
            return False
    return True

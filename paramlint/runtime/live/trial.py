"""Running a copy of a model on example inputs: what forward reads and makes, gradients, and tensors left behind."""

from __future__ import annotations

import copy
import gc
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import torch
from torch import nn

from paramlint.model.observation import Failure, ForwardObservation, Observation, TensorObservation
from paramlint.runtime.live import memory
from paramlint.runtime.live.examine import failure_note, gradient_state
from paramlint.runtime.worker import build, forward, shadow, stack
from paramlint.runtime.worker.device import attempt, is_same_place
from paramlint.runtime.worker.walk import Walk
from paramlint.runtime.worker.watch import Recorder

# Each tensor that may be left behind takes one more pass.
_MOST_CANDIDATES = 8
# Never a real device, and known to every torch; shown as what it stands for.
_DEVICE = torch.device("privateuseone", 0)
_SHOWN = ("privateuseone:0", "accel:0")


class Inputs(NamedTuple):
    """The arguments of a call of the model."""

    arguments: Sequence[Any]
    keywords: Mapping[str, Any]

    def copied(self) -> Inputs:
        """Arguments that a pass may change without harm."""
        return Inputs(_copied(tuple(self.arguments)), _copied(dict(self.keywords)))


def passes(known: Observation, model: nn.Module, inputs: Inputs) -> Observation:
    """The observation with two passes over a copy, a backward pass, and placement; the model is left as it is."""
    with undisturbed():
        try:
            twin = copied(model)
        except Exception as error:
            return known._replace(
                deepcopy_failure=stack.failure(error),
                notes=(*known.notes, failure_note("forward was not tried, for the model cannot be copied", error)),
            )
        before = forward.Before(Walk(twin))
        recorders = [Recorder(), Recorder()]
        output: Any = None
        try:
            for recorder in recorders:
                with recorder.watching(creations=True, operands=True), torch.enable_grad():
                    given = inputs.copied()
                    output = twin(*given.arguments, **given.keywords)
        except Exception as error:
            failure = stack.failure(error)
            note = failure_note("forward raised", error)
            return known._replace(forward=ForwardObservation("raised", failure=failure), notes=(*known.notes, note))
        known = forward.witnessed(known, before, recorders, _text(inputs))
        known = _gradients(known, twin, output)
        return placement(known, model, inputs, any(recorder.makes_tensors for recorder in recorders))


def copied(model: nn.Module) -> nn.Module:
    """A deep copy, without marks; tensors with a history, which torch refuses to copy, start without it.

    Raises what copying does.
    """
    memo: dict[int, Any] = {}
    for found in Walk(model).tensors:
        if found.tensor.grad_fn is not None:
            memo[id(found.tensor)] = found.tensor.detach().clone().requires_grad_()
    twin = copy.deepcopy(model, memo)
    for found in Walk(twin).tensors:
        if not torch.nn.parameter.is_lazy(found.tensor):
            memory.clear(found.tensor)
    return twin


def kept(known: Observation, model: nn.Module) -> nn.Module:
    """The model as ``placement`` wants it, for a call that the model itself is given: a copy where it holds plain tensors.

    What forward binds anew is gone after the call. What cannot be copied is kept as it is.
    """
    if any(map(may_stay, known.tensors)):
        with suppress(Exception):
            return copied(model)
    return model


def placement(known: Observation, model: nn.Module, inputs: Inputs, makes_tensors: bool) -> Observation:
    """The observation with the clash of each plain tensor that forward reads, where the books show one.

    ``model`` is as it was before the passes. Copies of it are run with every device kept in books (see ``shadow``):
    once with all plain tensors moved, so that what forward itself makes is not laid at their door, then with each alone
    left behind. ``makes_tensors``: forward was seen to make tensors of its own and name no device.
    """
    candidates = [entry for entry in known.tensors if may_stay(entry) and entry.read_in_forward][:_MOST_CANDIDATES]
    if known.forward is None or not (candidates or makes_tensors):
        return known
    with undisturbed():
        try:
            twin = Twin(model, is_kept=not any(entry.changed_by_forward for entry in candidates))
            status, made = twin.run(None, inputs)
        except Exception as error:
            return known._replace(notes=(*known.notes, failure_note("placement was not tried", error)))
        clashes = dict(_clashes(twin, inputs, [entry.path for entry in candidates], status, made))

    def change(entry: TensorObservation) -> TensorObservation:
        if entry.path not in clashes:
            return entry
        follows, failure = clashes[entry.path]
        return entry._replace(follows_device=follows, clash=failure)

    return known._replace(
        tensors=tuple(change(entry) for entry in known.tensors),
        forward=known.forward._replace(forward_made_clash=made if status == "clash" else None),
        device_probe="devices kept in books",
    )


def may_stay(entry: TensorObservation) -> bool:
    """Whether a tensor is one that a move of the model could leave where it is."""
    return (
        entry.registration == "plain"
        and not entry.is_parameter
        and entry.same_as is None
        and len(entry.shape) > 0
        and entry.elements > 0
        and entry.device == "cpu"
    )


class Twin:
    """A copy of a model on an accelerator that books keep; ``is_kept``: one copy serves all runs, else each has its own."""

    def __init__(self, model: nn.Module, is_kept: bool) -> None:
        """Raises what copying or moving the model does."""
        self._model = model
        self._is_kept = is_kept
        self._renew()

    def _renew(self) -> None:
        self._twin = copied(self._model)
        self._books = shadow.Books(_DEVICE)
        shadow.accelerate(self._books, self._twin)
        self._left = {
            found.path: found for found in Walk(self._twin).tensors if not self._books.is_accelerated(found.tensor)
        }
        self._is_fresh = True

    def has_left(self, path: str) -> bool:
        """Whether a tensor stays where it was when the model moves."""
        return path in self._left

    def run(self, alone: str | None, inputs: Inputs) -> tuple[str, Failure | None]:
        """How forward ends with all that stayed behind moved by hand, but for the tensor at ``alone``."""
        if not (self._is_fresh or self._is_kept):
            self._renew()
        self._is_fresh = False
        for path, found in self._left.items():
            self._books.put(found.tensor, path != alone)
        if alone is not None:  # last, since another path may lead to the same memory
            self._books.put(self._left[alone].tensor, False)
        build.seed(0)
        given = inputs.copied()
        for tensor in shadow.tensors_in((given.arguments, given.keywords)):
            self._books.put(tensor, True)
        twin = self._twin
        with torch.no_grad():
            status, failure = attempt(lambda: twin(*given.arguments, **given.keywords), shadow.running(self._books))
        if failure is not None:
            failure = failure._replace(message=failure.message.replace(*_SHOWN))
        return status, failure


def _clashes(
    twin: Twin, inputs: Inputs, candidates: list[str], status: str, made: Failure | None
) -> Iterator[tuple[str, tuple[bool, Failure | None]]]:
    """For each candidate whether it moved with the model, and what forward raised with it alone left behind.

    ``status`` and ``made`` tell how forward ends with all of them moved by hand: a clash in the same place is not the
    candidate's.
    """
    for path in candidates:
        if not twin.has_left(path):
            yield path, (True, None)
        elif status in ("ran", "clash"):
            outcome, failure = twin.run(path, inputs)
            yield path, (False, failure if outcome == "clash" and not is_same_place(failure, made) else None)
        else:
            yield path, (False, None)


def _gradients(known: Observation, twin: nn.Module, output: Any) -> Observation:
    assert known.forward is not None
    total = None
    for value in forward.flatten(output):
        part = forward.weighed(value)
        if part is not None:
            total = part if total is None else total + part
    if total is None:
        return known
    try:
        twin.zero_grad(set_to_none=True)
        torch.autograd.backward(total)
    except Exception as error:
        return known._replace(notes=(*known.notes, failure_note("no backward pass", error)))
    found = Walk(twin).by_path
    known = known._replace(
        tensors=tuple(
            entry._replace(gradient=gradient_state(found[entry.path].tensor)) if entry.path in found else entry
            for entry in known.tensors
        )
    )
    registered = [entry for entry in known.tensors if entry.registration == "parameter"]
    assert known.forward is not None
    return known._replace(
        forward=known.forward._replace(
            without_gradient=tuple(entry.path for entry in registered if entry.gradient == "none"),
            zero_gradient=tuple(entry.path for entry in registered if entry.gradient == "zero"),
        )
    )


@contextmanager
def undisturbed() -> Iterator[None]:
    """Restore, after the body, the state of every generator of random numbers that user code is likely to use."""
    numpy = sys.modules.get("numpy.random")
    states = random.getstate(), numpy.get_state() if numpy is not None else None
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            random.setstate(states[0])
            if numpy is not None:
                numpy.set_state(states[1])


@contextmanager
def uncollected() -> Iterator[None]:
    """Run the body without garbage collection: what it makes is kept, and each pass goes through all of torch."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _copied(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(_copied, value))
    if isinstance(value, (list, tuple)):
        return type(value)(map(_copied, value))
    return value


def _text(inputs: Inputs) -> str:
    parts = [_short(value) for value in inputs.arguments]
    parts += [f"{name}={_short(value)}" for name, value in inputs.keywords.items()]
    return f"({', '.join(parts)})"


def _short(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"<{str(value.dtype).removeprefix('torch.')} {list(value.shape)}>"
    return repr(value)[:40]

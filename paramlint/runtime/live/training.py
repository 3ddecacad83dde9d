"""What a training script does with its models: the optimisers that hold their parameters, and the steps these take."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

from paramlint.model.observation import Observation, Place
from paramlint.model.surroundings import Surroundings
from paramlint.runtime.live.building import outside_constructor
from paramlint.runtime.live.checkpoints import Checkpoints
from paramlint.runtime.live.examine import Examined, examine
from paramlint.runtime.live.provenance import ByIdentity
from paramlint.runtime.live.session import Session
from paramlint.runtime.reveal.revelation import diagnostics
from paramlint.runtime.reveal.training import TensorHistory, TrainedModel, reveal
from paramlint.runtime.worker import stack
from paramlint.runtime.worker.walk import FoundTensor, Walk
from paramlint.runtime.worker.watch import patched

_EARLY_STEPS = 10


class _History:
    """One tensor that an optimiser holds."""

    def __init__(self) -> None:
        self.steps = 0
        self.has_gradient = False


class _Model:
    """An outermost Module that the script calls; all but the weak reference outlives it."""

    def __init__(self, module: nn.Module) -> None:
        self.reference = weakref.ref(module)
        self.observation: Observation | None = None
        self.surroundings: Surroundings | None = None
        self.histories: dict[str, _History | None] = {}
        self.gradients: set[str] = set()
        self.late: dict[str, Place | None] = {}
        self.saved: set[str] = set()
        self.checkpoints = 0


class Training:
    """A follower of a session. Models are looked at when an optimiser steps, often at first and then ever more rarely."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._models: list[_Model] = []
        self._by_module: ByIdentity[_Model] = ByIdentity()
        self._held: ByIdentity[_History] = ByIdentity()
        self._late: ByIdentity[Place | None] = ByIdentity()
        self._checkpoints = Checkpoints(self._alive)
        self._has_optimiser = False
        self._steps = 0

    @contextmanager
    def following(self, session: Session) -> Iterator[None]:
        """Watch optimisers and checkpoints in the body; ``session`` is the one that this follows."""
        self._session = session
        with ExitStack() as active:
            active.enter_context(patched(torch.optim.Optimizer, "add_param_group", self._wrap_add))
            active.enter_context(patched(nn.Module, "__init__", self._wrap_module))
            active.enter_context(patched(nn.Parameter, "__new__", self._wrap_parameter))
            active.enter_context(self._checkpoints.watching())
            register = getattr(sys.modules["torch.optim.optimizer"], "register_optimizer_step_pre_hook", None)
            if register is not None:
                active.callback(register(self._step).remove)
            yield

    def conclude(self, least_steps: int) -> None:
        """Hand the session what training revealed, and take back what an optimiser speaks against."""
        session = self._session
        assert session is not None
        for model in self._models:
            self._look(model)
            if model.observation is None or model.surroundings is None:
                continue
            trained = TrainedModel(
                model.observation,
                tuple(self._told(model, path) for path in model.histories),
                0 if self._checkpoints.has_unknown else model.checkpoints,
            )
            for item in diagnostics(
                reveal(trained, model.surroundings, least_steps), model.observation, model.surroundings
            ):
                if session.scope.has_file(item.path):
                    session.keep(item)
            held = {path for path, history in model.histories.items() if history is not None}
            session.excuse(
                {
                    (entry.owner_class.rpartition(".")[2], entry.attribute)
                    for entry in model.observation.tensors
                    if entry.registration == "plain" and entry.path in held
                }
            )

    def called(self, module: nn.Module) -> None:
        if self._by_module.get(module) is None:
            model = _Model(module)
            self._by_module.set(module, model)
            self._models.append(model)

    def observed(self, module: nn.Module, known: Observation, examined: Examined) -> None:
        model = self._by_module.get(module)
        if model is not None:
            model.observation, model.surroundings = known, examined.surroundings

    def _told(self, model: _Model, path: str) -> TensorHistory:
        history = model.histories[path]
        gradient = history.has_gradient if history is not None else path in model.gradients
        steps = history.steps if history is not None else 0
        late = model.late.get(path)
        return TensorHistory(path, history is not None, steps, gradient, late, path in model.saved)

    def _alive(self) -> Iterator[tuple[nn.Module, set[str], Callable[[], None]]]:
        for model in self._models:
            module = model.reference()
            if module is not None:

                def count(model: _Model = model) -> None:
                    model.checkpoints += 1

                yield module, model.saved, count

    def _look(self, model: _Model) -> None:
        module = model.reference()
        if module is None or self._session is None:
            return
        if model.observation is None:
            examined = examine(module, self._session.provenance)
            model.observation, model.surroundings = examined.observation, examined.surroundings
        for found in Walk(module).tensors:
            self._look_at(model, found)

    def _look_at(self, model: _Model, found: FoundTensor) -> None:
        tensor, path = found.tensor, found.path
        history = self._held.get(tensor)
        if history is None and tensor.requires_grad and tensor.is_leaf and tensor.grad is not None:
            model.gradients.add(path)
        if history is not None or path not in model.histories:
            model.histories[path] = history
        for thing in (tensor, found.owner_module):
            if path not in model.late and self._late.get(thing) is not None:
                model.late[path] = self._late.get(thing)

    def _wrap_add(self, original: Callable[..., None]) -> Callable[..., None]:
        def add_param_group(optimiser: torch.optim.Optimizer, param_group: dict[str, Any]) -> None:
            original(optimiser, param_group)
            self._has_optimiser = True
            if self._session is not None:
                self._session.settle()
            for parameter in optimiser.param_groups[-1]["params"]:
                if self._held.get(parameter) is None:
                    self._held.set(parameter, _History())

        return add_param_group

    def _wrap_module(self, original: Callable[..., None]) -> Callable[..., None]:
        def init(module: nn.Module, *arguments: Any, **keywords: Any) -> None:
            session = self._session
            if session is not None and session.provenance.made(module) is None:
                place = stack.innermost(outside_constructor(module, sys._getframe(1)))
                session.provenance.note_made(module, place)
                if self._has_optimiser:
                    self._late.set(module, place)
            original(module, *arguments, **keywords)

        return init

    def _wrap_parameter(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def new(kind: type, *arguments: Any, **keywords: Any) -> Any:
            value = original(kind, *arguments, **keywords)
            if self._has_optimiser:
                self._late.set(value, stack.innermost(sys._getframe(1)))
            return value

        return staticmethod(new)

    def _step(self, optimiser: torch.optim.Optimizer, arguments: object, keywords: object) -> None:
        self._steps += 1
        for group in optimiser.param_groups:
            for parameter in group["params"]:
                history = self._held.get(parameter)
                if history is not None:
                    history.steps += 1
                    history.has_gradient = history.has_gradient or parameter.grad is not None
        if self._steps <= _EARLY_STEPS or self._steps & (self._steps - 1) == 0:
            for model in self._models:
                self._look(model)

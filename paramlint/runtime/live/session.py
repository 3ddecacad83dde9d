"""Watching a whole run: each class of the user's is audited at its first calls, on the call that the user makes."""

from __future__ import annotations

import functools
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

import torch
from torch import nn

from paramlint.model.diagnostic import Diagnostic
from paramlint.model.observation import Observation
from paramlint.runtime.live import trial
from paramlint.runtime.live.construction import Construction, are_modes_alone, can_tell_modes, outermost_constructor
from paramlint.runtime.live.examine import Examined, examine, failure_note
from paramlint.runtime.live.provenance import Provenance
from paramlint.runtime.live.scope import Scope
from paramlint.runtime.live.trial import Inputs
from paramlint.runtime.reveal.all import revealed
from paramlint.runtime.witness import Witness
from paramlint.runtime.worker import forward
from paramlint.runtime.worker.watch import Recorder, patched

_PASSES = 2
_TRIES = 6
# What these lack is an optimiser.
_ABOUT_OPTIMISERS = frozenset({"PRM102", "PRM104", "PRM111"})


class Follower(Protocol):
    """What else wants to know of a run."""

    def called(self, module: nn.Module) -> None:
        """The user's code is about to call a Module that no other Module calls."""

    def observed(self, module: nn.Module, known: Observation, examined: Examined) -> None:
        """A call was watched to its end."""


class Session:
    """What was seen of the classes in ``scope``, each watched as it is built and called for the first times."""

    def __init__(self, scope: Scope, follower: Follower | None = None) -> None:
        """``follower`` is told of every outermost call and of what the watched ones showed."""
        self.scope = scope
        self._follower = follower
        self.provenance = Provenance()
        self.findings: dict[tuple[str, str, int, str | None], Diagnostic] = {}
        self.witnesses: list[Witness] = []
        self.excused: set[tuple[str, str | None]] = set()
        self.audited: set[type] = set()
        self.notes: list[str] = []
        if not can_tell_modes():
            self.notes.append("this torch does not tell which modes are active: nothing is watched under it")
        self._done: set[type] = set()
        self._built: set[type] = set()
        self._passes: Counter[type] = Counter()
        self._tries: Counter[type] = Counter()
        self._is_inside = False
        self._called: set[type] | None = None
        self._construction: Construction | None = None
        self._thread = threading.get_ident()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch what this thread builds and calls in the body."""
        with ExitStack() as active:
            active.enter_context(patched(nn.Module, "__init__", self._wrap_init))
            active.enter_context(patched(nn.Module, "__call__", self._wrap_call))
            try:
                yield
            finally:
                self.settle()

    def settle(self) -> None:
        """End the watching of a construction that is over."""
        construction = self._construction
        if construction is not None and construction.is_over() and construction.close(self.provenance):
            self._construction = None

    def _wrap_init(self, original: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(original)
        def init(module: nn.Module, *arguments: Any, **keywords: Any) -> None:
            if type(module) not in self._built:
                self._begin(module)
            original(module, *arguments, **keywords)

        return init

    def _begin(self, module: nn.Module) -> None:
        """Watch the construction that has just begun, if its class is wanted and nothing stands against it."""
        if self._is_inside or threading.get_ident() != self._thread:
            return
        if self._construction is not None:
            self.settle()
        kind = type(module)
        if self._construction is not None:
            # A part of what is watched already.
            self._built.add(kind)
            return
        if not self.scope.has(kind):
            self._built.add(kind)
            return
        outermost = outermost_constructor(sys._getframe(2))
        if outermost is None or not are_modes_alone(0):
            return
        self._built.add(kind)
        self._construction = Construction(module, outermost, self.settle)

    def _wrap_call(self, original: Callable[..., Any]) -> Callable[..., Any]:
        done, follower, thread = self._done, self._follower, self._thread

        @functools.wraps(original)
        def call(module: nn.Module, *arguments: Any, **keywords: Any) -> Any:
            if self._is_inside or threading.get_ident() != thread:
                if self._called is not None:
                    self._called.add(type(module))
                return original(module, *arguments, **keywords)
            self._is_inside = True
            try:
                if follower is not None:
                    follower.called(module)
                if type(module) in done and self._construction is None:
                    return original(module, *arguments, **keywords)
                return self._call(original, module, arguments, keywords)
            finally:
                self._is_inside = False

        return call

    def _call(
        self, original: Callable[..., Any], module: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> Any:
        self.settle()
        if self._construction is not None or not self._is_wanted(module):
            return original(module, *arguments, **keywords)
        if not are_modes_alone(0) or _is_traced(arguments):
            return original(module, *arguments, **keywords)
        self._tries[type(module)] += 1
        if self._tries[type(module)] >= _TRIES:
            self._done.add(type(module))
        return self._observe(original, module, arguments, keywords)

    def _is_wanted(self, module: nn.Module) -> bool:
        """Whether the model holds a class of the user's that has not been seen often enough."""
        kind = type(module)
        if kind in self._done:
            return False
        if any(item not in self._done and self.scope.has(item) for item in {type(part) for part in module.modules()}):
            return True
        if self.scope.has(kind) or not vars(module).get("_modules"):
            self._done.add(kind)
        return False

    def _observe(
        self, original: Callable[..., Any], module: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> Any:
        recorder = Recorder()
        try:
            with trial.uncollected(), trial.undisturbed():
                examined = examine(module, self.provenance)
                before = forward.Before(examined.walk)
                inputs = Inputs(arguments, keywords).copied()
                earlier = trial.kept(examined.observation, module)
        except Exception as error:  # a model that upsets the examination is the user's, and so is the run
            self.notes.append(failure_note(f"{type(module).__name__} was not examined", error))
            self._done.add(type(module))
            return original(module, *arguments, **keywords)
        self._called = {type(module)}
        try:
            with recorder.watching(creations=True, operands=True):
                result = original(module, *arguments, **keywords)
            called = self._called
        finally:
            self._called = None
        try:
            with trial.uncollected():
                known = forward.witnessed(examined.observation, before, [recorder], None)
            known = trial.placement(known, earlier, inputs, recorder.makes_tensors)
            with trial.uncollected():
                self.conclude(known, examined)
            if self._follower is not None:
                self._follower.observed(module, known, examined)
        except Exception as error:
            self.notes.append(failure_note(f"what {type(module).__name__} showed was lost", error))
        for kind in called:
            self._passes[kind] += 1
            if self.scope.has(kind):
                self.audited.add(kind)
                if self._passes[kind] >= _PASSES:
                    self._done.add(kind)
        return result

    def conclude(self, known: Observation, examined: Examined) -> None:
        """Keep an observation, and what it reveals about the user's own files, each finding once."""
        self.witnesses.append(Witness(known, examined.surroundings))
        for item in revealed(known, examined.surroundings):
            if self.scope.has_file(item.path):
                self.keep(item)

    def keep(self, item: Diagnostic) -> None:
        self.findings.setdefault((item.code, item.path, item.span.line, item.attribute), item)

    def excuse(self, optimised: set[tuple[str, str | None]]) -> None:
        """Take back what is said of unregistered parameters that an optimiser was handed: these are trained.

        They are named by the class's own name and the attribute.
        """
        self.excused |= optimised
        self.findings = {key: item for key, item in self.findings.items() if not self.is_excused(item)}

    def is_excused(self, item: Diagnostic) -> bool:
        """Whether a finding, of whatever origin, is about a parameter that is trained all the same."""
        name = (item.class_name or "").rpartition(".")[2]
        return item.code in _ABOUT_OPTIMISERS and (name, item.attribute) in self.excused


def _is_traced(arguments: tuple[Any, ...]) -> bool:
    """Whether the call is not a computation but a recording of one."""
    if torch._C._get_tracing_state() is not None:
        return True
    compiler = getattr(torch, "compiler", None)
    if compiler is not None and getattr(compiler, "is_compiling", bool)():
        return True
    return any(type(item).__name__ == "Proxy" for item in arguments)

"""Watching Modules being built: who binds, makes and writes what, and which memory nothing writes."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

from torch import nn

from paramlint.model.observation import Place
from paramlint.runtime.live import memory
from paramlint.runtime.live.draws import Draws
from paramlint.runtime.live.provenance import ParameterCopy, Provenance
from paramlint.runtime.worker import stack
from paramlint.runtime.worker.watch import Recorder, patched


class Building:
    """One stretch of watched building.

    ``made`` are the Modules that were constructed in it, parts included; ``copied`` those that are deep copies, and
    ``copies`` their Parameters, each with its original and the number of writes that had been seen by then.
    """

    def __init__(self) -> None:
        self.recorder = Recorder()
        self.made: list[tuple[nn.Module, Place | None]] = []
        self.copied: list[tuple[nn.Module, Place | None]] = []
        self.copies: list[ParameterCopy] = []
        self._draws = Draws()
        self._seen: set[int] = set()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the body; uninitialised memory is marked in it."""
        with ExitStack() as active:
            active.enter_context(memory.marking())
            active.enter_context(self._draws.watching())
            active.enter_context(self.recorder.watching(note=self._draws.note))
            active.enter_context(patched(nn.Module, "__init__", self._wrap_init))
            active.enter_context(patched(nn.Module, "__setstate__", self._wrap_setstate))
            active.enter_context(patched(nn.Parameter, "__deepcopy__", self._wrap_deepcopy))
            yield

    def digest(self, provenance: Provenance) -> None:
        """Hand over what was seen."""
        provenance.add(self.recorder, self.made, self._draws.holds)
        provenance.add_copies(self.recorder, self.copied, self.copies)

    def note(self, module: nn.Module, frame: FrameType | None) -> None:
        """Remember that a Module is being constructed, ``frame`` being inside its constructor."""
        if id(module) not in self._seen:
            self._seen.add(id(module))
            self.made.append((module, stack.innermost(outside_constructor(module, frame))))

    def _wrap_init(self, original: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(original)
        def init(module: nn.Module, *arguments: Any, **keywords: Any) -> None:
            self.note(module, sys._getframe(1))
            original(module, *arguments, **keywords)

        return init

    def _wrap_setstate(self, original: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(original)
        def setstate(module: nn.Module, state: Any) -> None:
            original(module, state)
            # Unpickling comes this way too, and tells of no original.
            frame = sys._getframe(1)
            if frame.f_globals.get("__name__") == "copy":
                self.copied.append((module, stack.innermost(frame)))

        return setstate

    def _wrap_deepcopy(self, original: Callable[..., nn.Parameter]) -> Callable[..., nn.Parameter]:
        @functools.wraps(original)
        def deepcopy(parameter: nn.Parameter, memo: dict[int, Any]) -> nn.Parameter:
            is_new = id(parameter) not in memo
            result = original(parameter, memo)
            if is_new:
                self.copies.append(ParameterCopy(parameter, result, len(self.recorder.writes)))
            return result

        return deepcopy


def outside_constructor(module: nn.Module, frame: FrameType | None) -> FrameType | None:
    """The frame that called the class of ``module``: the first, going outwards, that is no constructor of it."""
    while frame is not None:
        code = frame.f_code
        if code.co_name != "__init__" or not code.co_varnames or frame.f_locals.get(code.co_varnames[0]) is not module:
            return frame
        frame = frame.f_back
    return None

"""Making one model by the user's function, in a process of its own, and examining it."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from paramlint.model.factory import FactoryAnswer, FactoryRequest
from paramlint.model.observation import ClassRequest, Observation, from_json, to_json
from paramlint.runtime.live import trial
from paramlint.runtime.live.building import Building
from paramlint.runtime.live.examine import examine, failure_note
from paramlint.runtime.live.provenance import Provenance
from paramlint.runtime.live.trial import Inputs
from paramlint.runtime.worker import build, inputs, limits, stack
from paramlint.runtime.worker.timing import Clock, TimeLimit

_SEARCH = 20.0


def main(arguments: Sequence[str]) -> int:
    """Answer the request in the first file by one JSON document in the second, while the process of the third is there."""
    if not limits.is_running(int(arguments[2])):
        shutil.rmtree(os.path.dirname(arguments[0]), ignore_errors=True)
        return 1
    with open(arguments[0], encoding="utf-8") as file:
        request = from_json(FactoryRequest, json.load(file))
    limits.silence()
    limits.die_with_parent(os.getppid(), 9)
    torch.set_num_threads(1)
    sys.path[:0] = [path for path in request.paths if path not in sys.path]
    if not request.allow_network:
        limits.refuse_network()
    limits.limit_resources(request.memory)
    os.chdir(tempfile.mkdtemp(dir=os.path.dirname(os.path.abspath(arguments[1]))))
    answer = _answer(request)
    with open(arguments[1], "w", encoding="ascii") as result:
        json.dump(to_json(answer), result)
    return 0


def _answer(request: FactoryRequest) -> FactoryAnswer:
    provenance, building = Provenance(), Building()
    sys.argv[:] = [request.module]
    try:
        with building.watching():
            module = importlib.import_module(request.module)
            thing: Any = module
            for name in request.name.split("."):
                thing = getattr(thing, name)
            build.seed(0)
            model: Any = thing if isinstance(thing, nn.Module) else thing()
    except BaseException as error:  # whatever user code raises is a reason
        return FactoryAnswer(reason=_reason(request, error))
    given: Inputs | None = None
    if isinstance(model, (tuple, list)) and model and isinstance(model[0], nn.Module):
        # A function may give the arguments of a call along with the model.
        model, given = model[0], Inputs(tuple(model[1:]), {})
    if not isinstance(model, nn.Module):
        return FactoryAnswer(
            reason=f"{request.module}:{request.name} gave {type(model).__name__}, which is no torch.nn.Module"
        )
    building.digest(provenance)
    examined = examine(model, provenance, f"{request.module}:{request.name}")
    known = examined.observation
    if not request.forward:
        return FactoryAnswer(known, examined.surroundings)
    if request.inputs:
        try:
            given = Inputs(*_evaluated(request.inputs, vars(module)))
        except Exception as error:
            return FactoryAnswer(reason=f"--input: {stack.type_name(error)}: {stack.message(error)}")
    elif given is None or not given.arguments:
        known, given = _searched(known, model, request, module.__file__ or "")
    if given is not None:
        known = trial.passes(known, model, given)
    return FactoryAnswer(known._replace(notes=tuple(dict.fromkeys(known.notes))), examined.surroundings)


def _evaluated(expressions: Sequence[str], names: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Positional and keyword arguments by the user's own expressions."""
    build.seed(0)
    call = f"(lambda *arguments, **keywords: (arguments, keywords))({', '.join(expressions)})"
    arguments, keywords = eval(call, {"torch": torch, **names})  # the user's own expressions
    return arguments, keywords


def _searched(
    known: Observation, model: nn.Module, request: FactoryRequest, path: str
) -> tuple[Observation, Inputs | None]:
    """An input that the model takes, found as for ``check --confirm``."""
    asked = ClassRequest("", path, "", request.module, request.name)
    try:
        found = inputs.find(trial.copied(model), asked, Clock(_SEARCH), lambda thunk: thunk())
    except (Exception, TimeLimit) as error:
        return known._replace(notes=(*known.notes, failure_note("no input was found", error))), None
    if isinstance(found, inputs.NoInput):
        note = "no example input was found for forward: give one with --input"
        return known._replace(notes=(*known.notes, note)), None
    note = f"forward was called with a guessed input: {found.text}"
    return known._replace(notes=(*known.notes, note)), Inputs(*found.make())


def _reason(request: FactoryRequest, error: BaseException) -> str:
    failure = stack.failure(error)
    where = f" at {failure.frames[-1].path}:{failure.frames[-1].line}" if failure.frames else ""
    text = stack.first_line(failure.message)
    return f"{request.module}:{request.name} raised {failure.type}{where}" + (f": {text}" if text else "")

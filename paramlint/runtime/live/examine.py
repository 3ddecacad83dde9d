"""A living model as an observation: what it holds, and what is known of how that came to be."""

from __future__ import annotations

import linecache
import re
import sys
from collections.abc import Iterator
from types import FunctionType
from typing import NamedTuple

import torch
from torch import nn

from paramlint.model.observation import ModuleObservation, Observation, TensorObservation, Write
from paramlint.model.surroundings import ClassSource, Surroundings
from paramlint.runtime.live.provenance import Provenance, own_tensors
from paramlint.runtime.worker import snapshot, stack
from paramlint.runtime.worker.snapshot import Subject, class_name
from paramlint.runtime.worker.walk import Walk, join
from paramlint.runtime.worker.watch import Recorder

_GRAPH_NODES = 2_000


class Examined(NamedTuple):
    """What is told of a model before anything is run: ``walk`` keeps its tensors findable by path."""

    observation: Observation
    surroundings: Surroundings
    walk: Walk


def examine(model: nn.Module, provenance: Provenance, recipe: str | None = None) -> Examined:
    """Observe a model without running or changing it."""
    walk = Walk(model)
    kind = type(model)
    source = class_source(kind)
    blank = Observation(
        "", source.path if source else "", kind.__qualname__, "built", recipe=recipe, recipe_kind="given"
    )
    known = snapshot.describe(blank, Subject(model, Recorder(), walk), reads_memory=False)
    known = known._replace(
        tensors=tuple(_tensor(entry, walk, provenance) for entry in known.tensors),
        modules=tuple(_modules(known, walk, provenance)),
        writes=tuple(_writes(walk, provenance)),
    )
    if not all(provenance.is_known(module) for module in model.modules() if own_tensors(module)):
        known = known._replace(notes=(*known.notes, "its building was not watched, or not all of it"))
    return Examined(known, _surroundings(walk, provenance), walk)


def with_gradients(known: Observation, model: nn.Module) -> Observation:
    """The observation with the gradients that the model holds already, where it holds any."""
    parameters = [tensor for tensor in model.parameters() if tensor.requires_grad]
    if all(tensor.grad is None for tensor in parameters):
        return known
    found = Walk(model).by_path
    return known._replace(
        tensors=tuple(
            entry._replace(gradient=gradient_state(found[entry.path].tensor)) if entry.path in found else entry
            for entry in known.tensors
        )
    )


def gradient_state(tensor: torch.Tensor) -> str | None:
    """ "none", "zero" or "flows"; None for what asks for no gradient."""
    if not (tensor.requires_grad and tensor.is_leaf):
        return None
    if tensor.grad is None:
        return "none"
    return "flows" if bool((tensor.grad != 0).any()) else "zero"


def class_source(kind: type) -> ClassSource | None:
    """Where a class is defined; None where no file tells.

    ``inspect.getsourcelines`` parses the whole file for each class; this looks upwards from the first method.
    """
    path = getattr(sys.modules.get(kind.__module__), "__file__", None)
    codes = [value.__code__ for value in vars(kind).values() if isinstance(value, FunctionType)]
    if codes and path is None:
        # What a notebook defines is in no module's file.
        path = codes[0].co_filename
    lines = linecache.getlines(path) if path is not None else []
    statement = re.compile(rf"\s*class\s+{re.escape(kind.__name__)}\b")
    last = min([len(lines), *(code.co_firstlineno for code in codes if code.co_filename == path)])
    for number in range(last, 0, -1):
        if statement.match(lines[number - 1]):
            return ClassSource(kind.__qualname__, str(path), number)
    return None


def _tensor(entry: TensorObservation, walk: Walk, provenance: Provenance) -> TensorObservation:
    found = walk.by_path[entry.path]
    place = provenance.place(found.owner_module, found.attribute)
    lazy = torch.nn.parameter.is_lazy(found.tensor)
    return entry._replace(
        place=place,
        uninitialised=None if lazy else provenance.unwritten(found.tensor),
        is_random=True if provenance.is_drawn(found.tensor) else None,
    )


def _modules(known: Observation, walk: Walk, provenance: Provenance) -> Iterator[ModuleObservation]:
    for entry, found in zip(known.modules, walk.modules, strict=False):
        yield entry._replace(place=provenance.place(found.owner_module, found.attribute))


def _writes(walk: Walk, provenance: Provenance) -> Iterator[Write]:
    for found in walk.tensors:
        if torch.nn.parameter.is_lazy(found.tensor):
            continue
        for write in provenance.writes(found.tensor) or ():
            yield write._replace(target=found.path)


def _surroundings(walk: Walk, provenance: Provenance) -> Surroundings:
    kinds = {
        class_name(type(module)): type(module) for module in (walk.root, *(found.module for found in walk.modules))
    }
    sources = {name: class_source(kind) for name, kind in kinds.items() if not name.startswith("torch.")}
    return Surroundings(
        classes=tuple((name, source) for name, source in sources.items() if source is not None),
        made=tuple(
            (found.path, place) for found in walk.modules if (place := provenance.made(found.module)) is not None
        ),
        single=tuple(_single_elements(walk)),
        detached=tuple(
            found.path for found in walk.tensors if found.kind == "plain" and _is_detached(found.tensor, walk)
        ),
        watched=tuple(path for path, module in _by_path(walk) if provenance.is_known(module)),
    )


def _by_path(walk: Walk) -> Iterator[tuple[str, nn.Module]]:
    yield "", walk.root
    for found in walk.modules:
        yield found.path, found.module


def _single_elements(walk: Walk) -> Iterator[str]:
    """Paths of attributes that hold a list of one Module or Parameter: the known trick to hide it on purpose."""
    for path, module in _by_path(walk):
        for name, value in vars(module).items():
            if type(value) is list and len(value) == 1 and isinstance(value[0], (nn.Module, nn.Parameter)):
                yield join(path, name)


def _is_detached(tensor: torch.Tensor, walk: Walk) -> bool:
    """Whether a tensor was computed from Parameters of which the model registers none."""
    if tensor.grad_fn is None:
        return False
    registered = {id(found.tensor) for found in walk.tensors if found.kind != "plain"}
    waiting, seen, leaves = [tensor.grad_fn], set(), []
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if len(seen) > _GRAPH_NODES:
            return False
        if hasattr(node, "variable"):
            leaves.append(node.variable)
        waiting += [following for following, _ in node.next_functions if following is not None]
    return any(isinstance(leaf, nn.Parameter) for leaf in leaves) and not any(id(leaf) in registered for leaf in leaves)


def failure_note(what: str, error: BaseException) -> str:
    """One line for a step that the model's own code upset."""
    return f"{what}: {stack.type_name(error)}: {stack.first_line(stack.message(error))}"

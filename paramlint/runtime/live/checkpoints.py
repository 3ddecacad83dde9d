"""Which values of which model the files contain that a script saves with ``torch.save``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch
from torch import nn

from paramlint.runtime.worker.snapshot import storage_key
from paramlint.runtime.worker.walk import Walk

_DEPTH = 4

# A model, the paths of it that were saved so far, and what counts a file that holds a state of it.
Alive: TypeAlias = tuple[nn.Module, set[str], Callable[[], None]]


class Checkpoints:
    """``has_unknown``: a file held tensors that could be told to be no model's; then nothing is said of any."""

    def __init__(self, models: Callable[[], Iterable[Alive]]) -> None:
        self._models = models
        self.has_unknown = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look into everything that is saved in the body; it is written as it would be."""
        original = torch.save

        def save(obj: object, *arguments: Any, **keywords: Any) -> None:
            original(obj, *arguments, **keywords)
            self._look(obj)

        torch.save = save
        try:
            yield
        finally:
            torch.save = original

    def _look(self, value: object) -> None:
        models = list(self._models())
        counted: set[int] = set()
        for state in _states(value, 0):
            known = False
            for module, saved, count in models:
                paths = _paths_in(module, state)
                if paths:
                    known = True
                    saved |= paths
                    if id(module) not in counted:
                        counted.add(id(module))
                        count()
            self.has_unknown = self.has_unknown or not known


def _states(value: object, depth: int) -> Iterator[Mapping[str, torch.Tensor] | nn.Module]:
    """Everything inside a saved object that may be a model's state; an optimiser's is none."""
    if isinstance(value, nn.Module):
        yield value
    elif isinstance(value, Mapping):
        if "state" in value and "param_groups" in value:
            return
        tensors = {
            name: item for name, item in value.items() if isinstance(name, str) and isinstance(item, torch.Tensor)
        }
        if sum(tensor.is_floating_point() for tensor in tensors.values()) > 0:
            yield tensors
        if depth < _DEPTH:
            for item in value.values():
                yield from _states(item, depth + 1)
    elif isinstance(value, (list, tuple)) and depth < _DEPTH:
        yield from _states(dict(zip(map(str, range(len(value))), value, strict=True)), depth + 1)


def _paths_in(module: nn.Module, state: Mapping[str, torch.Tensor] | nn.Module) -> set[str]:
    """The paths of the model's tensors that a state holds: by memory, or by name where most names are the model's."""
    found = Walk(module).tensors
    if isinstance(state, nn.Module):
        # A pickled Module holds whatever can be reached from it.
        inside = {storage_key(item.tensor) for item in Walk(state).tensors}
        return {item.path for item in found if storage_key(item.tensor) in inside}
    memory = {storage_key(tensor) for tensor in state.values()}
    by_memory = {item.path for item in found if storage_key(item.tensor) in memory}
    registered = {item.path: item.tensor.shape for item in found if item.kind != "plain"}
    names = {name.removeprefix("module."): tensor.shape for name, tensor in state.items()}
    by_name = {name for name, shape in names.items() if registered.get(name) == shape}
    return by_memory | (by_name if 2 * len(by_name) > len(names) else set())

"""To whom a tensor of a model is charged: the nearest class that is no layer of torch, and the line of its making."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from paramlint.model.observation import Observation, Place
from paramlint.model.surroundings import Surroundings

_TORCH = "torch."


class Part(NamedTuple):
    """``attribute`` is dotted where layers of torch lie between the class and the tensor (``head.weight``)."""

    path: str
    owner_class: str
    attribute: str
    place: Place | None


class Parts:
    """The tensors and Modules of one observation by their paths."""

    def __init__(self, observation: Observation, surroundings: Surroundings) -> None:
        self._root = _root_class(observation)
        self._modules = {module.path: module for module in observation.modules}
        self._tensors = {tensor.path: tensor for tensor in observation.tensors}
        self._made = dict(surroundings.made)

    def of(self, path: str) -> Part:
        """Charge the tensor or Module under a path."""
        entry = self._tensors.get(path) or self._modules.get(path)
        if entry is not None and not entry.owner_class.startswith(_TORCH):
            return Part(path, entry.owner_class, entry.attribute, entry.place or self._made.get(path))
        owner = path
        while owner:
            owner = owner.rpartition(".")[0]
            kind = self._modules[owner].class_name if owner in self._modules else self._root if not owner else None
            if kind is not None and not kind.startswith(_TORCH):
                attribute = path[len(owner) + 1 :] if owner else path
                return Part(path, kind, attribute, self._place(path, owner))
        return Part(path, self._root, path, self._place(path, ""))

    def largest(self, chosen: Collection[str], among: Iterable[str]) -> list[str]:
        """The fewest paths that stand for exactly the chosen of the paths ``among``: whole parts where all are chosen."""
        everything = list(among)
        result: list[str] = []
        for path in sorted(chosen):
            steps = path.split(".")
            for length in range(1, len(steps) + 1):
                part = ".".join(steps[:length])
                if all(item in chosen for item in everything if item == part or item.startswith(f"{part}.")):
                    if part not in result:
                        result.append(part)
                    break
        return result

    def _place(self, path: str, owner: str) -> Place | None:
        """The line that made the layer nearest to a tensor, else the one that bound it or what holds it."""
        while path and path != owner:
            entry = self._tensors.get(path) or self._modules.get(path)
            found = self._made.get(path) or (entry.place if entry is not None else None)
            if found is not None:
                return found
            path = path.rpartition(".")[0]
        return None


def _root_class(observation: Observation) -> str:
    """The dotted name of the model's own class, as that of owners is given."""
    owners = [(entry.owner, entry.owner_class) for entry in observation.tensors]
    owners += [(entry.owner, entry.owner_class) for entry in observation.modules]
    return next((kind for owner, kind in owners if not owner), observation.class_name)

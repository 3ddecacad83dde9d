"""Which tensors are drawn at random while Modules are built, or computed from such."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from paramlint.runtime.live.provenance import ByIdentity
from paramlint.runtime.worker.watch import patched, tensors_in


class Draws:
    """What was drawn while ``watching`` it, for as long as it lives.

    A draw from the user's own generator, or after a seed was set in the body, is the same in the next build and counts
    as none.
    """

    def __init__(self) -> None:
        self._drawn: ByIdentity[bool] = ByIdentity()
        self._seed: int | None = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Notice in the body that the default generator is seeded; ``note`` is to be told of what is computed."""
        self._seed = torch.initial_seed()
        with ExitStack() as active:
            for owner in (torch, torch.random):
                active.enter_context(patched(owner, "manual_seed", self._wrap_seed))
            yield

    def note(
        self,
        name: str,
        args: tuple[Any, ...],
        keywords: Mapping[str, Any],
        result: object,
        target: torch.Tensor | None,
    ) -> None:
        """Take into account an operation of torch that has run; ``target`` is what it wrote in place."""
        is_drawn = self._is_draw(name, keywords) or (
            not _takes_shape_alone(name) and any(self.holds(item) for item in tensors_in((args, *keywords.values())))
        )
        if target is not None and name in ("zero_", "fill_", "copy_", "data="):
            is_drawn = any(self.holds(item) for item in tensors_in(args[1:]))
            self._drawn.set(target, is_drawn)
        if is_drawn:
            # What is written through a view is in what it is a view of.
            base = target._base if target is not None else None
            for item in tensors_in((result, target, base)):
                self._drawn.set(item, True)

    def holds(self, tensor: torch.Tensor) -> bool:
        """Whether the tensor's values were drawn, in part or whole."""
        return bool(self._drawn.get(tensor))

    def _is_draw(self, name: str, keywords: Mapping[str, Any]) -> bool:
        return (
            _draws(name)
            and keywords.get("generator") is None
            and self._seed is not None
            and torch.initial_seed() == self._seed
        )

    def _wrap_seed(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def manual_seed(*arguments: Any, **keywords: Any) -> Any:
            self._seed = None
            return original(*arguments, **keywords)

        return manual_seed


@functools.cache
def _draws(name: str) -> bool:
    """Whether an operation of this name takes random numbers (``torch.Tag.nondeterministic_seeded``)."""
    packet = None if name.startswith("__") else getattr(torch.ops.aten, name, None)
    tag = getattr(getattr(torch, "Tag", None), "nondeterministic_seeded", None)
    if packet is None or tag is None:
        return False
    return any(tag in getattr(packet, overload).tags for overload in packet.overloads())


def _takes_shape_alone(name: str) -> bool:
    return name.startswith("new_") or name in ("zeros_like", "ones_like", "full_like", "empty_like")

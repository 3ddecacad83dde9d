"""What an instance holds only once it is in eval mode, since its own ``train`` makes and drops it."""

from __future__ import annotations

from torch import nn

from paramlint.model.observation import Observation
from paramlint.runtime.worker import device, snapshot
from paramlint.runtime.worker.build import Built
from paramlint.runtime.worker.inputs import Input
from paramlint.runtime.worker.timing import Clock


def evaluated(known: Observation, way: Built, clock: Clock, chosen: Input | None, name: str | None) -> Observation:
    """The observation with the plain tensors that ``eval()`` makes, and what a move and a forward pass do to them.

    ``name`` is the real device to move to, as for ``device.placement``.
    """
    if chosen is None or known.forward is None or not _overrides_train(snapshot.instance(way, clock, 0)):
        return known

    def make() -> nn.Module:
        return way.make().eval()

    in_eval = way._replace(make=make)
    held = {tensor.path for tensor in known.tensors}
    blank = known._replace(tensors=(), modules=(), assignments=(), writes=(), notes=())
    seen = snapshot.describe(blank, snapshot.take(in_eval, clock, 0))
    if not any(tensor.path not in held and tensor.registration == "plain" for tensor in seen.tensors):
        return known
    seen = device.placement(seen, in_eval, clock, chosen, None, name)
    made = tuple(
        tensor._replace(uninitialised=None)
        for tensor in seen.tensors
        if tensor.path not in held and tensor.registration == "plain"
    )
    return known._replace(tensors=(*known.tensors, *made))


def _overrides_train(instance: nn.Module) -> bool:
    return any(type(module).train is not nn.Module.train for module in instance.modules())

"""What the text of a call hands to an optimiser, or to autograd for its gradient."""

from __future__ import annotations

import re

from paramlint import torch_api
from paramlint.interpret.scan import nodes
from paramlint.model import code

_SPEAKS_OF_OPTIMISER = re.compile(r"optim(?!al|um)", re.IGNORECASE)


def words_of_optimisers() -> tuple[str, ...]:
    """The words of which a file that hands something to an optimiser has one."""
    known = {name.rsplit(".", 1)[-1] for name in torch_api.optimisers()}
    return (*sorted(known), "optim", "optimizer", "optimizers", "optimiser", "autograd", "grad")


def parameters_given(call: code.Call) -> tuple[code.Argument, ...]:
    """The arguments among which an optimiser or ``autograd.grad`` may be given parameters.

    An optimiser is called by its class (``optim.Adam``, ``SGD``, or another's ``AdamFP16``), which takes settings by
    their keywords, or by a name that speaks of one.
    """
    words = [node.name for node in nodes(call.function) if isinstance(node, code.Attribute)]
    words += [node.identifier for node in nodes(call.function) if isinstance(node, code.Name)]
    if words[:1] and any(name.rsplit(".", 1)[-1] in words[0] for name in torch_api.optimisers()):
        return tuple(item for item in call.arguments if item.keyword in (None, "params"))
    speaks = any(map(_SPEAKS_OF_OPTIMISER.search, words)) or words[:1] == ["grad"]
    return call.arguments if speaks else ()

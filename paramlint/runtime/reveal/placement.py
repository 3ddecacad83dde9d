"""What a move of the model leaves behind, where a pass was seen to clash over it."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.model.observation import Observation
from paramlint.runtime.judge import seen
from paramlint.runtime.reveal.registration import registered_owners, step_beyond
from paramlint.runtime.reveal.revelation import Revelation


def reveal(observation: Observation) -> Iterator[Revelation]:
    """Yield plain tensors that clash when they alone stay where they were made.

    What forward binds anew is left to the source: whoever calls the model may set it anew as well, on the input's device.
    """
    owners = registered_owners(observation)
    for tensor in observation.tensors:
        if tensor.clash is None or tensor.follows_device is not False or tensor.owner not in owners:
            continue
        if tensor.changed_by_forward:
            continue
        place = seen.innermost(tensor.clash)
        is_itself = not step_beyond(tensor.path, tensor.owner, tensor.attribute)
        yield Revelation(
            "PRM101" if is_itself else "PRM110",
            tensor.owner_class,
            tensor.attribute,
            tensor.place,
            f"'{tensor.attribute}' {'is a plain tensor' if is_itself else 'holds plain tensors'}: .to() leaves it "
            "where it was made, and forward then meets it on another device",
            f"with '{tensor.path}' alone left on {tensor.device}, forward {seen.raised(tensor.clash)}",
            ((place, f"here '{tensor.attribute}' meets what has moved"),) if place is not None else (),
        )

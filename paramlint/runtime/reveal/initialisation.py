"""Registered memory that nothing wrote while the model was built."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.model.observation import Observation
from paramlint.model.surroundings import Surroundings
from paramlint.runtime.judge import seen
from paramlint.runtime.reveal.parts import Parts
from paramlint.runtime.reveal.revelation import Revelation


def reveal(observation: Observation, surroundings: Surroundings) -> Iterator[Revelation]:
    """Yield parameters with unwritten elements, and buffers that forward reads with some."""
    parts = Parts(observation, surroundings)
    for tensor in observation.tensors:
        if not tensor.uninitialised:
            continue
        part = parts.of(tensor.path)
        share = seen.share(tensor.uninitialised)
        evidence = f"{share} of the {seen.elements(tensor.elements)} of '{tensor.path}' were never written"
        if tensor.registration == "parameter":
            yield Revelation(
                "PRM301",
                part.owner_class,
                part.attribute,
                part.place,
                f"'{part.attribute}' holds memory that nothing initialised: its values are whatever was there",
                evidence,
            )
        elif tensor.registration in seen.BUFFERS and tensor.read_in_forward and tensor.changed_by_forward is False:
            yield Revelation(
                "PRM302",
                part.owner_class,
                part.attribute,
                part.place,
                f"forward reads '{part.attribute}', which holds memory that nothing initialised",
                evidence + ", and forward reads it",
            )

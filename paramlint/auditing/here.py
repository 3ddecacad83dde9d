"""``paramlint.audit``, ``assert_registered`` and ``watch``: what a model in this very process holds and lacks."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from paramlint.auditing.result import Audit, audit_of, where
from paramlint.runtime.live import trial
from paramlint.runtime.live.building import Building
from paramlint.runtime.live.examine import examine, with_gradients
from paramlint.runtime.live.provenance import Provenance
from paramlint.runtime.live.trial import Inputs
from paramlint.runtime.reveal.all import revealed
from paramlint.runtime.reveal.revelation import DEFAULT_CODES

# What ``watch`` saw, by Modules that still live: it has to be found again by ``audit``, which is told a model only.
_WATCHED = Provenance()


@contextmanager
def watch() -> Iterator[None]:
    """Watch models being built in the body, so that ``audit`` knows which line bound and initialised what.

    Memory that is allocated uninitialised (``torch.empty``) holds NaN in the body, and afterwards wherever nothing has
    written it. Otherwise the models come out as they would without.
    """
    building = Building()
    try:
        with building.watching():
            yield
    finally:
        building.digest(_WATCHED)


def audit(
    model: nn.Module, *example_inputs: Any, select: Collection[str] | None = None, **example_keywords: Any
) -> Audit:
    """Examine a model; with example inputs, run copies of it as well.

    The model, its mode, its gradients and the generators of random numbers are left as they are: what is run is a deep
    copy, on copies of the inputs (a model that cannot be copied is not run, and ``notes`` says so). ``select`` are the
    codes to report, by default those that are on by default. Raises TypeError where ``model`` is no Module.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"a torch.nn.Module is audited, not {type(model).__name__}")
    examined = examine(model, _WATCHED)
    known = with_gradients(examined.observation, model)
    if example_inputs or example_keywords:
        known = trial.passes(known, model, Inputs(example_inputs, example_keywords))
    return audit_of(known, examined.surroundings, DEFAULT_CODES if select is None else select)


def assert_registered(model: nn.Module) -> None:
    """Raise AssertionError where the model holds parameters or layers that it does not register, naming each."""
    examined = examine(model, _WATCHED)
    codes = ("PRM102", "PRM103", "PRM104", "PRM105", "PRM106", "PRM111")
    lines = [
        f"  {where(item)}: {item.code} {item.class_name}.{item.attribute}: {item.proof.evidence if item.proof else ''}"
        for item in revealed(examined.observation, examined.surroundings)
        if item.code in codes
    ]
    if lines:
        raise AssertionError("\n".join([f"{type(model).__name__} holds what it does not register:", *lines]))

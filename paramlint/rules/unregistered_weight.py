"""PRM102: a plain tensor that is meant to be learned."""

from __future__ import annotations

import re
from collections.abc import Iterator

from paramlint.interpret.slots import Phase, Registration, Slot
from paramlint.interpret.trace import ClassTrace, Run
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import constructed_slots, finding, first_read

_LEARNED = re.compile(r"\b(learned|learnt|learnable|trainable|trained)\b", re.IGNORECASE)
_NOT_LEARNED = re.compile(
    r"\b(not|non|never|fixed|frozen|un|pre)[- ]?(learned|learnt|learnable|trainable|trained)\b", re.I
)


# They scale by fan-in and fan-out or keep a layer an isometry: what learning starts from, and nothing else.
_WEIGHT_INITIALISERS = frozenset(
    {"xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_", "orthogonal_", "trunc_normal_"}
)


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield plain tensors that ask for gradients, or that the documentation says are learned."""
    seen: set[str] = set()
    for run, slot in constructed_slots(trace):
        tensor = slot.tensor
        if slot.name in seen or tensor is None or slot.registration is not Registration.PLAIN_TENSOR:
            continue
        if tensor.lost is not None or tensor.is_registered or tensor.is_empty or tensor.phase is not Phase.CONSTRUCTOR:
            continue
        if tensor.is_derived or tensor.is_output:
            continue  # its parameters are trained; what is wrong is that the attribute does not follow
        if slot.name in run.rewritten:
            continue  # forward takes the steps by itself, or makes it anew
        if tensor.requires_grad is True and _is_layer(trace, run, slot) and not _depends_on_parameters(tensor.factory):
            reason = "asks for gradients"
        elif tensor.written_by in _WEIGHT_INITIALISERS and _is_read(run, slot):
            reason = "is initialised like a weight"
        elif _is_documented(trace.documentation, slot.name) and _is_read(run, slot) and tensor.rank != 0:
            reason = "is documented as learned"
        else:
            continue
        if trace.surroundings.is_given_to_optimiser(slot.name) or _is_cancelled(trace, slot.name):
            continue
        if any(slot.name in method.takes for method in trace.methods if method.name != "__init__"):
            continue  # what others put in its place is theirs to train
        seen.add(slot.name)
        yield finding(
            trace,
            run,
            slot.place,
            slot.name,
            f"'{slot.name}' {reason} but is a plain tensor: it is not in parameters(), so no optimiser trains it",
        )


def _depends_on_parameters(factory: str) -> bool:
    return factory.startswith("nn.")


def _is_layer(trace: ClassTrace, run: Run, slot: Slot) -> bool:
    """Whether the class has a forward, or another method computes with the tensor beside what is registered.

    What has neither is no layer, and may keep an input that asks for gradients.
    """
    if any(method.name == "forward" for method in trace.methods):
        return True
    is_registered = any(held.registration in (Registration.PARAMETER, Registration.SUBMODULE) for held in run.slots)
    return is_registered and _is_read(run, slot)


def _is_read(run: Run, slot: Slot) -> bool:
    return first_read(run, slot.name) is not None


def _is_cancelled(trace: ClassTrace, name: str) -> bool:
    """Whether every method that reads the tensor takes it away again: its place in the graph matters, not its value."""
    readers = [method for method in trace.methods if name in method.mentions and method.name != "__init__"]
    return bool(readers) and all(name in method.cancels for method in readers)


def _is_documented(documentation: str, name: str) -> bool:
    """Whether a sentence of the documentation names the attribute and says that it is learned."""
    word = re.compile(rf"\b{re.escape(name)}\b")
    return any(
        word.search(sentence) and _LEARNED.search(sentence) and not _NOT_LEARNED.search(sentence)
        for sentence in re.split(r"[.;\n]", documentation)
    )


RULE = Rule(
    code="PRM102",
    slug="unregistered-weight",
    severity=Severity.WARNING,
    enabled_by_default=True,
    summary="A tensor that is meant to be learned is a plain attribute.",
    rationale="""\
`requires_grad=True` makes autograd compute a gradient, but only an `nn.Parameter` is in `parameters()`, and that is
what an optimiser is given. The tensor keeps its first value, is not saved and does not move.""",
    bad="""\
import torch
from torch import nn


class Scale(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gain = torch.ones(width, requires_grad=True)

    def forward(self, x):
        return x.mul(self.gain.to(x.device))
""",
    good="""\
import torch
from torch import nn


class Scale(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x.mul(self.gain.to(x.device))
""",
    silent_when=(
        "the class or its users hand the attribute to an optimiser, or forward binds it anew: it takes the steps itself",
        "it does not ask for gradients and no text says so",
        "layers of the model have computed it: it is their weights that learn",
        "forward adds it and takes it away again, or hands it to `checkpoint`, which must meet an input that asks for "
        "gradients",
        "a method puts what it is given in its place",
    ),
    check=check,
)

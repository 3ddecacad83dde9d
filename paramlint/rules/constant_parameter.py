"""PRM201: a fixed table or number is a Parameter that trains."""

from __future__ import annotations

import re
from collections.abc import Iterator

from paramlint.interpret.slots import Registration, Slot
from paramlint.interpret.trace import ClassTrace, Run
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import constructed_slots, finding

_SAFEGUARD = re.compile(r"(^|_)(eps|epsilon)$", re.IGNORECASE)
_LEARNED = re.compile(r"learn|train", re.IGNORECASE)


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield trainable Parameters whose values say that they are constants."""
    seen: set[str] = set()
    for run, slot in constructed_slots(trace):
        reason = _reason(slot)
        if slot.name in seen or reason is None or _is_learned(trace, slot.name) or _is_asked_for(run):
            continue
        seen.add(slot.name)
        yield finding(
            trace,
            run,
            slot.place,
            slot.name,
            f"'{slot.name}' is {reason}, but an nn.Parameter: the optimiser changes it, and weight decay shrinks it",
        )


def _reason(slot: Slot) -> str | None:
    """Why a slot's Parameter is a constant by its values or its part; None where nothing says so."""
    tensor = slot.tensor
    if tensor is None or slot.registration is not Registration.PARAMETER or tensor.requires_grad is not True:
        return None
    if _LEARNED.search(slot.name):
        return None
    if tensor.is_table:
        return "a fixed table of positions"
    if tensor.rank in (0, None) and _SAFEGUARD.search(slot.name) and not tensor.is_random:
        return "a safeguard against division by zero"
    return None


def _is_asked_for(run: Run) -> bool:
    """Whether an argument of the constructor that the path turns on says that something is learned: ``train_eps``."""
    return any(decision.outcome and _LEARNED.search(decision.argument or "") for decision in run.decisions)


def _is_learned(trace: ClassTrace, name: str) -> bool:
    """Whether the documentation says of the attribute that it is learned."""
    word = re.compile(rf"\b{re.escape(name)}\b")
    sentences = re.split(r"[.;\n]", trace.documentation)
    return any(word.search(sentence) and _LEARNED.search(sentence) for sentence in sentences)


RULE = Rule(
    code="PRM201",
    slug="constant-parameter",
    severity=Severity.WARNING,
    enabled_by_default=False,
    summary="A grid of positions or an epsilon is an nn.Parameter that trains.",
    rationale="""\
Every Parameter is given to the optimiser. A pixel grid or an epsilon among them drifts away from what the formula
means, and weight decay pulls it to zero; nothing tells the user. Such a constant is a buffer, or a number.""",
    bad="""\
import torch
from torch import nn


class Rays(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.columns = nn.Parameter(torch.arange(width).float())

    def forward(self, depth):
        return depth * self.columns
""",
    good="""\
import torch
from torch import nn


class Rays(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.register_buffer("columns", torch.arange(width).float(), persistent=False)

    def forward(self, depth):
        return depth * self.columns
""",
    silent_when=(
        "`requires_grad=False`, or it depends on an argument (see frozen-parameter)",
        "the values are computed further than by shaping, scaling and joining: a table may be where learning begins",
        "its name, the documentation or an argument that is on (`train_eps`) says that it is learned",
    ),
    check=check,
)

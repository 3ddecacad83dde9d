"""PRM104: parameters kept in a list, tuple, dict or set."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.slots import Phase, Registration, Slot, TensorSummary
from paramlint.interpret.trace import ClassTrace, Run
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import constructed_slots, finding, related


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield containers with Parameters that nothing registers."""
    seen: set[str] = set()
    for run, slot in constructed_slots(trace):
        if slot.registration is not Registration.CONTAINER or slot.name in seen or run.is_opaque:
            continue
        for member in slot.members:
            tensor = member.tensor
            if member.inside or tensor is None or tensor.is_registered:
                continue
            if not tensor.is_parameter and not _is_left_of_one(tensor):
                continue
            if trace.surroundings.is_given_to_optimiser(slot.name) or _is_no_loss(trace, run, slot):
                break
            if trace.surroundings.is_filled_elsewhere(slot.name):
                break  # who fills it by hand knows that torch does not
            seen.add(slot.name)
            yield finding(
                trace,
                run,
                slot.place,
                slot.name,
                f"'{slot.name}' is a {slot.container} of {_what(tensor)}, which Module does not look into: they are not "
                "in parameters(), so they are neither trained, moved nor saved",
                related(tensor.made, f"'{slot.name}{member.where}' is made here"),
            )
            break


def _is_left_of_one(tensor: TensorSummary) -> bool:
    """Whether construction has made a Parameter that nothing registers, and keeps what an operation made of it."""
    return tensor.lost is not None and tensor.phase is Phase.CONSTRUCTOR and tensor.requires_grad is True


def _what(tensor: TensorSummary) -> str:
    return "parameters" if tensor.lost is None else f"what '{tensor.lost.operation}' makes of parameters"


def _is_no_loss(trace: ClassTrace, run: Run, slot: Slot) -> bool:
    """Whether what the constructor puts in is listed by the class itself, or no method makes use of it.

    Nobody does where forward binds the name anew, or nothing reads it.

    The constructor's own reads (how many there are, of which shape) do not count, unless they hand the container on.
    """
    if slot.name in run.rewritten:
        return True
    lists = [method for method in trace.methods if "parameters" in method.name and method.answers]
    if any(slot.name in method.mentions for method in lists):
        return True  # the class lists its parameters by itself
    others = [method for method in trace.methods if method.name != "__init__"]
    giving = [method for method in others if method.answers and slot.name in method.mentions]
    if any(trace.surroundings.is_given_to_optimiser(method.name) for method in giving if method.name != "forward"):
        return True
    if slot.is_shared or all(method.name != "forward" for method in others):
        return False
    if any(slot.name in method.mentions for method in others):
        return False
    return not trace.surroundings.is_read_outside(slot.name)


RULE = Rule(
    code="PRM104",
    slug="parameter-in-container",
    severity=Severity.WARNING,
    enabled_by_default=True,
    summary="Parameters are kept in a plain list, tuple, dict or set.",
    rationale="""\
`nn.Module` registers what is assigned to an attribute, not what a list or dict on an attribute holds. The parameters take
part in forward and get gradients, but no optimiser sees them, `.to()` leaves them behind, and a checkpoint lacks them.
`nn.ParameterList` and `nn.ParameterDict` register what they hold.""",
    bad="""\
import torch
from torch import nn


class Mix(nn.Module):
    def __init__(self, parts, width):
        super().__init__()
        self.weights = [nn.Parameter(torch.ones(width)) for _ in range(parts)]

    def forward(self, xs):
        return sum(w * x for w, x in zip(self.weights, xs))
""",
    good="""\
import torch
from torch import nn


class Mix(nn.Module):
    def __init__(self, parts, width):
        super().__init__()
        self.weights = nn.ParameterList(nn.Parameter(torch.ones(width)) for _ in range(parts))

    def forward(self, xs):
        return sum(w * x for w, x in zip(self.weights, xs))
""",
    silent_when=(
        "forward puts others in their place, or only the constructor looks at them: they are placeholders",
        "the same Parameter objects are registered under other names (`register_parameter`, `setattr`)",
        "an optimiser, or autograd, is handed the container itself: the class trains what it holds",
        "a method of the class lists them (`named_parameters_by_table`), or gives them to an optimiser",
        "other code puts elements in their places (`model.weights[i] = state[name]`): who does that knows",
        "names are registered that cannot be computed from the source",
    ),
    check=check,
)

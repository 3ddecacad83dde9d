"""PRM105: submodules kept in a list, tuple, dict or set."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.slots import Registration, Slot
from paramlint.interpret.trace import ClassTrace
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import constructed_slots, finding, related

_TELLING = frozenset({"state_dict", "parameters", "named_parameters", "_save_to_state_dict", "_apply", "train"})


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield containers with stateful Modules that nothing registers."""
    seen: set[str] = set()
    for run, slot in constructed_slots(trace):
        if slot.registration is not Registration.CONTAINER or slot.name in seen or run.hides:
            continue
        if _is_hidden_on_purpose(trace, slot) or _answers_for(trace, slot.name):
            continue
        for member in slot.members:
            module = member.module
            if member.inside or module is None or module.is_registered or module.has_state is not True:
                continue
            seen.add(slot.name)
            if _is_left_over(trace, slot):
                break
            yield finding(
                trace,
                run,
                slot.place,
                slot.name,
                f"'{slot.name}' is a {slot.container} of modules, which Module does not look into: they are not in "
                "parameters(), and .to(), train() and state_dict() pass them by",
                related(module.made, f"'{module.class_name}' is made here"),
            )
            break


def _answers_for(trace: ClassTrace, name: str) -> bool:
    """Whether the class overrides what Module tells of its parts, or tells them, to come to those in a container."""
    return any(name in method.mentions for method in trace.methods if method.name in _TELLING)


def _is_left_over(trace: ClassTrace, slot: Slot) -> bool:
    """Whether the class has a forward and nothing in the project reads the container."""
    has_forward = any(method.name == "forward" for method in trace.methods)
    return has_forward and not trace.surroundings.reads(slot.name)


def _is_hidden_on_purpose(trace: ClassTrace, slot: Slot) -> bool:
    """A list written with exactly one element is the known trick to keep a module out of ``modules()``.

    It is played with networks that others train or nobody does, or through a property; a fresh layer of torch's that
    forward takes from such a list was meant to be registered.
    """
    if slot.container != "list" or not slot.is_exact or not slot.written == len(slot.members) == 1:
        return False
    module = slot.members[0].module
    return (
        module is None
        or module.is_own
        or module.is_frozen
        or any(slot.name in method.mentions for method in trace.methods if method.name not in ("__init__", "forward"))
    )


RULE = Rule(
    code="PRM105",
    slug="module-in-container",
    severity=Severity.ERROR,
    enabled_by_default=True,
    summary="Submodules are kept in a plain list, tuple, dict or set.",
    rationale="""\
`nn.Module` registers a module that is assigned to an attribute, not modules inside a list or dict. They run in forward,
but their parameters are not in `parameters()`: they are never trained, stay on the CPU after `.to()`, keep their mode
after `eval()`, and are missing from checkpoints. `nn.ModuleList`, `nn.ModuleDict` and `nn.Sequential` register them.""",
    bad="""\
from torch import nn


class Stack(nn.Module):
    def __init__(self, depth, width):
        super().__init__()
        self.layers = [nn.Linear(width, width) for _ in range(depth)]

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
""",
    good="""\
from torch import nn


class Stack(nn.Module):
    def __init__(self, depth, width):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
""",
    silent_when=(
        "nothing reads the container: what is left over changes nothing",
        "the same modules are registered as well (`add_module`, `setattr`, a later `ModuleList` or `Sequential`)",
        "they hold no parameters and no buffers",
        "the class overrides `state_dict`, `named_parameters`, `train` or the like to come to them itself",
        "they are hidden on purpose: a list of one, `object.__setattr__`, a weak reference",
    ),
    check=check,
)

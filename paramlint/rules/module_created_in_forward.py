"""PRM109: a layer with parameters is built in forward."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.events import AttributeRead, MadeInForward
from paramlint.interpret.slots import Registration
from paramlint.interpret.trace import ClassTrace, Run
from paramlint.model.diagnostic import Related, Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import events, finding, is_known_to_be_lazy, related


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield modules with state, or with a training mode, that forward or what it calls builds."""
    for run, event in events(trace, MadeInForward):
        if event.kind is not Registration.SUBMODULE or (event.is_lazy_once and is_known_to_be_lazy(trace)):
            continue
        if event.has_state:
            if event.is_lazy_once:
                effect = "its parameters do not exist before the first call, so an optimiser made earlier lacks them"
            else:
                effect = "its weights are new and random in every call and never trained"
        elif event.depends_on_training:
            effect = "it is always in training mode: eval() does not reach it"
        else:
            continue
        yield finding(
            trace,
            run,
            event.place,
            event.stored or event.local,
            f"{event.class_name} is built in forward: {effect}",
            _twin(run, event),
        )


def _twin(run: Run, event: MadeInForward) -> tuple[Related, ...]:
    """The registered module of the same class that no path of forward reads."""
    read = {item.name for item in run.events if isinstance(item, AttributeRead)}
    for slot in run.slots:
        module = slot.module
        if module is not None and module.class_name == event.class_name and slot.name not in read:
            return related(slot.place, f"'{slot.name}' is registered and never called")
    return ()


RULE = Rule(
    code="PRM109",
    slug="module-created-in-forward",
    severity=Severity.ERROR,
    enabled_by_default=True,
    summary="A layer with parameters is built in forward, or in what it calls.",
    rationale="""\
A layer draws its weights when it is built. Built in forward, they are different in every call: the model is random, the
optimiser never sees them, `state_dict()` lacks them, and they are made on the default device. `nn.Dropout(p)(x)` in
forward has no weights, but a new module is in training mode, so it drops in evaluation too.""",
    bad="""\
from torch import nn


class Head(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.width = width

    def forward(self, x):
        return nn.Linear(self.width, 1)(x)
""",
    good="""\
from torch import nn


class Head(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        return self.out(x)
""",
    silent_when=(
        "the module has no parameters and no buffers and does the same in training and evaluation (activations, losses)",
        "it is a lazy module, or a copy of a registered one; the class says that it is lazy",
        "an optimiser is given its parameters: it is made to be trained, as the embedding of one graph",
        "its class freezes all its parameters, as a filter does, or whether it has state cannot be told",
    ),
    check=check,
)

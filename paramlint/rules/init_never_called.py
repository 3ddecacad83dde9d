"""PRM303: an initialisation scheme that nothing runs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from paramlint.interpret.events import MethodReached, SchemeRan
from paramlint.interpret.trace import ClassTrace, MethodFacts
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import related

_NAMED = re.compile(r"(init|reset|initiali[sz]e)_?\w*$")


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield methods that initialise and that nothing calls, and parts that an owner's scheme forgets."""
    if not trace.runs or not all(run.is_complete for run in trace.runs):
        return
    reached = {
        event.method for run in trace.runs for event in run.events if isinstance(event, (MethodReached, SchemeRan))
    }
    for method in trace.methods:
        if not method.is_own or method.is_hook or method.name in reached or not method.initialises:
            continue
        if not _is_private_scheme(trace, method) and not _is_public_scheme(trace, method):
            continue
        yield Finding(
            method.place.path,
            method.place.span,
            trace.class_name,
            method.name,
            f"nothing calls '{method.name}': the layers keep their default initialisation",
        )
    yield from _forgotten_parts(trace)


def _is_private_scheme(trace: ClassTrace, method: MethodFacts) -> bool:
    """A private method whose name says that it initialises, or that walks to do so, and that nothing spells."""
    if not method.name.startswith("_") or method.name.endswith("__") or method.is_explained:
        return False
    means_it = "init" in method.name or "reset" in method.name or _is_callback(method)
    return means_it and not trace.surroundings.is_called(method.name)


def _is_callback(method: MethodFacts) -> bool:
    """A method that tests for layers of torch's and initialises them."""
    return bool(method.types) and "weight" in method.initialises


def _is_public_scheme(trace: ClassTrace, method: MethodFacts) -> bool:
    """A public method that would initialise layers which construction leaves at their default.

    A public name is an interface: it counts only where nothing that can hold an instance calls it by name.
    """
    if method.name.startswith("_") or _NAMED.match(method.name) is None or not trace.is_complete or trace.is_abstract:
        return False
    left = trace.runs[0].left
    # What torch's layers are at their default is what their own reset_parameters makes of them.
    unchanged = method.ties | (method.delegates if method.name == "reset_parameters" else frozenset())
    is_meant = any(
        layer.attribute in method.mentions - unchanged
        or (
            (method.walks_modules or _is_callback(method))
            and any(kind in method.types for kind in (layer.class_name, *layer.kinds))
        )
        for layer in left
    )
    callers = [other.name for other in trace.methods if method.name in other.mentions and other.name != "__init__"]
    return is_meant and not any(map(trace.surroundings.may_call, (method.name, *callers)))


def _forgotten_parts(trace: ClassTrace) -> Iterator[Finding]:
    """Parts made in the same way as others, of which an owner's scheme initialises only the others."""
    for method in trace.methods:
        siblings = {maker.shape for maker in trace.makers if maker.attribute in method.delegates}
        if not method.is_own or not (_NAMED.match(method.name) or method.name.startswith("_init")):
            continue
        for maker in trace.makers:
            if maker.shape in siblings and maker.attribute not in method.mentions:
                yield Finding(
                    maker.place.path,
                    maker.place.span,
                    trace.class_name,
                    maker.attribute,
                    f"'{method.name}' initialises other parts made by '{maker.shape}' and forgets '{maker.attribute}'",
                    related(method.place, f"the parts' own '{method.name}' is called here"),
                )


RULE = Rule(
    code="PRM303",
    slug="init-never-called",
    severity=Severity.WARNING,
    enabled_by_default=False,
    summary="A class has an initialisation scheme that nothing runs.",
    rationale="""\
A method such as `_initialize_weights` does nothing by itself: somebody must call it. Without a call each layer keeps
torch's default, silently, and the model trains from another start than its author meant.""",
    bad="""\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def _initialize_weights(self):
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x):
        return self.conv(x)
""",
    good="""\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self._initialize_weights()

    def _initialize_weights(self):
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x):
        return self.conv(x)
""",
    silent_when=(
        "the method is public and would change nothing that construction left at its default, or code that may hold an "
        "instance calls it by name, or code asks an object whether it has it; so with a method that calls it",
        "the class, a related class or any object's user in the project spells its name, or calls it with arguments that "
        "its parameters take",
        "a framework calls it (`_init_weights` in transformers), or its docstring says how it is called",
    ),
    check=check,
)

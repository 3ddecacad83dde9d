"""Questions that judgements ask of an observation: which tensor, which line, which failure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath

from paramlint.model.diagnostic import Diagnostic, Related
from paramlint.model.observation import (
    Assignment,
    Failure,
    ModuleObservation,
    Observation,
    Place,
    TensorObservation,
    Write,
)

# Longer messages are cut: the evidence is one line.
_LONGEST_MESSAGE = 160

BUFFERS = ("buffer", "non-persistent buffer")


# Places


def same_file(one: str, other: str) -> bool:
    """Whether two paths can name the same file; a relative one is compared from its end, whatever it is relative to."""
    first, second = PurePath(one), PurePath(other)
    if first.is_absolute() and second.is_absolute():
        return first == second
    tails = [tuple(part for part in path.parts if part not in (".", "..")) for path in (first, second)]
    length = min(map(len, tails))
    return length > 0 and tails[0][-length:] == tails[1][-length:]


def on_finding(diagnostic: Diagnostic, place: Place | None) -> bool:
    """Whether ``place`` is one of the lines that the finding itself marks."""
    return (
        place is not None
        and diagnostic.span.line <= place.line <= diagnostic.span.end_line
        and same_file(place.path, diagnostic.path)
    )


def on_related(related: Iterable[Related], place: Place | None) -> bool:
    """Whether ``place`` is one of the lines of the finding's related places."""
    return place is not None and any(
        item.span.line <= place.line <= item.span.end_line and same_file(place.path, item.path) for item in related
    )


def on_any_line(diagnostic: Diagnostic, place: Place | None) -> bool:
    """Whether ``place`` is a line of the finding or of a related place."""
    return on_finding(diagnostic, place) or on_related(diagnostic.related, place)


def at(place: Place | None) -> str:
    """`` at file.py:12``, or nothing where the place is unknown."""
    return "" if place is None else f" at {PurePath(place.path).name}:{place.line}"


# Failures


def innermost(failure: Failure) -> Place | None:
    """The user's line that raised."""
    return failure.frames[-1] if failure.frames else None


def passes_finding(diagnostic: Diagnostic, failure: Failure) -> bool:
    """Whether the traceback goes through a line of the finding or of a related place."""
    return any(on_any_line(diagnostic, frame) for frame in failure.frames)


def missing_attribute(failure: Failure) -> str | None:
    """The name that an AttributeError says is missing."""
    if failure.type != "AttributeError":
        return None
    found = re.search(r"has no attribute '(\w+)'", failure.message)
    return found.group(1) if found is not None else None


def raised(failure: Failure) -> str:
    """``raised TypeError "..." at file.py:12``; types that only the simulation raises are left out."""
    message = " ".join(failure.message.split()).strip('"')
    if len(message) > _LONGEST_MESSAGE:
        message = message[: _LONGEST_MESSAGE - 3] + "..."
    kind = "" if failure.type.startswith("torch._") else failure.type.rpartition(".")[2] + " "
    return f'raised {kind}"{message}"{at(innermost(failure))}'


def failures(observation: Observation) -> tuple[tuple[str, Failure], ...]:
    """Every failure of the user's code that was seen, with what was being done, first things first."""
    forward = observation.forward
    found = (
        ("the constructor", observation.constructor_failure),
        ("moving the model", observation.move_failure),
        ("state_dict()", observation.state_failure),
        ("forward", forward.failure if forward is not None else None),
    )
    return tuple((where, failure) for where, failure in found if failure is not None)


# Attributes


def names(diagnostic: Diagnostic) -> tuple[str, ...]:
    """The finding's attribute as instances spell it: two leading underscores are mangled with the class's name."""
    attribute = diagnostic.attribute
    if attribute is None:
        return ()
    if attribute.startswith("__") and not attribute.endswith("__") and diagnostic.class_name is not None:
        owner = diagnostic.class_name.rsplit(".", 1)[-1].lstrip("_")
        return (f"_{owner}{attribute}", attribute)
    return (attribute,)


def is_under(path: str, attribute: str) -> bool:
    """Whether ``path`` is ``attribute`` or something reached through it."""
    return path == attribute or path.startswith((f"{attribute}.", f"{attribute}["))


def tensor_of(diagnostic: Diagnostic, observation: Observation) -> TensorObservation | None:
    """The tensor that the instance holds under the finding's attribute itself."""
    wanted = names(diagnostic)
    return next((tensor for tensor in observation.tensors if tensor.path in wanted), None)


def tensors_under(diagnostic: Diagnostic, observation: Observation) -> tuple[TensorObservation, ...]:
    """The tensors reached through the finding's attribute."""
    wanted = names(diagnostic)
    return tuple(
        tensor for tensor in observation.tensors if any(is_under(tensor.path, attribute) for attribute in wanted)
    )


def modules_under(diagnostic: Diagnostic, observation: Observation) -> tuple[ModuleObservation, ...]:
    """The modules reached through the finding's attribute."""
    wanted = names(diagnostic)
    return tuple(
        module for module in observation.modules if any(is_under(module.path, attribute) for attribute in wanted)
    )


def assignments_of(diagnostic: Diagnostic, observation: Observation) -> tuple[Assignment, ...]:
    """The bindings of the finding's attribute, on the instance itself or, for a dotted one, on its submodule."""
    wanted = names(diagnostic)
    return tuple(
        assignment
        for assignment in observation.assignments
        if (f"{assignment.owner}.{assignment.attribute}" if assignment.owner else assignment.attribute) in wanted
    )


def was_bound_on_finding(diagnostic: Diagnostic, observation: Observation) -> bool:
    """Whether the statement that the finding marks was seen to bind the attribute in this build."""
    tensor = tensor_of(diagnostic, observation)
    if tensor is not None and on_finding(diagnostic, tensor.place):
        return True
    return any(
        on_finding(diagnostic, assignment.place) and assignment.raised is None
        for assignment in assignments_of(diagnostic, observation)
    )


def not_held(diagnostic: Diagnostic, what: str) -> str:
    """The reason where the attribute holds nothing of the kind in this build."""
    return f"'{diagnostic.attribute}' held no {what} in this build"


# Writes


def writes_through(observation: Observation, function: str, path: str) -> tuple[Write, ...]:
    """The in-place writes of construction that a function of that name and file made, itself or by what it called."""
    return tuple(
        write
        for write in observation.writes
        if write.raised is None
        and any(place.function == function and same_file(place.path, path) for place in write.places)
    )


def writes_on_finding(diagnostic: Diagnostic, observation: Observation) -> tuple[Write, ...]:
    """The in-place writes of construction credited to the lines that the finding marks."""
    return tuple(
        write
        for write in observation.writes
        if write.raised is None and any(on_finding(diagnostic, place) for place in write.places)
    )


# Words


def share(value: float) -> str:
    """A share as a percentage that never rounds to nothing or to all."""
    percent = round(100 * value)
    if percent == 0 and value > 0:
        return "less than 1 %"
    if percent == 100 and value < 1:
        return "more than 99 %"
    return f"{percent} %"


def elements(count: int) -> str:
    """``1 element``, ``64 elements``."""
    return f"{count} element{'' if count == 1 else 's'}"


def not_built(observation: Observation) -> str:
    """The reason where no instance was made."""
    words = {
        "abstract": "is abstract",
        "crashed": "crashed the process",
        "exited": "ended the process",
        "not importable": "could not be imported",
        "not found": "was not found after the import",
        "not run": "was not run",
        "out of memory": "ran out of memory",
        "timed out": "ran out of time",
    }
    state = words.get(observation.status, "was not built")
    return f"{observation.class_name} {state}" + (f": {observation.reason}" if observation.reason else "")


def forward_gap(observation: Observation) -> str | None:
    """Why nothing is known of a forward pass, or None where one ran to its end."""
    forward = observation.forward
    if forward is None:
        return "forward was not tried"
    if forward.status == "ran":
        return None
    if forward.status == "raised" and forward.failure is not None:
        return f"forward {raised(forward.failure)}"
    if forward.status == "no input found":
        return "no example input was found for forward"
    if forward.status == "no forward":
        return "the class has no forward"
    return f"forward did not run: {forward.status}"

"""Judgements on initial values: memory that nothing wrote, schemes without effect."""

from __future__ import annotations

from paramlint.model.diagnostic import Diagnostic
from paramlint.model.observation import Observation, TensorObservation, Write
from paramlint.runtime.judge import seen
from paramlint.runtime.judge.outcome import Outcome, confirmed, refuted, unconfirmed


def uninitialised_parameter(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM301: a share of the parameter's elements was never written by construction."""
    tensors = [
        tensor for tensor in seen.tensors_under(diagnostic, observation) if tensor.is_parameter or tensor.requires_grad
    ]
    if not tensors:
        return unconfirmed(seen.not_held(diagnostic, "parameter"))
    outcomes = [_uninitialised(diagnostic, observation, tensor) for tensor in tensors]
    return next((outcome for outcome in outcomes if outcome.is_confirmed), outcomes[0])


def uninitialised_buffer(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM302: forward reads a buffer or plain tensor of which a share was never written."""
    tensor = seen.tensor_of(diagnostic, observation)
    if tensor is None:
        return unconfirmed(seen.not_held(diagnostic, "tensor"))
    outcome = _uninitialised(diagnostic, observation, tensor)
    if not outcome.is_confirmed or tensor.read_in_forward:
        return outcome
    gap = seen.forward_gap(observation) or f"forward ran and did not read '{tensor.path}'"
    return unconfirmed(gap, outcome.text)


def init_never_called(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM303: no write or binding of construction came through the method."""
    method = diagnostic.attribute
    if method is None:
        return unconfirmed("the finding names no method")
    written = seen.writes_through(observation, method, diagnostic.path)
    if written:
        return refuted(f"{method} wrote '{written[0].target}' during construction ({written[0].operation})")
    for assignment in observation.assignments:
        place = assignment.place
        if place is not None and place.function == method and seen.same_file(place.path, diagnostic.path):
            return refuted(f"{method} bound '{assignment.attribute}' during construction{seen.at(place)}")
    parameters = _parameters(observation)
    if not parameters:
        return unconfirmed("the instance has no parameters in this build")
    return confirmed(f"construction never went through {method}: it wrote none of {len(parameters)} parameters")


def init_too_early(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM304: the scheme ran and left alone the parameters of layers that were bound after it, or what it read was missing."""
    if "AttributeError" in diagnostic.message:
        return _read_too_early(diagnostic, observation)
    if observation.status != "built":
        return unconfirmed(seen.not_built(observation))
    parameters = _parameters(observation)
    if not parameters:
        return unconfirmed("the instance has no parameters in this build")
    written = {write.target for write in _scheme_writes(diagnostic, observation)}
    missed = [tensor for tensor in parameters if tensor.path not in written and tensor.same_as not in written]
    if not missed:
        return refuted(f"the scheme wrote all {len(parameters)} parameters")
    if not written:
        return confirmed(f"the scheme wrote none of the {len(parameters)} parameters of the built model")
    reached = {tensor.owner for tensor in parameters if tensor.path in written} - {""}
    later = [
        tensor for tensor in missed if tensor.owner not in reached and _is_of_related(diagnostic, observation, tensor)
    ]
    if later:
        return confirmed(
            f"the scheme wrote {len(written)} of {len(parameters)} parameters, and not '{later[0].path}', "
            "whose layer is bound after it"
        )
    return unconfirmed(f"the scheme wrote {len(written)} of {len(parameters)} parameters")


def _read_too_early(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    told = " ".join((diagnostic.message, *(related.message for related in diagnostic.related)))
    for where, failure in seen.failures(observation):
        missing = seen.missing_attribute(failure)
        if missing is not None and f"'{missing}'" in told and seen.passes_finding(diagnostic, failure):
            return confirmed(f"{where} {seen.raised(failure)}")
    if observation.status != "built":
        return unconfirmed(seen.not_built(observation))
    return unconfirmed("construction did not raise; what was to be missing may have been there, or not asked for")


def init_misses_layer(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM305: the scheme wrote other layers' parameters and none of this one's."""
    tensors = [tensor for tensor in seen.tensors_under(diagnostic, observation) if tensor.registration == "parameter"]
    if not tensors:
        return unconfirmed(seen.not_held(diagnostic, "parameter"))
    written = {
        write.target
        for write in observation.writes
        if write.raised is None
        and not write.is_default
        and any(seen.on_any_line(diagnostic, place) for place in write.places)
    }
    reached = {tensor.owner for tensor in tensors if tensor.path in written}
    missed = [tensor for tensor in tensors if tensor.owner not in reached]
    if not missed:
        return refuted(f"the scheme wrote parameters of every layer under '{diagnostic.attribute}'")
    if written:
        return confirmed(f"the scheme wrote {len(written)} parameters, and not '{missed[0].path}'")
    return unconfirmed("no write of the scheme was seen in this build")


def init_on_none(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM306: the line raised over None."""
    for where, failure in seen.failures(observation):
        if "None" in failure.message and seen.passes_finding(diagnostic, failure):
            return confirmed(f"{where} {seen.raised(failure)}")
    if observation.status != "built":
        return unconfirmed(seen.not_built(observation))
    return unconfirmed("the line did not raise in this build")


def init_overwritten(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM307: a write at one of the finding's lines was followed by a write of the same tensor from elsewhere."""
    wanted = seen.names(diagnostic)
    targets = dict.fromkeys(
        write.target
        for write in observation.writes
        if not wanted or any(seen.is_under(write.target, attribute) for attribute in wanted)
    )
    for target in targets:
        history = [write for write in observation.writes if write.target == target and write.raised is None]
        deliberate = [
            position
            for position, write in enumerate(history)
            if any(seen.on_any_line(diagnostic, place) for place in write.places)
        ]
        if deliberate and deliberate[0] < len(history) - 1:
            last = history[-1]
            return confirmed(
                f"'{target}' was written by {history[deliberate[0]].operation} and then again by "
                f"{last.operation}{seen.at(last.places[-1] if last.places else None)}"
            )
    return unconfirmed("no second write of the same tensor was seen in this build")


def init_wrong_target(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM308: the line raised, or wrote nothing of the model."""
    for where, failure in seen.failures(observation):
        if seen.on_finding(diagnostic, seen.innermost(failure)):
            return confirmed(f"{where} {seen.raised(failure)}")
    if observation.status != "built":
        return unconfirmed(seen.not_built(observation))
    return init_without_effect(diagnostic, observation)


def init_without_effect(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM309: no write is credited to the statement, and the tensor it was meant for is as it was."""
    here = _about_attribute(diagnostic, seen.writes_on_finding(diagnostic, observation))
    if here:
        return refuted(f"line {diagnostic.span.line} wrote '{here[0].target}' ({here[0].operation})")
    tensors = _meant(diagnostic, observation)
    unwritten = [tensor for tensor in tensors if tensor.uninitialised]
    if unwritten:
        return confirmed(f"{_never_written(unwritten[0])}: line {diagnostic.span.line} wrote nothing")
    if seen.was_bound_on_finding(diagnostic, observation):
        return unconfirmed(f"line {diagnostic.span.line} bound '{diagnostic.attribute}' in this build")
    if tensors and observation.writes:
        return confirmed(f"no write to '{tensors[0].path}' is credited to line {diagnostic.span.line}")
    if not tensors and diagnostic.attribute is not None:
        return unconfirmed(seen.not_held(diagnostic, "tensor"))
    return unconfirmed("no in-place write was seen in this build, so that none can be missed")


def dead_initialisation(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM310: it starts at zero, and backward gives exactly zero there."""
    under = [tensor for tensor in seen.tensors_under(diagnostic, observation) if tensor.starts_dead is not None]
    dead = next((tensor for tensor in under if tensor.starts_dead), None)
    if dead is not None and dead.gradient != "none":
        return confirmed(f"'{dead.path}' is zero after construction, and so is its gradient after backward")
    if under and dead is None:
        return refuted(f"'{under[0].path}' is not zero or received a gradient that is not, at its first values")
    return unconfirmed(seen.forward_gap(observation) or "no backward pass at the first values was possible")


def _meant(diagnostic: Diagnostic, observation: Observation) -> tuple[TensorObservation, ...]:
    """The tensors that a statement about the attribute means: its own, else those of that name in submodules."""
    own = seen.tensors_under(diagnostic, observation)
    wanted = seen.names(diagnostic)
    return own or tuple(
        tensor for tensor in observation.tensors if any(name in tensor.path.split(".") for name in wanted)
    )


def _uninitialised(diagnostic: Diagnostic, observation: Observation, tensor: TensorObservation) -> Outcome:
    if tensor.is_uninitialised_lazy:
        return unconfirmed(f"'{tensor.path}' belongs to a lazy layer and has no memory before the first forward")
    if tensor.uninitialised is None:
        return unconfirmed(f"which elements of '{tensor.path}' were written was not observed")
    if tensor.uninitialised > 0:
        if tensor.changed_by_forward:
            return unconfirmed(f"'{tensor.path}' is written by the first forward", _never_written(tensor))
        return confirmed(_never_written(tensor))
    if not seen.was_bound_on_finding(diagnostic, observation):
        return unconfirmed(f"'{tensor.path}' was written in full in this build, but bound by another statement")
    return refuted(f"every element of '{tensor.path}' ({tensor.elements}) was written by construction")


def _never_written(tensor: TensorObservation) -> str:
    return (
        f"{seen.share(tensor.uninitialised or 0)} of '{tensor.path}' ({seen.elements(tensor.elements)}) "
        "was never written by construction"
    )


def _parameters(observation: Observation) -> list[TensorObservation]:
    return [tensor for tensor in observation.tensors if tensor.registration == "parameter"]


def _scheme_writes(diagnostic: Diagnostic, observation: Observation) -> tuple[Write, ...]:
    """The writes of an init scheme: through the method that the finding names, or from the line that it marks."""
    by_name = (
        seen.writes_through(observation, diagnostic.attribute, diagnostic.path)
        if diagnostic.attribute is not None
        else ()
    )
    writes = by_name + seen.writes_on_finding(diagnostic, observation)
    return tuple(write for write in writes if not write.is_default)


def _is_of_related(diagnostic: Diagnostic, observation: Observation, tensor: TensorObservation) -> bool:
    """Whether one of the finding's related lines bound the tensor, or a module on the way to it."""
    if seen.on_related(diagnostic.related, tensor.place):
        return True
    return any(
        seen.on_related(diagnostic.related, assignment.place)
        and seen.is_under(
            tensor.path, f"{assignment.owner}.{assignment.attribute}" if assignment.owner else assignment.attribute
        )
        for assignment in observation.assignments
    )


def _about_attribute(diagnostic: Diagnostic, writes: tuple[Write, ...]) -> list[Write]:
    """The writes to the finding's attribute; all of them where it names none, or names a method or a local."""
    wanted = seen.names(diagnostic)
    about = [write for write in writes if any(seen.is_under(write.target, attribute) for attribute in wanted)]
    return about or list(writes)

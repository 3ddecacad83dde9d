"""Judgements on parameters that should be something else: constants, frozen, integer, without gradient, unread."""

from __future__ import annotations

from paramlint.model.diagnostic import Diagnostic
from paramlint.model.observation import Observation, TensorObservation
from paramlint.runtime.judge import seen
from paramlint.runtime.judge.outcome import Outcome, confirmed, refuted, unconfirmed

# torch/csrc/autograd: requires_grad on integer or bool data.
_INTEGER_GRADIENT = "floating point"


def constant_parameter(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM201: the optimiser would change it, for it receives a gradient."""
    tensor = _parameter(diagnostic, observation)
    if isinstance(tensor, Outcome):
        return tensor
    if not tensor.requires_grad:
        return refuted(f"'{tensor.path}' asks for no gradient")
    if tensor.gradient == "flows":
        return confirmed(f"'{tensor.path}' is in parameters() and received a gradient: an optimiser changes it")
    return unconfirmed(_no_gradient_seen(tensor, observation))


def frozen_parameter(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM202: it is counted as a parameter and asks for no gradient."""
    tensor = _parameter(diagnostic, observation)
    if isinstance(tensor, Outcome):
        return tensor
    if not tensor.requires_grad:
        return confirmed(f"'{tensor.path}' is in parameters() with requires_grad=False")
    return refuted(f"'{tensor.path}' asks for gradients once built")


def integer_parameter(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM203: torch raised over integer data that asks for gradients."""
    for where, failure in seen.failures(observation):
        if _INTEGER_GRADIENT in failure.message and seen.passes_finding(diagnostic, failure):
            return confirmed(f"{where} {seen.raised(failure)}")
    if observation.status != "built":
        return unconfirmed(seen.not_built(observation))
    tensor = _parameter(diagnostic, observation)
    if isinstance(tensor, Outcome):
        return tensor
    return refuted(f"'{tensor.path}' was made with dtype {tensor.dtype} and without an error")


def gradient_cut(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM204: backward left no gradient on it, or on the weight of the layer that it is."""
    weights = [tensor for tensor in seen.tensors_under(diagnostic, observation) if tensor.path.endswith(".weight")]
    tensor = weights[0] if len(weights) == 1 else _parameter(diagnostic, observation)
    if isinstance(tensor, Outcome):
        return tensor
    if not tensor.requires_grad:
        return unconfirmed(f"'{tensor.path}' asks for no gradient in this build")
    if tensor.gradient == "none":
        return confirmed(f"the gradient of '{tensor.path}' is None after backward")
    if tensor.gradient == "flows":
        return refuted(f"'{tensor.path}' received a gradient")
    return unconfirmed(_no_gradient_seen(tensor, observation))


def unread_parameter(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM205: no operation of forward took it, and backward left no gradient on it."""
    tensor = _parameter(diagnostic, observation)
    if isinstance(tensor, Outcome):
        return tensor
    if tensor.read_in_forward or tensor.gradient in ("flows", "zero"):
        return refuted(f"an operation of forward reads '{tensor.path}'")
    gap = seen.forward_gap(observation)
    if gap is not None:
        return unconfirmed(gap)
    if tensor.read_in_forward is False and tensor.gradient != "flows":
        after = ", and its gradient is None after backward" if tensor.gradient == "none" else ""
        return confirmed(f"no operation of forward reads '{tensor.path}'{after}")
    if tensor.gradient == "none":
        return confirmed(f"the gradient of '{tensor.path}' is None after backward")
    return unconfirmed(_no_gradient_seen(tensor, observation))


def parameter_of_no_tensor(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM206: ``nn.Parameter`` raised on the line."""
    for where, failure in seen.failures(observation):
        is_parameters = failure.type in ("TypeError", "AttributeError", "RuntimeError", "ValueError")
        if is_parameters and seen.on_any_line(diagnostic, seen.innermost(failure)):
            return confirmed(f"{where} {seen.raised(failure)}")
    if observation.status != "built":
        return unconfirmed(seen.not_built(observation))
    tensor = _parameter(diagnostic, observation)
    if isinstance(tensor, Outcome):
        return tensor
    return refuted(f"'{tensor.path}' was made a parameter without an error")


def _parameter(diagnostic: Diagnostic, observation: Observation) -> TensorObservation | Outcome:
    """The registered parameter that the finding speaks of, or the outcome where there is none in this build."""
    tensor = seen.tensor_of(diagnostic, observation)
    if tensor is None:
        return unconfirmed(seen.not_held(diagnostic, "parameter"))
    if not seen.was_bound_on_finding(diagnostic, observation):
        if tensor.registration == "parameter" and tensor.place is None:
            return tensor
        if tensor.registration == "parameter" and not seen.on_any_line(diagnostic, tensor.place):
            # The finding may mark a use of the parameter and not its making.
            return tensor
        if tensor.registration != "parameter":
            return unconfirmed(f"'{tensor.path}' is a {tensor.registration} tensor in this build")
    if tensor.registration != "parameter":
        return refuted(f"'{tensor.path}' is a {tensor.registration} tensor, not a parameter")
    return tensor


def _no_gradient_seen(tensor: TensorObservation, observation: Observation) -> str:
    if tensor.gradient is not None:
        state = {"zero": "exactly zero", "none": "None"}.get(tensor.gradient, tensor.gradient)
        return f"the gradient of '{tensor.path}' was {state}"
    return seen.forward_gap(observation) or "no backward pass was possible"

"""Judgements on tensors that stay behind: plain tensors, aliases, literal devices, tensors made in forward."""

from __future__ import annotations

import re

from paramlint.model.diagnostic import Diagnostic, Verdict
from paramlint.model.observation import Failure, ForwardObservation, Observation, TensorObservation
from paramlint.runtime.judge import seen
from paramlint.runtime.judge.outcome import Outcome, confirmed, refuted, unconfirmed

# What torch says of operands on two devices; the simulated accelerator raises the first, real ones all of them.
_TWO_DEVICES = re.compile(
    r"same device|at least two devices|two different devices|device type .* but|is on cpu|on the CPU|"
    r"Input type .* and weight type|is not on the expected device|should be on the same|Placeholder storage has not been allocated",
    re.IGNORECASE,
)

# What torch says where the machine lacks the device that the source names (torch/cuda/__init__.py, torch/_C).
_NO_SUCH_DEVICE = re.compile(
    r"not compiled with \w+ enabled|not linked with support for|No (CUDA|HIP|XPU|MPS) \w+ (are|is) available|"
    r"no NVIDIA driver|Cannot access accelerator device|requires? (CUDA|a GPU)|cuda.*unavailable|"
    r"Expected one of cpu, cuda|Attempting to deserialize object on a CUDA device",
    re.IGNORECASE,
)


def unregistered_tensor(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM101: the tensor is plain, and the accelerator or a reload shows what that costs."""
    tensor = seen.tensor_of(diagnostic, observation)
    return _made_later(diagnostic, observation) if tensor is None else _left_behind(diagnostic, observation, tensor)


def tensor_in_container(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM110: as PRM101 for any tensor of a container."""
    tensors = seen.tensors_under(diagnostic, observation)
    if not tensors:
        return unconfirmed(seen.not_held(diagnostic, "tensor"))
    outcomes = [_left_behind(diagnostic, observation, tensor) for tensor in tensors]
    return _strongest(outcomes)


def stale_alias(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM112: the alias shares registered storage when built, or hangs on its graph, and stays when the model moves."""
    held = seen.tensors_under(diagnostic, observation)
    for tensor in held:
        if tensor.same_as is None and tensor.requires_grad and not tensor.is_leaf and tensor.follows_device is False:
            return confirmed(
                f"'{tensor.path}' is computed from parameters when built; after the model moved it is still on "
                f"{tensor.device}"
            )
    aliases = [tensor for tensor in held if tensor.same_as is not None]
    if not aliases:
        return unconfirmed(seen.not_held(diagnostic, "tensor that shares registered storage"))
    for tensor in aliases:
        if tensor.follows_device is False:
            return confirmed(
                f"'{tensor.path}' shares the storage of '{tensor.same_as}' when built; after the model moved it is "
                f"still on {tensor.device}"
            )
    if all(tensor.follows_device for tensor in aliases) and seen.was_bound_on_finding(diagnostic, observation):
        return refuted(f"'{aliases[0].path}' moved with the model, as '{aliases[0].same_as}' did")
    return unconfirmed("moving the model was not observed")


def hard_coded_device(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM501: the line raises on a machine without that device, or its tensor is there without being asked."""
    for where, failure in seen.failures(observation):
        if _NO_SUCH_DEVICE.search(failure.message) and seen.passes_finding(diagnostic, failure):
            return confirmed(f"{where} {seen.raised(failure)}")
    for tensor in seen.tensors_under(diagnostic, observation):
        # What the user built may have been moved since.
        if observation.recipe_kind != "given" and tensor.device.split(":")[0] not in ("cpu", "meta"):
            return confirmed(f"'{tensor.path}' is on {tensor.device} in a model that was built for the CPU")
    if observation.status != "built":
        return unconfirmed(seen.not_built(observation))
    return unconfirmed("the line did not raise in this build")


def default_device_in_forward(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM502: forward on the accelerator raises at the finding's line over a tensor that it made itself."""
    forward = observation.forward
    if forward is None:
        return unconfirmed("forward was not tried")
    failure = forward.forward_made_clash or forward.device_failure
    if (
        failure is not None
        and _TWO_DEVICES.search(failure.message)
        and seen.on_any_line(diagnostic, seen.innermost(failure))
    ):
        return confirmed(f"forward on the accelerator {_in_mode(forward)}{seen.raised(failure)}")
    if failure is not None:
        return unconfirmed(
            f"forward on the accelerator {_in_mode(forward)}{seen.raised(failure)}, before the line or apart from it"
        )
    if forward.device_status == "ran":
        return unconfirmed("forward ran on the accelerator; this input may not reach the line")
    return unconfirmed(_no_device_run(observation))


def to_override(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM503: moved as a parent moves it (``_apply``), the instance leaves plain tensors behind."""
    candidates = seen.tensors_under(diagnostic, observation) or observation.tensors
    plain = [tensor for tensor in candidates if tensor.registration == "plain" and tensor.same_as is None]
    for tensor in plain:
        if tensor.follows_device is False:
            return confirmed(f"'{tensor.path}' is still on {tensor.device} after a parent's call moved the model")
    if plain and all(tensor.follows_device for tensor in plain):
        return refuted(f"'{plain[0].path}' moved with the model when a parent's call moved it")
    return unconfirmed("no plain tensor was seen to stay or to move")


def _in_mode(forward: ForwardObservation | None) -> str:
    return "in eval mode " if forward is not None and forward.clashes_in_eval else ""


def _made_later(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """Decide on an attribute that holds no tensor before the first forward."""
    forward = observation.forward
    attribute = next(iter(seen.names(diagnostic)), None)
    if forward is None or attribute not in forward.written_attributes:
        return unconfirmed(seen.not_held(diagnostic, "tensor"))
    for failure in (forward.forward_made_clash, forward.device_failure):
        if (
            failure is not None
            and _TWO_DEVICES.search(failure.message)
            and seen.on_related(diagnostic.related, seen.innermost(failure))
        ):
            return confirmed(f"forward makes '{attribute}', and on the accelerator {seen.raised(failure)}")
    return unconfirmed(f"forward makes '{attribute}'; {_no_device_run(observation)}")


def _left_behind(diagnostic: Diagnostic, observation: Observation, tensor: TensorObservation) -> Outcome:
    """Decide on one tensor that a finding says is not registered."""
    if tensor.registration != "plain" or tensor.same_as is not None:
        return _registered(diagnostic, observation, tensor)
    if tensor.follows_device:
        if tensor.in_state_dict or tensor.is_random is False:
            return refuted(f"'{tensor.path}' is a plain tensor, but moved with the model")
        return unconfirmed(f"'{tensor.path}' moved with the model; no reload was seen to change it")
    if tensor.follows_device is False:
        clash = _clash(diagnostic, observation, tensor)
        if clash is not None:
            return confirmed(
                f"'{tensor.path}' is on {tensor.device} after the model moved to the accelerator; "
                f"forward {_in_mode(observation.forward)}{seen.raised(clash)}"
            )
    if _is_lost_on_reload(observation, tensor):
        return confirmed(
            f"'{tensor.path}' is random and not in state_dict(): a model that loaded the state of another "
            "gave a different output"
        )
    if tensor.follows_device is None:
        return unconfirmed(f"'{tensor.path}' is a plain tensor; moving the model was not observed")
    left = f"'{tensor.path}' is on {tensor.device} after the model moved"
    forward = observation.forward
    if forward is not None and forward.device_failure is not None:
        return unconfirmed(f"forward on the accelerator {seen.raised(forward.device_failure)}", left)
    if forward is not None and forward.device_status == "ran":
        return unconfirmed(f"{left}, but forward ran on the accelerator", left)
    return unconfirmed(f"{left}; {_no_device_run(observation)}", left)


def _registered(diagnostic: Diagnostic, observation: Observation, tensor: TensorObservation) -> Outcome:
    if tensor.registration == "plain":
        return unconfirmed(f"'{tensor.path}' shares the storage of '{tensor.same_as}' in this build")
    if tensor.follows_device is False:
        return unconfirmed(f"'{tensor.path}' is a {tensor.registration} that did not move with the model")
    if not seen.was_bound_on_finding(diagnostic, observation):
        return unconfirmed(f"'{tensor.path}' is a {tensor.registration} in this build, bound by another statement")
    return refuted(f"'{tensor.path}' is a {tensor.registration} and moves with the model")


def _clash(diagnostic: Diagnostic, observation: Observation, tensor: TensorObservation) -> Failure | None:
    """The device error that is this tensor's.

    The error of a pass with this tensor alone left behind is its own wherever it is raised; that of a pass with all of
    them left behind must be raised on the finding's own related line.
    """
    if tensor.clash is not None and _TWO_DEVICES.search(tensor.clash.message):
        return tensor.clash
    failure = observation.forward.device_failure if observation.forward is not None else None
    if failure is None or not _TWO_DEVICES.search(failure.message):
        return None
    return failure if seen.on_related(diagnostic.related, seen.innermost(failure)) else None


def _is_lost_on_reload(observation: Observation, tensor: TensorObservation) -> bool:
    forward = observation.forward
    return (
        tensor.is_random is True
        and not tensor.in_state_dict
        and not tensor.changed_by_forward
        and tensor.read_in_forward is not False
        and forward is not None
        and forward.differs_after_reload is True
        and not forward.differs_between_calls
        and (not forward.lost_on_reload or tensor.path in forward.lost_on_reload)
    )


def _no_device_run(observation: Observation) -> str:
    gap = seen.forward_gap(observation)
    if gap is not None:
        return gap
    status = observation.forward.device_status if observation.forward is not None else None
    return f"forward on the accelerator was {status}" if status else "forward on the accelerator was not tried"


def _strongest(outcomes: list[Outcome]) -> Outcome:
    """A confirmation of any; a refutation only by all."""
    for outcome in outcomes:
        if outcome.verdict is Verdict.CONFIRMED:
            return outcome
    return next((outcome for outcome in outcomes if outcome.verdict is not Verdict.REFUTED), outcomes[0])

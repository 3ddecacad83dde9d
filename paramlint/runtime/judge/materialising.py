"""Judgements on what a state holds too little or too much of: ties, buffers that no state holds or a fresh model lacks."""

from __future__ import annotations

from paramlint.model.diagnostic import Diagnostic
from paramlint.model.observation import MaterialisedObservation, Observation
from paramlint.runtime.judge import seen
from paramlint.runtime.judge.outcome import Outcome, confirmed, refuted, unconfirmed


def lost_on_materialise(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM506: built on meta, materialised, initialised and loaded, the model is not what its constructor makes."""
    result = observation.materialised
    if result is None:
        return unconfirmed("a build on the meta device and its materialisation were not observed")
    if result.reason is not None:
        return unconfirmed(result.reason)
    wanted = seen.names(diagnostic)
    for first, second in result.lost_ties:
        if any(seen.is_under(path, attribute) for path in (first, second) for attribute in wanted):
            return confirmed(
                f"after {_steps(result)} '{first}' and '{second}' are two parameters; the constructor makes one"
            )
    for path in result.lost:
        if any(seen.is_under(path, attribute) for attribute in wanted):
            return confirmed(f"after {_steps(result)} '{path}' does not hold the value that the constructor gives it")
    for path in result.recast:
        if any(seen.is_under(path, attribute) for attribute in wanted):
            return confirmed(f"after .to(torch.float64){_own(result)} '{path}' has another dtype again")
    if not seen.tensors_under(diagnostic, observation):
        return unconfirmed(seen.not_held(diagnostic, "tensor"))
    return refuted(f"after {_steps(result)} '{diagnostic.attribute}' is as the constructor makes it")


def buffer_persistence(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM504: the state after forward does not load into a new model, for this buffer, or lacks this plain tensor."""
    forward = observation.forward
    gap = seen.forward_gap(observation)
    if gap is not None or forward is None:
        return unconfirmed(gap or "forward was not tried")
    held = seen.tensor_of(diagnostic, observation)
    if held is not None and held.registration == "plain" and not held.in_state_dict:
        if held.changed_by_forward and held.read_in_forward:
            return confirmed(f"forward changed '{held.path}', which it reads, and state_dict() does not hold it")
        return unconfirmed(f"forward was not seen to change '{held.path}' and to read it")
    if forward.unloadable is None:
        return unconfirmed("whether the state after forward loads into a new model was not tried")
    wanted = seen.names(diagnostic)
    if forward.loading_failure is not None and any(name in forward.unloadable for name in wanted):
        raised = seen.raised(forward.loading_failure)
        return confirmed(f"loading the state that the model has after forward into a new one {raised}")
    if (
        held is not None
        and forward.loading_failure is None
        and any(name in forward.written_attributes for name in wanted)
    ):
        return refuted(f"forward binds '{diagnostic.attribute}', and the state after it loads into a new model")
    return unconfirmed(f"'{diagnostic.attribute}' was not seen to change the state in this build")


def _steps(result: MaterialisedObservation) -> str:
    return f"a build on meta, to_empty(){_own(result)} and load_state_dict()"


def _own(result: MaterialisedObservation) -> str:
    return "".join(f", {name}()" for name in dict.fromkeys(path.rpartition(".")[2] for path in result.initialisers))

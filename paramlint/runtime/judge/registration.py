"""Judgements on what torch registers: parameters and modules that are lost, hidden, replaced or made in forward."""

from __future__ import annotations

from paramlint.model.diagnostic import Diagnostic
from paramlint.model.observation import Assignment, Creation, ModuleObservation, Observation, TensorObservation
from paramlint.runtime.judge import placement, seen
from paramlint.runtime.judge.outcome import Outcome, confirmed, refuted, unconfirmed

_NOWHERE = "is in neither parameters() nor state_dict()"

# torch/nn/modules/module.py, __setattr__ and register_parameter.
_REFUSED_PARAMETER = ("cannot assign", "Cannot assign")

# torch/autograd: an in-place operation on a leaf that asks for gradients.
_LEAF_IN_PLACE = "a leaf Variable that requires grad"


def unregistered_weight(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM102: the tensor asks for gradients, or forward reads it, and no ``parameters()`` holds it."""
    tensor = seen.tensor_of(diagnostic, observation)
    if tensor is None:
        return unconfirmed(seen.not_held(diagnostic, "tensor"))
    if tensor.registration == "parameter" or (tensor.is_parameter and tensor.same_as is not None):
        return _refuted_if_bound(diagnostic, observation, f"'{tensor.path}' is in parameters()")
    if tensor.registration != "plain" or tensor.same_as is not None:
        return unconfirmed(f"'{tensor.path}' is registered as a {tensor.registration} in this build")
    where = "parameters()" if tensor.in_state_dict else "parameters() nor state_dict()"
    lost = f"is not in {where}" if tensor.in_state_dict else f"is in neither {where}"
    if tensor.requires_grad:
        return confirmed(f"'{tensor.path}' ({seen.elements(tensor.elements)}) asks for gradients and {lost}")
    if tensor.read_in_forward:
        return confirmed(f"forward reads '{tensor.path}' ({seen.elements(tensor.elements)}), which {lost}")
    return unconfirmed(f"'{tensor.path}' asks for no gradients, and no forward pass was seen to read it")


def detached_parameter(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM103: what the attribute holds is no Parameter any more, or the in-place operation raised."""
    for where, failure in seen.failures(observation):
        if _LEAF_IN_PLACE in failure.message and seen.passes_finding(diagnostic, failure):
            return confirmed(f"{where} {seen.raised(failure)}")
    if observation.status != "built":
        return unconfirmed(seen.not_built(observation))
    tensor = seen.tensor_of(diagnostic, observation)
    if tensor is None:
        return unconfirmed(seen.not_held(diagnostic, "tensor"))
    if tensor.registration == "plain" and not tensor.is_parameter and tensor.same_as is None:
        kind = "a plain tensor" if tensor.is_leaf else "a non-leaf tensor"
        return confirmed(f"'{tensor.path}' is {kind} and {_NOWHERE}")
    # `.to(device)` gives back the same Parameter where nothing changes, as on a CPU.
    if tensor.registration_elsewhere in ("plain", "absent"):
        return confirmed(f"built where .to() and .cuda() really move, '{tensor.path}' is not in parameters()")
    if tensor.registration_elsewhere == "parameter":
        return _refuted_if_bound(
            diagnostic, observation, f"'{tensor.path}' is in parameters() even where .to() and .cuda() really move"
        )
    if tensor.registration == "parameter":
        return unconfirmed(f"'{tensor.path}' is a parameter in this build: the operation may have changed nothing here")
    return unconfirmed(f"'{tensor.path}' is a {tensor.registration} tensor in this build")


def parameter_in_container(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM104: parameters reached through the attribute are registered under no name."""
    parameters = [tensor for tensor in seen.tensors_under(diagnostic, observation) if tensor.is_parameter]
    return _hidden(diagnostic, parameters)


def module_in_container(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM105: modules with state reached through the attribute are not in ``modules()``."""
    modules = seen.modules_under(diagnostic, observation)
    if not modules:
        return unconfirmed(seen.not_held(diagnostic, "module"))
    hidden = [module for module in modules if not module.is_registered and _has_hidden_state(module, observation)]
    if hidden:
        first = hidden[0]
        rest = "" if len(hidden) == 1 else f"; so are {len(hidden) - 1} more under '{diagnostic.attribute}'"
        size = f", {seen.elements(first.elements)} of parameters" if first.elements else ""
        return confirmed(f"'{first.path}' ({_simple(first.class_name)}{size}) is not in modules(){rest}")
    if all(module.is_registered for module in modules):
        return refuted(f"all {len(modules)} modules under '{diagnostic.attribute}' are in modules()")
    return unconfirmed(f"the modules under '{diagnostic.attribute}' hold no state of their own in this build")


def state_in_helper_object(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM111: an ordinary object holds parameters or layers that the model does not register, or tensors as PRM110."""
    parameters = [
        tensor for tensor in seen.tensors_under(diagnostic, observation) if tensor.is_parameter or tensor.requires_grad
    ]
    modules = seen.modules_under(diagnostic, observation)
    if modules:
        return module_in_container(diagnostic, observation)
    if not parameters and seen.tensors_under(diagnostic, observation):
        return placement.tensor_in_container(diagnostic, observation)
    if not parameters:
        return unconfirmed(seen.not_held(diagnostic, "parameter or module"))
    return _hidden(diagnostic, parameters)


def parameter_as_buffer(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM106: the Parameter is in ``buffers()``, so no optimiser sees it."""
    tensor = seen.tensor_of(diagnostic, observation)
    if tensor is None:
        return unconfirmed(seen.not_held(diagnostic, "tensor"))
    if tensor.registration in seen.BUFFERS and (tensor.is_parameter or tensor.requires_grad):
        kind = "a Parameter" if tensor.is_parameter else "a tensor that asks for gradients"
        return confirmed(f"'{tensor.path}' is {kind}, and is in buffers() and not in parameters()")
    if tensor.registration == "parameter" or tensor.registration in seen.BUFFERS:
        kind = "in parameters()" if tensor.registration == "parameter" else "a buffer that is no Parameter"
        return _refuted_if_bound(diagnostic, observation, f"'{tensor.path}' is {kind}")
    return unconfirmed(f"'{tensor.path}' is a plain tensor in this build")


def tensor_over_parameter(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM107: torch refused the assignment."""
    last_names = {name.rsplit(".", 1)[-1] for name in seen.names(diagnostic)}
    for assignment in observation.assignments:
        if assignment.attribute not in last_names or assignment.raised is None:
            continue
        if seen.on_any_line(diagnostic, assignment.place) and _is_refusal(assignment.raised):
            when = "construction" if assignment.when == "construction" else "forward"
            message = " ".join(assignment.raised.split())
            return confirmed(f'{when} raised "{message}"{seen.at(assignment.place)}')
    for where, failure in seen.failures(observation):
        if _is_refusal(failure.message) and seen.passes_finding(diagnostic, failure):
            return confirmed(f"{where} {seen.raised(failure)}")
    if observation.status != "built":
        return unconfirmed(seen.not_built(observation))
    if any(
        assignment.attribute in last_names
        and assignment.raised is None
        and assignment.place is not None
        and seen.on_finding(diagnostic, assignment.place)
        for assignment in observation.assignments
    ):
        return refuted(f"'{diagnostic.attribute}' was bound at line {diagnostic.span.line} without an error")
    gap = seen.forward_gap(observation)
    return unconfirmed("the assignment was not reached" + (f": {gap}" if gap else " in this build"))


def parameter_created_in_forward(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM108: a Parameter came into being at the line during a forward pass, or a plain tensor in its place."""
    forward = observation.forward
    if forward is not None and diagnostic.attribute in forward.written_attributes:
        if not any(_is_parameter(creation) for creation in forward.creations):
            evidence = f"forward binds '{diagnostic.attribute}' to a new tensor, which is in no parameters()"
            if diagnostic.attribute in forward.left_zero:
                return confirmed(f"{evidence} and holds nothing but zeros after the passes")
            return unconfirmed("that it stays at zero was not observed", evidence)
    return _created(diagnostic, observation, is_parameter=True)


def module_created_in_forward(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM109: a Module came into being at the line during a forward pass."""
    return _created(diagnostic, observation, is_parameter=False)


def shadowed_registration(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM113: torch refused to register a name that is taken."""
    for where, failure in seen.failures(observation):
        if failure.type == "KeyError" and seen.passes_finding(diagnostic, failure):
            return confirmed(f"{where} {seen.raised(failure)}")
    if observation.status != "built":
        return unconfirmed(seen.not_built(observation))
    return unconfirmed("the registration did not raise; which of the two objects forward uses was not observed")


def broken_tie(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM114: both names hold a parameter of their own, or do after the initialisation that the finding relates to."""
    parameters = [item for item in seen.tensors_under(diagnostic, observation) if item.registration == "parameter"]
    if not parameters:
        return unconfirmed(seen.not_held(diagnostic, "parameter"))
    first_of = {item.same_as for item in observation.tensors if item.registration == "parameter"}
    alone = [item for item in parameters if item.same_as is None and item.path not in first_of]
    if alone:
        return confirmed(f"'{alone[0].path}' is a parameter of its own: parameters() holds it beside every other")
    materialised = observation.materialised if diagnostic.related else None
    for first, second in materialised.lost_ties if materialised is not None else ():
        if any(item.path in (first, second) for item in parameters):
            return confirmed(f"after a build on meta and to_empty() '{first}' and '{second}' are two parameters")
    shared = parameters[0]
    return unconfirmed(f"'{shared.path}' is one parameter under more than one name when built")


def graph_tensor_attribute(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM505: after a forward pass the attribute holds a tensor that is part of a graph."""
    forward = observation.forward
    wanted = seen.names(diagnostic)
    kept = forward.graph_tensors if forward is not None else ()
    for path in kept:
        if any(seen.is_under(path, attribute) for attribute in wanted):
            failures = (("copy.deepcopy", observation.deepcopy_failure), ("pickle", observation.pickle_failure))
            told = "".join(f"; {name} {seen.raised(failure)}" for name, failure in failures if failure is not None)
            return confirmed(f"after forward '{path}' holds a tensor with a gradient function{told}")
    gap = seen.forward_gap(observation)
    if gap is not None or forward is None:
        return unconfirmed(gap or "forward was not tried")
    if any(seen.is_under(path, attribute) for path in forward.written_attributes for attribute in wanted):
        return refuted(f"forward binds '{diagnostic.attribute}' to a tensor without a gradient function")
    return unconfirmed(f"forward ran and did not bind '{diagnostic.attribute}'")


def _hidden(diagnostic: Diagnostic, parameters: list[TensorObservation]) -> Outcome:
    if not parameters:
        return unconfirmed(seen.not_held(diagnostic, "parameter"))
    hidden = [tensor for tensor in parameters if tensor.registration == "plain" and tensor.same_as is None]
    if hidden:
        count = "" if len(parameters) == 1 else f" ({len(hidden)} of {len(parameters)} under '{diagnostic.attribute}')"
        return confirmed(f"'{hidden[0].path}' {_NOWHERE}{count}")
    return refuted(f"all {len(parameters)} parameters under '{diagnostic.attribute}' are in parameters()")


def _has_hidden_state(module: ModuleObservation, observation: Observation) -> bool:
    """Whether a tensor of a hidden module is registered nowhere; the module's own word where none was listed."""
    inside = [tensor for tensor in observation.tensors if seen.is_under(tensor.path, module.path)]
    if inside:
        return any(tensor.registration == "plain" and tensor.same_as is None for tensor in inside)
    return module.has_state


def _created(diagnostic: Diagnostic, observation: Observation, *, is_parameter: bool) -> Outcome:
    forward = observation.forward
    if forward is None:
        return unconfirmed("forward was not tried")
    made = [
        creation
        for creation in forward.creations
        if seen.on_any_line(diagnostic, creation.place) and _is_parameter(creation) == is_parameter
    ]
    if made:
        first = made[0]
        how_often = "in every pass" if first.passes > 1 else "in its first pass"
        stored = f" and kept it as '{first.stored_as}'" if first.stored_as is not None else ""
        return confirmed(f"forward made a new {_simple(first.class_name)} {how_often}{seen.at(first.place)}{stored}")
    gap = seen.forward_gap(observation)
    if gap is not None:
        return unconfirmed(gap)
    if any(
        assignment.when == "construction" and seen.on_finding(diagnostic, assignment.place)
        for assignment in _assignments_here(diagnostic, observation)
    ):
        return refuted(f"line {diagnostic.span.line} ran during construction, and forward made nothing there")
    return unconfirmed("forward ran and made nothing at the line; this input may not reach it")


def _assignments_here(diagnostic: Diagnostic, observation: Observation) -> tuple[Assignment, ...]:
    """The bindings of the finding's attribute, or all of them where the finding names none."""
    if diagnostic.attribute is None:
        return observation.assignments
    return seen.assignments_of(diagnostic, observation)


def _is_parameter(creation: Creation) -> bool:
    return _simple(creation.class_name) in ("Parameter", "UninitializedParameter")


def _is_refusal(message: str) -> bool:
    """Whether torch refused a value for a parameter's name (and not for want of a base constructor)."""
    return any(start in message for start in _REFUSED_PARAMETER) and "before Module.__init__" not in message


def _refuted_if_bound(diagnostic: Diagnostic, observation: Observation, evidence: str) -> Outcome:
    if seen.was_bound_on_finding(diagnostic, observation):
        return refuted(evidence)
    return unconfirmed(f"{evidence} in this build, bound by another statement")


def _simple(class_name: str) -> str:
    return class_name.rsplit(".", 1)[-1]

"""What a model holds and does not register: parameters and layers in containers and helpers, lost and in forward made."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.model.observation import ModuleObservation, Observation, TensorObservation
from paramlint.model.surroundings import Surroundings
from paramlint.runtime.judge import seen
from paramlint.runtime.reveal.revelation import Revelation

_NOWHERE = "is in neither parameters() nor state_dict()"


def reveal(observation: Observation, surroundings: Surroundings) -> Iterator[Revelation]:
    """Yield what registration lacks; what forward ran without is left alone, for it may be there for another's use."""
    yield from _hidden_modules(observation, surroundings)
    yield from _plain_tensors(observation, surroundings)
    for tensor in observation.tensors:
        if tensor.registration in seen.BUFFERS and (tensor.is_parameter or (tensor.requires_grad and tensor.is_leaf)):
            kind = "a Parameter" if tensor.is_parameter else "a tensor that asks for gradients"
            yield Revelation(
                "PRM106",
                tensor.owner_class,
                tensor.attribute,
                tensor.place,
                f"'{tensor.attribute}' is {kind} and registered as a buffer: it is saved, and no optimiser gets it",
                f"'{tensor.path}' is {kind}, and is in buffers() and not in parameters()",
            )
    yield from _made_in_forward(observation)


def registered_owners(observation: Observation) -> frozenset[str]:
    """Paths of the Modules that ``modules()`` yields."""
    return frozenset(("", *(module.path for module in observation.modules if module.is_registered)))


def step_beyond(path: str, owner: str, attribute: str) -> str:
    """What leads from the attribute to the thing: "" for itself, ``[0]``, ``.helper``."""
    return path[len(f"{owner}.{attribute}" if owner else attribute) :]


def _is_container(step: str) -> bool:
    return step.startswith(("[", "{")) and "." not in step


def _hidden_modules(observation: Observation, surroundings: Surroundings) -> Iterator[Revelation]:
    owners = registered_owners(observation)
    places = dict(surroundings.made)
    for module in observation.modules:
        if module.is_registered or module.owner not in owners:
            continue
        attribute = f"{module.owner}.{module.attribute}" if module.owner else module.attribute
        step = step_beyond(module.path, module.owner, module.attribute)
        inside = _parts(observation, module)
        if not inside or not _is_used(observation, inside):
            continue
        made = places.get(module.path)
        name = module.class_name.rsplit(".", 1)[-1]
        # A Module that is an attribute itself and not registered was put there around Module.__setattr__.
        if not step or attribute in surroundings.single:
            continue
        size = f", {seen.elements(module.elements)} of parameters" if module.elements else ""
        if _is_container(step):
            yield Revelation(
                "PRM105",
                module.owner_class,
                module.attribute,
                module.place,
                f"'{module.attribute}' holds modules in a container that Module does not look into: they are not in "
                "parameters(), and .to(), train() and state_dict() pass them by",
                f"'{module.path}' ({name}{size}) is not in modules()",
                ((made, f"'{name}' is made here"),) if made is not None else (),
            )
        elif _has_run(observation):
            yield Revelation(
                "PRM111",
                module.owner_class,
                module.attribute,
                module.place,
                f"'{module.attribute}' is an ordinary object that holds layers: they are not in parameters(), and "
                ".to(), train() and state_dict() pass them by",
                f"forward reads '{module.path}' ({name}{size}), which is not in modules()",
                ((made, f"'{name}' is made here"),) if made is not None else (),
            )


def _plain_tensors(observation: Observation, surroundings: Surroundings) -> Iterator[Revelation]:
    owners = registered_owners(observation)
    for tensor in observation.tensors:
        if tensor.registration != "plain" or tensor.same_as is not None or tensor.owner not in owners:
            continue
        step = step_beyond(tensor.path, tensor.owner, tensor.attribute)
        attribute = f"{tensor.owner}.{tensor.attribute}" if tensor.owner else tensor.attribute
        size = seen.elements(tensor.elements)
        if tensor.path in surroundings.detached and not step and not tensor.changed_by_forward:
            yield Revelation(
                "PRM103",
                tensor.owner_class,
                tensor.attribute,
                tensor.place,
                f"'{tensor.attribute}' is computed from a Parameter and is none itself: it is not in parameters(), "
                "and no optimiser gets it",
                f"'{tensor.path}' is a non-leaf tensor and {_NOWHERE}",
            )
        elif not (tensor.requires_grad and tensor.is_leaf) or not _is_used(observation, [tensor]):
            continue
        elif tensor.is_parameter and _is_container(step) and attribute not in surroundings.single:
            yield Revelation(
                "PRM104",
                tensor.owner_class,
                tensor.attribute,
                tensor.place,
                f"'{tensor.attribute}' holds parameters in a container that Module does not look into: they are not in "
                "parameters(), so no optimiser gets them",
                f"'{tensor.path}' ({size}) {_NOWHERE}",
            )
        elif tensor.is_parameter and step.startswith(".") and _has_run(observation):
            yield Revelation(
                "PRM111",
                tensor.owner_class,
                tensor.attribute,
                tensor.place,
                f"'{tensor.attribute}' is an ordinary object that holds parameters: no optimiser gets them, and "
                ".to() and state_dict() pass them by",
                f"forward reads '{tensor.path}' ({size}), which {_NOWHERE}",
            )
        elif not tensor.is_parameter and not step:
            ran = _has_run(observation)
            yield Revelation(
                "PRM102",
                tensor.owner_class,
                tensor.attribute,
                tensor.place,
                f"'{tensor.attribute}' asks for gradients and is a plain tensor: it is not in parameters(), so no "
                "optimiser gets it",
                f"{'forward reads' if ran else 'the model holds'} '{tensor.path}' ({size}), which {_NOWHERE}",
                reason=None if ran else "no forward pass was seen to read it",
            )


def _parts(observation: Observation, module: ModuleObservation) -> list[TensorObservation]:
    return [
        tensor
        for tensor in observation.tensors
        if seen.is_under(tensor.path, module.path) and tensor.registration == "plain" and tensor.same_as is None
    ]


def _has_run(observation: Observation) -> bool:
    return observation.forward is not None and observation.forward.status == "ran"


def _is_used(observation: Observation, tensors: list[TensorObservation]) -> bool:
    """Whether forward read one of the tensors; True where no forward was seen, for then nothing speaks against it."""
    return not _has_run(observation) or any(tensor.read_in_forward for tensor in tensors)


def _made_in_forward(observation: Observation) -> Iterator[Revelation]:
    """What a pass made, left without values of the user's, and nothing kept: the next pass makes another."""
    for creation in observation.forward.creations if observation.forward is not None else ():
        place = creation.place
        if place is None or creation.stored_as is not None or creation.is_rewritten or not creation.has_state:
            continue
        name = creation.class_name.rsplit(".", 1)[-1]
        how_often = "in every pass" if creation.passes > 1 else "in the pass that was watched"
        is_parameter = name in ("Parameter", "UninitializedParameter")
        yield Revelation(
            "PRM108" if is_parameter else "PRM109",
            observation.class_name,
            None,
            place,
            f"{name} is built in forward: "
            + ("it is" if is_parameter else "its weights are")
            + " new in every call and never trained",
            f"forward made a new {name} {how_often}{seen.at(place)}, and the model does not hold it afterwards",
        )

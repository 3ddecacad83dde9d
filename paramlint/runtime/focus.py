"""A part of what was observed, seen as if it had been built alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from paramlint.model.observation import ForwardObservation, Observation


def focused(observation: Observation, class_name: str) -> Observation | None:
    """Return what was seen of the first submodule of a class inside a larger instance: see ``instances``."""
    return next(instances(observation, class_name), None)


def instances(observation: Observation, class_name: str) -> Iterator[Observation]:
    """Yield what was seen of each Module of a class, the observed one itself or a part of it, paths starting from it.

    ``class_name`` is the qualified name with its module. Registration stays that with regard to the whole. Of a forward
    pass is told what concerns a part that the pass called. Nothing where the whole was not built.
    """
    if observation.status != "built":
        return
    held = [(tensor.owner, tensor.owner_class) for tensor in observation.tensors]
    held += [(module.owner, module.owner_class) for module in observation.modules]
    held += [(module.path, module.class_name) for module in observation.modules]
    for prefix in dict.fromkeys(owner for owner, owner_class in held if _names(owner_class, class_name)):
        yield _inside(observation, class_name, prefix) if prefix else observation


def _inside(observation: Observation, class_name: str, prefix: str) -> Observation:
    step = len(prefix) + 1
    forward = observation.forward
    return observation._replace(
        class_name=class_name,
        within=prefix,
        tensors=tuple(
            tensor._replace(path=tensor.path[step:], owner=tensor.owner[step:])
            for tensor in observation.tensors
            if _is_at_or_under(tensor.owner, prefix)
        ),
        modules=tuple(
            module._replace(path=module.path[step:], owner=module.owner[step:])
            for module in observation.modules
            if _is_at_or_under(module.owner, prefix)
        ),
        assignments=tuple(
            assignment._replace(owner=assignment.owner[step:])
            for assignment in observation.assignments
            if _is_at_or_under(assignment.owner, prefix)
        ),
        writes=tuple(
            write._replace(target=write.target[step:])
            for write in observation.writes
            if write.target.startswith(f"{prefix}.")
        ),
        forward=_forward_inside(forward, prefix) if forward is not None and prefix in forward.called else None,
        materialised=None,
    )


def _forward_inside(forward: ForwardObservation, prefix: str) -> ForwardObservation:
    """What a pass of the whole tells of a part that it called; what the whole returned tells nothing."""

    def below(paths: Iterable[str]) -> tuple[str, ...]:
        return tuple(path[len(prefix) + 1 :] for path in paths if path.startswith(f"{prefix}."))

    return forward._replace(
        recipe=None,
        creations=tuple(
            creation._replace(stored_as=creation.stored_as.removeprefix(f"{prefix}."))
            if creation.stored_as
            else creation
            for creation in forward.creations
        ),
        written_attributes=below(forward.written_attributes),
        graph_tensors=below(forward.graph_tensors),
        left_zero=below(forward.left_zero),
        differs_between_calls=None,
        differs_after_reload=None,
        lost_on_reload=(),
        without_gradient=None if forward.without_gradient is None else below(forward.without_gradient),
        zero_gradient=below(forward.zero_gradient),
        loading_failure=None,
        unloadable=None,
        called=("", *below(forward.called)),
    )


def _is_at_or_under(owner: str, prefix: str) -> bool:
    return owner == prefix or owner.startswith(f"{prefix}.")


def _names(owner_class: str, class_name: str) -> bool:
    """Whether two dotted names can be the same class: the module may be imported by a shorter name."""
    return owner_class == class_name or class_name.endswith(f".{owner_class}") or owner_class.endswith(f".{class_name}")

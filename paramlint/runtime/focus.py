"""A part of what was observed, seen as if it had been built alone."""

from __future__ import annotations

from paramlint.model.observation import Observation


def focused(observation: Observation, class_name: str) -> Observation | None:
    """Return what was seen of the first submodule of a class inside a larger instance, paths starting from it.

    ``class_name`` is the qualified name with its module. Registration stays that with regard to the whole. None where
    the larger instance was not built, or holds no tensor of such a submodule.
    """
    owners = [tensor.owner for tensor in observation.tensors if _names(tensor.owner_class, class_name)]
    if observation.status != "built" or not owners:
        return None
    prefix = owners[0]
    step = len(prefix) + 1 if prefix else 0
    return observation._replace(
        class_name=class_name,
        within=prefix,
        tensors=tuple(
            tensor._replace(path=tensor.path[step:], owner=tensor.owner[step:])
            for tensor in observation.tensors
            if _is_inside(tensor.owner, prefix)
        ),
        modules=tuple(
            module._replace(path=module.path[step:], owner=module.owner[step:])
            for module in observation.modules
            if _is_inside(module.owner, prefix)
        ),
        assignments=tuple(
            assignment._replace(owner=assignment.owner[step:])
            for assignment in observation.assignments
            if _is_inside(assignment.owner, prefix)
        ),
        writes=tuple(
            write._replace(target=write.target[step:])
            for write in observation.writes
            if not prefix or write.target.startswith(f"{prefix}.")
        ),
        forward=None,
    )


def _is_inside(owner: str, prefix: str) -> bool:
    return not prefix or owner == prefix or owner.startswith(f"{prefix}.")


def _names(owner_class: str, class_name: str) -> bool:
    """Whether two dotted names can be the same class: the module may be imported by a shorter name."""
    return owner_class == class_name or class_name.endswith(f".{owner_class}") or owner_class.endswith(f".{class_name}")

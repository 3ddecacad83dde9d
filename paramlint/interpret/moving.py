"""What the attributes of a model are once it has been moved: what follows, what stays, and what is not known to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from paramlint.interpret.hierarchy import MOVERS, describe, own_methods
from paramlint.interpret.instances import may_be
from paramlint.interpret.receivers import objects_with
from paramlint.interpret.scan import nodes, self_attribute
from paramlint.interpret.sets import names_set_on_others
from paramlint.interpret.slots import Registration
from paramlint.interpret.values import Binding, Container, Device, Instance, Placement, Tensor, Value
from paramlint.model import code
from paramlint.project.classes import LinkedClass
from paramlint.project.definitions import SourceModule
from paramlint.project.project import Project


def settle(project: Project, root: Instance, linked: LinkedClass) -> None:
    """Let registered tensors follow the model; what the class itself moves elsewhere is not pinned either."""
    buffers: dict[int, Placement] = {}
    for instance, binding_name, value in _reachable(root):
        binding = instance.bindings[binding_name]
        if isinstance(value, Tensor) and instance.is_module:
            if binding.registration is Registration.BUFFER:
                buffers.setdefault(id(value), value.placement)
            if binding.registration in (Registration.PARAMETER, Registration.BUFFER):
                value.placement = Placement.MODEL
            elif binding.registration is Registration.UNKNOWN and value.is_parameter:
                value.placement = Placement.UNKNOWN  # under the name that it was registered by, something else may be
    for name, binding in root.bindings.items():
        if binding.registration is Registration.OTHER:
            binding.value = _left_behind(binding.value, name, buffers)
    moved = _moved_by_class(project, linked)
    for name, binding in root.bindings.items():
        if moved is None or name in moved:
            for tensor in _tensors_in(binding.value):
                if tensor.placement is not Placement.MODEL:
                    tensor.placement = Placement.UNKNOWN
        elif isinstance(binding.value, Device) and _is_told(project, linked, name, binding):
            binding.value = Device(Placement.UNKNOWN)
        elif (
            isinstance(binding.value, Tensor) and binding.value.placement.is_pinned and _is_given(project, linked, name)
        ):
            binding.value.placement = Placement.UNKNOWN


def _is_told(project: Project, linked: LinkedClass, name: str, binding: Binding) -> bool:
    """Whether a method by which construction does not bind an attribute does so when it is asked to (``set_device``).

    It may do so through a function beside the class or one of its bases, which is handed the instance.
    """
    if any(name in project.scanned(names_set_on_others, base.module) for base in linked.sources):
        return True
    return any(
        function.name != "__init__"
        and name in project.scanned(describe, function).assigns
        and not any(getattr(node, "span", None) == binding.place.span for node in nodes(function.body))
        for _, function in own_methods(linked)
    )


def _is_given(project: Project, linked: LinkedClass, name: str) -> bool:
    """Whether an owner beside the class puts a tensor of its own under a name of the part (``self.func.z = z``)."""
    module = linked.definition.module
    if name not in project.scanned(names_set_on_others, module):
        return False
    targets = _targets_on_others(module)
    return any(
        id(node) in targets and described.holder is not None and may_be(project, linked, module, described)
        for statement in module.facts.body
        for node, described in objects_with(statement, name)
    )


def _targets_on_others(module: SourceModule) -> frozenset[int]:
    """Which of a file's nodes, by identity, are attributes of something else than ``self`` that an assignment binds."""
    return frozenset(
        id(target)
        for node in nodes(module.facts.body)
        for target in (node.targets if isinstance(node, code.Assign) else ())
        if isinstance(target, code.Attribute) and self_attribute(target) is None
    )


def _left_behind(value: Value, name: str, buffers: Mapping[int, Placement], depth: int = 0) -> Value:
    """What a plain attribute holds once the model has moved: ``_apply`` puts new tensors into the buffers' slots.

    A Parameter stays the object that it was (``torch.__future__.set_overwrite_module_params_on_conversion`` is off).
    """
    if isinstance(value, Tensor) and id(value) in buffers:
        return replace(value, placement=buffers[id(value)], is_registered=False, ancestor=value, lost=None, home=name)
    if isinstance(value, Container) and depth < 4:
        items = [_left_behind(item, name, buffers, depth + 1) for item in value.items]
        if any(after is not before for after, before in zip(items, value.items, strict=True)):
            return replace(value, items=items)
    return value


def _moved_by_class(project: Project, linked: LinkedClass) -> set[str] | None:
    """The attributes that methods other than the constructor and forward convert; None: ``_apply`` moves all.

    What an override of ``to`` moves is not among them: a parent's call does not come by it.
    """
    moved: set[str] = set()
    for _owner, function in own_methods(linked):
        if function.name == "_apply":
            return None
        if function.name not in ("__init__", "forward", *MOVERS):
            moved |= project.scanned(_converted, function)
    return moved


def _converted(function: code.Function) -> set[str]:
    """The attributes that a method rebinds to a converted form of themselves."""
    found: set[str] = set()
    for node in nodes(function.body):
        if isinstance(node, code.Assign) and isinstance(node.value, code.Call):
            function_node = node.value.function
            if isinstance(function_node, code.Attribute) and function_node.name in ("to", "cuda", "cpu", "type_as"):
                found |= {name for target in node.targets if (name := self_attribute(target)) is not None}
    return found


def _tensors_in(value: Value, depth: int = 0) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Container) and depth < 4:
        for item in value.items:
            yield from _tensors_in(item, depth + 1)
    elif isinstance(value, Instance) and not value.is_module and depth < 4:
        for binding in value.bindings.values():
            yield from _tensors_in(binding.value, depth + 1)


def _reachable(root: Instance) -> Iterator[tuple[Instance, str, Value]]:
    """Every attribute of every object reachable from an instance."""
    seen: set[int] = set()
    stack: list[Value] = [root]
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Instance):
            for name, binding in value.bindings.items():
                yield value, name, binding.value
                stack.append(binding.value)
        elif isinstance(value, Container):
            stack.extend(value.items)

"""Classes of a project that share a name, as the copy of a model does that is there to be exported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramlint.interpret.instances import is_named_in, modules_with
from paramlint.interpret.scan import nodes, self_attribute
from paramlint.model import code

if TYPE_CHECKING:
    from paramlint.project.definitions import ClassDefinition, SourceModule
    from paramlint.project.project import Project


def is_copied_for_export(project: Project, own: ClassDefinition, attribute: str) -> bool:
    """Whether a class is exported to ONNX, and one of the same name elsewhere reads an attribute.

    The exported one takes the checkpoints of the other, and so has its layers; nobody trains it. Raises TooManyFiles.
    """
    named = modules_with(project, own.module, own.node.name)
    is_read_by_twin = any(
        module.path != own.module.path and any(_reads(other, own.node.name, attribute) for other in module.facts.body)
        for module in named
    )
    return is_read_by_twin and any(
        project.scanned(_exports, module) and is_named_in(project, module, own) for module in named
    )


def _exports(module: SourceModule) -> bool:
    """Whether a file calls ``torch.onnx.export``."""
    return any(
        isinstance(node, code.Call)
        and isinstance(node.function, code.Attribute)
        and node.function.name == "export"
        and getattr(node.function.value, "name", getattr(node.function.value, "identifier", "")) == "onnx"
        for node in nodes(module.facts.body)
    )


def _reads(statement: code.Statement, name: str, attribute: str) -> bool:
    """Whether a statement is a class of that name in which a method other than the constructor reads an attribute."""
    return (
        isinstance(statement, code.Class)
        and statement.name == name
        and any(
            self_attribute(node) == attribute
            for method in statement.body
            if isinstance(method, code.Function) and method.name != "__init__"
            for node in nodes(method.body)
        )
    )

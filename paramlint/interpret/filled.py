"""Whether code beside a class fills its containers by hand: ``model.weights[i] = state[name]``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from paramlint.interpret.instances import TooManyFiles, modules_with
from paramlint.interpret.scan import leaves, nodes, self_attribute
from paramlint.model import code

if TYPE_CHECKING:
    from paramlint.project.definitions import SourceModule
    from paramlint.project.project import Project

# Of what torch's own layers call so, the rows of a tensor are set.
_OF_LAYERS = frozenset({"weight", "bias"})


def is_filled_elsewhere(project: Project, own: SourceModule, attribute: str) -> bool:
    """Whether code of the project binds elements of an attribute of that name, of something other than ``self``.

    A name that stands in too many files is one of many containers: there only the class's own file counts.
    """
    if attribute in _OF_LAYERS:
        return False
    try:
        modules = modules_with(project, own, attribute)
    except TooManyFiles:
        modules = [own]
    return any(attribute in project.scanned(elements_set_on_others, module) for module in modules)


def elements_set_on_others(module: SourceModule) -> frozenset[str]:
    """The names of attributes, of something other than ``self``, of which a file binds elements.

    ``x.name[i].data = y`` leaves the element where it is.
    """
    return frozenset(
        inner.value.name
        for node in nodes(module.facts.body)
        for target in (node.targets if isinstance(node, code.Assign) else ())
        for leaf in leaves(target)
        for inner in _indexed(leaf)
        if isinstance(inner.value, code.Attribute) and self_attribute(inner.value) is None
    )


def _indexed(target: code.Expression) -> Iterator[code.Subscript]:
    """What is indexed to come to the place that is bound: ``x.name[i]`` and ``x.name[i][j]`` of ``x.name[i][j] = y``."""
    while isinstance(target, code.Subscript):
        yield target
        target = target.value

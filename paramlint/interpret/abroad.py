"""Functions of other files that are under way: whose decisions theirs are, and which call leads to them."""

from __future__ import annotations

from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.slots import Place
from paramlint.interpret.values import Closure
from paramlint.model.code import Span


def is_abroad(machine: Machine, closure: Closure) -> bool:
    """Whether a function is of another file, or a method of a Module class that the root does not inherit from.

    So is what they call, but for a method of the root that its own file overrides: there the root decides again.
    """
    root, owner = machine.root, closure.owner
    if root is None or root.linked is None:
        return False
    if closure.module.path != root.linked.definition.module.path:
        return True
    if owner is not None and closure.bound is root and owner.definition in root.linked.mro:
        return False
    return machine.abroad or (owner is not None and owner.is_module is True and owner.definition not in root.linked.mro)


def reached(machine: Machine, frame: Frame, closure: Closure, span: Span) -> Place | None:
    """The call in the root's own file that leads to a function of another file; None if a method is on the way.

    What methods make is told of their own classes, in whose files they stand.
    """
    root = machine.root
    if root is None or root.linked is None or closure.owner is not None:
        return None
    path = root.linked.definition.module.path
    if closure.module.path == path:
        return None
    return frame.place(span) if frame.module.path == path else machine.reached

"""Uses of a list or dict that torch's own containers do not support."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint import torch_api
from paramlint.fixes.site import Site, Spot, class_spots, is_self_attribute
from paramlint.interpret.scan import nodes
from paramlint.model import code


def unsupported_use(site: Site, kind: str) -> str | None:
    """A use, anywhere in the class, for which the container of torch cannot stand in, in a few words; None without one."""
    for spot in class_spots(site):
        for node, parent in _uses(spot, site.name):
            problem = _problem(node, parent, kind)
            if problem is not None:
                return f"line {node.span.line} {problem}"
        for call in _taking(spot, site.name) if kind == "ParameterList" else ():
            name = site.refers(call.function, spot) or ""
            if name in torch_api.functions and not name.startswith("torch.nn.utils."):
                return f"line {call.span.line} gives it to {name}, which takes lists and tuples alone"
    return None


def _taking(spot: Spot, name: str) -> Iterator[code.Call]:
    """The calls in a statement that take ``self.name``, or a slice of it, as it is."""
    for node in nodes(spot.statement):
        for argument in node.arguments if isinstance(node, code.Call) else ():
            value = argument.value
            while isinstance(value, code.Subscript) and isinstance(value.index, code.Slice):
                value = value.value
            if not argument.star and is_self_attribute(value, spot.function, name):
                assert isinstance(node, code.Call)
                yield node


def _problem(node: code.Attribute, parent: object, kind: str) -> str | None:
    if isinstance(parent, code.Attribute):
        if torch_api.external_member(f"torch.nn.{kind}", parent.name) is not True:
            return f"uses '{parent.name}', which it does not have"
        if kind == "ParameterList" and parent.name in ("insert", "pop"):
            return f"uses '{parent.name}', which it does not have"
    elif isinstance(parent, code.BinaryOperation):
        if kind != "ModuleList" or parent.operator != "+" or parent.left != node:
            return f"uses '{parent.operator}', which it does not have"
        if not _is_of_layers(parent.right, node.value):
            return "adds what may hold other things than modules"
    elif isinstance(parent, code.Comparison) and parent.operators not in (("in",), ("not in",), ("is",), ("is not",)):
        return "compares it"
    elif isinstance(parent, code.Call) and parent.function == node:
        return "calls it, which no container can be"
    elif isinstance(parent, code.Call) and isinstance(parent.function, code.Name):
        if parent.function.identifier in ("isinstance", "sorted", "set", "str", "repr"):
            return f"calls {parent.function.identifier}() on it"
    elif (
        isinstance(parent, code.AugmentedAssign)
        and parent.target == node
        and (parent.operator != "+" or "Dict" in kind)
    ):
        return f"uses '{parent.operator}=', which it does not have"
    return None


def _is_of_layers(value: code.Expression, owner: code.Expression) -> bool:
    """Whether a list of calls and of attributes of the instance is written out."""
    elements = value.elements if isinstance(value, code.Display) and value.kind == "list" else (value,)
    return all(
        isinstance(item, code.Call)
        or (
            isinstance(item, code.Attribute)
            and getattr(item.value, "identifier", owner) == getattr(owner, "identifier", None)
        )
        for item in elements
    )


def _uses(spot: Spot, name: str) -> Iterator[tuple[code.Attribute, object]]:
    """The reads of ``self.name`` in a statement's own expressions, each with the node around it."""
    statement = spot.statement
    roots: list[object] = [statement]
    if not hasattr(statement, "span") or isinstance(statement, (code.Function, code.Class)):
        roots = [getattr(statement, field, ()) for field in ("test", "iterable", "subject", "items")]
    for root in roots:
        for parent in nodes(root):
            children = parent if isinstance(parent, tuple) else ()
            for child in _direct(children):
                if isinstance(child, code.Attribute) and is_self_attribute(child, spot.function, name):
                    yield child, parent


def _direct(parent: tuple[object, ...]) -> Iterator[object]:
    for child in parent:
        if isinstance(child, code.Argument):
            yield child.value
        elif isinstance(child, tuple) and not hasattr(child, "_fields"):
            yield from _direct(child)
        else:
            yield child

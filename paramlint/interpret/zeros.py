"""Attributes that the text of a class never gives anything but zeros, and multiplies with."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.hierarchy import own_methods
from paramlint.interpret.scan import nodes, self_attribute
from paramlint.interpret.slots import Place
from paramlint.interpret.trace import ZeroFactor
from paramlint.model import code
from paramlint.project.classes import LinkedClass

_FACTORIES = frozenset({"zeros", "zeros_like", "new_zeros"})
_CONVERSIONS = frozenset({"cuda", "cpu", "to", "type_as", "float", "half", "double", "contiguous", "requires_grad_"})
_PRODUCTS = frozenset({"*", "@"})
_ABOUT = frozenset({"shape", "size", "dim", "ndim", "device", "dtype", "numel"})


class _Uses:
    """What a class does with one attribute: ``is_other`` where that is more than to zero it and to multiply."""

    def __init__(self) -> None:
        self.made: list[tuple[str, Place]] = []
        self.multiplied: list[Place] = []
        self.is_other = False


def zero_factors(linked: LinkedClass) -> tuple[ZeroFactor, ...]:
    """Find them in the methods that instances of a class have."""
    methods = [(owner.module.place, function) for owner, function in own_methods(linked)]
    if not any(_is_zeros(node) for _, function in methods for node in nodes(function.body)):
        return ()
    found: dict[str, _Uses] = {}
    for path, function in methods:
        _collect(path, function, found)
    spelled = {
        node.value
        for _, function in methods
        for node in nodes(function.body)
        if isinstance(node, code.Constant) and isinstance(node.value, str)
    }
    return tuple(
        ZeroFactor(name, *made, uses.multiplied[0])
        for name, uses in found.items()
        if not uses.is_other and uses.multiplied and name not in spelled
        for made in uses.made[:1]
    )


def _collect(path: str, function: code.Function, found: dict[str, _Uses]) -> None:
    settled: set[int] = set()
    for node in nodes(function.body):
        for name, place, value in _bound(path, node, settled):
            uses = found.setdefault(name, _Uses())
            is_none = isinstance(value, code.Constant) and value.value is None
            if value is not None and _is_zeros(value) and function.name != "__init__":
                uses.made.append((function.name, place))
            elif not (function.name == "__init__" and value is not None and (is_none or _is_zeros(value))):
                uses.is_other = True
        _settle_reads(path, node, settled, found)
    for node in nodes(function.body):
        read = self_attribute(node)
        if read is not None and id(node) not in settled:
            found.setdefault(read, _Uses()).is_other = True


def _bound(path: str, node: object, settled: set[int]) -> Iterator[tuple[str, Place, code.Expression | None]]:
    """The attributes that a statement binds as a whole, with the value where it is written out."""
    if isinstance(node, code.Assign):
        for target in node.targets:
            name = self_attribute(target)
            if name is not None:
                settled.add(id(target))
                yield name, Place(path, node.span), node.value
    elif isinstance(node, (code.AnnotatedAssign, code.AugmentedAssign)):
        name = self_attribute(node.target)
        if name is not None:
            settled.add(id(node.target))
            yield name, Place(path, node.span), node.value if isinstance(node, code.AnnotatedAssign) else None


def _settle_reads(path: str, node: object, settled: set[int], found: dict[str, _Uses]) -> None:
    """Take note of products, and of what only asks about the attribute."""
    if isinstance(node, code.BinaryOperation) and node.operator in _PRODUCTS:
        for side in (node.left, node.right):
            name = self_attribute(side)
            if name is not None:
                settled.add(id(side))
                found.setdefault(name, _Uses()).multiplied.append(Place(path, node.span))
    elif isinstance(node, code.Comparison) and node.operators in (("is",), ("is not",)):
        settled.add(id(node.left))
    elif isinstance(node, code.Attribute) and node.name in _ABOUT:
        settled.add(id(node.value))


def _is_zeros(node: object) -> bool:
    """``torch.zeros(...)``, ``Variable(x.new_zeros(...)).cuda()``."""
    while isinstance(node, code.Call):
        function = node.function
        called = function.name if isinstance(function, code.Attribute) else getattr(function, "identifier", "")
        if called in _FACTORIES:
            return True
        if called == "Variable" and node.arguments:
            node = node.arguments[0].value
        elif called in _CONVERSIONS and isinstance(function, code.Attribute):
            node = function.value
        else:
            return False
    return False

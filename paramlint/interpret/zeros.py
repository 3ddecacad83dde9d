"""Attributes that the text of a class never gives anything but zeros, and multiplies with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from paramlint.interpret.hierarchy import own_methods
from paramlint.interpret.scan import nodes, self_attribute
from paramlint.interpret.slots import Place
from paramlint.interpret.trace import ZeroFactor
from paramlint.model import code
from paramlint.project.classes import LinkedClass
from paramlint.project.names import last_word
from paramlint.project.project import Project

_FACTORIES = frozenset({"zeros", "zeros_like", "new_zeros"})
_CONVERSIONS = frozenset({"cuda", "cpu", "to", "type_as", "float", "half", "double", "contiguous", "requires_grad_"})
_PRODUCTS = frozenset({"*", "@"})
_ABOUT = frozenset({"shape", "size", "dim", "ndim", "device", "dtype", "numel"})


class _Use(NamedTuple):
    """What a method does with an attribute: makes it of zeros, multiplies with it, or something else (neither)."""

    attribute: str
    made: code.Span | None = None
    multiplied: code.Span | None = None


class _Text(NamedTuple):
    """What the text of a method says: its uses of attributes, the strings in it, and whether it makes zeros."""

    uses: tuple[_Use, ...]
    strings: frozenset[str]
    makes_zeros: bool


def zero_factors(project: Project, linked: LinkedClass) -> tuple[ZeroFactor, ...]:
    """Find them in the methods that instances of a class have."""
    texts = [(owner, function, project.scanned(_text, function)) for owner, function in own_methods(linked)]
    if not any(text.makes_zeros for _, _, text in texts):
        return ()
    made: dict[str, tuple[str, Place]] = {}
    multiplied: dict[str, Place] = {}
    others: set[str] = set().union(*(text.strings for _, _, text in texts))
    for owner, function, text in texts:
        for use in text.uses:
            if use.made is not None:
                made.setdefault(use.attribute, (function.name, Place(owner.module.place, use.made)))
            elif use.multiplied is not None:
                multiplied.setdefault(use.attribute, Place(owner.module.place, use.multiplied))
            else:
                others.add(use.attribute)
    return tuple(
        ZeroFactor(name, *maker, multiplied[name])
        for name, maker in made.items()
        if name in multiplied and name not in others
    )


def _text(function: code.Function) -> _Text:
    every = list(nodes(function.body))
    strings = {node.value for node in every if isinstance(node, code.Constant) and isinstance(node.value, str)}
    return _Text(tuple(dict.fromkeys(_uses(function, every))), frozenset(strings), any(map(_is_zeros, every)))


def _uses(function: code.Function, every: list[object]) -> Iterator[_Use]:
    settled: set[int] = set()
    for node in every:
        for name, span, value in _bound(node, settled):
            is_none = isinstance(value, code.Constant) and value.value is None
            if value is not None and _is_zeros(value) and function.name != "__init__":
                yield _Use(name, made=span)
            elif not (function.name == "__init__" and value is not None and (is_none or _is_zeros(value))):
                yield _Use(name)
        yield from _products(node, settled)
    for node in every:
        read = self_attribute(node)
        if read is not None and id(node) not in settled:
            yield _Use(read)


def _bound(node: object, settled: set[int]) -> Iterator[tuple[str, code.Span, code.Expression | None]]:
    """The attributes that a statement binds as a whole, with the value where it is written out."""
    if isinstance(node, code.Assign):
        for target in node.targets:
            name = self_attribute(target)
            if name is not None:
                settled.add(id(target))
                yield name, node.span, node.value
    elif isinstance(node, (code.AnnotatedAssign, code.AugmentedAssign)):
        name = self_attribute(node.target)
        if name is not None:
            settled.add(id(node.target))
            yield name, node.span, node.value if isinstance(node, code.AnnotatedAssign) else None


def _products(node: object, settled: set[int]) -> Iterator[_Use]:
    """The products of a node; what only asks about the attribute is settled with them."""
    if isinstance(node, code.BinaryOperation) and node.operator in _PRODUCTS:
        for side in (node.left, node.right):
            name = self_attribute(side)
            if name is not None:
                settled.add(id(side))
                yield _Use(name, multiplied=node.span)
    elif isinstance(node, code.Comparison) and node.operators in (("is",), ("is not",)):
        settled.add(id(node.left))
    elif isinstance(node, code.Attribute) and node.name in _ABOUT:
        settled.add(id(node.value))


def _is_zeros(node: object) -> bool:
    """``torch.zeros(...)``, ``Variable(x.new_zeros(...)).cuda()``."""
    while isinstance(node, code.Call):
        function = node.function
        called = last_word(function)
        if called in _FACTORIES:
            return True
        if called == "Variable" and node.arguments:
            node = node.arguments[0].value
        elif called in _CONVERSIONS and isinstance(function, code.Attribute):
            node = function.value
        else:
            return False
    return False

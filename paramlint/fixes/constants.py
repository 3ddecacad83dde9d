"""Telling a Parameter that is frozen for good from one that was meant to be trained."""

from __future__ import annotations

import re
from collections.abc import Iterator

from paramlint.fixes.site import Site, is_self_attribute, spots
from paramlint.interpret.scan import nodes
from paramlint.model import code

_WEIGHT = re.compile(r"(^|_)(weights?|bias|kernel|gamma|beta|gain|scales?|shift|tokens?|embed\w*|query|queries)\d*$")
# Of what stands for masked tokens (``mask_token``, ``mask_emb``) a mask is the first word, and it is learned.
_STAYS = re.compile(
    r"(^|_)(fixed|frozen|const\w*|random|rand|running|moving|ema|freqs?|frequenc\w+|fourier|grid|counts?|counter|steps?"
    r"|num)(_|$)|(^|_)masks?$",
    re.IGNORECASE,
)
_LEARNS = re.compile(r"learn|train", re.IGNORECASE)
# What statistics and queues are written by; trained weights are clamped, normalised and thawed too.
_UPDATES = frozenset({"copy_", "add_", "lerp_", "scatter_", "scatter_add_", "index_copy_", "index_add_"})
_WAVES = frozenset({"sin", "cos", "sincos"})
_SCHEME = re.compile(r"init|reset", re.IGNORECASE)


def stays_constant(site: Site) -> bool:
    """Whether the class shows that its frozen Parameter is never to be trained.

    That it is frozen does not say so: zeros, ones, random numbers and what an initialiser fills are where learning
    begins, and then the argument is the mistake. Its name says so, values that were computed or written out, that the
    class writes it itself, or that it is multiplied into waves.
    """
    owner = site.diagnostic.class_name or ""
    if _WEIGHT.search(site.name) or _LEARNS.search(f"{site.name} {owner.rpartition('.')[2]}"):
        return False
    if _STAYS.search(site.name) or _has_values(site):
        return True
    readers = [method for method in site.methods if method.name not in site.constructing]
    return any(_writes(site, method) or _makes_waves(site, method) for method in readers)


def _has_values(site: Site) -> bool:
    """Whether its values are a table, counts, waves, windows, or numbers that are written out and differ."""
    tensors = [slot.tensor for _, slot in site.slots(site.name) if slot.tensor is not None]
    if tensors and all(tensor.is_table or tensor.is_integer for tensor in tensors):
        return True
    return any(_is_wave(node) or _called(node).endswith("_window") or _is_written_out(node) for node in _sources(site))


def _sources(site: Site) -> Iterator[object]:
    """The parts of what is bound to the attribute, and of what the same method makes of the names in it."""
    for binding in site.bindings(site.name) or ():
        found = list(nodes(binding.value))
        yield from found
        names = {node.identifier for node in found if isinstance(node, code.Name)}
        for spot in spots(binding.method.body):
            if isinstance(spot.statement, code.Assign):
                targets = [node for target in spot.statement.targets for node in nodes(target)]
                if any(isinstance(node, code.Name) and node.identifier in names for node in targets):
                    yield from nodes(spot.statement.value)


def _is_wave(node: object) -> bool:
    return _called(node) in _WAVES


def _called(node: object) -> str:
    """The last name of the function or method that an expression calls."""
    return node.function.name if isinstance(node, code.Call) and isinstance(node.function, code.Attribute) else ""


def _is_written_out(node: object) -> bool:
    """Whether a list of numbers stands there that are not all the same."""
    if not isinstance(node, code.Display):
        return False
    values = [item.value for item in nodes(node) if isinstance(item, code.Constant)]
    return len(set(values)) > 1 and all(isinstance(value, (int, float)) for value in values)


def _writes(site: Site, method: code.Function) -> bool:
    """Whether a method, no scheme of initialisation, writes to the attribute."""
    if _SCHEME.search(method.name):
        return False
    for node in nodes(method.body):
        match node:
            case code.Call(function=code.Attribute(value=subject, name=name)) if name in _UPDATES:
                written: code.Expression | None = subject
            case code.Assign(targets=(code.Subscript(value=subject),)) | code.AugmentedAssign(target=subject):
                written = subject
            case code.Assign(targets=(code.Attribute(value=subject, name="data"),), value=code.BinaryOperation()):
                written = subject
            case _:
                continue
        while isinstance(written, (code.Attribute, code.Subscript, code.Call)):
            if is_self_attribute(written, method, site.name):
                return True
            written = written.function if isinstance(written, code.Call) else written.value
    return False


def _makes_waves(site: Site, method: code.Function) -> bool:
    """Whether a method reads the attribute and takes sines or cosines: it holds frequencies."""
    found = list(nodes(method.body))
    return any(_is_wave(node) for node in found) and any(is_self_attribute(node, method, site.name) for node in found)

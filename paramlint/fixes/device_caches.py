"""Repair of copies on a device that forward keeps: what they are copies of moves with the model instead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from paramlint.fixes.buffers import registered
from paramlint.fixes.construction import end_line, statement_start, without_statement
from paramlint.fixes.site import Site, is_self_attribute, spots
from paramlint.interpret.scan import nodes
from paramlint.interpret.slots import REGISTERED, Registration
from paramlint.model import code
from paramlint.model.diagnostic import Applicability, Edit, Effect, Fix


class _Copy(NamedTuple):
    """``self.name = self.origin.cuda()``."""

    name: str
    origin: str


def cached_copy(site: Site) -> Fix | None:
    """PRM501 in forward: ``if self.copy is None: self.copy = self.constant.cuda()`` goes, and the constant is a buffer."""
    spot = site.spot(site.diagnostic.span)
    guard = spot.around[-1] if spot is not None else None
    if spot is None or not isinstance(guard, code.If) or guard.orelse or guard.body != spot.block:
        return None
    copies = [_copy(item, spot.function) for item in guard.body]
    found = [item for item in copies if item is not None]
    if len(found) != len(copies) or not _asks(guard.test, [item.name for item in found], spot.function):
        return None
    edits: list[Edit] = []
    for item in found:
        more = [*_without(site, item, guard)]
        constant = _as_buffer(site, item.origin)
        if not more or constant is None:
            return None
        edits += [*more, *constant]
    removal = _without_guard(site, guard)
    if removal is None:
        return None
    names = " and ".join(dict.fromkeys(f"'{item.origin}'" for item in found))
    message = (
        f"register {names} as a buffer that is not saved, and read it in the place of the copy, which stays where it was "
        "made: checkpoints keep their keys, and older ones load"
    )
    effect = Effect(tuple(dict.fromkeys(name for item in found for name in item)))
    return Fix(message, Applicability.UNSAFE, tuple(dict.fromkeys([*edits, removal])), effect)


def _copy(statement: code.Statement, function: code.Function | None) -> _Copy | None:
    match statement:
        case code.Assign(
            targets=(code.Attribute(name=name) as target,),
            value=code.Call(function=code.Attribute(value=code.Attribute(name=origin) as source, name="cuda" | "to")),
        ):
            if is_self_attribute(target, function) and is_self_attribute(source, function):
                return _Copy(name, origin)
    return None


def _asks(test: code.Expression, names: list[str], function: code.Function | None) -> bool:
    """Whether a condition is ``self.name is None`` of one of the names."""
    match test:
        case code.Comparison(
            operators=("is",), left=code.Attribute(name=name) as left, comparators=(code.Constant(value=None),)
        ):
            return name in names and is_self_attribute(left, function)
    return False


def _without(site: Site, copy: _Copy, guard: code.If) -> Iterator[Edit]:
    """The edits that take a copy from the class; none where something else binds or reads it."""
    bindings = site.bindings(copy.name) or ()
    first = [item for item in bindings if item.method.name == "__init__"]
    if len(bindings) != 2 or len(first) != 1 or site.inherited_binds(copy.name):
        return
    removal = without_statement(site, first[0].spot)
    if removal is None or not isinstance(first[0].value, code.Constant) or first[0].value.value is not None:
        return
    known = [(method, node) for method in site.methods for node in nodes(method) if _is_named(node, copy.name)]
    everywhere = sum(_is_named(node, copy.name) for node in nodes(site.module.facts.body))
    if everywhere != len(known) or not all(is_self_attribute(node, method) for method, node in known):
        return
    inside = {node.span for node in nodes(guard) if isinstance(node, code.Attribute)}
    text = site.text
    reads = [node for _, node in known if isinstance(node, code.Attribute) and node.span not in inside]
    reads = [node for node in reads if node.span != first[0].target.span]
    for method in site.methods:
        for node in nodes(method):
            if isinstance(node, code.FormattedString) and any(item in reads for item in nodes(node)):
                return
    yield removal
    for node in reads:
        yield text.edit(text.end(node.span) - len(copy.name), text.end(node.span), copy.origin)


def _is_named(node: object, name: str) -> bool:
    return isinstance(node, code.Attribute) and node.name == name


def _as_buffer(site: Site, name: str) -> tuple[Edit, ...] | None:
    """The edits that register the constant; none are needed where it is registered."""
    slots = [slot for _, slot in site.slots(name)]
    if slots and all(slot.registration in REGISTERED for slot in slots):
        return ()
    if not slots or any(slot.registration is not Registration.PLAIN_TENSOR or not slot.is_certain for slot in slots):
        return None
    if any(slot.tensor is None or slot.tensor.is_random for slot in slots):
        return None
    diagnostic = site.diagnostic._replace(attribute=name)
    return registered(Site(site.project, site.module, site.text, site.style, diagnostic), is_persistent=False)


def _without_guard(site: Site, guard: code.If) -> Edit | None:
    holder = next((spot for spot in spots(site.module.facts.body) if spot.statement is guard), None)
    start, last = statement_start(site, guard), end_line((guard,))
    if holder is None or len(holder.block) < 2 or start is None or last is None:
        return None
    text = site.text
    line = text.span(start, start).line
    if text.first(line) != start or text.line(line).startswith("elif", start - text.offset(line, 1)):
        return None
    return text.edit(text.offset(line, 1), min(text.line_end(last) + len(text.newline), len(text.text)), "")

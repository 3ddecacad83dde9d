"""Repairs of ties: one Parameter is bound to both names, and again wherever the model is initialised anew."""

from __future__ import annotations

from paramlint.fixes.construction import body_start
from paramlint.fixes.site import Site, Spot, is_self_attribute, self_name
from paramlint.interpret.scan import nodes
from paramlint.model import code
from paramlint.model.diagnostic import Applicability, Edit, Effect, Fix


def broken_tie(site: Site) -> Fix | None:
    """PRM114: the Parameter takes the place of its ``.data``; a tie of the constructor is made by the later scheme too."""
    spot = site.spot(site.diagnostic.span)
    statement = None if spot is None else spot.statement
    if spot is None or not isinstance(statement, code.Assign) or len(statement.targets) != 1:
        return None
    if site.diagnostic.related:
        return _tied_again(site, spot, statement)
    target, value = statement.targets[0], statement.value
    if not isinstance(target, code.Attribute) or not isinstance(value, code.Attribute):
        return None
    if target.name != "data" or value.name != "data":
        return None
    owners = [_owner(item, spot) for item in (target.value, value.value)]
    if None in owners or owners[0] == owners[1]:
        return None
    text = site.text
    edits = tuple(text.edit(text.end(item.value.span), text.end(item.span), "") for item in (target, value))
    message = (
        "bind the Parameter itself to both names: checkpoints keep both keys, and older ones load; the optimiser's state "
        "counts one parameter less"
    )
    return Fix(message, Applicability.UNSAFE, edits, Effect(tuple(item for item in owners if item)))


def _owner(node: code.Expression, spot: Spot) -> str | None:
    """The attribute of self that holds a layer's parameter; None for anything else."""
    while isinstance(node, code.Attribute):
        if is_self_attribute(node, spot.function):
            return node.name
        node = node.value
    return None


def _tied_again(site: Site, spot: Spot, statement: code.Assign) -> Fix | None:
    """The scheme that runs after construction begins with the tie."""
    place = site.diagnostic.related[0]
    scheme = next((item for item in site.methods if item.span == place.span), None)
    constructor = spot.function
    if scheme is None or place.path != site.diagnostic.path or constructor is None or not scheme.parameters:
        return None
    before, after = self_name(constructor), self_name(scheme)
    offset = body_start(site, scheme)
    if (
        before != after
        or offset is None
        or any(_owner(item, spot) is None for item in (*statement.targets, statement.value))
    ):
        return None
    line = site.text.span(offset, offset).line
    indentation = site.text.indentation(line)
    if site.text.first(line) != offset:
        return None
    written = site.text.of(statement.span)
    outer = spot.around[-1]
    if isinstance(outer, code.If) and outer.body == spot.block and spot.around[-2] is constructor:
        test = _as_attributes(site, outer.test, constructor)
        if test is None:
            return None
        unit = "\t" if "\t" in indentation else "    "
        written = f"if {test}:\n{indentation}{unit}{written}"
    elif outer is not constructor:
        return None
    edit = site.text.insertion(offset, f"{written}\n{indentation}")
    message = f"tie it in '{scheme.name}' too: checkpoints keep their keys, older ones load"
    return Fix(message, Applicability.UNSAFE, (edit,))


def _as_attributes(site: Site, test: code.Expression, constructor: code.Function) -> str | None:
    """A condition of the constructor as another method can ask it; None where it needs what was not kept."""
    own = self_name(constructor)
    kept = {
        statement.value.identifier: target.name
        for statement in constructor.body
        if isinstance(statement, code.Assign) and isinstance(statement.value, code.Name)
        for target in statement.targets
        if isinstance(target, code.Attribute) and is_self_attribute(target, constructor)
        and len(site.bindings(target.name) or ()) == 1
    }  # fmt: skip
    names = [node for node in nodes(test) if isinstance(node, code.Name) and node.identifier != own]
    if any(node.identifier not in kept for node in names) or not all(hasattr(node, "span") for node in names):
        return None
    text, start = site.text, site.text.start(test.span)
    written = text.of(test.span)
    edits: list[Edit] = [Edit(node.span, f"{own}.{kept[node.identifier]}") for node in names]
    for edit in sorted(edits, key=lambda item: item.span, reverse=True):
        written = written[: text.start(edit.span) - start] + edit.replacement + written[text.end(edit.span) - start :]
    return written

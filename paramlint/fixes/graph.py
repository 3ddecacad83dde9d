"""Repair of what forward keeps: it leaves the graph behind."""

from __future__ import annotations

import re

from paramlint.fixes.construction import stands_alone
from paramlint.fixes.site import Site, Spot, is_self_attribute
from paramlint.interpret.scan import nodes
from paramlint.model import code
from paramlint.model.diagnostic import Applicability, Edit, Fix

# What forward keeps under such a name is often a term of the loss, added by code outside the class.
_LOSSES = frozenset(
    {
        "loss",
        "losses",
        "reg",
        "regularization",
        "regularisation",
        "regularizer",
        "penalty",
        "kl",
        "kld",
        "entropy",
        "aux",
        "cost",
        "nll",
        "elbo",
        "divergence",
        "commitment",
        "energy",
        "prior",
        "posterior",
        "logdet",
        "ldj",
    }
)


def graph_tensor_attribute(site: Site) -> Fix | None:
    """PRM505: what is kept is detached from the graph."""
    spot = site.spot(site.diagnostic.span)
    if spot is None or spot.function is None or not isinstance(spot.statement, (code.Assign, code.AnnotatedAssign)):
        return None
    if site.trace is None or any(
        slot.name == site.name and slot.tensor is None for run in site.trace.runs for slot in run.kept
    ):
        return None  # a container has no detach()
    value = spot.statement.value
    targets = spot.statement.targets if isinstance(spot.statement, code.Assign) else (spot.statement.target,)
    if value is None or len(targets) != 1 or not is_self_attribute(targets[0], spot.function, site.name):
        return None
    if isinstance(value, (code.Name, code.Attribute, code.Call, code.Subscript)):
        edits: tuple[Edit, ...] = (site.text.insertion(site.text.end(value.span), ".detach()"),)
    elif isinstance(value, (code.BinaryOperation, code.UnaryOperation, code.Conditional)):
        edits = (
            site.text.insertion(site.text.start(value.span), "("),
            site.text.insertion(site.text.end(value.span), ").detach()"),
        )
    else:
        return None
    if any(word in _LOSSES for word in re.split(r"[_\d]+", site.name.lower())):
        reason = f"not detached: '{site.name}' may be added to the loss, whose gradients would stop there"
        return Fix(reason, Applicability.DISPLAY, ())
    reads = _reads(site)
    if reads is None:
        return None
    if reads:
        edits = _through_local(site, spot, value, reads)
        if not edits:
            return None
    message = (
        f"keep a copy outside the graph: gradients no longer flow through '{site.name}'; checkpoints keep their keys, "
        "older ones load"
    )
    return Fix(message, Applicability.UNSAFE, edits)


def _reads(site: Site) -> list[code.Attribute] | None:
    """Where the class itself uses what it keeps; None where it is bound in other ways than by plain assignments."""
    bindings = site.bindings(site.name)
    if bindings is None:
        return None
    bound = [binding.target.span for binding in bindings]
    return [
        node
        for method in site.methods
        for node in nodes(method)
        if isinstance(node, code.Attribute) and is_self_attribute(node, method, site.name) and node.span not in bound
    ]


def _through_local(site: Site, spot: Spot, value: code.Expression, reads: list[code.Attribute]) -> tuple[Edit, ...]:
    """Go on computing with a local of the attribute's name, where forward alone uses it, and only afterwards."""
    function, name, text = spot.function, site.name.lstrip("_"), site.text
    statement = spot.statement
    if function is None or spot.block is not function.body or not isinstance(statement, code.Assign):
        return ()
    inside = [node for node in nodes(function.body) if isinstance(node, code.Attribute) and node in reads]
    is_late = all(node.span > statement.span for node in reads)
    is_taken = any(isinstance(node, code.Name) and node.identifier == name for node in nodes(function))
    if len(inside) != len(reads) or not is_late or is_taken or not stands_alone(site, spot) or not name.isidentifier():
        return ()
    if any(
        node.span == item.span for node in nodes(function) if isinstance(node, code.FormattedString) for item in reads
    ):
        return ()
    target = statement.targets[0].span
    kept = f"\n{text.indentation(statement.span.line)}{text.of(target)} = {name}.detach()"
    return (
        text.edit(text.start(target), text.end(target), name),
        text.insertion(text.line_end(statement.span.end_line), kept),
        *(text.edit(text.start(node.span), text.end(node.span), name) for node in reads),
    )

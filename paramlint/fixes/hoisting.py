"""Repairs of forward: what it makes in every call is made once, at the end of the constructor."""

from __future__ import annotations

import re
from collections.abc import Iterator

from paramlint.fixes.construction import constructor_end, without_statement
from paramlint.fixes.edits import parts, without_argument
from paramlint.fixes.site import Site, Spot, is_self_attribute, self_name, spots
from paramlint.interpret.events import MadeInForward
from paramlint.interpret.scan import nodes
from paramlint.interpret.slots import Registration
from paramlint.model import code
from paramlint.model.diagnostic import Applicability, Edit, Effect, Fix

_FIXED_VALUES = frozenset(
    f"torch.{name}" for name in ("zeros", "ones", "full", "arange", "linspace", "eye", "tensor", "empty")
)


def parameter_created_in_forward(site: Site) -> Fix | None:
    """PRM108: the Parameter is made in the constructor, under the name that forward gave it."""
    return _hoisted(site, "torch.nn.Parameter")


def module_created_in_forward(site: Site) -> Fix | None:
    """PRM109: the layer is made in the constructor, under a new name where forward gave it none.

    Where the constructor makes it already, and nothing calls it, that one is called.
    """
    return _twin(site) or _hoisted(site, None)


def _twin(site: Site) -> Fix | None:
    call, spot = site.node(code.Call, site.diagnostic.span), site.spot(site.diagnostic.span)
    if call is None or spot is None or spot.function is None or not site.diagnostic.related:
        return None
    place = site.diagnostic.related[0].span
    twins = {
        node.name
        for method in site.methods
        for node in nodes(method)
        if isinstance(node, code.Attribute) and is_self_attribute(node, method)
        for binding in site.bindings(node.name) or ()
        if getattr(binding.spot.statement, "span", None) == place
        and site.text.of(binding.value.span) == site.text.of(call.span)
    }
    if len(twins) != 1 or not _is_used_at_once(spot.statement, call, False):
        return None
    name = twins.pop()
    edit = site.text.edit(site.text.start(call.span), site.text.end(call.span), f"{self_name(spot.function)}.{name}")
    message = f"call '{name}', which the constructor makes: it is trained; checkpoints keep their keys, older ones load"
    return Fix(message, Applicability.UNSAFE, (edit,), Effect(outputs=True))


def _hoisted(site: Site, wanted: str | None) -> Fix | None:
    call, spot, forward = (
        site.node(code.Call, site.diagnostic.span),
        site.spot(site.diagnostic.span),
        site.method("forward"),
    )
    constructor = site.method("__init__")
    if call is None or spot is None or forward is None or constructor is None or spot.block is not forward.body:
        return None
    if wanted is not None and site.refers(call.function, spot) != wanted:
        return None
    made = next((event for event in _made(site) if event.place.span == call.span), None)
    end = constructor_end(site, constructor)
    if made is None or made.is_lazy_once or end is None or self_name(constructor) != self_name(forward):
        return None
    if any(
        isinstance(node, (code.Comprehension, code.Lambda)) and call in nodes(node) for node in nodes(spot.statement)
    ):
        return None
    whole = _moved(spot.statement, call)
    if not _is_used_at_once(spot.statement, whole, wanted is not None):
        return None
    written = _written(site, call, constructor, forward)
    target = _target(site, spot, whole, made)
    if written is None or target is None:
        return None
    name, edits = target
    edits.append(site.text.insertion(end[0], f"\n{end[1]}{self_name(constructor)}.{name} = {written}"))
    what = "parameter" if wanted else "layer"
    keys = f"{name}.*" if made.kind is Registration.SUBMODULE else name
    message = (
        f"make the {what} once, in the constructor, as '{name}': it is trained, and checkpoints gain the key '{keys}'"
    )
    if made.has_state is False:
        message = f"make the layer once, in the constructor, as '{name}': checkpoints keep their keys, older ones load"
    else:
        message += "; older ones load with strict=False only"
    is_fixed = _is_fixed(site, call, spot, wanted)
    effect = Effect((name,), outputs=not is_fixed, draws=not is_fixed)
    return Fix(message, Applicability.UNSAFE, tuple(edits), effect)


def _moved(statement: code.Statement, call: code.Call) -> code.Call:
    """``made().to(x.device)``, of which the constructor needs no more than what is made."""
    for node in nodes(statement):
        match node:
            case code.Call(function=code.Attribute(value=inner, name="to"), arguments=(code.Argument(value=place),)):
                is_place = isinstance(place, code.Attribute) and place.name == "device"
                if inner is call and (is_place or _is_device(place)):
                    return node
            case code.Call(function=code.Attribute(value=inner, name="cuda"), arguments=()) if inner is call:
                return node
    return call


def _is_device(node: code.Expression) -> bool:
    return isinstance(node, code.Name) and node.identifier == "device"


def _is_used_at_once(statement: code.Statement, call: code.Call, is_parameter: bool) -> bool:
    """Whether what is made is bound to a name, called, or an operand: in a container it would be there again and again."""
    if isinstance(statement, code.Assign) and statement.value is call:
        return True
    return any(
        (isinstance(node, code.Call) and node.function is call)
        or (is_parameter and isinstance(node, code.BinaryOperation) and call in (node.left, node.right))
        for node in nodes(statement)
    )


def _made(site: Site) -> Iterator[MadeInForward]:
    for run in site.trace.runs if site.trace is not None else ():
        yield from (event for event in run.events if isinstance(event, MadeInForward))


def _is_fixed(site: Site, call: code.Call, spot: Spot, wanted: str | None) -> bool:
    """Whether what is made has the same values in each call."""
    inner = [node for argument in call.arguments for node in nodes(argument) if isinstance(node, code.Call)]
    return wanted is not None and all(site.refers(node.function, spot) in _FIXED_VALUES for node in inner)


def _written(site: Site, call: code.Call, constructor: code.Function, forward: code.Function) -> str | None:
    """The call as the constructor can make it; None where it needs what only forward knows."""
    local = {item.name for item in forward.parameters[1:]} | set(_bound(forward))
    own = self_name(forward)
    text = site.text
    removals: list[Edit] = []
    for node in nodes(call):
        if isinstance(node, code.Call):
            split = parts(text, node)
            for index, argument in enumerate(node.arguments):
                if split is not None and argument.keyword == "device" and _reads(argument.value, local):
                    removals.append(without_argument(text, split, index))
    dropped = [
        argument
        for node in nodes(call)
        if isinstance(node, code.Call)
        for argument in node.arguments
        if argument.keyword == "device" and _reads(argument.value, local)
    ]
    ignored = {id(inner) for argument in dropped for inner in nodes(argument)}
    kept = [node for node in nodes(call) if id(node) not in ignored]
    attributes = [node for node in kept if isinstance(node, code.Attribute) and is_self_attribute(node, forward)]
    names = {node.identifier for node in kept if isinstance(node, code.Name)} - {own}
    bare = sum(isinstance(node, code.Name) and node.identifier == own for node in kept)
    if bare != len(attributes) or names & local or names & set(_bound(constructor)):
        return None
    if len(dropped) != len(removals) or not all(_is_set(site, node.name) for node in attributes):
        return None
    start = text.start(call.span)
    pieces = text.of(call.span)
    for edit in sorted(removals, key=lambda item: item.span, reverse=True):
        pieces = pieces[: text.start(edit.span) - start] + pieces[text.end(edit.span) - start :]
    return pieces


def _reads(node: code.Expression, names: set[str]) -> bool:
    return any(isinstance(item, code.Name) and item.identifier in names for item in nodes(node))


def _bound(function: code.Function) -> Iterator[str]:
    """The names that a function binds itself."""
    for spot in spots(function.body):
        statement = spot.statement
        targets = [*getattr(statement, "targets", ()), getattr(statement, "target", None)]
        targets += [item.target for item in getattr(statement, "items", ())]
        for target in targets:
            yield from (node.identifier for node in nodes(target) if isinstance(node, code.Name))
        for node in nodes(statement) if not isinstance(statement, (code.Function, code.Class)) else ():
            if isinstance(node, code.NamedExpression) and isinstance(node.target, code.Name):
                yield node.target.identifier
        if isinstance(statement, (code.Function, code.Class)):
            yield statement.name
        if isinstance(statement, code.Import):
            yield from (item.alias or item.name.partition(".")[0] for item in statement.names)


def _is_set(site: Site, name: str) -> bool:
    """Whether each path through the constructor sets an attribute, and forward leaves it alone."""
    runs = site.trace.runs if site.trace is not None else ()
    found = list(site.slots(name))
    return (
        bool(runs)
        and len({id(run) for run, _ in found}) == len(runs)
        and all(slot.is_certain and name not in run.rewritten for run, slot in found)
    )


def _target(site: Site, spot: Spot, call: code.Call, made: MadeInForward) -> tuple[str, list[Edit]] | None:
    """The attribute's name, and the edits that make forward read it."""
    statement = spot.statement
    if isinstance(statement, code.Assign) and statement.value is call and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, code.Attribute) and is_self_attribute(target, spot.function):
            bindings, removal = site.bindings(target.name), without_statement(site, spot)
            if bindings is None or len(bindings) != 1 or site.inherited_binds(target.name) or removal is None:
                return None
            return target.name, [removal]
    name = _free(site, made.local or _snake(made.class_name))
    if name is None:
        return None
    owner = self_name(spot.function) if spot.function is not None else "self"
    return name, [site.text.edit(site.text.start(call.span), site.text.end(call.span), f"{owner}.{name}")]


def _snake(class_name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", class_name.rpartition(".")[2]).lower()


def _free(site: Site, wanted: str) -> str | None:
    """The name, with a number behind it where the hierarchy uses it already; None where a base may use any name."""
    taken = {node.name for method in site.methods for node in nodes(method) if isinstance(node, code.Attribute)}
    names = (wanted, *(f"{wanted}_{number}" for number in range(2, len(taken) + 3)))
    return next((name for name in names if name not in taken and not site.inherited_binds(name)), None)

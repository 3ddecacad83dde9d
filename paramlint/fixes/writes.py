"""Repairs of single writes to parameters: they reach what they were meant for, where it lies, or not None."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from paramlint import torch_api
from paramlint.fixes.construction import stands_alone
from paramlint.fixes.edits import parts
from paramlint.fixes.parameters import writes_in_place
from paramlint.fixes.site import Site, Spot, is_self_attribute
from paramlint.interpret.events import LostWrite, Marked
from paramlint.interpret.interpret import interpret
from paramlint.interpret.scan import nodes
from paramlint.model import code
from paramlint.model.diagnostic import Applicability, Edit, Effect, Fix

Kind = TypeVar("Kind")
_KEPT = "checkpoints keep their keys, older ones load"
_UNIT = "    "
_FACTORIES = {
    "full": "constant_",
    "full_like": "constant_",
    "zeros": "zeros_",
    "zeros_like": "zeros_",
    "ones": "ones_",
    "ones_like": "ones_",
    "randn": "normal_",
    "randn_like": "normal_",
    "rand": "uniform_",
    "rand_like": "uniform_",
}
# The functions of nn.init that are made for matrices: of a layer they can only mean the weight.
_OF_MATRICES = ("xavier_", "kaiming_", "orthogonal_", "sparse_", "dirac_", "eye_")


def init_on_none(site: Site) -> Fix | None:
    """PRM306: the statement runs only where the layer has a bias."""
    spot = site.spot(site.diagnostic.span)
    subject = None if spot is None else _asked(spot.statement)
    if spot is None or subject is None or not stands_alone(site, spot):
        return None
    text, statement = site.text, spot.statement
    assert isinstance(statement, (code.ExpressionStatement, code.Assign))
    if _contradicts(site, spot, subject):
        reason = f"not repaired: whether '{text.of(subject.value.span)}' is meant to have a {subject.name} is not known"
        return Fix(reason, Applicability.DISPLAY, ())
    span = statement.span
    indentation = text.indentation(span.line)
    unit = "\t" if "\t" in indentation else _UNIT
    held = {
        line
        for node in nodes(statement)
        if isinstance(node, (code.Constant, code.FormattedString))
        for line in _inner(node)
    }
    edits: list[Edit] = [
        text.insertion(text.start(span), f"if {text.of(subject.span)} is not None:\n{indentation}{unit}")
    ]
    edits += [
        text.insertion(text.offset(line, 1), unit)
        for line in range(span.line + 1, span.end_line + 1)
        if line not in held and text.line(line).strip()
    ]
    message = f"ask for None first: the class could not be built before; {_KEPT}"
    return Fix(message, Applicability.SAFE, tuple(edits), Effect(reveals=True))


def _contradicts(site: Site, spot: Spot, subject: code.Attribute) -> bool:
    """Whether one layer is made without what this line initialises of it, and of no other layer: either may be meant."""
    layer = subject.value
    if not isinstance(layer, code.Attribute) or not is_self_attribute(layer, spot.function):
        return False
    asked = [node for item in spot.around if isinstance(item, code.If) for node in nodes(item.test)]
    if any(isinstance(node, code.Attribute) and node.name == layer.name for node in asked):
        return False
    given = [
        argument.value
        for binding in site.bindings(layer.name) or ()
        for argument in (binding.value.arguments if isinstance(binding.value, code.Call) else ())
        if argument.keyword == subject.name
    ]
    return any(isinstance(value, code.Constant) and value.value is False for value in given)


def _inner(node: code.Constant | code.FormattedString) -> range:
    """The lines that begin inside a literal, whose text must not move."""
    return range(node.span.line + 1, node.span.end_line + 1)


def _asked(statement: code.Statement) -> code.Attribute | None:
    """The attribute of a layer that may be None in a statement that initialises."""
    if isinstance(statement, code.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        return _slot(target.value) if isinstance(target, code.Attribute) and target.name == "data" else None
    if not isinstance(statement, code.ExpressionStatement) or not isinstance(statement.value, code.Call):
        return None
    call = statement.value
    while isinstance(call.function, code.Attribute) and isinstance(call.function.value, code.Call):
        call = call.function.value
    if isinstance(call.function, code.Attribute):
        found = _slot(call.function.value)
        if found is not None:
            return found
    first = call.arguments[0].value if call.arguments and not call.arguments[0].star else None
    return None if first is None else _slot(first)


def _slot(node: code.Expression) -> code.Attribute | None:
    while isinstance(node, code.Attribute):
        if node.name in ("bias", "weight"):
            return node
        node = node.value
    return None


def init_without_effect(site: Site) -> Fix | None:
    """PRM309: the form that writes in place."""
    spot = site.spot(site.diagnostic.span)
    if spot is None or spot.function is None:
        return None
    statement = spot.statement
    lost = next((event for event in _events(site, LostWrite) if event.place.span == site.diagnostic.span), None)
    if lost is not None:
        return _through_parametrisation(site, spot) if lost.copied_by is None and _is_parametrised(site) else None
    if (
        isinstance(statement, code.Assign)
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], code.Name)
    ):
        edits = _copied(site, statement)
    elif isinstance(statement, code.ExpressionStatement) and isinstance(statement.value, code.Call):
        edits = _in_place(site, spot, statement.value)
    else:
        edits = ()
    if not edits:
        return None
    message = f"write in place: initial values change; {_KEPT}"
    return Fix(message, Applicability.UNSAFE, edits, Effect((site.name,), values=True))


def _copied(site: Site, statement: code.Assign) -> tuple[Edit, ...]:
    """``p = value`` in a loop over parameters as ``p.data.copy_(value)``."""
    target, value = statement.targets[0], statement.value
    if not any(isinstance(node, code.Name) and node.identifier == site.name for node in (target,)):
        return ()
    text = site.text
    start = text.text.index("=", text.end(target.span)) + 1
    start += len(text.text[start:]) - len(text.text[start:].lstrip(" \t\f"))
    if isinstance(value, code.Display):
        return ()
    return text.edit(text.start(statement.span), start, f"{site.name}.data.copy_("), text.insertion(
        text.end(statement.span), ")"
    )


def _in_place(site: Site, spot: Spot, call: code.Call) -> tuple[Edit, ...]:
    """A call whose result is dropped, as the function or method that writes to the attribute."""
    text, function = site.text, call.function
    own = spot.function
    subjects = [node for node in nodes(call) if is_self_attribute(node, own, site.name)]
    split = parts(text, call)
    if not isinstance(function, code.Attribute) or split is None or not subjects:
        return ()
    subject = subjects[0]
    assert isinstance(subject, code.Attribute)
    name = (site.refers(function, spot) or "").removeprefix("torch.")
    if is_self_attribute(function.value, own, site.name) and writes_in_place(function.name):
        end = text.end(function.span)
        return text.insertion(text.end(subject.span), ".data"), text.insertion(end, "_")
    if name in _FACTORIES:
        spelled, imports = site.spelled(f"init.{_FACTORIES[name]}", spot)
        options = [item for item in call.arguments if item.keyword in ("device", "dtype", "requires_grad")]
        rest = [
            text.text[start:end]
            for (start, end), item in zip(split.arguments, call.arguments, strict=True)
            if item not in options and subject not in tuple(nodes(item))
        ]
        takes_value = _FACTORIES[name] == "constant_"
        if len(rest) != int(takes_value):
            return ()
        written = ", ".join([text.of(subject.span), *rest])
        return (text.edit(text.start(call.span), text.end(call.span), f"{spelled}({written})"), *imports)
    is_first = bool(call.arguments) and call.arguments[0].value == subject and call.arguments[0].keyword is None
    if is_first and writes_in_place(name) and f"torch.{name}" in torch_api.functions:
        rest = [text.text[start:end] for start, end in split.arguments[1:]]
        written = f"{text.of(subject.span)}.data.{name}_({', '.join(rest)})"
        return (text.edit(text.start(call.span), text.end(call.span), written),)
    return ()


def _events(site: Site, kind: type[Kind]) -> Iterator[Kind]:
    for run in site.trace.runs if site.trace is not None else ():
        yield from (event for event in run.events if isinstance(event, kind))


def _is_parametrised(site: Site) -> bool:
    """Whether the file registers parametrisations, and none by the older hooks, whose weights cannot be assigned."""
    calls = [node for node in nodes(site.module.facts.body) if isinstance(node, code.Call)]
    names = {site.refers(node.function) or "" for node in calls}
    is_new = any(name.startswith("torch.nn.utils.parametri") for name in names)
    return is_new and not any(name.endswith((".utils.weight_norm", ".utils.spectral_norm")) for name in names)


def _through_parametrisation(site: Site, spot: Spot) -> Fix | None:
    """``m.weight.data.normal_()``: where the weight is computed from others, the new value is assigned, which sets those."""
    text, statement = site.text, spot.statement
    if not isinstance(statement, code.ExpressionStatement) or not stands_alone(site, spot):
        return None
    call = statement.value
    if not isinstance(call, code.Call) or not isinstance(call.function, code.Attribute):
        return None
    subject = next((node for node in nodes(call) if isinstance(node, code.Attribute) and node.name == site.name), None)
    if subject is None or statement.span.line != statement.span.end_line or not call.function.name.endswith("_"):
        return None
    owner, written = text.of(subject.value.span), text.of(subject.span)
    whole = text.of(call.span)
    start = text.end(subject.span) - text.start(call.span)
    rest = whole[start:].removeprefix(".data")
    value = f"{whole[:start]}.detach().clone(){rest}"
    if value.count(written) != 1:
        return None
    test, imports = site.spelled("utils.parametrize.is_parametrized", spot)
    torch, more = site.torch()
    indentation = text.indentation(statement.span.line)
    unit = "\t" if "\t" in indentation else _UNIT
    lines = (
        f'if {test}({owner}, "{site.name}"):',
        f"{unit}with {torch}.no_grad():",
        f"{unit}{unit}{written} = {value}",
        "else:",
        unit,
    )
    edit = text.insertion(text.start(statement.span), f"\n{indentation}".join(lines))
    message = f"assign the value where the weight is parametrised, which reaches what it is made of: {_KEPT}"
    effect = Effect((site.name,), values=True)
    return Fix(message, Applicability.UNSAFE, (edit, *imports, *more), effect)


def init_wrong_target(site: Site) -> Fix | None:
    """PRM308: the layer's weight or bias is initialised, where it is clear which; a mark goes where it is read."""
    if any(event.place.span == site.diagnostic.span for event in _events(site, Marked)):
        return _marked(site)
    spot, call = site.spot(site.diagnostic.span), site.node(code.Call, site.diagnostic.span)
    if spot is None or call is None or not call.arguments or call.arguments[0].star:
        return None
    operation = (site.refers(call.function, spot) or "").removeprefix("torch.nn.init.")
    subject = call.arguments[0].value
    made = site.made_class(site.name)
    if not operation.endswith("_") or "." in operation or not isinstance(made, str):
        return None
    members = [name for name in ("weight", "bias") if torch_api.external_member(made, name)]
    if not members or not is_self_attribute(subject, spot.function, site.name):
        return None
    left = [name for name in members if not _is_initialised(site, spot, f"{site.text.of(subject.span)}.{name}")]
    if operation.startswith(_OF_MATRICES):
        meant: str | None = "weight"
    else:
        meant = left[0] if len(left) == 1 else None
    if meant is None:
        reason = f"not repaired: whether the weight or the bias of '{site.name}' is meant is not known"
        return Fix(reason, Applicability.DISPLAY, ())
    edit = site.text.insertion(site.text.end(subject.span), f".{meant}")
    message = f"initialise the layer's {meant}: the class could not be built before, so no checkpoint changes"
    return Fix(message, Applicability.UNSAFE, (edit,), Effect((site.name,), reveals=True))


def _marked(site: Site) -> Fix | None:
    """``self.block.std = 0.1``, which is read from layers inside the block: it is set on the one that may be meant."""
    spot, block, trace = site.spot(site.diagnostic.span), site.made_class(site.name), site.trace
    statement = None if spot is None else spot.statement
    if spot is None or not isinstance(statement, code.Assign) or len(statement.targets) != 1 or trace is None:
        return None
    target = statement.targets[0]
    if not isinstance(target, code.Attribute) or not is_self_attribute(target.value, spot.function, site.name):
        return None
    if block is None or isinstance(block, str):
        return None
    runs = interpret(site.project, block).runs
    held = {(slot.name, slot.module.class_name) for run in runs for slot in run.slots if slot.module is not None}
    meant = [name for name, kind in held if trace.surroundings.is_mark_read(target.name, frozenset({kind}))]
    if len(meant) != 1 or not meant[0].isidentifier():
        return None
    edit = site.text.insertion(site.text.end(target.value.span), f".{meant[0]}")
    message = f"set it on '{site.name}.{meant[0]}', from which it is read: initial values change; {_KEPT}"
    return Fix(message, Applicability.UNSAFE, (edit,), Effect(values=True))


def _is_initialised(site: Site, spot: Spot, written: str) -> bool:
    """Whether the same function gives a tensor to an initialiser, or writes to it."""
    return any(isinstance(node, code.Attribute) and site.text.of(node.span) == written for node in nodes(spot.function))


def lost_on_materialise(site: Site) -> Fix | None:
    """PRM506: the value is copied into the parameter's memory."""
    spot = site.spot(site.diagnostic.span)
    statement = None if spot is None else spot.statement
    if not isinstance(statement, code.Assign) or len(statement.targets) != 1:
        return None
    target = statement.targets[0]
    if not isinstance(target, code.Attribute) or target.name != "data" or isinstance(statement.value, code.Display):
        return None
    text = site.text
    start = text.text.index("=", text.end(target.span)) + 1
    start += len(text.text[start:]) - len(text.text[start:].lstrip(" \t\f"))
    edits = (
        text.edit(text.end(target.span), start, ".copy_("),
        text.insertion(text.end(statement.span), ")"),
    )
    message = f"copy the value into the parameter, which keeps its device and dtype: {_KEPT}"
    return Fix(message, Applicability.UNSAFE, edits)

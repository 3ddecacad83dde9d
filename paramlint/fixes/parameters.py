"""Repairs that make a tensor a parameter, or keep one that is."""

from __future__ import annotations

import re

from paramlint import torch_api
from paramlint.fixes.edits import Parts, around, parts, without_argument
from paramlint.fixes.site import Binding, Site, Spot, is_self_attribute, spots
from paramlint.interpret.events import Rebinding
from paramlint.interpret.scan import nodes
from paramlint.interpret.slots import Phase
from paramlint.model import code
from paramlint.model.diagnostic import Applicability, Edit, Effect, Fix
from paramlint.project.names import is_name

_PARAMETER = "torch.nn.Parameter"
_CONVERSIONS = frozenset({"to", "cuda", "cpu", "float", "double", "half", "bfloat16", "type", "type_as", "contiguous"})
_ATOMS = (code.Name, code.Attribute, code.Call, code.Subscript, code.Constant, code.Display, code.Comprehension)


def unregistered_weight(site: Site) -> Fix | None:
    """PRM102: the tensor is wrapped where it is made; ``requires_grad`` of the tensor itself is then not needed."""
    bindings = site.bindings(site.name)
    if not bindings or site.inherited_binds(site.name):
        return None
    edits: list[Edit] = []
    for binding in bindings:
        if isinstance(binding.value, code.Constant) and binding.value.value is None:
            continue
        if binding.method.name not in site.constructing:
            return None
        spelled, imports = site.spelled("Parameter", binding.spot)
        removals, option = _requires_grad(site, binding)
        edits += [*around(site.text, binding.value.span, f"{spelled}(", f"{option})"), *removals, *imports]
    return Fix(_gains(site.name), Applicability.UNSAFE, tuple(edits), Effect((site.name,)))


def _requires_grad(site: Site, binding: Binding) -> tuple[list[Edit], str]:
    """The edits that take ``requires_grad`` from the tensor's factory, and the option that the Parameter then needs."""
    value = binding.value
    while isinstance(value, code.BinaryOperation):
        value = value.left
    split = parts(site.text, value) if isinstance(value, code.Call) else None
    if not isinstance(value, code.Call) or split is None:
        return [], ""
    for index, argument in enumerate(value.arguments):
        if argument.keyword == "requires_grad" and 0 < index == len(value.arguments) - 1:
            is_true = isinstance(argument.value, code.Constant) and argument.value.value is True
            option = "" if is_true else f", {site.text.text[slice(*split.arguments[index])]}"
            return [without_argument(site.text, split, index)], option
    return [], ""


def detached_parameter(site: Site) -> Fix | None:
    """PRM103: the operation moves into the call of ``nn.Parameter``."""
    spot = site.spot(site.diagnostic.span)
    if spot is None or not isinstance(spot.statement, (code.Assign, code.AnnotatedAssign)):
        return _in_place_on_leaf(site, spot)
    value = spot.statement.value
    calls = [
        node
        for node in nodes(value)
        if isinstance(node, code.Call) and site.refers(node.function, spot) == _PARAMETER and node.arguments
    ]
    if value is None or len(calls) != 1 or calls[0] is value or not _leads_to(value, calls[0]):
        return None
    call = calls[0]
    split = parts(site.text, call)
    if split is None or call.arguments[0].star or call.arguments[0].keyword not in (None, "data"):
        return None
    edits = _hoisted(site, value, call, split)
    effect = Effect((site.name,), reveals=True)
    message = _has_it_elsewhere(site.name) if _converts(value, call) else _gains(site.name)
    return Fix(message, Applicability.UNSAFE, edits, effect)


def _converts(value: code.Expression, call: code.Call) -> bool:
    """Whether an expression is the call followed by conversions alone, which return the Parameter where nothing changes."""
    while value is not call:
        if not isinstance(value, code.Call) or not isinstance(value.function, code.Attribute):
            return False
        if value.function.name not in _CONVERSIONS:
            return False
        value = value.function.value
    return True


def _leads_to(value: code.Expression, call: code.Call) -> bool:
    """Whether an expression is the call followed by methods and arithmetic with other operands alone."""
    while value is not call:
        if isinstance(value, code.Call) and isinstance(value.function, code.Attribute):
            value = value.function.value
        elif isinstance(value, (code.Subscript, code.Attribute)):
            value = value.value
        elif isinstance(value, code.UnaryOperation):
            value = value.operand
        elif isinstance(value, code.BinaryOperation):
            value = value.left if any(node is call for node in nodes(value.left)) else value.right
        else:
            return False
    return True


def _hoisted(site: Site, value: code.Expression, call: code.Call, split: Parts) -> tuple[Edit, ...]:
    """``Parameter(tensor, options).method()`` as ``Parameter(tensor.method(), options)``."""
    text = site.text
    start, end = split.arguments[0]
    if call.arguments[0].keyword is not None:
        start = text.start(call.arguments[0].value.span)
    head = text.text[text.start(call.span) : start]
    options = text.text[end : split.closing].rstrip().rstrip(",").rstrip()
    is_atom = isinstance(call.arguments[0].value, _ATOMS) or value is call
    opening, closing = ("", "") if is_atom else ("(", ")")
    inside = text.edit(text.start(call.span), start, opening)
    behind = text.edit(end, text.end(call.span), closing)
    if text.start(value.span) == text.start(call.span):
        # What follows the call moves, and all else stays as it is laid out.
        following = text.text[text.end(call.span) : text.end(value.span)]
        removal = text.edit(text.end(call.span), text.end(value.span), "")
        return (
            *([text.insertion(start, opening)] if opening else []),
            text.insertion(end, closing + following),
            removal,
        )
    first = (text.insertion(text.start(value.span), head), inside)
    if text.end(value.span) == text.end(call.span):
        return (*first, text.edit(end, text.end(call.span), f"{closing}{options})"))
    return (*first, behind, text.insertion(text.end(value.span), f"{options})"))


def _in_place_on_leaf(site: Site, spot: Spot | None) -> Fix | None:
    """``self.weight.uniform_()`` as a statement: it writes through ``.data``, which autograd does not watch."""
    if spot is None or not isinstance(spot.statement, code.ExpressionStatement):
        return None
    call = spot.statement.value
    if not isinstance(call, code.Call) or not isinstance(call.function, code.Attribute):
        return None
    edit = site.text.insertion(site.text.end(call.function.value.span), ".data")
    message = "write through .data, which autograd does not watch: checkpoints keep their keys, older ones load"
    return Fix(message, Applicability.SAFE, (edit,), Effect((site.name,) if site.name else (), reveals=True))


def tensor_over_parameter(site: Site) -> Fix | None:
    """PRM107: by use, the tensor becomes a Parameter where the model is built, or a local in forward."""
    spot = site.spot(site.diagnostic.span)
    event = next((item for item in _rebindings(site) if item.place.span == site.diagnostic.span), None)
    if spot is None or event is None:
        return None
    kept = "checkpoints keep their keys, older ones load"
    if event.by_registration_call:
        call = next(
            (node for node in nodes(spot.statement) if isinstance(node, code.Call) and _is_registration(node)), None
        )
        if call is None or len(call.arguments) < 2:
            return None
        spelled, imports = site.spelled("Parameter", spot)
        edits = (*around(site.text, call.arguments[1].value.span, f"{spelled}(", ")"), *imports)
        return Fix(
            f"give register_parameter() a Parameter: {kept}",
            Applicability.SAFE,
            edits,
            Effect((site.name,), reveals=True),
        )
    statement = spot.statement
    if not isinstance(statement, (code.Assign, code.AnnotatedAssign)) or statement.value is None:
        return None
    reads_itself = any(is_self_attribute(node, spot.function, site.name) for node in nodes(statement.value))
    if event.phase is Phase.CONSTRUCTOR and not reads_itself:
        spelled, imports = site.spelled("Parameter", spot)
        edits = (*around(site.text, statement.value.span, f"{spelled}(", ")"), *imports)
        return Fix(
            f"make the new value a Parameter: {kept}", Applicability.SAFE, edits, Effect((site.name,), reveals=True)
        )
    if event.phase is Phase.FORWARD and reads_itself:
        return _as_local(site, spot)
    return None


def _as_local(site: Site, spot: Spot) -> Fix | None:
    """What forward computes from the parameter is kept in a local of its name, and read from there afterwards."""
    function = spot.function
    name = site.name.lstrip("_")
    if function is None or spot.block is not function.body or not isinstance(spot.statement, code.Assign):
        return None
    if len(spot.statement.targets) != 1 or not is_self_attribute(spot.statement.targets[0], function, site.name):
        return None
    if not name.isidentifier() or any(is_name(node, name) for node in nodes(function)):
        return None
    if any(parameter.name == name for parameter in function.parameters):
        return None
    edits = [site.text.edit(site.text.start(spot.statement.span), site.text.end(spot.statement.targets[0].span), name)]
    behind = spot.block[[item is spot.statement for item in spot.block].index(True) + 1 :]
    for inner in spots(behind):
        for node in nodes(getattr(inner.statement, "targets", ())):
            if is_self_attribute(node, function, site.name):
                return None
    for node in nodes(behind):
        if isinstance(node, code.FormattedString):
            if any(is_self_attribute(item, function, site.name) for item in nodes(node)):
                return None
        elif isinstance(node, code.Attribute) and is_self_attribute(node, function, site.name):
            edits.append(site.text.edit(site.text.start(node.span), site.text.end(node.span), name))
    if len(edits) == 1:
        return _copied(site, spot)
    message = f"keep the result in a local '{name}': the parameter stays what it is, and older checkpoints load"
    return Fix(message, Applicability.SAFE, tuple(edits), Effect(reveals=True))


def _copied(site: Site, spot: Spot) -> Fix | None:
    """A parameter that forward updates for later calls is written in place, beside the graph."""
    statement = spot.statement
    assert isinstance(statement, code.Assign)
    if isinstance(statement.value, code.Display):
        return None
    text, target = site.text, statement.targets[0]
    start = text.text.index("=", text.end(target.span)) + 1
    start += len(text.text[start:]) - len(text.text[start:].lstrip(" \t\f"))
    edits = (
        text.edit(text.end(target.span), start, ".data.copy_("),
        text.insertion(text.end(statement.span), ")"),
    )
    message = f"write the new value into '{site.name}', beside the graph: checkpoints keep their keys, older ones load"
    return Fix(message, Applicability.UNSAFE, edits, Effect(reveals=True))


def _rebindings(site: Site) -> list[Rebinding]:
    runs = site.trace.runs if site.trace is not None else ()
    return [event for run in runs for event in run.events if isinstance(event, Rebinding)]


def _is_registration(call: code.Call) -> bool:
    return isinstance(call.function, code.Attribute) and call.function.name == "register_parameter"


def _has_it_elsewhere(name: str) -> str:
    return (
        f"make '{name}' an nn.Parameter wherever the model is built: checkpoints from where the conversion changed nothing "
        f"hold the key '{name}' and load; others gain it, and load with strict=False only"
    )


def _gains(name: str) -> str:
    return (
        f"make '{name}' an nn.Parameter: it is trained, and checkpoints gain the key '{name}'; older ones load with "
        "strict=False only"
    )


def writes_in_place(operation: str) -> str | None:
    """The in-place method of tensors that belongs to an operation (``mul_`` to ``mul``), if there is one."""
    name = f"{operation}_"
    return name if re.fullmatch(r"[a-z]\w*", operation) and name in torch_api.tensor_members() else None

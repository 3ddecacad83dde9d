"""Repairs of devices: what the source pins follows the model or the input instead."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, pairwise

from paramlint import torch_api
from paramlint.fixes.edits import Parts, parts, with_argument, without_argument
from paramlint.fixes.site import Site, Spot, contains, is_self_attribute, spots
from paramlint.interpret.events import Clash
from paramlint.interpret.scan import nodes
from paramlint.interpret.slots import Phase, Registration
from paramlint.interpret.uses import uses
from paramlint.model import code
from paramlint.model.code import Span
from paramlint.model.diagnostic import Applicability, Edit, Fix
from paramlint.project.choose import is_none

_MOST_STEPS = 2
_KEPT = "checkpoints keep their keys, older ones load"


def hard_coded_device(site: Site) -> Fix | None:
    """PRM501: the device is dropped, so that the model is built where its user says."""
    spot = site.spot(site.diagnostic.span)
    call = site.node(code.Call, site.diagnostic.span)
    if spot is None or call is None or spot.function is None or spot.function.name not in site.constructing:
        return None
    edit = _moves_itself(site, call) or _names_device(site, call) or _by_default(site, call, spot)
    if edit is None:
        return None
    message = f"drop the device: the model is built on the default one, and .to() moves it as a whole; {_KEPT}"
    return Fix(message, Applicability.UNSAFE, (edit,))


def _moves_itself(site: Site, call: code.Call) -> Edit | None:
    """``value.cuda()`` and ``value.to("cuda")``, without what moves."""
    if not isinstance(call.function, code.Attribute):
        return None
    name, owner = call.function.name, call.function.value
    is_to = name == "to" and len(call.arguments) == 1 and not call.arguments[0].star
    if not (is_to or name == "cuda") or (isinstance(owner, code.Name) and owner.identifier in ("torch", "self")):
        return None
    if is_to and not _is_device(call.arguments[0].value):
        return None
    split = parts(site.text, call)
    if split is None:
        return None
    start = site.text.text.rindex(".", site.text.end(owner.span), split.opening)
    return site.text.edit(start, site.text.end(call.span), "")


def _names_device(site: Site, call: code.Call) -> Edit | None:
    split = parts(site.text, call)
    for index, argument in enumerate(call.arguments):
        if split is not None and argument.keyword == "device" and _is_device(argument.value):
            return without_argument(site.text, split, index)
    return None


def _is_device(node: code.Expression) -> bool:
    """A device written out: ``"cuda"``, ``torch.device("cuda:0")``."""
    if isinstance(node, code.Constant):
        return isinstance(node.value, (str, int)) and not isinstance(node.value, bool)
    is_call = (
        isinstance(node, code.Call) and isinstance(node.function, code.Attribute) and node.function.name == "device"
    )
    return is_call and all(isinstance(item.value, code.Constant) for item in getattr(node, "arguments", ()))


def _by_default(site: Site, call: code.Call, spot: Spot) -> Edit | None:
    """The default of the constructor's argument that names the device becomes None, which is the default device."""
    used = {argument.value.identifier for argument in call.arguments if isinstance(argument.value, code.Name)}
    for function, parameter in _origins(site, spot.function, used, _MOST_STEPS):
        default = parameter.default
        if isinstance(default, code.Constant) and isinstance(default.value, str):
            if _is_only_device(site, function, parameter.name, _MOST_STEPS):
                start, end = site.text.start(default.span), site.text.end(default.span)
                # The annotation, where there is one, would be wrong for None.
                named = site.text.text.rfind(parameter.name, 0, start)
                is_annotated = parameter.annotation is not None and named >= 0
                written = f"{parameter.name}=None" if is_annotated else "None"
                return site.text.edit(named if is_annotated else start, end, written)
    return None


def _origins(
    site: Site, function: code.Function | None, names: set[str], steps: int
) -> Iterator[tuple[code.Function, code.Parameter]]:
    """The parameters of a function of these names, and those that methods of the class hand on to it as such."""
    for parameter in function.parameters if function is not None else ():
        if parameter.name in names and function is not None:
            yield function, parameter
            for caller in site.methods if steps else ():
                handed = {
                    argument.value.identifier
                    for call, argument in _handed(caller, function.name)
                    if _parameter_of(function, call, argument) == parameter and isinstance(argument.value, code.Name)
                }
                yield from _origins(site, caller, handed, steps - 1)


def _handed(caller: code.Function, name: str) -> Iterator[tuple[code.Call, code.Argument]]:
    """The arguments of a method's calls of another method of self."""
    for node in nodes(caller):
        if isinstance(node, code.Call) and is_self_attribute(node.function, caller, name):
            yield from ((node, argument) for argument in node.arguments)


def _parameter_of(function: code.Function, call: code.Call, argument: code.Argument) -> code.Parameter | None:
    """The parameter of a method that an argument of a call on self binds."""
    if argument.star or any(item.star for item in call.arguments):
        return None
    if argument.keyword is not None:
        return next((item for item in function.parameters if item.name == argument.keyword), None)
    is_static = any(isinstance(item, code.Name) and item.identifier == "staticmethod" for item in function.decorators)
    position = call.arguments.index(argument) + (0 if is_static else 1)
    return function.parameters[position] if position < len(function.parameters) else None


def _is_only_device(site: Site, function: code.Function, name: str, steps: int) -> bool:
    """Whether an argument only goes into ``device=`` keywords, all of which take None, here or in methods that get it."""
    uses = sum(isinstance(node, code.Name) and node.identifier == name for node in nodes(function))
    given = 0
    for node in nodes(function):
        if not isinstance(node, code.Call):
            continue
        called = node.function
        is_own = isinstance(called, code.Attribute) and is_self_attribute(called, function)
        method = site.method(called.name) if is_own and isinstance(called, code.Attribute) else None
        for argument in node.arguments:
            if not isinstance(argument.value, code.Name) or argument.value.identifier != name:
                continue
            taken = _parameter_of(method, node, argument) if method is not None else None
            if method is None:
                given += argument.keyword == "device"
            elif taken is not None and steps:
                given += _is_only_device(site, method, taken.name, steps - 1)
    return given == uses


def default_device_in_forward(site: Site) -> Fix | None:
    """PRM502: the tensor is made where the one is that it meets."""
    call = site.node(code.Call, site.diagnostic.span)
    spot = site.spot(site.diagnostic.span)
    if call is None or spot is None or spot.function is None:
        return None
    split = parts(site.text, call)
    if split is None or any(argument.keyword == "device" or argument.star == "**" for argument in call.arguments):
        return None
    name = site.refers(call.function, spot)
    known = torch_api.functions.get(name) if name is not None else None
    if known is None or not _takes_device(name):
        return None
    source = next(chain(_beside(site, spot, call), _sources(site, spot, spot.function)), None)
    if source is None:
        return None
    message = f"make it on the device of '{source}': {_KEPT}"
    return Fix(message, Applicability.SAFE, (_on_device(site, call, split, name, source),))


def _on_device(site: Site, call: code.Call, split: Parts, name: str | None, source: str) -> Edit:
    """``device=``; the legacy constructors take none but the CPU (torch/csrc/utils/tensor_new.cpp)."""
    if name in torch_api.tensor_classes():
        end = site.text.end(call.span)
        return site.text.edit(end, end, f".to({source}.device)")
    return with_argument(site.text, split, f"device={source}.device")


def _takes_device(name: str | None) -> bool:
    function = torch_api.functions.get(name) if name is not None else None
    return function is not None and any("device" in overload.parameters for overload in function.overloads)


def _beside(site: Site, spot: Spot, call: code.Call) -> Iterator[str]:
    """The name on the other side of the operator at which the new tensor clashes: it is a tensor there."""
    clashing = {clash.place.span for clash in _clashes(site)}
    for node in nodes(spot.statement):
        if isinstance(node, code.BinaryOperation) and node.span in clashing and call in (node.left, node.right):
            other = node.right if node.left is call else node.left
            if isinstance(other, code.Name) and spot.function is not None:
                values = [
                    getattr(item.statement, "value", None)
                    for item in spots(spot.function.body)
                    if other.identifier in _bound_by(item.statement)
                ]
                if not any(isinstance(value, (code.Constant, code.Conditional)) for value in values):
                    yield other.identifier


def _bound_by(statement: code.Statement) -> set[str]:
    """The names that stand in the targets of a statement."""
    targets = (*getattr(statement, "targets", ()), getattr(statement, "target", None))
    return {node.identifier for target in targets for node in nodes(target) if isinstance(node, code.Name)}


def _sources(site: Site, spot: Spot, function: code.Function) -> Iterator[str]:
    """What is certain to be a tensor in the right place: operands of the clash, arguments, parameters of self."""
    tensors = uses(function).as_tensor | set(_measured(function))
    bound = _bound(function, spot)
    own = [
        item.name
        for item in function.parameters[1:]
        if item.name not in bound and not item.kind.startswith("*") and not _may_be_none(item, function, spot)
    ]
    for clash in _clashes(site):
        inner = site.spot(clash.place.span)
        if inner is not None and inner.function is function:
            for node in nodes(inner.statement):
                if isinstance(node, code.Name) and node.identifier in own and contains(clash.place.span, node.span):
                    if node.identifier in tensors or _is_operand(inner.statement, node):
                        yield node.identifier
    yield from (name for name in own if name in tensors)
    owner = function.parameters[0].name if function.parameters else "self"
    if function in site.methods:
        for run in site.trace.runs[:1] if site.trace is not None else ():
            for slot in run.slots:
                if slot.registration in (Registration.PARAMETER, Registration.BUFFER) and slot.is_certain:
                    if not slot.is_none and slot.phase is Phase.CONSTRUCTOR and slot.name.isidentifier():
                        yield f"{owner}.{slot.name}"


def _may_be_none(parameter: code.Parameter, function: code.Function, spot: Spot) -> bool:
    """Whether an argument that need not be given may be None at a statement."""
    default = parameter.default
    is_optional = default is not None and is_none(default)
    if not is_optional and not any(_asks_for_none(node, parameter.name) for node in nodes(function)):
        return False
    return not any(
        isinstance(outer, code.If)
        and any(
            any(_asks_for_none(test, parameter.name, operator) for test in _all_of(outer.test))
            and any(item is inner for item in block)
            for operator, block in (("is not", outer.body), ("is", outer.orelse))
        )
        for outer, inner in pairwise((*spot.around, spot.statement))
    )


def _asks_for_none(node: object, name: str, *operators: str) -> bool:
    """Whether a node is ``name is None``, or with another operator."""
    return (
        isinstance(node, code.Comparison)
        and isinstance(node.left, code.Name)
        and node.left.identifier == name
        and len(node.operators) == 1
        and node.operators[0] in (operators or ("is", "is not", "==", "!="))
        and is_none(node.comparators[0])
    )


def _all_of(test: code.Expression) -> tuple[code.Expression, ...]:
    """The conditions that all hold where a test does."""
    return test.operands if isinstance(test, code.BooleanOperation) and test.operator == "and" else (test,)


def _measured(function: code.Function) -> Iterator[str]:
    """The names whose ``size()`` is asked for: of arrays it is no method."""
    for node in nodes(function.body):
        match node:
            case code.Call(function=code.Attribute(value=code.Name(identifier=name), name="size")):
                yield name


def _is_operand(statement: code.Statement, name: code.Name) -> bool:
    """Whether a name stands beside an operator of the statement."""
    return any(
        isinstance(node, code.BinaryOperation) and (node.left == name or node.right == name)
        for node in nodes(statement)
    )


def _clashes(site: Site) -> Iterator[Clash]:
    for clash in site.clashes():
        if clash.place.path == site.diagnostic.path and clash.pinned.made.span == site.diagnostic.span:
            yield clash


def _bound(function: code.Function, before: Spot) -> set[str]:
    """The names that a function binds to something else, at or before a statement (and so anywhere in a loop)."""
    return {
        node.identifier
        for spot in spots(function.body)
        for target in (*getattr(spot.statement, "targets", ()), getattr(spot.statement, "target", None))
        if target is not None and _comes_first(target, before)
        for node in nodes(target)
        if isinstance(node, code.Name) and not _keeps_tensor(spot.statement, node.identifier)
    }


def _comes_first(target: code.Expression, spot: Spot) -> bool:
    here: Span | None = getattr(spot.statement, "span", None)
    in_loop = any(isinstance(item, (code.For, code.While)) for item in spot.around)
    return in_loop or here is None or target.span < here


def _keeps_tensor(statement: code.Statement, name: str) -> bool:
    """``x = x.view(...)`` and the like leave a tensor a tensor, on its device."""
    value = getattr(statement, "value", None)
    while isinstance(value, code.Call) and isinstance(value.function, code.Attribute):
        if value.function.name in ("to", "cpu", "cuda", "numpy", "tolist", "item", "size", "dim"):
            return False
        value = value.function.value
    return isinstance(value, code.Name) and value.identifier == name


def tensor_in_container(site: Site) -> Fix | None:
    """PRM110: the elements follow the input where they are read."""
    related = site.diagnostic.related
    spot = site.spot(related[0].span) if related and related[0].path == site.diagnostic.path else None
    if spot is None or spot.function is None:
        return None
    function, text = spot.function, site.text
    tensors = uses(function).as_tensor
    names = [item.name for item in function.parameters[1:] if not item.kind.startswith("*")]
    moving = next(
        (
            node.identifier
            for node in nodes(spot.statement)
            if isinstance(node, code.Name)
            and node.identifier in names
            and node.identifier not in _bound(function, spot)
            if _is_operand(spot.statement, node) or node.identifier in tensors
        ),
        None,
    )
    reads = [
        node
        for node in nodes(function.body)
        if isinstance(node, code.Subscript) and is_self_attribute(node.value, function, site.name)
    ]
    if moving is None or not reads or any(isinstance(node.index, code.Slice) for node in reads):
        return None
    edits = tuple(text.insertion(text.end(node.span), f".to({moving}.device)") for node in reads)
    return Fix(f"move it to the device of '{moving}' where it is read: {_KEPT}", Applicability.SAFE, edits)

"""Repairs of containers: what a list or dict holds is registered by torch's own containers."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint import torch_api
from paramlint.fixes.container_uses import unsupported_use
from paramlint.fixes.edits import around
from paramlint.fixes.site import Binding, Site, Spot, class_spots, is_self_attribute, spots
from paramlint.interpret.scan import nodes
from paramlint.interpret.slots import Slot
from paramlint.model import code
from paramlint.model.diagnostic import Applicability, Edit, Effect, Fix

_LISTS = frozenset({"list", "tuple"})


class _Cannot(Exception):
    """The container cannot be replaced; the message says why."""


def module_in_container(site: Site) -> Fix | None:
    """PRM105: ``nn.ModuleList`` or ``nn.ModuleDict``."""
    return _replaced(site, "ModuleList", "ModuleDict", "modules")


def parameter_in_container(site: Site) -> Fix | None:
    """PRM104: ``nn.ParameterList`` or ``nn.ParameterDict``."""
    return _replaced(site, "ParameterList", "ParameterDict", "parameters")


def _replaced(site: Site, of_list: str, of_dict: str, what: str) -> Fix | None:
    slot = next((slot for _, slot in site.slots(site.name) if slot.place.span == site.diagnostic.span), None)
    bindings = site.bindings(site.name, with_augmented=True)
    if slot is None or site.inherited_binds(site.name):
        return None
    kind = of_dict if slot.container == "dict" else of_list
    try:
        if slot.container not in (*_LISTS, "dict"):
            raise _Cannot(f"a {slot.container} has no counterpart in torch")
        if not bindings:
            raise _Cannot(f"'{site.name}' is bound in another way than by plain assignments")
        for key in _keys_set_later(site) if kind == of_dict else ():
            _check_key(site, key, kind)
        _check_members(slot, bindings, what)
        _check_values(site, slot, bindings, what)
        problem = unsupported_use(site, kind)
        if problem is not None:
            raise _Cannot(problem)
        edits = [
            edit for binding in bindings for edit in (*_unannotated(site, binding), *_wrapped(site, binding, kind))
        ]
    except _Cannot as reason:
        return Fix(f"not replaced by nn.{kind}: {reason}", Applicability.DISPLAY, ())
    message = (
        f"register the {what} in an nn.{kind}: they are trained, moved and saved; checkpoints gain the keys "
        f"'{site.name}.*', and older ones load with strict=False only"
    )
    return Fix(message, Applicability.UNSAFE, tuple(dict.fromkeys(edits)), Effect((site.name,), draws=True))


def _check_members(slot: Slot, bindings: list[Binding], what: str) -> None:
    nested = any(member.where.count("[") > 1 for member in slot.members)
    if nested and not all(_is_nested(binding.value) for binding in bindings):
        raise _Cannot("it holds other containers")
    for member in slot.members:
        if (member.module if what == "modules" else member.tensor) is None:
            raise _Cannot(f"it may hold other things than {what}")
        if member.tensor is not None and not member.tensor.is_parameter:
            raise _Cannot("it holds tensors that are no parameters")


def _check_values(site: Site, slot: Slot, bindings: list[Binding], what: str) -> None:
    """Raise _Cannot where something else is written out as an element, or added later: torch's containers refuse it."""
    values = [binding.value for binding in bindings]
    for binding in bindings:
        if isinstance(binding.value, code.Display):
            for index, element in enumerate(binding.value.elements):
                if isinstance(element, code.Starred):
                    break
                is_held = any(member.where.startswith(f"[{index}]") for member in slot.members)
                if not is_held and not (isinstance(element, code.Constant) and element.value is None):
                    raise _Cannot(f"it may hold other things than {what}: {site.text.of(element.span)}")
    locals_ = {value.identifier for value in values if isinstance(value, code.Name)}
    for spot in class_spots(site):
        for value in (*_dict_values(spot.statement, site, values), *_added(spot, site.name, locals_)):
            if _is_function(site, value, spot):
                raise _Cannot(f"it holds other things than {what}: {site.text.of(value.span)}")


def _dict_values(statement: code.Statement, site: Site, bound: list[code.Expression]) -> Iterator[code.Expression]:
    for node in nodes(statement):
        if isinstance(node, code.DictDisplay) and any(node is value for value in bound):
            yield from node.values


def _added(spot: Spot, name: str, names: set[str]) -> Iterator[code.Expression]:
    """What a statement adds to the container, or to the local that becomes it."""
    statement = spot.statement
    if isinstance(statement, code.Assign):
        for target in statement.targets:
            if isinstance(target, code.Subscript) and is_self_attribute(target.value, spot.function, name):
                yield statement.value
    call = statement.value if isinstance(statement, code.ExpressionStatement) else None
    if isinstance(call, code.Call) and isinstance(call.function, code.Attribute):
        owner = call.function.value
        is_local = isinstance(owner, code.Name) and owner.identifier in names
        if call.function.name in ("append", "insert") and (is_local or is_self_attribute(owner, spot.function, name)):
            yield from (argument.value for argument in call.arguments[-1:])


def _is_function(site: Site, value: code.Expression, spot: Spot) -> bool:
    return isinstance(value, code.Lambda) or site.refers(value, spot) in torch_api.functions


def _is_nested(value: code.Expression) -> bool:
    """Whether a list is written as a list of lists, which can be replaced with it."""
    if isinstance(value, code.Comprehension):
        return isinstance(value.element, (code.Display, code.Comprehension))
    return isinstance(value, code.Display) and any(
        isinstance(element, (code.Display, code.Comprehension)) for element in value.elements
    )


def _unannotated(site: Site, binding: Binding) -> Iterator[Edit]:
    """Drop the annotation of a list or dict, which the container is not."""
    statement = binding.spot.statement
    if isinstance(statement, code.AnnotatedAssign):
        text = site.text
        yield text.edit(text.end(statement.target.span), text.end(statement.annotation.span), "")


def _wrapped(site: Site, binding: Binding, kind: str) -> Iterator[Edit]:
    """The edits that put the class around what one statement binds."""
    value = binding.value
    if isinstance(value, code.Constant) and value.value is None:
        return
    if kind.endswith("Dict"):
        yield from _wrapped_dict(site, binding, kind)
    elif isinstance(value, code.Name):
        _check_local(site, binding, value)
        yield from _call(site, binding.spot, value, kind)
    else:
        yield from _wrapped_list(site, binding.spot, value, kind)


def _wrapped_list(site: Site, spot: Spot, value: code.Expression, kind: str) -> Iterator[Edit]:
    if isinstance(value, code.Display) and value.kind in _LISTS:
        if not value.elements:
            spelled, imports = site.spelled(kind, spot)
            yield site.text.edit(site.text.start(value.span), site.text.end(value.span), f"{spelled}()")
            yield from imports
            return
        yield from _bare(site, spot, value, kind) or _call(site, spot, value, kind)
        elements = value.elements
    elif isinstance(value, code.Comprehension) and value.kind == "list":
        yield from _call(site, spot, value, kind)
        elements = (value.element,)
    elif _is_of_lists(value):
        yield from _call(site, spot, value, kind)
        return
    elif isinstance(value, code.Call) and site.refers(value.function, spot) in ("builtins.list", "builtins.tuple"):
        if not value.arguments:
            spelled, imports = site.spelled(kind, spot)
            yield site.text.edit(site.text.start(value.span), site.text.end(value.span), f"{spelled}()")
            yield from imports
            return
        yield from _call(site, spot, value, kind)
        return
    else:
        raise _Cannot(f"what line {value.span.line} binds to it is not written as a list")
    for element in elements:
        if isinstance(element, (code.Display, code.Comprehension)):
            yield from _wrapped_list(site, spot, element, kind)
        elif isinstance(element, (code.DictDisplay, code.Constant)):
            raise _Cannot("it holds other containers or constants")


def _bare(site: Site, spot: Spot, value: code.Display, kind: str) -> tuple[Edit, ...]:
    """The edits for a tuple without parentheses, whose last comma may be all that makes it one."""
    text = site.text
    written = text.of(value.span)
    if value.kind != "tuple" or written.startswith("("):
        return ()
    end = text.end(value.span)
    comma = end - 1 if written.endswith(",") else end
    spelled, imports = site.spelled(kind, spot)
    return text.insertion(text.start(value.span), f"{spelled}(["), text.edit(comma, end, "])"), *imports


def _is_of_lists(value: code.Expression) -> bool:
    """Whether an expression joins or repeats lists, or chooses between two."""
    if isinstance(value, code.Conditional):
        return _is_list(value.body) and _is_list(value.orelse)
    return isinstance(value, code.BinaryOperation) and value.operator in "+*"


def _is_list(value: code.Expression) -> bool:
    """Whether a list is written out, without others in it."""
    elements = value.elements if isinstance(value, code.Display) else ()
    if isinstance(value, code.Comprehension):
        elements = (value.element,)
    is_plain = not any(isinstance(item, (code.Display, code.DictDisplay, code.Comprehension)) for item in elements)
    return isinstance(value, (code.Display, code.Comprehension)) and value.kind == "list" and is_plain


def _wrapped_dict(site: Site, binding: Binding, kind: str) -> Iterator[Edit]:
    value, spot = binding.value, binding.spot
    keys: list[code.Expression | None] = []
    if isinstance(value, code.DictDisplay):
        keys += value.keys
        if any(isinstance(item, (code.Display, code.DictDisplay, code.Comprehension)) for item in value.values):
            raise _Cannot("it holds other containers")
    elif isinstance(value, code.Comprehension) and value.kind == "dict":
        keys.append(value.element)
    elif not (isinstance(value, code.Call) and site.refers(value.function, spot) == "builtins.dict"):
        raise _Cannot(f"what line {value.span.line} binds to it is not written as a dict")
    elif any(item.star or item.keyword is None for item in value.arguments):
        raise _Cannot("it is made from another mapping")
    else:
        keys += [code.Constant(item.keyword, value.span) for item in value.arguments]
    keys += _keys_set_later(site)
    for key in keys:
        _check_key(site, key, kind)
    spelled, imports = site.spelled(kind, spot)
    is_empty = (
        not value.arguments if isinstance(value, code.Call) else not keys or not site.text.of(value.span)[1:-1].strip()
    )
    if is_empty:
        yield site.text.edit(site.text.start(value.span), site.text.end(value.span), f"{spelled}()")
        yield from imports
    else:
        yield from _call(site, spot, value, kind)


def _check_key(site: Site, key: code.Expression | None, kind: str) -> None:
    """Keys become attribute names of the container: strings without dots that it does not have already."""
    if isinstance(key, code.FormattedString):
        if any(isinstance(part, str) and "." in part for part in key.parts):
            raise _Cannot("a key holds a dot")
    elif isinstance(key, code.Call) and isinstance(key.function, code.Name) and key.function.identifier == "str":
        return
    elif isinstance(key, code.Name):
        values = [value for iterable in _iterables(site, key.identifier, site.spot(key.span)) for value in iterable]
        if not values:
            raise _Cannot(f"whether its keys ('{key.identifier}') are names for attributes is not known")
        for value in values:
            _check_key(site, value, kind)
    elif not (isinstance(key, code.Constant) and isinstance(key.value, str)):
        raise _Cannot("a key is no string")
    elif "." in key.value or not key.value:
        raise _Cannot(f"the key {key.value!r} is no name for an attribute")
    elif torch_api.external_member(f"torch.nn.{kind}", key.value):
        raise _Cannot(f"the key {key.value!r} is the name of an attribute of nn.{kind}")


def _iterables(site: Site, name: str, place: Spot | None) -> Iterator[tuple[code.Expression, ...]]:
    """What loops of the function let a name run over, where it is written out; anything else comes as no elements."""
    function = None if place is None else place.function
    for spot in class_spots(site):
        if spot.function is not function:
            continue
        clauses = [node for node in nodes(spot.statement) if isinstance(node, code.Clause)]
        loops: list[code.For | code.Clause] = [*clauses]
        if isinstance(spot.statement, code.For):
            loops.append(spot.statement)
        for loop in loops:
            if isinstance(loop.target, code.Name) and loop.target.identifier == name:
                if not isinstance(loop.iterable, code.Display):
                    raise _Cannot(f"whether its keys ('{name}') are names for attributes is not known")
                yield loop.iterable.elements


def _keys_set_later(site: Site) -> Iterator[code.Expression]:
    """The keys under which the class puts things into the dict afterwards."""
    for spot in class_spots(site):
        for target in getattr(spot.statement, "targets", ()):
            if isinstance(target, code.Subscript) and is_self_attribute(target.value, spot.function, site.name):
                yield target.index


def _check_local(site: Site, binding: Binding, value: code.Name) -> None:
    """A local list may become a container's contents when nothing touches it afterwards."""
    for node in nodes(binding.method):
        if isinstance(node, code.Name) and node.identifier == value.identifier and node.span > value.span:
            raise _Cannot(f"'{value.identifier}' is used again after it is bound to '{site.name}'")
    sources = [
        spot.statement.value
        for spot in spots(binding.method.body)
        if isinstance(spot.statement, code.Assign) and _names(spot.statement.targets, value.identifier)
    ]
    for source in sources:
        is_list = isinstance(source, code.Display) and source.kind == "list"
        if not (is_list or (isinstance(source, code.Comprehension) and source.kind == "list")):
            raise _Cannot(f"'{value.identifier}' is not written as a list")
    if not sources:
        raise _Cannot(f"where '{value.identifier}' is made is not known")


def _names(targets: tuple[code.Expression, ...], name: str) -> bool:
    return any(isinstance(target, code.Name) and target.identifier == name for target in targets)


def _call(
    site: Site, spot: Spot, value: code.Expression, kind: str, opening: str = "", closing: str = ""
) -> Iterator[Edit]:
    spelled, imports = site.spelled(kind, spot)
    yield from around(site.text, value.span, f"{spelled}({opening}", f"{closing})")
    yield from imports

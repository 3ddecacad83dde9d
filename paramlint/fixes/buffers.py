"""Repairs that make a tensor a buffer."""

from __future__ import annotations

from paramlint.fixes.constants import stays_constant
from paramlint.fixes.edits import parts, without_argument
from paramlint.fixes.site import Binding, Site, Spot, self_name
from paramlint.interpret.scan import nodes
from paramlint.interpret.slots import Phase, Registration
from paramlint.model import code
from paramlint.model.diagnostic import Applicability, Edit, Effect, Fix

_PARAMETER = "torch.nn.Parameter"
_COMPLEX = frozenset({"polar", "complex", "view_as_complex", "complex64", "complex128", "cfloat", "cdouble"})


def unregistered_tensor(site: Site) -> Fix | None:
    """PRM101: the attribute becomes a buffer, one that checkpoints leave out where it can be computed again."""
    slots = [slot for _, slot in site.slots(site.name)]
    held = [slot for slot in slots if not slot.is_none]
    if slots and not held:
        return _filled_later(site)
    tensors = [slot.tensor for slot in held if slot.registration is Registration.PLAIN_TENSOR and slot.is_certain]
    if not held or len(tensors) != len(held) or _is_made_by_forward(site):
        return None
    bound = tuple(item.value for item in site.bindings(site.name, with_augmented=True) or ())
    if any(_asks_for_gradients(node) for node in nodes(bound)):
        return None
    is_random = any(tensor is not None and tensor.is_random for tensor in tensors)
    if is_random and site.name.strip("_") in ("weight", "bias", "kernel", "weights"):
        reason = f"not registered: by its name and its random values '{site.name}' may be meant to be a parameter"
        return Fix(reason, Applicability.DISPLAY, ())
    edits = registered(site, is_persistent=is_random)
    if edits is None:
        return None
    if is_random:
        message = (
            f"register '{site.name}' as a buffer: it is saved, so checkpoints gain the key '{site.name}' and older ones "
            "load with strict=False only"
        )
        return Fix(message, Applicability.UNSAFE, edits, Effect((site.name,)))
    message = f"register '{site.name}' as a buffer that is not saved: checkpoints keep their keys, and older ones load"
    if any(isinstance(node, code.Attribute) and node.name in _COMPLEX for node in nodes(bound)):
        message += "; .to() a real dtype would drop its imaginary part"
    return Fix(message, Applicability.SAFE, edits, Effect((site.name,)))


def _is_made_by_forward(site: Site) -> bool:
    """Whether forward binds the name to what it makes and what then meets the model: a buffer holds that no better."""
    runs = site.trace.runs if site.trace is not None else ()
    is_bound = any(site.name in run.rewritten for run in runs)
    return is_bound and any(clash.home == site.name and clash.pinned.phase is Phase.FORWARD for clash in site.clashes())


def _filled_later(site: Site) -> Fix | None:
    """An attribute that construction sets to None and something else to tensors: it is registered while it is None."""
    bindings = site.bindings(site.name)
    kept = [
        slot
        for run in (site.trace.runs if site.trace is not None else ())
        for slot in run.kept
        if slot.name == site.name
    ]
    if not bindings or site.inherited_binds(site.name) or not kept:
        return None
    if any(not slot.is_none and slot.registration is not Registration.PLAIN_TENSOR for slot in kept):
        return None
    made = [item for item in bindings if item.method.name == "__init__"]
    if len(made) != 1 or not isinstance(made[0].value, code.Constant) or made[0].spot.block is not made[0].method.body:
        return None
    message = (
        f"register '{site.name}' as a buffer that is not saved, and None at first, so that it moves once it is made; "
        "where forward makes it, it needs the input's device still. Checkpoints keep their keys, and older ones load"
    )
    edits = _register_call(site, made[0], False, is_method=True)
    # On an accelerator the first call may still raise: half a repair is the user's to finish.
    return Fix(message, Applicability.UNSAFE, edits, Effect((site.name,)))


def parameter_to_buffer(site: Site) -> Fix | None:
    """PRM201, PRM202, PRM203: what is no weight leaves the parameters; its key in checkpoints stays."""
    bindings = site.bindings(site.name, with_augmented=True)
    if bindings is None or not bindings or site.inherited_binds(site.name):
        return None
    if site.diagnostic.code == "PRM202" and not stays_constant(site):
        reason = f"not registered as a buffer: nothing tells whether '{site.name}' is to stay as it is or to be trained"
        return Fix(reason, Applicability.DISPLAY, ())
    if site.diagnostic.code == "PRM203" and any(_is_cast(node) for item in bindings for node in nodes(item.value)):
        reason = (
            f"not registered as a buffer: whether '{site.name}' is meant to hold integers or to be trained is not known"
        )
        return Fix(reason, Applicability.DISPLAY, ())
    edits: list[Edit] = []
    for binding in bindings:
        value = binding.value
        if isinstance(value, code.Constant) and value.value is None and binding.method.name == "__init__":
            edits += _register_call(site, binding, True)
            continue
        if not isinstance(value, code.Call) or site.refers(value.function, binding.spot) != _PARAMETER:
            return None
        unwrapped = _unwrapped(site, value)
        if unwrapped is None:
            return None
        # The two rewritings meet where the value begins and ends.
        edits += _joined(site, _register_call(site, binding, True), unwrapped)
    if site.diagnostic.code == "PRM203":
        message = (
            f"register '{site.name}' as a buffer: the key '{site.name}' is the one that the parameter would have had"
        )
        return Fix(message, Applicability.SAFE, tuple(edits), Effect((site.name,), reveals=True))
    message = (
        f"register '{site.name}' as a buffer: its key in checkpoints stays, so older ones load; the optimiser's state no "
        "longer counts it"
    )
    return Fix(message, Applicability.UNSAFE, tuple(edits), Effect((site.name,)))


def parameter_as_buffer(site: Site) -> Fix | None:
    """PRM106: ``register_buffer`` of a Parameter becomes ``register_parameter``; ``nn.Buffer`` around one goes."""
    spot = site.spot(site.diagnostic.span)
    if spot is None:
        return None
    call = next(
        (node for node in nodes(spot.statement) if isinstance(node, code.Call) and _registers(site, node)), None
    )
    split = None if call is None else parts(site.text, call)
    if call is None or split is None:
        return None
    message = f"register '{site.name}' as a parameter: its key in checkpoints stays, so older ones load; it is trained from now on"
    if not isinstance(call.function, code.Attribute) or call.function.name != "register_buffer":
        inner = call.arguments[0].value
        if not _is_parameter(site, inner, spot):
            return None
        edits = [site.text.edit(site.text.start(call.span), site.text.start(inner.span), "")]
        edits.append(site.text.edit(site.text.end(inner.span), site.text.end(call.span), ""))
        return Fix(message, Applicability.UNSAFE, tuple(edits), Effect((site.name,)))
    if len(call.arguments) < 2 or call.arguments[1].star or call.arguments[1].keyword not in (None, "tensor"):
        return None
    name = site.text.end(call.function.span)
    edits = [site.text.edit(name - len("register_buffer"), name, "register_parameter")]
    value = call.arguments[1]
    start, end = split.arguments[1]
    if value.keyword == "tensor":
        edits.append(site.text.edit(start, start + len("tensor"), "param"))
    if not _is_parameter(site, value.value, spot):
        spelled, imports = site.spelled("Parameter", spot)
        inner_start = site.text.start(value.value.span) if value.keyword else start
        edits += [site.text.insertion(inner_start, f"{spelled}("), site.text.insertion(end, ")"), *imports]
    if len(call.arguments) == 3:
        edits.append(without_argument(site.text, split, 2))
    if any(item.keyword == "persistent" and not _is_true(item.value) for item in call.arguments):
        message = (
            f"register '{site.name}' as a parameter: checkpoints gain its key; older ones load with strict=False only"
        )
    return Fix(message, Applicability.UNSAFE, tuple(edits), Effect((site.name,)))


def stale_alias(site: Site) -> Fix | None:
    """PRM112: the buffer gets a copy, so that the plain attribute keeps its value."""
    if not site.diagnostic.related or site.diagnostic.related[0].path != site.diagnostic.path:
        return None
    spot = site.spot(site.diagnostic.related[0].span)
    calls = () if spot is None else [node for node in nodes(spot.statement) if isinstance(node, code.Call)]
    call = next((node for node in calls if _registers(site, node)), None)
    if call is None:
        return None
    is_method = isinstance(call.function, code.Attribute) and call.function.name == "register_buffer"
    if len(call.arguments) <= int(is_method):
        return None
    value = call.arguments[int(is_method)].value
    if not isinstance(value, (code.Name, code.Attribute, code.Call, code.Subscript)):
        return None
    edit = site.text.insertion(site.text.end(value.span), ".clone()")
    message = (
        f"give the buffer a copy, so that '{site.name}' keeps its value: checkpoints keep their keys, older ones load"
    )
    return Fix(message, Applicability.SAFE, (edit,))


def registered(site: Site, is_persistent: bool) -> tuple[Edit, ...] | None:
    """The edits that turn what construction binds to the attribute into buffers; None where that cannot be done."""
    if site.inherited_binds(site.name):
        return None
    named = _named_by_setattr(site)
    if named is not None:
        return named if is_persistent is False else None
    bindings = site.bindings(site.name, with_augmented=True)  # which writes to a tensor in place
    if not bindings:
        return None
    edits: list[Edit] = []
    for binding in bindings:
        value = binding.value
        if isinstance(value, code.Constant) and value.value is not None:
            return None
        if binding.method.name in site.constructing:
            edits += _register_call(site, binding, is_persistent)
    return tuple(edits) or None


def _register_call(site: Site, binding: Binding, is_persistent: bool, is_method: bool = False) -> tuple[Edit, ...]:
    """Write one binding as the registration of a buffer: a head in front of the value, and a tail behind it.

    ``is_method``: by ``register_buffer``, whatever the project's style.
    """
    text, statement = site.text, binding.spot.statement
    assert isinstance(statement, (code.Assign, code.AnnotatedAssign))
    start, end = text.start(statement.span), text.end(statement.span)
    head = statement.annotation.span if isinstance(statement, code.AnnotatedAssign) else binding.target.span
    value = _after_equals(text.text, text.end(head))
    option = "" if is_persistent else ", persistent=False"
    is_none = isinstance(binding.value, code.Constant)
    if site.style == "nn.Buffer" and not is_none and not is_method:
        spelled, imports = site.spelled("Buffer", binding.spot)
        return (text.insertion(value, f"{spelled}("), text.insertion(end, f"{option})"), *imports)
    if site.style == "nn.Buffer" and not is_method:
        return ()
    declared = ""
    if isinstance(statement, code.AnnotatedAssign):
        declared = f"{text.text[start : text.end(head)]}\n{text.indentation(statement.span.line)}"
    owner = self_name(binding.method)
    before = f'{declared}{owner}.register_buffer("{site.name}", '
    return text.edit(start, value, before), text.insertion(end, f"{option})")


def _after_equals(text: str, offset: int) -> int:
    """The offset of the value behind the equals sign that follows an offset."""
    offset = text.index("=", offset) + 1
    while text[offset] in " \t\f":
        offset += 1
    return offset


def _named_by_setattr(site: Site) -> tuple[Edit, ...] | None:
    """``setattr(self, name, tensor)``, whose name is computed."""
    spot = site.spot(site.diagnostic.span)
    statement = None if spot is None else spot.statement
    if (
        spot is None
        or not isinstance(statement, code.ExpressionStatement)
        or not isinstance(statement.value, code.Call)
    ):
        return None
    call = statement.value
    split = parts(site.text, call)
    method = spot.function
    if split is None or len(split.arguments) != 3 or any(item.star or item.keyword for item in call.arguments):
        return None
    function, owner = call.function, call.arguments[0].value
    if not isinstance(function, code.Name) or function.identifier != "setattr" or method is None:
        return None
    if not isinstance(owner, code.Name) or owner.identifier != self_name(method):
        return None
    head = site.text.edit(site.text.start(call.span), split.arguments[1][0], f"{owner.identifier}.register_buffer(")
    return head, site.text.insertion(split.arguments[2][1], ", persistent=False")


def _unwrapped(site: Site, call: code.Call) -> tuple[Edit, ...] | None:
    """The edits that leave of ``nn.Parameter(tensor, requires_grad=...)`` the tensor."""
    split = parts(site.text, call)
    if split is None or not call.arguments or call.arguments[0].star or call.arguments[0].keyword not in (None, "data"):
        return None
    start = (
        split.arguments[0][0] if call.arguments[0].keyword is None else site.text.start(call.arguments[0].value.span)
    )
    text = site.text
    return text.edit(text.start(call.span), start, ""), text.edit(split.arguments[0][1], text.end(call.span), "")


def _joined(site: Site, outer: tuple[Edit, ...], inner: tuple[Edit, ...]) -> list[Edit]:
    """Edits that touch, made into one each."""
    text = site.text
    head, tail, *rest = outer
    first, last = inner
    gap = text.text[text.end(head.span) : text.start(first.span)]
    behind = text.text[text.end(last.span) : text.start(tail.span)]
    return [
        text.edit(text.start(head.span), text.end(first.span), f"{head.replacement}{gap}"),
        text.edit(text.start(last.span), text.end(tail.span), f"{behind}{tail.replacement}"),
        *rest,
    ]


def _is_cast(node: object) -> bool:
    """Whether an expression makes integers of something else."""
    return (
        isinstance(node, code.Call)
        and isinstance(node.function, code.Attribute)
        and node.function.name in ("long", "int", "short", "char", "byte", "bool")
    )


def _asks_for_gradients(node: object) -> bool:
    """Whether a part of an expression speaks of a weight: it asks for gradients, or is initialised like one."""
    if isinstance(node, code.Argument):
        return node.keyword == "requires_grad"
    return isinstance(node, code.Attribute) and node.name in ("requires_grad_", "init")


def _registers(site: Site, call: code.Call) -> bool:
    if isinstance(call.function, code.Attribute) and call.function.name == "register_buffer":
        return True
    return site.refers(call.function) in ("torch.nn.Buffer", "torch.nn.parameter.Buffer") and bool(call.arguments)


def _is_parameter(site: Site, node: code.Expression, spot: Spot) -> bool:
    """Whether an expression is a call of ``nn.Parameter``, or an attribute or name (which then holds one)."""
    if isinstance(node, code.Call):
        return site.refers(node.function, spot) == _PARAMETER
    return False


def _is_true(node: code.Expression) -> bool:
    return isinstance(node, code.Constant) and node.value is True

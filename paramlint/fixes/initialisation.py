"""Repairs of initialisation: what was meant to be written is written, once and where it lasts."""

from __future__ import annotations

from paramlint import torch_api
from paramlint.fixes.construction import stands_alone, statement_start, top_level
from paramlint.fixes.edits import Text, parts
from paramlint.fixes.parameters import writes_in_place
from paramlint.fixes.site import Site, Spot, is_self_attribute, self_name
from paramlint.interpret.scan import nodes
from paramlint.interpret.slots import Phase, Registration
from paramlint.model import code
from paramlint.model.diagnostic import Applicability, Edit, Effect, Fix

_KEPT = "checkpoints keep their keys, older ones load"
_UNIT = "    "
# What torch's own layers do with parameters of these names (``reset_parameters`` of Linear, the norms, Embedding), and
# the usual scale of learned tokens.
_ZEROS = ("bias", "beta", "shift")
_ONES = ("gamma", "gain", "scale")
_MATRICES = ("weight", "kernel", "proj", "filter")
_TOKENS = ("embed", "token", "prompt", "query", "queries", "position", "pos", "memory", "latent", "cls", "table")
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


def uninitialised_parameter(site: Site) -> Fix | None:
    """PRM301: the initialisation that torch's layers give a parameter of that name, where the name says what it is."""
    spot = site.spot(site.diagnostic.span)
    slot = next((slot for _, slot in site.slots(site.name) if slot.place.span == site.diagnostic.span), None)
    if spot is None or spot.function is None or slot is None or slot.tensor is None or not stands_alone(site, spot):
        return None
    if not isinstance(spot.statement, code.Assign) or len(spot.statement.targets) != 1:
        return None
    if not is_self_attribute(spot.statement.targets[0], spot.function, site.name):
        return None
    scheme = _convention(site.name, slot.tensor.rank)
    if scheme is None:
        return None
    spelled, imports = site.spelled(f"init.{scheme[0]}", spot)
    line = spot.statement.span.line
    call = f"{spelled}({self_name(spot.function)}.{site.name}{scheme[1]})"
    offset = site.text.line_end(spot.statement.span.end_line)
    edit = site.text.insertion(offset, f"\n{site.text.indentation(line)}{call}")
    message = f"initialise it, as torch's own layers do ({scheme[0]}): {_KEPT}"
    return Fix(message, Applicability.UNSAFE, (edit, *imports), Effect((site.name,), values=True, outputs=True))


def _convention(name: str, rank: int | None) -> tuple[str, str] | None:
    words = name.lower().split("_")

    def means(stems: tuple[str, ...]) -> bool:
        return any(word.startswith(stem) or word.endswith(stem) for word in words for stem in stems)

    if means(_ZEROS):
        return "zeros_", ""
    if means(_TOKENS):
        return "normal_", ", std=0.02"
    if means(_MATRICES):
        return ("kaiming_uniform_", ", a=5**0.5") if rank is not None and rank > 1 else None
    return ("ones_", "") if means(_ONES) and rank == 1 else None


def init_never_called(site: Site) -> Fix | None:
    """PRM303: the constructor ends in a call of the scheme."""
    constructor, scheme = site.method("__init__"), site.method(site.name)
    if constructor is None or scheme is None or scheme.decorators or site.diagnostic.span != scheme.span:
        return None
    own = self_name(constructor)
    required = [item for item in scheme.parameters[1:] if item.default is None and not item.kind.startswith("*")]
    if not required:
        call = f"{own}.{site.name}()"
    elif len(required) == 1 and required[0].name in ("m", "module", "layer"):
        call = f"{own}.apply({own}.{site.name})"
    else:
        return None
    last = _end(constructor.body)
    if last is None or isinstance(constructor.body[-1], code.Return):
        return None
    first = statement_start(site, constructor.body[-1])
    if first is None or not _opens_line(site.text, first):
        return None
    indentation = site.text.indentation(site.text.span(first, first).line)
    edit = site.text.insertion(site.text.line_end(last), f"\n{indentation}{call}")
    message = f"call it at the end of the constructor: initial values change; {_KEPT}"
    return Fix(message, Applicability.UNSAFE, (edit,), Effect(values=True, outputs=True))


def init_too_early(site: Site) -> Fix | None:
    """PRM304: the call moves below the last layer that the constructor makes."""
    constructor, spot = site.method("__init__"), site.spot(site.diagnostic.span)
    if constructor is None or spot is None or spot.block is not constructor.body or not stands_alone(site, spot):
        return None
    last: code.Statement | None = None
    for run in site.trace.runs if site.trace is not None else ():
        for slot in run.slots:
            if slot.registration is Registration.SUBMODULE and slot.phase is Phase.CONSTRUCTOR:
                holder = top_level(constructor, site.spot(slot.place.span))
                positions = [index for index, item in enumerate(constructor.body) if item is holder or item is last]
                last = constructor.body[max(positions)] if positions else last
    end = None if last is None else _end((last,))
    if end is None or not isinstance(spot.statement, code.ExpressionStatement):
        return None
    text, span = site.text, spot.statement.span
    start, stop = text.offset(span.line, 1), text.line_end(span.end_line)
    if text.line_end(end) < start:
        return None
    removal = text.edit(start, min(stop + len(text.newline), len(text.text)), "")
    insertion = text.insertion(text.line_end(end), f"\n{text.text[start:stop].rstrip()}")
    message = f"run it once all layers exist: initial values change; {_KEPT}"
    return Fix(message, Applicability.UNSAFE, (removal, insertion), Effect(values=True, outputs=True))


def _end(block: tuple[code.Statement, ...]) -> int | None:
    """The last line of a block."""
    ends = [node.span.end_line for node in nodes(block) if hasattr(node, "span")]
    return max(ends, default=None)


def _opens_line(text: Text, offset: int) -> bool:
    line = text.span(offset, offset).line
    return not text.text[text.offset(line, 1) : offset].strip()


def init_on_none(site: Site) -> Fix | None:
    """PRM306: the statement runs only where the layer has a bias."""
    spot = site.spot(site.diagnostic.span)
    subject = None if spot is None else _asked(spot.statement)
    if spot is None or subject is None or not stands_alone(site, spot):
        return None
    text, statement = site.text, spot.statement
    assert isinstance(statement, (code.ExpressionStatement, code.Assign))
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
    return Fix(message, Applicability.UNSAFE, edits, Effect((site.name,), values=True, outputs=True))


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

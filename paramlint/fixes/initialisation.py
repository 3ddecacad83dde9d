"""Repairs of initialisation: what was meant to be written is written, once and where it lasts."""

from __future__ import annotations

from paramlint.fixes.construction import constructor_end, end_line, stands_alone, top_level, without_statement
from paramlint.fixes.site import Site, is_self_attribute, self_name
from paramlint.interpret.scan import nodes
from paramlint.interpret.slots import Phase, Registration
from paramlint.model import code
from paramlint.model.diagnostic import Applicability, Effect, Fix

_KEPT = "checkpoints keep their keys, older ones load"
# What torch's own layers do with parameters of these names (``reset_parameters`` of Linear, the norms, Embedding), and
# the usual scale of learned tokens.
_ZEROS = ("bias", "beta", "shift")
_ONES = ("gamma", "gain", "scale")
_MATRICES = ("weight", "kernel", "proj", "filter")
_TOKENS = ("embed", "token", "prompt", "query", "queries", "position", "pos", "memory", "latent", "cls", "table")


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
    if site.diagnostic.related:
        return _forgotten_part(site)
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
    end = constructor_end(site, constructor)
    if end is None:
        return None
    edit = site.text.insertion(end[0], f"\n{end[1]}{call}")
    message = f"call it at the end of the constructor: initial values change; {_KEPT}"
    return Fix(message, Applicability.UNSAFE, (edit,), Effect(values=True, outputs=True))


def _forgotten_part(site: Site) -> Fix | None:
    """The owner's scheme ends in a call of the part's own."""
    place = site.diagnostic.related[0]
    scheme = next((item for item in site.methods if item.span == place.span), None)
    if scheme is None or place.path != site.diagnostic.path or scheme.decorators:
        return None
    own, end = self_name(scheme), constructor_end(site, scheme)
    calls = [
        node
        for node in nodes(scheme)
        if isinstance(node, code.Call)
        and isinstance(node.function, code.Attribute)
        and node.function.name == scheme.name
        and is_self_attribute(node.function.value, scheme)
    ]
    if end is None or not calls or any(call.arguments for call in calls):
        return None
    runs = site.trace.runs if site.trace is not None else ()
    certain = [run for run, slot in site.slots(site.name) if slot.is_certain and not slot.is_none]
    lines = [f"{own}.{site.name}.{scheme.name}()"]
    if len(certain) < len(runs):
        unit = "\t" if "\t" in end[1] else "    "
        lines = [f'if getattr({own}, "{site.name}", None) is not None:', f"{unit}{lines[0]}"]
    edit = site.text.insertion(end[0], "".join(f"\n{end[1]}{line}" for line in lines))
    message = f"call it for '{site.name}' too: initial values change; {_KEPT}"
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
    end = None if last is None else end_line((last,))
    removal = without_statement(site, spot)
    if end is None or removal is None or not isinstance(spot.statement, code.ExpressionStatement):
        return None
    text, span = site.text, spot.statement.span
    start, stop = text.offset(span.line, 1), text.line_end(span.end_line)
    if text.line_end(end) < start:
        return None
    insertion = text.insertion(text.line_end(end), f"\n{text.text[start:stop].rstrip()}")
    message = f"run it once all layers exist: initial values change; {_KEPT}"
    return Fix(message, Applicability.UNSAFE, (removal, insertion), Effect(values=True, outputs=True))

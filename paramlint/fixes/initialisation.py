"""Repairs of initialisation: what was meant to be written is written, once and where it lasts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from paramlint.fixes.construction import constructor_end, end_line, stands_alone, top_level, without_statement
from paramlint.fixes.site import Site, is_self_attribute, self_name
from paramlint.interpret.scan import class_names, nodes
from paramlint.interpret.slots import Phase, Registration
from paramlint.model import code
from paramlint.model.diagnostic import Applicability, Edit, Effect, Fix
from paramlint.project.names import is_name

_KEPT = "checkpoints keep their keys, older ones load"
# What torch's own layers do with parameters of these names (``reset_parameters`` of Linear, the norms, Embedding), and
# the usual scale of learned tokens.
_ZEROS = ("bias", "beta", "shift")
_ONES = ("gamma", "gain", "scale")
_MATRICES = ("weight", "kernel", "proj", "filter")
_TOKENS = ("embed", "token", "prompt", "query", "queries", "position", "pos", "memory", "latent", "cls", "table")
# Layers that keep a kernel and a bias under the same names, and are drawn alike.
_CONVOLUTIONS = frozenset({"Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"})
_KIN = (_CONVOLUTIONS | {"Linear"}, frozenset({"Embedding", "EmbeddingBag"}))


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
    return Fix(message, Applicability.UNSAFE, (edit, *imports), Effect((site.name,), values=True))


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
    if constructor is None or scheme is None or site.diagnostic.span != scheme.span:
        return None
    own = self_name(constructor)
    is_static = [is_name(item, "staticmethod") for item in scheme.decorators]
    if not all(is_static):
        return None
    required = [
        item
        for item in scheme.parameters[0 if is_static else 1 :]
        if item.default is None and not item.kind.startswith("*")
    ]
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
    return Fix(message, Applicability.UNSAFE, (edit,), Effect(values=True))


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
    return Fix(message, Applicability.UNSAFE, (edit,), Effect(values=True))


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
    return Fix(message, Applicability.UNSAFE, (removal, insertion), Effect(values=True))


def init_misses_layer(site: Site) -> Fix | None:
    """PRM305: the branch of the scheme that is for the layer's kin takes it in."""
    call = site.node(code.Call, site.diagnostic.span)
    missed = None if call is None else site.refers(call.function)
    if call is None or missed is None or site.linked is None:
        return None
    kin = next((family for family in _KIN if missed.rpartition(".")[2] in family), frozenset())
    nearest = kin - {"Linear"} if missed != "torch.nn.Linear" else kin
    tests = [test for test in _tests(site) if test.kinds and test.kinds <= kin and _initialises_both(test, call)]
    tests = [test for test in tests if test.kinds & nearest] or tests
    if len(tests) != 1:
        return None
    named = tests[0].named
    written, added = site.text.of(named.span), site.text.of(call.function.span)
    if isinstance(named, code.Display):
        replacement = f"{written[:-1].rstrip().rstrip(',')}, {added})"
    elif isinstance(named, code.BinaryOperation):
        replacement = f"{written} | {added}"
    else:
        replacement = f"({written}, {added})"
    message = (
        f"let the scheme treat it like {' and '.join(sorted(tests[0].kinds & kin))}: initial values change; {_KEPT}"
    )
    edit = Edit(named.span, replacement)
    return Fix(message, Applicability.UNSAFE, (edit,), Effect(values=True))


class _Test(NamedTuple):
    """``isinstance(subject, named)`` as the whole condition of a branch; ``kinds`` are the layers that it names."""

    subject: str
    named: code.Expression
    kinds: frozenset[str]
    body: tuple[code.Statement, ...]


def _tests(site: Site) -> Iterator[_Test]:
    """The branches for kinds of layers in the methods of the hierarchy, and in the functions that it names, in this file."""
    bases = () if site.linked is None else site.linked.sources
    used = {node.identifier for base in bases for node in nodes(base.node) if isinstance(node, code.Name)}
    scopes: list[code.Statement] = [base.node for base in bases if base.module.path == site.module.path]
    scopes += [item for item in site.module.facts.body if isinstance(item, code.Function) and item.name in used]
    for scope in scopes:
        for node in nodes(scope):
            match node:
                case code.If(
                    test=code.Call(
                        function=code.Name(identifier="isinstance"),
                        arguments=(code.Argument(value=code.Name(identifier=subject)), code.Argument(value=named)),
                    ),
                    body=body,
                ):
                    yield _Test(subject, named, frozenset(class_names(named)), body)


def _initialises_both(test: _Test, made: code.Call) -> bool:
    """Whether a branch writes what another layer with weights has too, as it is made."""
    asked = [
        node for node in nodes(test.body) if isinstance(node, code.Attribute) and is_name(node.value, test.subject)
    ]
    names = {node.name for node in asked}
    if not names or not names <= {"weight", "bias"}:
        return False
    is_guarded = any(isinstance(node, code.Constant) and node.value is None for node in nodes(test.body))
    positional = [item for item in made.arguments if item.keyword is None]
    most = 2 if isinstance(made.function, code.Attribute) and made.function.name == "Linear" else 7
    may_lack_it = len(positional) > most or any(item.star or item.keyword == "bias" for item in made.arguments)
    return "bias" not in names or is_guarded or not may_lack_it

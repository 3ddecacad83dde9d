"""Repairs of registrations that cannot work, or that say more than was meant."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.fixes.construction import without_statement
from paramlint.fixes.edits import parts, with_argument
from paramlint.fixes.site import Site, Spot, is_self_attribute
from paramlint.interpret.scan import assigned_attributes, nodes, self_attribute
from paramlint.interpret.slots import REGISTERED
from paramlint.model import code
from paramlint.model.diagnostic import Applicability, Edit, Effect, Fix
from paramlint.project.definitions import ClassDefinition
from paramlint.project.names import dotted_name

_PARAMETER = "torch.nn.Parameter"
_REGISTERING = frozenset({"register_buffer", "register_parameter", "add_module", "register_module"})


def shadowed_registration(site: Site) -> Fix | None:
    """PRM113: what is bound first becomes a local of the name, or goes where nothing reads it."""
    related = site.diagnostic.related
    if not related or related[0].path != site.diagnostic.path:
        return None
    late, early = site.spot(site.diagnostic.span), site.spot(related[0].span)
    if late is None or early is None or early.block is not late.block or early.function is not late.function:
        return None
    function, statement = late.function, early.statement
    if function is None or not isinstance(statement, code.Assign) or len(statement.targets) != 1:
        return None
    target = statement.targets[0]
    if not is_self_attribute(target, function, site.name) or not isinstance(target, code.Attribute):
        return None
    positions = [index for index, item in enumerate(early.block) if item in (statement, late.statement)]
    if len(positions) != 2 or early.block[positions[0]] is not statement:
        return None
    between = early.block[positions[0] + 1 : positions[1] + 1]
    reads = [
        node
        for node in nodes(between)
        if isinstance(node, code.Attribute) and is_self_attribute(node, function, site.name)
    ]
    if any(_calls_self(node, function) for node in nodes(between[:-1])):
        return None
    edits = _through_local(site, target, function, reads) if reads else _dropped(site, early)
    if not edits:
        return None
    message = f"register '{site.name}' alone: the class could not be built before, so no checkpoint changes"
    return Fix(message, Applicability.SAFE, edits, Effect((site.name,), reveals=True))


def _calls_self(node: object, function: code.Function) -> bool:
    """Whether a node calls a method of self, which may read the attribute."""
    return isinstance(node, code.Call) and is_self_attribute(node.function, function)


def _through_local(
    site: Site, target: code.Attribute, function: code.Function, reads: list[code.Attribute]
) -> tuple[Edit, ...]:
    name = site.name.lstrip("_")
    taken = {node.identifier for node in nodes(function) if isinstance(node, code.Name)}
    taken |= {item.name for item in function.parameters}
    if not name.isidentifier() or name in taken:
        return ()
    if any(isinstance(node, code.FormattedString) and set(nodes(node)) & set(reads) for node in nodes(function)):
        return ()
    return tuple(
        site.text.edit(site.text.start(node.span), site.text.end(node.span), name) for node in (target, *reads)
    )


def _dropped(site: Site, spot: Spot) -> tuple[Edit, ...]:
    removal = without_statement(site, spot)
    return () if removal is None else (removal,)


def repeated_base_init(site: Site) -> Fix | None:
    """PRM403: a second run of the same constructor, or of Module's own, goes; one that registers nothing comes first."""
    spot = site.spot(site.diagnostic.span)
    if spot is None or not isinstance(spot.statement, code.ExpressionStatement):
        return None
    call = spot.statement.value
    if not isinstance(call, code.Call):
        return None
    written = site.text.of(call.span)
    before = spot.block[: [item is spot.statement for item in spot.block].index(True)]
    is_again = any(isinstance(item, code.ExpressionStatement) and site.text.of(item.span) == written for item in before)
    removal = without_statement(site, spot)
    edits: tuple[Edit, ...]
    if removal is not None and (is_again or site.refers(call.function, spot) == "torch.nn.Module.__init__"):
        what, edits = "run the base constructor once", (removal,)
    elif before and _registers_nothing_more(site, spot, call, before[-1]):
        what, edits = (
            f"run '{site.text.of(call.function.span)}' first, which registers nothing",
            _swapped(site, spot, before[-1]),
        )
    else:
        return None
    message = (
        f"{what}: what was registered before is kept, and checkpoints gain its keys; older ones load with strict=False "
        "only"
    )
    return Fix(
        message, Applicability.UNSAFE, edits, Effect(tuple(_wiped(site)), outputs=True, reveals=True, draws=True)
    )


def _swapped(site: Site, spot: Spot, first: code.Statement) -> tuple[Edit, Edit]:
    """The statement and the one before it change places."""
    assert isinstance(first, code.ExpressionStatement)
    assert isinstance(spot.statement, code.ExpressionStatement)
    spans = first.span, spot.statement.span
    return Edit(spans[0], site.text.of(spans[1])), Edit(spans[1], site.text.of(spans[0]))


def _registers_nothing_more(site: Site, spot: Spot, call: code.Call, before: code.Statement) -> bool:
    """Whether a base's constructor may as well run before another's: it sets plain values of its own alone."""
    first = before.value if isinstance(before, code.ExpressionStatement) else None
    if not isinstance(first, code.Call) or spot.function is None:
        return False
    bases = [_class_of_constructor(site, item, spot) for item in (first, call)]
    given = [node for item in call.arguments[1:] for node in nodes(item) if is_self_attribute(node, spot.function)]
    if None in bases or given:
        return False
    earlier, later = (site.project.link(base).mro for base in bases if base is not None)
    own = [base for base in later if isinstance(base, ClassDefinition) and base not in earlier]
    others = [base for base in earlier if isinstance(base, ClassDefinition) and base not in later]
    if any(_registers(site, base) for base in own):
        return False
    mentioned = {name for base in own for node in nodes(base.node) if (name := self_attribute(node)) is not None}
    return not mentioned & {name for base in others for name in assigned_attributes(base.node.body)}


def _class_of_constructor(site: Site, call: code.Call, spot: Spot) -> ClassDefinition | None:
    """``Base`` of ``Base.__init__(self, ...)``."""
    function = call.function
    if not isinstance(function, code.Attribute) or function.name != "__init__":
        return None
    dotted = dotted_name(function.value)
    found = None if dotted is None else site.project.resolve(site.module, dotted, spot.enclosing)
    return found if isinstance(found, ClassDefinition) else None


def _registers(site: Site, base: ClassDefinition) -> bool:
    """Whether a statement of a class registers anything on some path."""
    spans = {getattr(node, "span", None) for node in nodes(base.node)}
    return any(
        slot.registration in REGISTERED and slot.place.path == base.module.place and slot.place.span in spans
        for run in (site.trace.runs if site.trace is not None else ())
        for slot in run.slots
    )


def _wiped(site: Site) -> list[str]:
    """The names that come back: what the classes of the hierarchy bind, and what they register by other means."""
    bases = () if site.linked is None else site.linked.sources
    return sorted({name for base in bases for name in (*assigned_attributes(base.node.body), *_named(base.node))})


def _named(holder: code.Class) -> Iterator[str]:
    """The names that a class registers things under by methods of Module: ``self.add_module("name", ...)``."""
    for node in nodes(holder):
        if isinstance(node, code.Call) and node.arguments and self_attribute(node.function) in _REGISTERING:
            first = node.arguments[0].value
            if isinstance(first, code.Constant) and isinstance(first.value, str):
                yield first.value


def buffer_persistence(site: Site) -> Fix | None:
    """PRM504: the buffer stays out of checkpoints."""
    spot = site.spot(site.diagnostic.span)
    calls = () if spot is None else [node for node in nodes(spot.statement) if isinstance(node, code.Call)]
    call = next((node for node in calls if _most_arguments(site, node) is not None), None)
    split = None if call is None else parts(site.text, call)
    most = None if call is None else _most_arguments(site, call)
    if call is None or split is None or most is None or any(item.star for item in call.arguments):
        return None
    given = next((item for item in call.arguments if item.keyword == "persistent"), None)
    if given is not None:
        span = given.value.span
        edit = site.text.edit(site.text.start(span), site.text.end(span), "False")
    elif len(call.arguments) <= most:
        edit = with_argument(site.text, split, "persistent=False")
    else:
        return None
    message = f"leave '{site.name}' out of checkpoints: they lose its key, and older ones that hold it load with strict=False only"
    return Fix(message, Applicability.UNSAFE, (edit,), Effect((site.name,)))


def _most_arguments(site: Site, call: code.Call) -> int | None:
    """How many arguments come before ``persistent``; None for a call that registers no buffer."""
    if isinstance(call.function, code.Attribute) and call.function.name == "register_buffer":
        return 2
    return 1 if site.refers(call.function) in ("torch.nn.Buffer", "torch.nn.parameter.Buffer") else None


def parameter_of_no_tensor(site: Site) -> Fix | None:
    """PRM206: the number or list is made a tensor of floating point."""
    spot, call = site.spot(site.diagnostic.span), site.node(code.Call, site.diagnostic.span)
    if spot is None or call is None or site.refers(call.function, spot) != _PARAMETER or not call.arguments:
        return None
    data = call.arguments[0]
    if data.star or data.keyword not in (None, "data"):
        return None
    value, written = data.value, site.text.of(data.value.span)
    numbers = value.elements if isinstance(value, code.Display) and value.kind in ("list", "tuple") else (value,)
    kinds = {type(item.value) if isinstance(item, code.Constant) else None for item in numbers}
    if kinds == {int} and numbers == (value,):
        written += ".0"
    elif not kinds or not kinds <= {int, float} or float not in kinds:
        return None
    spelled, imports = site.torch()
    edit = site.text.edit(site.text.start(value.span), site.text.end(value.span), f"{spelled}.tensor({written})")
    message = "give nn.Parameter a tensor: the class could not be built before, so no checkpoint changes"
    return Fix(message, Applicability.SAFE, (edit, *imports), Effect((site.name,), reveals=True))

"""Repairs of the constructor: the base constructor is run, and run first."""

from __future__ import annotations

import re

from paramlint.fixes.site import Site, Spot, spots
from paramlint.interpret.events import AssignedBeforeInit
from paramlint.interpret.scan import nodes
from paramlint.model import code
from paramlint.model.diagnostic import Applicability, Edit, Effect, Fix
from paramlint.project.classes import Member
from paramlint.project.definitions import ClassDefinition

_MODULE = "torch.nn.Module"
_HEADER = re.compile(r"\s*(?:async\s+)?(?:if|for|while|with|try|match|def|class|@)")


def missing_super_init(site: Site) -> Fix | None:
    """PRM401: ``super().__init__()`` becomes the first statement of the constructor."""
    constructor = site.method("__init__")
    if constructor is None or site.diagnostic.span != constructor.span or not _takes_nothing(site):
        return None
    offset = body_start(site, constructor)
    if offset is None:
        return None
    offset = _above_comments(site, offset)
    line = site.text.span(offset, offset).line
    indentation = site.text.indentation(line)
    is_alone = not site.text.line(line)[: offset - site.text.offset(line, 1)].strip()
    edit = site.text.insertion(offset, f"super().__init__()\n{indentation}" if is_alone else "super().__init__(); ")
    message = "run the base constructor first: the class could not be built before, so no checkpoint changes"
    return Fix(message, Applicability.SAFE, (edit,), Effect(reveals=True))


def assignment_before_super_init(site: Site) -> Fix | None:
    """PRM402: the call of the base constructor moves in front of what is registered first."""
    constructor = site.method("__init__")
    related = site.diagnostic.related
    if constructor is None or not related or related[0].path != site.diagnostic.path:
        return None
    base, early = site.spot(related[0].span), site.spot(site.diagnostic.span)
    if base is None or base.block is not constructor.body or not isinstance(base.statement, code.ExpressionStatement):
        return None
    target = top_level(constructor, early)
    if target is None or not _needs_only_parameters(constructor, base.statement):
        return None
    offset = statement_start(site, target)
    if offset is None:
        return None
    offset = _above_comments(site, offset)
    text, span = site.text, base.statement.span
    removal = without_statement(site, base)
    if removal is None:
        return None
    moved = text.text[text.start(span) : text.line_end(span.end_line)].rstrip()
    line = text.span(offset, offset).line
    insertion = text.insertion(offset, f"{moved}\n{text.indentation(line)}")
    message = "run the base constructor before anything is registered: the class could not be built before"
    effect = Effect(tuple(dict.fromkeys((site.name, *_early_names(site)))), reveals=True)
    applicability = Applicability.SAFE if _takes_nothing(site) else Applicability.UNSAFE
    return Fix(message, applicability, (insertion, removal), effect)


def _takes_nothing(site: Site) -> bool:
    """Whether the constructor that ``super().__init__`` finds is Module's own, or needs no arguments."""
    if site.linked is None or not site.linked.is_complete:
        return False
    found = site.linked.find_after(site.linked.definition, "__init__")
    if not isinstance(found, Member):
        return False
    if not isinstance(found.owner, ClassDefinition):
        return found.owner.name == _MODULE
    if not isinstance(found.node, code.Function):
        return False
    required = [
        item
        for item in found.node.parameters[1:]
        if item.default is None and item.kind not in ("*", "**") and not item.name.startswith("*")
    ]
    return not required


def _early_names(site: Site) -> list[str]:
    runs = site.trace.runs if site.trace is not None else ()
    return [event.attribute for run in runs for event in run.events if isinstance(event, AssignedBeforeInit)]


def body_start(site: Site, function: code.Function) -> int | None:
    """The offset of the first statement that is no docstring."""
    body = function.body
    first = body[0]
    is_text = isinstance(first, code.ExpressionStatement) and isinstance(first.value, code.Constant)
    if is_text and len(body) > 1:
        first = body[1]
    elif is_text:
        return None
    return statement_start(site, first)


def _above_comments(site: Site, offset: int) -> int:
    """Where a statement begins with the lines of comment that belong to it."""
    number = site.text.span(offset, offset).line
    if site.text.first(number) != offset:
        return offset
    while number > 1 and site.text.line(number - 1).lstrip().startswith("#"):
        number -= 1
    return site.text.first(number)


def statement_start(site: Site, statement: code.Statement) -> int | None:
    """The offset at which a statement begins; compound ones are looked for by their keyword."""
    if not isinstance(statement, (code.If, code.For, code.While, code.With, code.Try, code.Match)):
        if isinstance(statement, (code.Function, code.Class)):
            return None
        return site.text.start(statement.span)
    lines = [node.span.line for node in nodes(statement) if hasattr(node, "span")]
    for number in range(min(lines), max(0, min(lines) - 10), -1):
        line = site.text.line(number)
        if _HEADER.match(line):
            return site.text.first(number)
    return None


def top_level(function: code.Function, spot: Spot | None) -> code.Statement | None:
    """The statement of the function's own block that holds a spot."""
    if spot is None:
        return None
    for item in spots(function.body):
        if item.statement is spot.statement:
            inside = [outer for outer in item.around if any(outer is own for own in function.body)]
            return inside[0] if inside else item.statement
    return None


def stands_alone(site: Site, spot: Spot) -> bool:
    """Whether a statement has its lines to itself (a comment behind it may stand there)."""
    span = getattr(spot.statement, "span", None)
    if span is None:
        return False
    before = site.text.line(span.line)[: span.column - 1]
    behind = site.text.line(span.end_line)[span.end_column - 1 :].strip()
    return not before.strip() and (not behind or behind.startswith("#"))


def without_statement(site: Site, spot: Spot) -> Edit | None:
    """The edit that removes a statement with its lines; None where it shares them, or is all there is in its block."""
    if not stands_alone(site, spot) or len(spot.block) < 2:
        return None
    text, span = site.text, spot.statement.span  # type: ignore[union-attr]
    end = min(text.line_end(span.end_line) + len(text.newline), len(text.text))
    return text.edit(text.offset(span.line, 1), end, "")


def constructor_end(site: Site, constructor: code.Function) -> tuple[int, str] | None:
    """Where a statement can follow the last one of a constructor, and its indentation; None where it would not run."""
    last = end_line(constructor.body)
    if last is None or isinstance(constructor.body[-1], (code.Return, code.Raise)):
        return None
    first = statement_start(site, constructor.body[-1])
    if first is None:
        return None
    line = site.text.span(first, first).line
    if site.text.text[site.text.offset(line, 1) : first].strip():
        return None
    return site.text.line_end(last), site.text.indentation(line)


def end_line(block: tuple[code.Statement, ...]) -> int | None:
    """The last line of a block."""
    ends = [node.span.end_line for node in nodes(block) if hasattr(node, "span")]
    return max(ends, default=None)


def _needs_only_parameters(function: code.Function, statement: code.ExpressionStatement) -> bool:
    """Whether a call uses nothing that the function computes before it."""
    bound = {
        node.identifier
        for spot in spots(function.body)
        for target in getattr(spot.statement, "targets", ())
        for node in nodes(target)
        if isinstance(node, code.Name)
    }
    called = statement.value
    arguments = called.arguments if isinstance(called, code.Call) else ()
    used = {node.identifier for node in nodes(arguments) if isinstance(node, code.Name)}
    own = function.parameters[0].name if function.parameters else "self"
    attributes = any(
        isinstance(node, code.Attribute) and isinstance(node.value, code.Name) and node.value.identifier == own
        for node in nodes(arguments)
    )
    return not attributes and not used & (bound - {own})

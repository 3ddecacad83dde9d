"""Running rules over the Module classes of a file."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from paramlint.interpret.hierarchy import is_written_as_module
from paramlint.interpret.silence import may_speak
from paramlint.model.code import Function, Span
from paramlint.model.diagnostic import Diagnostic, Related
from paramlint.project.classes import LinkedClass
from paramlint.project.definitions import ClassDefinition, SourceModule
from paramlint.project.project import Project
from paramlint.project.templates import is_template
from paramlint.rules.base import Rule

# Where several rules speak of one attribute of one class, the one that stands first here does.
_PRECEDENCE = (
    ("PRM103", "PRM106", "PRM113", "PRM102", "PRM112", "PRM110", "PRM101"),
    ("PRM203", "PRM201"),
    ("PRM309", "PRM308", "PRM307"),
    ("PRM301", "PRM303"),
    ("PRM401", "PRM402"),
    ("PRM101", "PRM504"),
)


def check_module(
    project: Project,
    module: SourceModule,
    rules: Sequence[Rule],
    *,
    asks_all: bool = False,
    classes: frozenset[str | None] | None = None,
) -> Iterator[Diagnostic]:
    """Yield the diagnostics of a file in source order, each place once.

    Only places in the file itself are reported, so that a file says the same alone and among others; some rules tell of
    what a base in another file binds at the class. Where a class and
    those that build it say the same of a line in it, the class does. A template of another file says nothing. Modules of
    which no rule can have anything to say are not interpreted, and conditions that cannot matter are not turned, unless
    ``asks_all``; ``classes`` are the qualified names of
    those that are asked, all of them without it.
    """
    codes = frozenset(rule.code for rule in rules)
    inheriting = [rule for rule in rules if rule.speaks_of_inherited]
    found: dict[tuple[object, ...], Diagnostic] = {}
    by_owner: set[tuple[str, Span]] = set()
    by_others: list[Diagnostic] = []
    every = project.classes(module)
    functions = (item.span.line for item in module.facts.body if isinstance(item, Function))
    starts = sorted({*functions, *(linked.definition.node.span.line for linked in every)})
    for linked in every:
        if classes is not None and linked.definition.qualified_name not in classes:
            continue
        if linked.is_module is True and not asks_all and not may_speak(project, linked, codes):
            continue
        elsewhere: list[Diagnostic] = []
        for diagnostic in check_class(project, linked, rules, turns_all=asks_all):
            if diagnostic.path != module.path.as_posix():
                elsewhere.append(diagnostic)
                continue
            last_start = bisect_right(starts, diagnostic.span.line) - 1
            if last_start >= 0 and starts[last_start] == linked.definition.node.span.line:
                by_owner.add((diagnostic.code, diagnostic.span))
                found.setdefault((diagnostic.code, diagnostic.span, diagnostic.attribute), diagnostic)
            else:
                by_others.append(diagnostic)
        for moved in _left_by_class(project, linked, elsewhere, inheriting):
            found.setdefault((moved.code, moved.span, moved.attribute), moved)
    for diagnostic in by_others:
        if (diagnostic.code, diagnostic.span) not in by_owner:
            found.setdefault((diagnostic.code, diagnostic.span, diagnostic.attribute), diagnostic)
    if found and is_template(project, module.path):
        return
    yield from sorted(found.values(), key=lambda item: (item.span, item.code))


def check_class(
    project: Project, linked: LinkedClass, rules: Sequence[Rule], *, turns_all: bool = False
) -> Iterator[Diagnostic]:
    """Yield the diagnostics of one class, wherever they point; ``turns_all`` as for ``interpret``.

    Of a class that is no Module only what it would be as one is asked, where it is written like one.
    """
    asked = [rule for rule in rules if linked.is_module is True or rule.asks_ordinary_classes]
    if linked.is_module is True or (asked and is_written_as_module(linked)):
        # Most files have no class that has to be interpreted.
        from paramlint.interpret.interpret import interpret

        trace = interpret(project, linked, turns_all=turns_all)
        yield from _primary([item for rule in asked for item in rule.diagnose(trace)])


def _left_by_class(
    project: Project, linked: LinkedClass, elsewhere: Sequence[Diagnostic], rules: Sequence[Rule]
) -> Iterator[Diagnostic]:
    """Yield, at the class, what some rules say of names that bases in other files bind, where those are not at fault."""
    codes = frozenset(rule.code for rule in rules)
    inherited = [item for item in elsewhere if item.code in codes]
    paths = {item.path for item in inherited}
    bases = [base for base in linked.mro[1:] if isinstance(base, ClassDefinition)]
    there = [(path, base) for base in bases if (path := base.module.path.as_posix()) in paths]
    own = {
        (path, said.code, said.attribute)
        for path, base in there
        for said in check_class(project, project.link(base), rules)
    }
    for item in inherited:
        if item.path in dict(there) and (item.path, item.code, item.attribute) not in own:
            bound = Related(item.path, item.span, "a base binds it here")
            path, span = linked.definition.module.path.as_posix(), linked.definition.node.span
            yield item._replace(path=path, span=span, related=(bound, *item.related))


def _primary(diagnostics: list[Diagnostic]) -> Iterator[Diagnostic]:
    """Yield what remains when of several rules on one attribute the most specific speaks."""
    for diagnostic in diagnostics:
        if not any(_outranks(other, diagnostic) for other in diagnostics):
            yield diagnostic


def _outranks(first: Diagnostic, second: Diagnostic) -> bool:
    if first.attribute != second.attribute:
        return False
    for group in _PRECEDENCE:
        if first.code in group and second.code in group:
            return group.index(first.code) < group.index(second.code)
    return False

"""Running rules over the Module classes of a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from paramlint.interpret.interpret import interpret
from paramlint.model.diagnostic import Diagnostic
from paramlint.project.definitions import SourceModule
from paramlint.project.project import Project
from paramlint.rules.base import Rule

# Where several rules speak of one attribute of one class, the one that stands first here does.
_PRECEDENCE = (
    ("PRM103", "PRM106", "PRM113", "PRM102", "PRM110", "PRM101"),
    ("PRM203", "PRM201"),
    ("PRM309", "PRM308", "PRM307"),
    ("PRM301", "PRM303"),
    ("PRM401", "PRM402"),
)


def check_module(project: Project, module: SourceModule, rules: Sequence[Rule]) -> Iterator[Diagnostic]:
    """Yield the diagnostics of a file in source order, each place once.

    Only places in the file itself are reported, so that a file says the same alone and among others.
    """
    found: dict[tuple[object, ...], Diagnostic] = {}
    for linked in project.classes(module):
        if linked.is_module is not True:
            continue
        trace = interpret(project, linked)
        for diagnostic in _primary([item for rule in rules for item in rule.diagnose(trace)]):
            if diagnostic.path == module.path.as_posix():
                found.setdefault((diagnostic.code, diagnostic.span, diagnostic.attribute), diagnostic)
    yield from sorted(found.values(), key=lambda item: (item.span, item.code))


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

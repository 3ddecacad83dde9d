"""Which files of a project run as programs and import a module, directly or through others."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint.interpret.instances import TooManyFiles, modules_with
from paramlint.interpret.scan import nodes
from paramlint.model import code
from paramlint.project.definitions import SourceModule
from paramlint.project.files import is_of_tests
from paramlint.project.names import absolute_name, is_name
from paramlint.project.project import Project

# More files than these that import a module, one through another, are a library's; who runs it cannot be told then.
_MOST_IMPORTING = 100


def programs_importing(project: Project, module: SourceModule) -> list[SourceModule]:
    """Return the files that run as programs and import a module, itself if it is one; tests left out.

    A file is run where it says what to do then (``if __name__ == "__main__"``) or no other file imports it. Raises
    TooManyFiles.
    """
    importing = {module.path: module}
    imported = set()
    waiting = [module]
    while waiting:
        target = waiting.pop()
        for other in modules_with(project, target, target.name.rpartition(".")[2]):
            if other.path == target.path or is_of_tests(other.path) or not _imports(project, other, target):
                continue
            imported.add(target.path)
            if other.path not in importing:
                importing[other.path] = other
                waiting.append(other)
        if len(importing) > _MOST_IMPORTING:
            raise TooManyFiles
    return [other for path, other in importing.items() if path not in imported or project.scanned(_is_run, other)]


def _is_run(module: SourceModule) -> bool:
    return any(is_script_part(statement) for statement in module.facts.body)


def is_script_part(statement: code.Statement) -> bool:
    """Whether a statement is what a file does when it is run: ``if __name__ == "__main__":``."""
    return isinstance(statement, code.If) and any(is_name(node, "__name__") for node in nodes(statement.test))


def _imports(project: Project, module: SourceModule, target: SourceModule) -> bool:
    """Whether to import what a module imports is to import ``target``, which may be a package that the way leads through."""
    word = target.name.rpartition(".")[2]
    for dotted in project.scanned(_imported_names, module):
        parts = dotted.split(".")
        if word not in parts:
            continue
        way = ".".join(parts[: len(parts) - parts[::-1].index(word)])
        found = project.module_named(way, module)
        if found is not None and found.path == target.path:
            return True
    return False


def _imported_names(module: SourceModule) -> frozenset[str]:
    return frozenset(_imported(module))


def _imported(module: SourceModule) -> Iterator[str]:
    """The absolute names that the imports of a module spell, wherever they stand; each may be one of a module or not."""
    for statement in nodes(module.facts.body):
        if not isinstance(statement, code.Import):
            continue
        start = absolute_name(module, statement.module or "", statement.level) if statement.is_from else None
        for imported in statement.names:
            if not statement.is_from:
                yield imported.name
            elif start is not None:
                yield f"{start}.{imported.name}" if start else imported.name

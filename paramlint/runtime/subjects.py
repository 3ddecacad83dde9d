"""Which class of the project a finding is about, and which other classes can stand in for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from paramlint.facts.source import SourceError
from paramlint.model import code
from paramlint.model.diagnostic import Diagnostic
from paramlint.project.classes import LinkedClass
from paramlint.project.definitions import ClassDefinition, FunctionDefinition, SourceModule
from paramlint.project.files import source_files
from paramlint.project.project import Project
from paramlint.runtime.recipes.reach import Reach
from paramlint.runtime.recipes.walk import scopes

_MOST_FILES = 5_000
_MOST_CANDIDATES = 12
_MOST_DEPENDENTS = 4


class Subjects:
    """Answers for one project; files are searched only where the finding's own file does not tell."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._reach = Reach(project)

    def of(self, diagnostic: Diagnostic) -> ClassDefinition | None:
        """Return the class whose instances the finding is about; None where none was found.

        Raises SourceError where the finding's file cannot be read any more.
        """
        module = self._project.module_at(Path(diagnostic.path).absolute())
        if diagnostic.class_name is None:
            return self._caller(module, diagnostic.span)
        for linked in self._project.classes(module):
            if linked.definition.qualified_name == diagnostic.class_name:
                return linked.definition
        # The statement may stand in a base class of another file.
        for linked in self._elsewhere(diagnostic.class_name):
            bases = linked.sources
            if any(base.module == module for base in bases):
                return linked.definition
        return None

    def subclasses(self, definition: ClassDefinition) -> tuple[ClassDefinition, ...]:
        """Return the classes of the same file that inherit from a class."""
        return tuple(
            linked.definition
            for linked in self._project.classes(definition.module)
            if linked.definition != definition and definition in linked.mro
        )

    def dependents(self, definition: ClassDefinition) -> tuple[ClassDefinition, ...]:
        """Return Module classes of the same file that inherit from a class or build it on the way, at most four.

        Those that name it themselves come first.
        """
        others = [
            linked.definition
            for linked in self._project.classes(definition.module)
            if linked.is_module and linked.definition != definition
        ]
        found = [item for item in others if definition in self._reach.definitions(item)]
        found.sort(key=lambda item: definition not in self._reach.named(item))
        return tuple(found[:_MOST_DEPENDENTS])

    def _caller(self, module: SourceModule, span: code.Span) -> ClassDefinition | None:
        """A Module class of the file that reaches the function around a place."""
        function = None
        for enclosing, node in scopes(module):
            if isinstance(node, code.Function) and not enclosing and node.span.line <= span.line:
                function = node
        if function is None:
            return None
        definition = self._project.resolve(module, (function.name,))
        if not isinstance(definition, FunctionDefinition):
            return None
        for linked in self._project.classes(module):
            if linked.is_module and definition in self._reach.definitions(linked.definition):
                return linked.definition
        return None

    def _elsewhere(self, qualified_name: str) -> Iterator[LinkedClass]:
        name = qualified_name.rpartition(".")[2]
        pattern = re.compile(rb"^\s*class\s+" + re.escape(name).encode() + rb"\b", re.MULTILINE)
        candidates = 0
        for number, path in enumerate(source_files(self._project.root)):
            if number >= _MOST_FILES or candidates >= _MOST_CANDIDATES:
                return
            module = self._module(path, pattern)
            if module is not None:
                candidates += 1
                for linked in self._project.classes(module):
                    if linked.definition.qualified_name == qualified_name:
                        yield linked

    def _module(self, path: Path, pattern: re.Pattern[bytes]) -> SourceModule | None:
        try:
            return self._project.module_at(path) if pattern.search(path.read_bytes()) else None
        except (SourceError, OSError):
            return None

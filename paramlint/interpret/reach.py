"""Which functions of a class's file may run when it is built or called, by the names that they mention."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from paramlint.interpret.ingredients import Ingredients, ingredients
from paramlint.model import code
from paramlint.project import frameworks
from paramlint.project.classes import LinkedClass
from paramlint.project.definitions import ClassDefinition, Definition, External, FunctionDefinition, SourceModule
from paramlint.project.names import Enclosing
from paramlint.project.project import Project

# What makes an instance; ``train(False)`` is run on it before it is used.
CONSTRUCTORS = frozenset({"__init__", "__post_init__", "__attrs_pre_init__", "__attrs_post_init__", "train"})


class Unit(NamedTuple):
    """A function that may run, and the class whose method it is."""

    module: SourceModule
    enclosing: Enclosing
    owner: ClassDefinition | None
    function: code.Function
    facts: Ingredients

    @property
    def scope(self) -> Enclosing:
        return (*self.enclosing, self.function)


class Reach:
    """Follows names from the methods of a class: to functions and classes of its own file, and to methods by name.

    ``bases`` are the classes of the hierarchy that have source, the class itself first; ``others`` are those classes of
    the file of which there may be instances, as far as functions have been followed.
    """

    def __init__(self, project: Project, linked: LinkedClass) -> None:
        self._project = project
        self._path = linked.definition.module.path
        foreign = _frameworks(project, linked)
        self.bases = [base for base in linked.mro if isinstance(base, ClassDefinition) and base not in foreign]
        self.others: list[ClassDefinition] = []

    def facts(self, function: code.Function) -> Ingredients:
        return self._project.scanned(ingredients, function)

    def from_(self, units: Iterable[Unit], is_forward: bool) -> Iterator[Unit]:
        """Yield some functions and all in the file that they may reach, each once."""
        seen: set[int] = set()
        waiting = list(units)
        words: set[str] = set()
        while waiting:
            while waiting:
                unit = waiting.pop()
                if id(unit.function) in seen:
                    continue
                seen.add(id(unit.function))
                yield unit
                words |= unit.facts.attributes | unit.facts.texts
                for definition in self.mentioned(unit):
                    if isinstance(definition, FunctionDefinition) and definition.module.path == self._path:
                        waiting.append(self.unit(definition.module, definition.enclosing, None, definition.node))
                    elif isinstance(definition, ClassDefinition) and definition.module.path == self._path:
                        waiting += self._constructors_of(definition)
            for owner in (*self.bases, *self.others):
                if is_forward and owner.module.path != self._path:
                    continue
                waiting += [unit for unit in self.methods(owner, words) if id(unit.function) not in seen]

    def _constructors_of(self, definition: ClassDefinition) -> list[Unit]:
        """Note that there may be instances of a class, and return its constructors as far as they are in the file."""
        fresh = [
            base
            for base in self._project.link(definition).mro
            if isinstance(base, ClassDefinition) and base.module.path == self._path
            if base not in self.bases and base not in self.others
        ]
        self.others += fresh
        return [unit for base in fresh for unit in self.methods(base, CONSTRUCTORS)]

    def methods(self, owner: ClassDefinition, names: Iterable[str]) -> list[Unit]:
        enclosing = (*owner.enclosing, owner.node)
        return [
            self.unit(owner.module, enclosing, owner, function)
            for function in owner.node.body
            if isinstance(function, code.Function) and function.name in names
        ]

    def unit(
        self, module: SourceModule, enclosing: Enclosing, owner: ClassDefinition | None, function: code.Function
    ) -> Unit:
        return Unit(module, enclosing, owner, function, self.facts(function))

    def mentioned(self, unit: Unit) -> list[Definition]:
        return [self._project.resolve(unit.module, dotted, unit.scope) for dotted in unit.facts.mentions]


def _frameworks(project: Project, linked: LinkedClass) -> set[ClassDefinition | External]:
    """The bases of other files that a framework is known for, with what they inherit from.

    They are treated as they are where the framework is not installed: what their constructors do is the framework's.
    """
    found: set[ClassDefinition | External] = set()
    for base in linked.mro[1:]:
        if isinstance(base, ClassDefinition) and base.module.path != linked.definition.module.path:
            if frameworks.known_class(base.full_name) is not None:
                found.update(project.link(base).mro)
    return found

"""What a repair may ask of the place of a finding: the statement, its function, its class, how torch is named there."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple, TypeVar

from paramlint import torch_api
from paramlint.fixes.edits import Text
from paramlint.interpret.events import Clash, MethodReached
from paramlint.interpret.interpret import interpret
from paramlint.interpret.scan import leaves, nodes
from paramlint.interpret.slots import Phase, Slot
from paramlint.interpret.trace import ClassTrace, Run
from paramlint.model import code
from paramlint.model.code import Span
from paramlint.model.diagnostic import Diagnostic, Edit
from paramlint.project.classes import LinkedClass
from paramlint.project.definitions import ClassDefinition, External, ModuleReference, SourceModule
from paramlint.project.names import dotted_name
from paramlint.project.project import Project

Kind = TypeVar("Kind")
_BODIES = ("body", "orelse", "final")
_COMPOUND = (code.If, code.For, code.While, code.With, code.Try, code.Match, code.Function, code.Class)


class Spot(NamedTuple):
    """A statement, the statements of its block, and the compound statements around it, the outermost first."""

    statement: code.Statement
    block: tuple[code.Statement, ...]
    around: tuple[code.Statement, ...]

    @property
    def function(self) -> code.Function | None:
        """The innermost function around the statement."""
        return next((item for item in reversed(self.around) if isinstance(item, code.Function)), None)

    @property
    def enclosing(self) -> tuple[code.Function | code.Class, ...]:
        return tuple(item for item in self.around if isinstance(item, (code.Function, code.Class)))


def spots(block: tuple[code.Statement, ...], around: tuple[code.Statement, ...] = ()) -> Iterator[Spot]:
    """Every statement at and below a block, in source order."""
    for statement in block:
        yield Spot(statement, block, around)
        for inner in blocks(statement):
            yield from spots(inner, (*around, statement))


def _simple_spots(body: tuple[code.Statement, ...]) -> list[tuple[Span, Spot]]:
    """The statements that hold no others, in source order, with their spans, which are apart from one another."""
    return [(spot.statement.span, spot) for spot in spots(body) if not isinstance(spot.statement, _COMPOUND)]


def blocks(statement: code.Statement) -> Iterator[tuple[code.Statement, ...]]:
    """The blocks directly inside a statement."""
    if isinstance(statement, code.Match):
        yield from (case.body for case in statement.cases)
    elif isinstance(statement, _COMPOUND):
        yield statement.body
        for handler in getattr(statement, "handlers", ()):
            yield handler.body
        for name in _BODIES[1:]:
            yield getattr(statement, name, ())


def contains(outer: Span, inner: Span) -> bool:
    """Whether one span lies in another."""
    return outer[:2] <= inner[:2] and inner[2:] <= outer[2:]


class Binding(NamedTuple):
    """``self.name = value`` in a method of the class; ``target`` as it is written there."""

    spot: Spot
    method: code.Function
    target: code.Attribute
    value: code.Expression


class Site:
    """The place of one finding in one file. ``style`` is how buffers are registered: a method call, or ``nn.Buffer``."""

    def __init__(self, project: Project, module: SourceModule, text: Text, style: str, diagnostic: Diagnostic) -> None:
        self.project = project
        self.module = module
        self.text = text
        self.style = style
        self.diagnostic = diagnostic

    @property
    def name(self) -> str:
        """The attribute that the finding is about."""
        return self.diagnostic.attribute or ""

    @cached_property
    def linked(self) -> LinkedClass | None:
        """The class that the finding is about, where it stands in the same file."""
        wanted = self.diagnostic.class_name
        classes = self.project.classes(self.module)
        return next((item for item in classes if item.definition.qualified_name == wanted), None)

    @cached_property
    def trace(self) -> ClassTrace | None:
        """What the interpreter learnt of the class."""
        return None if self.linked is None else interpret(self.project, self.linked)

    @cached_property
    def methods(self) -> tuple[code.Function, ...]:
        """The methods that the class itself defines."""
        body = () if self.linked is None else self.linked.definition.node.body
        return tuple(item for item in body if isinstance(item, code.Function))

    def method(self, name: str) -> code.Function | None:
        return next((item for item in self.methods if item.name == name), None)

    def slots(self, name: str) -> Iterator[tuple[Run, Slot]]:
        """What construction leaves under a name, on each path."""
        for run in self.trace.runs if self.trace is not None else ():
            yield from ((run, slot) for slot in run.slots if slot.name == name and slot.phase is Phase.CONSTRUCTOR)

    def clashes(self) -> Iterator[Clash]:
        """Where a tensor that stays behind meets one that moves, on each path."""
        for run in self.trace.runs if self.trace is not None else ():
            yield from (event for event in run.events if isinstance(event, Clash))

    @cached_property
    def constructing(self) -> frozenset[str]:
        """The methods that construction runs."""
        reached = {
            event.method
            for run in (self.trace.runs if self.trace is not None else ())
            for event in run.events
            if isinstance(event, MethodReached) and event.phase is Phase.CONSTRUCTOR
        }
        return frozenset({*reached, "__init__"})

    def spot(self, span: Span) -> Spot | None:
        """The innermost simple statement that holds a span."""
        simple = self.project.scanned(_simple_spots, self.module.facts.body)
        index = bisect_right(simple, span[:2], key=lambda found: found[0][:2]) - 1
        return simple[index][1] if index >= 0 and contains(simple[index][0], span) else None

    def node(self, kind: type[Kind], span: Span) -> Kind | None:
        """The expression of a kind at exactly a span."""
        spot = self.spot(span)
        root: object = self.module.facts.body if spot is None else spot.statement
        return next((node for node in nodes(root) if isinstance(node, kind) and getattr(node, "span", 0) == span), None)

    def bindings(self, name: str, with_augmented: bool = False) -> list[Binding] | None:
        """The statements of the class that bind a name on self; None where one does so in another way.

        ``with_augmented``: ``self.name += ...`` is no such way.
        """
        found: list[Binding] = []
        if self.linked is None:
            return None
        for spot in spots(self.linked.definition.node.body):
            function = next((item for item in spot.around if isinstance(item, code.Function)), None)
            statement = spot.statement
            if function is None or not function.parameters:
                continue
            bound = [
                item for target in _targets(statement) for item in leaves(target) if _is_attribute(item, function, name)
            ]
            if not bound or (with_augmented and isinstance(statement, code.AugmentedAssign)):
                continue
            if isinstance(statement, code.AnnotatedAssign) and statement.value is None:
                continue
            if not isinstance(statement, (code.Assign, code.AnnotatedAssign)) or statement.value is None:
                return None
            targets = _targets(statement)
            target = targets[0]
            if len(targets) != 1 or target is not bound[0] or not isinstance(target, code.Attribute):
                return None
            found.append(Binding(spot, function, target, statement.value))
        return found

    def inherited_binds(self, name: str) -> bool:
        """Whether another class of the hierarchy binds the name, or the class itself has an attribute of the name."""
        if self.linked is None or self.linked.find(name) is not None:
            return True
        own = self.linked.definition
        return any(
            isinstance(node, code.Attribute) and node.name == name
            for base in self.linked.mro
            if isinstance(base, ClassDefinition) and base != own
            for spot in spots(base.node.body)
            for target in _targets(spot.statement)
            for node in nodes(target)
        )

    def refers(self, node: code.Expression, spot: Spot | None = None) -> str | None:
        """The canonical dotted name of what an expression names outside the project: ``torch.nn.Parameter``."""
        dotted = dotted_name(node)
        if dotted is None:
            return None
        found = self.project.resolve(self.module, dotted, () if spot is None else spot.enclosing)
        return torch_api.canonical(found.name) if isinstance(found, External) else None

    def spelled(self, name: str, spot: Spot | None = None) -> tuple[str, tuple[Edit, ...]]:
        """How the file writes a member of ``torch.nn`` (``Parameter``, ``init.zeros_``), with the import it then needs."""
        bound = dict(self._imported())
        owner, rest = f"torch.nn.{name}", ""
        while owner != "torch":
            if owner in bound:
                return f"{bound[owner]}{rest}", ()
            owner, _, last = owner.rpartition(".")
            rest = f".{last}{rest}"
        for path in ("nn", "torch.nn"):
            if self._is_module(path, "torch.nn", spot):
                return f"{path}.{name}", ()
        if "torch" in bound:
            return f"{bound['torch']}.nn.{name}", ()
        line = next((item.span.line for item in self._imports("torch")), self._first_line())
        offset = self.text.offset(line, 1)
        return f"nn.{name}", (self.text.insertion(offset, "from torch import nn\n"),)

    def _imports(self, package: str) -> Iterator[code.Import]:
        """The absolute imports of a package, or of what is in it, at the top of the file."""
        for statement in self.module.facts.body:
            if isinstance(statement, code.Import) and not statement.level:
                if any((statement.module or item.name).partition(".")[0] == package for item in statement.names):
                    yield statement

    def _imported(self) -> Iterator[tuple[str, str]]:
        """What of torch is bound under a name of its own, and the name."""
        for statement in self._imports("torch"):
            for item in statement.names:
                bound = item.alias or (item.name if statement.is_from or "." not in item.name else None)
                if bound:
                    yield f"{statement.module}.{item.name}" if statement.is_from else item.name, bound

    def made_class(self, name: str) -> LinkedClass | str | None:
        """The class whose call each statement binds to a name on self: of the project, or its name outside."""
        found: set[ClassDefinition | str | None] = set()
        for binding in self.bindings(name) or ():
            dotted = dotted_name(binding.value.function) if isinstance(binding.value, code.Call) else None
            held = None if dotted is None else self.project.resolve(self.module, dotted, binding.spot.enclosing)
            found.add(
                torch_api.canonical(held.name)
                if isinstance(held, External)
                else held
                if isinstance(held, ClassDefinition)
                else None
            )
        single = found.pop() if len(found) == 1 else None
        return self.project.link(single) if isinstance(single, ClassDefinition) else single

    def torch(self) -> tuple[str, tuple[Edit, ...]]:
        """How the file names torch, with the import it then needs."""
        for statement in self.module.facts.body:
            if isinstance(statement, code.Import) and not statement.is_from:
                for item in statement.names:
                    if item.name == "torch":
                        return item.alias or "torch", ()
        return "torch", (self.text.insertion(self.text.offset(self._first_line(), 1), "import torch\n"),)

    def _is_module(self, dotted: str, name: str, spot: Spot | None) -> bool:
        enclosing = () if spot is None else spot.enclosing
        found = self.project.resolve(self.module, dotted.split("."), enclosing)
        return isinstance(found, (External, ModuleReference)) and found.name == name

    def _first_line(self) -> int:
        """The line of the first statement that is no docstring and no import from ``__future__``."""
        for statement in self.module.facts.body:
            future = isinstance(statement, code.Import) and statement.module == "__future__"
            text = isinstance(statement, code.ExpressionStatement) and isinstance(statement.value, code.Constant)
            if not future and not text and hasattr(statement, "span"):
                return statement.span.line
        return 1


def self_name(function: code.Function) -> str:
    return function.parameters[0].name if function.parameters else "self"


def is_self_attribute(node: object, function: code.Function | None, name: str | None = None) -> bool:
    """Whether a node is ``self.name`` (or any attribute of self) in a method."""
    return function is not None and _is_attribute(node, function, name)


def _is_attribute(node: object, function: code.Function, name: str | None) -> bool:
    return (
        isinstance(node, code.Attribute)
        and isinstance(node.value, code.Name)
        and node.value.identifier == self_name(function)
        and (name is None or node.name == name)
    )


def _targets(statement: code.Statement) -> tuple[code.Expression, ...]:
    if isinstance(statement, code.Assign):
        return statement.targets
    if isinstance(statement, (code.AugmentedAssign, code.AnnotatedAssign, code.For)):
        return (statement.target,)
    if isinstance(statement, code.Delete):
        return statement.targets
    if isinstance(statement, code.With):
        return tuple(item.target for item in statement.items if item.target is not None)
    return ()


def class_spots(site: Site) -> Iterator[Spot]:
    """The statements of the class of a finding, its methods included."""
    if site.linked is not None:
        yield from spots(site.linked.definition.node.body)

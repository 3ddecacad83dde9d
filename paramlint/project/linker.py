"""Linking a class statement to its bases, metaclass and decorators."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from paramlint.model import code
from paramlint.project import externals
from paramlint.project.bindings import Binding, NodeTarget, ValueTarget, nested_bodies
from paramlint.project.classes import LinkedClass, Member
from paramlint.project.decoration import changes_its_class
from paramlint.project.definitions import (
    ClassDefinition,
    Definition,
    External,
    FunctionDefinition,
    SourceModule,
    Unresolved,
    ValueDefinition,
)
from paramlint.project.fields import generates_constructor
from paramlint.project.names import Enclosing, define, last_word
from paramlint.project.order import Entry, depth_first, external_order, merge
from paramlint.project.resolve import Position, Resolver

# Hierarchies nested deeper than this are left unknown: real ones stay below fifteen.
MOST_DEPTH = 60


class ClassLinker:
    """Links classes through one resolver; each class once."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._linked: dict[ClassDefinition, LinkedClass] = {}
        self._under_way: list[ClassDefinition] = []
        # Registries decorate most classes of a package by one function.
        self._changing: dict[FunctionDefinition, bool] = {}
        self._patches: dict[SourceModule, dict[str, dict[str, code.Expression]]] = {}

    def link(self, definition: ClassDefinition) -> LinkedClass:
        """Return the class with its hierarchy; what does not resolve becomes a gap in it."""
        linked = self._linked.get(definition)
        if linked is None:
            self._under_way.append(definition)
            try:
                linked = self._link(definition)
            finally:
                self._under_way.pop()
            self._linked[definition] = linked
        return linked

    def classes(self, module: SourceModule) -> tuple[LinkedClass, ...]:
        """Return all classes of a module in source order, those in functions and classes too."""
        return tuple(self.link(definition) for definition in _definitions(module, module.facts.body, ()))

    def own_member(self, definition: ClassDefinition, name: str) -> Member | None:
        """Return the attribute that a class's own statement (or an assignment ``Class.name = ...``) supplies."""
        scope = self._resolver.inner_scope(definition.module, definition.node)
        bindings = scope.names.get(name)
        if bindings:
            return Member(definition, _member_node(bindings, scope.names))
        if name == "__init__" and generates_constructor(definition.node, self.decorators(definition)):
            return Member(definition, None)
        patched = self._patched(definition.module).get(definition.qualified_name, {})
        return Member(definition, patched[name]) if name in patched else None

    def _link(self, definition: ClassDefinition) -> LinkedClass:
        bases, metaclass = self._header(definition)
        orders: list[tuple[Entry, ...]] = []
        for base in bases:
            if isinstance(base, ClassDefinition):
                linked = self._base_class(base)
                if isinstance(linked, Unresolved):
                    orders.append((linked,))
                    continue
                orders.append(linked.order)
                metaclass = metaclass or linked.metaclass
            elif isinstance(base, External):
                orders.append(external_order(base))
            elif isinstance(base, Unresolved):
                orders.append((base,))
        merged = merge(orders)
        order = (definition, *self._decoration(definition), *(depth_first(orders) if merged is None else merged))
        known = [
            externals.is_module_class(entry.name) if isinstance(entry, External) else None
            for entry in order
            if not isinstance(entry, ClassDefinition)
        ]
        is_module = True if True in known else (None if None in known else False)
        is_complete = merged is not None and None not in known
        return LinkedClass(definition, bases, order, is_complete, is_module, metaclass, self)

    def _decoration(self, definition: ClassDefinition) -> Iterator[Entry]:
        """Yield a gap for each decorator that may change what the class has or inherits."""
        for decorator in self.decorators(definition):
            if not isinstance(decorator, FunctionDefinition):
                continue
            if decorator not in self._changing:
                self._changing[decorator] = changes_its_class(decorator.node, partial(self._text, decorator))
            if self._changing[decorator]:
                yield Unresolved(f"{decorator.qualified_name}() changes the class")

    def _text(self, within: FunctionDefinition, node: code.Expression) -> str | None:
        """The text that an expression in a function is, as it is written there or under a name of the module."""
        if isinstance(node, code.Name):
            meant = self._resolver.expression(within.module, node)
            node = meant.node if isinstance(meant, ValueDefinition) else node
        return node.value if isinstance(node, code.Constant) and isinstance(node.value, str) else None

    def _base_class(self, base: ClassDefinition) -> LinkedClass | Unresolved:
        if base in self._under_way:
            return Unresolved(f"{base.qualified_name} inherits from itself")
        if len(self._under_way) >= MOST_DEPTH:
            return Unresolved("a hierarchy that is too deep")
        return self.link(base)

    def _header(self, definition: ClassDefinition) -> tuple[tuple[Definition, ...], Definition | None]:
        bases: list[Definition] = []
        metaclass: Definition | None = None
        place = (definition.module, definition.enclosing, _start(definition.node))
        for argument in definition.node.arguments:
            if argument.star:
                bases.append(Unresolved("bases are unpacked"))
            elif argument.keyword == "metaclass":
                metaclass = self._resolver.expression(place[0], argument.value, *place[1:])
            elif argument.keyword is None:
                found, made_by = self._bases(argument.value, *place)
                bases += found
                metaclass = metaclass or made_by
        for decorator in definition.node.decorators:
            if isinstance(decorator, code.Call) and last_word(decorator.function) == "add_metaclass":
                for argument in decorator.arguments:
                    metaclass = self._resolver.expression(place[0], argument.value, *place[1:])
        return tuple(bases), _meaningful(metaclass)

    def _bases(
        self,
        node: code.Expression,
        module: SourceModule,
        enclosing: Enclosing,
        before: Position | None,
        depth: int = 0,
    ) -> tuple[list[Definition], Definition | None]:
        """Return the bases that one argument of a header stands for, and the metaclass that comes with them."""
        if isinstance(node, code.Subscript):
            return self._bases(node.value, module, enclosing, before, depth)
        if isinstance(node, code.Call):
            return self._called_bases(node, module, enclosing, before, depth)
        base = self._resolver.expression(module, node, enclosing, before)
        if isinstance(base, ValueDefinition) and depth < 5:
            return self._bases(base.node, base.module, (), _start(base.node), depth + 1)
        if isinstance(base, (ClassDefinition, External, Unresolved)):
            return [base], None
        if isinstance(base, FunctionDefinition):
            return [Unresolved("a base that is a function")], None
        return [Unresolved("a base that is no class")], None

    def _called_bases(
        self, node: code.Call, module: SourceModule, enclosing: Enclosing, before: Position | None, depth: int
    ) -> tuple[list[Definition], Definition | None]:
        arguments = [argument.value for argument in node.arguments if not argument.star and argument.keyword is None]
        name = last_word(node.function)
        if name in ("namedtuple", "NamedTuple", "TypedDict", "Enum", "NewType"):
            called = self._resolver.expression(module, node.function, enclosing, before)
            if isinstance(called, External) and externals.is_standard_library(called.name):
                return [External("builtins.tuple" if "uple" in name else called.name)], None
        if name == "with_metaclass" and arguments:
            metaclass = self._resolver.expression(module, arguments[0], enclosing, before)
            found = [self._bases(argument, module, enclosing, before, depth)[0] for argument in arguments[1:]]
            return [base for bases in found for base in bases], metaclass
        if name == "type" and len(arguments) == 3 and isinstance(arguments[1], code.Display):
            found = [self._bases(element, module, enclosing, before, depth)[0] for element in arguments[1].elements]
            return [*(base for bases in found for base in bases), Unresolved("a class made by type()")], None
        named = self._resolver.expression(module, node, enclosing, before)
        if isinstance(named, (ClassDefinition, External)):
            return [named], None
        return [Unresolved(f"a base that {name or 'a call'}() returns")], None

    def decorators(self, definition: ClassDefinition) -> tuple[Definition, ...]:
        """Return what a class's decorators (or the functions that make them) refer to, in order."""
        nodes = [node.function if isinstance(node, code.Call) else node for node in definition.node.decorators]
        return tuple(
            self._resolver.expression(definition.module, node, definition.enclosing, _start(definition.node))
            for node in nodes
        )

    def _patched(self, module: SourceModule) -> dict[str, dict[str, code.Expression]]:
        if module not in self._patches:
            patches: dict[str, dict[str, code.Expression]] = {}
            for statement in _outer_statements(module.facts.body):
                if isinstance(statement, code.Assign):
                    for target in statement.targets:
                        if isinstance(target, code.Attribute) and isinstance(target.value, code.Name):
                            patches.setdefault(target.value.identifier, {})[target.name] = statement.value
            self._patches[module] = patches
        return self._patches[module]


def _definitions(
    module: SourceModule, body: Iterable[code.Statement], enclosing: Enclosing
) -> Iterator[ClassDefinition]:
    for statement in body:
        inner = enclosing
        if isinstance(statement, (code.Class, code.Function)):
            definition = define(module, statement, enclosing)
            if isinstance(definition, ClassDefinition):
                yield definition
            inner = (*enclosing, statement)
        if isinstance(statement, code.Function) and not code.may_hold(statement, "class"):
            continue
        for block in nested_bodies(statement):
            yield from _definitions(module, block, inner)


def _outer_statements(body: Iterable[code.Statement]) -> Iterator[code.Statement]:
    """Yield the statements that run when a module is imported, those in branches too."""
    for statement in body:
        yield statement
        if not isinstance(statement, (code.Function, code.Class)):
            for block in nested_bodies(statement):
                yield from _outer_statements(block)


def _member_node(
    bindings: tuple[Binding, ...], names: Mapping[str, tuple[Binding, ...]]
) -> code.Function | code.Class | code.Expression | None:
    """Return what the last binding gives; setters and overloads stand beside the function they belong to."""
    chosen = bindings[-1]
    for binding in reversed(bindings):
        if not (isinstance(binding.target, NodeTarget) and _is_auxiliary(binding.target.node)):
            chosen = binding
            break
    if isinstance(chosen.target, NodeTarget):
        return chosen.target.node
    if not isinstance(chosen.target, ValueTarget):
        return None
    node = chosen.target.node
    if isinstance(node, code.Name):
        # ``reset_parameters = _reset`` in a class body names the method that stands above it.
        for binding in reversed(names.get(node.identifier, ())):
            if isinstance(binding.target, NodeTarget) and binding.line < chosen.line:
                return binding.target.node
    return node


def _is_auxiliary(node: code.Class | code.Function) -> bool:
    return any(last_word(decorator) in ("setter", "deleter", "overload") for decorator in node.decorators)


def _start(node: code.Class | code.Expression) -> Position:
    return (node.span.line, node.span.column)


def _meaningful(metaclass: Definition | None) -> Definition | None:
    return None if metaclass == External("builtins.type") else metaclass

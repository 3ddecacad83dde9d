"""What each scope binds: the names that imports, definitions and assignments give to things, in order."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from paramlint.model import code
from paramlint.project.names import is_name


class ModuleTarget(NamedTuple):
    """The name stands for the module ``name`` (absolute)."""

    name: str


class MemberTarget(NamedTuple):
    """The name stands for ``member`` of the module ``module``, which is relative by ``level`` dots."""

    module: str
    level: int
    member: str


class NodeTarget(NamedTuple):
    """The name stands for a definition."""

    node: code.Class | code.Function


class ValueTarget(NamedTuple):
    """The name is assigned an expression."""

    node: code.Expression


class OtherTarget(NamedTuple):
    """The name is bound in a way that is not followed; ``how`` says which."""

    how: str


Target: TypeAlias = ModuleTarget | MemberTarget | NodeTarget | ValueTarget | OtherTarget


class Attempt(NamedTuple):
    """A branch of a statement that binds a name one way or another.

    ``statement`` numbers the branching statement in its scope and ``arm`` the branch; branches of a statement where
    the first that works wins (``try`` with a handler for a missing import) are ``ranked``: lower arms go first.
    """

    statement: int
    arm: int
    ranked: bool


class Binding(NamedTuple):
    """One binding of a name; ``attempts`` are the branches around it, the outermost first."""

    target: Target
    line: int
    column: int
    attempts: tuple[Attempt, ...]


class StarImport(NamedTuple):
    """``from module import *``."""

    module: str
    level: int


class Scope(NamedTuple):
    """The bindings of one scope by name, its star imports in order, and the names it takes from outer scopes."""

    names: Mapping[str, tuple[Binding, ...]]
    stars: tuple[StarImport, ...]
    foreign: frozenset[str]
    exported: tuple[str, ...] | None


_IMPORT_ERRORS = frozenset(
    {"ImportError", "ModuleNotFoundError", "Exception", "BaseException", "AttributeError", "OSError", "RuntimeError"}
)


_BUILTINS = frozenset(dir(builtins))


def scope_of(body: Iterable[code.Statement]) -> Scope:
    """Return the bindings of a module's or class's body; nested functions and classes are scopes of their own."""
    collector = _Collector()
    collector.visit_all(body, ())
    return collector.finish()


def function_scope(function: code.Function) -> Scope:
    """Return the bindings of a function: its parameters and what its body binds."""
    collector = _Collector()
    for parameter in function.parameters:
        collector.bind(parameter.name, OtherTarget("a parameter"), function.span, ())
    collector.visit_all(function.body, ())
    for walrus in _named_expressions(function.body) if code.may_hold(function, ":=") else ():
        collector.bind_target(walrus.target, OtherTarget("an assignment expression"), walrus.span, ())
    return collector.finish()


def rebound_globals(body: Iterable[code.Statement]) -> frozenset[str]:
    """Return the names that functions anywhere in a module declare ``global``, and so may rebind."""
    names: set[str] = set()
    for statement in body:
        if isinstance(statement, code.ScopeDeclaration) and statement.kind == "global":
            names.update(statement.names)
        if isinstance(statement, code.Function) and not code.may_hold(statement, "global"):
            continue
        for block in nested_bodies(statement):
            names |= rebound_globals(block)
    return frozenset(names)


def nested_bodies(statement: code.Statement) -> tuple[tuple[code.Statement, ...], ...]:
    """Return the blocks of a compound statement, those of functions and classes included, in source order."""
    if isinstance(statement, (code.Function, code.Class, code.With)):
        return (statement.body,)
    if isinstance(statement, (code.If, code.For, code.While)):
        return (statement.body, statement.orelse)
    if isinstance(statement, code.Try):
        return (statement.body, *(handler.body for handler in statement.handlers), statement.orelse, statement.final)
    if isinstance(statement, code.Match):
        return tuple(case.body for case in statement.cases)
    return ()


class _Collector:
    def __init__(self) -> None:
        self._names: dict[str, list[Binding]] = {}
        self._stars: list[StarImport] = []
        self._foreign: set[str] = set()
        self._exported: list[str] | None = None
        self._exports_are_literal = True
        self._statements = 0

    def finish(self) -> Scope:
        exported = tuple(self._exported) if self._exported is not None and self._exports_are_literal else None
        names = {name: tuple(bindings) for name, bindings in self._names.items()}
        return Scope(names, tuple(self._stars), frozenset(self._foreign), exported)

    def bind(self, name: str, target: Target, span: code.Span, attempts: tuple[Attempt, ...]) -> None:
        self._names.setdefault(name, []).append(Binding(target, span.line, span.column, attempts))

    def bind_target(
        self, target: code.Expression, value: Target, span: code.Span, attempts: tuple[Attempt, ...]
    ) -> None:
        if isinstance(target, code.Name):
            self.bind(target.identifier, value, span, attempts)
        elif isinstance(target, code.Starred):
            self.bind_target(target.value, OtherTarget("unpacking"), span, attempts)
        elif isinstance(target, code.Display):
            parts = _parallel_values(target, value)
            for element, part in zip(target.elements, parts, strict=True):
                self.bind_target(element, part, span, attempts)

    def visit_all(self, body: Iterable[code.Statement], attempts: tuple[Attempt, ...]) -> None:
        for statement in body:
            self._visit(statement, attempts)

    def _visit(self, statement: code.Statement, attempts: tuple[Attempt, ...]) -> None:
        if isinstance(statement, (code.Function, code.Class)):
            self.bind(statement.name, NodeTarget(statement), statement.span, attempts)
        elif isinstance(statement, code.Import):
            self._import(statement, attempts)
        elif isinstance(statement, (code.Assign, code.AugmentedAssign, code.AnnotatedAssign)):
            self._assignment(statement, attempts)
        elif isinstance(statement, code.If):
            self._if(statement, attempts)
        elif isinstance(statement, code.Try):
            self._try(statement, attempts)
        elif isinstance(statement, code.For):
            self.bind_target(statement.target, OtherTarget("a loop"), statement.target.span, attempts)
            self._loop(statement, attempts)
        elif isinstance(statement, code.While):
            self._loop(statement, attempts)
        elif isinstance(statement, code.With):
            for item in statement.items:
                if item.target is not None:
                    self.bind_target(item.target, OtherTarget("a with statement"), item.target.span, attempts)
            self.visit_all(statement.body, attempts)
        elif isinstance(statement, code.Match):
            for case in statement.cases:
                for name in case.names:
                    self.bind(name, OtherTarget("a pattern"), statement.subject.span, attempts)
            self._arms([case.body for case in statement.cases], attempts)
        elif isinstance(statement, code.ScopeDeclaration):
            self._foreign.update(statement.names)
        elif isinstance(statement, code.Delete):
            for target in () if attempts else statement.targets:
                if isinstance(target, code.Name):
                    self._names.pop(target.identifier, None)
        elif isinstance(statement, code.ExpressionStatement):
            self._call_on_exports(statement.value)

    def _arms(
        self, arms: Iterable[Iterable[code.Statement]], attempts: tuple[Attempt, ...], ranked: bool = False
    ) -> None:
        self._statements += 1
        number = self._statements
        for arm, body in enumerate(arms):
            self.visit_all(body, (*attempts, Attempt(number, arm, ranked)))

    def _loop(self, statement: code.For | code.While, attempts: tuple[Attempt, ...]) -> None:
        """What a loop assigns may differ from round to round."""
        before = {name: len(bindings) for name, bindings in self._names.items()}
        self._arms((statement.body, statement.orelse), attempts)
        for name, bindings in self._names.items():
            for index in range(before.get(name, 0), len(bindings)):
                if isinstance(bindings[index].target, ValueTarget):
                    bindings[index] = bindings[index]._replace(target=OtherTarget("a loop"))

    def _if(self, statement: code.If, attempts: tuple[Attempt, ...]) -> None:
        if _is_type_checking(statement.test):
            # What runs is the other branch; the first is read where the other tells nothing (lazy modules).
            self._arms((statement.orelse, statement.body), attempts, ranked=True)
        elif _is_of_script(statement.test):
            before = {*self._names}
            self._arms((statement.body, statement.orelse), attempts)
            for name in (self._names.keys() - before) & _BUILTINS:
                del self._names[name]  # in what stands above, and wherever it is imported, Python's own
        else:
            self._arms((statement.body, statement.orelse), attempts)

    def _try(self, statement: code.Try, attempts: tuple[Attempt, ...]) -> None:
        ranked = any(_catches_imports(handler.exception) for handler in statement.handlers)
        for handler in statement.handlers:
            if handler.name is not None:
                self.bind(handler.name, OtherTarget("an exception"), _handler_span(handler), attempts)
        if statement.handlers:
            body = (*statement.body, *statement.orelse)
            self._arms((body, *(handler.body for handler in statement.handlers)), attempts, ranked)
        else:
            self.visit_all(statement.body, attempts)
        self.visit_all(statement.final, attempts)

    def _import(self, statement: code.Import, attempts: tuple[Attempt, ...]) -> None:
        module = statement.module or ""
        for imported in statement.names:
            name, alias = imported.name, imported.alias
            if not statement.is_from:
                bound, target = (alias, name) if alias is not None else (name.split(".")[0],) * 2
                self.bind(bound, ModuleTarget(target), statement.span, attempts)
            elif name == "*":
                self._stars.append(StarImport(module, statement.level))
            else:
                self.bind(alias or name, MemberTarget(module, statement.level, name), statement.span, attempts)

    def _assignment(
        self, statement: code.Assign | code.AugmentedAssign | code.AnnotatedAssign, attempts: tuple[Attempt, ...]
    ) -> None:
        if isinstance(statement, code.Assign):
            for target in statement.targets:
                self._export(target, statement.value, extends=False)
                self.bind_target(target, ValueTarget(statement.value), statement.span, attempts)
        elif isinstance(statement, code.AugmentedAssign):
            self._export(statement.target, statement.value, extends=True)
            self.bind_target(statement.target, OtherTarget("an augmented assignment"), statement.span, attempts)
        elif statement.value is not None:
            self._export(statement.target, statement.value, extends=False)
            self.bind_target(statement.target, ValueTarget(statement.value), statement.span, attempts)

    def _call_on_exports(self, call: code.Expression) -> None:
        """Follow ``__all__.append(...)`` and ``__all__.extend(...)``."""
        if not isinstance(call, code.Call) or not isinstance(call.function, code.Attribute) or not call.arguments:
            return
        owner, value = call.function.value, call.arguments[0].value
        if call.function.name == "extend":
            self._export(owner, value, extends=True)
        elif call.function.name == "append":
            self._export(owner, code.Display("list", (value,), call.span), extends=True)

    def _export(self, target: code.Expression, value: code.Expression, *, extends: bool) -> None:
        if not isinstance(target, code.Name) or target.identifier != "__all__":
            return
        names = _literal_names(value)
        if names is None:
            self._exports_are_literal = False
            return
        if not extends or self._exported is None:
            self._exported = []
        self._exported.extend(names)


def _parallel_values(target: code.Display, value: Target) -> list[Target]:
    """The values of ``a, b = x, y``; unpacking of anything else binds names that are not followed."""
    if isinstance(value, ValueTarget) and isinstance(value.node, code.Display):
        elements = value.node.elements
        if len(elements) == len(target.elements) and not any(
            isinstance(element, code.Starred) for element in (*elements, *target.elements)
        ):
            return [ValueTarget(element) for element in elements]
    other = value if isinstance(value, OtherTarget) else OtherTarget("unpacking")
    return [other] * len(target.elements)


def _literal_names(value: code.Expression) -> list[str] | None:
    if isinstance(value, code.BinaryOperation) and value.operator == "+":
        left, right = _literal_names(value.left), _literal_names(value.right)
        return None if left is None or right is None else left + right
    if not isinstance(value, code.Display):
        return None
    names = [element.value for element in value.elements if isinstance(element, code.Constant)]
    strings = [name for name in names if isinstance(name, str)]
    return strings if len(strings) == len(value.elements) else None


def _catches_imports(exception: code.Expression | None) -> bool:
    if exception is None:
        return True
    if isinstance(exception, code.Display):
        return any(_catches_imports(element) for element in exception.elements)
    name = exception.identifier if isinstance(exception, code.Name) else getattr(exception, "name", "")
    return name in _IMPORT_ERRORS


def _handler_span(handler: code.Handler) -> code.Span:
    return handler.exception.span if handler.exception is not None else code.Span(0, 0, 0, 0)


def _is_of_script(test: code.Expression) -> bool:
    """``__name__ == "__main__"``."""
    return isinstance(test, code.Comparison) and is_name(test.left, "__name__")


def _is_type_checking(test: code.Expression) -> bool:
    if isinstance(test, code.Attribute):
        return test.name == "TYPE_CHECKING"
    return isinstance(test, code.Name) and test.identifier == "TYPE_CHECKING"


def _named_expressions(node: object) -> Iterator[code.NamedExpression]:
    """Yield the assignment expressions that bind in the scope of ``node``: not those of functions and classes in it."""
    if isinstance(node, (code.Function, code.Class, code.Lambda)) or not isinstance(node, tuple):
        return
    if isinstance(node, code.NamedExpression):
        yield node
    if isinstance(node, code.Span):
        return
    for part in node:
        if isinstance(part, tuple):
            yield from _named_expressions(part)

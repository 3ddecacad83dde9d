"""Expressions of the project that can be evaluated outside the place where they stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from paramlint.model import code
from paramlint.project import names
from paramlint.project.bindings import scope_of
from paramlint.project.definitions import (
    ClassDefinition,
    Definition,
    External,
    FunctionDefinition,
    ModuleReference,
    SourceModule,
    Unresolved,
    ValueDefinition,
)
from paramlint.project.project import Project
from paramlint.runtime.recipes import policy
from paramlint.runtime.render import Unrenderable, render

# Longer expressions come from locals that are put into each other again and again.
LONGEST_EXPRESSION = 800
_DEEPEST_CALLS = 4

Node = TypeVar("Node")


class Value(NamedTuple):
    """What an expression gives: ``expression`` says the same with nothing but names of the module (None: unknown).

    ``instance_of`` is the class of the project whose instance it is; ``holds_tensor`` where it is a tensor, or a
    container with one.
    """

    expression: code.Expression | None
    instance_of: ClassDefinition | None = None
    holds_tensor: bool = False


UNKNOWN = Value(None)


class FunctionSummary(NamedTuple):
    """What a function gives back: see ``Value``. ``is_quiet``: it only makes values, so that it may be called."""

    is_quiet: bool
    returns: tuple[ClassDefinition, ...]
    returns_tensor: bool


NOTHING_KNOWN = FunctionSummary(False, (), False)


@dataclass
class Frame:
    """A place in a module: the scopes around it, and what its local names stand for so far.

    A dotted name such as ``self.model`` is a local name too. ``imports`` are local names of imports, with the
    expression that imports the same.
    """

    module: SourceModule
    enclosing: tuple[code.Function | code.Class, ...] = ()
    values: dict[str, Value] = field(default_factory=dict)
    imports: dict[str, code.Expression] = field(default_factory=dict)


class _NotEvaluable(Exception):
    pass


class Reader:
    """Evaluates expressions of one project by putting local names' values in their place.

    ``summarise`` tells of a function; the answers of ``Project`` are only read.
    """

    def __init__(self, project: Project, summarise: Callable[[FunctionDefinition], FunctionSummary]) -> None:
        self.project = project
        self._summarise = summarise
        self._module_names: dict[SourceModule, frozenset[str]] = {}

    def value(self, frame: Frame, expression: code.Expression) -> Value:
        """Return what the expression gives in that place, as an expression that any place of the module could hold."""
        value = self._value(frame, expression, frozenset())
        if value.expression is None:
            return value
        text = text_of(value.expression)
        return value._replace(expression=None) if text is None or len(text) > LONGEST_EXPRESSION else value

    def definition(self, frame: Frame, expression: code.Expression) -> Definition:
        """Return what a dotted name refers to; Unresolved for other expressions, and where a local name heads it."""
        dotted = dotted_name(expression)
        if not dotted or dotted[0] in frame.values:
            return Unresolved("a local value")
        return self.project.resolve(frame.module, dotted, frame.enclosing)

    def _value(self, frame: Frame, node: code.Expression, bound: frozenset[str]) -> Value:
        handler = _HANDLERS.get(type(node))
        try:
            if handler is not None:
                return handler(self, frame, node, bound)
            return self._rebuilt(frame, node, bound)
        except _NotEvaluable:
            return UNKNOWN

    def _rebuilt(self, frame: Frame, node: Any, bound: frozenset[str]) -> Value:
        """Evaluate a node by its parts."""
        tensors: list[bool] = []

        def inline(part: Any) -> Any:
            if isinstance(part, code.Span) or not isinstance(part, tuple):
                return part
            expression: Any = part
            if type(part) in _EXPRESSIONS:
                value = self._value(frame, expression, bound)
                if value.expression is None:
                    raise _NotEvaluable
                tensors.append(value.holds_tensor)
                return value.expression
            parts = [inline(item) for item in part]
            return type(part)(*parts) if hasattr(part, "_fields") else tuple(parts)

        return Value(type(node)(*(inline(part) for part in node)), None, any(tensors))

    def _name(self, frame: Frame, node: code.Name, bound: frozenset[str]) -> Value:
        if node.identifier in bound:
            return Value(node)
        if node.identifier in frame.values:
            return frame.values[node.identifier]
        if node.identifier in frame.imports:
            return Value(frame.imports[node.identifier])
        definition = self.project.resolve(frame.module, (node.identifier,), frame.enclosing)
        if isinstance(definition, (ClassDefinition, FunctionDefinition)) and definition.enclosing:
            return UNKNOWN
        if isinstance(definition, External) and definition.name.startswith("builtins."):
            return Value(node)
        if node.identifier in self._names(frame.module):
            return Value(node)
        return UNKNOWN if isinstance(definition, (Unresolved, ValueDefinition)) else Value(node)

    def _attribute(self, frame: Frame, node: code.Attribute, bound: frozenset[str]) -> Value:
        dotted = dotted_name(node)
        if dotted and ".".join(dotted) in frame.values:
            return frame.values[".".join(dotted)]
        value = self._rebuilt(frame, node, bound)
        return value._replace(holds_tensor=False)

    def _lambda(self, frame: Frame, node: code.Lambda, bound: frozenset[str]) -> Value:
        names = bound.union(parameter.name for parameter in node.parameters)
        body = self._value(frame, node.body, names)
        if body.expression is None or any(parameter.default is not None for parameter in node.parameters):
            return UNKNOWN
        return Value(code.Lambda(node.parameters, body.expression, node.span))

    def _comprehension(self, frame: Frame, node: code.Comprehension, bound: frozenset[str]) -> Value:
        names = set(bound)
        for clause in node.clauses:
            names.update(target_names(clause.target))
        return self._rebuilt(frame, node, frozenset(names))

    def _never(self, frame: Frame, node: code.Expression, bound: frozenset[str]) -> Value:
        return UNKNOWN

    # Calls

    def _call(self, frame: Frame, node: code.Call, bound: frozenset[str]) -> Value:
        definition = self.definition(frame, node.function)
        match definition:
            case ClassDefinition():
                return self._constructor_call(frame, node, bound, definition)
            case External(name):
                if not policy.is_maker(name):
                    return UNKNOWN
                arguments = policy.without_device(node.arguments) if name.startswith("torch.") else node.arguments
                made = self._rebuilt(frame, code.Call(node.function, arguments, node.span), bound)
                return made._replace(holds_tensor=policy.makes_tensor(name))
            case FunctionDefinition():
                summary = self._summarise(definition)
                made = self._rebuilt(frame, node, bound) if summary.is_quiet else UNKNOWN
                instance_of = summary.returns[0] if len(summary.returns) == 1 else None
                return made._replace(instance_of=instance_of, holds_tensor=summary.returns_tensor)
            case ValueDefinition():
                return self._rebuilt(frame, node, bound)
            case ModuleReference():
                return UNKNOWN
        return self._call_of_value(frame, node, bound)

    def _constructor_call(
        self, frame: Frame, node: code.Call, bound: frozenset[str], definition: ClassDefinition
    ) -> Value:
        if definition.enclosing and isinstance(definition.enclosing[-1], code.Function):
            return Value(None, definition)
        try:
            return self._rebuilt(frame, node, bound)._replace(instance_of=definition, holds_tensor=False)
        except _NotEvaluable:
            return Value(None, definition)

    def _call_of_value(self, frame: Frame, node: code.Call, bound: frozenset[str]) -> Value:
        """A method of a value, or a Module that is called."""
        function = node.function
        if not isinstance(function, code.Attribute) or ".".join(dotted_name(function)) in frame.values:
            callee = self._value(frame, function, bound)
            if callee.instance_of is None or callee.expression is None:
                return UNKNOWN
            return self._rebuilt(frame, node, bound)._replace(holds_tensor=True)
        owner = self._value(frame, function.value, bound)
        if owner.instance_of is not None:
            return owner if function.name in policy.SELF_RETURNING else UNKNOWN
        if owner.expression is None or not policy.is_quiet_method(function.name):
            return UNKNOWN
        if function.name in policy.MOVES:
            return owner
        if function.name == "to":
            return self._conversion(frame, node, owner, bound)
        return self._rebuilt(frame, node, bound)._replace(holds_tensor=owner.holds_tensor)

    def _conversion(self, frame: Frame, node: code.Call, owner: Value, bound: frozenset[str]) -> Value:
        """``.to(...)``: a change of dtype is kept, a move is dropped."""
        arguments = [argument for argument in node.arguments if argument.keyword in (None, "dtype")]
        if len(arguments) == 1:
            definition = self.definition(frame, arguments[0].value)
            if isinstance(definition, External) and definition.name.startswith("torch."):
                converted = code.Call(node.function, tuple(arguments), node.span)
                return self._rebuilt(frame, converted, bound)._replace(holds_tensor=owner.holds_tensor)
        return owner

    def _names(self, module: SourceModule) -> frozenset[str]:
        """What the module binds at its top level, in whatever way."""
        if module not in self._module_names:
            self._module_names[module] = frozenset(scope_of(module.facts.body).names)
        return self._module_names[module]


def text_of(expression: code.Expression) -> str | None:
    """Return the source text of an expression, None where the form does not hold all of it."""
    try:
        return render(expression)
    except Unrenderable:
        return None


def dotted_name(expression: code.Expression) -> tuple[str, ...]:
    """Return the parts of ``a.b.c``; empty for any other expression."""
    return names.dotted_name(expression) or ()


def target_names(target: code.Expression) -> tuple[str, ...]:
    """Return the names that an assignment to ``target`` binds, dotted ones (``self.model``) too."""
    if isinstance(target, code.Display):
        return tuple(name for element in target.elements for name in target_names(element))
    if isinstance(target, code.Starred):
        return target_names(target.value)
    dotted = dotted_name(target)
    return (".".join(dotted),) if dotted else ()


_EXPRESSIONS: frozenset[type[object]] = frozenset(
    {
        code.Attribute,
        code.Await,
        code.BinaryOperation,
        code.BooleanOperation,
        code.Call,
        code.Comparison,
        code.Comprehension,
        code.Conditional,
        code.Constant,
        code.DictDisplay,
        code.Display,
        code.FormattedString,
        code.Lambda,
        code.Name,
        code.NamedExpression,
        code.Opaque,
        code.Slice,
        code.Starred,
        code.Subscript,
        code.UnaryOperation,
        code.Yield,
    }
)

_Handler = Callable[[Reader, Frame, Any, frozenset[str]], Value]

_HANDLERS: Mapping[type[object], _Handler] = MappingProxyType(
    {
        code.Name: Reader._name,
        code.Attribute: Reader._attribute,
        code.Call: Reader._call,
        code.Lambda: Reader._lambda,
        code.Comprehension: Reader._comprehension,
        code.Await: Reader._never,
        code.NamedExpression: Reader._never,
        code.Opaque: Reader._never,
        code.Yield: Reader._never,
    }
)

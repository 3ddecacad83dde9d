"""What names stand for: locals, names of enclosing functions, of the module, and what is imported."""

from __future__ import annotations

from paramlint.interpret import builtin_calls, evaluate
from paramlint.interpret.decorators import are_transparent
from paramlint.interpret.ingredients import GROWING
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.scan import nodes
from paramlint.interpret.values import (
    UNKNOWN,
    ClassValue,
    Closure,
    Container,
    External,
    Value,
)
from paramlint.model import code
from paramlint.project.classes import LinkedClass
from paramlint.project.definitions import (
    ClassDefinition,
    Definition,
    External as ExternalDefinition,
    FunctionDefinition,
    ModuleReference,
    SourceModule,
    ValueDefinition,
)


def lookup(machine: Machine, frame: Frame, identifier: str) -> Value:
    """Return what a name stands for in a frame."""
    scope: Frame | None = frame
    while scope is not None:
        if identifier in scope.names:
            return scope.names[identifier]
        scope = scope.outer
    return resolve(machine, frame, (identifier,))


def resolve(machine: Machine, frame: Frame, dotted: tuple[str, ...]) -> Value:
    """Return what a dotted name stands for at module level, imports followed."""
    definition = machine.project.resolve(frame.module, dotted, frame.enclosing)
    value = value_of(machine, definition)
    if value is UNKNOWN and len(dotted) == 1 and dotted[0] in builtin_calls.NAMES:
        return External(f"builtins.{dotted[0]}")
    return value


def value_of(machine: Machine, definition: Definition) -> Value:
    """Return the value that a definition gives its name."""
    match definition:
        case ClassDefinition():
            return ClassValue(machine.project.link(definition))
        case FunctionDefinition():
            if definition.enclosing and isinstance(definition.enclosing[-1], code.Class):
                return UNKNOWN  # a method: looking it up on its class tells which class ``super()`` means in it
            if not are_transparent(machine.project, definition.module, definition.node.decorators):
                return UNKNOWN
            owner = _owner(machine, definition)
            return Closure(
                definition.node, definition.module, definition.enclosing, None, owner, None, definition.qualified_name
            )
        case ExternalDefinition(name=name) | ModuleReference(name=name):
            return External(name)
        case ValueDefinition():
            return _module_value(machine, definition)
    return UNKNOWN


def _owner(machine: Machine, method: FunctionDefinition) -> LinkedClass | None:
    """The class that a function named through it (``Base.__init__``) is a method of."""
    if not method.enclosing or not isinstance(method.enclosing[-1], code.Class):
        return None
    name = method.qualified_name.rpartition(".")[0]
    return machine.project.link(ClassDefinition(method.module, method.enclosing[-1], name, method.enclosing[:-1]))


def _module_value(machine: Machine, definition: ValueDefinition) -> Value:
    span = definition.node.span
    key = (definition.module.name, f"{span.line}:{span.column}")
    if key not in machine.module_values:
        machine.module_values[key] = UNKNOWN
        module_frame = Frame(definition.module, ())
        # It is made when the module is imported, by nobody's call.
        reached, machine.reached = machine.reached, None
        try:
            value = evaluate.evaluate(machine, module_frame, definition.node)
        finally:
            machine.reached = reached
        if isinstance(value, Container) and value.kind != "tuple":
            # an empty one is there to be filled, by whichever file
            is_filled = id(definition.node) in machine.project.scanned(_filled_later, definition.module)
            value.is_exact = value.is_exact and bool(value.items) and not is_filled
        machine.module_values[key] = value
    return machine.module_values[key]


def _filled_later(module: SourceModule) -> frozenset[int]:
    """The values of a module's names to whose elements its code adds or sets some: a registry, by the end, holds more."""
    filled: set[str] = set()
    for node in nodes(module.facts.body):
        match node:
            case code.Call(function=code.Attribute(value=code.Name(identifier=name), name=method)):
                if method in GROWING or method in ("pop", "remove", "clear"):
                    filled.add(name)
            case code.AugmentedAssign(target=code.Name(identifier=name)):
                filled.add(name)
            case code.Assign(targets=targets) | code.Delete(targets=targets):
                elements = (target for target in targets if isinstance(target, code.Subscript))
                filled |= {target.value.identifier for target in elements if isinstance(target.value, code.Name)}
    return frozenset(
        id(statement.value)
        for statement in module.facts.body
        if isinstance(statement, (code.Assign, code.AnnotatedAssign))
        for target in (statement.targets if isinstance(statement, code.Assign) else (statement.target,))
        if isinstance(target, code.Name) and target.identifier in filled
    )


def is_bound(frame: Frame, identifier: str) -> bool:
    scope: Frame | None = frame
    while scope is not None:
        if identifier in scope.names:
            return True
        scope = scope.outer
    return False


def is_method(value: Value) -> bool:
    """Whether a function is defined in a class: looked up on that class, it knows what ``super()`` means in it."""
    return isinstance(value, Closure) and bool(value.enclosing) and isinstance(value.enclosing[-1], code.Class)

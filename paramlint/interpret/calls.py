"""Calling functions, methods, classes and modules."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from paramlint import torch_api
from paramlint.interpret import (
    assignment,
    autograd_functions,
    construct,
    container_calls,
    devices,
    distributions,
    evaluate,
    external_calls,
    hierarchy,
    initialisation,
    module_calls,
    module_methods,
    objects,
    parameters,
    results,
    statements,
    tensors,
)
from paramlint.interpret.abroad import is_abroad, reached
from paramlint.interpret.compare import key_of
from paramlint.interpret.decorators import is_no_grad
from paramlint.interpret.events import MethodReached, UndefinedMethod
from paramlint.interpret.idle import MOST_IDLE_STEPS, MOST_IDLE_STEPS_OF_CALL, Outcome, concerns_models, outcome
from paramlint.interpret.limits import IdleSpent, PathEnds
from paramlint.interpret.machine import MOST_DEPTH, Frame, Machine, Made
from paramlint.interpret.scan import descends, walks_all
from paramlint.interpret.slots import Phase, Place
from paramlint.interpret.values import (
    NONE,
    UNKNOWN,
    BoundExternal,
    ClassValue,
    Closure,
    Container,
    Device,
    External,
    Instance,
    Known,
    Partial,
    Placement,
    Super,
    Symbol,
    Tensor,
    Unknown,
    Value,
    join,
)
from paramlint.model import code
from paramlint.project.classes import Member
from paramlint.project.frameworks import leaves_heirs_alone


@dataclass(eq=False, slots=True)
class Arguments:
    """Evaluated arguments; ``is_exact`` is False where ``*`` or ``**`` brought in what is not known.

    ``may_have_keywords``: it was ``**``, so any keyword may be among them. ``unplaced`` are those that ``*`` passes at
    positions that are not known.
    """

    positional: list[Value]
    keywords: dict[str, Value] = field(default_factory=dict)
    is_exact: bool = True
    may_have_keywords: bool = False
    unplaced: list[Value] = field(default_factory=list)

    def get(self, position: int, name: str) -> Value | None:
        """The argument at a position or of a name."""
        if name in self.keywords:
            return self.keywords[name]
        return self.positional[position] if position < len(self.positional) else None

    def values(self) -> list[Value]:
        return [*self.positional, *self.keywords.values(), *self.unplaced]


def evaluate_call(machine: Machine, frame: Frame, node: code.Call) -> Value:
    """Evaluate a call expression."""
    function = node.function
    if isinstance(function, code.Name) and function.identifier == "super":
        return objects.super_of(machine, frame, node)
    callee = evaluate.evaluate(machine, frame, function)
    arguments = evaluate_arguments(machine, frame, node.arguments)
    if callee is UNKNOWN and isinstance(function, code.Attribute):
        _note_unknown(machine, frame, function, node.span)
    if isinstance(callee, (Unknown, Symbol)) and isinstance(function, code.Attribute) and function.name == "cuda":
        # whatever it is called on, .cuda() names its device, unless it is given one
        given = arguments.get(0, "device")
        if machine.phase is Phase.CONSTRUCTOR and (given is None or isinstance(given, Known)):
            literal = devices.literal_of(given)
            devices.note_literal(machine, frame, Device(Placement.LITERAL, literal), ".cuda()", None, node.span)
    return call(machine, frame, callee, arguments, node.span)


def evaluate_arguments(machine: Machine, frame: Frame, nodes: tuple[code.Argument, ...]) -> Arguments:
    """Evaluate the arguments of a call."""
    arguments = Arguments([])
    for argument in nodes:
        value = evaluate.evaluate(machine, frame, argument.value)
        if argument.star == "*":
            items, is_exact = evaluate.elements(machine, value)
            if is_exact:
                arguments.positional.extend(items)
            else:
                arguments.positional.extend(items[:1])
                arguments.unplaced.extend(items[1:])
                arguments.is_exact = False
        elif argument.star == "**":
            if isinstance(value, Container) and value.kind == "dict" and value.is_exact:
                for key, item in zip(value.keys, value.items, strict=False):
                    if isinstance(key, Known):
                        arguments.keywords[str(key.value)] = item
            else:
                arguments.is_exact = False
                arguments.may_have_keywords = True
        elif argument.keyword is not None:
            arguments.keywords[argument.keyword] = value
        else:
            arguments.positional.append(value)
    return arguments


def _note_unknown(machine: Machine, frame: Frame, function: code.Attribute, span: code.Span) -> None:
    """Take it that a value of the class which is called as a method may write the root; record a method that is none."""
    receiver = evaluate.evaluate(machine, frame, function.value)
    if not isinstance(receiver, Instance) or receiver is not machine.root or receiver.linked is None:
        return
    name = function.name
    if machine.guarded or machine.undecided or receiver.is_opaque or name in receiver.bindings:
        return
    linked = receiver.linked
    member = linked.find(name)
    if isinstance(member, Member) and not isinstance(member.node, (code.Function, code.Class)):
        results.escape(receiver)  # a function that the class's body has wrapped is given self
    if not linked.is_complete or name in torch_api.module_members():
        return
    if member is not None or objects.has_own_lookup(linked) or objects.is_announced(linked, name):
        return
    may_be_bound = hierarchy.assigns(machine.project, linked, name)
    machine.emit(UndefinedMethod(frame.place(span), name, machine.phase is Phase.CONSTRUCTOR, may_be_bound))


def call(machine: Machine, frame: Frame, callee: Value, arguments: Arguments, span: code.Span) -> Value:
    """Call a value."""
    match callee:
        case Closure():
            return call_closure(machine, frame, callee, arguments, span)
        case ClassValue():
            return construct.construct(machine, frame, callee.linked, arguments, span)
        case External():
            result = external_calls.call_external(machine, frame, callee.name, arguments, span)
            if isinstance(result, (Instance, Tensor)):
                machine.leave_idle()
            return result
        case BoundExternal():
            return _call_bound(machine, frame, callee, arguments, span)
        case Partial():
            merged = Arguments(
                [*callee.arguments, *arguments.positional],
                {**callee.keywords, **arguments.keywords},
                arguments.is_exact,
                arguments.may_have_keywords,
            )
            return call(machine, frame, callee.function, merged, span)
        case Instance(is_module=True):
            return module_calls.call_module(machine, frame, callee, arguments, span)
        case Instance():
            method = objects.get_attribute(machine, frame, callee, "__call__", span)
            if isinstance(method, Closure):
                return call(machine, frame, method, arguments, span)
    for value in arguments.values():
        results.escape(value)
        if isinstance(value, Instance) and value is machine.root and not value.is_initialised:
            # A function that we cannot see (an inherited constructor, called by name) may be what initialises it.
            construct.note_initialised(machine, frame, value, span)
    if isinstance(callee, Symbol) and callee.makes_modules:
        return Instance(frame.place(span), machine.phase, None, "torch.nn.Module", True, True, True)
    if isinstance(callee, Symbol) and callee.is_configuration:
        keys = [key_of(value) for value in arguments.values()]
        if None not in keys:
            return Symbol(f"{callee.key}({', '.join(key for key in keys if key)})")
    return UNKNOWN


def _call_bound(machine: Machine, frame: Frame, callee: BoundExternal, arguments: Arguments, span: code.Span) -> Value:
    receiver = callee.receiver
    match receiver:
        case Tensor():
            function = torch_api.method(callee.name)
            if function is None:
                return UNKNOWN
            return tensors.call(machine, frame, function, [receiver, *arguments.positional], arguments.keywords, span)
        case Container():
            return container_calls.call_container(machine, frame, receiver, callee.name, arguments)
        case Instance() if distributions.is_one(receiver):
            return distributions.call(machine, frame, receiver, callee.name, arguments, span)
        case Instance() | Super():
            return module_methods.call_method(machine, frame, receiver, callee.name, arguments, span)
        case ClassValue():
            if autograd_functions.is_applied(receiver, callee.name):
                return autograd_functions.apply(machine, frame, receiver, arguments, span)
            if arguments.positional and isinstance(arguments.positional[0], Instance):
                rest = Arguments(arguments.positional[1:], arguments.keywords, arguments.is_exact)
                return module_methods.call_method(machine, frame, arguments.positional[0], callee.name, rest, span)
        case Known(value=str() as text):
            return container_calls.call_text(text, callee.name, arguments)
    return UNKNOWN


def call_closure(machine: Machine, frame: Frame, closure: Closure, arguments: Arguments, span: code.Span) -> Value:
    """Execute a function of the source with its arguments bound; bounded in depth and recursion."""
    if machine.depth >= MOST_DEPTH or module_methods.is_deep_enough(machine, closure):
        if machine.idle_end == inf:
            machine.is_complete = False
        machine.is_idle_cut = True
        for value in (*arguments.values(), closure.bound or NONE):
            results.escape(value)
        return UNKNOWN
    name = closure.qualified_name
    is_idle = not any(map(concerns_models, (closure, *arguments.values())))
    if is_idle and machine.idle_steps.get(name, 0) > MOST_IDLE_STEPS:
        return UNKNOWN
    before = machine.steps
    is_outermost = is_idle and machine.idle_end == inf
    if is_outermost:
        known = _outcome(machine, frame, closure, arguments, span)
        if known is not None:
            machine.step(known.steps)
            machine.idle_steps[name] = machine.idle_steps.get(name, 0) + known.steps
            return known.result
        machine.idle_end, machine.is_idle_cut = before + MOST_IDLE_STEPS_OF_CALL, False
    try:
        result = _follow(machine, frame, closure, arguments, span)
    except IdleSpent:
        if not is_outermost:
            raise
        result = UNKNOWN
    finally:
        if is_outermost:
            machine.idle_end = inf
    if is_outermost and machine.is_idle_cut and concerns_models(result):
        machine.is_complete = False
    if is_idle and not concerns_models(result):
        machine.idle_steps[name] = machine.idle_steps.get(name, 0) + machine.steps - before
    return result


def _outcome(machine: Machine, frame: Frame, closure: Closure, arguments: Arguments, span: code.Span) -> Outcome | None:
    if not arguments.is_exact:
        return None
    given = [*(("", value) for value in arguments.positional), *arguments.keywords.items()]
    return outcome(machine, closure, given, lambda apart: _follow(apart, frame, closure, arguments, span))


def _follow(machine: Machine, frame: Frame, closure: Closure, arguments: Arguments, span: code.Span) -> Value:
    if machine.phase is Phase.FORWARD and parameters.lacks_argument(closure, arguments):
        return UNKNOWN  # it raises, or what is called is not what it was taken for
    inner = Frame(
        closure.module,
        (*closure.enclosing, closure.node) if isinstance(closure.node, code.Function) else closure.enclosing,
        closure.outer,
        closure.bound if closure.bound is not None else (closure.outer.receiver if closure.outer else None),
        closure.owner,
        closure.node.name if isinstance(closure.node, code.Function) else "<lambda>",
    )
    parameters.bind(machine, inner, closure, arguments)
    if inner.receiver is None and closure.owner is not None and closure.node.parameters:
        # Base.__init__(self): super() inside means the first argument
        inner.receiver = inner.names.get(closure.node.parameters[0].name)
    machine.depth += 1
    machine.active.append(closure.qualified_name)
    undecided = machine.undecided
    before = machine.abroad, machine.reached
    choosing = machine.choice, machine.is_choosing, machine.preferred, machine.chain
    machine.choice, machine.is_choosing, machine.preferred, machine.chain = None, False, None, None
    machine.abroad, machine.reached = is_abroad(machine, closure), reached(machine, frame, closure, span)
    spared = _spared(closure)
    was_opaque, was_hiding = (spared.is_opaque, spared.hides) if spared is not None else (False, False)
    was_complete = machine.is_complete
    try:
        if isinstance(closure.node, code.Lambda):
            return evaluate.evaluate(machine, inner, closure.node.body)
        return _execute(machine, frame, inner, closure, closure.node, span)
    finally:
        if spared is not None:
            spared.is_opaque, spared.hides = was_opaque, was_hiding
            machine.is_complete = was_complete
        machine.undecided = undecided
        machine.abroad, machine.reached = before
        machine.choice, machine.is_choosing, machine.preferred, machine.chain = choosing
        machine.depth -= 1
        machine.active.pop()


def _spared(closure: Closure) -> Instance | None:
    """The instance on which a framework's constructor runs that does nothing to what its heirs put there."""
    if not isinstance(closure.node, code.Function) or closure.node.name != "__init__" or closure.owner is None:
        return None
    instance = closure.bound
    is_known = leaves_heirs_alone(closure.owner.definition.full_name)
    return instance if is_known and isinstance(instance, Instance) else None


def _execute(
    machine: Machine, frame: Frame, inner: Frame, closure: Closure, node: code.Function, span: code.Span
) -> Value:
    if closure.bound is machine.root and machine.root is not None:
        machine.emit(MethodReached(frame.place(span), node.name, machine.phase))
        if node.name not in ("__init__", "forward") and machine.project.scanned(walks_all, node.body):
            initialisation.note_scheme(machine, node.name, node.body, frame.place(span))
    without_gradients = any(is_no_grad(decorator) for decorator in node.decorators)
    machine.without_gradients += without_gradients
    is_descent = machine.phase is Phase.CONSTRUCTOR and machine.project.scanned(descends, node)
    if is_descent:
        initialisation.note_descent(machine, list(inner.names.values()), frame.place(span))
    machine.walking += is_descent
    is_scheme = closure.bound is machine.root and initialisation.is_scheme(machine, frame, node)
    machine.schemes += [node.name] * is_scheme
    try:
        flow = statements.execute_block(machine, inner, node.body)
    finally:
        machine.without_gradients -= without_gradients
        machine.walking -= is_descent
        if is_scheme:
            machine.schemes.pop()
    if flow is statements.Flow.RAISE and not inner.returns:
        if machine.undecided or not machine.is_complete:
            return UNKNOWN
        if closure.owner is None and machine.project.scanned(hierarchy.stands_in, node):
            return UNKNOWN
        raise PathEnds
    if inner.yields:
        return Container("list", inner.yields, is_exact=False)
    if not inner.returns:
        return NONE
    result = inner.returns[0]
    for value in inner.returns[1:]:
        result = join(result, value)
    return result


def bind_target(machine: Machine, frame: Frame, target: code.Expression, value: Value) -> None:
    """Bind the target of a comprehension or named expression."""
    assignment.assign(machine, frame, target, value, target.span)


def note_made(machine: Machine, value: Tensor | Instance, place: Place) -> None:
    """Remember a Parameter or Module that forward makes."""
    if machine.without_gradients and isinstance(value, Tensor):
        return  # a state that forward keeps: nothing is learned there
    if machine.phase is Phase.FORWARD and machine.is_called_by_forward and not machine.constructing:
        machine.made.append(Made(value, place, tuple(machine.guards), machine.below_none > 0))


def note_local(machine: Machine, name: str, value: Value) -> None:
    """Remember the first local name of what forward makes."""
    if machine.phase is Phase.FORWARD:
        for made in machine.made:
            if made.value is value and made.local is None:
                made.local = name


def note_stored(machine: Machine, receiver: Instance, name: str, value: Value) -> None:
    """Remember the attribute under which forward stores what it makes."""
    if machine.phase is Phase.FORWARD and receiver is machine.root:
        for made in machine.made:
            if made.value is value and made.stored is None:
                made.stored = name

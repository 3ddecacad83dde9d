"""Executing statements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from enum import Enum

from paramlint.interpret import assignment, devices, dropped, evaluate, initialisation, objects
from paramlint.interpret.decorators import are_transparent
from paramlint.interpret.events import LocalRebinding
from paramlint.interpret.limits import PathEnds
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.scan import (
    asked_names,
    bound_names,
    guarded_attributes,
    loop_span,
    nodes,
    self_attribute,
    tests_for_none,
)
from paramlint.interpret.slots import Phase
from paramlint.interpret.values import (
    UNKNOWN,
    Closure,
    Container,
    Device,
    External,
    Known,
    Symbol,
    Tensor,
    Value,
    join,
)
from paramlint.model import code

# Of a loop so many iterations are followed, of a walk over modules more; and more yet while the path has steps enough.
_FEWEST_ITERATIONS = 10
_MOST_ITERATIONS = 64
_SHARE_OF_LOOP = 10
_FEWEST_MODULES = 300
_SHARE_OF_WALK = 2
_SIMPLE = (code.Assign, code.AnnotatedAssign, code.AugmentedAssign, code.ExpressionStatement)


class Flow(Enum):
    """How a block of statements ended."""

    NEXT = 0
    RETURN = 1
    BREAK = 2
    CONTINUE = 3
    RAISE = 4


def execute_block(machine: Machine, frame: Frame, statements: tuple[code.Statement, ...]) -> Flow:
    """Execute statements in order until one of them leaves the block."""
    asked = 0
    try:
        for statement in statements:
            flow = execute(machine, frame, statement)
            if flow is not Flow.NEXT:
                return flow
            if _goes_on_with_accelerator(machine, frame, statement):
                # what comes after ``if not torch.cuda.is_available(): return`` runs on such machines only
                machine.device_tests += 1
                asked += 1
        return Flow.NEXT
    finally:
        machine.device_tests -= asked


def _goes_on_with_accelerator(machine: Machine, frame: Frame, statement: code.Statement) -> bool:
    """Whether what comes after a statement in its block has the accelerator that the statement asks for."""
    if isinstance(statement, code.Assert):
        # one of a constructor asks of its arguments, and the model may be moved afterwards
        return machine.phase is Phase.FORWARD and machine.project.scanned(devices.names_accelerator, statement.test)
    return isinstance(statement, code.If) and _leaves(statement) and devices.asks(machine, frame, statement.test)


def _leaves(statement: code.If) -> bool:
    """Whether a condition's body ends the block around it."""
    last = statement.body[-1]
    return isinstance(last, (code.Return, code.Raise)) or (isinstance(last, code.Jump) and last.kind != "pass")


def execute(machine: Machine, frame: Frame, statement: code.Statement) -> Flow:
    """Execute one statement."""
    machine.step()
    if frame.receiver is machine.root and frame.function == "__init__":
        _note_statement(machine, frame, statement)
    match statement:
        case code.Assign():
            value = devices.chosen(machine, evaluate.evaluate(machine, frame, statement.value))
            for target in statement.targets:
                assignment.assign(machine, frame, target, value, statement.span)
        case code.AugmentedAssign():
            assignment.augmented(machine, frame, statement)
        case code.AnnotatedAssign():
            if statement.value is not None:
                value = evaluate.evaluate(machine, frame, statement.value)
                assignment.assign(machine, frame, statement.target, value, statement.span)
        case code.ExpressionStatement():
            dropped.execute_expression(machine, frame, statement)
        case code.Return():
            value = Known(None) if statement.value is None else evaluate.evaluate(machine, frame, statement.value)
            frame.returns.append(value)
            return Flow.RETURN
        case code.Raise():
            return _raise(machine, frame, statement)
        case code.If():
            return _if(machine, frame, statement)
        case code.For():
            return _for(machine, frame, statement)
        case code.While():
            return _while(machine, frame, statement)
        case code.With():
            return _with(machine, frame, statement)
        case code.Try():
            return _try(machine, frame, statement)
        case code.Match():
            return _match(machine, frame, statement)
        case code.Jump(kind=kind):
            return {"break": Flow.BREAK, "continue": Flow.CONTINUE}.get(kind, Flow.NEXT)
        case code.Function():
            frame.names[statement.name] = _decorated(machine, frame, statement)
        case code.Class():
            frame.names[statement.name] = evaluate.local_class(machine, frame, statement)
        case code.Import():
            pass  # names bound by imports resolve through the project
        case code.Delete():
            for target in statement.targets:
                assignment.delete(machine, frame, target)
        case code.Assert():
            return Flow.RAISE if evaluate.contradicts(machine, frame, statement.test) else Flow.NEXT
    return Flow.NEXT


def _note_statement(machine: Machine, frame: Frame, statement: code.Statement) -> None:
    """Remember which statement of a constructor of the instance is under way: of others than simple ones, the head."""
    is_own = frame.owner is not None and machine.root is not None and frame.owner is machine.root.linked
    if isinstance(statement, _SIMPLE):
        machine.statement = frame.place(statement.span)
        machine.assigned = self_attribute(statement.targets[0]) if isinstance(statement, code.Assign) else None
        if is_own:
            machine.own_statement = machine.statement
    elif is_own and isinstance(statement, (code.If, code.While)):
        machine.own_statement = frame.place(statement.test.span)
    elif is_own and isinstance(statement, code.For):
        machine.own_statement = frame.place(statement.iterable.span)


def _raise(machine: Machine, frame: Frame, statement: code.Raise) -> Flow:
    exception = statement.exception
    if isinstance(exception, code.Call):
        exception = exception.function
    if (
        isinstance(exception, code.Name)
        and exception.identifier == "NotImplementedError"
        and frame.function != "__init__"
    ):
        machine.is_complete = False
        machine.refuse()
    return Flow.RAISE


def _decorated(machine: Machine, frame: Frame, node: code.Function) -> Value:
    if not are_transparent(machine.project, frame.module, node.decorators):
        return UNKNOWN
    return Closure(node, frame.module, frame.enclosing, frame, frame.owner, None, f"{frame.function}.{node.name}")


def _if(machine: Machine, frame: Frame, statement: code.If) -> Flow:
    machine.decider.asked = None
    outcome = evaluate.choose(machine, frame, statement)
    asked = machine.decider.asked
    guards = machine.project.scanned(guarded_attributes, statement.test)
    guards = [*guards, *_computed(machine, frame, statement.test)]
    if guards:
        guards = [*guards, *(name for guard in guards for name in objects.asked_by(machine, frame.receiver, guard))]
    asks_device = devices.asks(machine, frame, statement.test)
    # whoever wants no accelerator has none, from here to the end of the path
    refuses = outcome is not None and devices.refuses(machine, frame, statement.test)
    for_none = machine.project.scanned(tests_for_none, statement.test)
    machine.guards.extend(guards)
    machine.below_none += for_none
    machine.device_tests += asks_device or refuses
    try:
        if outcome is False:
            devices.leave_open(machine, frame, statement)
        if outcome is not None:
            flow = execute_block(machine, frame, statement.body if outcome else statement.orelse)
            if flow is Flow.RAISE and machine.decider.blamed is None:
                machine.decider.blamed = asked
            return flow
        return in_doubt(machine, frame, [statement.body, statement.orelse])
    finally:
        machine.device_tests -= asks_device and not refuses
        machine.below_none -= for_none
        del machine.guards[len(machine.guards) - len(guards) :]


def _computed(machine: Machine, frame: Frame, test: code.Expression) -> Iterator[str]:
    """The attributes for which ``hasattr`` is asked by a name that is held in another."""
    for key in machine.project.scanned(asked_names, test):
        value = frame.names.get(key)
        if isinstance(value, Known) and isinstance(value.value, str):
            yield value.value


def in_doubt(machine: Machine, frame: Frame, arms: list[tuple[code.Statement, ...]]) -> Flow:
    """Execute alternatives of which nothing says which one runs: each starts from the same names, then they join."""
    before = dict(frame.names)
    after: list[dict[str, Value]] = []
    flows = []
    device_tests = machine.device_tests
    tests_after: list[int] = []
    with machine.in_doubt():
        for arm in arms:
            frame.names = dict(before)
            machine.device_tests = device_tests
            was_complete = machine.is_complete
            flow = execute_block(machine, frame, arm)
            if flow is Flow.RAISE and isinstance(arm[-1], code.Raise):
                machine.is_complete = was_complete  # what an argument leads to that is refused, even as not implemented
            flows.append(flow)
            if flow is Flow.NEXT:
                after.append(frame.names)
                tests_after.append(machine.device_tests)
    # what one arm says of the device does not hold for the paths that come by another
    machine.device_tests = min(tests_after, default=device_tests)
    if not after:
        frame.names = before
        return flows[0] if all(flow is flows[0] for flow in flows) else Flow.RETURN
    frame.names = _joined(after)
    return Flow.NEXT


def _joined(alternatives: list[dict[str, Value]]) -> dict[str, Value]:
    names = dict(alternatives[0])
    for other in alternatives[1:]:
        for name, value in other.items():
            names[name] = join(names[name], value) if name in names else value
    return names


def _for(machine: Machine, frame: Frame, statement: code.For) -> Flow:
    iterable = evaluate.evaluate(machine, frame, statement.iterable)
    elements, is_exact = evaluate.elements(machine, iterable)
    is_walk = isinstance(iterable, Container) and iterable.is_walk
    if len(elements) > _MOST_ITERATIONS and not is_walk:
        elements = elements[:_MOST_ITERATIONS]
        machine.is_complete = False
    if is_walk and frame.receiver is machine.root and frame.function == "__init__":
        place = frame.place(loop_span(statement))
        if machine.root is not None and frame.owner is machine.root.linked:
            machine.own_statement = place
        if isinstance(iterable, Container) and iterable.walked is machine.root:  # over a part, it is for that part
            initialisation.note_scheme(machine, "", statement.body, place)
    if is_exact and not elements:
        return execute_block(machine, frame, statement.orelse)
    over_parameters = is_walk and any(isinstance(item, Tensor) or _holds_tensor(item) for item in elements)
    machine.walking += is_walk
    machine.walking_parameters += over_parameters
    flags = [] if is_exact else _flags(machine, frame, statement)
    try:
        return _iterate(machine, frame, statement, elements, is_exact, is_walk)
    finally:
        for name in flags:
            if isinstance(frame.names.get(name), Known):
                frame.names[name] = UNKNOWN
        machine.walking -= is_walk
        machine.walking_parameters -= over_parameters


def _flags(machine: Machine, frame: Frame, statement: code.For) -> list[str]:
    """The names by which a loop finds, or counts, something among its elements: ``is_found = True; break``."""
    bound = machine.project.scanned(bound_names, statement.body)
    return [name for name in bound if isinstance(frame.names.get(name), Known)]


def _holds_tensor(value: Value) -> bool:
    return isinstance(value, Container) and any(isinstance(item, Tensor) for item in value.items)


def _iterate(
    machine: Machine, frame: Frame, statement: code.For, elements: list[Value], is_exact: bool, is_walk: bool
) -> Flow:
    fewest, share = (_FEWEST_MODULES, _SHARE_OF_WALK) if is_walk else (_FEWEST_ITERATIONS, _SHARE_OF_LOOP)
    enough = machine.steps + (machine.most_steps - machine.steps) // share
    for count, element in enumerate(elements or [UNKNOWN]):
        if count >= fewest and machine.steps > enough:
            machine.is_complete = False
            break
        assignment.assign(machine, frame, statement.target, element, frame_span(statement.target))
        _note_local_rebinding(machine, frame, statement, element)
        with nullcontext() if is_exact else machine.in_loop():
            flow = execute_block(machine, frame, statement.body)
        if flow is Flow.BREAK:
            return Flow.NEXT
        if flow is Flow.RETURN and not is_exact:
            # the loop may also end without returning
            return Flow.NEXT if machine.undecided else flow
        if flow in (Flow.RETURN, Flow.RAISE):
            return flow
    return execute_block(machine, frame, statement.orelse)


def _note_local_rebinding(machine: Machine, frame: Frame, statement: code.For, element: Value) -> None:
    """A loop that ends by binding its own variable to a computed value changes no parameter."""
    last = statement.body[-1]
    if machine.phase is not Phase.CONSTRUCTOR or not isinstance(last, code.Assign) or len(last.targets) != 1:
        return
    name = last.targets[0]
    loop_names = {node.identifier for node in nodes(statement.target) if isinstance(node, code.Name)}
    if not isinstance(name, code.Name) or name.identifier not in loop_names:
        return
    items = element.items if isinstance(element, Container) else [element]
    if any(isinstance(item, Tensor) and item.is_parameter for item in items):
        machine.emit(LocalRebinding(frame.place(last.span), name.identifier, "assignment"))


def frame_span(expression: code.Expression) -> code.Span:
    """The span of an expression."""
    return expression.span


def _while(machine: Machine, frame: Frame, statement: code.While) -> Flow:
    if evaluate.test(machine, frame, statement.test) is False:
        return execute_block(machine, frame, statement.orelse)
    with machine.in_loop():
        flow = execute_block(machine, frame, statement.body)
    return flow if flow in (Flow.RETURN, Flow.RAISE) else Flow.NEXT


def _with(machine: Machine, frame: Frame, statement: code.With) -> Flow:
    without_gradients = on_meta = 0
    for item in statement.items:
        context = evaluate.evaluate(machine, frame, item.context)
        if isinstance(context, External) and context.name in ("torch.no_grad()", "torch.inference_mode()"):
            without_gradients += 1
        if isinstance(context, Device) and context.literal != "cpu":
            on_meta += 1
        if isinstance(context, Symbol) and context.key.startswith("torch.cuda.device#"):
            on_meta += 1  # what is called "cuda" inside is the device that was given
        if item.target is not None:
            assignment.assign(machine, frame, item.target, UNKNOWN, frame_span(item.target))
    machine.without_gradients += without_gradients
    machine.on_meta += on_meta
    try:
        return execute_block(machine, frame, statement.body)
    finally:
        machine.without_gradients -= without_gradients
        machine.on_meta -= on_meta


def _try(machine: Machine, frame: Frame, statement: code.Try) -> Flow:
    machine.guarded += 1 if statement.handlers else 0
    try:
        flow = execute_block(machine, frame, statement.body)
    except PathEnds:
        flow = Flow.RAISE
    finally:
        machine.guarded -= 1 if statement.handlers else 0
    if flow is Flow.RAISE and statement.handlers:
        flow = in_doubt(machine, frame, [handler.body for handler in statement.handlers])
    elif flow is Flow.NEXT:
        flow = execute_block(machine, frame, statement.orelse)
        if flow is Flow.NEXT and statement.handlers:
            # whether a handler runs is unknown: what it does may have happened
            arms: list[tuple[code.Statement, ...]] = [(), *(handler.body for handler in statement.handlers)]
            flow = in_doubt(machine, frame, arms)
    final = execute_block(machine, frame, statement.final)
    return flow if final is Flow.NEXT else final


def _match(machine: Machine, frame: Frame, statement: code.Match) -> Flow:
    evaluate.evaluate(machine, frame, statement.subject)
    for case in statement.cases:
        for name in case.names:
            frame.names[name] = UNKNOWN
    return in_doubt(machine, frame, [(), *(case.body for case in statement.cases)])

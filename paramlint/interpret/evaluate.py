"""Evaluating expressions to abstract values."""

from __future__ import annotations

from collections.abc import Callable
from types import EllipsisType

from paramlint.interpret import calls, compare, devices, names, objects, results, tensors
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.slots import Phase
from paramlint.interpret.values import (
    NONE,
    POSITIONS,
    UNKNOWN,
    ClassValue,
    Closure,
    Container,
    Device,
    External,
    Instance,
    Known,
    Predicate,
    Symbol,
    Tensor,
    Value,
    join,
    without_repeats,
)
from paramlint.model import code
from paramlint.project.names import dotted_name

LONGEST_SEQUENCE = 64


def evaluate(machine: Machine, frame: Frame, expression: code.Expression) -> Value:
    """Return what an expression stands for; effects of calls in it happen."""
    machine.step()
    handler = _HANDLERS.get(type(expression))
    return UNKNOWN if handler is None else handler(machine, frame, expression)


def test(machine: Machine, frame: Frame, expression: code.Expression) -> bool | None:
    """Return how a condition turns out on this path; None where nothing decides it."""
    match expression:
        case code.UnaryOperation(operator="not", operand=operand):
            before = machine.preferred, machine.chain
            machine.preferred = None if machine.preferred is None else not machine.preferred
            machine.chain = None if machine.chain is None else (machine.chain[0], not machine.chain[1])
            outcome = test(machine, frame, operand)
            machine.preferred, machine.chain = before
            return None if outcome is None else not outcome
        case code.BooleanOperation(operator=operator, operands=operands):
            return _test_chain(machine, frame, operator == "and", operands)
    return truth(machine, evaluate(machine, frame, expression))


def choose(machine: Machine, frame: Frame, node: code.If | code.Conditional) -> bool | None:
    """Return which way a statement or expression goes on this path: True for its body; None where nothing decides it."""
    with machine.choosing(frame, node) as choice:
        outcome = test(machine, frame, node.test)
        if choice is not None:
            choice.outcome = outcome
    return outcome


def _test_chain(machine: Machine, frame: Frame, is_and: bool, operands: tuple[code.Expression, ...]) -> bool | None:
    undecided = False
    preferred, chain = machine.preferred, machine.chain
    machine.chain = id(operands), is_and
    try:
        for operand in operands:
            # Where one operand is enough to turn it the preferred way, that is the last: the others go as they would.
            machine.preferred = preferred if preferred is is_and or operand is operands[-1] else None
            outcome = test(machine, frame, operand)
            if outcome is None:
                undecided = True
            elif outcome is not is_and:
                return outcome
    finally:
        machine.preferred, machine.chain = preferred, chain
    return None if undecided else is_and


def contradicts(machine: Machine, frame: Frame, asserted: code.Expression) -> bool:
    """Whether what an assertion of a constructor says is false on this path; by itself it decides nothing.

    Forward may be called in ways for which the constructor's defaults do not prepare it, but nothing makes
    ``assert False`` true.
    """
    if isinstance(asserted, code.Constant) and not asserted.value and machine.phase is Phase.FORWARD:
        return True
    machine.decider.asked = None
    value = evaluate(machine, frame, asserted)
    with machine.in_doubt():
        is_false = truth(machine, value) is False and machine.phase is Phase.CONSTRUCTOR
    if is_false:
        machine.decider.blamed = machine.decider.asked
    return is_false


def truth(machine: Machine, value: Value) -> bool | None:
    """Whether a value is true; None where nothing decides it."""
    match value:
        case Known(value=constant):
            return bool(constant)
        case Symbol():
            if not value.is_configuration:
                return None
            default = None if value.default is None else bool(value.default.value)
            return machine.decide(Predicate(f"{value.key} is true", value.argument, default=default, subject=value.key))
        case Predicate():
            return machine.decide(value)
        case Container():
            return True if value.items else False if value.is_exact else None
        case Tensor(key=key, is_certain=False) if key is not None:
            return machine.decide(compare.absence(value, negated=True))
        case Instance(is_module=True) | Closure() | ClassValue() | Device():
            return True
    return None


def _constant(machine: Machine, frame: Frame, node: code.Constant) -> Value:
    if isinstance(node.value, EllipsisType):
        return External("builtins.Ellipsis")
    return Known(node.value)


def _name(machine: Machine, frame: Frame, node: code.Name) -> Value:
    return names.lookup(machine, frame, node.identifier)


def _attribute(machine: Machine, frame: Frame, node: code.Attribute) -> Value:
    root: code.Expression = node.value
    while type(root) is code.Attribute:
        root = root.value
    if type(root) is code.Name and not names.is_bound(frame, root.identifier):
        dotted = dotted_name(node)
        value = UNKNOWN if dotted is None else names.resolve(machine, frame, dotted)
        if value is not UNKNOWN and not names.is_method(value):
            return value
    receiver = evaluate(machine, frame, node.value)
    return objects.get_attribute(machine, frame, receiver, node.name, node.span)


def _subscript(machine: Machine, frame: Frame, node: code.Subscript) -> Value:
    receiver = evaluate(machine, frame, node.value)
    index = evaluate(machine, frame, node.index)
    return objects.get_item(machine, frame, receiver, index, node)


def _slice(machine: Machine, frame: Frame, node: code.Slice) -> Value:
    for part in (node.lower, node.upper, node.step):
        if part is not None:
            evaluate(machine, frame, part)
    return External("builtins.slice")


def _call(machine: Machine, frame: Frame, node: code.Call) -> Value:
    return calls.evaluate_call(machine, frame, node)


def _binary(machine: Machine, frame: Frame, node: code.BinaryOperation) -> Value:
    left = evaluate(machine, frame, node.left)
    right = evaluate(machine, frame, node.right)
    return binary(machine, frame, node.operator, left, right, node.span)


def binary(machine: Machine, frame: Frame, operator: str, left: Value, right: Value, span: code.Span) -> Value:
    """Return ``left operator right``."""
    if isinstance(left, Tensor) or isinstance(right, Tensor):
        return tensors.arithmetic(machine, frame, operator, left, right, span)
    if isinstance(left, Known) and isinstance(right, Known):
        return compare.fold(operator, left, right)
    if isinstance(left, Container):
        return _sequence_operation(operator, left, right)
    if isinstance(right, Container) and operator == "*":
        return _sequence_operation(operator, right, left)
    left_key, right_key = compare.key_of(left), compare.key_of(right)
    if left_key is None or right_key is None:
        return UNKNOWN
    configured = all(not isinstance(side, Symbol) or side.is_configuration for side in (left, right))
    return Symbol(f"({left_key} {operator} {right_key})", is_configuration=configured)


def _sequence_operation(operator: str, left: Container, right: Value) -> Value:
    if operator == "+" and isinstance(right, Container):
        items = [*left.items, *right.items][:LONGEST_SEQUENCE]
        return Container(left.kind, items, is_exact=left.is_exact and right.is_exact and len(items) < LONGEST_SEQUENCE)
    if operator == "*":
        if isinstance(right, Known) and isinstance(right.value, int) and 0 <= right.value * len(left.items) < 32:
            return Container(left.kind, left.items * right.value, is_exact=left.is_exact)
        return Container(left.kind, list(left.items), is_exact=False)
    if operator == "+":
        return Container(left.kind, list(left.items), is_exact=False)
    return UNKNOWN


def _unary(machine: Machine, frame: Frame, node: code.UnaryOperation) -> Value:
    operand = evaluate(machine, frame, node.operand)
    if node.operator == "not":
        outcome = truth(machine, operand)
        return UNKNOWN if outcome is None else Known(not outcome)
    if isinstance(operand, Tensor):
        return results.derived(machine, frame, operand, node.operator, node.span)
    if isinstance(operand, Known) and isinstance(operand.value, (int, float)):
        if node.operator == "-":
            return Known(-operand.value)
        return operand if node.operator == "+" else UNKNOWN
    key = compare.key_of(operand)
    return UNKNOWN if key is None else Symbol(f"{node.operator}{key}", is_configuration=isinstance(operand, Symbol))


def _boolean(machine: Machine, frame: Frame, node: code.BooleanOperation) -> Value:
    is_and = node.operator == "and"
    result: Value | None = None
    for operand in node.operands:
        value = evaluate(machine, frame, operand)
        with machine.choosing(frame, node):
            outcome = truth(machine, value)
        if outcome is None:
            result = value if result is None else join(result, value)
        elif outcome is not is_and or operand is node.operands[-1]:
            if not is_and and operand is not node.operands[0]:
                value = devices.open_choice(machine, node.operands[0], value)
            return value if result is None else join(result, value)
    return UNKNOWN if result is None else result


def _comparison(machine: Machine, frame: Frame, node: code.Comparison) -> Value:
    left = evaluate(machine, frame, node.left)
    rights = [evaluate(machine, frame, comparator) for comparator in node.comparators]
    if len(rights) == 1:
        return compare.compare(machine, frame, node.operators[0], left, rights[0], node.span)
    outcome = True
    for operator, right in zip(node.operators, rights, strict=True):
        result = truth(machine, compare.compare(machine, frame, operator, left, right, node.span))
        if result is None:
            return UNKNOWN
        outcome = outcome and result
        left = right
    return Known(outcome)


def _conditional(machine: Machine, frame: Frame, node: code.Conditional) -> Value:
    first, *others = _ways(machine, frame, node)
    return join(first, others[0]) if others else first


def _ways(machine: Machine, frame: Frame, node: code.Expression) -> list[Value]:
    """What an expression may stand for: both values of a conditional one, where nothing decides which."""
    if not isinstance(node, code.Conditional):
        return [evaluate(machine, frame, node)]
    outcome = choose(machine, frame, node)
    asks_device = devices.asks(machine, frame, node.test)
    refuses = outcome is not None and devices.refuses(machine, frame, node.test)
    machine.device_tests += asks_device or refuses
    try:
        if outcome is None:
            with machine.in_doubt():
                return [evaluate(machine, frame, node.body), evaluate(machine, frame, node.orelse)]
        chosen = evaluate(machine, frame, node.body if outcome else node.orelse)
        return [devices.open_choice(machine, node.test, chosen)]
    finally:
        machine.device_tests -= asks_device and not refuses


def _lambda(machine: Machine, frame: Frame, node: code.Lambda) -> Value:
    return Closure(node, frame.module, frame.enclosing, frame, frame.owner, None, f"{frame.function}.<lambda>")


def _display(machine: Machine, frame: Frame, node: code.Display) -> Value:
    result = Container(node.kind, written=len(node.elements))
    for element in node.elements:
        if isinstance(element, code.Starred):
            inner, is_exact = elements(machine, evaluate(machine, frame, element.value))
            result.items.extend(inner)
            result.is_exact = result.is_exact and is_exact
            result.tail = result.tail + len(inner) if is_exact else 0
        else:
            result.items.append(evaluate(machine, frame, element))
            result.tail += 1
    if node.kind != "tuple":
        result.tail = 0  # what can be changed may end otherwise
    return without_repeats(result)


def _dict(machine: Machine, frame: Frame, node: code.DictDisplay) -> Value:
    result = Container("dict")
    for key, item in zip(node.keys, node.values, strict=True):
        value = evaluate(machine, frame, item)
        if key is None:
            if isinstance(value, Container) and value.kind == "dict":
                result.keys.extend(value.keys)
                result.items.extend(value.items)
                result.is_exact = result.is_exact and value.is_exact
            else:
                result.is_exact = False
        else:
            result.keys.append(evaluate(machine, frame, key))
            result.items.append(value)
    return result


def _comprehension(machine: Machine, frame: Frame, node: code.Comprehension) -> Value:
    inner = Frame(
        frame.module, frame.enclosing, frame, frame.receiver, frame.owner, frame.function, returns=frame.returns
    )
    result = Container("list" if node.kind == "generator" else node.kind)
    _fill(machine, inner, node, 0, result)
    return without_repeats(result)


def _fill(machine: Machine, frame: Frame, node: code.Comprehension, depth: int, result: Container) -> None:
    if depth == len(node.clauses):
        key = None if node.value is None else evaluate(machine, frame, node.element)
        ways = _ways(machine, frame, node.element if node.value is None else node.value)
        if len(ways) > 1 and not any(isinstance(way, Instance) for way in ways):
            ways = [join(*ways)]
        for way in ways:
            result.keys += [] if key is None else [key]
            result.items.append(way)
        result.is_exact = result.is_exact and len(ways) == 1
        return
    clause = node.clauses[depth]
    source, is_exact = elements(machine, evaluate(machine, frame, clause.iterable))
    result.is_exact = result.is_exact and is_exact and len(source) <= 10
    for element in (source or ([] if is_exact else [UNKNOWN]))[:10]:
        calls.bind_target(machine, frame, clause.target, element)
        outcomes = [test(machine, frame, condition) for condition in clause.conditions]
        if False in outcomes:
            continue
        if None in outcomes:
            result.is_exact = False
            with machine.in_doubt():
                _fill(machine, frame, node, depth + 1, result)
        else:
            _fill(machine, frame, node, depth + 1, result)


def elements(machine: Machine, value: Value) -> tuple[list[Value], bool]:
    """Return what iterating over a value yields, and whether that is all of it."""
    match value:
        case Container():
            return list(value.keys if value.kind == "dict" else value.items), value.is_exact
        case Tensor():
            return [results.element(value)], False
        case Instance(is_module=True, external="torch.nn.ModuleDict" | "torch.nn.ParameterDict"):
            return [Known(key) for key in value.bindings], not value.is_opaque
        case Instance(is_module=True):
            return objects.contents(value)
        case Known(value=str() as text):
            return [Known(letter) for letter in text[:LONGEST_SEQUENCE]], len(text) <= LONGEST_SEQUENCE
        case Symbol():
            return [Symbol(f"{value.key}[each]", is_configuration=value.is_configuration)], False
        case External(name=name) if name == POSITIONS:
            return [value], False
    return [UNKNOWN], False


def _formatted(machine: Machine, frame: Frame, node: code.FormattedString) -> Value:
    text = ""
    for part in node.parts:
        if isinstance(part, str):
            text += part
            continue
        value = evaluate(machine, frame, part.value)
        if not part.plain or not isinstance(value, Known):
            return UNKNOWN
        text += str(value.value)
    return devices.spelled(node, text)


def _named(machine: Machine, frame: Frame, node: code.NamedExpression) -> Value:
    value = evaluate(machine, frame, node.value)
    calls.bind_target(machine, frame, node.target, value)
    return value


def _inner(machine: Machine, frame: Frame, node: code.Starred | code.Await) -> Value:
    return evaluate(machine, frame, node.value)


def _yield(machine: Machine, frame: Frame, node: code.Yield) -> Value:
    value = NONE if node.value is None else evaluate(machine, frame, node.value)
    if node.delegates:
        inner, _ = elements(machine, value)
        frame.yields.extend(inner)
    else:
        frame.yields.append(value)
    return UNKNOWN


def local_class(machine: Machine, frame: Frame, node: code.Class) -> Value:
    """Return the value of a class defined inside a function."""
    for linked in machine.project.classes(frame.module):
        if linked.definition.node is node or linked.definition.node.span == node.span:
            return ClassValue(linked)
    return UNKNOWN


_HANDLERS: dict[type, Callable[..., Value]] = {
    code.Constant: _constant,
    code.Name: _name,
    code.Attribute: _attribute,
    code.Subscript: _subscript,
    code.Slice: _slice,
    code.Call: _call,
    code.BinaryOperation: _binary,
    code.UnaryOperation: _unary,
    code.BooleanOperation: _boolean,
    code.Comparison: _comparison,
    code.Conditional: _conditional,
    code.Lambda: _lambda,
    code.Display: _display,
    code.DictDisplay: _dict,
    code.Comprehension: _comprehension,
    code.Starred: _inner,
    code.NamedExpression: _named,
    code.FormattedString: _formatted,
    code.Await: _inner,
    code.Yield: _yield,
}

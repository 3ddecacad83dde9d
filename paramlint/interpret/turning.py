"""Which conditions are worth turning: those whose other way may show a rule what the first way does not.

A path for each condition is what costs most. The two arms of most conditions differ in nothing that a rule speaks of:
one layer or another, one call of a layer or two. What is not understood counts as a difference.
``benchmarks/fast_path.py`` compares the diagnostics with those of ``--no-fast-path``, which turns every condition.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from paramlint import torch_api
from paramlint.interpret.brought import brings_tensors
from paramlint.interpret.decisions import Choice
from paramlint.interpret.ingredients import GROWING, Ingredients, ingredients_within
from paramlint.interpret.kinds import Budget, Kind, Values
from paramlint.interpret.limits import BudgetSpent
from paramlint.interpret.reach import CONSTRUCTORS, Reach, Unit
from paramlint.interpret.reads import class_reads
from paramlint.interpret.scan import nodes
from paramlint.interpret.slots import Phase, Registration
from paramlint.interpret.tame import (
    follows_a_tensor,
    handles,
    is_tame,
    is_tame_value,
    parameter_classes,
)
from paramlint.interpret.trace import Run
from paramlint.model import code
from paramlint.project.classes import LinkedClass
from paramlint.project.definitions import ClassDefinition, External, ValueDefinition
from paramlint.project.project import Project

_Body: TypeAlias = tuple[code.Statement, ...] | tuple[code.Expression, ...]

_MOST_SCOPES = 1_000
_LISTS = (code.Display, code.DictDisplay, code.Comprehension)


class Turning:
    """Answers for one class, and remembers what its paths so far have shown."""

    def __init__(self, project: Project, linked: LinkedClass) -> None:
        self._project = project
        self._linked = linked
        self._reach = Reach(project, linked)
        self._budget = Budget(_MOST_SCOPES)
        self._known: dict[tuple[int, Phase, bool], bool] = {}
        self._values: dict[int, Values] = {}
        self._made: dict[int, set[str]] = {}
        self._bound = set(torch_api.module_members())
        self._holding: set[str] = set()
        self._keeps_results = any(
            not isinstance(store.value, code.Constant)
            for base in self._reach.bases
            for function in base.node.body
            if isinstance(function, code.Function) and function.name not in CONSTRUCTORS
            for store in self._reach.facts(function).stores
        )

    def learn(self, run: Run) -> None:
        """Note the attributes that a path binds, and those under which it keeps tensors that torch does not know of."""
        for slot in run.slots:
            self._bound.add(slot.name)
            is_plain = slot.registration in (Registration.PLAIN_TENSOR, Registration.CONTAINER)
            if is_plain or (slot.tensor is not None and not slot.tensor.is_registered):
                self._holding.add(slot.name)

    def matters(self, choice: Choice | None) -> bool:
        """Whether a condition may show more when it goes the other way than it went.

        ``choice`` is None for a condition that chooses between nothing that can be looked at.
        """
        if choice is None:
            return True
        try:
            return self._matters(choice)
        except BudgetSpent:
            return True

    def _matters(self, choice: Choice) -> bool:
        node = choice.node
        if not isinstance(node, code.If):
            values = node.operands if isinstance(node, code.BooleanOperation) else (node.body, node.orelse)
            return any(self._makes_layer(value, choice) or self._tells((value,), choice) for value in values)
        if choice.outcome is None:
            return True
        taken, other = (node.body, node.orelse) if choice.outcome else (node.orelse, node.body)
        if _ends_in_error(other):
            return False
        if choice.owner is not None:
            # What comes after a way that leaves the method was not seen on it; in a constructor, it is then not set.
            arms = (taken,) if choice.phase is Phase.FORWARD else (taken, other)
            if any(map(_leaves, nodes(arms))):
                return True
        elif choice.phase is Phase.CONSTRUCTOR and _may_end(choice.function.body):
            if any(isinstance(node, code.Return) and node.value is not None for node in nodes((taken, other))):
                return True
        return self._tells(taken, choice) or self._tells(other, choice)

    def _makes_layer(self, arm: code.Expression, choice: Choice) -> bool:
        """Whether one of the values that are chosen between is a layer, where that is told of."""
        asks = choice.asks_layers and choice.phase is Phase.CONSTRUCTOR
        return asks and self._values_in(self._block((arm,), choice)).kind(arm) >= Kind.LAYER

    def _tells(self, arm: _Body, choice: Choice) -> bool:
        """Whether one way holds anything that a rule may speak of."""
        key = (id(arm[0]) if arm else 0, choice.phase, choice.asks_layers)
        if arm and key not in self._known:
            self._known[key] = (
                self._is_kept(arm, choice)
                or self._meets_made(arm, choice)
                or self._is_collected(arm, choice)
                or any(self._unit_tells(unit, body, choice) for unit, body in self._reached(arm, choice))
            )
        return bool(arm) and self._known[key]

    def _is_kept(self, arm: _Body, choice: Choice) -> bool:
        """Whether an arm has to do with what the function stores on self, in forward."""
        if choice.phase is not Phase.FORWARD:
            return False
        facts = self._reach.facts(choice.function)
        named = facts.parameters | facts.locals.keys()
        kept = {name for store in facts.stores for name in _names(store.value)} & named - {_own_name(choice.function)}
        return not kept.isdisjoint(_names(arm))

    def _is_collected(self, arm: _Body, choice: Choice) -> bool:
        """Whether an arm binds a local name to a layer that the constructor puts into a container afterwards."""
        if choice.phase is Phase.FORWARD:
            return False
        collected = {
            name
            for call in self._reach.facts(choice.function).calls
            if isinstance(call.function, code.Attribute) and call.function.name in GROWING
            for argument in call.arguments
            for name in _names(argument.value)
        }
        if not collected:
            return False
        values = self._values_in(self._block(arm, choice))
        return any(
            isinstance(statement, code.Assign)
            and not collected.isdisjoint(name for target in statement.targets for name in _names(target))
            and values.kind(statement.value) >= Kind.LAYER
            for statement in nodes(arm)
        )

    def _meets_made(self, arm: _Body, choice: Choice) -> bool:
        """Whether an arm has to do with a local name of forward's that may hold what was made outside the arm."""
        if choice.phase is not Phase.FORWARD:
            return False
        if id(choice.function) not in self._made:
            self._made[id(choice.function)] = self._made_in(choice)
        return not self._made[id(choice.function)].isdisjoint(_names(arm))

    def _made_in(self, choice: Choice) -> set[str]:
        """The local names of a function that what a rule may speak of is bound to, or what is computed from that."""
        made: set[str] = set()
        before = -1
        while len(made) > before:
            before = len(made)
            for statement in nodes(choice.function.body):
                if not isinstance(statement, code.Assign):
                    continue
                bound = {name for target in statement.targets for name in _names(target)}
                if bound <= made:
                    continue
                if not made.isdisjoint(_names(statement.value)) or self._mentions(
                    self._block((statement,), choice), True
                ):
                    made |= bound
        return made

    def _block(self, arm: _Body, choice: Choice) -> Unit:
        function = choice.function
        owner = choice.owner.definition if choice.owner is not None else None
        facts = ingredients_within(function, arm, self._reach.facts(function))
        return Unit(choice.module, choice.enclosing, owner, function, facts)

    def _reached(self, arm: _Body, choice: Choice) -> Iterator[tuple[Unit, _Body]]:
        """The arm itself, and what of the class's own code it may run."""
        block = self._block(arm, choice)
        yield block, arm
        for unit in self._reach.from_([block], choice.phase is Phase.FORWARD):
            # What a part of another class does when it is made or called is told of that class.
            if unit is not block and (unit.owner is None or unit.owner in self._reach.bases):
                yield unit, unit.function.body

    def _unit_tells(self, unit: Unit, body: _Body, choice: Choice) -> bool:
        facts = unit.facts
        if handles(unit) or facts.yields or facts.binds_below or (unit.owner is not None and facts.lets_go):
            return True
        if any(name in torch_api.module_members() for name, _ in facts.calls_self):
            return True
        if any(self._linked.find(name) is None for name in (facts.reads & facts.asked) - self._bound):
            return True  # what nothing has set so far
        if choice.phase is Phase.FORWARD:
            return self._mentions(unit, True) or self._keeps_in_forward(facts)
        return self._mentions(unit, False) or self._keeps(unit, body, choice.asks_layers)

    def _mentions(self, unit: Unit, is_forward: bool) -> bool:
        path = self._linked.definition.module.path
        for dotted in unit.facts.mentions:
            definition = self._project.resolve(unit.module, dotted, unit.scope)
            match definition:
                case External(name=name):
                    if name in parameter_classes() or name in torch_api.buffer_classes():
                        return True
                    if not is_tame(name, is_forward):
                        if not is_forward or not follows_a_tensor(unit.facts, dotted, name):
                            return True
                    if not is_forward and name in torch_api.functions:
                        return True
                case ClassDefinition():
                    # Of a part whose source is known it is known what it returns, which forward may keep.
                    if is_forward or self._keeps_results or self._project.link(definition).is_module is not True:
                        return True
                case ValueDefinition():
                    if not is_tame_value(self._project, definition.module, definition.node, path):
                        return True
            if is_forward and brings_tensors(self._project, definition, path):
                return True
        return False

    def _keeps_in_forward(self, facts: Ingredients) -> bool:
        if facts.stores or facts.attributes & torch_api.raises_on_leaf():
            return True
        return not facts.reads.isdisjoint(self._holding)

    def _keeps(self, unit: Unit, body: _Body, asks_layers: bool) -> bool:
        """Whether a part of a constructor keeps tensors or modules where torch may not know of them.

        ``asks_layers`` as for a ``Choice``.
        """
        facts = unit.facts
        values = self._values_in(unit)
        if any(isinstance(node, _LISTS) and values.kind(node) is Kind.OTHER for node in nodes(body)):
            return True
        for call in facts.calls:
            if isinstance(call.function, code.Attribute) and call.function.name in GROWING:
                if values.arguments(call) > Kind.CLASS:
                    return True
        if unit.owner is None and any(
            value is not None and values.kind(value) is Kind.OTHER for value in facts.returns
        ):
            return True
        for store in facts.stores:
            kind = values.of_store(store)
            if kind in (Kind.LIST, Kind.OTHER) or store.is_element:
                return True
            if kind >= Kind.LAYER and (asks_layers or not self._may_be_read(store.name)):
                return True
        return False

    def _may_be_read(self, name: str) -> bool:
        """Whether the hierarchy itself may read an attribute."""
        reads = (self._project.scanned(class_reads, base.node) for base in self._reach.bases)
        return any(found.may_read(name) for found in reads)

    def _values_in(self, unit: Unit) -> Values:
        key = id(unit.function)
        if key not in self._values:
            owner = self._linked if unit.owner is not None else None
            self._values[key] = Values(
                self._project, unit.module, unit.enclosing, owner, unit.function, self._budget, Kind.CLASS
            )
        return self._values[key]


def _names(root: object) -> set[str]:
    return {node.identifier for node in nodes(root) if isinstance(node, code.Name)}


def _own_name(function: code.Function) -> str:
    return function.parameters[0].name if function.parameters else ""


def _leaves(node: object) -> bool:
    return isinstance(node, code.Return) or (isinstance(node, code.Jump) and node.kind != "pass")


def _may_end(block: tuple[code.Statement, ...]) -> bool:
    """Whether a block may come to its end, where its function returns None if nothing follows."""
    if not block:
        return True
    last = block[-1]
    if isinstance(last, code.If):
        return _may_end(last.body) or _may_end(last.orelse)
    return not isinstance(last, (code.Return, code.Raise, code.With, code.Try, code.Match))


def _ends_in_error(block: tuple[code.Statement, ...]) -> bool:
    """Whether a block ends in an error unless it is left before: nobody sees what it does."""
    return bool(block) and isinstance(block[-1], code.Raise) and not any(map(_leaves, nodes(block)))

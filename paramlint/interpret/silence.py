"""Whether any rule could speak of a class at all: told from facts, so that most classes are never interpreted.

A rule speaks of a place in the class's own file, and of few things: of tensors, parameters, modules in containers and
how they are initialised, of the order in which a constructor sets itself up, of devices that are named, and of what
forward makes or keeps. Where the text of the class, of its bases and of what they use in the same file has none of
these ingredients, there is nothing to interpret. What is not understood counts as an ingredient.
``benchmarks/fast_path.py`` compares the diagnostics with those of ``--no-fast-path``, which interprets every class.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from paramlint import torch_api
from paramlint.interpret.brought import brings_tensors, writes_given
from paramlint.interpret.ingredients import is_super
from paramlint.interpret.kinds import Budget, Kind, Values, joined
from paramlint.interpret.limits import BudgetSpent
from paramlint.interpret.reach import CONSTRUCTORS, Reach, Unit
from paramlint.interpret.reads import class_reads
from paramlint.interpret.scan import nodes
from paramlint.interpret.tame import (
    begins_with_base,
    cuts_gradients,
    follows_a_tensor,
    handles,
    has_state,
    is_plain_parameter,
    is_tame,
    is_tame_value,
    parameter_classes,
    writes_in_place,
)
from paramlint.interpret.uses import starts_by_itself, takes_tensor
from paramlint.model import code
from paramlint.project.classes import LinkedClass, Member
from paramlint.project.definitions import ClassDefinition, External, ModuleReference, SourceModule, ValueDefinition
from paramlint.project.fields import dataclass_fields
from paramlint.project.project import Project

# The rules whose ingredients are looked for here; where another one is on, every class is interpreted.
_UNDERSTOOD = frozenset(
    {
        *("PRM101", "PRM102", "PRM103", "PRM104", "PRM105", "PRM106", "PRM107", "PRM108", "PRM109"),
        *("PRM110", "PRM111", "PRM112", "PRM113", "PRM114", "PRM201", "PRM202", "PRM203", "PRM204"),
        *("PRM205", "PRM206", "PRM301", "PRM302", "PRM303", "PRM304", "PRM305", "PRM306", "PRM307"),
        *("PRM308", "PRM309", "PRM310", "PRM401", "PRM402", "PRM403", "PRM404", "PRM405", "PRM501"),
        *("PRM502", "PRM503", "PRM504", "PRM505", "PRM506"),
    }
)
# What makes a table of zeros (PRM108) and moves a module (PRM503).
_ZEROS = frozenset({"zeros", "zeros_like", "new_zeros"})
_MOVING = frozenset({"to", "cuda", "cpu", "xpu", "type", "half", "float", "double", "bfloat16", "_apply"})
_WALKS = frozenset(
    {"modules", "named_modules", "children", "named_children", "parameters", "named_parameters", "apply"}
)
_REGISTERING = frozenset({"register_buffer", "register_parameter", "add_module", "register_module", "__setattr__"})
_ENTRIES = frozenset({"forward", "training_step", "validation_step", "test_step", "predict_step"})
_SPECIAL = ("__new__", "__setattr__", "__getattr__", "__getattribute__", "__call__")
_DEVICES = re.compile(r"(cuda|xpu|mps|hpu|npu|xla|ipu|mtia|hip|maia|vulkan|gpu|tpu|privateuseone)\b")
_SAFEGUARD = re.compile(r"(^|_)(eps|epsilon)$", re.IGNORECASE)
_SCHEME = re.compile(r"_?(init|reset)")
_MOST_SCOPES = 400


def may_speak(project: Project, linked: LinkedClass, codes: frozenset[str]) -> bool:
    """Whether one of some rules may have something to say of a Module class in its own file; False is certain."""
    if not codes <= _UNDERSTOOD:
        return True
    try:
        return not _Silence(project, linked, codes).is_certain()
    except BudgetSpent:
        return True


def _runs_when_called(linked: LinkedClass) -> bool:
    """Whether the ``forward`` of a class may run: of a module, or of a function that brings its own gradient."""
    return linked.is_module is not False or linked.inherits("torch.autograd.Function") is not False


class _Silence:
    def __init__(self, project: Project, linked: LinkedClass, codes: frozenset[str]) -> None:
        self._project = project
        self._linked = linked
        self._codes = codes
        self._path = linked.definition.module.path
        self._reach = Reach(project, linked)
        self._parameters: set[str] = set()
        self._registered: list[tuple[str, int, Unit]] = []
        self._made: set[str] = set()
        self._budget = Budget(_MOST_SCOPES)

    @property
    def _buffers(self) -> set[str]:
        return {name for name, _, _ in self._registered}

    def is_certain(self) -> bool:
        return self._is_ordinary() and self._builds_in_silence() and self._runs_in_silence()

    def _is_ordinary(self) -> bool:
        """Whether the class is made as most are: by constructors that each run the next one first, and no other way."""
        linked = self._linked
        if linked.metaclass is not None or linked.is_prepared or dataclass_fields(linked) is not None:
            return False
        if any(isinstance(base, External) and has_state(base.name) for base in linked.mro):
            return False
        for name in _SPECIAL:
            member = linked.find(name)
            if isinstance(member, Member) and member.node is not None:
                return False
        for base in self._reach.bases:
            for function in base.node.body:
                if isinstance(function, code.Function) and function.name == "__init__":
                    if not begins_with_base(function, self._reach.facts(function), base.node.name):
                        return False
        return all(map(self._is_no_scheme, linked.definition.node.body)) and self._has_tame_methods()

    def _has_tame_methods(self) -> bool:
        """Whether no method of the hierarchy, called or not, is what a rule reads for itself."""
        for base in self._reach.bases:
            for function in base.node.body:
                if not isinstance(function, code.Function):
                    continue
                facts = self._reach.facts(function)
                if facts.stores and facts.words & _ZEROS and function.name != "__init__":
                    return False
                if "PRM503" in self._codes and function.name in _MOVING:
                    return False
                if "PRM204" in self._codes and function.name != "__init__":
                    if cuts_gradients(function, facts):
                        return False
        return True

    def _is_no_scheme(self, statement: code.Statement) -> bool:
        """Whether a statement of the class is no method that initialises, for rules that ask who calls it."""
        if not isinstance(statement, code.Function):
            return True
        found = self._reach.facts(statement)
        if writes_in_place(found):
            return not (statement.name.startswith("_") or _SCHEME.match(statement.name) or found.attributes & _WALKS)
        return (
            "PRM303" not in self._codes or not _SCHEME.match(statement.name) or statement.name not in found.attributes
        )

    def _names_a_device(self, units: list[Unit]) -> bool:
        """Whether something may be told to go to a device that the source names."""
        if not any("device" in unit.facts.keywords or "device" in unit.facts.texts for unit in units):
            return False
        texts = {text for unit in units for text in unit.facts.texts}
        elsewhere = [base.node for base in (*self._reach.bases, *self._reach.others)]
        values = [
            definition.node
            for unit in units
            for definition in self._reach.mentioned(unit)
            if isinstance(definition, ValueDefinition)
        ]
        held = tuple(item for node in elsewhere for item in node.body if not isinstance(item, code.Function))
        for node in nodes((*held, *values)):
            if isinstance(node, code.Constant) and isinstance(node.value, str):
                texts.add(node.value)
        return any(map(_DEVICES.match, texts))

    # Construction

    def _builds_in_silence(self) -> bool:
        seeds = [unit for base in reversed(self._reach.bases) for unit in self._reach.methods(base, CONSTRUCTORS)]
        units: list[Unit] = []
        for unit in self._reach.from_(seeds, False):
            if handles(unit) or (unit.facts.lets_go and unit.owner in self._reach.bases):
                return False
            units.append(unit)
        if self._names_a_device(units) or not all(self._mentions_are_tame(unit, False) for unit in units):
            return False
        own = [unit for unit in units if unit.owner in self._reach.bases]
        for unit in units:
            if unit.owner in self._reach.others and unit.facts.stores and unit.function.name not in CONSTRUCTORS:
                return False
            if unit.owner not in self._reach.bases and not self._makes_plain_parameters(unit):
                return False
        grown = frozenset().union(*(unit.facts.grown for unit in units))
        return all(self._sets_up(unit, grown) for unit in own) and self._is_in_order(own)

    def _mentions_are_tame(self, unit: Unit, is_forward: bool) -> bool:
        looks_up = ("getattr",) in unit.facts.mentions
        for dotted in unit.facts.mentions:
            definition = self._project.resolve(unit.module, dotted, unit.scope)
            match definition:
                case External(name=name):
                    if not is_tame(name, is_forward) and not (
                        is_forward and follows_a_tensor(unit.facts, dotted, name)
                    ):
                        return False
                case ModuleReference(name=name):
                    if looks_up and name.startswith("torch"):
                        return False
                case ClassDefinition():
                    if is_forward and _runs_when_called(self._project.link(definition)):
                        return False
                case ValueDefinition():
                    if is_forward and not self._is_tame_value(definition.module, definition.node):
                        return False
            does_more = brings_tensors if is_forward else writes_given
            if does_more(self._project, definition, self._path):
                return False
        return True

    def _is_tame_value(self, module: SourceModule, node: code.Expression) -> bool:
        return is_tame_value(self._project, module, node, self._path)

    def _makes_plain_parameters(self, unit: Unit) -> bool:
        values = Values(self._project, unit.module, unit.enclosing, None, unit.function, self._budget, Kind.CLASS)
        calls = [call for call in unit.facts.calls if values.refers(call.function) in parameter_classes()]
        return all(is_plain_parameter(call, values) for call in calls)

    def _sets_up(self, unit: Unit, grown: frozenset[str]) -> bool:
        """Whether all that a constructor, or a method that it calls, sets on self is tame."""
        member = self._linked.find("__init__")
        is_entered = isinstance(member, Member) and member.node is unit.function
        given = Kind.PLAIN if is_entered else Kind.CLASS
        values = Values(self._project, unit.module, unit.enclosing, self._linked, unit.function, self._budget, given)
        parameters = [call for call in unit.facts.calls if values.refers(call.function) in parameter_classes()]
        buffers = [call for call in unit.facts.calls if values.refers(call.function) in torch_api.buffer_classes()]
        kept: set[int] = set()
        for name, value, _, is_element in unit.facts.stores:
            if value is None or (is_element and values.kind(value) > Kind.CLASS):
                return False
            if not is_element and any(value is call for call in buffers):
                self._parameters.add(name)  # as for those, one name and one statement
                kept.add(id(value))
                if not self._is_of_known_parts(value, values):
                    return False
                continue
            either = (value.body, value.orelse) if isinstance(value, code.Conditional) else (value,)
            others = [part for part in either if not any(part is call for call in parameters)]
            kept.update(map(id, either))
            kind = joined(map(values.kind, others))
            if len(others) < len(either):
                if _SAFEGUARD.search(name) or kind is not Kind.PLAIN:
                    return False
                self._parameters.add(name)
                kind = Kind.LAYER
            if kind is Kind.OTHER or (kind is Kind.LIST and name in grown):
                return False
            if kind is Kind.OBJECT and "PRM111" in self._codes and not self._makes_module(values, value):
                return False
            if kind >= Kind.LAYER and unit.owner == self._linked.definition:
                self._made.add(name)
        if not all(id(call) in kept and is_plain_parameter(call, values) for call in parameters):
            return False
        if not all(id(call) in kept for call in buffers):
            return False
        if parameters and "PRM310" in self._codes and any("zeros" in dotted for dotted in unit.facts.mentions):
            return False
        return all(self._calls_tamely(unit, call, values) for call in unit.facts.calls)

    def _makes_module(self, values: Values, node: code.Expression) -> bool:
        """Whether an expression, or each side of a condition, makes a module and no other object."""
        if isinstance(node, code.Conditional):
            return self._makes_module(values, node.body) and self._makes_module(values, node.orelse)
        if values.kind(node) < Kind.OBJECT:
            return True
        if not isinstance(node, code.Call):
            return False
        made = values.referred(node.function)
        if made is None:
            return values.kind(node.function) is Kind.CLASS
        return isinstance(made, ClassDefinition) and self._project.link(made).is_module is True

    def _calls_tamely(self, unit: Unit, call: code.Call, values: Values) -> bool:
        """Whether a call on self is of a method that is there, and hands on nothing that its author may keep."""
        function = call.function
        if not isinstance(function, code.Attribute):
            return True
        is_own = isinstance(function.value, code.Name) and function.value.identifier == values.own_name
        if function.name == "register_buffer":
            return is_own and self._registers_tamely(unit, call, values)
        if not is_own and not is_super(function.value):
            return True
        if is_own and self._linked.find(function.name) is None and function.name not in torch_api.module_members():
            return False
        if function.name == "add_module":
            return True
        return values.arguments(call) <= Kind.CLASS

    def _registers_tamely(self, unit: Unit, call: code.Call, values: Values) -> bool:
        given = [item.value for item in call.arguments if not item.star and item.keyword in (None, "name", "tensor")]
        if len(given) != 2 or not isinstance(given[0], code.Constant) or not isinstance(given[0].value, str):
            return False
        self._registered.append((given[0].value, call.span.line, unit))
        return self._is_of_known_parts(given[1], values)

    def _is_of_known_parts(self, value: code.Expression, values: Values) -> bool:
        """Whether what a buffer is made of takes nothing from self but what is known."""
        for node in nodes(value):
            if isinstance(node, code.Attribute) and isinstance(node.value, code.Name):
                if node.value.identifier == values.own_name and values.kind(node) is Kind.OTHER:
                    return False
        return True

    def _is_in_order(self, own: list[Unit]) -> bool:
        """Whether each name is registered once, and what methods read is set before the constructor calls them."""
        stored = [(store.name, store.line, unit) for unit in own for store in unit.facts.stores]
        if not all(self._asks_in_order(unit, [*stored, *self._registered]) for unit in own):
            return False
        names = [name for name, _, _ in stored]
        if any(names.count(name) > 1 for name in self._parameters):
            return False
        buffers = self._buffers
        if len(buffers) < len(self._registered) or not buffers.isdisjoint(names):
            return False
        if any(map(self._hides, (*buffers, *self._parameters, *self._made))):
            return False
        helpers = [unit for unit in own if unit.function.name != "__init__"]
        read = frozenset().union(*(unit.facts.reads for unit in helpers))
        if read & self._parameters:
            return False
        callers = [
            (unit, min(line for name, line in unit.facts.calls_self if name != "__init__"))
            for unit in own
            if unit.function.name == "__init__" and any(name != "__init__" for name, _ in unit.facts.calls_self)
        ]
        if not read.isdisjoint(names) and len(callers) != 1:
            return False
        return all(name not in read or (unit is callers[0][0] and line < callers[0][1]) for name, line, unit in stored)

    def _asks_in_order(self, unit: Unit, stored: list[tuple[str, int, Unit]]) -> bool:
        """Whether a constructor asks for nothing that is set, but later."""
        if unit.function.name != "__init__" or unit.owner is None:
            return True
        helped = min((line for name, line in unit.facts.calls_self if name != "__init__"), default=None)
        bases = self._reach.bases[self._reach.bases.index(unit.owner) + 1 :]
        for name, line in unit.facts.first_asked.items():
            setters = [(at, other) for set_name, at, other in stored if set_name == name]
            if not setters or any(other.owner in bases for _, other in setters):
                continue
            if any(other is unit and at < line for at, other in setters):
                continue
            by_helper = any(other.function.name != "__init__" for _, other in setters)
            if not (by_helper and helped is not None and helped < line):
                return False
        return True

    def _hides(self, name: str) -> bool:
        """Whether the class itself has something under a name."""
        return isinstance(self._linked.find(name), Member) or name in torch_api.module_members()

    # Forward

    def _runs_in_silence(self) -> bool:
        seeds = [unit for base in self._reach.bases if base.module.path == self._path for unit in self._entries(base)]
        seeds += [unit for other in self._reach.others for unit in self._reach.methods(other, ("forward", "__call__"))]
        for unit in self._reach.from_(seeds, True):
            facts = unit.facts
            if facts.attributes & _REGISTERING or facts.attributes & torch_api.raises_on_leaf() or facts.binds_below:
                return False
            if unit.owner not in self._reach.others and not all(
                isinstance(item.value, code.Constant) and not item.is_element for item in facts.stores
            ):
                return False
            if not self._mentions_are_tame(unit, True):
                return False
            if "PRM405" in self._codes and unit.owner in self._reach.bases and not self._finds(unit.facts.reads):
                return False
        return self._classes_are_tame() and self._is_all_read()

    def _finds(self, names: frozenset[str]) -> bool:
        """Whether the hierarchy has, or sets, all of some attributes."""
        methods = [item for base in self._reach.bases for item in base.node.body if isinstance(item, code.Function)]
        stored = {store.name for function in methods for store in self._reach.facts(function).stores}
        unset = names - stored - self._buffers - torch_api.module_members()
        return all(isinstance(self._linked.find(name), Member) for name in unset)

    def _entries(self, base: ClassDefinition) -> Iterator[Unit]:
        for function in base.node.body:
            if isinstance(function, code.Function):
                is_public = not function.name.startswith("_") and function.name not in torch_api.module_members()
                if function.name in _ENTRIES or (
                    is_public and any(self._project.scanned(ask, function) for ask in (takes_tensor, starts_by_itself))
                ):
                    yield self._reach.unit(base.module, (*base.enclosing, base.node), base, function)

    def _classes_are_tame(self) -> bool:
        """Whether no attribute of the classes themselves makes a tensor or module."""
        return all(
            self._is_tame_value(owner.module, statement.value)
            for owner in (*self._reach.bases, *self._reach.others)
            for statement in owner.node.body
            if isinstance(statement, (code.Assign, code.AnnotatedAssign)) and statement.value is not None
        )

    def _is_all_read(self) -> bool:
        """Whether the hierarchy itself reads each module and parameter that the class makes, if a rule asks that."""
        if "PRM205" not in self._codes:
            return True
        reads = [self._project.scanned(class_reads, base.node) for base in self._reach.bases]
        return all(any(found.may_read(name) for found in reads) for name in self._made)

"""What kind of value an expression can have at most, told from the text and what its names refer to."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from functools import cache

from paramlint import torch_api
from paramlint.interpret.ingredients import Ingredients, Local, Store, ingredients
from paramlint.interpret.limits import BudgetSpent
from paramlint.interpret.scan import annotation_words
from paramlint.model import code
from paramlint.project.classes import LinkedClass, Member
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
from paramlint.project.names import Enclosing
from paramlint.project.project import Project


class Kind(IntEnum):
    """What a value is at most, the tamest first: none but OTHER is or holds a tensor that is no state of a module.

    PLAIN is no tensor and holds none, nor modules: numbers, settings, what is not known. LIST is a list, tuple or dict
    of plain values, CLASS may be a class of modules besides, FUNCTION anything else that can be called. LAYER is a
    module of torch's, OBJECT one of the source, or another object of a class in it.
    """

    PLAIN = 0
    LIST = 1
    CLASS = 2
    FUNCTION = 3
    LAYER = 4
    OBJECT = 5
    OTHER = 6


_DEEPEST = 8
_PLAIN_BUILTINS = frozenset(
    {
        *("int", "float", "str", "bool", "len", "abs", "min", "max", "round", "isinstance", "hasattr", "callable"),
        *("type", "id", "repr", "hash", "divmod", "pow", "print", "issubclass", "format", "sum", "any", "all"),
        *("ValueError", "TypeError", "RuntimeError", "NotImplementedError", "KeyError", "AttributeError", "Exception"),
    }
)
_LISTING_BUILTINS = frozenset(
    {"range", "list", "tuple", "set", "dict", "sorted", "reversed", "zip", "enumerate", "frozenset"}
)
_COLLECTIONS = frozenset(
    {"collections.defaultdict", "collections.OrderedDict", "collections.deque", "typing.OrderedDict"}
)
_TENSOR_WORDS = frozenset({"Tensor", "FloatTensor", "LongTensor", "BoolTensor", "Float", "Adj", "OptTensor"})
# Beside a module's class in an annotation, these say that it is no module (``type[nn.Module]``).
_OTHERWISE = frozenset({"None", "Optional", "Type", "type", "Callable", "str"})
_STATELESS_ANSWERS = ("torch.cuda.", "torch.distributed.", "torch.backends.", "torch.is_", "torch.get_")


def joined(kinds: Iterable[Kind]) -> Kind:
    """The kind of what is one of several."""
    found = set(kinds)
    if not found:
        return Kind.PLAIN
    if len(found) == 1:
        return found.pop()
    if Kind.LIST in found and max(found) > Kind.LIST:
        return Kind.OTHER
    if Kind.FUNCTION in found and max(found) > Kind.FUNCTION:
        return Kind.OTHER
    if max(found) is Kind.LAYER and Kind.CLASS in found:
        return Kind.OBJECT
    return max(found)


class Budget:
    """How many scopes may be looked into for one class: they ask for one another, the deeper the more."""

    def __init__(self, scopes: int) -> None:
        self._left = scopes

    def spend(self) -> None:
        """Take one; raises ``BudgetSpent`` when none is left."""
        self._left -= 1
        if self._left < 0:
            raise BudgetSpent


class Values:
    """The kinds of expressions in one function (or outside any), with arguments of a kind of their own."""

    def __init__(
        self,
        project: Project,
        module: SourceModule,
        enclosing: Enclosing,
        owner: LinkedClass | None,
        function: code.Function | None,
        budget: Budget,
        given: Kind = Kind.PLAIN,
        depth: int = 0,
    ) -> None:
        budget.spend()
        self._budget = budget
        self._project = project
        self._module = module
        self._enclosing = enclosing if function is None else (*enclosing, function)
        self._owner = owner
        self._depth = depth
        self._found: dict[str, Kind] = {}
        self._locals: dict[str, list[Local]] = {}
        self._grown: frozenset[str] = frozenset()
        self.own_name = ""
        if function is not None:
            found = project.scanned(ingredients, function)
            self._locals, self._grown = found.locals, found.grown
            parameters = function.parameters
            if owner is not None and parameters:
                self.own_name = parameters[0].name
                parameters = parameters[1:]
            for parameter in parameters:
                self._found[parameter.name] = self._of_parameter(parameter, given)

    def _of_parameter(self, parameter: code.Parameter, given: Kind) -> Kind:
        words = self._project.scanned(annotation_words, parameter.annotation)
        if words & _TENSOR_WORDS:
            return Kind.OTHER
        if parameter.kind in ("*", "**"):
            return Kind.LIST if given <= Kind.LIST else Kind.OTHER
        if words & {"Module", "ModuleList", "Sequential"} and not words & _OTHERWISE:
            given = joined((given, Kind.OBJECT))
        default = Kind.PLAIN
        if parameter.default is not None and not isinstance(parameter.default, code.Constant):
            outside = Values(
                self._project, self._module, self._enclosing[:-1], None, None, self._budget, depth=self._depth + 1
            )
            default = outside.kind(parameter.default)
        rebound = [self._of_local(item) for item in self._locals.get(parameter.name, ())]
        return joined((given, default, *rebound))

    def kind(self, node: code.Expression | None) -> Kind:
        """Return the kind of an expression."""
        if self._depth > _DEEPEST:
            return Kind.OTHER
        match node:
            case None | code.Constant() | code.FormattedString() | code.Slice():
                return Kind.PLAIN
            case code.Name(identifier=identifier):
                return self._of_name(identifier)
            case code.Attribute():
                return self._of_attribute(node)
            case code.Call():
                return self._of_call(node)
            case code.Subscript(value=value, index=index):
                inner = Kind.PLAIN if self._is_table(value) else self.kind(value)
                return Kind.PLAIN if inner <= Kind.CLASS and self.kind(index) <= Kind.CLASS else Kind.OTHER
            case code.BinaryOperation(left=left, right=right):
                sides = (self.kind(left), self.kind(right))
                return Kind.OTHER if max(sides) > Kind.CLASS else Kind.LIST if Kind.LIST in sides else Kind.PLAIN
            case code.UnaryOperation(operator=operator, operand=operand):
                inner = self.kind(operand)
                is_plain = inner in (Kind.PLAIN, Kind.CLASS) or (operator == "not" and inner < Kind.OTHER)
                return Kind.PLAIN if is_plain else Kind.OTHER
            case code.BooleanOperation(operands=operands):
                return joined(map(self.kind, operands))
            case code.Conditional(test=test, body=body, orelse=orelse):
                return joined((self.kind(body), self.kind(orelse))) if self.kind(test) < Kind.OTHER else Kind.OTHER
            case code.Comparison(left=left, comparators=comparators):
                return Kind.PLAIN if all(self.kind(item) < Kind.OTHER for item in (left, *comparators)) else Kind.OTHER
            case code.Lambda():
                return Kind.FUNCTION
            case code.Display(elements=elements):
                return self._of_list(elements)
            case code.DictDisplay(keys=keys, values=values):
                return self._of_list((*(key for key in keys if key is not None), *values))
            case code.Comprehension(element=element, value=value):
                return self._of_list((element,) if value is None else (element, value))
            case code.Starred(value=value):
                return self.kind(value)
            case code.NamedExpression(value=value):
                return self.kind(value)
        return Kind.OTHER

    def _is_table(self, node: code.Expression) -> bool:
        """Whether a name stands for an object of the source that is no module: what it holds by a key is not known."""
        named = self.referred(node)
        if not isinstance(named, ValueDefinition) or not isinstance(named.node, code.Call):
            return False
        outside = Values(self._project, named.module, (), None, None, self._budget, depth=self._depth + 1)
        made = outside.referred(named.node.function)
        return isinstance(made, ClassDefinition) and self._project.link(made).is_module is False

    def _of_list(self, elements: Iterable[code.Expression]) -> Kind:
        return Kind.LIST if all(self.kind(element) <= Kind.LIST for element in elements) else Kind.OTHER

    def _of_name(self, identifier: str) -> Kind:
        known = self._found.get(identifier)
        if known is not None:
            return known
        if identifier in self._locals:
            self._found[identifier] = Kind.PLAIN  # a name that is bound to itself adds nothing
            known = joined(map(self._of_local, self._locals[identifier]))
            if known is Kind.LIST and identifier in self._grown:
                known = Kind.OTHER
        else:
            known = self._of_definition(self._project.resolve(self._module, (identifier,), self._enclosing))
        self._found[identifier] = known
        return known

    def _of_local(self, local: Local) -> Kind:
        if local.value is None:
            return Kind.OTHER
        inner = self.kind(local.value)
        if not local.is_element:
            return inner
        return Kind.PLAIN if inner <= Kind.LIST else Kind.OTHER

    def _of_definition(self, definition: Definition) -> Kind:
        match definition:
            case ClassDefinition():
                return Kind.CLASS if self._project.link(definition).is_module is True else Kind.FUNCTION
            case FunctionDefinition():
                return Kind.FUNCTION
            case External(name=name):
                if torch_api.is_module_class(name):
                    return Kind.CLASS
                return Kind.FUNCTION if name in torch_api.functions or name in torch_api.methods else Kind.PLAIN
            case ModuleReference() | Unresolved():
                return Kind.PLAIN
            case ValueDefinition():
                outside = Values(self._project, definition.module, (), None, None, self._budget, depth=self._depth + 1)
                return outside.kind(definition.node)

    def _of_attribute(self, node: code.Attribute) -> Kind:
        if isinstance(node.value, code.Name) and node.value.identifier == self.own_name:
            return self._of_own(node.name)
        definition = self.referred(node)
        if definition is not None:
            return self._of_definition(definition)
        inner = self.kind(node.value)
        if inner is Kind.LAYER:
            return Kind.OTHER if node.name in _layer_state() else Kind.PLAIN
        return Kind.PLAIN if inner in (Kind.PLAIN, Kind.CLASS) else Kind.OTHER

    def _of_own(self, name: str) -> Kind:
        """The kind of an attribute of self, by all that the methods of the hierarchy store under that name."""
        key = f"self.{name}"
        known = self._found.get(key)
        if known is None:
            self._found[key] = Kind.PLAIN
            known = self._found[key] = self._stored(name)
        return known

    def _stored(self, name: str) -> Kind:
        assert self._owner is not None
        if name == "training":
            return Kind.PLAIN
        member = self._owner.find(name)
        if isinstance(member, Member):
            return Kind.OTHER
        kinds: list[Kind] = []
        for base in self._owner.mro:
            if not isinstance(base, ClassDefinition):
                continue
            for function in base.node.body:
                if not isinstance(function, code.Function):
                    continue
                found = self._project.scanned(ingredients, function)
                stores = [store for store in found.stores if store.name == name]
                if name in found.grown:
                    return Kind.OTHER
                if stores:
                    enclosing = (*base.enclosing, base.node)
                    inside = Values(
                        self._project,
                        base.module,
                        enclosing,
                        self._owner,
                        function,
                        self._budget,
                        Kind.CLASS,
                        self._depth + 1,
                    )
                    kinds += [inside.of_store(store) for store in stores]
        return joined(kinds) if kinds else Kind.OTHER

    def of_store(self, store: Store) -> Kind:
        """The kind of what an attribute is bound to."""
        if store.value is None:
            return Kind.OTHER
        return self._of_local(Local(store.value, store.is_element))

    def referred(self, node: code.Expression) -> Definition | None:
        """Return what a dotted name refers to; None for what starts at a local name, at self, or is no dotted name."""
        parts: list[str] = []
        while isinstance(node, code.Attribute):
            parts.append(node.name)
            node = node.value
        if not isinstance(node, code.Name) or node.identifier == self.own_name:
            return None
        if node.identifier in self._found or node.identifier in self._locals:
            return None
        definition = self._project.resolve(self._module, (node.identifier, *reversed(parts)), self._enclosing)
        return None if isinstance(definition, Unresolved) and parts else definition

    def refers(self, node: code.Expression) -> str:
        """The canonical name of what an expression names outside the source; empty for anything else."""
        definition = self.referred(node)
        return definition.name if isinstance(definition, External) else ""

    def arguments(self, call: code.Call) -> Kind:
        """The kind that all arguments of a call have at most."""
        return joined(
            Kind.PLAIN if (kind := self.kind(argument.value)) is Kind.LIST else kind for argument in call.arguments
        )

    def _of_call(self, call: code.Call) -> Kind:
        function = call.function
        if isinstance(function, code.Attribute) and isinstance(function.value, code.Name):
            if function.value.identifier == self.own_name and self._owner is not None:
                member = self._owner.find(function.name)
                if isinstance(member, Member) and isinstance(member.node, code.Function):
                    if isinstance(member.owner, ClassDefinition):
                        enclosing = (*member.owner.enclosing, member.owner.node)
                        return self._returned(member.owner.module, enclosing, self._owner, member.node, call)
        definition = self.referred(function)
        match definition:
            case None:
                called = self.kind(function)
                if called is Kind.CLASS:
                    return Kind.OBJECT
                return Kind.PLAIN if called is Kind.PLAIN and self.arguments(call) <= Kind.FUNCTION else Kind.OTHER
            case External(name=name):
                return self._of_external(name, call)
            case ClassDefinition():
                return Kind.OBJECT
            case FunctionDefinition():
                return self._returned(definition.module, definition.enclosing, None, definition.node, call)
            case Unresolved() | ModuleReference():
                return Kind.PLAIN
        return Kind.OBJECT if self._of_definition(definition) is Kind.CLASS else Kind.OTHER

    def _returned(
        self,
        module: SourceModule,
        enclosing: Enclosing,
        owner: LinkedClass | None,
        function: code.Function,
        call: code.Call,
    ) -> Kind:
        found: Ingredients = self._project.scanned(ingredients, function)
        given = self.arguments(call)
        if found.yields or given > Kind.CLASS or function.decorators:
            return Kind.OTHER
        inside = Values(self._project, module, enclosing, owner, function, self._budget, given, self._depth + 1)
        kind = joined(inside.kind(value) for value in found.returns)
        return Kind.OTHER if kind is Kind.FUNCTION else kind

    def _of_external(self, name: str, call: code.Call) -> Kind:
        first = self.kind(call.arguments[0].value) if call.arguments else Kind.PLAIN
        if name.startswith("builtins."):
            bare = name.removeprefix("builtins.")
            if bare in _PLAIN_BUILTINS:
                return Kind.PLAIN if self.arguments(call) < Kind.OTHER else Kind.OTHER
            if bare in _LISTING_BUILTINS:
                return Kind.LIST if self.arguments(call) <= Kind.FUNCTION else Kind.OTHER
            return Kind.PLAIN if bare == "getattr" and first is Kind.PLAIN else Kind.OTHER
        if name in _COLLECTIONS:
            return Kind.LIST if self.arguments(call) <= Kind.FUNCTION else Kind.OTHER
        if name in torch_api.parameter_classes() or name in torch_api.buffer_classes():
            return Kind.OTHER
        if torch_api.is_module_class(name) or name.startswith("einops.layers."):
            return Kind.LAYER
        if name in ("copy.deepcopy", "copy.copy"):
            return first
        if name == "functools.partial":
            return Kind.CLASS if first is Kind.CLASS else Kind.FUNCTION
        if name.startswith("torch"):
            is_plain = name == "torch.device" or name.startswith(_STATELESS_ANSWERS)
            return Kind.PLAIN if is_plain else Kind.OTHER
        if name.startswith("einops.") or name.endswith(("checkpoint_wrapper", "weight_norm", "spectral_norm")):
            return Kind.OTHER
        return Kind.PLAIN if self.arguments(call) < Kind.OTHER else Kind.OTHER


@cache
def _layer_state() -> frozenset[str]:
    return frozenset(
        name
        for layer in torch_api.layers.values()
        for name in (*(slot.name for slot in (*layer.parameters, *layer.buffers)), *layer.children)
    )

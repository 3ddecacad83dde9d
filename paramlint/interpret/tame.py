"""What of a function's text leaves every rule silent: names from outside the source, calls of them, and words."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from paramlint import torch_api
from paramlint.interpret.ingredients import Dotted, Ingredients, ingredients_of, is_super
from paramlint.interpret.initialised import initialises_in_place
from paramlint.interpret.kinds import Kind, Values
from paramlint.interpret.reach import Unit
from paramlint.interpret.scan import nodes
from paramlint.model import code
from paramlint.project.definitions import External, SourceModule
from paramlint.project.names import dotted_name, is_name, last_word
from paramlint.project.project import Project
from paramlint.torch_api import Kind as FunctionKind

_UNSEEN = frozenset({"exec", "eval", "vars", "setattr", "delattr", "globals", "locals"})
# Factories of float tensors that are no fixed table and no memory that nothing has written.
_INITIAL = frozenset({"torch.zeros", "torch.ones", "torch.randn", "torch.rand"})
# What leaves a gradient behind.
_CUTTING = frozenset({"data", "detach", "item", "tolist", "numpy", "no_grad", "inference_mode", "set_grad_enabled"})
_TO_NUMBERS = frozenset({"float", "int", "bool", "tensor", "array", "asarray"})
# What a text uses to write, walk or move what modules hold.
_HANDLING = frozenset(
    {
        *("data", "weight", "bias", "requires_grad", "requires_grad_", "apply", "_apply", "modules", "named_modules"),
        *("children", "named_children", "parameters", "named_parameters", "buffers", "named_buffers", "to_empty"),
        *("to", "cuda", "xpu", "ipu", "mtia", "_parameters", "_buffers", "_modules", "__dict__", "__setattr__"),
        *("register_parameter", "register_module", "state_dict", "load_state_dict", "new", "new_empty", "empty_like"),
        *("reset_parameters", "init_weights", "_reset_parameters", "new_empty_strided", "skip_init"),
    }
)


def handles(unit: Unit) -> bool:
    """Whether a function that runs in construction writes, walks, moves or drops something."""
    facts = unit.facts
    if facts.asked & _HANDLING or facts.alone & tensor_operations() or writes_in_place(facts):
        return True
    # The first argument of a function that is no method is no self.
    if facts.rebinds or facts.binds_others or (facts.stores if unit.owner is None else False):
        return True
    return any(
        item.keyword == "device"
        and not (isinstance(item.value, code.Name) and item.value.identifier in facts.parameters)
        for call in facts.calls
        for item in call.arguments
    )


def is_tame_value(project: Project, module: SourceModule, node: code.Expression, path: Path) -> bool:
    """Whether an expression outside functions makes no tensor, Parameter or module in the file at ``path``."""
    if module.path != path:
        return True
    if isinstance(node, code.Attribute) and node.name == "apply":
        return False  # a name for a function that brings its own gradient
    facts = project.scanned(facts_of_value, node)
    for dotted in facts.mentions:
        named = project.resolve(module, dotted)
        if isinstance(named, External) and not is_tame(named.name, bool(facts.calls)):
            return False
        if facts.calls and not isinstance(named, External):
            return False
    return True


def facts_of_value(node: code.Expression) -> Ingredients:
    """Collect the ingredients of an expression outside functions."""
    return ingredients_of((node,))


def writes_in_place(facts: Ingredients) -> bool:
    """Whether a function writes tensors by a method of theirs, or by a function that is named like one of ``nn.init``."""
    return any(name.endswith("_") and not name.startswith("_") for name in facts.asked) or any(
        isinstance(call.function, code.Name) and initialises_in_place(call.function.identifier) for call in facts.calls
    )


def follows_a_tensor(facts: Ingredients, dotted: Dotted, name: str) -> bool:
    """Whether a factory is only called, and always on the device of something that is asked for it."""
    function = torch_api.functions.get(name)
    if function is None or function.kind is not FunctionKind.FACTORY or function.is_uninitialised:
        return False
    calls = [call for call in facts.calls if dotted_name(call.function) == dotted]
    return dotted not in facts.passed and all(_names_a_device(call, facts) for call in calls)


def _names_a_device(call: code.Call, facts: Ingredients) -> bool:
    for argument in call.arguments:
        if argument.keyword == "device":
            value = argument.value
            if isinstance(value, code.Name):
                bound = facts.locals.get(value.identifier, ())
                is_bound = value.identifier not in facts.parameters and bool(bound)
                return is_bound and all(not item.is_element and _is_device_of_other(item.value) for item in bound)
            return _is_device_of_other(value)
    return False


def _is_device_of_other(node: code.Expression | None) -> bool:
    """``x.device``, but for ``self.device``, which may be anything."""
    if not isinstance(node, code.Attribute) or node.name != "device":
        return False
    return not (isinstance(node.value, code.Name) and node.value.identifier == "self")


def is_tame(name: str, is_forward: bool) -> bool:
    """Whether a name from outside the source stands for nothing that a rule asks about."""
    if name.startswith("builtins."):
        return name.removeprefix("builtins.") not in _UNSEEN
    if name in parameter_classes() or name in torch_api.buffer_classes():
        return not is_forward
    if name.startswith(("torch.nn.init.", "torch.nn.utils.", "torch.nn.Parameter")):
        return False
    if name.endswith(("skip_init", "weight_norm", "spectral_norm")):
        return False
    function = torch_api.functions.get(name)
    if function is not None:
        if function.is_uninitialised or (is_forward and function.kind is FunctionKind.FACTORY):
            return False
    return not (is_forward and (torch_api.is_module_class(name) or name in torch_api.distribution_parameters))


def is_plain_parameter(call: code.Call, values: Values) -> bool:
    """Whether ``nn.Parameter(...)`` is given float data that is written, is no table, and asks for gradients."""
    given = [item for item in call.arguments if not _asks_for_gradients(item)]
    only = given[0] if len(given) == 1 else None
    return only is not None and not only.star and only.keyword in (None, "data") and _is_plain_data(only.value, values)


def _asks_for_gradients(argument: code.Argument) -> bool:
    value = argument.value
    return argument.keyword == "requires_grad" and isinstance(value, code.Constant) and value.value is True


def _is_plain_data(node: code.Expression, values: Values) -> bool:
    if isinstance(node, code.BinaryOperation) and node.operator in ("*", "/", "+", "-"):
        sides = (node.left, node.right)
        plain = [side for side in sides if _is_plain_data(side, values)]
        return bool(plain) and all(side in plain or values.kind(side) <= Kind.CLASS for side in sides)
    if not isinstance(node, code.Call) or values.refers(node.function) not in _INITIAL:
        return False
    return all(item.keyword is None and values.kind(item.value) <= Kind.CLASS for item in node.arguments)


@cache
def parameter_classes() -> frozenset[str]:
    return torch_api.parameter_classes()


@cache
def tensor_operations() -> frozenset[str]:
    """The names of all that returns a tensor."""
    named = (*torch_api.functions, *torch_api.methods)
    return frozenset(name.rsplit(".", 1)[-1] for name in named) | {"rearrange", "repeat", "reduce", "einsum"}


def has_state(name: str) -> bool:
    layer = torch_api.layers.get(name)
    return layer is not None and bool(layer.parameters or layer.buffers or layer.children)


def begins_with_base(function: code.Function, facts: Ingredients, owner: str) -> bool:
    """Whether a constructor of a class of that name runs the next one once, before it uses self for anything else."""
    if facts.base_constructors != 1 or function.decorators or not function.parameters:
        return False
    for statement in function.body:
        if isinstance(statement, code.ExpressionStatement) and isinstance(statement.value, code.Call):
            called = statement.value.function
            if isinstance(called, code.Attribute) and called.name == "__init__":
                return is_super(called.value) and _looks_behind(called.value, owner)
        if any(is_name(node, function.parameters[0].name) for node in nodes(statement)):
            return False
    return False


def _looks_behind(call: code.Expression, owner: str) -> bool:
    """Whether ``super`` is given no class, or one of that name: behind another stand other constructors, or none."""
    given = call.arguments if isinstance(call, code.Call) else ()
    return not given or is_name(given[0].value, owner)


def cuts_gradients(function: code.Function, facts: Ingredients) -> bool:
    """Whether a function may take a value out of what gradients go through."""
    decorators = {last_word(node) for node in nodes(function.decorators)}
    return bool((facts.words | decorators) & _CUTTING) or any(map(_makes_numbers, facts.calls))


def _makes_numbers(call: code.Call) -> bool:
    """Whether a call takes the value out of something that may be a tensor."""
    is_constant = all(isinstance(item.value, code.Constant) for item in call.arguments)
    return last_word(call.function) in _TO_NUMBERS and not is_constant

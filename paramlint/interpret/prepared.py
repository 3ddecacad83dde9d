"""Where code mentions an attribute of an object, and takes no value of it: to initialise it, or to see what it is."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint import torch_api
from paramlint.interpret.receivers import ABOUT
from paramlint.interpret.scan import nodes
from paramlint.model import code
from paramlint.project.names import last_word

# What of a module's attributes is its values, or a way to call it.
_USING_THE_WHOLE = frozenset({"weight", "bias", "forward", "parameters", "named_parameters", "state_dict"})
_ASKING_WHAT_IT_IS = frozenset({"hasattr", "isinstance", "type"})
_FILLING = frozenset({"zero_", "fill_", "normal_", "uniform_", "copy_"})


def prepared_elsewhere(node: object) -> Iterator[int]:
    """The attributes that a node only initialises, or compares with None: ``init.f_(m.weight)``, ``m.bias.zero_()``.

    ``m.weight.data = x`` and ``m.weight.data *= x`` give values that nothing is computed from.
    """
    target: code.Expression | None = None
    if isinstance(node, (code.Assign, code.AugmentedAssign)):
        targets = node.targets if isinstance(node, code.Assign) else (node.target,)
        written = targets[0]
        target = written if isinstance(written, code.Attribute) and written.name == "data" else None
    if isinstance(node, code.ExpressionStatement) and isinstance(node.value, code.Call):
        target = _initialised(node.value)
    elif isinstance(node, code.Comparison) and all(
        isinstance(other, code.Constant) and other.value is None for other in node.comparators
    ):
        target = node.left
    while isinstance(target, (code.Attribute, code.Subscript)):
        yield id(target)
        target = target.value


def looked_at(function: code.Function) -> Iterator[int]:
    """The ``x.get_submodule`` of a function of whose result it only reads attributes, which their names tell."""
    every = list(nodes(function.body))
    found: dict[str, list[int]] = {}
    targets: set[int] = set()
    for node in every:
        match node:
            case code.Assign(
                targets=(code.Name(identifier=name) as target,),
                value=code.Call(function=code.Attribute(name="get_submodule") as asking),
            ):
                found.setdefault(name, []).append(id(asking))
                targets.add(id(target))
    if not found:
        return
    looked_at = set(targets)
    for node in every:
        if isinstance(node, code.Attribute) and node.name not in _USING_THE_WHOLE:
            looked_at.add(id(node.value))
        elif isinstance(node, code.Call) and getattr(node.function, "identifier", "") in _ASKING_WHAT_IT_IS:
            looked_at.update(id(item.value) for item in node.arguments[:1])
    used = {node.identifier for node in every if isinstance(node, code.Name) and id(node) not in looked_at}
    for name, marks in found.items():
        if name not in used:
            yield from marks


def handed_to_initialisers(function: code.Function) -> Iterator[int]:
    """The attributes in ``w = m.weight.data`` of a function in which ``w`` is then initialised, in any shape, and no more."""
    every = list(nodes(function.body))
    found: dict[str, list[int]] = {}
    initialised: set[int] = set()
    for node in every:
        match node:
            case code.Assign(targets=(code.Name(identifier=name) as target,), value=code.Attribute() as value):
                found.setdefault(name, []).extend(id(part) for part in nodes(value))
                initialised.add(id(target))
            case code.ExpressionStatement(value=code.Call() as call) if (given := _initialised(call)) is not None:
                initialised.update(map(id, nodes(given)))
            case code.Attribute(value=about, name=name) if name in ABOUT:
                initialised.add(id(about))
    used = {node.identifier for node in every if isinstance(node, code.Name) and id(node) not in initialised}
    for name, marks in found.items():
        if name not in used:
            yield from marks


def _initialised(call: code.Call) -> code.Expression | None:
    """What a bare call gives a first value: the argument of a function of ``nn.init``, what a method fills."""
    function = call.function
    if isinstance(function, code.Attribute) and function.name in _FILLING and _module_of(function) != "init":
        return function.value
    called = last_word(function)
    is_initialiser = f"torch.nn.init.{called}" in torch_api.initialisers
    return call.arguments[0].value if is_initialiser and call.arguments else None


def _module_of(function: code.Attribute) -> str:
    """``init`` of ``nn.init.zeros_`` and ``init.zeros_``."""
    holder = function.value
    return last_word(holder)

"""Where code mentions an attribute of an object, and takes no value of it: to initialise it, or to see what it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

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
    elif isinstance(node, code.Comparison) and is_with_none(node):
        target = node.left
    while isinstance(target, (code.Attribute, code.Subscript)):
        yield id(target)
        target = target.value


def is_with_none(comparison: code.Comparison) -> bool:
    """Whether nothing is asked but whether something is None."""
    return all(isinstance(other, code.Constant) and other.value is None for other in comparison.comparators)


def only_prepared(every: Sequence[object]) -> Iterator[int]:
    """The attributes that the nodes of a function's body bind to local names, of which it then takes no value."""
    yield from _looked_at(every)
    yield from _handed_to_initialisers(every)


def _looked_at(every: Sequence[object]) -> Iterator[int]:
    """The ``x.get_submodule`` of whose result only attributes are read, which their names tell."""
    found: dict[str, list[int]] = {}
    looked_at: set[int] = set()
    for node in every:
        match node:
            case code.Assign(
                targets=(code.Name(identifier=name) as target,),
                value=code.Call(function=code.Attribute(name="get_submodule") as asking),
            ):
                found.setdefault(name, []).append(id(asking))
                looked_at.add(id(target))
    if not found:
        return
    for node in every:
        if isinstance(node, code.Attribute) and node.name not in _USING_THE_WHOLE:
            looked_at.add(id(node.value))
        elif isinstance(node, code.Call) and getattr(node.function, "identifier", "") in _ASKING_WHAT_IT_IS:
            looked_at.update(id(item.value) for item in node.arguments[:1])
    yield from _of_unused(found, every, looked_at)


def _handed_to_initialisers(every: Sequence[object]) -> Iterator[int]:
    """The attributes in ``w = m.weight.data`` where ``w`` is then initialised, in any shape, and no more.

    So it is with those of a list, ``for layer in (self.a, self.b)``, of which each is only initialised.
    """
    found: dict[str, list[int]] = {}
    initialised: set[int] = set()
    for node in every:
        match node:
            case code.For(target=code.Name(identifier=name) as target, iterable=code.Display(elements=elements)):
                found.setdefault(name, []).extend(id(part) for part in nodes(elements))
                initialised.add(id(target))
            case code.Call(function=code.Name(identifier=asking), arguments=(about, *_)) if (
                asking in _ASKING_WHAT_IT_IS
            ):
                initialised.add(id(about.value))
            case code.Assign(targets=(code.Name(identifier=name) as target,), value=code.Attribute() as value):
                found.setdefault(name, []).extend(id(part) for part in nodes(value))
                initialised.add(id(target))
            case code.ExpressionStatement(value=code.Call() as call) if (given := _initialised(call)) is not None:
                initialised.update(map(id, nodes(given)))
            case code.Attribute(value=looked_at, name=name) if name in ABOUT:
                initialised.add(id(looked_at))
            case code.Comparison(left=compared) if is_with_none(node):
                initialised.update(map(id, nodes(compared)))
    yield from _of_unused(found, every, initialised)


def _of_unused(found: Mapping[str, list[int]], every: Sequence[object], harmless: set[int]) -> Iterator[int]:
    """What was found for the names that stand at ``harmless`` nodes alone."""
    used = {node.identifier for node in every if isinstance(node, code.Name) and id(node) not in harmless}
    for name, marks in found.items():
        if name not in used:
            yield from marks


def _initialised(call: code.Call) -> code.Expression | None:
    """What a bare call gives a first value: the argument of a function of ``nn.init``, what a method fills."""
    function = call.function
    if isinstance(function, code.Attribute) and function.name in _FILLING and last_word(function.value) != "init":
        return function.value
    is_initialiser = torch_api.is_initialiser(last_word(function))
    return call.arguments[0].value if is_initialiser and call.arguments else None

"""Which attributes statements write in place, and by what: the text's answer, without interpreting it."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint import torch_api
from paramlint.interpret.scan import assigned_attributes, nodes, self_attribute
from paramlint.model import code


def initialised_attributes(body: tuple[object, ...]) -> tuple[str, ...]:
    """The names (last part of ``a.b.c``) that statements write as initialisers do: ``init.f_(x.name)``, ``x.name.data.f_()``.

    An empty name stands for a write to something that is no attribute (a loop's variable).
    """
    return tuple(name for name, *_ in initialised_targets(body))


# Methods that compute what they write from what is there: a moving average goes on by them, and garbage stays garbage.
CARRYING = frozenset({"add_", "sub_", "mul_", "div_", "lerp_", "clamp_", "clamp_min_", "clamp_max_", "clip_"})


def carried_attributes(body: tuple[object, ...]) -> frozenset[str]:
    """The attributes that statements write only by going on from what they hold, as moving averages and counts do.

    That gives nothing its first value: ``self.mean = self.mean * 0.9 + x``, ``self.mean.mul_(0.9).add_(x)``,
    ``self.mean.copy_(self.mean.lerp(x, 0.1))``.
    """
    written: dict[str, bool] = {}
    for name, method, given in initialised_targets(body):
        is_carried = method in CARRYING or (method == "copy_" and any(_goes_on_from(value, name) for value in given))
        written[name] = written.get(name, True) and is_carried
    for node in nodes(body):
        if isinstance(node, code.AugmentedAssign):
            written.update((name, written.get(name, True)) for name in assigned_attributes((node,)))
        elif isinstance(node, (code.Assign, code.AnnotatedAssign)):
            for name in assigned_attributes((node,)):
                written[name] = written.get(name, True) and node.value is not None and _goes_on_from(node.value, name)
    return frozenset(name for name, is_carried in written.items() if is_carried)


def _goes_on_from(value: code.Expression, name: str) -> bool:
    """Whether arithmetic makes the value of what the attribute holds; another factor of zero would leave nothing of it."""
    match value:
        case code.BinaryOperation(left=left, right=right):
            sides: tuple[code.Expression, ...] = (left, right)
        case code.Call(function=code.Attribute(value=receiver, name=method), arguments=arguments):
            if method not in CARRYING and f"{method}_" not in CARRYING:
                return False
            sides = (receiver, *(argument.value for argument in arguments if argument.keyword is None))
        case _:
            return False
    return any(_is_part_of(side, name) or _goes_on_from(side, name) for side in sides) and not any(
        isinstance(side, code.Constant) and not side.value for side in sides
    )


def _is_part_of(expression: code.Expression, name: str) -> bool:
    """Whether it is an attribute of self, or elements of it."""
    while isinstance(expression, code.Subscript):
        expression = expression.value
    return self_attribute(expression) == name


def initialised_targets(body: tuple[object, ...]) -> Iterator[tuple[str, str, tuple[code.Expression, ...]]]:
    """The names, each with the method or function that writes it and what that is given."""
    for node in nodes(body):
        if not isinstance(node, code.Call):
            continue
        match node.function:
            case code.Name(identifier=name) if node.arguments and initialises_in_place(name):
                target = node.arguments[0].value
            case code.Attribute(value=owner) if node.arguments and _is_init_module(owner):
                name, target = node.function.name, node.arguments[0].value
            case code.Attribute(value=target, name=name):
                if not name.endswith("_") or name.startswith("_") or name == "requires_grad_":
                    continue
            case _:
                continue
        while isinstance(target, (code.Attribute, code.Subscript, code.Call)):
            if isinstance(target, code.Attribute) and target.name not in ("data", "T"):
                break
            target = target.function if isinstance(target, code.Call) else target.value
        given = tuple(argument.value for argument in node.arguments)
        yield (target.name if isinstance(target, code.Attribute) else ""), name, given


def initialises_in_place(name: str) -> bool:
    """Whether a function is called as one of ``torch.nn.init`` is (``trunc_normal_``), wherever it comes from."""
    return name.endswith("_") and torch_api.is_initialiser(name)


def _is_init_module(node: code.Expression) -> bool:
    if isinstance(node, code.Attribute):
        return node.name in ("init", "weight_init")
    return isinstance(node, code.Name) and node.identifier in ("init", "weight_init", "torch_init", "nninit")

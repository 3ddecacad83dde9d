"""Whether a value is computed from an old one, which gives no memory its first value: a cast, a scaling, an average."""

from __future__ import annotations

from paramlint import torch_api
from paramlint.interpret.receivers import ABOUT
from paramlint.interpret.scan import nodes
from paramlint.model import code
from paramlint.project.names import is_name, last_word

SCALING = frozenset({"mul_", "div_", "lerp_", "clamp_"})
_SAME = frozenset({"data", "T", "mT"})


def goes_on(value: code.Expression, names: frozenset[str]) -> bool:
    """Whether what one of the names holds goes into the value, by arithmetic or a known operation, whatever happens."""
    match value:
        case code.Name(identifier=name):
            return name in names
        case code.Attribute(value=inner, name=name):
            return name in _SAME and goes_on(inner, names)
        case code.Subscript(value=inner):
            return goes_on(inner, names)
        case code.UnaryOperation(operand=inner):
            return goes_on(inner, names)
        case code.BinaryOperation(left=left, right=right):
            return goes_on(left, names) or goes_on(right, names)
        case code.Conditional(body=body, orelse=orelse):
            return goes_on(body, names) and goes_on(orelse, names)
        case code.Call(function=code.Attribute(value=receiver, name=name), arguments=arguments):
            if not _keeps_values(name):
                return False
            if is_name(receiver, "torch"):
                return any(goes_on(argument.value, names) for argument in arguments)
            return goes_on(receiver, names)
    return False


def _keeps_values(name: str) -> bool:
    """Whether a method of tensors, or the function of torch of that name, computes with the values that it is given."""
    if torch_api.method(name) is None or name in ABOUT or name.startswith("new_"):
        return False
    return not name.endswith("_") or name in SCALING


def with_names_for_it(body: tuple[code.Statement, ...], names: frozenset[str]) -> frozenset[str]:
    """The names, and the local ones to which the statements bind nothing but what goes on from them."""
    given: dict[str, list[code.Expression]] = {}
    for node in nodes(body):
        if isinstance(node, code.Assign):
            for target in node.targets:
                if isinstance(target, code.Name):
                    given.setdefault(target.identifier, []).append(node.value)
    while True:
        more = {
            name
            for name, values in given.items()
            if any(goes_on(value, names) for value in values)
            and all(goes_on(value, names | {name}) for value in values)
        }
        if more <= names:
            return names
        names |= more


def takes_values(parts: object, name: str) -> bool:
    """Whether an expression reads what a name holds, and not only its shape, its type or where it is."""
    about = {id(inner) for part in nodes(parts) if _is_about(part) for inner in nodes(part)}
    return any(is_name(node, name) and id(node) not in about for node in nodes(parts))


def _is_about(part: object) -> bool:
    """``x.shape``, ``torch.randn_like(x)``, ``x.new_zeros(n)``."""
    if isinstance(part, code.Call):
        last = last_word(part)
        return last.endswith("_like") or last.startswith("new_")
    return isinstance(part, code.Attribute) and part.name in ABOUT

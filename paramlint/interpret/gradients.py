"""How the text of a method uses the attributes of self: with a path for gradients, without one, or to write them."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from paramlint.interpret.scan import nodes, self_attribute
from paramlint.model import code
from paramlint.project.names import last_word

# What of a tensor has no graph behind it.
_CUTTING = frozenset({"data", "detach", "item", "tolist", "numpy"})
_TO_NUMBERS = frozenset({"float", "int", "bool", "tensor", "array", "asarray"})
# What asks about a tensor, or marks it, without reading its values.
_ABOUT = frozenset(
    {
        *("shape", "size", "dim", "ndim", "numel", "nelement", "stride", "device", "dtype", "type", "layout", "grad"),
        *("requires_grad", "requires_grad_", "is_leaf", "is_cuda", "register_hook", "get_device", "__class__"),
        *("new_zeros", "new_ones", "new_empty", "new_full", "new_tensor", "new"),
    }
)
_WITHOUT_GRADIENTS = ("no_grad", "inference_mode")
_PARTS = ("weight", "bias")


class UseKind(Enum):
    """What a use of a tensor means for its gradient."""

    READ = "read"
    CUT = "cut"
    WRITE = "write"


class Use(NamedTuple):
    """One use of ``self.name``, or of ``self.name.weight`` (then ``name`` is "name.weight")."""

    name: str
    kind: UseKind
    span: code.Span


def uses(function: code.Function) -> tuple[Use, ...]:
    """The uses in a method's body, in no particular order.

    A forward that runs as a whole under ``no_grad`` is there for inference: what it reads counts as read.
    """
    aliases = _aliases(function)
    own = {node.name for node in nodes(function.body) if isinstance(node, code.Function)}
    is_forward = function.name == "forward"
    without = any(_switches_off(decorator) for decorator in function.decorators)
    found: list[Use] = []
    waiting: list[tuple[object, bool]] = [(function.body, without and not is_forward)]
    while waiting:
        node, is_cut = waiting.pop()
        if not isinstance(node, tuple) or isinstance(node, code.Span):
            continue
        name = _tensor_named(node, aliases)
        if name is not None:
            assert isinstance(node, (code.Attribute, code.Name))
            found.append(Use(name, UseKind.CUT if is_cut else UseKind.READ, node.span))
            continue
        waiting.extend(_parts(node, is_cut, is_forward, aliases, own, found))
    return tuple(found)


def _parts(
    node: tuple[object, ...], is_cut: bool, is_forward: bool, aliases: dict[str, str], own: set[str], found: list[Use]
) -> list[tuple[object, bool]]:
    """What is below a node, each with whether its gradient is cut; writes and questions are taken out."""
    match node:
        case code.Attribute(value=value, name=name):
            if name in _ABOUT and _tensor_named(value, aliases) is not None:
                return []
            return [(value, is_cut or name in _CUTTING)]
        case code.Call():
            return _call(node, is_cut, aliases, own, found)
        case code.Assign(targets=targets, value=value):
            if _is_alias(node, aliases):
                return []
            written = [_note_write(target, aliases, found) for target in targets]
            others = [(target, is_cut) for target, is_taken in zip(targets, written, strict=True) if not is_taken]
            return [(value, is_cut or any(map(_is_data, targets))), *others]
        case code.AnnotatedAssign(target=target, value=value):
            if value is not None:
                _note_write(target, aliases, found)
            return [(value, is_cut or _is_data(target))]
        case code.AugmentedAssign(target=target, value=value):
            _note_write(target, aliases, found)
            return [(value, is_cut or _is_data(target))]
        case code.Delete():
            return []
        case code.Comparison(left=left, comparators=(code.Constant(value=None),)):
            return [] if _tensor_named(left, aliases) is not None else [(left, is_cut)]
        case code.With(items=items, body=body):
            is_off = any(_switches_off(item.context) for item in items)
            is_inference = is_forward and any(isinstance(inner, code.Return) for inner in nodes(body))
            return [(items, is_cut), (body, is_cut or (is_off and not is_inference))]
    return [(part, is_cut) for part in node]


def _call(
    node: code.Call, is_cut: bool, aliases: dict[str, str], own: set[str], found: list[Use]
) -> list[tuple[object, bool]]:
    """What is below a call, as for ``_parts``; ``own`` are the functions that the method itself defines."""
    function = node.function
    called = last_word(function)
    given = [argument.value for argument in node.arguments]
    in_place = called.endswith("_") and not called.startswith("_")
    if isinstance(function, code.Attribute) and in_place and _note_write(function.value, aliases, found):
        return [(value, is_cut or _is_data(function.value)) for value in given]
    if in_place and given and _note_write(given[0], aliases, found):  # init.normal_(self.w)
        return [(value, is_cut) for value in given[1:]]
    if called in ("hasattr", "isinstance", "len"):
        return []
    is_number = called in _TO_NUMBERS and not (isinstance(function, code.Name) and called in own)
    return [(function, is_cut), *((value, is_cut or is_number) for value in given)]


def _note_write(target: code.Expression, aliases: dict[str, str], found: list[Use]) -> bool:
    """Note the tensor that ``target`` (``self.w``, ``self.w.data[0]``, ``self.w.view(-1)``) is or shares memory with."""
    while True:
        name = _tensor_named(target, aliases)
        if name is not None:
            assert isinstance(target, (code.Attribute, code.Name))
            found.append(Use(name, UseKind.WRITE, target.span))
            return True
        if isinstance(target, code.Call) and isinstance(target.function, code.Attribute):
            target = target.function.value
        elif isinstance(target, (code.Attribute, code.Subscript)):
            target = target.value
        else:
            return False


def _is_data(target: code.Expression) -> bool:
    """``x.data``, ``x.data[0]``: what is written there leaves its graph behind."""
    while isinstance(target, (code.Subscript, code.Attribute)):
        if isinstance(target, code.Attribute) and target.name == "data":
            return True
        target = target.value
    return False


def _tensor_named(node: object, aliases: dict[str, str]) -> str | None:
    """The name of ``self.name``, ``self.name.weight`` or a local name that stands for one of them."""
    if isinstance(node, code.Name):
        return aliases.get(node.identifier)
    if isinstance(node, code.Attribute) and node.name in _PARTS:
        owner = self_attribute(node.value)
        if owner is not None:
            return f"{owner}.{node.name}"
    return self_attribute(node)


def _aliases(function: code.Function) -> dict[str, str]:
    """The local names that are bound once, to an attribute of self."""
    bound: dict[str, list[code.Expression | None]] = {parameter.name: [None] for parameter in function.parameters}
    for node in nodes(function.body):
        if isinstance(node, code.Assign):
            for target in node.targets:
                for inner in nodes(target):
                    if isinstance(inner, code.Name) and not isinstance(target, (code.Attribute, code.Subscript)):
                        bound.setdefault(inner.identifier, []).append(node.value if inner is target else None)
        elif isinstance(
            node, (code.For, code.Clause, code.AugmentedAssign, code.AnnotatedAssign, code.NamedExpression)
        ):
            for inner in nodes(node.target):
                if isinstance(inner, code.Name):
                    bound.setdefault(inner.identifier, []).append(None)
    found: dict[str, str] = {}
    for name, values in bound.items():
        meant = _tensor_named(values[0], {}) if len(values) == 1 else None
        if meant is not None:
            found[name] = meant
    return found


def _is_alias(node: code.Assign, aliases: dict[str, str]) -> bool:
    target = node.targets[0]
    return len(node.targets) == 1 and isinstance(target, code.Name) and target.identifier in aliases


def _switches_off(expression: code.Expression) -> bool:
    """``torch.no_grad()``, ``inference_mode`` and ``set_grad_enabled(False)``, as a decorator or a context."""
    function = expression.function if isinstance(expression, code.Call) else expression
    arguments = expression.arguments if isinstance(expression, code.Call) else ()
    name = last_word(function)
    if name == "set_grad_enabled" and arguments:
        return isinstance(arguments[0].value, code.Constant) and arguments[0].value.value is False
    return name in _WITHOUT_GRADIENTS

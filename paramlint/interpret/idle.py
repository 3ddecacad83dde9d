"""Calls that neither receive nor return a tensor or module: what they may cost before they are no longer followed."""

from __future__ import annotations

from paramlint.interpret.values import BoundExternal, Closure, Container, Instance, Partial, Super, Tensor, Value

# Steps that one such function may take on one path. Frameworks read signatures and build templates in constructors
# (torch_geometric's MessagePassing): without this they spend the budget that the class's own statements need.
MOST_IDLE_STEPS = 1_000
# What one such call, with those inside it, may take: helpers that compute a size or pick a default are short.
MOST_IDLE_STEPS_OF_CALL = 300
_DEEPEST = 4


def concerns_models(value: Value | None, depth: int = 0) -> bool:
    """Whether a value is or holds a tensor or a Module, as far as is known; what lies too deep counts as if it did."""
    match value:
        case Tensor() | Super():
            return True
        case Instance():
            if value.is_module or depth > _DEEPEST:
                return True
            return any(concerns_models(binding.value, depth + 1) for binding in value.bindings.values())
        case Container():
            return depth > _DEEPEST or any(concerns_models(item, depth + 1) for item in value.items)
        case Closure():
            # A nested function sees what the function around it sees.
            return value.outer is not None or concerns_models(value.bound, depth + 1)
        case BoundExternal():
            return depth > _DEEPEST or concerns_models(value.receiver, depth + 1)
        case Partial():
            held = (value.function, *value.arguments, *value.keywords.values())
            return depth > _DEEPEST or any(concerns_models(item, depth + 1) for item in held)
    return False

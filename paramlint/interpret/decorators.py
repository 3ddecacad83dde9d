"""What a decorator does to the function that it stands above, told by its name."""

from __future__ import annotations

from paramlint.model import code
from paramlint.project.names import dotted_name

_TRANSPARENT = frozenset(
    {
        "no_grad",
        "inference_mode",
        "enable_grad",
        "staticmethod",
        "classmethod",
        "abstractmethod",
        "override",
        "final",
        "torch.jit.export",
        "export",
        "unused",
        "ignore",
        "script_method",
        "autocast",
        "custom_fwd",
        "typing_override",
        "lru_cache",
        "cache",
        "wraps",
        "overload",
        "disable",
        "contextmanager",
        "deprecated",
        "no_type_check",
        "typechecked",
        "beartype",
        "jaxtyped",
        "add_start_docstrings",
        "add_start_docstrings_to_model_forward",
        "replace_return_docstrings",
        "auto_docstring",
        "can_return_tuple",
        "check_model_inputs",
        "merge_with_config_defaults",
        "capture_outputs",
    }
)


def is_transparent_decorator(decorator: code.Expression) -> bool:
    """Whether a decorated function may be followed as if it were plain."""
    if isinstance(decorator, code.Call):
        decorator = decorator.function
    dotted = dotted_name(decorator)
    return dotted is not None and dotted[-1] in _TRANSPARENT


def is_no_grad(decorator: code.Expression) -> bool:
    """Whether a decorator runs its function without gradients."""
    if isinstance(decorator, code.Call):
        decorator = decorator.function
    dotted = dotted_name(decorator)
    return dotted is not None and dotted[-1] in ("no_grad", "inference_mode")

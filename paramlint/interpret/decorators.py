"""What a decorator does to the function that it stands above, told by its name, or by its text in the project."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from paramlint.interpret.scan import nodes
from paramlint.model import code
from paramlint.project.definitions import External, FunctionDefinition, ValueDefinition
from paramlint.project.names import dotted_name, is_name, last_word

if TYPE_CHECKING:
    from paramlint.project.definitions import SourceModule
    from paramlint.project.project import Project

_DEEPEST = 3
_TRANSPARENT = frozenset(
    {
        "no_grad",
        "inference_mode",
        "enable_grad",
        "staticmethod",
        "classmethod",
        "abstractmethod",
        "override",
        "overrides",
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
        "compile",
        "contextmanager",
        "deprecated",
        "deprecated_api_warning",
        "deprecated_arg",
        "deprecated_kwargs",
        "deprecate_kwarg",
        "no_type_check",
        "typecheck",
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
        "filter_output_hidden_states",
        "force_accelerate_hooks",
    }
)


def are_transparent(project: Project, module: SourceModule, decorators: tuple[code.Expression, ...]) -> bool:
    """Whether a function of a module with these decorators may be followed as if it were plain."""
    return all(_is_transparent(project, module, decorator, 0) for decorator in decorators)


def _is_transparent(project: Project, module: SourceModule, decorator: code.Expression, depth: int) -> bool:
    is_made = isinstance(decorator, code.Call)
    dotted = dotted_name(decorator.function if isinstance(decorator, code.Call) else decorator)
    if dotted is None or depth > _DEEPEST:
        return False
    if dotted[-1] in _TRANSPARENT:
        return True
    match project.resolve(module, dotted):
        case External(name=name):
            return name.rsplit(".", 1)[-1] in _TRANSPARENT
        case FunctionDefinition(node=function) if not is_made:
            return project.scanned(_hands_on, function)
        case ValueDefinition(module=other, node=value) if not is_made:
            arms = (value.body, value.orelse) if isinstance(value, code.Conditional) else (value,)
            return all(_is_transparent(project, other, arm, depth + 1) for arm in arms)
    return False


def _hands_on(decorator: code.Function) -> bool:
    """Whether a decorator returns the function that it is given, or one that calls it once with all that it gets."""
    if len(decorator.parameters) != 1 or decorator.decorators or decorator.is_async:
        return False
    (given,) = decorator.parameters
    *before, last = decorator.body
    returned = last.value.identifier if isinstance(last, code.Return) and isinstance(last.value, code.Name) else ""
    if returned == given.name:
        return all(map(_is_documentation, before))
    inner = [statement for statement in before if isinstance(statement, code.Function)]
    return (
        len(inner) == 1
        and inner[0].name == returned
        and all(item is inner[0] or _is_documentation(item) for item in before)
        and _passes_on(inner[0], given.name)
    )


def _passes_on(wrapper: code.Function, function: str) -> bool:
    """``def wrapper(*args, **kwargs): ...; return function(*args, **kwargs)``, with nothing else done to the arguments."""
    names = [(parameter.name, parameter.kind) for parameter in wrapper.parameters]
    stars = [(name, kind) for name, kind in names if kind in ("*", "**")]
    plain = [name for name, kind in names if kind not in ("*", "**")]
    every = list(nodes(wrapper.body))
    calls = [node for node in every if isinstance(node, code.Call) and is_name(node.function, function)]
    returns = [node for node in every if isinstance(node, code.Return)]
    if wrapper.is_async or [kind for _, kind in stars] != ["*", "**"] or plain not in ([], ["self"]) or len(calls) != 1:
        return False
    (call,) = calls
    # A context may be one without gradients, or of another default device.
    if any(isinstance(node, code.With) for node in every) or _switches(every):
        return False
    given = [(item.star, getattr(item.value, "identifier", "")) for item in call.arguments]
    expected = [*(("", name) for name in plain), *((kind, name) for name, kind in stars)]
    # What it is given is not touched elsewhere.
    mentioned = Counter(node.identifier for node in every if isinstance(node, code.Name))
    if given != expected or any(mentioned[name] != 1 for name, _ in names):
        return False
    bound = {
        node.targets[0].identifier
        for node in every
        if isinstance(node, code.Assign) and node.value is call and isinstance(node.targets[0], code.Name)
    }
    # A result that has another use may be changed before it is returned.
    return bool(returns) and all(
        item.value is call
        or (
            isinstance(item.value, code.Name)
            and item.value.identifier in bound
            and mentioned[item.value.identifier] == 2
        )
        for item in returns
    )


def _switches(every: list[object]) -> bool:
    """Whether something is set for all of torch: ``torch.set_grad_enabled(False)``."""
    return any(last_word(node).startswith("set_") for node in every)


def _is_documentation(statement: code.Statement) -> bool:
    return isinstance(statement, code.ExpressionStatement) and isinstance(statement.value, code.Constant)


def is_no_grad(decorator: code.Expression) -> bool:
    """Whether a decorator runs its function without gradients."""
    if isinstance(decorator, code.Call):
        decorator = decorator.function
    dotted = dotted_name(decorator)
    return dotted is not None and dotted[-1] in ("no_grad", "inference_mode")

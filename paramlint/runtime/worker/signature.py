"""What a callable can be called with, inherited keyword parameters and documentation included."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterator

from torch import nn

from paramlint.runtime.worker.guess import Parameter

_SELF = inspect.Parameter.empty
_DOCUMENTED = (
    re.compile(r"^\s*[-*]?\s*`*(\w+)`*\s*\(([^)\n]{2,60})\)\s*:", re.MULTILINE),
    re.compile(r"^\s*(\w+)\s*:\s*([a-zA-Z][\w\[\], .]{1,40})$", re.MULTILINE),
)


def initialiser(target: Callable[..., object]) -> Callable[..., object]:
    """The function that takes the arguments of a call of ``target``."""
    if not isinstance(target, type):
        return target
    for kind in target.__mro__:
        if "__init__" in vars(kind) and kind is not object:
            return typing.cast("Callable[..., object]", vars(kind)["__init__"])
        if "__new__" in vars(kind) and kind is not object and isinstance(vars(kind)["__new__"], staticmethod):
            return typing.cast("Callable[..., object]", vars(kind)["__new__"].__func__)
    return typing.cast("Callable[..., object]", target.__init__)  # type: ignore[misc]


def takes_any_keyword(target: Callable[..., object]) -> bool:
    """Whether a call of ``target`` may name arguments that it does not list (``**kwargs``)."""
    try:
        listed = inspect.signature(initialiser(target)).parameters.values()
    except (ValueError, TypeError):
        return False
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in listed)


def parameters(target: Callable[..., object]) -> tuple[Parameter, ...]:
    """Parameters by name, required ones first come first; what ``**kwargs`` passes to a base's constructor follows.

    Star parameters are listed as ``*name`` and never required. Empty where the signature cannot be read.
    """
    found: dict[str, Parameter] = {}
    hints = documented(target)
    functions = [initialiser(target)]
    if isinstance(target, type):
        own = [vars(kind)["__init__"] for kind in target.__mro__ if "__init__" in vars(kind)]
        functions += [function for function in own if function not in functions]
    for position, function in enumerate(functions):
        if function in (nn.Module.__init__, object.__init__):
            break
        try:
            signature = inspect.signature(function)
        except (ValueError, TypeError):
            break
        listed = list(signature.parameters.values())
        if isinstance(target, type) and listed:
            listed = listed[1:]
        is_open = False
        for parameter in listed:
            if parameter.kind is parameter.VAR_KEYWORD:
                is_open = True
            elif parameter.kind is parameter.VAR_POSITIONAL:
                found.setdefault(f"*{parameter.name}", Parameter(f"*{parameter.name}", _SELF, False, ()))
            elif parameter.name not in found:
                found[parameter.name] = Parameter(
                    parameter.name,
                    resolved(parameter.annotation, function),
                    parameter.default is _SELF and position == 0,
                    parameter.default,
                    hints.get(parameter.name, ""),
                )
        if not is_open:
            break
    return tuple(found.values())


def resolved(annotation: object, function: Callable[..., object]) -> object:
    """An annotation as an object; its text where a name in it is not to be found (``if TYPE_CHECKING`` imports)."""
    if not isinstance(annotation, str):
        return annotation
    function = inspect.unwrap(function)
    namespace = dict(getattr(function, "__globals__", {}))
    for _ in range(6):
        value, missing = _evaluated(annotation, namespace)
        if not missing:
            return value
        found = class_named(missing, str(namespace.get("__name__", "")))
        if found is None:
            break
        namespace[missing] = found
    return annotation


def _evaluated(annotation: str, namespace: dict[str, object]) -> tuple[object, str]:
    """The annotation's value and the name that it lacks ("" where none)."""
    try:
        return eval(annotation, namespace), ""
    except NameError as error:
        return annotation, error.name or ""
    except Exception:
        return annotation, ""


def class_named(name: str, module: str) -> type | None:
    """A class of that name defined in a loaded module of the same top-level package, or in typing."""
    if not name:
        return None
    package = module.partition(".")[0]
    for loaded_name, loaded in list(sys.modules.items()):
        if loaded_name in ("typing", "collections.abc") or loaded_name.partition(".")[0] == package:
            try:
                found = vars(loaded).get(name)
            except TypeError:
                continue
            if isinstance(found, type):
                return found
    return None


def documented(target: Callable[..., object]) -> dict[str, str]:
    """What docstrings say of parameters' types: ``dim (int): ...``, ``dim (int, optional)``, ``dim : int``."""
    texts = [getattr(target, "__doc__", None)]
    if isinstance(target, type):
        texts += [vars(kind).get("__doc__") for kind in target.__mro__[1:3] if kind is not object]
        texts.append(getattr(initialiser(target), "__doc__", None))
    hints: dict[str, str] = {}
    for text in texts:
        if isinstance(text, str):
            for pattern in _DOCUMENTED:
                for name, kind in pattern.findall(text[:20_000]):
                    hints.setdefault(name, kind)
    return hints


def examples(target: Callable[..., object], words: tuple[str, ...]) -> Iterator[str]:
    """Code blocks of the docstrings that mention one of ``words``: doctests and indented or fenced code."""
    texts = [getattr(target, "__doc__", None), getattr(getattr(target, "forward", None), "__doc__", None)]
    module = sys.modules.get(getattr(target, "__module__", ""))
    texts.append(getattr(module, "__doc__", None))
    for text in texts:
        if not isinstance(text, str) or not any(word in text for word in words):
            continue
        for block in (_doctest(text), *_fenced(text), *_indented(text)):
            if block and any(word in block for word in words) and _parses(block):
                yield block


def _doctest(text: str) -> str:
    lines = [match.group(1) for match in re.finditer(r"^\s*(?:>>>|\.\.\.) ?(.*)$", text, re.MULTILINE)]
    return "\n".join(lines)


def _fenced(text: str) -> list[str]:
    return [inspect.cleandoc("\n" + block) for block in re.findall(r"```(?:python|py)?\s*\n(.*?)```", text, re.DOTALL)]


def _indented(text: str) -> list[str]:
    blocks = re.findall(r"(?:::|Examples?:?|Usage:?|EXAMPLES?|-{3,})\s*\n\s*\n?((?:[ \t]+\S.*\n?|\s*\n)+)", text)
    return [inspect.cleandoc("\n" + block) for block in blocks if ">>>" not in block]


def _parses(block: str) -> bool:
    try:
        ast.parse(block)
    except (SyntaxError, ValueError):
        return False
    return True

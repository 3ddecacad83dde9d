"""Where in what a call returned the instance is that was asked for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from torch import nn

from paramlint.model.observation import ClassRequest


def locating(
    make: Callable[[], object], kind: type[nn.Module] | None, request: ClassRequest
) -> Callable[[], nn.Module]:
    def instance() -> nn.Module:
        value = make()
        for root in _roots(value):
            path = _path(root, kind, request)
            if path is not None:
                return root.get_submodule(path)
        raise LookupError("the recipe no longer returns an instance of the class")

    return instance


def locate(value: object, kind: type[nn.Module] | None, request: ClassRequest) -> str | None:
    for root in _roots(value):
        path = _path(root, kind, request)
        if path is not None:
            return path
    return None


def _roots(value: object) -> list[nn.Module]:
    if isinstance(value, nn.Module):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [item for item in value[:50] if isinstance(item, nn.Module)]
    return []


def _path(root: nn.Module, kind: type[nn.Module] | None, request: ClassRequest) -> str | None:
    if kind is not None:
        return path_of(root, kind)
    for path, module in root.named_modules():
        if type(module).__qualname__ == request.qualified_name:
            return str(path)
    return None


def path_of(root: nn.Module, kind: type[nn.Module]) -> str | None:
    """Where in ``root`` the first instance of exactly this class is, "" for itself; an heir's instance will not do."""
    try:
        for path, module in root.named_modules():
            if type(module) is kind:
                return str(path)
    except Exception:  # a root whose constructor never ran cannot be walked
        return "" if type(root) is kind else None
    return None


def find_class(module: ModuleType, qualified_name: str) -> type[Any] | None:
    """The class of that qualified name; decorators that keep it in ``__wrapped__`` are looked through."""
    value: object = module
    for part in qualified_name.split("."):
        if part == "<locals>":
            return None
        try:
            value = inspect.getattr_static(value, part)
        except AttributeError:
            return None
    if not isinstance(value, type):
        value = getattr(value, "__wrapped__", None)
    return value if isinstance(value, type) else None

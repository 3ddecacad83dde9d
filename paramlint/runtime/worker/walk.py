"""Finding every tensor and Module that can be reached from an instance, with the path that leads to it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import torch
from torch import nn

_OWN_NAMES = frozenset(vars(nn.Module()))
_DEPTH = 6
_LIMIT = 20_000
# Packages whose objects hold no tensor of a model's, or one that is none of its business.
_CLOSED = frozenset(
    ("torch", "numpy", "builtins", "weakref", "logging", "threading", "typing", "inspect", "types", "re", "enum")
)
_NOT_ENTERED = (str, bytes, int, float, complex, type, ModuleType, FunctionType, BuiltinFunctionType, MethodType)


class FoundTensor(NamedTuple):
    """``kind`` is "parameter", "buffer", "non-persistent buffer" or "plain"; fields as in ``TensorObservation``."""

    path: str
    owner: str
    owner_module: nn.Module
    attribute: str
    tensor: torch.Tensor
    kind: str


class FoundModule(NamedTuple):
    path: str
    owner: str
    owner_module: nn.Module
    attribute: str
    module: nn.Module
    is_registered: bool


class Walk:
    """All that is reachable from ``root``: registered things first, then the rest in the order of their attributes.

    A tensor or hidden Module reachable by several paths is listed once, but a plain attribute that holds a registered
    tensor is listed too. Optimisers, distributions and other objects of torch's own are not entered.
    """

    def __init__(self, root: nn.Module) -> None:
        self.root = root
        self.tensors: list[FoundTensor] = []
        self.modules: list[FoundModule] = []
        self.is_complete = True
        self._registered_modules: dict[int, str] = {}
        self._seen: set[int] = set()
        self._registered_tensors: set[int] = set()
        self._steps = 0
        self._enter_registered(root, "")
        for path, module in list(self._paths.items()):
            self._enter_attributes(module, path)

    @cached_property
    def by_path(self) -> dict[str, FoundTensor]:
        return {found.path: found for found in self.tensors}

    def _enter_registered(self, root: nn.Module, root_path: str) -> None:
        self._paths: dict[str, nn.Module] = {}
        waiting: list[tuple[nn.Module, str]] = [(root, root_path)]
        while waiting:
            module, path = waiting.pop(0)
            if id(module) in self._registered_modules:
                continue
            self._registered_modules[id(module)] = path
            self._paths[path] = module
            self._list_tensors(module, path, is_registered=True)
            for name, child in (vars(module).get("_modules") or {}).items():
                if isinstance(child, nn.Module):
                    if id(child) not in self._registered_modules:
                        self.modules.append(FoundModule(join(path, name), path, module, name, child, True))
                    waiting.append((child, join(path, name)))

    def _list_tensors(self, module: nn.Module, path: str, is_registered: bool) -> None:
        own = vars(module)
        transient = own.get("_non_persistent_buffers_set") or ()
        for slot in ("_parameters", "_buffers"):
            for name, tensor in (own.get(slot) or {}).items():
                if not isinstance(tensor, torch.Tensor):
                    continue
                kind = "plain"
                if is_registered:
                    kind = "parameter" if slot == "_parameters" else "buffer"
                    kind = "non-persistent buffer" if kind == "buffer" and name in transient else kind
                    self._registered_tensors.add(id(tensor))
                elif id(tensor) in self._seen:
                    continue
                self._seen.add(id(tensor))
                self.tensors.append(FoundTensor(join(path, name), path, module, name, tensor, kind))

    def _enter_attributes(self, module: nn.Module, path: str) -> None:
        for name, value in list(vars(module).items()):
            if name not in _OWN_NAMES:
                self._enter(value, join(path, name), path, module, name, 0)

    def _enter(self, value: Any, path: str, owner: str, module: nn.Module, attribute: str, depth: int) -> None:
        if value is None or isinstance(value, _NOT_ENTERED):
            return
        self._steps += 1
        if self._steps > _LIMIT or depth > _DEPTH:
            self.is_complete = False
            return
        if isinstance(value, torch.Tensor):
            if id(value) not in self._seen or id(value) in self._registered_tensors:
                self._seen.add(id(value))
                self.tensors.append(FoundTensor(path, owner, module, attribute, value, "plain"))
            return
        if id(value) in self._seen or id(value) in self._registered_modules:
            return
        self._seen.add(id(value))
        if isinstance(value, nn.Module):
            self.modules.append(FoundModule(path, owner, module, attribute, value, False))
            self._list_tensors(value, path, is_registered=False)
            for name, child in (vars(value).get("_modules") or {}).items():
                self._enter(child, join(path, name), path, value, name, depth)
            self._enter_attributes(value, path)
            return
        for step, item in _items(value):
            self._enter(item, path + step, owner, module, attribute, depth + 1)


def is_lazy(tensor: object) -> bool:
    """Whether a tensor of a lazy layer has no memory yet; older torch has none of these."""
    kind = getattr(torch.nn.parameter, "UninitializedTensorMixin", None)
    return kind is not None and isinstance(tensor, kind)


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _items(value: Any) -> list[tuple[str, Any]]:
    """What a container or an ordinary object holds, with the step that reaches it."""
    try:
        if isinstance(value, Mapping):
            return [(f"[{key!r:.60}]", item) for key, item in list(value.items())]
        if isinstance(value, (list, tuple)):
            return [(f"[{index}]", item) for index, item in enumerate(value)]
        if isinstance(value, (set, frozenset)):
            return [(f"{{{index}}}", item) for index, item in enumerate(value)]
        kind = type(value)
        if kind.__module__.partition(".")[0] in _CLOSED:
            # collections.deque and its like are iterable; what torch makes is not entered.
            return []
        if kind.__module__ == "collections":
            return [(f"[{index}]", item) for index, item in enumerate(value)]
        if kind.__module__ == "functools":
            inner = [*getattr(value, "args", ()), *getattr(value, "keywords", {}).values()]
            return [(f".args[{index}]", item) for index, item in enumerate(inner)]
        own = dict(getattr(value, "__dict__", None) or {})
        for base in kind.__mro__:
            names = base.__dict__.get("__slots__", ())
            for name in (names,) if isinstance(names, str) else names:
                if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                    own.setdefault(name, getattr(value, name))
        return [(f".{name}", item) for name, item in own.items()]
    except Exception:  # a container of the user's may raise anything
        return []

"""The public spellings of torch's classes and functions, and what their instances have."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import warnings
from collections.abc import Iterator
from types import ModuleType

import torch
from torch import nn

from paramlint.torch_api.decode import Json
from paramlint.torch_api.generate.catalogue import OF_SIMULATED_DEVICE

# Where classes are looked for; a class is named after the first of these packages that offers it.
PACKAGES = (
    "torch",
    "torch.nn",
    "torch.nn.parallel",
    "torch.nn.utils.rnn",
    "torch.optim",
    "torch.optim.lr_scheduler",
    "torch.optim.swa_utils",
    "torch.distributions",
    "torch.distributions.constraints",
    "torch.distributions.transforms",
    "torch.autograd",
    "torch.utils.data",
    "torch.jit",
    "torch.fx",
    "torch.nn.utils.parametrize",
    "torch.ao.nn.quantized",
    "torch.ao.nn.qat",
    "torch.ao.quantization",
)
SUBMODULES_OF = ("torch.nn.modules", "torch.nn.parallel", "torch.optim", "torch.distributions")
DEFINING = ("torch.nn.parameter", "torch._tensor", "torch.autograd.variable", "torch.autograd.function")
# Of torch's own names, those that are no part of the compiler's or the script language's insides.
TOP_CLASSES = frozenset({"Size", "device", "dtype", "Generator", "finfo", "iinfo", "memory_format", "layout"})
# Classes other than modules that user classes inherit from: of these the members are kept.
BASES = frozenset(
    {
        "torch.autograd.Function",
        "torch.utils.data.Dataset",
        "torch.utils.data.IterableDataset",
        "torch.distributions.Distribution",
        "torch.distributions.Transform",
        "torch.optim.Optimizer",
        "torch.optim.lr_scheduler.LRScheduler",
        "torch.nn.modules.lazy.LazyModuleMixin",
    }
)


def classes() -> dict[str, type]:
    """All classes of torch that are worth naming, by canonical name."""
    found: dict[str, type] = {}
    seen: set[type] = set()
    for name in (*PACKAGES, *_submodules()):
        module = _import(name)
        if module is None:
            continue
        for attribute in sorted(vars(module)):
            value = getattr(module, attribute)
            if not inspect.isclass(value) or value in seen or not value.__module__.startswith("torch"):
                continue
            is_private = attribute.startswith("_")
            if is_private and value.__module__ != name:
                continue
            if name not in PACKAGES and value.__module__ != name:
                continue
            if name == "torch" and attribute not in TOP_CLASSES and not attribute.endswith("Tensor"):
                continue
            if name == "torch.ao.quantization" and not issubclass(value, nn.Module):
                continue
            seen.add(value)
            found[f"{name}.{attribute}"] = value
    return found


def aliases(found: dict[str, type], functions: list[str]) -> dict[str, Json]:
    """Every other spelling, with the canonical one."""
    spellings: dict[str, Json] = {}
    by_class = {value: name for name, value in found.items()}
    for module_name in (*PACKAGES, *SUBMODULES_OF, *_submodules(), *DEFINING):
        module = _import(module_name)
        if module is None:
            continue
        for attribute, value in sorted(vars(module).items()):
            spelling = f"{module_name}.{attribute}"
            if inspect.isclass(value) and by_class.get(value, spelling) != spelling:
                spellings[spelling] = by_class[value]
    for value, name in by_class.items():
        defined = f"{value.__module__}.{value.__qualname__}"
        if defined != name and defined not in found:
            spellings[defined] = name
    known = set(functions)
    for attribute in vars(importlib.import_module("torch.functional")):
        if f"torch.{attribute}" in known:
            spellings[f"torch.functional.{attribute}"] = f"torch.{attribute}"
    for name in known:
        leaf = name.rpartition(".")[2]
        if name.startswith("torch.nn.functional.") and hasattr(torch._C._nn, leaf):
            spellings[f"torch._C._nn.{leaf}"] = name
    return dict(sorted(spellings.items()))


def class_tables(found: dict[str, type]) -> tuple[dict[str, Json], dict[str, Json]]:
    """For the Module classes and for all others: bases in method resolution order, own members, is it complete.

    Members are those that neither Module nor object has. Instances show what constructors set; where none can be built,
    or members are left out, the entry is not complete.
    """
    from paramlint.torch_api.generate.layers import construct

    modules: dict[str, Json] = {}
    others: dict[str, Json] = {}
    by_class = {value: name for name, value in found.items()}
    of_module = set(module_members())
    for name, value in sorted(found.items()):
        bases: list[Json] = [
            by_class.get(item, f"{item.__module__}.{item.__qualname__}") for item in value.__mro__[1:-1]
        ]
        members = {member for owner in value.__mro__[:-1] for member in vars(owner)}
        if not issubclass(value, nn.Module):
            kept = sorted(members - _dull()) if name in BASES else []
            others[name] = [bases, [*kept], name in BASES]
            continue
        for owner in value.__mro__[:-1]:
            members |= set(vars(owner).get("__annotations__", {}))
        instance = construct(value, {}) if value.__module__.startswith("torch.nn.modules") else None
        if instance is not None:
            members |= {*vars(instance), *instance._parameters, *instance._buffers, *instance._modules}
        modules[name] = [bases, [*sorted(members - of_module - _dull())], instance is not None]
    return modules, others


def module_members() -> list[str]:
    """What every instance of Module has, but for what it has from object."""
    inherited = set(dir(object)) - set(vars(nn.Module))
    return sorted(set(dir(nn.Module())) - inherited - OF_SIMULATED_DEVICE)


def module_methods() -> list[str]:
    """Those of ``module_members`` that are methods."""
    return [name for name in module_members() if inspect.isroutine(inspect.getattr_static(nn.Module, name, None))]


def subclasses(found: dict[str, type], base: type) -> list[str]:
    """The canonical names of the classes that are or inherit from ``base``."""
    return sorted(name for name, value in found.items() if issubclass(value, base))


def _dull() -> frozenset[str]:
    return OF_SIMULATED_DEVICE | {
        "__module__",
        "__doc__",
        "__dict__",
        "__weakref__",
        "__annotations__",
        "__constants__",
        "__firstlineno__",
    }


def _submodules() -> Iterator[str]:
    for package_name in SUBMODULES_OF:
        package = importlib.import_module(package_name)
        for item in sorted(pkgutil.iter_modules(package.__path__), key=lambda item: item.name):
            if not item.name.startswith("_"):
                yield f"{package_name}.{item.name}"


def _import(name: str) -> ModuleType | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except ImportError:
        return None

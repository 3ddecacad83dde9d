"""What is known of names in packages that are not read: torch, the standard library, well-known frameworks."""

from __future__ import annotations

import builtins
import importlib
import sys
from functools import cache

from paramlint import torch_api
from paramlint.project import frameworks, torch_names

# Packages whose source is never read: what they hold is known from tables, and reading them costs seconds.
NEVER_READ = frozenset({"torch", "torch_xla", "functorch", "numpy", "einops"})

# Modules of the standard library whose classes serve as bases; importing them here has no effect on anything.
_PLAIN_MODULES = """
    abc argparse builtins collections collections.abc contextlib dataclasses enum functools io json logging
    numbers pathlib pickle queue string threading types typing unittest warnings
"""
# Names that may stand in a class header and leave nothing behind in instances.
_MARKERS = frozenset({"Generic", "Protocol"})


@cache
def canonical(name: str) -> str:
    """Return the one spelling of a name that is not read: ``torch.nn.modules.linear.Linear`` is ``torch.nn.Linear``."""
    if name.partition(".")[0] != "torch":
        return name
    known = torch_api.canonical(name)
    return known if known != name else torch_names.canonical_by_rule(name)


def is_module(name: str) -> bool:
    """Whether that canonical name of an unread package is known to be a module or package, not a member of one."""
    return name in torch_names.MODULES


def is_standard_library(name: str) -> bool:
    """Whether a dotted name lies in the standard library (of the Python that runs paramlint)."""
    return name.partition(".")[0] in sys.stdlib_module_names or name.startswith("builtins.")


def is_builtin(name: str) -> bool:
    """Whether a bare name is one of Python's builtins."""
    return hasattr(builtins, name)


def star_member(module: str, name: str) -> str | None:
    """Return the canonical name that ``name`` has after ``from module import *`` of an unread package, if known."""
    if module.partition(".")[0] != "torch":
        return frameworks.star_member(module, name)
    candidate = canonical(f"{module}.{name}")
    tables = (torch_api.functions, torch_api.initialisers, torch_api.layers)
    if candidate in torch_names.MODULES or any(candidate in table for table in tables):
        return candidate
    known = (torch_api.tensor_classes(), torch_api.parameter_classes(), torch_api.buffer_classes())
    if any(candidate in names for names in known) or is_module_class(candidate) is not None:
        return candidate
    return None


@cache
def is_module_class(name: str) -> bool | None:
    """Whether a class that is not read inherits from ``torch.nn.Module``; None where nothing is known of it."""
    if is_standard_library(name):
        return False
    known = torch_api.is_module_class(name)
    if known is not None:
        return known
    if name.partition(".")[0] == "torch":
        return torch_names.is_module_class_by_rule(name)
    framework = frameworks.known_class(name)
    return None if framework is None else framework.is_module


def stands_before_unlisted(name: str) -> bool:
    """Whether a class that is not read inherits from others than ``torch.nn.Module`` and ``object``, or may."""
    order = torch_api.class_mro(name)
    return order is None or not set(order[1:]) <= {"torch.nn.Module", "object"}


def is_known(name: str) -> bool:
    """Whether a name that is not read is known to exist where the code runs: torch's, Python's, a known framework's."""
    return name.partition(".")[0] in NEVER_READ or is_standard_library(name) or is_module_class(name) is not None


def constructor_runs_module_init(name: str) -> bool | None:
    """Whether running the constructor of a class that is not read runs ``torch.nn.Module.__init__``."""
    return is_module_class(name)


def prepares_instances(name: str) -> bool:
    """Whether ``Module.__init__`` has run on each instance before the subclass's own ``__init__`` starts (fastai)."""
    known = frameworks.known_class(name)
    return known is not None and known.prepares_instances


@cache
def external_member(class_name: str, attribute: str) -> bool | None:
    """Whether instances of a class that is not read have an attribute beyond those of ``object``; None: not known."""
    if is_standard_library(class_name):
        return _standard_member(class_name, attribute)
    known = torch_api.external_member(class_name, attribute)
    if known is not None:
        return known
    if is_module_class(class_name) and attribute in torch_api.module_members():
        return True
    return None


@cache
def _standard_member(class_name: str, attribute: str) -> bool | None:
    module, _, name = class_name.rpartition(".")
    if name in _MARKERS or class_name in ("abc.ABC", "builtins.object"):
        return False
    if module not in _PLAIN_MODULES.split():
        return None
    value = getattr(importlib.import_module(module), name, None)
    if not isinstance(value, type):
        return None
    return hasattr(value, attribute) and getattr(value, attribute) is not getattr(object, attribute, None)

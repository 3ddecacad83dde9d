"""Configuration objects: the package's own configuration classes, kept small, and one that answers any question."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import itertools
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import torch
from torch import nn

from paramlint.runtime.worker import guess, small
from paramlint.runtime.worker.guess import Guess
from paramlint.runtime.worker.timing import Clock

_FIRST = 4


def is_configuration(kind: type) -> bool:
    """Whether a class holds settings: by its name, or as a dataclass that is no Module."""
    if issubclass(kind, nn.Module):
        return False
    return bool(
        re.search(r"(Config|Configuration|Args|Arguments|Options|Params|Settings|Hparams)\w{0,3}$", kind.__name__)
    ) or (dataclasses.is_dataclass(kind))


def guesses(target: Callable[..., object], clock: Clock) -> Iterator[Guess]:
    """Objects for a parameter named like a configuration."""
    found = [of_class(kind, clock) for kind in siblings(target)]
    # A class that is not meant fails in any size: the next few come before larger ones of the first.
    for instances in found[:_FIRST]:
        yield from itertools.islice(instances, 1)
    for instances in found:
        yield from instances
    yield Guess("<an object with any attribute>", Permissive)
    yield Guess("<a dict with any key>", PermissiveDict)


def with_setting(target: Callable[..., object], name: str, clock: Clock) -> Iterator[Guess]:
    """Configurations next to a class that have the setting of that name."""
    for kind in siblings(target):
        if name in _parameters(kind):
            yield from itertools.islice(of_class(kind, clock), 1)


def siblings(target: Callable[..., object]) -> list[type]:
    """Configuration classes next to a class: in its module, in ``configuration_x`` for ``modeling_x``, in its package.

    Those whose name shares most with the class come first.
    """
    name = str(getattr(target, "__module__", ""))
    package, _, stem = name.rpartition(".")
    modules = [name]
    for word, other in (("modeling", "configuration"), ("model", "config"), ("modular", "configuration")):
        if word in stem:
            modules += [f"{package}.{stem.replace(word, other)}", f"{package}.{other}"]
    modules += [f"{package}.config", f"{package}.configuration", f"{package}.configs"]
    found: list[type] = []
    for candidate in modules:
        loaded = sys.modules.get(candidate)
        if loaded is None and candidate.startswith(f"{package}.configuration_"):
            try:
                loaded = importlib.import_module(candidate)
            except Exception:
                loaded = None
        if loaded is None:
            continue
        for value in list(vars(loaded).values()):
            if (
                isinstance(value, type)
                and is_configuration(value)
                and value not in found
                and _is_concrete(value, loaded.__name__)
            ):
                found.append(value)
    words = set(_words(getattr(target, "__name__", "")))

    def affinity(kind: type) -> tuple[int, int, int]:
        own = set(_words(kind.__name__)) - {"Config"}
        return -len(own & words) + len(own - words), int(kind.__module__ == name), len(kind.__name__)

    return sorted(found, key=affinity)[:8]


def _is_concrete(kind: type, module: str) -> bool:
    return kind.__module__ == module or kind.__name__ not in (
        "PretrainedConfig",
        "PreTrainedConfig",
        "BackboneConfigMixin",
    )


def _words(name: str) -> list[str]:
    return re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+", name)


def of_class(kind: type, clock: Clock) -> Iterator[Guess]:
    """Instances of a configuration class, small ones first."""
    with suppress(Exception):
        for smaller in small.settings(kind(), is_configuration):
            yield Guess(smaller.text, lambda smaller=smaller: _settle(smaller.make()))  # type: ignore[misc]
    yield Guess(f"{kind.__name__}()", lambda: _settle(kind()))
    required = {
        name: _value(parameter)
        for name, parameter in _parameters(kind).items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    }
    if required:
        text = ", ".join(f"{name}={value.text}" for name, value in required.items())
        yield Guess(
            f"{kind.__name__}({text})", lambda: kind(**{name: value.make() for name, value in required.items()})
        )


def _value(parameter: inspect.Parameter) -> Guess:
    for found in guess.from_annotation(parameter.annotation, parameter.name):
        if isinstance(found, Guess):
            return found
    return next(guess.of_kind(guess.kind_of_name(parameter.name), parameter.name), guess.NONE)


def _parameters(kind: type) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(kind).parameters)
    except (ValueError, TypeError):
        return {}


def _settle(config: object) -> object:
    """Settings that a framework would make later: transformers picks the attention at its root."""
    if hasattr(config, "_attn_implementation"):
        with suppress(Exception):
            config._attn_implementation = "eager"
    return config


def set_field(target: object, field: str, value: object) -> None:
    """Set one setting; KeyError and AttributeError of odd objects are theirs."""
    if isinstance(target, dict):
        target[field] = value
    else:
        setattr(target, field, value)


class Permissive:
    """Settings made up as they are asked for: each attribute is a guess by its name, and stays the same."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        value = _made_up(name)
        object.__setattr__(self, name, value)
        return value

    def __getitem__(self, name: str) -> Any:
        return getattr(self, str(name))

    def __contains__(self, name: object) -> bool:
        return name in vars(self)

    def get(self, name: str, default: object = None) -> Any:
        return vars(self).get(name, default)

    def __iter__(self) -> Iterator[Any]:
        return iter(vars(self))


class PermissiveDict(dict[str, Any]):
    """A dict that makes up what it lacks."""

    def __missing__(self, name: str) -> Any:
        value = self[name] = _made_up(str(name))
        return value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]


def _made_up(name: str) -> Any:
    if name in ("device",):
        return torch.device("cpu")
    kind = guess.kind_of_name(name)
    if kind == "config":
        return Permissive()
    if kind == "activation":
        return "gelu"
    return next(guess.of_kind(kind, name), guess.constant(4)).make()

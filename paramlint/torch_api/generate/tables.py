"""Puts all tables together, and writes them in one stable order."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from typing import cast

import torch

from paramlint.torch_api.decode import Json
from paramlint.torch_api.generate import catalogue, functions, layers, names, tensors
from paramlint.torch_api.generate.measure import Measurement, aliases_of_operators, measure
from paramlint.torch_api.generate.signatures import Overload

BROAD_SECTIONS = ("layers", "functions", "methods", "initialisers", "module classes", "other classes")


def generate() -> dict[str, Json]:
    """All sections of ``torch.json``, from the installed torch."""
    warnings.simplefilter("ignore")
    plain = functions.with_handwritten(catalogue.functions(), is_method=False)
    of_tensors = functions.with_handwritten(catalogue.methods(), is_method=True)
    measured = measure({name: functions.without_facts(name, item) for name, item in {**plain, **of_tensors}.items()})
    return {
        "functions": function_entries(plain, measured),
        "methods": function_entries(of_tensors, measured),
        **cheap_sections([*plain]),
    }


def function_entries(
    overloads: Mapping[str, tuple[Overload, ...]], measured: Mapping[str, Measurement]
) -> dict[str, Json]:
    """The entries of these functions, with what the samples showed."""
    aliases = aliases_of_operators()
    return {name: functions.entry(name, items, measured, aliases) for name, items in overloads.items()}


def cheap_sections(function_names: list[str]) -> dict[str, Json]:
    """All sections but functions and methods: those that need no samples."""
    found = names.classes()
    modules, others = names.class_tables(found)
    in_place = [
        name
        for name in sorted(dir(torch.Tensor))
        if name.endswith("_") and not name.startswith("_") and callable(getattr(torch.Tensor, name))
    ]
    returning, raising = tensors.leaf_behaviour(in_place)
    distributions = sorted(name for name in found if name.startswith("torch.distributions."))
    return {
        "torch": torch.__version__.partition("+")[0],
        "layers": layers.entries(),
        "initialisers": tensors.initialisers(),
        "aliases": names.aliases(found, function_names),
        "module classes": modules,
        "other classes": others,
        "optimisers": _json(names.subclasses(found, torch.optim.Optimizer)),
        "distributions": _json(distributions),
        "tensor classes": _json([f"torch.{name}" for name in catalogue.LEGACY_CONSTRUCTORS]),
        "parameter classes": _json(names.subclasses(found, torch.nn.Parameter)),
        "buffer classes": ["torch.nn.Buffer", "torch.nn.UninitializedBuffer"],
        "module members": _json(names.module_members()),
        "module methods": _json(names.module_methods()),
        # copyreg leaves a note on classes whose instances were copied
        "tensor members": _json(sorted(set(dir(torch.Tensor)) - catalogue.OF_SIMULATED_DEVICE - {"__slotnames__"})),
        "parameter-returning methods": _json(returning),
        "raising on a leaf": _json(raising),
    }


def render(sections: dict[str, Json]) -> str:
    """The text of ``torch.json``: sections and their entries in order, one entry a line."""
    lines: list[str] = []
    for section in sorted(sections):
        value = sections[section]
        if section in BROAD_SECTIONS:
            entries = cast(dict[str, Json], value)
            body = ",\n".join(f"{_compact(name)}:{_compact(entries[name])}" for name in sorted(entries))
            lines.append(f"{_compact(section)}:{{\n{body}\n}}")
        else:
            lines.append(f"{_compact(section)}:{_compact(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _json(values: list[str]) -> list[Json]:
    return [*dict.fromkeys(values)]


def _compact(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)

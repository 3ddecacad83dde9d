"""The committed tables are what the generator makes of the installed torch."""

from __future__ import annotations

import importlib.util
import json
from importlib import metadata
from pathlib import Path

import pytest

from paramlint import torch_api
from paramlint.torch_api import lookup

COMMITTED = Path(lookup.__file__).with_name("torch.json")

# A sample of the operators: one of each way to ask for a device, and one of each rule for ranks.
SAMPLED = (
    "torch.add",
    "torch.matmul",
    "torch.cat",
    "torch.stack",
    "torch.where",
    "torch.gather",
    "torch.index_add",
    "torch.sum",
    "torch.max",
    "torch.unbind",
    "torch.nn.functional.linear",
    "torch.nn.functional.conv2d",
    "torch.nn.functional.embedding",
    "torch.nn.functional.layer_norm",
    "torch.nn.functional.mse_loss",
    "torch.Tensor.expand_as",
)


def _skip_without_the_same_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")
    installed = metadata.version("torch").partition("+")[0]
    if installed != torch_api.torch_version():
        pytest.skip(f"the tables are of torch {torch_api.torch_version()}, this is {installed}")


def _stored(section: str) -> object:
    return json.loads(COMMITTED.read_text(encoding="utf-8"))[section]


def test_sections_without_samples_are_up_to_date() -> None:
    _skip_without_the_same_torch()
    from paramlint.torch_api.generate.tables import cheap_sections

    fresh = json.loads(json.dumps(cheap_sections([*torch_api.functions])))
    for section, value in fresh.items():
        assert value == _stored(section), section


def test_file_is_written_in_the_generators_order() -> None:
    _skip_without_the_same_torch()
    from paramlint.torch_api.generate.tables import render

    text = COMMITTED.read_text(encoding="utf-8")
    assert render(json.loads(text)) == text


def test_sampled_operators_are_up_to_date() -> None:
    _skip_without_the_same_torch()
    if importlib.util.find_spec("expecttest") is None:
        pytest.skip("torch's operator samples need the package expecttest")
    from paramlint.torch_api.generate import catalogue, functions
    from paramlint.torch_api.generate.measure import measure
    from paramlint.torch_api.generate.tables import function_entries

    overloads = {
        **functions.with_handwritten(catalogue.functions(), is_method=False),
        **functions.with_handwritten(catalogue.methods(), is_method=True),
    }
    sampled = {name: overloads[name] for name in SAMPLED}
    measured = measure({name: functions.without_facts(name, item) for name, item in sampled.items()})
    stored = {**_section("functions"), **_section("methods")}
    for name, entry in json.loads(json.dumps(function_entries(sampled, measured))).items():
        assert entry == stored[name], name


def _section(name: str) -> dict[str, object]:
    section = _stored(name)
    assert isinstance(section, dict)
    return section


@pytest.mark.parametrize("table", ["functions", "methods"])
def test_no_function_is_added_or_lost(table: str) -> None:
    _skip_without_the_same_torch()
    from paramlint.torch_api.generate import catalogue, functions

    found = catalogue.methods() if table == "methods" else catalogue.functions()
    assert set(functions.with_handwritten(found, is_method=table == "methods")) == set(_section(table))


# What the constructors of layers ask for; all else has a default.
_SIZES = {"kernel_size": 2, "num_groups": 2, "num_heads": 2, "nhead": 2, "normalized_shape": 4, "cutoffs": [2]}


@pytest.mark.parametrize("name", sorted(set(torch_api.layers) - {"torch.nn.RNNBase", "torch.nn.RNNCellBase"}))
def test_layers_are_filled_by_their_own_method_as_told(name: str) -> None:
    """The method of a subclass is called by the constructor of the layer, or it is not."""
    module, _, bare = name.rpartition(".")
    kind = getattr(importlib.import_module(module), bare, None)
    methods = [method for method in ("reset_parameters", "_reset_parameters") if hasattr(kind, method)]
    layer = torch_api.layers[name]
    if kind is None or not methods or layer.is_lazy:
        assert torch_api.resets_by(name) is None
        return
    called: list[str] = []
    heir = type("Heir", (kind,), {methods[0]: lambda self: called.append(methods[0])})
    heir(**{item.name: _SIZES.get(item.name, 4) for item in layer.constructor if item.default is torch_api.REQUIRED})
    assert called[:1] == ([] if torch_api.resets_by(name) is None else [torch_api.resets_by(name)])

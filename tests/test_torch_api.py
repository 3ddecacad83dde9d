"""The tables of torch's API say what torch does, and are read without torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from paramlint import torch_api
from paramlint.torch_api import NOT_KNOWN, Call, Kind, ResultDevice, ResultRank, Returns, result_rank


def test_reading_the_tables_imports_no_torch() -> None:
    program = (
        "import sys; import paramlint.torch_api as api; api.functions['torch.zeros'];"
        "sys.exit(any(name.partition('.')[0] in ('torch', 'numpy') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_every_entry_decodes() -> None:
    assert len([*torch_api.functions.values()]) > 700
    assert len([*torch_api.methods.values()]) > 600
    assert len([*torch_api.layers.values()]) > 150
    assert len([*torch_api.initialisers.values()]) == 25


def test_places_that_must_share_a_device_are_parameters() -> None:
    for table in (torch_api.functions, torch_api.methods):
        for function in table.values():
            names = {name for overload in function.overloads for name in overload.parameters}
            assert function.strict <= function.same_device <= names, function.name


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("torch.zeros", Kind.FACTORY),
        ("torch.tril_indices", Kind.FACTORY),
        ("torch.hann_window", Kind.FACTORY),
        ("torch.FloatTensor", Kind.FACTORY),
        ("torch.from_numpy", Kind.FACTORY),
        ("torch.rand_like", Kind.LIKE),
        ("torch.cat", Kind.OPERATION),
        ("torch.nn.functional.linear", Kind.OPERATION),
        ("torch.reshape", Kind.VIEW),
        ("torch.unsqueeze", Kind.VIEW),
        ("torch.nn.init.normal_", Kind.IN_PLACE),
        ("torch.is_tensor", None),
        ("torch.numel", Kind.TO_PYTHON),
    ],
)
def test_kind_of_function(name: str, kind: Kind | None) -> None:
    function = torch_api.functions.get(name)
    assert (function and function.kind) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("new_zeros", Kind.LIKE),
        ("view", Kind.VIEW),
        ("expand", Kind.VIEW),
        ("detach", Kind.VIEW),
        ("T", Kind.VIEW),
        ("data", Kind.VIEW),
        ("add_", Kind.IN_PLACE),
        ("__iadd__", Kind.IN_PLACE),
        ("copy_", Kind.IN_PLACE),
        ("to", Kind.CONVERSION),
        ("type_as", Kind.CONVERSION),
        ("half", Kind.CONVERSION),
        ("item", Kind.TO_PYTHON),
        ("tolist", Kind.TO_PYTHON),
        ("numpy", Kind.TO_PYTHON),
        ("size", Kind.TO_PYTHON),
        ("shape", Kind.TO_PYTHON),
        ("dim", Kind.TO_PYTHON),
        ("__len__", Kind.TO_PYTHON),
        ("__add__", Kind.OPERATION),
        ("matmul", Kind.OPERATION),
    ],
)
def test_kind_of_method(name: str, kind: Kind) -> None:
    function = torch_api.method(name)
    assert function is not None
    assert function.kind is kind


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("torch.add", {"input", "other"}),
        ("torch.nn.functional.linear", {"input", "weight", "bias"}),
        ("torch.nn.functional.conv1d", {"input", "weight", "bias"}),
        ("torch.conv_transpose2d", {"input", "weight", "bias"}),
        ("torch.nn.functional.embedding", {"input", "weight"}),
        ("torch.nn.functional.layer_norm", {"input", "weight", "bias"}),
        ("torch.nn.functional.cross_entropy", {"input", "target", "weight"}),
        ("torch.bmm", {"input", "mat2"}),
        ("torch.cat", {"tensors"}),
        ("torch.stack", {"tensors"}),
        ("torch.einsum", {"operands"}),
        ("torch.meshgrid", {"tensors"}),
        ("torch.where", {"condition", "input", "other"}),
        ("torch.gather", {"input", "index"}),
        ("torch.scatter", {"input", "index", "src"}),
        ("torch.index_select", {"input", "index"}),
        ("torch.searchsorted", {"sorted_sequence", "input", "sorter"}),
        ("torch.masked_fill", {"input", "mask"}),
        ("torch.index_put", {"input", "values"}),
        ("torch.nn.functional.ctc_loss", set()),
        ("torch.multinomial", set()),
        ("torch.zeros_like", set()),
        ("torch.relu", set()),
        ("torch.broadcast_tensors", set()),
        ("torch.linalg.solve", {"A", "B"}),
        ("torch.Tensor.__add__", {"self", "other"}),
        ("torch.Tensor.__pow__", {"self", "other"}),
        ("torch.Tensor.mul_", {"self", "other"}),
        ("torch.Tensor.masked_fill_", {"self", "mask"}),
        ("torch.Tensor.scatter_add_", {"self", "index", "src"}),
        ("torch.Tensor.expand_as", set()),
        ("torch.Tensor.copy_", set()),
        ("torch.Tensor.type_as", set()),
        ("torch.Tensor.to", set()),
    ],
)
def test_places_that_must_share_a_device(name: str, places: set[str]) -> None:
    table = torch_api.methods if name.startswith("torch.Tensor.") else torch_api.functions
    assert table[name].same_device == places


@pytest.mark.parametrize(
    ("name", "arguments", "keywords", "places", "returns"),
    [
        ("torch.max", (True,), (), ("input",), Returns.TENSOR),
        ("torch.max", (True, False), (), ("input", "dim"), Returns.TUPLE),
        ("torch.max", (True,), ("dim",), ("input",), Returns.TUPLE),
        ("torch.max", (True, True), (), ("input", "other"), Returns.TENSOR),
        ("torch.max", (True, None), (), ("input", "other"), Returns.VARIES),
        ("torch.zeros", (False, False), (), ("size", "size"), Returns.TENSOR),
        ("torch.einsum", (False, True, True), (), ("equation", "operands", "operands"), Returns.TENSOR),
        ("torch.where", (True, True, False), (), ("condition", "input", "other"), Returns.TENSOR),
        ("torch.where", (True,), (), ("condition",), Returns.TUPLE),
        ("torch.Tensor.view", (True, False, False), (), ("self", "size", "size"), Returns.TENSOR),
        ("torch.Tensor.to", (True, True), (), ("self", "other"), Returns.TENSOR),
        ("torch.Tensor.type", (True,), (), ("self",), Returns.PYTHON),
        ("torch.Tensor.type", (True, False), (), ("self", "dtype"), Returns.TENSOR),
    ],
)
def test_binding(
    name: str,
    arguments: tuple[bool | None, ...],
    keywords: tuple[str, ...],
    places: tuple[str, ...],
    returns: Returns,
) -> None:
    table = torch_api.methods if name.startswith("torch.Tensor.") else torch_api.functions
    bound = table[name].bind(arguments, keywords)
    assert bound is not None
    assert bound.places == places
    assert bound.signature.returns is returns


def test_a_call_that_no_overload_takes_is_not_bound() -> None:
    assert torch_api.functions["torch.relu"].bind((True, True)) is None
    assert torch_api.functions["torch.relu"].bind((True,), ("unheard_of",)) is None


@pytest.mark.parametrize(
    ("name", "is_random", "is_uninitialised", "is_integer"),
    [
        ("torch.empty", False, True, False),
        ("torch.Tensor", False, True, False),
        ("torch.LongTensor", False, True, True),
        ("torch.randn", True, False, False),
        ("torch.randint", True, False, True),
        ("torch.randperm", True, False, True),
        ("torch.arange", False, False, None),
        ("torch.tril_indices", False, False, True),
        ("torch.zeros", False, False, False),
        ("torch.argmax", False, False, True),
        ("torch.eq", False, False, True),
        ("torch.nn.functional.dropout", True, False, None),
        ("torch.nn.functional.linear", False, False, None),
    ],
)
def test_values(name: str, is_random: bool, is_uninitialised: bool, is_integer: bool | None) -> None:
    function = torch_api.functions[name]
    assert (function.is_random, function.is_uninitialised, function.is_integer) == (
        is_random,
        is_uninitialised,
        is_integer,
    )


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("torch.zeros", ResultDevice.DEFAULT),
        ("torch.tensor", ResultDevice.DATA),
        ("torch.zeros_like", ResultDevice.FIRST),
        ("torch.add", ResultDevice.OPERANDS),
        ("torch.Tensor.to", ResultDevice.ARGUMENT),
        ("torch.Tensor.cuda", ResultDevice.ACCELERATOR),
        ("torch.Tensor.cpu", ResultDevice.CPU),
        ("torch.Tensor.float", ResultDevice.FIRST),
    ],
)
def test_device_of_the_result(name: str, device: ResultDevice) -> None:
    table = torch_api.methods if name.startswith("torch.Tensor.") else torch_api.functions
    assert table[name].result_device is device


@pytest.mark.parametrize(
    ("rule", "call", "rank"),
    [
        (ResultRank.SAME, Call((2,), (), {}, ()), 2),
        (ResultRank.BROADCAST, Call((0, 3), (), {}, ()), 3),
        (ResultRank.BROADCAST, Call((0, None), (), {}, ()), None),
        (ResultRank.MATMUL, Call((1, 1), (), {}, ()), 0),
        (ResultRank.MATMUL, Call((3, 1), (), {}, ()), 2),
        (ResultRank.MATMUL, Call((4, 2), (), {}, ()), 4),
        (ResultRank.REDUCTION, Call((None,), (), {}, ()), 0),
        (ResultRank.REDUCTION, Call((3,), (), {"dim": 1}, ()), 2),
        (ResultRank.REDUCTION, Call((3,), (), {"dim": (0, 1)}, ()), 1),
        (ResultRank.REDUCTION, Call((3,), (), {"dim": 1, "keepdim": True}, ()), 3),
        (ResultRank.REDUCTION, Call((3,), (), {"dim": NOT_KNOWN}, ()), None),
        (ResultRank.REDUCTION, Call((3,), (), {"dim": 1, "keepdim": NOT_KNOWN}, ()), None),
        (ResultRank.SIZE, Call((), (), {}, (2, NOT_KNOWN)), 2),
        (ResultRank.SIZE, Call((), (), {}, ((2, 3, 4),)), 3),
        (ResultRank.SIZE, Call((), (), {}, (5,)), 1),
        (ResultRank.SIZE, Call((), (), {}, (NOT_KNOWN,)), None),
        (ResultRank.STACK, Call((), (2, None), {}, ()), 3),
        (ResultRank.ELEMENT, Call((), (2, 2), {}, ()), 2),
        (ResultRank.FLATTEN, Call((4,), (), {"start_dim": 1}, ()), 2),
        (ResultRank.FLATTEN, Call((4,), (), {}, ()), 1),
        (ResultRank.LOSS, Call((2, 1), (), {}, ()), 0),
        (ResultRank.LOSS, Call((2, 1), (), {"reduction": "none"}, ()), None),
        (ResultRank.UNKNOWN, Call((2,), (), {}, ()), None),
    ],
)
def test_rank_of_the_result(rule: ResultRank, call: Call, rank: int | None) -> None:
    assert result_rank(rule, call) == rank


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("torch.add", ResultRank.BROADCAST),
        ("torch.matmul", ResultRank.MATMUL),
        ("torch.sum", ResultRank.REDUCTION),
        ("torch.cat", ResultRank.ELEMENT),
        ("torch.stack", ResultRank.STACK),
        ("torch.unsqueeze", ResultRank.PLUS_ONE),
        ("torch.unbind", ResultRank.MINUS_ONE),
        ("torch.zeros", ResultRank.SIZE),
        ("torch.arange", ResultRank.ONE),
        ("torch.eye", ResultRank.TWO),
        ("torch.nn.functional.mse_loss", ResultRank.LOSS),
        ("torch.Tensor.view", ResultRank.SIZE),
        ("torch.Tensor.__matmul__", ResultRank.MATMUL),
        ("torch.Tensor.float", ResultRank.SAME),
        ("torch.squeeze", ResultRank.UNKNOWN),
    ],
)
def test_rule_for_the_rank(name: str, rule: ResultRank) -> None:
    table = torch_api.methods if name.startswith("torch.Tensor.") else torch_api.functions
    assert table[name].result_rank is rule


@pytest.mark.parametrize(
    ("name", "parameters", "buffers"),
    [
        ("Linear", {"weight": (), "bias": (("bias", False),)}, {}),
        ("LayerNorm", {"weight": (("elementwise_affine", False),)}, {}),
        ("CrossEntropyLoss", {}, {"weight": (("weight", None),)}),
        ("LSTM", {"weight_ih_l0": (), "bias_hh_l0": (("bias", False),)}, {}),
        ("BatchNorm2d", {"weight": (("affine", False),)}, {"running_mean": (("track_running_stats", False),)}),
        ("MultiheadAttention", {"bias_k": (("add_bias_kv", False),)}, {}),
    ],
)
def test_slots_of_layers(
    name: str,
    parameters: dict[str, tuple[tuple[str, bool | None], ...]],
    buffers: dict[str, tuple[tuple[str, bool | None], ...]],
) -> None:
    layer = torch_api.layers[f"torch.nn.{name}"]
    assert parameters.items() <= {slot.name: slot.absent_when for slot in layer.parameters}.items()
    assert buffers.items() <= {slot.name: slot.absent_when for slot in layer.buffers}.items()


def test_traits_of_layers() -> None:
    layers = torch_api.layers
    assert layers["torch.nn.ReLU"].is_stateless
    assert layers["torch.nn.Dropout"].depends_on_training
    assert not layers["torch.nn.Dropout"].is_stateless
    assert layers["torch.nn.LazyLinear"].is_lazy
    assert layers["torch.nn.ModuleList"].is_container
    assert layers["torch.nn.MSELoss"].is_loss
    assert layers["torch.nn.GRU"].returns_tuple
    assert layers["torch.nn.Embedding"].preserves_rank is False
    assert layers["torch.nn.Linear"].preserves_rank
    assert layers["torch.nn.TransformerEncoder"].depends_on_training


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("torch.nn.modules.linear.Linear", "torch.nn.Linear"),
        ("torch.nn.modules.Linear", "torch.nn.Linear"),
        ("torch.nn.modules.module.Module", "torch.nn.Module"),
        ("torch.nn.parameter.Parameter", "torch.nn.Parameter"),
        ("torch.nn.parameter.Buffer", "torch.nn.Buffer"),
        ("torch.nn.modules.container.Sequential.append", "torch.nn.Sequential.append"),
        ("torch._tensor.Tensor", "torch.Tensor"),
        ("torch.functional.einsum", "torch.einsum"),
        ("torch.optim.adam.Adam", "torch.optim.Adam"),
        ("torch.distributions.normal.Normal", "torch.distributions.Normal"),
        ("torch.nn.Linear", "torch.nn.Linear"),
        ("elsewhere.Linear", "elsewhere.Linear"),
    ],
)
def test_canonical_names(spelling: str, name: str) -> None:
    assert torch_api.canonical(spelling) == name


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("torch.nn.Module", True),
        ("torch.nn.modules.batchnorm._BatchNorm", True),
        ("torch.nn.modules.loss._Loss", True),
        ("torch.jit.ScriptModule", True),
        ("pytorch_lightning.LightningModule", True),
        ("torch.nn.modules.lazy.LazyModuleMixin", False),
        ("torch.nn.Parameter", False),
        ("torch.utils.data.Dataset", False),
        ("abc.ABC", False),
        ("somewhere.Else", None),
    ],
)
def test_module_classes(name: str, answer: bool | None) -> None:
    assert torch_api.is_module_class(name) is answer


@pytest.mark.parametrize(
    ("class_name", "attribute", "answer"),
    [
        ("torch.nn.Module", "register_buffer", True),
        ("torch.nn.Module", "training", True),
        ("torch.nn.Module", "_parameters", True),
        ("torch.nn.Module", "__init__", True),
        ("torch.nn.Module", "init_weights", False),
        ("torch.nn.Linear", "reset_parameters", True),
        ("torch.nn.Linear", "weight", True),
        ("torch.nn.Linear", "in_features", True),
        ("torch.nn.Linear", "init_weights", False),
        ("torch.nn.DataParallel", "whatever", None),
        ("torch.nn.modules.lazy.LazyModuleMixin", "initialize_parameters", True),
        ("torch.utils.data.Dataset", "__init__", False),
        ("abc.ABC", "__init__", False),
        ("abc.ABC", "init_weights", False),
        ("torch.Tensor", "normal_", True),
        ("pytorch_lightning.LightningModule", "parameters", True),
        ("pytorch_lightning.LightningModule", "log_dict", None),
        ("somewhere.Else", "anything", None),
    ],
)
def test_members(class_name: str, attribute: str, answer: bool | None) -> None:
    assert torch_api.external_member(class_name, attribute) is answer


def test_method_resolution_order() -> None:
    assert torch_api.class_mro("torch.nn.modules.conv.Conv2d") == (
        "torch.nn.Conv2d",
        "torch.nn.modules.conv._ConvNd",
        "torch.nn.Module",
        "object",
    )
    assert torch_api.class_mro("somewhere.Else") is None


def test_in_place_methods_on_a_leaf() -> None:
    assert {"requires_grad_", "detach_"} <= torch_api.parameter_returning_methods()
    assert {"normal_", "mul_", "zero_", "copy_", "clamp_", "t_"} <= torch_api.raises_on_leaf()
    assert not torch_api.raises_on_leaf() & torch_api.parameter_returning_methods()


def test_deprecated_initialisers_write_in_place_too() -> None:
    normal = torch_api.initialisers["torch.nn.init.normal"]
    assert normal.is_deprecated
    assert normal.is_in_place
    assert normal.returns_argument


@pytest.mark.parametrize(
    ("base_moves", "index_moves", "clashes"),
    [(True, False, False), (False, True, True), (True, True, False), (False, False, False)],
    ids=["moving[pinned]", "pinned[moving]", "moving[moving]", "pinned[pinned]"],
)
def test_reading_by_index(base_moves: bool, index_moves: bool, clashes: bool) -> None:
    assert torch_api.reading_clashes(base_moves, index_moves) is clashes


@pytest.mark.parametrize(
    ("base_moves", "index_moves", "value_moves", "clashes"),
    [(True, None, False, False), (True, True, False, True), (False, True, True, True), (True, False, True, False)],
    ids=["moving[1] = pinned", "moving[moving] = pinned", "pinned[moving] = moving", "moving[pinned] = moving"],
)
def test_writing_by_index(base_moves: bool, index_moves: bool | None, value_moves: bool | None, clashes: bool) -> None:
    assert torch_api.writing_clashes(base_moves, index_moves, value_moves) is clashes

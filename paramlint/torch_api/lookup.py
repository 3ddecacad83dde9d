"""The accessors over ``torch.json``: loaded at first use, decoded entry by entry."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TypeVar, cast

from paramlint.torch_api import decode, frameworks
from paramlint.torch_api.decode import Json
from paramlint.torch_api.tables import Function, Initialiser, Layer

Entry = TypeVar("Entry")

MODULE = "torch.nn.Module"
TENSOR = "torch.Tensor"


@cache
def _data() -> dict[str, Json]:
    text = Path(__file__).with_name("torch.json").read_text(encoding="utf-8")
    return cast(dict[str, Json], json.loads(text))


@cache
def _section(name: str) -> dict[str, Json]:
    return cast(dict[str, Json], _data()[name])


@cache
def _names(name: str) -> frozenset[str]:
    return frozenset(cast(list[str], _data()[name]))


class Table(Mapping[str, Entry]):
    """A read-only mapping from canonical names to records, which decodes a record when it is first asked for."""

    def __init__(self, section: str, decoder: Callable[[str, Json], Entry]) -> None:
        self._section = section
        self._decoded = cache(lambda name: decoder(name, _section(section)[name]))

    def __getitem__(self, name: str) -> Entry:
        return self._decoded(name)

    def __contains__(self, name: object) -> bool:
        return name in _section(self._section)

    def __iter__(self) -> Iterator[str]:
        return iter(_section(self._section))

    def __len__(self) -> int:
        return len(_section(self._section))


layers: Mapping[str, Layer] = Table("layers", decode.layer)
"""The module classes of ``torch.nn`` by canonical name: ``torch.nn.Linear``."""

functions: Mapping[str, Function] = Table("functions", decode.function)
"""Functions by canonical name: ``torch.zeros``, ``torch.nn.functional.linear``, ``torch.linalg.norm``."""

methods: Mapping[str, Function] = Table("methods", decode.function)
"""Methods, properties and operators of tensors by canonical name: ``torch.Tensor.view``, ``torch.Tensor.__add__``."""

initialisers: Mapping[str, Initialiser] = Table("initialisers", decode.initialiser)
"""The functions of ``torch.nn.init`` by canonical name, deprecated spellings included."""


def torch_version() -> str:
    """The version of torch that the tables were made from."""
    return cast(str, _data()["torch"])


def method(name: str) -> Function | None:
    """The method of ``torch.Tensor`` of that bare name (``view``), None where there is none."""
    return methods.get(f"{TENSOR}.{name}")


def losses() -> frozenset[str]:
    """Canonical names of the loss modules: ``torch.nn.MSELoss``."""
    return frozenset(name for name, layer in layers.items() if layer.is_loss)


def stateless_layers() -> frozenset[str]:
    """Canonical names of the layers that hold no state and do the same in training and evaluation."""
    return frozenset(name for name, layer in layers.items() if layer.is_stateless)


def optimisers() -> frozenset[str]:
    """Canonical names of the optimiser classes, ``torch.optim.Optimizer`` itself included."""
    return _names("optimisers")


def distributions() -> frozenset[str]:
    """Canonical names of the classes of ``torch.distributions``, which hold tensors legitimately."""
    return _names("distributions")


def tensor_classes() -> frozenset[str]:
    """Canonical names of ``torch.Tensor`` and the legacy constructors ``torch.FloatTensor`` and so on."""
    return _names("tensor classes")


def parameter_classes() -> frozenset[str]:
    """Canonical names of the classes whose instances register as parameters."""
    return _names("parameter classes")


def buffer_classes() -> frozenset[str]:
    """Canonical names of the classes whose instances register as buffers."""
    return _names("buffer classes")


@cache
def layer_words() -> frozenset[str]:
    """The last parts of the names of ``layers``."""
    return frozenset(name.rsplit(".", 1)[-1] for name in layers)


def is_initialiser(name: str) -> bool:
    """Whether ``torch.nn.init`` has a function of that name, be it one that torch has deprecated (``uniform``)."""
    return f"torch.nn.init.{name}" in initialisers


@cache
def state_words() -> frozenset[str]:
    """The names under which torch's layers register parameters and buffers of their own."""
    return frozenset(slot.name for layer in layers.values() for slot in (*layer.parameters, *layer.buffers))


@cache
def distribution_words() -> frozenset[str]:
    """The last parts of the names of ``distributions``."""
    return frozenset(name.rsplit(".", 1)[-1] for name in distributions())


# What torch.nn's documentation calls an int, of the sizes that its constructors ask for.
_COUNTS = frozenset(
    {
        *("in_features", "out_features", "in1_features", "in2_features", "in_channels", "out_channels"),
        *("num_features", "num_channels", "num_groups", "num_embeddings", "embedding_dim", "num_parameters"),
        *("input_size", "hidden_size", "embed_dim", "num_heads", "d_model", "nhead", "dim_feedforward"),
    }
)


@cache
def counts(layer: str) -> Mapping[str, int]:
    """The parameters of a layer's constructor that are whole numbers, with their positions; none where it is not known."""
    known = layers.get(layer)
    parameters = () if known is None else known.constructor
    return {parameter.name: place for place, parameter in enumerate(parameters) if parameter.name in _COUNTS}


# Their method is there for whoever calls it: torch/nn/modules/adaptive.py, rnn.py.
_FILLED_BY_PARTS = frozenset({"torch.nn.AdaptiveLogSoftmaxWithLoss", "torch.nn.RNNCellBase"})


@cache
def resets_by(layer: str) -> str | None:
    """The method that a layer's constructor calls last, to fill the parameters that it has made; None where it calls none.

    Those that wait for their first input call it then.
    """
    known = layers.get(layer)
    if known is None or known.is_lazy or layer in _FILLED_BY_PARTS:
        return None
    own = (name for name in ("reset_parameters", "_reset_parameters") if external_member(layer, name))
    return next(own, None)


def module_members() -> frozenset[str]:
    """``dir(torch.nn.Module())``: class members and the attributes that its constructor sets."""
    return _names("module members")


def module_methods() -> frozenset[str]:
    """Those of ``module_members`` that are methods."""
    return _names("module methods")


def tensor_members() -> frozenset[str]:
    """``dir(torch.Tensor)``."""
    return _names("tensor members")


def parameter_returning_methods() -> frozenset[str]:
    """Methods of tensors that return the very Parameter they are called on, without raising (``requires_grad_``)."""
    return _names("parameter-returning methods")


def raises_on_leaf() -> frozenset[str]:
    """In-place methods that raise on a leaf that requires gradients, outside ``no_grad`` (``normal_``, ``mul_``)."""
    return _names("raising on a leaf")


@cache
def canonical(name: str) -> str:
    """The one spelling that the tables use; names that they do not know come back as they are.

    ``torch.nn.modules.linear.Linear`` is ``torch.nn.Linear``, ``torch.autograd.Variable`` stays (see ``functions``).
    Members follow their class: ``torch.nn.modules.linear.Linear.forward`` is ``torch.nn.Linear.forward``.
    """
    aliases = cast(dict[str, str], _section("aliases"))
    head, rest = name, ""
    while head:
        if head in aliases:
            return aliases[head] + rest
        head, dot, last = head.rpartition(".")
        rest = dot + last + rest
    return name


def is_module_class(name: str) -> bool | None:
    """Whether that class is ``torch.nn.Module`` or inherits from it; None for names the tables do not know."""
    name = canonical(name)
    if name in _section("module classes") or name in frameworks.MODULE_CLASSES:
        return True
    if name in _section("other classes") or name in frameworks.PLAIN_CLASSES:
        return False
    return None


def class_mro(name: str) -> tuple[str, ...] | None:
    """The method resolution order of a class of torch, itself first and ``object`` last; None for unknown classes."""
    name = canonical(name)
    if name == "object":
        return ("object",)
    if name in frameworks.PLAIN_CLASSES:
        return (name, "object")
    entry = _class(name)
    return None if entry is None else (name, *entry[0], "object")


def external_member(class_name: str, attribute: str) -> bool | None:
    """Whether an instance of that class has that attribute right after construction, by more than ``object`` gives it.

    True for class members, inherited ones too, and for what the constructor sets. None for classes the tables do not
    know (well), where they cannot answer.
    """
    class_name = canonical(class_name)
    if class_name == "object":
        return attribute in dir(object)
    if class_name in frameworks.PLAIN_CLASSES:
        return False if attribute.startswith("__") or class_name in frameworks.EMPTY_CLASSES else None
    is_module = is_module_class(class_name)
    if is_module and attribute in module_members():
        return True
    entry = _class(class_name)
    if entry is None:
        return None
    _, members, is_complete = entry
    if attribute in members or (TENSOR in (class_name, *entry[0]) and attribute in tensor_members()):
        return True
    return False if is_complete else None


def constructor_runs_module_init(name: str) -> bool | None:
    """Whether that class's own constructor runs ``torch.nn.Module.__init__``; None for classes not known."""
    return is_module_class(name)


def _class(name: str) -> tuple[list[str], list[str], bool] | None:
    for section in ("module classes", "other classes"):
        if name in _section(section):
            return cast(tuple[list[str], list[str], bool], _section(section)[name])
    return None


def reading_clashes(base_moves: bool, index_moves: bool) -> bool:
    """Whether ``base[index]`` raises, of two tensors of which some follow the model and the others stay on the CPU.

    torch takes an index on the CPU for a tensor anywhere; the reverse raises "indices should be either on cpu or on
    the same device as the indexed tensor" (aten/src/ATen/native/TensorAdvancedIndexingUtils.h).
    """
    return index_moves and not base_moves


def writing_clashes(base_moves: bool, index_moves: bool | None, value_moves: bool | None) -> bool:
    """Whether ``base[index] = value`` raises; None for an index or value that is no tensor (or a 0-dim value).

    Without a tensor among the indices it is a copy, which crosses devices; with one it is ``index_put_``, which asks
    that value and base share a device.
    """
    if index_moves is None:
        return False
    if index_moves and not base_moves:
        return True
    return value_moves is not None and value_moves is not base_moves

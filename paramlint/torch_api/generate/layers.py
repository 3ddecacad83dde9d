"""Constructs each module class of ``torch.nn``, to learn what it registers and when."""

from __future__ import annotations

import inspect
import pkgutil
import re
import warnings
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from paramlint.torch_api.decode import Json

# Arguments for parameters without defaults, by the parameter's name.
ARGUMENTS: dict[str, object] = {
    "in_features": 4,
    "out_features": 6,
    "in_channels": 4,
    "out_channels": 8,
    "in1_features": 4,
    "in2_features": 6,
    "kernel_size": 3,
    "num_features": 4,
    "num_channels": 4,
    "num_groups": 2,
    "num_embeddings": 10,
    "embedding_dim": 4,
    "embed_dim": 4,
    "num_heads": 2,
    "d_model": 4,
    "nhead": 2,
    "input_size": 4,
    "hidden_size": 6,
    "normalized_shape": 4,
    "n_classes": 10,
    "cutoffs": [4],
    "size": 3,
    "padding": 1,
    "output_size": 2,
    "upscale_factor": 2,
    "downscale_factor": 2,
    "groups": 2,
    "threshold": 0.1,
    "value": 0.5,
    "lambd": 0.5,
    "dim": 1,
    "unflattened_size": (2, 2),
    "num_layers": 2,
    "num_parameters": 1,
    "mode": "LSTM",
    "norm_type": 2,
    "num_classes": 10,
    "output_ratio": 0.5,
    "nonlinearity": "tanh",
}
# Given although there is a default, which makes a large model.
SMALL: dict[str, object] = {
    "d_model": 4,
    "nhead": 2,
    "dim_feedforward": 8,
    "num_encoder_layers": 1,
    "num_decoder_layers": 1,
}
FLAGS = (
    "bias",
    "affine",
    "elementwise_affine",
    "track_running_stats",
    "add_bias_kv",
    "head_bias",
    "add_bias_k",
    "bidirectional",
)
ABSTRACT = frozenset({"Module", "Container", "RNNBase", "RNNCellBase"})
# Their constructors take *args and **kwargs, which they hand to RNNBase with the mode before them.
RECURRENT = ("LSTM", "GRU", "RNN")
CONTAINERS = frozenset({"Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict"})
RETURNS_TUPLE = frozenset(
    {"LSTM", "GRU", "RNN", "RNNBase", "LSTMCell", "MultiheadAttention", "AdaptiveLogSoftmaxWithLoss"}
)
# Their results are of another rank than their input; for the others see PRESERVING.
CHANGES_RANK = frozenset({"Flatten", "Unflatten", "Embedding", "EmbeddingBag", "Fold", "Unfold"})
PRESERVING = re.compile(
    r"(?:Lazy)?(?:Linear|Identity|NonDynamicallyQuantizableLinear|Conv|BatchNorm|InstanceNorm|LayerNorm|GroupNorm|RMSNorm"
    r"|SyncBatchNorm|LocalResponseNorm|CrossMapLRN2d|\w*Dropout|\w*Pad\dd|\w*Pool\dd|\w*Unpool\dd|Upsampling|Upsample"
    r"|Pixel|ChannelShuffle|Transformer|RNNCell|GRUCell"
    r"|ReLU|RReLU|LeakyReLU|PReLU|CELU|SELU|GELU|GLU|ELU|SiLU|Mish|Hard|Sigmoid|LogSigmoid|Soft|Tanh|Threshold|LogSoftmax)"
)
# CTCLoss copies targets and lengths where it needs them; masks of MultiheadAttention meet its weights. The stacks look at
# a mask where it is, and drop it where it only hides what comes later.
NOT_SAME_DEVICE = {
    "torch.nn.CTCLoss": ("targets", "input_lengths", "target_lengths"),
    "torch.nn.Transformer": ("src_mask", "tgt_mask"),
    "torch.nn.TransformerDecoder": ("tgt_mask",),
    "torch.nn.TransformerEncoder": ("mask",),
}
NOT_TENSORS = frozenset(
    {
        "output_size",
        "need_weights",
        "average_attn_weights",
        "is_causal",
        "tgt_is_causal",
        "memory_is_causal",
        "src_is_causal",
        "args",
        "kwargs",
    }
)


def entries() -> dict[str, Json]:
    """The entries of all layers for ``torch.json``, by canonical name, and of their private bases that can be built."""
    found = {f"torch.nn.{name}": _entry(name, layer) for name, layer in _classes()}
    for name, layer in _private_bases():
        found[f"{layer.__module__}.{name}"] = _entry(name, layer)
    return found


def _classes() -> Iterator[tuple[str, type[nn.Module]]]:
    for name in sorted(dir(nn)):
        value = getattr(nn, name)
        if inspect.isclass(value) and issubclass(value, nn.Module):
            yield name, value


def _private_bases() -> Iterator[tuple[str, type[nn.Module]]]:
    """``_BatchNorm``, ``_Loss`` and the like: people inherit from them."""
    for module in pkgutil.iter_modules(nn.modules.__path__, "torch.nn.modules."):
        for name, value in sorted(vars(import_module(module.name)).items()):
            is_own = name.startswith("_") and inspect.isclass(value) and value.__module__ == module.name
            if is_own and issubclass(value, nn.Module) and construct(value, {}) is not None:
                yield name, value


def _entry(name: str, layer: type[nn.Module]) -> Json:
    parameters = _constructor(layer)
    instance = construct(layer, {})
    forward = _forward_names(layer)
    children: list[Json] = [*sorted(instance._modules)] if instance is not None else []
    return {
        "constructor": [_constructor_parameter(item) for item in parameters],
        "parameters": [*_slots(layer, parameters, "_parameters")],
        "buffers": [*_slots(layer, parameters, "_buffers")],
        "children": children,
        "forward": [*forward],
        "same_device": [*_same_device(name, forward)],
        "flags": [*_flags(name, layer, instance)],
        "preserves_rank": _preserves_rank(name),
    }


def construct(layer: type[nn.Module], given: dict[str, object]) -> nn.Module | None:
    """An instance with small arguments; None where the class cannot be built from such."""
    arguments: dict[str, Any] = {}
    for item in _constructor(layer):
        if item.kind in (item.VAR_POSITIONAL, item.VAR_KEYWORD):
            continue
        if item.name in given:
            arguments[item.name] = given[item.name]
        elif item.name in SMALL:
            arguments[item.name] = SMALL[item.name]
        elif item.default is item.empty and item.name in ARGUMENTS:
            arguments[item.name] = ARGUMENTS[item.name]
        elif item.name == "encoder_layer":
            arguments[item.name] = nn.TransformerEncoderLayer(4, 2)
        elif item.name == "decoder_layer":
            arguments[item.name] = nn.TransformerDecoderLayer(4, 2)
    if "FractionalMaxPool" in layer.__name__:
        arguments["output_size"] = 2
    if layer is nn.Unflatten:
        arguments["dim"] = 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return layer(**arguments)
    except (TypeError, ValueError, NotImplementedError, AssertionError, RuntimeError):
        return None


def _constructor(layer: type[nn.Module]) -> list[inspect.Parameter]:
    if layer.__name__ not in RECURRENT:
        return list(inspect.signature(layer.__init__).parameters.values())[1:]
    parameters = list(inspect.signature(nn.RNNBase.__init__).parameters.values())[2:]
    if layer is nn.RNN:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters.insert(3, inspect.Parameter("nonlinearity", kind, default="tanh"))
    return parameters


def _constructor_parameter(item: inspect.Parameter) -> list[Json]:
    if item.kind is item.VAR_POSITIONAL:
        return [f"*{item.name}", "required"]
    if item.kind is item.VAR_KEYWORD:
        return [f"**{item.name}", "required"]
    keyword: list[Json] = ["keyword"] if item.kind is item.KEYWORD_ONLY else []
    if item.default is item.empty:
        return [item.name, "required", *keyword]
    if item.default is None or isinstance(item.default, (bool, int, float, str)):
        return [item.name, "constant", item.default, *keyword]
    if isinstance(item.default, tuple) and all(isinstance(part, (bool, int, float, str)) for part in item.default):
        return [item.name, "constant", [*item.default], *keyword]
    return [item.name, "computed", *keyword]


def _slots(layer: type[nn.Module], parameters: list[inspect.Parameter], kind: str) -> Iterator[Json]:
    """The slots of one kind, from an instance built by defaults and one for each flag turned over."""
    plain = construct(layer, {})
    if plain is None:
        return
    variants: list[tuple[str, bool, nn.Module]] = []
    for item in parameters:
        if item.name in FLAGS and isinstance(item.default, bool):
            for value in (True, False):
                built = construct(layer, {item.name: value})
                if built is not None:
                    variants.append((item.name, value, built))
    names = dict.fromkeys([*getattr(plain, kind), *(name for _, _, built in variants for name in getattr(built, kind))])
    for name in names:
        yield _slot(name, kind, plain, variants)


def _slot(name: str, kind: str, plain: nn.Module, variants: list[tuple[str, bool, nn.Module]]) -> Json:
    holders = [plain, *(built for _, _, built in variants)]
    tensors = [getattr(holder, kind).get(name) for holder in holders]
    present = [tensor for tensor in tensors if tensor is not None]
    ranks = {tensor.dim() for tensor in present if not is_lazy(tensor)}
    absent_when: list[Json] = []
    for flag, value, built in variants:
        if getattr(built, kind).get(name) is None and _is_decided_by(flag, value, name, kind, variants):
            absent_when.append([flag, value])
    if _is_given(plain, name) and getattr(plain, kind).get(name) is None:
        absent_when.append([name, None])
    is_there = getattr(plain, kind).get(name) is not None
    is_non_persistent = any(name in holder._non_persistent_buffers_set for holder in holders)
    return {
        "name": name,
        "rank": ranks.pop() if len(ranks) == 1 else None,
        "absent_when": absent_when,
        "persistent": not is_non_persistent,
        "uncertain": not is_there and not absent_when,
    }


def _is_given(plain: nn.Module, name: str) -> bool:
    """Whether the slot holds what the constructor is given under the same name, None by default (losses' weight)."""
    return any(item.name == name and item.default is None for item in _constructor(type(plain)))


def _is_decided_by(flag: str, value: bool, name: str, kind: str, variants: list[tuple[str, bool, nn.Module]]) -> bool:
    """Whether the other value of the flag brings the slot back, all else at its default."""
    return any(
        other == flag and turned is not value and getattr(built, kind).get(name) is not None
        for other, turned, built in variants
    )


def _forward_names(layer: type[nn.Module]) -> tuple[str, ...]:
    parameters = list(inspect.signature(layer.forward).parameters.values())
    return tuple(item.name for item in parameters if item.name != "self" and item.kind is item.POSITIONAL_OR_KEYWORD)


def _same_device(name: str, forward: tuple[str, ...]) -> Iterator[str]:
    exempt = NOT_SAME_DEVICE.get(f"torch.nn.{name}", ())
    for item in forward:
        if item not in exempt and item not in NOT_TENSORS:
            yield item


def _flags(name: str, layer: type[nn.Module], instance: nn.Module | None) -> Iterator[str]:
    has_state = instance is not None and any((instance._parameters, instance._buffers, instance._modules))
    depends = any(_depends_on_training(item) for item in (layer, *map(type, instance.modules() if instance else ())))
    if instance is not None and not has_state and not depends and name not in CONTAINERS | ABSTRACT:
        yield "stateless"
    if depends:
        yield "training"
    if issubclass(layer, nn.modules.lazy.LazyModuleMixin):
        yield "lazy"
    if name in CONTAINERS:
        yield "container"
    if layer.__module__ == "torch.nn.modules.loss" or name.endswith("Loss"):
        yield "loss"
    if name in ABSTRACT:
        yield "abstract"
    if name in RETURNS_TUPLE:
        yield "tuple"


def _depends_on_training(layer: type[nn.Module]) -> bool:
    """Whether the class, or a base of it below Module, reads ``self.training``."""
    return any(_reads_training(owner) for owner in layer.__mro__ if owner not in (nn.Module, object))


@cache
def _reads_training(owner: type) -> bool:
    try:
        return "self.training" in inspect.getsource(owner)
    except (OSError, TypeError):
        return False


def _preserves_rank(name: str) -> bool | None:
    if name in CHANGES_RANK:
        return False
    return True if PRESERVING.match(name) and not name.endswith("Loss") else None

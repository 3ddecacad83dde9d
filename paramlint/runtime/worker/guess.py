"""Plausible values for an argument, from its annotation, its name and its documentation, best first."""

from __future__ import annotations

import collections.abc
import enum
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import nn


class Guess(NamedTuple):
    """A value that can be made afresh for each build: ``text`` is how a reader would write it."""

    text: str
    make: Callable[[], object]


class Parameter(NamedTuple):
    """One parameter of a callable: ``annotation`` is resolved as far as it can be, else text; None where missing."""

    name: str
    annotation: object
    is_required: bool
    default: object
    hint: str = ""


def constant(value: object) -> Guess:
    return Guess(repr(value), lambda: value)


def expression(text: str, make: Callable[[], object]) -> Guess:
    return Guess(text, make)


NONE = constant(None)
WIDTH = 64

# What a name says of an integer, tried in order; the first pattern found anywhere in the lower-case name counts.
_INTEGERS: tuple[tuple[str, int], ...] = (
    (r"kv_?heads|num_key_value|n_kv|query_groups", 4),
    (r"head_?dim|dim_?head|head_?size|size_per_head|dim_key|dim_value|^d_[kqv]$|head_(width|channels|features)", 16),
    (r"heads?$|heads?_|nhead", 4),
    (r"class|label|n_?cls|num_out$", 10),
    (r"vocab|num_embed|n_?tokens?$|num_tokens?$|n_symbols|dict_size|codebook_size|num_entities|num_nodes", 100),
    (r"relation|num_types|edge_types|num_codebooks|quantizers", 3),
    (r"kernel|ksize|^k$|filter_size|conv_size", 3),
    (r"stride|dilat|upscale|downscale", 1),
    (r"pad", 1),
    (r"window|win_", 4),
    (r"groups?$|^g$", 1),
    (r"patch", 8),
    (r"(image|img|input|crop|feat|feature|target|sample|grid|map)_?(size|res|resolution|h|w|height|width)$", 64),
    (r"resolution|^height$|^width$|^[hw]$|image_|^size$", 64),
    (r"frames|clip_len|temporal_size", 8),
    (r"layer_?(id|idx|index|number)|_?(index|idx|id)$|offset|level$|rank_id|stage$|^i$|seed", 0),
    (
        r"depth|layers?$|(num|n)_?(blocks?|layers?|stages?|repeats?|levels?|cells)|layer_num|n_layer|^n$|repeat|blocks$",
        2,
    ),
    (r"seq|length|len$|max_?pos|context|n_ctx|positions|num_points|block_size|max_size|maxlen|num_patches", 64),
    (r"experts|num_samples|mixture|components|centroids|num_kernels|branches|scales|orders?$|degree", 4),
    (r"top_?k|num_selected", 2),
    (r"steps|iters?$|epochs|iterations|timesteps|rounds|hops|recycl", 2),
    (r"factor|ratio|expan|mult|reduc|compress|^r$|rate$|scale$|squeeze|^m$|cardinality", 2),
    (r"rank|lora", 4),
    (r"(in|input|img|image)_?(chans?|channels?|ch)$", WIDTH),
    (r"batch", 2),
    (r"bins|buckets|codes", 16),
    (r"^axis$|^ndim$|spatial_dims|^dims$|num_dims|dimension$|n_dims?$|conv_dim|nd$", 2),
    (
        r"dim|channel|chan|feature|size|width|hidden|plane|embed|emb|d_model|inp|oup|^in|^out|ch$|units|filters|nf$|^c\d?$",
        WIDTH,
    ),
)
_FLOATS: tuple[tuple[str, float], ...] = (
    (r"drop|^p$|prob|dropout", 0.1),
    (r"eps|jitter", 1e-5),
    (r"momentum|smoothing|decay", 0.1),
    (r"mlp_ratio|expansion|ffn|mult", 2.0),
    (r"temp|scale|std|sigma|tau|weight|gamma|beta|base|radius|cutoff|width|max|upper|end|high", 1.0),
    (r"lr|learning|init_value|layer_scale", 1e-3),
    (r"min|lower|start|low|mean|margin|bias", 0.1),
    (r"theta|rope", 10000.0),
)
_KINDS: tuple[tuple[str, str], ...] = (
    (r"^(config|cfg|conf|configs|args|opt|opts|hparams|params|hyper_?params|options|settings|.*_(config|cfg|args|opts))$", "config"),
    (r"^(act|activation|act_layer|act_fn|activation_fn|nonlinearity|non_linearity|act_func|activation_layer|act_class)$", "activation"),
    (r"^(norm|norm_layer|norm_fn|norm_class|norm_cls|norm_func|normalization|norm_act_layer|normalize_layer)$", "norm"),
    (r"(_layer|_cls|_class|_fn|_func|_type_class|_factory|_op|_builder)$|^(fn|func|block|layer_type|ctor|callable|function)$", "callable"),
    (r"^(dtype|.*_dtype)$", "dtype"),
    (r"^(device|.*_device)$", "device"),
    (r"^(use|is|with|has|do|no|add|enable|return|apply|include|learn|share|normalize|causal|bidirectional|affine)(_.*)?$", "bool"),
    (r"^(bias|.*_bias|training|inplace|pretrained|batch_first|residual|shortcut|skip|debug|verbose|training_mode|bn)$", "bool"),
    (r"^(mean|std|weights?|adj|adj_mat|adjacency|a|edge_index|anchors|class_weights?|pos_weight|points|tensor|matrix|"
     r"buffer|table|vectors?|embeddings?|x|data|basis|coords|init|value|mask|laplacian|freqs|frequencies)$", "tensor"),
    (r"^(encoder|decoder|backbone|net|network|model|module|head|layer|neck|transformer|student|teacher|"
     r".*_(encoder|decoder|backbone|net|network|model|module|head|layer|neck|transformer)|"
     r"submodule|base_model|wrapped|conv|vit|vae|unet|clip|body|trunk|stem|main|mlp|nn\d?|critic|actor|policy|discriminator|generator|"
     r"base_layer|gate_nn|attn|attention|ff|feedforward|mixer|operator|loss|criterion|.*_loss|local_nn|global_nn)$", "module"),
    (r"^(layers|modules|models|blocks|nets|branches|encoders|decoders|heads_list|losses)$", "modules"),
    (r"name$|mode$|(^|_)type$|method$|path$|^arch$|variant|format|reduction|strategy|^kind$|policy|aggr$|schedule|model_id|layout", "text"),
    (r"drop|eps$|ratio$|^(alpha|beta|gamma|sigma|tau|theta|lr|momentum|p|lam|lambd|lambda_.*|temperature|scale|margin)$|prob|"
     r"rate$|std$|threshold|init_values?|weight_decay|smoothing|decay|_scale$|_weight$|_lambda$|cutoff", "float"),
    (r"(dims|channels|sizes|depths|strides|kernels|layers_per_stage|planes|filters|ratios|shape|resolution|resolutions|"
     r"indices|dilations|units|features_list|widths|hiddens|num_blocks|layer_sizes|scales|rates|hidden_layers|chans|dimensions)$", "sequence"),
    (r"(dict|map|mapping|kwargs|lookup|_to_idx|params_dict|metadata)$", "mapping"),
)  # fmt: skip
# Plurals that name one number all the same.
_SINGLE = re.compile(
    r"^(in|out|input|output|hidden|img|image|num|n|embed|mid|base|node|edge|feat|inner|model|expand|skip|cond|"
    r"latent|res|dec|enc|spatial|token|text|audio|mel|down|up|current|prev|init|total|val|key|query|head|time|"
    r"intermediate|bottleneck|context|temporal|proj|final|first|last|conv)_?(\w+_)*(channels|dims|chans|planes|filters|units|features|hiddens|blocks)$"
    r"|^(channels|filters|planes|features|units|chans)$"
    # A singular behind a count is counted, not given: n_class is no class.
    r"|^(n|num|nb|number_of)_(\w+_)?(class|cls|layer|block|op|head|encoder|decoder|module|network)$"
)
_TEXTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"act", ("relu", "gelu", "ReLU", "silu", "tanh")),
    (r"norm", ("batch", "layer", "bn", "BatchNorm2d", "layernorm", "instance", "none")),
    (r"pad", ("zeros", "same", "reflect", "valid", "constant")),
    (r"reduc|aggr", ("mean", "sum", "none", "add", "max")),
    (r"pool", ("avg", "max", "mean", "cls", "token")),
    (r"interp|upsample|mode", ("bilinear", "nearest", "linear", "zeros", "same", "mean", "train")),
    (r"device", ("cpu",)),
    (r"path|file|dir|url", ("",)),
    (r"", ("default", "linear", "none", "conv", "mean", "", "base", "concat", "add", "softmax", "1d", "2d", "cosine")),
)


def by_name(name: str, table: Iterable[tuple[str, Any]], otherwise: Any) -> Any:
    for pattern, value in table:
        if re.search(pattern, name):
            return value
    return otherwise


def integer(name: str) -> int:
    return int(by_name(name.lower(), _INTEGERS, 4))


def kind_of_name(name: str) -> str:
    """What sort of value a parameter of this name usually takes; "int" where nothing says otherwise."""
    lower = name.lower()
    if _SINGLE.search(lower):
        return "int"
    return str(by_name(lower, _KINDS, "int"))


def numbers(name: str) -> Iterator[Guess]:
    first = integer(name)
    seen = set()
    for value in (first, WIDTH, 8, 1, 3, 2, 16, 4, 32, 7, 0):
        if value not in seen:
            seen.add(value)
            yield constant(value)


def texts(name: str) -> Iterator[Guess]:
    seen = set()
    for pattern, values in _TEXTS:
        if re.search(pattern, name.lower()):
            for value in values:
                if value not in seen:
                    seen.add(value)
                    yield constant(value)


def sequences(name: str) -> Iterator[Guess]:
    lower = name.lower()
    single = integer(re.sub(r"s$", "", lower))
    if "shape" in lower or "resolution" in lower or "image" in lower:
        yield from (constant(value) for value in ((WIDTH, WIDTH), (3, WIDTH, WIDTH), (WIDTH,), (16, 16, 16)))
    for length in (2, 4, 3, 1, 5):
        yield constant([single] * length)
    yield constant((single, single))
    for length in (4, 3):
        yield constant([WIDTH * 2**index for index in range(length)])
    yield constant([])
    yield constant([0.5, 0.5])


def tensors(name: str) -> Iterator[Guess]:
    lower = name.lower()
    if "edge_index" in lower:
        yield expression("torch.tensor([[0, 1, 2], [1, 2, 0]])", lambda: torch.tensor([[0, 1, 2], [1, 2, 0]]))
    if "mask" in lower:
        yield expression("torch.ones(8, 8, dtype=torch.bool)", lambda: torch.ones(8, 8, dtype=torch.bool))
    if lower in ("mean", "std"):
        yield expression("torch.ones(3)", lambda: torch.ones(3))
    for shape in ((8, 8), (8,), (1,), (2, 3, 8, 8), (3, 8, 8)):
        yield expression(f"torch.randn{shape!r}".replace(",)", ")"), lambda shape=shape: torch.randn(shape))  # type: ignore[misc]


_NAMES_CLASS = re.compile(r"layer|class|cls|type|ctor")
_NAMES_FUNCTION = re.compile(r"^(fn|func|function|callable)$|(^|_)(fn|func)$")


def activations(name: str) -> Iterator[Guess]:
    # A class in an instance's place is only noticed in forward; an instance that is called in the constructor raises.
    made = [expression("nn.ReLU()", nn.ReLU), expression("nn.ReLU", lambda: nn.ReLU)]
    yield from reversed(made) if _NAMES_CLASS.search(name.lower()) else made
    yield expression("torch.relu", lambda: torch.relu)
    yield from (constant(text) for text in ("relu", "gelu", "ReLU", "silu", "swish"))
    yield constant({"type": "ReLU"})


def norms() -> Iterator[Guess]:
    for kind in (nn.LayerNorm, nn.BatchNorm2d, nn.BatchNorm1d, nn.Identity, nn.BatchNorm3d):
        yield expression(f"nn.{kind.__name__}", lambda kind=kind: kind)  # type: ignore[misc]
    yield from (constant(text) for text in ("batch", "layer", "BN", "bn", "layernorm", "batch_norm"))
    yield expression("nn.LayerNorm(64)", lambda: nn.LayerNorm(WIDTH))
    yield constant({"type": "BN"})


def callables(name: str) -> Iterator[Guess]:
    if _NAMES_FUNCTION.search(name.lower()):
        yield expression("nn.Identity()", nn.Identity)
    yield expression("nn.Linear", lambda: nn.Linear)
    yield expression("nn.Identity", lambda: nn.Identity)
    yield expression("nn.Conv2d", lambda: nn.Conv2d)
    yield expression("torch.relu", lambda: torch.relu)
    yield expression("nn.Identity()", nn.Identity)
    yield expression("lambda *args: nn.Identity()", lambda: lambda *args, **kwargs: nn.Identity())
    yield expression("nn.Conv1d", lambda: nn.Conv1d)


def modules() -> Iterator[Guess]:
    yield expression("nn.Linear(64, 64)", lambda: nn.Linear(WIDTH, WIDTH))
    yield expression("nn.Identity()", nn.Identity)
    yield expression("nn.Conv2d(64, 64, 3, padding=1)", lambda: nn.Conv2d(WIDTH, WIDTH, 3, padding=1))
    yield expression("nn.Sequential(nn.Linear(64, 64))", lambda: nn.Sequential(nn.Linear(WIDTH, WIDTH)))


def of_kind(kind: str, name: str) -> Iterator[Guess]:
    """Guesses of one sort, without looking further than the name."""
    if kind == "int":
        yield from numbers(name)
    elif kind == "float":
        for value in (float(by_name(name.lower(), _FLOATS, 0.5)), 1.0, 0.0, 2.0):
            yield constant(value)
    elif kind == "bool":
        yield from (constant(False), constant(True))
    elif kind == "text":
        yield from texts(name)
    elif kind == "sequence":
        yield from sequences(name)
    elif kind == "mapping":
        yield from (constant({}), constant({"a": 4, "b": 4}))
    elif kind == "tensor":
        yield from tensors(name)
    elif kind == "activation":
        yield from activations(name)
    elif kind == "norm":
        yield from norms()
    elif kind == "callable":
        yield from callables(name)
    elif kind == "module":
        yield from modules()
    elif kind == "modules":
        yield expression("[nn.Linear(64, 64)]", lambda: [nn.Linear(WIDTH, WIDTH)])
        yield expression("nn.ModuleList([nn.Linear(64, 64)])", lambda: nn.ModuleList([nn.Linear(WIDTH, WIDTH)]))
        yield from sequences(name)
    elif kind == "dtype":
        yield expression("torch.float32", lambda: torch.float32)
    elif kind == "device":
        yield expression("torch.device('cpu')", lambda: torch.device("cpu"))
        yield constant("cpu")


def from_annotation(annotation: object, name: str) -> Iterator[Guess | type]:
    """Guesses by an annotation; a class of the user's comes back itself, for the caller to build."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is inspect.Parameter.empty or annotation is Any or annotation is None:
        return
    if isinstance(annotation, str):
        yield from _from_text(annotation, name)
    elif origin is typing.Literal:
        yield from (constant(value) for value in arguments)
    elif origin is typing.Annotated:
        yield from from_annotation(arguments[0], name)
    elif origin in (typing.Union, types.UnionType):
        for part in arguments:
            if part is not type(None):
                yield from from_annotation(part, name)
        if type(None) in arguments:
            yield NONE
    elif origin is collections.abc.Callable or annotation in (Callable, typing.Callable, collections.abc.Callable):
        kind = kind_of_name(name)
        yield from of_kind(kind if kind in ("activation", "norm") else "callable", name)
    elif origin is type or annotation is type:
        for wanted in (typing.get_args(arguments[0]) or arguments) if arguments else ():
            if isinstance(wanted, type) and wanted is not nn.Module:
                yield expression(wanted.__name__, lambda wanted=wanted: wanted)  # type: ignore[misc]
        kind = kind_of_name(name)
        yield from of_kind(kind if kind in ("activation", "norm") else "callable", name)
    elif origin is tuple:
        yield from _tuples(arguments, name)
    elif isinstance(origin, type) and issubclass(origin, collections.abc.Mapping):
        yield from of_kind("mapping", name)
    elif isinstance(origin, type) and issubclass(origin, collections.abc.Iterable):
        yield from _lists(arguments, name)
    elif isinstance(annotation, typing.TypeVar):
        yield from from_annotation(annotation.__bound__, name)
    elif isinstance(annotation, type):
        yield from _from_class(annotation, name)


def _from_class(annotation: type, name: str) -> Iterator[Guess | type]:
    kind = kind_of_name(name)
    if issubclass(annotation, enum.Enum):
        for member in annotation:
            yield expression(f"{annotation.__name__}.{member.name}", lambda member=member: member)  # type: ignore[misc]
    elif annotation is bool:
        yield from of_kind("bool", name)
    elif annotation is int:
        yield from of_kind("int", name)
    elif annotation is float:
        yield from of_kind("float", name)
    elif annotation is str:
        yield from texts(name)
    elif annotation is torch.Tensor:
        yield from tensors(name)
    elif annotation is nn.Parameter:
        for guess in tensors(name):
            yield Guess(f"nn.Parameter({guess.text})", lambda guess=guess: nn.Parameter(guess.make()))  # type: ignore[misc]
    elif annotation is torch.dtype:
        yield from of_kind("dtype", name)
    elif annotation is torch.device:
        yield from of_kind("device", name)
    elif annotation is nn.Module:
        yield from of_kind(kind if kind in ("activation", "norm") else "module", name)
    elif annotation is nn.ModuleList:
        yield expression("nn.ModuleList([nn.Linear(64, 64)])", lambda: nn.ModuleList([nn.Linear(WIDTH, WIDTH)]))
    elif annotation is nn.Sequential:
        yield expression("nn.Sequential(nn.Linear(64, 64))", lambda: nn.Sequential(nn.Linear(WIDTH, WIDTH)))
    elif annotation in (list, tuple, set, frozenset):
        for guess in sequences(name):
            yield Guess(f"{annotation.__name__}({guess.text})", lambda guess=guess: annotation(guess.make()))  # type: ignore[misc]
    elif issubclass(annotation, dict) or annotation is collections.abc.Mapping:
        yield from of_kind("mapping", name)
    elif annotation is not object:
        yield annotation


def _tuples(arguments: tuple[object, ...], name: str) -> Iterator[Guess]:
    if not arguments or (len(arguments) == 2 and arguments[1] is Ellipsis):
        for guess in _lists(arguments[:1], name):
            yield Guess(f"tuple({guess.text})", lambda guess=guess: tuple(guess.make()))  # type: ignore[misc]
        return
    parts = [
        next((guess for guess in from_annotation(part, name) if isinstance(guess, Guess)), NONE) for part in arguments
    ]
    yield Guess(f"({', '.join(part.text for part in parts)})", lambda: tuple(part.make() for part in parts))


def _lists(arguments: tuple[object, ...], name: str) -> Iterator[Guess]:
    item = (
        next((guess for guess in from_annotation(arguments[0], name) if isinstance(guess, Guess)), None)
        if arguments
        else None
    )
    if item is None or isinstance(item.make(), int):
        yield from sequences(name)
    else:
        yield from several(item)


def several(item: Guess) -> Iterator[Guess]:
    for length in (2, 4, 3, 1, 0):
        text = ", ".join([item.text] * length)
        yield Guess(f"[{text}]", lambda length=length: [item.make() for _ in range(length)])  # type: ignore[misc]


def _from_text(annotation: str, name: str) -> Iterator[Guess]:
    """An annotation or a word from a docstring that could not be resolved."""
    lower = annotation.lower()
    for pattern, kind in (
        (r"callable|function", "callable"),
        (r"nn\.module|torch\.nn", "module"),
        (r"tensor", "tensor"),
        (r"bool", "bool"),
        (r"tuple|list|sequence|iterable", "sequence"),
        (r"dict|mapping", "mapping"),
        (r"\bint\b|integer", "int"),
        (r"float", "float"),
        (r"\bstr\b|string", "text"),
    ):
        if re.search(pattern, lower):
            yield from of_kind(kind, name)


def same_value(first: object, second: object) -> bool:
    """Equality that neither tensors nor hostile ``__eq__`` can upset."""
    if first is second:
        return True
    try:
        return type(first) is type(second) and isinstance(first, (int, float, str, tuple, list)) and first == second
    except Exception:
        return False

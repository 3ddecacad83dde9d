"""Makes instances of Module classes and inputs for them by trial, for the oracle: nothing of it is paramlint's own.

Values are guessed from the names, annotations and defaults of parameters, and a failed attempt is repaired by what its
message says. An instance that takes long to make is given up: the oracle makes each many times.
"""

from __future__ import annotations

import enum
import inspect
import itertools
import random
import re
import signal
import sys
import time
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn

WIDTH = 16
_ATTEMPT = 1.0
_ATTEMPTS = 70
# Seconds of processor time in which an instance, or an input, must be found.
_SEARCH = 5.0
_DEEPEST = 2

# What a name says of a number, tried in order.
_NUMBERS: tuple[tuple[str, int], ...] = (
    (r"head_?dim|dim_?head|head_?(size|channels)|size_per_head", 8),
    (r"heads?$|nhead|heads_", 4),
    (r"class|label|n_?cls", 10),
    (r"vocab|num_embed|num_?tokens?$|codebook_size|num_nodes|num_entities", 50),
    (r"relation|edge_types|num_types|num_codebooks|quantizers|ndim|spatial_dims", 3),
    (r"kernel|ksize|^k$|filter_size", 3),
    (r"stride|dilat|pad|groups?$|upscale", 1),
    (r"(layer|block)_?(id|idx|index)|_?(idx|index)$|offset|seed", 0),
    (r"patch|window", 4),
    (r"(image|img|input|feat|crop)_?(size|res|resolution|h|w|height|width)$|resolution|^height$|^width$|^size$", 32),
    (r"depth|layers?$|blocks?$|(num|n)_(blocks?|layers?|stages?|repeats?|levels?)|repeat|steps|iters|hops", 2),
    (r"seq|len|max_?pos|context|n_ctx|frames", 16),
    (r"factor|ratio|mult|reduc|expan|rank|top_?k|^r$|batch|degree|order", 2),
)
_WORDS = {
    "bool": r"^(use|is|with|has|do|no|add|return|apply|learn|causal|bidirectional|normalize)(_|$)|bias$|inplace|pretrained|batch_first",
    "float": r"drop|^p$|prob|eps|ratio$|alpha|beta|gamma|sigma|^tau$|theta|^lr$|momentum|temperature|scale|margin|rate$|std$|threshold|decay",
    "module": r"^(encoder|decoder|backbone|net|network|model|module|head|layer|transformer|conv|attn|attention|ff|mlp|vit|nn\d?|fn|base_layer|image_encoder)$|_(net|model|module|encoder|decoder|network)$",
    "class": r"^(norm|norm_layer|act_layer|activation|act|activation_fn|layer_type|conv_layer)$|_(layer|cls|class)$",
    "sequence": r"(dims|channels|depths|strides|kernels|planes|sizes|shape|resolutions|widths|dilations|ratios|layers|features)$",
    "string": r"mode$|type$|method$|name$|format|reduction|aggr$|variant|path$",
    "tensor": r"^(x|weight|weights|mean|std|tensor|matrix|data|mask|points|basis|anchors|adj|edge_index)$",
}
_SINGLE = re.compile(r"^(in|out|input|output|hidden|num|n|embed|mid|base|node|edge|inner|img|latent)_(\w+_)*(channels|dims|features|planes|layers)$|^(channels|features|planes)$")  # fmt: skip

Value = Callable[[], object]


class Made(NamedTuple):
    """How an instance, or a call's input, is made: ``make`` gives a new one each time."""

    make: Callable[[], Any]
    text: str


class OutOfTime(BaseException):
    pass


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    def expire(number: int, frame: object) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGPROF, expire)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def seed(number: int) -> None:
    random.seed(number)
    torch.manual_seed(number)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(number)


def constants(*values: object) -> list[Value]:
    return [lambda value=value: value for value in values]  # type: ignore[misc]


def instance_of(kind: type, depth: int = 0, current: Callable[[], type] | None = None) -> Made | None:
    """How to make an instance of a class, None where no attempt succeeds; ``current`` gives what stands for it now."""
    get = current or (lambda: kind)
    try:
        parameters = [item for item in inspect.signature(kind).parameters.values() if item.name != "self"]
    except (TypeError, ValueError):
        return None
    annotations = _annotations(kind.__init__)
    plain = [item for item in parameters if item.kind not in (item.VAR_POSITIONAL, item.VAR_KEYWORD)]
    options = {
        item.name: _candidates(item.name, annotations.get(item.name, item.annotation), depth)
        for item in plain
        if item.default is item.empty
    }
    optional = {item.name: item for item in plain if item.default is not item.empty}
    small = {name: value for name, item in optional.items() if (value := _smaller(name, item.default)) is not None}

    def called(values: Mapping[str, Value]) -> Callable[[], object]:
        return lambda: get()(**{name: value() for name, value in values.items()})

    def spare(message: str) -> Iterator[dict[str, list[Value]]]:
        for name, item in optional.items():
            if item.default is None and re.search(rf"\b{re.escape(name)}\b", message):
                yield {name: _candidates(name, annotations.get(name, item.annotation), depth)}

    for fixed in [small, {}] if small else [{}]:
        found = _search(called, options, {name: (lambda value=value: value) for name, value in fixed.items()}, spare)
        if found is not None:
            return Made(called(found), kind.__qualname__)
    return None


def _search(
    called: Callable[[Mapping[str, Value]], Callable[[], object]],
    options: dict[str, list[Value]],
    fixed: Mapping[str, Value],
    spare: Callable[[str], Iterator[dict[str, list[Value]]]],
) -> dict[str, Value] | None:
    """Try the first of each option, then other values for one or two of them, those first that a message names."""
    if any(not values for values in options.values()):
        return None
    options = dict(options)
    tried: set[tuple[tuple[str, int], ...]] = set()
    queue: list[dict[str, int]] = [dict.fromkeys(options, 0)]
    began = time.process_time()
    for _ in range(_ATTEMPTS):
        if not queue or time.process_time() - began > _SEARCH:
            return None
        chosen = queue.pop(0)
        tried.add(tuple(sorted(chosen.items())))
        values = {**fixed, **{name: options[name][index] for name, index in chosen.items()}}
        try:
            with limited(_ATTEMPT):
                seed(0)
                called(values)()
            return values
        except OutOfTime:
            return None
        except Exception as error:
            message = str(error)
        ahead: list[dict[str, int]] = []
        for more in spare(message):
            for name, found in more.items():
                if name not in options and found:
                    options[name] = found
                    ahead.append({**chosen, name: 0})
        named = [name for name in chosen if re.search(rf"\b{re.escape(name)}\b", message)]
        if sum(index > 0 for index in chosen.values()) < 2:
            for name in sorted(chosen, key=lambda name: name not in named):
                ahead += [{**chosen, name: index} for index in range(1, len(options[name]))]
        ahead = [item for item in ahead if tuple(sorted(item.items())) not in tried and item not in queue]
        queue = [*ahead, *queue] if named else [*queue, *ahead]
    return None


def _annotations(function: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except Exception:
        return {}


def _smaller(name: str, default: object) -> object | None:
    """A smaller value for what makes default models large."""
    if isinstance(default, bool):
        return None
    if isinstance(default, int) and re.search(r"depth|num_layers|n_layers|num_hidden_layers|num_blocks$", name):
        return 2 if default > 2 else None
    if (
        isinstance(default, (tuple, list))
        and re.search(r"depths|layers", name)
        and all(isinstance(x, int) for x in default)
    ):
        return type(default)(min(x, 1) for x in default) if max(default, default=0) > 1 else None
    return None


def _candidates(name: str, annotation: Any, depth: int) -> list[Value]:
    found = [*_by_annotation(name, annotation, depth), *_by_name(name.lower())]
    return found[:9]


def _by_annotation(name: str, annotation: Any, depth: int) -> list[Value]:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return constants(*arguments)
    if origin in (typing.Union, types.UnionType):
        parts = [part for part in arguments if part is not type(None)]
        return [*itertools.chain(*(_by_annotation(name, part, depth) for part in parts)), *constants(None)]
    if origin in (list, tuple, typing.Sequence) or (
        origin is not None and getattr(origin, "__name__", "") == "Sequence"
    ):
        fixed = [part for part in arguments if part is not Ellipsis]
        size = len(fixed) if origin is tuple and Ellipsis not in arguments and fixed else 2
        items = [(_by_annotation(name, part, depth) or _numbers(name.lower()))[0] for part in (fixed or [int])]
        made = lambda: [items[index % len(items)]() for index in range(size)]  # noqa: E731
        return [lambda: tuple(made()) if origin is tuple else made()]
    if not isinstance(annotation, type):
        return []
    if issubclass(annotation, enum.Enum):
        return constants(*annotation)
    if annotation is bool:
        return constants(False, True)
    if annotation is int:
        return _numbers(name.lower())
    if annotation is float:
        return constants(0.1, 1.0, 0.0)
    if annotation is str:
        return _of_kind("string", name)
    if annotation is torch.Tensor:
        return _of_kind("tensor", name)
    if annotation is nn.Module:
        return _of_kind("module", name)
    if annotation.__module__ in ("builtins", "typing", "collections.abc"):
        return []
    if depth < _DEEPEST and (found := instance_of(annotation, depth + 1)) is not None:
        return [found.make]
    return []


def _numbers(name: str) -> list[Value]:
    first = next((value for pattern, value in _NUMBERS if re.search(pattern, name)), WIDTH)
    return constants(*dict.fromkeys((first, WIDTH, 8, 2, 1, 3, 32, 0)))


def _by_name(name: str) -> list[Value]:
    if not _SINGLE.search(name):
        for kind, pattern in _WORDS.items():
            if re.search(pattern, name):
                return [*_of_kind(kind, name), *_numbers(name)[:2]]
    return [*_numbers(name), *constants((WIDTH, WIDTH), None)]


def _of_kind(kind: str, name: str) -> list[Value]:
    if kind == "bool":
        return constants(False, True)
    if kind == "float":
        return constants(0.5, 1.0, 0.0, 2)
    if kind == "module":
        return [lambda: nn.Linear(WIDTH, WIDTH), nn.Identity, lambda: nn.Conv2d(WIDTH, WIDTH, 3, padding=1)]
    if kind == "class":
        if "norm" in name:
            return constants(nn.LayerNorm, nn.BatchNorm2d, "batch", "layer", None)
        if "act" in name:
            return constants(nn.ReLU, "relu", torch.relu, None)
        return constants(nn.Identity, nn.Linear, nn.Conv2d)
    if kind == "sequence":
        single = _numbers(name.removesuffix("s"))[0]()
        return constants(*([single] * length for length in (2, 4, 3, 1)), (WIDTH,), WIDTH)
    if kind == "string":
        return constants("relu", "mean", "linear", "zeros", "add", "nearest", "", "none")
    return [lambda: torch.randn(8, 8), lambda: torch.randn(8), lambda: torch.randn(1), lambda: torch.ones(3)]


# Inputs


def input_for(instance: nn.Module) -> Made | None:
    """How to make arguments with which an instance can be called."""
    try:
        parameters = list(inspect.signature(instance.forward).parameters.values())
    except (TypeError, ValueError):
        return None
    needed = [
        item
        for item in parameters
        if item.default is item.empty and item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)
    ]
    if not needed and parameters and parameters[0].kind is not parameters[0].VAR_KEYWORD:
        needed = parameters[:1]
    names = [item.name for item in needed]
    annotations = _annotations(type(instance).forward)
    shapes = list(dict.fromkeys(_shapes(instance, names)))
    others = {name: _input(name, annotations.get(name), instance) for name in names}
    free = [name for name in names if not others[name]]
    combinations: list[tuple[tuple[int, ...], dict[str, int]]] = [(shape, {}) for shape in shapes]
    for name, values in others.items():
        combinations += [(shape, {name: index}) for index in range(1, len(values)) for shape in shapes[:8]]
    tried = 0
    seen: set[tuple[object, ...]] = set()
    began = time.process_time()
    while combinations and tried < _ATTEMPTS * 2 and time.process_time() - began < _SEARCH:
        shape, picks = combinations.pop(0)
        key = (shape, tuple(sorted(picks.items())))
        if key in seen:
            continue
        seen.add(key)
        tried += 1

        def make(shape: tuple[int, ...] = shape, picks: dict[str, int] = picks) -> list[object]:
            return [torch.randn(shape) if name in free else others[name][picks.get(name, 0)]() for name in names]

        try:
            with limited(_ATTEMPT), torch.no_grad():
                seed(0)
                instance(*make())
            return Made(make, f"{names}: {shape}")
        except OutOfTime:
            return None
        except Exception as error:
            more = [item for item in _told(str(error), shape) if (item, key[1]) not in seen]
            combinations = [*((item, picks) for item in more), *combinations]
    return None


def _told(message: str, shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Shapes that an error asks for."""
    if found := re.search(r"mat1 and mat2 shapes cannot be multiplied \(\d+x\d+ and (\d+)x\d+\)", message):
        yield (*shape[:-1], int(found[1]))
    if found := re.search(r"to have (\d+) channels", message):
        yield (shape[0], int(found[1]), *shape[2:])
    if found := re.search(r"normalized_shape=\[(\d+)\]", message):
        yield (*shape[:-1], int(found[1]))
    if found := re.search(r"[Ee]xpected (\d)D .*input", message):
        wanted = int(found[1])
        yield (*shape[:2], *([8] * wanted))[:wanted]
    if found := re.search(
        r"too many values to unpack \(expected (\d)\)|not enough values to unpack \(expected (\d)", message
    ):
        wanted = int(found[1] or found[2])
        yield (*shape[:2], *([8] * wanted))[:wanted]


def _input(name: str, annotation: Any, instance: nn.Module) -> list[Value]:
    """Values for an argument that is no tensor of floats; empty where it is one."""
    name = name.lower()
    if annotation is bool:
        return constants(False, True)
    if annotation is int:
        return constants(8, 2, 0)
    if annotation is float:
        return constants(0.5)
    if annotation is str:
        return constants("")
    first = next(
        (item for item in instance.modules() if isinstance(item, (nn.Linear, nn.Embedding, nn.modules.conv._ConvNd))),
        None,
    )
    if "mask" in name:
        return [
            *constants(None),
            lambda: torch.ones(2, 8, dtype=torch.bool),
            lambda: torch.ones(8, 8, dtype=torch.bool),
        ]
    if name in ("edge_index", "adj_t", "edges"):
        return [lambda: torch.randint(8, (2, 16))]
    if name in ("edge_type", "edge_weight", "edge_ids"):
        return [lambda: torch.rand(16), lambda: torch.randint(2, (16,))]
    if name in ("batch", "batch_index", "index", "ptr"):
        return [lambda: torch.zeros(8, dtype=torch.long), lambda: torch.arange(8)]
    if name.startswith("edge_attr"):
        return [lambda: torch.randn(16, WIDTH), lambda: torch.randn(16, 1), lambda: torch.randn(16, 3)]
    if re.search(r"^(t|time|timesteps?|sigma|lengths?)$|_lengths?$", name):
        return [lambda: torch.randint(1, 8, (2,)), lambda: torch.rand(2), lambda: torch.randn(2, WIDTH)]
    if re.search(r"(^|_)(ids?|idx|tokens?|labels?|targets?|seq|tgt|src)$", name) or isinstance(first, nn.Embedding):
        limit = min(first.num_embeddings, 50) if isinstance(first, nn.Embedding) else 2
        return [
            lambda: torch.randint(limit, (2, 8)),
            lambda: torch.randint(limit, (2,)),
            lambda: torch.randn(2, 8, WIDTH),
            lambda: torch.randn(2, 3, 32, 32),
        ]
    if name in ("h", "w", "height", "width", "size", "num_frames", "length"):
        return [*constants(8), lambda: torch.randn(2, 8, WIDTH)]
    if "List" in str(annotation) or "list[" in str(annotation):
        return [lambda: [torch.randn(2, WIDTH, 16, 16)] * 3, lambda: [torch.randn(2, 8, WIDTH)] * 3]
    return []


def _shapes(instance: nn.Module, names: list[str]) -> Iterator[tuple[int, ...]]:
    """Shapes of float tensors, those first that the first layers ask for."""
    layers = [item for item in instance.modules() if not list(item.children())][:4]
    if "edge_index" in names:
        widths = [getattr(instance, name, None) for name in ("in_channels", "channels", "in_features")]
        for width in (
            *widths,
            *(getattr(item, "in_channels", getattr(item, "in_features", None)) for item in layers),
            WIDTH,
        ):
            if isinstance(width, int) and width > 0:
                yield (8, width)
    for module in list(instance.modules())[:8]:
        for name in ("img_size", "image_size", "input_size", "input_resolution"):
            side = getattr(module, name, None)
            side = side[-1] if isinstance(side, (tuple, list)) and side else side
            if isinstance(side, int) and 4 <= side <= 256:
                yield (2, 3, side, side)
    for layer in layers:
        if isinstance(layer, nn.modules.conv._ConvNd):
            channels, dims = layer.in_channels, len(layer.kernel_size)
            yield (2, channels, *([32] * dims if dims < 3 else [8] * dims))
            yield (2, channels, *([64] * dims if dims < 3 else [16] * dims))
        elif isinstance(layer, nn.Linear):
            width = layer.in_features
            yield from ((2, 8, width), (2, width), (2, 16, width), (2, 8, 8, width), (2, width, 8, 8))
        elif isinstance(layer, nn.LayerNorm):
            yield from (
                (2, 8, *layer.normalized_shape),
                (2, *layer.normalized_shape),
                (2, 8, 8, *layer.normalized_shape),
            )
        elif isinstance(layer, (nn.modules.batchnorm._BatchNorm, nn.GroupNorm)):
            width = getattr(layer, "num_features", None) or layer.num_channels  # type: ignore[union-attr]
            yield from ((2, width, 16, 16), (2, width, 8), (2, width), (2, width, 8, 8, 8))
    for name in ("dim", "embed_dim", "in_channels", "in_features", "hidden_size", "d_model", "channels", "features"):
        width = getattr(instance, name, None)
        if isinstance(width, int) and 0 < width < 4096:
            yield from ((2, 8, width), (2, width, 16, 16), (2, width), (2, 16, width))
    wide = WIDTH
    yield from (
        (2, 8, wide),
        (2, wide, 16, 16),
        (2, wide),
        (2, 3, 32, 32),
        (2, 3, 64, 64),
        (2, 4, 8, 8),
        (2, 1, 32, 32),
    )
    yield from (
        (2, wide, 8),
        (2, 2),
        (2, 3),
        (2, 3, 8, 32, 32),
        (2, 3, 224, 224),
        (1, 3, 3),
        (8, 3),
        (2, 4, 8, 64),
        (2,),
    )

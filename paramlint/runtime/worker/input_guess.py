"""Plausible inputs for a forward method, from its parameters' names and annotations and the model's first layers."""

from __future__ import annotations

import ast
import inspect
import re
import typing
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import nn

from paramlint.runtime.worker import guess, signature
from paramlint.runtime.worker.guess import Guess, Parameter, constant, expression

BATCH = 2
LENGTH = 8
SIDE = 32
NODES = 8
EDGES = 16

_IDS = re.compile(
    r"(^|_)(ids?|idx|index|indices|tokens?|labels?|targets?|y|classes|words|chars|cat|categor\w*|src|tgt|seq)($|_)|text$|input_ids"
)
_MASK = re.compile(r"mask")
_TIME = re.compile(r"^(t|time|times|timesteps?|sigma|noise_level|step|temb_t|lengths?|.*_lengths?|r)$")
_GRAPH = re.compile(r"edge_index|^adj_t$|^edges$")
_IMAGE_SIZE = re.compile(
    r"^(img|image|input)_?(size|res|resolution|height|width)$|^(input_|spatial_)?(resolution|size|shape)$"
)
_IMAGE = re.compile(r"^(img|image|images|imgs|pixel_values|picture|frame)s?$")
_VIDEO = re.compile(r"^(video|videos|clip|clips|pixel_values_videos)$")
_FUNCTION = re.compile(r"^(fn|func|function|score_fn|callback)$|_(fn|func)$")
_SIDE = re.compile(r"^(h|w|height|width|H|W)$")
_CONFIGURING = re.compile(
    r"^(return|output|use|is|with|training|train|mode|deterministic|verbose|need|do|should)_?|_?(cache|kwargs)$"
)


def tensor(*shape: int) -> Guess:
    text = ", ".join(str(size) for size in shape)
    return expression(f"torch.randn({text})", lambda: torch.randn(*shape))


def ids(limit: int, *shape: int) -> Guess:
    text = ", ".join(str(size) for size in shape)
    comma = "," if len(shape) == 1 else ""
    return expression(f"torch.randint({limit}, ({text}{comma}))", lambda: torch.randint(limit, shape))


def ones(kind: torch.dtype, *shape: int) -> Guess:
    text = ", ".join(str(size) for size in shape)
    return expression(f"torch.ones({text}, dtype={kind})", lambda: torch.ones(*shape, dtype=kind))


class Setting(NamedTuple):
    """What is to be called: ``beside`` are the names of forward's parameters, ``sizes`` image sizes it was made with."""

    instance: nn.Module
    beside: frozenset[str] = frozenset()
    sizes: tuple[int, ...] = ()

    @property
    def is_graph(self) -> bool:
        """Whether the call is about nodes that edges join."""
        return any(_GRAPH.search(name) for name in self.beside)


def setting_of(instance: nn.Module, made_by: str) -> Setting:
    """The setting of an instance that a call with this text made."""
    try:
        beside = frozenset(item.name for item in signature.parameters(instance.forward))
    except Exception:  # a forward of the user's own making
        beside = frozenset()
    return Setting(instance, beside, tuple(dict.fromkeys(_sizes_named(made_by))))


def _sizes_named(made_by: str) -> Iterator[int]:
    """Numbers that a call gives for the size of its images."""
    try:
        tree = ast.parse(made_by, mode="eval")
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg is not None and _IMAGE_SIZE.search(node.arg):
            values = node.value.elts[-1:] if isinstance(node.value, (ast.Tuple, ast.List)) else [node.value]
            for value in values:
                if isinstance(value, ast.Constant) and isinstance(value.value, int) and 4 <= value.value <= 512:
                    yield value.value


def is_main(parameter: Parameter) -> bool:
    """Whether a parameter with a default is data all the same (``forward(self, input_ids=None, ...)``)."""
    return (
        parameter.default is None
        and not _CONFIGURING.search(parameter.name)
        and parameter.annotation not in (bool, int, str, float)
    )


def values(parameter: Parameter, setting: Setting) -> Iterator[Guess]:
    """Inputs for one parameter, best first."""
    instance = setting.instance
    name = parameter.name.lower().lstrip("*")
    annotation = str(parameter.annotation) if parameter.annotation is not inspect.Parameter.empty else ""
    plain = parameter.annotation
    if plain in (bool, int, float, str) or typing.get_origin(plain) is typing.Literal:
        if plain is int and _SIDE.match(name):
            yield constant(8)
        yield from _scalars(parameter)
        return
    if _FUNCTION.search(name) or "Callable" in annotation:
        yield expression("torch.nn.Identity()", nn.Identity)
        yield expression("torch.relu", lambda: torch.relu)
    if _GRAPH.search(name):
        yield expression("torch.randint(8, (2, 16))", lambda: torch.randint(NODES, (2, 16)))
    elif setting.is_graph or "batch" in setting.beside:
        yield from _of_graph(name, setting)
    if (
        re.search(r"(list|List|Sequence|tuple|Tuple)\[", annotation)
        and "Tensor" in annotation
        and "Optional" not in annotation
    ):
        for shape in list(shapes(setting))[:6]:
            yield several(shape, 3, "tuple" if "uple" in annotation else "list")
        yield from (several(shape, 4, "list") for shape in list(shapes(setting))[:3])
    if _GRAPH.search(name):
        return
    if _IMAGE.match(name):
        for side in image_sizes(setting):
            yield tensor(BATCH, 3, side, side)
    if _VIDEO.match(name):
        for side in image_sizes(setting):
            yield from (tensor(BATCH, 3, 8, side, side), tensor(BATCH, 8, 3, side, side))
    if name in ("adj", "adjacency"):
        yield ones(torch.float32, BATCH, LENGTH, LENGTH)
    if name in ("index", "i", "j", "indices") and "dim_size" in setting.beside:
        yield ids(LENGTH, LENGTH)
    if name == "batch" or name in ("batch_index", "ptr"):
        yield expression("torch.zeros(8, dtype=torch.long)", lambda: torch.zeros(NODES, dtype=torch.long))
    if _MASK.search(name):
        yield constant(None)
        yield ones(torch.bool, BATCH, LENGTH)
        yield ones(torch.bool, LENGTH, LENGTH)
        yield ones(torch.float32, BATCH, 1, LENGTH, LENGTH)
        return
    if name == "position_embeddings":
        yield expression(
            "(torch.randn(1, 8, 16), torch.randn(1, 8, 16))",
            lambda: (torch.randn(1, LENGTH, 16), torch.randn(1, LENGTH, 16)),
        )
    if name in ("batch_shape", "input_shape", "x_shape"):
        yield constant((BATCH, 3, SIDE, SIDE))
    if name in ("hw", "size", "shape", "input_resolution", "spatial_shape", "h_w", "hw_shape", "output_size"):
        yield constant((8, 8))
    if name in ("h", "w", "height", "width") and _first_layer(instance) is None:
        yield constant(8)
    if name in (
        "num_frames",
        "frames",
        "seq_len",
        "length",
        "n",
        "size",
        "num_nodes",
        "dim_size",
        "query_length",
        "key_length",
    ):
        yield constant(LENGTH)
    if _TIME.search(name):
        yield ids(LENGTH, BATCH)
        yield tensor(BATCH)
        yield tensor(BATCH, guess.WIDTH)
    first = first_embedding(instance)
    if _IDS.search(name) or first is not None:
        limit = min(first.num_embeddings, 100) if first is not None else 2
        yield ids(limit, BATCH, LENGTH)
        if _IDS.search(name):
            yield ids(limit, BATCH)
            yield ids(limit, BATCH, SIDE, SIDE)
    if plain is dict or annotation.startswith(("dict", "Dict", "typing.Dict")) or name.endswith("_dict"):
        yield expression("{'x': torch.randn(2, 8)}", lambda: {"x": torch.randn(2, 8)})
    for shape in shapes(setting):
        yield tensor(*shape)
    yield several((BATCH, guess.WIDTH, 16, 16), 4, "list")
    yield constant(2)


def _of_graph(name: str, setting: Setting) -> Iterator[Guess]:
    """Features of nodes and edges, as ``edge_index`` of 16 edges between 8 nodes asks for them."""
    width = next((shape[-1] for shape in shapes(setting) if len(shape) < 4), guess.WIDTH)
    own = next((value for value in (getattr(setting.instance, part, None) for part in _WIDTHS) if value), width)
    own = own[0] if isinstance(own, (tuple, list)) and own and isinstance(own[0], int) else own
    own = own if isinstance(own, int) and 0 < own <= 4096 else width
    if re.search(r"^edge_(weight|norm)$|^(dist|distance|edge_dist)$", name):
        yield tensor(EDGES)
    elif re.search(r"^edge_(type|ids?)$", name):
        yield ids(2, EDGES)
    elif name.startswith("edge_") or name in ("pseudo", "rbf"):
        edge_width = getattr(setting.instance, "edge_dim", None) or getattr(setting.instance, "dim", None)
        for size in dict.fromkeys(item for item in (edge_width, own, 1, 3) if isinstance(item, int) and item > 0):
            yield tensor(EDGES, size)
    elif name in ("pos", "positions", "normal", "coords", "vec"):
        yield tensor(NODES, 3)
    elif name in ("z", "node_type", "atomic_numbers"):
        yield ids(2, NODES)
    elif name not in ("batch", "ptr", "index") and not _MASK.search(name) and not _SIDE.match(name):
        yield tensor(NODES, own)
        if own != width:
            yield tensor(NODES, width)


def several(shape: tuple[int, ...], count: int, kind: str) -> Guess:
    text = ", ".join(str(size) for size in shape)
    made = f"[torch.randn({text})] * {count}"
    return expression(made if kind == "list" else f"tuple({made})", lambda: _collected(shape, count, kind))


def _collected(shape: tuple[int, ...], count: int, kind: str) -> object:
    items = [torch.randn(*shape) for _ in range(count)]
    return tuple(items) if kind == "tuple" else items


def _scalars(parameter: Parameter) -> Iterator[Guess]:
    for found in guess.from_annotation(parameter.annotation, parameter.name):
        if isinstance(found, Guess):
            yield found


def first_embedding(instance: nn.Module) -> nn.Embedding | None:
    """The embedding that the model starts with, if it starts with one."""
    first = _first_layer(instance)
    return first if isinstance(first, nn.Embedding) else None


def _first_layer(instance: nn.Module) -> nn.Module | None:
    return next(_layers(instance), None)


def _layers(instance: nn.Module) -> Iterator[nn.Module]:
    """Layers that say what they expect, in the order of registration."""
    try:
        modules = list(instance.modules())
    except Exception:
        return
    for module in modules:
        if isinstance(
            module,
            (
                nn.Linear,
                nn.Bilinear,
                nn.Embedding,
                nn.LayerNorm,
                nn.RNNBase,
                nn.MultiheadAttention,
                nn.GroupNorm,
                nn.modules.conv._ConvNd,
                nn.modules.batchnorm._BatchNorm,
            ),
        ):
            yield module


def shapes(setting: Setting) -> Iterator[tuple[int, ...]]:
    """Shapes of a first input, best first, each once."""
    seen = set()
    for shape in _shapes(setting):
        if shape not in seen:
            seen.add(shape)
            yield shape


def _shapes(setting: Setting) -> Iterator[tuple[int, ...]]:
    instance, sizes = setting.instance, image_sizes(setting)
    for layer in list(_layers(instance))[:3]:
        yield from _shapes_for(layer, sizes)
    width = next((getattr(instance, name) for name in _WIDTHS if isinstance(getattr(instance, name, None), int)), None)
    if width:
        yield from ((BATCH, LENGTH, width), (BATCH, width), (BATCH, width, 16, 16), (LENGTH, width))
    yield from _shapes_of_parameters(instance)
    for side in sizes:
        yield (BATCH, 3, side, side)
    wide = guess.WIDTH
    yield from (
        (BATCH, wide, 16, 16),
        (BATCH, LENGTH, wide),
        (BATCH, wide),
        (BATCH, 3, wide, wide),
        (BATCH, wide, LENGTH),
    )
    yield from (
        (BATCH, 4, LENGTH, 16),
        (BATCH, 1, SIDE, SIDE),
        (BATCH, 3, 8, SIDE, SIDE),
        (BATCH,),
        (NODES, 3),
        (BATCH, 3, 3),
    )


def _shapes_of_parameters(instance: nn.Module) -> Iterator[tuple[int, ...]]:
    """What the instance's own parameters go together with: by their last axis, or by their first."""
    try:
        own = [tuple(tensor.shape) for tensor in instance.parameters(recurse=False) if tensor.dim() > 0]
    except Exception:  # a lazy parameter, or no table of them
        return
    for shape in own[:3]:
        widths = [size for size in (shape[-1], shape[0]) if size > 1]
        for width in dict.fromkeys(widths):
            yield from ((BATCH, LENGTH, width), (BATCH, width), (BATCH, width, 16, 16))


_WIDTHS = (
    "dim",
    "embed_dim",
    "hidden_size",
    "in_channels",
    "in_features",
    "d_model",
    "channels",
    "input_size",
    "in_dim",
    "embedding_dim",
)


def image_sizes(setting: Setting) -> list[int]:
    """Sides of images that may fit, best first."""
    found = list(setting.sizes)
    for module in _first_modules(setting.instance):
        for name in ("img_size", "image_size", "input_size", "resolution", "input_resolution"):
            value = getattr(module, name, None)
            if isinstance(value, (tuple, list)) and value and isinstance(value[0], int):
                value = value[-1]
            if isinstance(value, int) and 4 <= value <= 512 and value not in found:
                found.append(value)
    return found + [side for side in (SIDE, 64, 224) if side not in found]


def _first_modules(instance: nn.Module) -> list[nn.Module]:
    try:
        return list(instance.modules())[:6]
    except Exception:
        return []


def _shapes_for(layer: nn.Module, sizes: list[int]) -> Iterator[tuple[int, ...]]:
    if isinstance(layer, nn.modules.conv._ConvNd):
        dimensions = len(layer.kernel_size)
        transposed = layer.in_channels
        for side in sizes:
            space = {1: (side * 4,), 2: (side, side), 3: (min(side, 16),) * 3}.get(dimensions, (side,) * dimensions)
            yield (BATCH, transposed, *space)
    elif isinstance(layer, (nn.Linear, nn.Bilinear)):
        width = layer.in_features if isinstance(layer, nn.Linear) else layer.in1_features
        yield from ((BATCH, LENGTH, width), (BATCH, width), (BATCH, 16, width), (BATCH, 8, 8, width), (NODES, width))
        yield from ((BATCH, width, 8, 8), (width,))
    elif isinstance(layer, nn.LayerNorm):
        shape = tuple(layer.normalized_shape)
        yield from ((BATCH, LENGTH, *shape), (BATCH, 8, 8, *shape), (BATCH, *shape), (BATCH, *shape, 8, 8))
    elif isinstance(layer, nn.RNNBase):
        yield from ((BATCH, LENGTH, layer.input_size), (LENGTH, layer.input_size))
    elif isinstance(layer, nn.MultiheadAttention):
        yield (BATCH, LENGTH, layer.embed_dim)
    elif isinstance(layer, nn.GroupNorm):
        yield from ((BATCH, layer.num_channels, 16, 16), (BATCH, layer.num_channels, LENGTH))
    elif isinstance(layer, nn.modules.batchnorm._BatchNorm):
        width = layer.num_features
        yield from ((BATCH, width, 16, 16), (BATCH, width), (BATCH, width, LENGTH), (BATCH, width, 8, 8, 8))

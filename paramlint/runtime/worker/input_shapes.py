"""What a model says of its inputs' shapes: its first layers, its own parameters, its sizes by their usual names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from torch import nn

from paramlint.runtime.worker import guess, signature

BATCH = 2
LENGTH = 8
SIDE = 32
NODES = 8

_LARGEST = 1024
GRAPH = re.compile(r"edge_index|^adj_t$|^edges$")
_IMAGE_SIZE = re.compile(
    r"^(img|image|input)_?(size|res|resolution|height|width)$|^(input_|spatial_)?(resolution|size|shape)$"
)


class Setting(NamedTuple):
    """What is to be called: ``beside`` are the names of forward's parameters.

    ``sizes`` are heights and widths of images that it was made with.
    """

    instance: nn.Module
    beside: frozenset[str] = frozenset()
    sizes: tuple[tuple[int, int], ...] = ()

    @property
    def is_graph(self) -> bool:
        """Whether the call is about nodes that edges join."""
        return any(GRAPH.search(name) for name in self.beside)


def setting_of(instance: nn.Module, made_by: str) -> Setting:
    """The setting of an instance that a call with this text made."""
    try:
        beside = frozenset(item.name for item in signature.parameters(instance.forward))
    except Exception:  # a forward of the user's own making
        beside = frozenset()
    return Setting(instance, beside, tuple(dict.fromkeys(_sizes_named(made_by))))


def _sizes_named(made_by: str) -> Iterator[tuple[int, int]]:
    """Heights and widths that a call gives for the size of its images."""
    try:
        tree = ast.parse(made_by, mode="eval")
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg is not None and _IMAGE_SIZE.search(node.arg):
            with suppress(ValueError):
                yield from _height_and_width(ast.literal_eval(node.value))


def _height_and_width(value: object) -> Iterator[tuple[int, int]]:
    """The size of an image as a setting gives it: one number, or two at the end of a sequence."""
    sides = tuple(value)[-2:] if isinstance(value, (tuple, list)) else (value, value)
    if len(sides) == 1:
        sides *= 2
    if len(sides) == 2 and all(type(side) is int and 4 <= side <= _LARGEST for side in sides):
        yield sides[0], sides[1]


def head_size(instance: nn.Module) -> int:
    """How wide one head of attention is, as the model or one of its first parts says."""
    for module in _first_modules(instance):
        for name in ("head_dim", "head_size", "attention_head_size", "dim_head"):
            size = getattr(module, name, None)
            if isinstance(size, int) and 0 < size <= 4096:
                return size
    return 16


def first_embedding(instance: nn.Module) -> nn.Embedding | None:
    """The embedding that the model starts with, if it starts with one."""
    first = first_layer(instance)
    return first if isinstance(first, nn.Embedding) else None


def first_layer(instance: nn.Module) -> nn.Module | None:
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
    width = next((getattr(instance, name) for name in WIDTHS if isinstance(getattr(instance, name, None), int)), None)
    if width:
        yield from ((BATCH, LENGTH, width), (BATCH, width), (BATCH, width, 16, 16), (LENGTH, width))
    yield from _shapes_of_parameters(instance)
    for size in sizes:
        yield (BATCH, 3, *size)
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


WIDTHS = (
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


def image_sizes(setting: Setting) -> list[tuple[int, int]]:
    """Heights and widths of images that may fit, best first."""
    found = list(setting.sizes)
    for module in _first_modules(setting.instance):
        for holder in (module, *_settings(module)):
            for name in ("img_size", "image_size", "input_size", "resolution", "input_resolution"):
                found += _height_and_width(getattr(holder, name, None))
    return list(dict.fromkeys([*found, *((side, side) for side in (SIDE, 64, 224))]))


def _settings(module: nn.Module) -> Iterator[object]:
    """The settings that a module keeps, then those of its parts in them."""
    for name in ("config", "cfg"):
        held = vars(module).get(name)
        if held is not None and not isinstance(held, nn.Module):
            yield held
            parts = vars(held) if hasattr(held, "__dict__") else {}
            yield from (part for name, part in parts.items() if name.endswith(("_config", "_cfg")))


def _first_modules(instance: nn.Module) -> list[nn.Module]:
    try:
        return list(instance.modules())[:6]
    except Exception:
        return []


def _shapes_for(layer: nn.Module, sizes: list[tuple[int, int]]) -> Iterator[tuple[int, ...]]:
    if isinstance(layer, nn.modules.conv._ConvNd):
        dimensions = len(layer.kernel_size)
        transposed = layer.in_channels
        for height, width in sizes:
            space = {1: (width * 4,), 2: (height, width)}.get(dimensions, (min(width, 16),) * dimensions)
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

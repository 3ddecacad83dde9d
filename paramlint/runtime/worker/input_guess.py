"""Plausible inputs for a forward method, from its parameters' names and annotations and the model's first layers."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Iterator

import torch
from torch import nn

from paramlint.runtime.worker import guess, input_shapes
from paramlint.runtime.worker.guess import Guess, Parameter, constant, expression
from paramlint.runtime.worker.input_shapes import BATCH, LENGTH, NODES, SIDE, Setting

EDGES = 16

_IDS = re.compile(
    r"(^|_)(ids?|idx|index|indices|tokens?|labels?|targets?|y|classes|words|chars|cat|categor\w*|src|tgt|seq)($|_)|text$|input_ids"
)
_MASK = re.compile(r"mask")
_TIME = re.compile(r"^(t|time|times|timesteps?|sigma|noise_level|step|temb_t|lengths?|.*_lengths?|r)$")
_IMAGE = re.compile(r"^(img|image|images|imgs|pixel_values|picture|frame)s?$")
_VIDEO = re.compile(r"^(video|videos|clip|clips|pixel_values_videos)$")
_FUNCTION = re.compile(r"^(fn|func|function|score_fn|callback)$|_(fn|func)$")
_ROTARY = re.compile(r"^position_embeddings?$|rotary|^cos_sin$|^freqs")
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


_SEVERAL = re.compile(r"(list|List|Sequence|tuple|Tuple)\[")

# What goes with a sequence of 8 where that is one map of 2 times 4, or the one sequence that is packed into it.
_EXACT = (
    (re.compile(r"spatial_shapes_list$"), constant([(2, 4)])),
    (re.compile(r"spatial_shapes$"), expression("torch.tensor([[2, 4]])", lambda: torch.tensor([[2, 4]]))),
    (re.compile(r"^level_start_index$"), expression("torch.tensor([0])", lambda: torch.tensor([0]))),
    (re.compile(r"^reference_points$"), expression("torch.rand(2, 8, 1, 2)", lambda: torch.rand(2, 8, 1, 2))),
    (re.compile(r"^valid_ratios$"), expression("torch.ones(2, 1, 2)", lambda: torch.ones(2, 1, 2))),
    (
        re.compile(r"^cu_seq_?lens"),
        expression("torch.tensor([0, 8], dtype=torch.int32)", lambda: torch.tensor([0, 8], dtype=torch.int32)),
    ),
)


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
    if input_shapes.GRAPH.search(name):
        yield expression("torch.randint(8, (2, 16))", lambda: torch.randint(NODES, (2, 16)))
    elif setting.is_graph or "batch" in setting.beside:
        yield from _of_graph(name, setting)
    count = _length_of_tuple(parameter.annotation, torch.Tensor)
    if _ROTARY.search(name) and (count == 2 or not annotation):
        size = input_shapes.head_size(instance)
        yield expression(
            f"(torch.randn(1, 8, {size}), torch.randn(1, 8, {size}))",
            lambda: (torch.randn(1, LENGTH, size), torch.randn(1, LENGTH, size)),
        )
    if _length_of_tuple(parameter.annotation, int) == 2:
        yield constant((2, LENGTH // 2))
    if count:
        yield from (several(shape, count, "tuple") for shape in list(input_shapes.shapes(setting))[:6])
    elif _SEVERAL.search(annotation) and "Tensor" in annotation and "Optional" not in annotation:
        for shape in list(input_shapes.shapes(setting))[:6]:
            yield several(shape, 3, "tuple" if "uple" in annotation else "list")
        yield from (several(shape, 4, "list") for shape in list(input_shapes.shapes(setting))[:3])
    if input_shapes.GRAPH.search(name):
        return
    if _IMAGE.match(name):
        yield from (tensor(BATCH, 3, *sides) for sides in input_shapes.image_sizes(setting))
    if _VIDEO.match(name):
        for sides in input_shapes.image_sizes(setting):
            yield from (tensor(BATCH, 3, 8, *sides), tensor(BATCH, 8, 3, *sides))
    if name in ("adj", "adjacency"):
        yield ones(torch.float32, BATCH, LENGTH, LENGTH)
    if name in ("index", "i", "j", "indices") and "dim_size" in setting.beside:
        yield ids(LENGTH, LENGTH)
    if name == "batch" or name in ("batch_index", "ptr"):
        yield expression("torch.zeros(8, dtype=torch.long)", lambda: torch.zeros(NODES, dtype=torch.long))
    yield from (found for pattern, found in _EXACT if pattern.search(name))
    if _MASK.search(name):
        yield constant(None)
        yield ones(torch.bool, BATCH, LENGTH)
        yield ones(torch.bool, LENGTH, LENGTH)
        yield ones(torch.float32, BATCH, 1, LENGTH, LENGTH)
        return
    if name in ("batch_shape", "input_shape", "x_shape"):
        yield constant((BATCH, 3, SIDE, SIDE))
    if name in (
        "hw",
        "size",
        "shape",
        "window_size",
        "input_resolution",
        "spatial_shape",
        "h_w",
        "hw_shape",
        "output_size",
    ):
        yield constant((8, 8))
    if name in ("h", "w", "height", "width") and input_shapes.first_layer(instance) is None:
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
    first = input_shapes.first_embedding(instance)
    if _IDS.search(name) or first is not None:
        limit = min(first.num_embeddings, 100) if first is not None else 2
        yield ids(limit, BATCH, LENGTH)
        if _IDS.search(name):
            yield ids(limit, BATCH)
            yield ids(limit, BATCH, SIDE, SIDE)
    if plain is dict or annotation.startswith(("dict", "Dict", "typing.Dict")) or name.endswith("_dict"):
        yield expression("{'x': torch.randn(2, 8)}", lambda: {"x": torch.randn(2, 8)})
    for shape in input_shapes.shapes(setting):
        yield tensor(*shape)
    yield several((BATCH, guess.WIDTH, 16, 16), 4, "list")
    yield constant(2)


def _length_of_tuple(annotation: object, kind: type) -> int:
    """How many values of a kind an annotation's tuple has; 0 where it is none, or has any number."""
    parts = typing.get_args(annotation)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return max((_length_of_tuple(part, kind) for part in parts), default=0)
    is_exact = typing.get_origin(annotation) is tuple and all(part is kind for part in parts)
    return len(parts) if is_exact else 0


def _of_graph(name: str, setting: Setting) -> Iterator[Guess]:
    """Features of nodes and edges, as ``edge_index`` of 16 edges between 8 nodes asks for them."""
    width = next((shape[-1] for shape in input_shapes.shapes(setting) if len(shape) < 4), guess.WIDTH)
    own = next(
        (value for value in (getattr(setting.instance, part, None) for part in input_shapes.WIDTHS) if value), width
    )
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
    made = f"torch.randn({text}) for _ in range({count})"
    return expression(f"[{made}]" if kind == "list" else f"tuple({made})", lambda: _collected(shape, count, kind))


def _collected(shape: tuple[int, ...], count: int, kind: str) -> object:
    items = [torch.randn(*shape) for _ in range(count)]
    return tuple(items) if kind == "tuple" else items


def _scalars(parameter: Parameter) -> Iterator[Guess]:
    for found in guess.from_annotation(parameter.annotation, parameter.name):
        if isinstance(found, Guess):
            yield found

"""Small settings that fit each other, from the defaults of a configuration class."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

_LAYERS = re.compile(
    r"^(num_|n_)?(hidden_|encoder_|decoder_|transformer_|attention_|vision_|text_)*(layers?|blocks|depths?)$"
)
_LEAST_LAYERS = 2
# So few are stages as often, each wider than the one before: without one of them widths no longer fit.
_FEW_LAYERS = 4
_LEAST_WIDTH = 32
_LEAST_VOCABULARY = 512
_FACTORS = (16, 8, 4)
_DEEPEST = 3
_SCALARS = (bool, int, float, str)

# Words of names that say how wide something is, unless another word says that it is a number of something else.
_WIDE = re.compile(
    r"(^|_)(hidden|intermediate|dims?|channels?|ffn|ff|inner|embd|embed|embedding|emb|features?|feats|rank|units|filters"
    r"|widths?|proj|projection|feedforward|model|kv|mlp)(_|$)"
)
_NOT_WIDE = re.compile(
    r"(^|_)(num|max|min|n|images?|img|patch|patches|kernels?|vocab|tokens?|ids?|index|indices|layers?|strides?|window"
    r"|positions?|pos|length|scale|ratio|multiplier|types?|classes|labels|resolution|heads|groups?|chunk|bins|mel|rate"
    r"|sampling)(_|$)"
)
_WIDE_ALL_THE_SAME = re.compile(
    r"^n_(embd|inner|hidden)$|(hidden_size|hidden_dim|embed_dim)$|^hidden_size_per_|^num_pos_feats$|(^|_)d_(head|state)$"
)
# What divides widths, and the least part that is no accident: a head is no narrower.
_LEAST_PARTS = (("heads", 16), ("head", 16), ("groups", 2))
_UNDIVIDED = re.compile(r"(^|_)(intermediate|ffn|ff|mlp|inner|feedforward|head)(_|$)")
_IDENTIFIERS = re.compile(r"(^|_)(token|start|end|pad|bos|eos|sep|cls|mask|patch)_(id|index)$|_(start|end|pad)_id$")

IsConfiguration = Callable[[type], bool]


class Small(NamedTuple):
    """A class with keyword arguments that make a configuration; those that are ``Small`` are to be made first."""

    kind: Callable[..., object]
    values: Mapping[str, object]

    def make(self) -> object:
        """Return a new configuration; what the class raises is the caller's."""
        made = {name: value.make() if isinstance(value, Small) else value for name, value in self.values.items()}
        return self.kind(**made)

    @property
    def text(self) -> str:
        """The call as a reader would write it."""
        texts = [f"{name}={_text(value)}" for name, value in self.values.items()]
        return f"{getattr(self.kind, '__name__', self.kind)}({', '.join(texts)})"


def _text(value: object) -> str:
    return value.text if isinstance(value, Small) else repr(value)


def settings(config: object, is_configuration: IsConfiguration) -> Iterator[Small]:
    """Calls that make smaller configurations like ``config`` of the same class, the smallest first.

    All widths are divided by one factor, those of nested configurations too: what was equal stays equal, what was a
    multiple stays one, and numbers of heads and groups divide what they divided. Layers become two, if that may be.
    Identifiers of special tokens that a small vocabulary lacks become its last ones and stay apart.
    """
    tree = list(_tree(config, is_configuration))
    identifiers = _renumbered(tree)
    factor = next((factor for factor in _FACTORS if all(_keeps_divisors(item, factor) for item in tree)), None)
    if factor is not None:
        yield _Shrinking(factor, _LEAST_LAYERS, identifiers, is_configuration).of(config)
        yield _Shrinking(factor, None, identifiers, is_configuration).of(config)
    yield _Shrinking(1, _LEAST_LAYERS, {}, is_configuration).of(config)


class _Shrinking(NamedTuple):
    """One way to make settings smaller: a factor of 1 keeps all but the number of layers, None as that keeps it."""

    factor: int
    layers: int | None
    identifiers: Mapping[int, int]
    is_configuration: IsConfiguration

    def of(self, config: object, depth: int = 0) -> Small:
        found = _fields(config)
        per_layer = {value for name, (value, _) in found.items() if _LAYERS.match(name) and isinstance(value, int)}
        values: dict[str, object] = {}
        for name, (value, default) in found.items():
            if self.is_configuration(type(value)):
                nested = self.of(value, depth + 1) if depth < _DEEPEST else None
                if nested is not None and nested.values:
                    values[name] = nested
                continue
            new = self._sequence(name, value, per_layer) if type(value) in (list, tuple) else self._number(name, value)
            # What is None by default is derived from the rest, which is smaller now.
            if new != value or (type(value) in _SCALARS and default is not None and value != default):
                values[name] = new
        return Small(type(config), values)

    def _sequence(self, name: str, value: Any, per_layer: set[int]) -> object:
        items = list(value)
        if self.layers is not None and len(items) > _FEW_LAYERS and len(items) in per_layer:
            items = items[: self.layers]
        if self.layers is not None and _LAYERS.match(name) and all(type(item) is int for item in items):
            return type(value)(min(item, self.layers) for item in items)
        return type(value)(self._number(name, item) for item in items)

    def _number(self, name: str, value: object) -> object:
        if type(value) is not int:
            return value
        if _LAYERS.match(name):
            return value if self.layers is None or value <= _FEW_LAYERS else self.layers
        if self.factor == 1:
            return value
        if name.endswith("vocab_size"):
            return min(value, _LEAST_VOCABULARY)
        if _IDENTIFIERS.search(name):
            return self.identifiers.get(value, value)
        return value // self.factor if _is_width(name, value) and value % self.factor == 0 else value


def _tree(config: object, is_configuration: IsConfiguration, depth: int = 0) -> Iterator[object]:
    yield config
    for value, _ in _fields(config).values():
        if depth < _DEEPEST and is_configuration(type(value)):
            yield from _tree(value, is_configuration, depth + 1)


def _fields(config: object) -> dict[str, tuple[object, object]]:
    """What a configuration was or could be called with, by name: its value now, and the default."""
    try:
        parameters = inspect.signature(type(config)).parameters.values()
    except (ValueError, TypeError):
        return {}
    held = vars(config) if hasattr(config, "__dict__") else {}
    return {item.name: (held[item.name], item.default) for item in parameters if item.name in held}


def _is_width(name: str, value: int) -> bool:
    if value < _LEAST_WIDTH:
        return False
    return bool((_WIDE.search(name) and not _NOT_WIDE.search(name)) or _WIDE_ALL_THE_SAME.search(name))


def _numbers(config: object) -> dict[str, tuple[int, ...]]:
    """The numbers of each setting: one, or as many as its sequence has."""
    found: dict[str, tuple[int, ...]] = {}
    for name, (value, _) in _fields(config).items():
        items = tuple(value) if isinstance(value, (list, tuple)) else (value,)
        if items and all(type(item) is int for item in items):
            found[name] = items
    return found


def _keeps_divisors(config: object, factor: int) -> bool:
    """Whether heads and groups divide the widths that they divided, and into even parts where they were even."""
    numbers = _numbers(config)
    # Where the width of a head is a setting of its own, widths need be no multiple of heads.
    own = {size for name, sizes in numbers.items() if name.endswith("head_dim") for size in sizes}
    pairs = (
        (width, divider, least)
        for name, widths in numbers.items()
        if not _UNDIVIDED.search(name)
        for other, dividers in numbers.items()
        for ending, least in _LEAST_PARTS
        if other.endswith(ending) and len(dividers) == len(widths)
        for width, divider in zip(widths, dividers, strict=True)
        if divider > 1 and _is_width(name, width) and width % factor == 0
    )
    for width, divider, least in pairs:
        part, rest = divmod(width, divider)
        is_free = bool(own) and least > 2 and part not in own
        if rest == 0 and part >= least and not is_free and (width // factor) % (divider if part % 2 else 2 * divider):
            return False
    return True


def _renumbered(tree: list[object]) -> dict[int, int]:
    """New identifiers for tokens that a small vocabulary does not have, in their order."""
    found = {
        value
        for config in tree
        for name, values in _numbers(config).items()
        if _IDENTIFIERS.search(name)
        for value in values
    }
    large = sorted(value for value in found if value >= _LEAST_VOCABULARY)
    return {value: _LEAST_VOCABULARY - len(large) + index for index, value in enumerate(large)}

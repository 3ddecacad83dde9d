"""Settings made smaller: what fits each other in the defaults of a configuration class still does."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import pytest

from paramlint.runtime.worker import small
from paramlint.runtime.worker.configuration import is_configuration


@dataclass
class VisionConfig:
    hidden_size: int = 1024
    intermediate_size: int = 4096
    num_attention_heads: int = 16
    num_hidden_layers: int = 24
    image_size: int = 224
    patch_size: int = 16
    hidden_sizes: tuple[int, ...] = (128, 256)
    layer_kinds: list[str] = field(default_factory=lambda: ["full"] * 24)


@dataclass
class ModelConfig:
    vision_config: VisionConfig = field(default_factory=lambda: VisionConfig(hidden_size=512))
    vocab_size: int = 32_000
    hidden_size: int = 512
    head_dim: int | None = None
    num_attention_heads: int = 8
    num_layers: int = 1
    image_token_id: int = 31_998
    pad_token_id: int = 0
    end_token_id: int = 31_999

    def __post_init__(self) -> None:
        self.head_dim = self.head_dim or self.hidden_size // self.num_attention_heads


@dataclass
class StagedConfig:
    embed_dim: int = 96
    hidden_size: int = 768
    num_layers: int = 4
    depths: tuple[int, ...] = (2, 2, 18, 2)
    num_heads: tuple[int, ...] = (3, 6, 12, 24)


@dataclass
class NarrowConfig:
    hidden_size: int = 96
    num_attention_heads: int = 3


@dataclass
class FreeConfig:
    hidden_size: int = 2880
    num_attention_heads: int = 64
    head_dim: int = 64


@dataclass
class OddConfig:
    hidden_size: int = 144
    num_attention_heads: int = 3


def made(config: object) -> list[object]:
    return [found.make() for found in small.settings(config, is_configuration)]


def test_equal_widths_stay_equal_across_nested_configurations() -> None:
    smallest = made(ModelConfig())[0]
    assert isinstance(smallest, ModelConfig)
    assert smallest.hidden_size == smallest.vision_config.hidden_size == 32
    assert smallest.head_dim == 4
    assert smallest.vision_config.intermediate_size == 256
    assert smallest.vision_config.hidden_sizes == (8, 16)


def test_what_is_no_width_stays() -> None:
    vision = made(VisionConfig())[0]
    assert isinstance(vision, VisionConfig)
    assert (vision.image_size, vision.patch_size, vision.num_attention_heads) == (224, 16, 16)


def test_layers_become_two_and_so_does_what_is_given_for_each_layer() -> None:
    vision = made(VisionConfig())[0]
    assert isinstance(vision, VisionConfig)
    assert vision.num_hidden_layers == 2
    assert vision.layer_kinds == ["full", "full"]


def test_few_stages_stay_as_many() -> None:
    staged = made(StagedConfig())[0]
    assert staged == StagedConfig(embed_dim=6, hidden_size=48, depths=(2, 2, 2, 2))


def test_where_two_layers_do_not_do_the_same_widths_are_tried_with_all() -> None:
    kept = [config for config in made(VisionConfig()) if isinstance(config, VisionConfig)]
    assert any(config.num_hidden_layers == 24 and config.hidden_size == 64 for config in kept)


def test_tokens_stay_apart_inside_a_small_vocabulary() -> None:
    smallest = made(ModelConfig())[0]
    assert isinstance(smallest, ModelConfig)
    tokens = smallest.pad_token_id, smallest.image_token_id, smallest.end_token_id
    assert tokens == (0, smallest.vocab_size - 2, smallest.vocab_size - 1)


@pytest.mark.parametrize(
    ("config", "width"),
    [
        pytest.param(NarrowConfig(), 6, id="heads of 2 are even"),
        pytest.param(OddConfig(), 18, id="a factor that makes odd heads is passed over"),
    ],
)
def test_heads_divide_what_they_divided(config: NarrowConfig | OddConfig, width: int) -> None:
    smallest = made(config)[0]
    assert smallest == dataclasses.replace(config, hidden_size=width)


def test_where_heads_have_a_width_of_their_own_it_binds_nothing_else() -> None:
    assert made(FreeConfig())[0] == FreeConfig(hidden_size=180, head_dim=4)


def test_the_text_is_a_call_that_makes_the_same() -> None:
    first = next(small.settings(ModelConfig(), is_configuration))
    again = eval(first.text, {"ModelConfig": ModelConfig, "VisionConfig": VisionConfig})
    assert again == first.make()

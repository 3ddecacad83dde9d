"""What a model and its forward's annotations say of inputs, and what an error says of those that do not fit."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from paramlint.runtime.worker import input_guess, input_repair, input_shapes, signature
from paramlint.runtime.worker.guess import Guess
from paramlint.runtime.worker.input_shapes import Setting


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head_dim = 6

    def forward(self, x: torch.Tensor, position_embeddings: tuple[torch.Tensor, torch.Tensor] | None = None) -> None:
        cos, _sin = position_embeddings  # type: ignore[misc]
        x * cos


class Windowed(nn.Module):
    def forward(self, x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        return x.view(2, *size, -1)


class Patches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.image_size = (256, 192)

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        return pixel_values


def first(module: nn.Module, name: str) -> object:
    parameter = next(item for item in signature.parameters(module.forward) if item.name == name)
    return next(input_guess.values(parameter, Setting(module))).make()


def test_a_tuple_of_so_many_tensors_gets_so_many_as_wide_as_a_head() -> None:
    value = first(Attention(), "position_embeddings")
    assert isinstance(value, tuple)
    assert [item.shape for item in value] == [(1, 8, 6)] * 2


def test_two_integers_are_the_sides_of_a_map_with_as_many_places_as_a_sequence() -> None:
    assert first(Windowed(), "size") == (2, input_shapes.LENGTH // 2)


def test_an_image_is_as_high_and_wide_as_the_model_was_made_for() -> None:
    value = first(Patches(), "pixel_values")
    assert isinstance(value, torch.Tensor)
    assert value.shape[-2:] == (256, 192)


def test_an_image_has_the_size_that_the_model_keeps_among_its_settings() -> None:
    module = Windowed()
    module.config = SimpleNamespace(image_size=48)  # type: ignore[assignment]
    assert input_shapes.image_sizes(Setting(module))[0] == (48, 48)


def test_an_image_has_the_size_that_the_settings_of_a_part_say() -> None:
    module = Windowed()
    module.config = SimpleNamespace(vision_config=SimpleNamespace(image_size=48))  # type: ignore[assignment]
    assert input_shapes.image_sizes(Setting(module))[0] == (48, 48)


@pytest.mark.parametrize(
    ("made_by", "sizes"),
    [
        pytest.param("Net(img_size=(64, 32))", ((64, 32),), id="height and width"),
        pytest.param("Net(image_size=48)", ((48, 48),), id="one side"),
        pytest.param("Net(input_size=(3, 64, 32))", ((64, 32),), id="channels first"),
        pytest.param("Net(img_size=SIZE)", (), id="a name"),
    ],
)
def test_sizes_that_a_call_names(made_by: str, sizes: tuple[tuple[int, int], ...]) -> None:
    assert input_shapes.setting_of(Patches(), made_by).sizes == sizes


def test_tensors_of_a_tuple_take_the_size_that_an_error_asks_for() -> None:
    module = Attention()
    known = list(signature.parameters(module.forward))
    plan = {
        "x": input_guess.tensor(2, 8, 2),
        "position_embeddings": Guess("", lambda: (torch.ones(1, 8, 6), torch.ones(1, 8, 6))),
    }
    with pytest.raises(RuntimeError) as caught:
        module(*[item.make() for item in plan.values()])
    changes = [dict(change) for change in input_repair.repairs(caught.value, Setting(module), known, plan)]
    pairs = [change["position_embeddings"].make() for change in changes if "position_embeddings" in change]
    assert any(isinstance(pair, tuple) and [item.shape for item in pair] == [(1, 8, 2)] * 2 for pair in pairs)


def test_what_is_none_where_it_is_unpacked_is_given_first() -> None:
    module = Attention()
    known = list(signature.parameters(module.forward))
    plan = {"x": input_guess.tensor(2, 8, 2)}
    with pytest.raises(TypeError) as caught:
        module(plan["x"].make())
    changes = [dict(change) for change in input_repair.repairs(caught.value, Setting(module), known, plan)]
    assert any("position_embeddings" in change for change in changes[:8])


@pytest.mark.parametrize("kind", ["list", "tuple"])
def test_the_text_of_an_input_makes_what_was_made(kind: str) -> None:
    found = input_guess.several((2, 3), 3, kind)
    torch.manual_seed(0)
    made: Any = found.make()
    torch.manual_seed(0)
    again = eval(found.text, {"torch": torch})
    assert type(again) is type(made)
    assert [item.tolist() for item in again] == [item.tolist() for item in made]

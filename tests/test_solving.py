"""Arguments for a constructor: which are given without being asked for, and what an error changes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from paramlint.model.observation import ClassRequest, Recipe
from paramlint.runtime.worker import build
from paramlint.runtime.worker.build import Built, NotBuilt
from paramlint.runtime.worker.providers import Parts
from paramlint.runtime.worker.solve import Situation, Solved, solve
from paramlint.runtime.worker.timing import Clock


@dataclass
class HeadConfig:
    kind: str = "eager"


class Head(nn.Module):
    def __init__(self, width: int, config: HeadConfig | None = None) -> None:
        super().__init__()
        self.layer = nn.Linear(width, width)
        self.config = config

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert self.config is not None
        return self.layer(x) if self.config.kind == "eager" else x


class Refusing(nn.Module):
    def __init__(self, width: int, config: HeadConfig | None = None) -> None:
        super().__init__()
        if config is not None:
            raise ValueError("settings are given by the width alone")
        self.layer = nn.Linear(width, width)


class AllOptional(nn.Module):
    def __init__(self, config: HeadConfig | None = None) -> None:
        super().__init__()
        self.config = config


@dataclass
class EncoderConfig:
    hidden_size: int = 64


@dataclass
class DecoderConfig:
    hidden_size: int = 64
    downsampling: int = 2


class Encoder(nn.Module):
    def __init__(self, config) -> None:  # type: ignore[no-untyped-def]
        super().__init__()
        self.layer = nn.Linear(config.hidden_size, config.hidden_size // config.downsampling)


class Backbone(nn.Module):
    """One of the usual size, which would take seconds to fill."""

    def __init__(self) -> None:
        super().__init__()
        self.stage_widths = [20_000]
        self.layer = nn.Linear(20_000, 20_000)


class SmallBackbone(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.stage_widths = [width, width]
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)


class Counting(nn.Module):
    def stage_widths(self) -> list[int]:
        return [1]


class Neck(nn.Module):
    def __init__(self, backbone) -> None:  # type: ignore[no-untyped-def]
        super().__init__()
        self.backbone = backbone
        self.layers = nn.ModuleList([nn.Linear(width, 8) for width in widths_of(backbone)])


def widths_of(net: nn.Module) -> list[int]:
    return net.stage_widths  # type: ignore[return-value]


class CallingNeck(nn.Module):
    def __init__(self, backbone) -> None:  # type: ignore[no-untyped-def]
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(width, 8) for width in counted_by(backbone)])


def counted_by(net) -> list[int]:  # type: ignore[no-untyped-def]
    return net.stage_widths()  # type: ignore[no-any-return]


class Ensemble(nn.Module):
    def __init__(self, members: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.stack([member.weight.detach() for member in members]))


class Quantised(nn.Module):
    def __init__(self, weight: nn.Parameter | torch.Tensor) -> None:
        super().__init__()
        self.rows, self.columns = weight.size()


class Classifier(nn.Module):
    def __init__(self, n_hidden, n_class) -> None:  # type: ignore[no-untyped-def]
        super().__init__()
        self.head = nn.Linear(n_hidden, n_class)


def solved(kind: type[nn.Module]) -> Solved:
    clock = Clock(20.0)
    found = solve(kind, {}, Situation(clock, lambda thunk: thunk(), Parts(clock)))
    assert isinstance(found, Solved)
    return found


def test_settings_that_may_be_left_out_are_given_where_others_have_to_be() -> None:
    head = solved(Head).value
    assert isinstance(head, Head)
    assert isinstance(head.config, HeadConfig)


def test_settings_that_are_refused_are_left_out() -> None:
    refusing = solved(Refusing).value
    assert isinstance(refusing, Refusing)
    assert refusing.layer.in_features == 64


def test_what_needs_no_arguments_gets_none() -> None:
    found = solved(AllOptional)
    assert not found.has_guesses
    assert found.text == "AllOptional()"


def test_settings_of_a_neighbour_are_tried_where_those_of_the_same_name_lack_something() -> None:
    encoder = solved(Encoder)
    assert "DecoderConfig" in encoder.text


def test_a_sequence_of_modules_holds_modules_of_the_class_that_its_annotation_names() -> None:
    assert "[Linear(in_features=64, out_features=64), " in solved(Ensemble).text


def test_a_parameter_is_given_in_a_shape() -> None:
    assert solved(Quantised).text == "Quantised(weight=nn.Parameter(torch.randn(8, 8)))"


def test_a_class_that_is_counted_is_a_number() -> None:
    assert solved(Classifier).text == "Classifier(n_hidden=64, n_class=10)"


CALLS: list[str] = []


class Broken(nn.Module):
    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.layer = nn.Linear(width, width)
        self.layer.weight = self.layer.weight * 0.5


class Part(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Linear(width, width)


class SlowWhole(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        time.sleep(0.8)
        self.part = Part(512)


def make_broken() -> nn.Module:
    CALLS.append("broken")
    return nn.Sequential(Broken())


def make_slow() -> nn.Module:
    return SlowWhole()


def requested(name: str, *functions: str) -> ClassRequest:
    recipes = tuple(Recipe("function", __name__, __file__, f"{function}()") for function in functions)
    return ClassRequest(name, __file__, "", __name__, name, recipes=recipes)


def test_what_its_own_constructor_raises_in_a_few_calls_is_not_met_in_all() -> None:
    CALLS.clear()
    found = build.build(requested("Broken", *["make_broken"] * 10), Clock(20.0))
    assert isinstance(found, NotBuilt)
    assert "cannot assign" in found.reason
    assert len(CALLS) == 3


def test_a_part_of_what_is_made_slowly_is_made_alone() -> None:
    found = build.build(requested("Part", "make_slow"), Clock(8.0))
    assert isinstance(found, Built)
    assert (found.within, found.kind) == ("", "guessed")


def test_a_part_of_what_is_made_quickly_enough_is_made_as_the_project_makes_it() -> None:
    found = build.build(requested("Part", "make_slow"), Clock(60.0))
    assert isinstance(found, Built)
    assert (found.within, found.kind) == ("part", "function")


def test_a_part_that_an_argument_has_to_be_is_the_smallest_that_has_what_was_missed() -> None:
    started = time.perf_counter()
    assert solved(Neck).text == "Neck(backbone=SmallBackbone(width=64))"
    assert time.perf_counter() - started < 5


def test_where_the_missed_attribute_is_called_a_part_that_has_it_as_a_method_comes_first() -> None:
    assert solved(CallingNeck).text == "CallingNeck(backbone=Counting())"


class Narrow(nn.Linear):
    expansion = 1


class Wide(nn.Linear):
    expansion = 4


class Stack(nn.Module):
    def __init__(self, block: type[Narrow | Wide], width: int) -> None:
        super().__init__()
        self.layer = block(width, width * block.expansion)


def test_where_a_class_is_asked_for_the_annotation_says_which() -> None:
    assert solved(Stack).text == "Stack(block=Narrow, width=64)"


class Shifted(nn.Module):
    def __init__(self, places: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(places + 1, 2))
        with torch.no_grad():
            self.table.copy_(torch.ones(38, 2))


class Multiplied(nn.Module):
    def __init__(self, groups: int) -> None:
        super().__init__()
        self.product = nn.Parameter(torch.ones(2, 3 * groups) @ torch.ones(111, 2))


@pytest.mark.parametrize("kind", [Shifted, Multiplied])
def test_sizes_that_differ_say_how_a_count_has_to_change(kind: type[nn.Module]) -> None:
    assert "=37" in solved(kind).text

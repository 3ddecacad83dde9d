"""Arguments for a constructor: which are given without being asked for, and what an error changes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

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


def solved(kind: type[nn.Module]) -> Solved:
    found = solve(kind, {}, Situation(Clock(20.0), lambda thunk: thunk()))
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

"""Small models that leave a tensor behind, or do not, run on both simulated devices: ``python -m tests.device_forwards``.

Prints for each what each device said: "ran", "clash" or "not run: <reason>". In a process of its own, since a simulated
device can be registered once only.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from paramlint.runtime.worker import device
from paramlint.runtime.worker.accelerator import simulated
from paramlint.runtime.worker.inputs import Input
from paramlint.runtime.worker.timing import Clock

Forward = Callable[["Net", torch.Tensor], torch.Tensor]


class Net(nn.Module):
    """Holds one tensor of each kind that forwards below meet; ``pinned`` and what follows are plain."""

    def __init__(self, forward: Forward) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.norm = nn.LayerNorm(4)
        self.gru = nn.GRU(4, 4, batch_first=True)
        self.lstm = nn.LSTM(4, 4, batch_first=True)
        self.embedding = nn.Embedding(8, 4)
        self.register_buffer("moving_index", torch.tensor([0, 1]))
        self.pinned = torch.arange(16.0).reshape(4, 4)
        self.row = torch.arange(4.0)
        self.index = torch.tensor([0, 1])
        self.scalar = torch.tensor(2.0)
        self.kernel = torch.ones(4, 4, 1)
        self.hidden = [nn.Linear(4, 4)]
        self.own_forward = forward

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.own_forward(self, x)


def _in_place(net: Net, x: torch.Tensor) -> torch.Tensor:
    x = x.clone()
    x += net.row
    return x


def _into_a_number(net: Net, x: torch.Tensor) -> torch.Tensor:
    net.scalar += x.mean()
    return x


def _branch(net: Net, x: torch.Tensor) -> torch.Tensor:
    return x + net.row if x.abs().sum() > 0 else x


def _branch_sound(net: Net, x: torch.Tensor) -> torch.Tensor:
    return x + net.row.to(x) if x.abs().sum() > 0 else x


# name: (forward, what hardware says)
FORWARDS: dict[str, tuple[Forward, str]] = {
    "add": (lambda net, x: x + net.row, "clash"),
    "matmul": (lambda net, x: x @ net.pinned, "clash"),
    "linear": (lambda net, x: F.linear(x, net.pinned), "clash"),
    "cat": (lambda net, x: torch.cat([x, net.pinned.expand(2, 4, 4)], 1), "clash"),
    "where": (lambda net, x: torch.where(x > 0, x, net.row), "clash"),
    "embedding": (lambda net, x: F.embedding(net.moving_index, net.pinned), "clash"),
    "embedding_of_pinned_ids": (lambda net, x: net.embedding(net.index), "clash"),
    "index_select": (lambda net, x: x.index_select(1, net.index), "clash"),
    "layer_norm": (lambda net, x: F.layer_norm(x, (4,), net.row), "clash"),
    "in_place": (_in_place, "clash"),
    "hidden_module": (lambda net, x: net.hidden[0](x), "clash"),
    "made_in_forward": (lambda net, x: x + torch.ones(4), "clash"),
    "attention": (lambda net, x: F.scaled_dot_product_attention(x, x, net.pinned.expand(2, 4, 4)), "clash"),
    "conv_with_pinned_kernel": (lambda net, x: F.conv1d(x, net.kernel), "clash"),
    "pinned_by_moving_index": (lambda net, x: x[:, :2] + net.pinned[net.moving_index], "clash"),
    "item": (lambda net, x: x * x.sum().item() + net.row, "clash"),
    "branch_on_data": (_branch, "clash"),
    "gru": (lambda net, x: net.gru(x)[0] + net.row, "clash"),
    "lstm": (lambda net, x: net.lstm(x)[0] + net.row, "clash"),
    "state_made_for_gru": (lambda net, x: net.gru(x, torch.zeros(1, 2, 4))[0], "clash"),
    "zero_dim": (lambda net, x: x * net.scalar, "ran"),
    "by_pinned_index": (lambda net, x: x[:, net.index], "ran"),
    "to_device": (lambda net, x: x + net.row.to(x.device), "ran"),
    "to_tensor": (lambda net, x: x + net.row.to(x), "ran"),
    "type_as": (lambda net, x: x + net.row.type_as(x), "ran"),
    "made_on_device": (lambda net, x: x + torch.ones(4, device=x.device), "ran"),
    "new_zeros": (lambda net, x: x + x.new_zeros(4), "ran"),
    "ones_like": (lambda net, x: x + torch.ones_like(x), "ran"),
    "registered_only": (lambda net, x: net.norm(net.layer(x)), "ran"),
    "item_sound": (lambda net, x: x * x.sum().item(), "ran"),
    "branch_sound": (_branch_sound, "ran"),
    "gru_sound": (lambda net, x: net.gru(x)[0], "ran"),
    "lstm_sound": (lambda net, x: net.lstm(x)[0], "ran"),
    "unused": (lambda net, x: net.layer(x), "ran"),
    "into_a_number": (_into_a_number, "clash"),
    "into_a_number_by_method": (lambda net, x: net.scalar.add_(x.mean()), "clash"),
    "copied_into_a_number": (lambda net, x: net.scalar.copy_(x.mean()), "ran"),
    "filled_into_a_number": (lambda net, x: net.scalar.fill_(x.mean()), "ran"),
    "as_numbers": (lambda net, x: x * net.row.tolist()[1], "ran"),
}


def main() -> None:
    accelerator = simulated()
    chosen = Input("(torch.randn(2, 4, 4),)", lambda: ((torch.randn(2, 4, 4),), {}))
    said: dict[str, dict[str, str]] = {}
    for name, (forward, _) in FORWARDS.items():
        clock = Clock(60.0)
        make = functools.partial(Net, forward)
        shadowed = device.on_shadow(make(), chosen, clock)[0]
        told: object = accelerator
        if not isinstance(accelerator, str):
            told = device.on_simulated(make, chosen, accelerator, clock)[0]
        said[name] = {"simulated": str(told), "shadow": shadowed}
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main()

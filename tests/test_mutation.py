"""The mutation benchmark plants what it says: each operator in a class that has everything, and the oracle sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import libcst as cst
import pytest

from benchmarks.mutation import oracle_path
from benchmarks.mutation.operators import OPERATORS
from benchmarks.mutation.operators.shared import Operator

SOURCE = """
import math
import torch
from torch import nn


class Everything(nn.Module):
    def __init__(self, width: int = 4):
        super().__init__()
        self.register_buffer("positions", torch.arange(width).float())
        self.register_buffer("order", torch.arange(width))
        self.register_buffer("offset", torch.ones(width))
        self.gain = nn.Parameter(torch.ones(width))
        self.scale = nn.Parameter(torch.empty(width))
        self.shift = nn.Parameter(torch.empty(width))
        self.linear = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList([nn.Linear(width, width)])
        self.named = nn.ModuleDict({"a": nn.Linear(width, width)})
        self.gains = nn.ParameterList([nn.Parameter(torch.ones(width))])
        self.to_key = nn.Linear(width, width)
        self.to_value = nn.Linear(width, width)
        nn.init.normal_(self.scale)
        nn.init.zeros_(self.to_key.bias)
        self.apply(self._init_weights)
        self.init_last()
        self.reset_shift()

    def reset_shift(self):
        nn.init.zeros_(self.shift)

    def _init_weights(self, module):
        if isinstance(module, nn.Linear):
            nn.init.constant_(module.weight, 0.5)
        elif isinstance(module, nn.Embedding):
            nn.init.constant_(module.weight, 0.5)

    def init_last(self):
        nn.init.zeros_(self.linear.bias)

    def forward(self, x):
        x = self.norm(self.linear(x)) * self.gain * self.scale + self.shift * self.gains[0]
        x = self.named["a"](self.layers[0](x))
        x = self.to_key(x) + self.to_value(x)
        x = x + self.positions + self.offset + torch.zeros(x.shape, device=x.device)
        return x
"""


def everything() -> cst.ClassDef:
    (found,) = [item for item in cst.parse_module(SOURCE).body if isinstance(item, cst.ClassDef)]
    return found


def planted(operator: Operator) -> list[str]:
    return [text for text, _ in planted_on(operator)]


def planted_on(operator: Operator) -> list[tuple[str, str | None]]:
    return [(cst.Module([]).code_for_node(item.node), item.attribute) for item in operator.plant(everything())]


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: str(operator.name))
def test_each_operator_changes_the_class_and_leaves_it_python(operator: Operator) -> None:
    texts = planted(operator)
    assert texts
    for text in texts:
        compile(text, "planted", "exec")
        assert text.strip() != cst.Module([]).code_for_node(everything()).strip()


def test_the_oracle_sees_each_fault_and_nothing_in_the_class_as_it_is(tmp_path: Path) -> None:
    tmp_path.joinpath("everything.py").write_text(SOURCE)
    mutants = [(operator, *found) for operator in OPERATORS for found in planted_on(operator)]
    same = cst.Module([]).code_for_node(everything())
    faults = sorted({operator.fault for operator in OPERATORS})
    job = {
        "key": "everything",
        "module": "everything",
        "name": "Everything",
        "annotations": False,
        "mutants": [
            *({"text": text, "fault": operator.fault, "attribute": name} for operator, text, name in mutants),
            *({"text": same, "fault": fault, "attribute": None} for fault in faults),
        ],
    }
    jobs, results = tmp_path / "jobs", tmp_path / "results"
    jobs.write_text(json.dumps(job))
    subprocess.run(
        [sys.executable, str(oracle_path()), str(jobs), str(results)], check=True, env={"PYTHONPATH": str(tmp_path)}
    )
    answer = json.loads(results.read_text())
    assert answer["built"]
    assert answer["called"]
    seen = {operator.name for (operator, _, _), observed in zip(mutants, answer["observed"], strict=False) if observed}
    assert answer["observed"][len(mutants) :] == [None] * len(faults)
    assert {operator.name for operator in OPERATORS} - seen == set()

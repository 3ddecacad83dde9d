"""What the worker observes of models whose memory, state and gradients are out of the ordinary, and the judge's word on it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from torch import nn
from torch.nn import functional

from paramlint.model.code import Span
from paramlint.model.diagnostic import Diagnostic, Proof, Severity, Verdict
from paramlint.model.observation import ClassRequest, Observation, TensorObservation
from paramlint.runtime import parent
from paramlint.runtime.judge import judge
from paramlint.runtime.settings import RuntimeSettings
from paramlint.runtime.worker.watch import Recorder

MODELS = """\
import torch
from torch import nn


class Lazy(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.LazyLinear(3)

    def forward(self, x):
        return self.layer(x)


class Skipped(nn.Module):
    def __init__(self):
        super().__init__()
        self.bare = nn.utils.skip_init(nn.Linear, 4, 4)
        self.filled = nn.utils.skip_init(nn.Linear, 4, 4)
        nn.init.zeros_(self.filled.weight)
        nn.init.zeros_(self.filled.bias)

    def forward(self, x):
        return self.filled(self.bare(x))


class ThroughMeta(nn.Module):
    def __init__(self):
        super().__init__()
        with torch.device("meta"):
            self.layer = nn.Linear(4, 4)
        self.layer.to_empty(device="cpu")

    def forward(self, x):
        return self.layer(x)


class StaysOnMeta(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4, device="meta")

    def forward(self, x):
        return self.layer(x)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 4)
        self.head = nn.Linear(4, 10, bias=False)
        self.head.weight = self.embedding.weight

    def initialize(self):
        for parameter in self.parameters():
            nn.init.normal_(parameter)

    def forward(self, ids):
        return self.head(self.embedding(ids))


class TiedAgain(Tied):
    def tie_weights(self):
        self.head.weight = self.embedding.weight


class Table(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.register_buffer("table", torch.arange(4.0), persistent=False)
        self.register_buffer("kept", torch.arange(4.0))

    def forward(self, x):
        return self.layer(x) + self.table + self.kept


class TableAgain(Table):
    def reset_parameters(self):
        self.table.copy_(torch.arange(4.0))


class Random(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.projection = torch.randn(4)
        self.register_buffer("noise", torch.randn(4))

    def forward(self, x):
        return self.layer(x) * self.projection.to(x) * self.noise


class Large(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(200_000, 200_000, bias=False)
        self.scale = torch.linspace(0.5, 1.0, 200_000)

    def forward(self, x):
        return self.layer(x) * self.scale


class ManyLayers(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(8192, 8192, bias=False) for _ in range(60)])
        self.scale = torch.linspace(0.5, 1.0, 8192)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x * self.scale


class Keeping(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.key = lambda x: x
        self.last = None

    def forward(self, x):
        self.last = self.layer(x)
        return self.last


class Cut(nn.Module):
    def __init__(self):
        super().__init__()
        self.used = nn.Parameter(torch.ones(4))
        self.gate = nn.Parameter(torch.zeros(4))
        self.cut = nn.Parameter(torch.ones(4))
        self.unread = nn.Parameter(torch.ones(4))
        self.erased = nn.Parameter(torch.ones(4))
        self.first = nn.Parameter(torch.zeros(4))
        self.second = nn.Parameter(torch.zeros(4))

    def forward(self, x):
        x = x + x * self.first * self.second
        return x * self.used * (1 + self.gate) * self.cut.detach() + 0 * self.erased
"""


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Observation]:
    folder = tmp_path_factory.mktemp("observed")
    path = folder / "models.py"
    path.write_text(MODELS)
    names = [line.split()[1].partition("(")[0] for line in MODELS.splitlines() if line.startswith("class ")]
    requests = [ClassRequest(name, str(path), str(folder), "models", name) for name in names]
    settings = RuntimeSettings(python=sys.executable, timeout=60.0, jobs=2)
    return {item.key: item for item in parent.observe(requests, settings)}


def tensors(observation: Observation) -> dict[str, TensorObservation]:
    assert observation.status == "built", observation.reason
    return {tensor.path: tensor for tensor in observation.tensors}


def verdict(observation: Observation, code: str, attribute: str) -> Proof:
    line = next(
        number
        for number, text in enumerate(MODELS.splitlines(), 1)
        if f"self.{attribute.partition('.')[0]} = " in text or f'("{attribute}"' in text
    )
    span = Span(line, 9, line, 60)
    name = observation.class_name
    return judge(
        Diagnostic(code, "slug", Severity.WARNING, str(Path(observation.path)), span, name, attribute, "message"),
        observation,
    )


def test_a_lazy_layer_has_no_memory_yet_and_is_not_called_uninitialised(observed: dict[str, Observation]) -> None:
    weight = tensors(observed["Lazy"])["layer.weight"]
    assert weight.is_uninitialised_lazy
    assert weight.uninitialised is None
    assert observed["Lazy"].forward is not None
    assert observed["Lazy"].forward.status == "ran"
    assert verdict(observed["Lazy"], "PRM301", "layer.weight").verdict is Verdict.UNCONFIRMED


def test_skip_init_leaves_what_nothing_writes_afterwards(observed: dict[str, Observation]) -> None:
    found = tensors(observed["Skipped"])
    assert found["bare.weight"].uninitialised == found["bare.bias"].uninitialised == 1.0
    assert found["filled.weight"].uninitialised == found["filled.bias"].uninitialised == 0.0
    assert verdict(observed["Skipped"], "PRM301", "bare").verdict is Verdict.CONFIRMED
    assert verdict(observed["Skipped"], "PRM301", "filled").verdict is not Verdict.CONFIRMED


def test_a_model_that_goes_through_meta_in_its_constructor_is_uninitialised(observed: dict[str, Observation]) -> None:
    assert tensors(observed["ThroughMeta"])["layer.weight"].uninitialised == 1.0
    assert verdict(observed["ThroughMeta"], "PRM301", "layer").verdict is Verdict.CONFIRMED


def test_a_model_that_stays_on_meta_has_no_memory_to_judge(observed: dict[str, Observation]) -> None:
    weight = tensors(observed["StaysOnMeta"])["layer.weight"]
    assert (weight.device, weight.uninitialised) == ("meta", None)
    assert verdict(observed["StaysOnMeta"], "PRM301", "layer").verdict is Verdict.UNCONFIRMED


def test_ties_and_unsaved_values_that_materialising_loses(observed: dict[str, Observation]) -> None:
    tied, again = observed["Tied"].materialised, observed["TiedAgain"].materialised
    assert tied is not None
    assert tied.lost_ties == (("embedding.weight", "head.weight"),)
    assert set(tied.initialisers) == {"embedding.reset_parameters", "head.reset_parameters", "initialize"}
    assert again is not None
    assert again.lost_ties == ()
    table, restored = observed["Table"].materialised, observed["TableAgain"].materialised
    assert table is not None
    assert table.lost == ("table",)
    assert restored is not None
    assert restored.lost == ()


@pytest.mark.parametrize(
    ("name", "attribute", "expected"),
    [
        ("Tied", "head", Verdict.CONFIRMED),
        ("Tied", "embedding", Verdict.CONFIRMED),
        ("TiedAgain", "head", Verdict.REFUTED),
        ("Table", "table", Verdict.CONFIRMED),
        ("TableAgain", "table", Verdict.REFUTED),
        ("StaysOnMeta", "layer", Verdict.UNCONFIRMED),
    ],
)
def test_what_is_lost_on_materialising_is_confirmed(
    observed: dict[str, Observation], name: str, attribute: str, expected: Verdict
) -> None:
    proof = verdict(observed[name], "PRM506", attribute)
    assert proof.verdict is expected, proof


def test_a_random_plain_tensor_is_named_by_the_reload(observed: dict[str, Observation]) -> None:
    forward = observed["Random"].forward
    assert forward is not None
    assert forward.differs_after_reload
    assert forward.lost_on_reload == ("projection",)
    found = tensors(observed["Random"])
    assert found["projection"].is_random
    assert found["noise"].is_random
    assert found["noise"].in_state_dict


def test_a_model_too_large_to_build_is_checked_without_memory(observed: dict[str, Observation]) -> None:
    large = observed["Large"]
    found = tensors(large)
    assert found["layer.weight"].elements == 40_000_000_000
    assert found["layer.weight"].follows_device
    assert found["scale"].follows_device is False
    assert large.forward is not None
    assert large.forward.device_status == "clash"
    assert large.forward.device_failure is not None
    assert MODELS.splitlines()[large.forward.device_failure.frames[-1].line - 1].strip() == (
        "return self.layer(x) * self.scale"
    )


def test_a_model_of_many_layers_is_known_to_be_too_large_before_its_memory_is_filled(
    observed: dict[str, Observation],
) -> None:
    many = observed["ManyLayers"]
    assert tensors(many)["layers.59.weight"].device == "cpu"
    assert "without memory" in (many.recipe or "")
    assert any("the model holds 15 GB" in attempt for attempt in many.attempts), many.attempts
    assert many.forward is not None
    assert many.forward.device_status == "clash"


def test_gradients_are_told_apart(observed: dict[str, Observation]) -> None:
    states = {path: tensor.gradient for path, tensor in tensors(observed["Cut"]).items()}
    assert states == {
        "used": "flows",
        "gate": "flows",
        "cut": "none",
        "unread": "none",
        "erased": "zero",
        "first": "flows",
        "second": "flows",
    }
    assert verdict(observed["Cut"], "PRM204", "cut").verdict is Verdict.CONFIRMED
    assert verdict(observed["Cut"], "PRM205", "unread").verdict is Verdict.CONFIRMED
    assert verdict(observed["Cut"], "PRM205", "erased").verdict is Verdict.REFUTED
    assert verdict(observed["Cut"], "PRM310", "gate").verdict is Verdict.REFUTED
    assert verdict(observed["Cut"], "PRM310", "first").verdict is Verdict.CONFIRMED
    assert verdict(observed["Cut"], "PRM310", "second").verdict is Verdict.CONFIRMED


def test_a_model_that_keeps_a_result_is_copied_and_pickled_as_forward_leaves_it(
    observed: dict[str, Observation],
) -> None:
    evidence = verdict(observed["Keeping"], "PRM505", "last").evidence or ""
    assert "; copy.deepcopy raised " in evidence
    assert "; pickle raised " in evidence
    sound = observed["Cut"]
    assert (sound.deepcopy_failure, sound.pickle_failure) == (None, None)


class Activated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.activation, self.kind = functional.elu, nn.LayerNorm
        self.layer = nn.Linear(2, 2)


def test_a_function_or_a_class_that_was_bound_can_lose_no_tensor() -> None:
    recorder = Recorder()
    with recorder.watching():
        Activated()
    bound = {item.attribute for item in recorder.bindings}
    assert "layer" in bound
    assert not bound & {"activation", "kind"}

"""``paramlint.audit`` in the user's process: what it finds, what it says of what it cannot know, and what it leaves alone."""

from __future__ import annotations

import copy
import linecache
import random
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
import torch
from torch import nn

import paramlint
from paramlint.model.diagnostic import Verdict
from paramlint.rules import ALL_RULES
from paramlint.runtime.reveal.revelation import ALL_CODES, KINDS


class Faulty(nn.Module):
    """One fault of each kind that building shows, each beside a registered neighbour."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))
        self.scale = nn.Parameter(torch.ones(3)) * 2  # PRM103
        self.learned = torch.zeros(3, requires_grad=True)  # PRM102
        self.biases = [nn.Parameter(torch.zeros(3)) for _ in range(2)]  # PRM104
        self.layers = {"a": nn.Linear(3, 3)}  # PRM105
        self.register_buffer("kept", nn.Parameter(torch.ones(3)))  # PRM106
        self.raw = nn.Parameter(torch.empty(3))  # PRM301
        self.partial = nn.Parameter(torch.Tensor(4, 3))  # PRM301
        with torch.no_grad():
            self.partial[:2] = 0
        self.table = torch.arange(3.0)  # PRM101
        self.tables = [torch.arange(3.0), torch.ones(3)]  # PRM110
        self.head = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x * self.weight * self.scale + self.learned + sum(self.biases) + self.kept + self.raw + self.partial.sum()
        x = self.layers["a"](x) + self.table + self.tables[0]
        nn.Linear(3, 3)(x)  # PRM109
        return self.head(x + nn.Parameter(torch.ones(3)))  # PRM108


class Sound(nn.Module):
    """What looks like a fault and is none."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(3, 3) for _ in range(2)])
        self.mirror = list(self.layers)
        self.weights = [layer.weight for layer in self.layers]
        self.teacher = [nn.Linear(3, 3)]
        object.__setattr__(self, "hidden", nn.Linear(3, 3))
        self.moved = torch.arange(3.0)
        self.index = torch.tensor([0, 2, 1])
        self.scalar = torch.tensor(2.0)
        self.filled = nn.Parameter(torch.empty(3))
        nn.init.ones_(self.filled)
        self.missing = nn.Parameter(torch.full((3,), float("nan")))
        self.register_buffer("cache", torch.empty(0))
        self.state: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.moved.device != x.device:
            self.moved = self.moved.to(x.device)
        fixed = nn.Linear(3, 3)
        fixed.weight.data.copy_(torch.eye(3))
        fixed.bias.data.zero_()
        self.state = x.mean(0)
        for layer in self.mirror:
            x = layer(x)
        return fixed(self.teacher[0](x) * self.filled + self.moved)[..., self.index] * self.scalar


def watched(make: Callable[[], nn.Module]) -> nn.Module:
    with paramlint.watch():
        return make()


def lines(result: paramlint.Audit) -> set[tuple[str, str]]:
    """What was found: codes with the source lines that they stand on."""
    with open(__file__, encoding="utf-8") as file:
        text = file.read().splitlines()
    return {(item.code, text[item.span.line - 1].rpartition("# ")[2]) for item in result.findings}


def test_each_fault_is_found_on_its_line_and_confirmed() -> None:
    result = paramlint.audit(watched(Faulty), torch.randn(2, 3))
    found = lines(result)
    # The layer that forward makes, on the default device, clashes too, on a later line than the tables.
    expected = {"PRM101", "PRM102", "PRM103", "PRM104", "PRM105", "PRM106", "PRM108", "PRM109", "PRM110", "PRM301"}
    assert {(code, code) for code in expected} == found
    assert {item.proof.verdict for item in result.findings if item.proof} == {Verdict.CONFIRMED}
    assert {item.attribute for item in result.findings if item.code == "PRM301"} == {"raw", "partial"}


def test_what_stays_behind_is_found_where_it_clashes() -> None:
    class Behind(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = torch.arange(3.0)  # PRM101
            self.tables = [torch.arange(3.0), torch.ones(3)]  # PRM110
            self.head = nn.Linear(3, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(x + self.table) + self.tables[1]

    result = paramlint.audit(watched(Behind), torch.randn(2, 3))
    assert lines(result) == {("PRM101", "PRM101"), ("PRM110", "PRM110")}
    assert all("accel:0 and cpu" in (item.proof.evidence or "") for item in result.findings if item.proof)


def test_a_state_that_forward_binds_anew_may_be_set_anew_before_each_call() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = torch.zeros(3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.hidden = self.hidden * 0.5 + x
            return self.hidden

    result = paramlint.audit(watched(Recurrent), torch.randn(2, 3), select=ALL_CODES)
    assert result.findings == ()
    assert next(entry for entry in result.observation.tensors if entry.path == "hidden").clash is not None


@pytest.mark.parametrize("is_watched", [True, False], ids=["watched", "not watched"])
def test_sound_models_are_left_alone(is_watched: bool) -> None:
    model = watched(Sound) if is_watched else Sound()
    assert paramlint.audit(model, torch.randn(2, 3)).findings == ()
    assert paramlint.audit(model, torch.randn(2, 3), select=ALL_CODES - {"PRM205"}).findings == ()


def test_what_forward_does_not_read_may_be_there_for_another() -> None:
    class Owner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.others = [nn.Linear(3, 3), nn.Linear(3, 3)]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    assert paramlint.audit(watched(Owner), torch.ones(3)).findings == ()
    assert {item.code for item in paramlint.audit(watched(Owner)).findings} == {"PRM105"}


class Sliced(nn.Module):
    """Each slice of a ModuleList is a new Module, and none of its layers is."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(3, 3) for _ in range(3)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers[1:]:
            x = layer(x)
        return nn.Sequential(*self.layers[:2])(x)


def test_a_new_container_of_old_layers_is_no_new_layer() -> None:
    assert paramlint.audit(Sliced(), torch.ones(2, 3), select=ALL_CODES).findings == ()


class Detector(nn.Module):
    """What finds nothing returns a tensor without elements, which has no gradient to give."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        boxes = self.layer(x)
        return boxes[:0], boxes.mean()


def test_an_output_without_elements_is_no_obstacle() -> None:
    audit = paramlint.audit(Detector(), torch.ones(2, 3))
    assert {row.gradient for row in audit.tensors} == {"flows"}


class Copied(nn.Module):
    """Copies of a template, of which one is initialised anew."""

    def __init__(self, template: nn.Linear) -> None:
        super().__init__()
        nn.init.ones_(template.weight)
        self.layers = nn.ModuleList([copy.deepcopy(template) for _ in range(2)])
        nn.init.zeros_(self.layers[1].weight)
        nn.init.normal_(template.weight)
        self.between = copy.deepcopy(nn.Identity())


def test_a_deep_copy_has_the_history_of_its_original() -> None:
    with paramlint.watch():
        model = Copied(nn.Linear(3, 3))
    audit = paramlint.audit(model)
    told = {row.name: row.initialised_by.partition(" at ")[0] for row in audit.tensors}
    assert told["layers.0.weight"] == "ones_"
    assert told["layers.1.weight"] == "zeros_"
    assert told["layers.0.bias"] == "layer's default"
    assert audit.notes == ()


def test_of_the_copy_of_what_was_not_watched_nothing_is_claimed() -> None:
    template = nn.Linear(3, 3, bias=False)
    with paramlint.watch():
        model = nn.Sequential(copy.deepcopy(template))
    (row,) = paramlint.audit(model).tensors
    assert row.initialised_by == "not watched"


def test_without_inputs_what_forward_would_show_is_not_claimed() -> None:
    result = paramlint.audit(watched(Faulty))
    assert not {"PRM101", "PRM108", "PRM109", "PRM110"} & {item.code for item in result.findings}
    (weight,) = (item for item in result.findings if item.code == "PRM102")
    assert weight.proof is not None
    assert weight.proof.verdict is Verdict.UNCONFIRMED


def test_a_model_whose_building_was_not_watched_says_so() -> None:
    class Unwatched(Faulty):
        pass

    result = paramlint.audit(Unwatched())
    assert {row.initialised_by for row in result.tensors} == {"not watched"}
    assert any("not watched" in note for note in result.notes)
    assert "PRM301" not in {item.code for item in result.findings}
    (finding,) = (item for item in result.findings if item.code == "PRM105")
    with open(__file__, encoding="utf-8") as file:
        assert file.read().splitlines()[finding.span.line - 1].strip() == "class Unwatched(Faulty):"


def test_the_table_lists_every_tensor() -> None:
    rows = {row.name: row for row in paramlint.audit(watched(Faulty), torch.randn(2, 3)).tensors}
    assert rows["weight"].registration == "parameter"
    assert rows["weight"].gradient == "flows"
    assert rows["kept"].registration == "buffer"
    assert rows["table"].registration == "unregistered"
    assert not rows["table"].persistent
    assert rows["layers['a'].weight"].shape == (3, 3)
    assert rows["head.weight"].initialised_by.startswith("layer's default at test_audit.py:")
    assert rows["raw"].initialised_by.startswith("never written")
    assert rows["partial"].initialised_by.startswith("50 % never written")


def test_the_model_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout())
    model[1].eval()
    model[0].weight.grad = torch.ones(3, 3)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    attributes = [dict(vars(module)) for module in model.modules()]
    given = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    kept = given.clone()
    generators = torch.get_rng_state().clone(), random.getstate()
    paramlint.audit(model, given)
    assert torch.equal(generators[0], torch.get_rng_state())
    assert generators[1] == random.getstate()
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert [module.training for module in model.modules()] == [True, True, False, True]
    assert torch.equal(model[0].weight.grad, torch.ones(3, 3))
    assert model[0].bias.grad is None
    assert torch.equal(given, kept)
    for module, before in zip(model.modules(), attributes, strict=True):
        assert vars(module).keys() == before.keys()
        assert all(vars(module)[name] is value for name, value in before.items())
    assert nn.Module.__setattr__.__module__ == "torch.nn.modules.module"


def test_a_model_that_cannot_be_copied_or_called_is_still_examined() -> None:
    class Stubborn(Sound):
        def __deepcopy__(self, memo: object) -> Stubborn:
            raise TypeError("no copies")

    class Raising(Sound):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise ValueError("not today")

    for kind, text in ((Stubborn, "no copies"), (Raising, "not today")):
        result = paramlint.audit(kind(), torch.randn(2, 3))
        assert any(text in note for note in result.notes)
        assert len(result.tensors) > 5


def test_repr_is_for_reading_and_html_is_escaped() -> None:
    class Marked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tables = {"<script>": nn.Linear(2, 2), "b": nn.Linear(2, 2)}

    result = paramlint.audit(watched(Marked))
    assert "PRM105 module-in-container" in repr(result)
    assert "unregistered" in repr(result)
    html = result._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    opened: list[str] = []

    class Checker(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag != "br":
                opened.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert opened.pop() == tag

    Checker().feed(html + result.init_coverage()._repr_html_())
    assert not opened


def test_what_a_notebook_defines_is_shown_with_its_lines() -> None:
    cell = (
        "import torch\n"
        "class Cell(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.table = torch.arange(3.0)\n"
        "        self.other = torch.arange(3.0)  # noqa: PRM101\n"
        "    def forward(self, x):\n"
        "        return x + self.table + self.other\n"
    )
    name = "/tmp/ipykernel_1/2.py"
    linecache.cache[name] = (len(cell), None, cell.splitlines(keepends=True), name)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(cell, name, "exec"), namespace)
    result = paramlint.audit(watched(namespace["Cell"]), torch.randn(2, 3))
    (found,) = result.findings
    assert (found.span.line, found.span.column, found.attribute) == (5, 9, "table")
    assert "5 |         self.table = torch.arange(3.0)\n" in repr(result)
    assert "2.py:5" in result._repr_html_()


def test_assert_registered_names_what_is_missing() -> None:
    paramlint.assert_registered(Sound())
    with pytest.raises(AssertionError, match=r"Faulty\.layers") as caught:
        paramlint.assert_registered(watched(Faulty))
    for code in ("PRM102", "PRM103", "PRM104", "PRM105", "PRM106"):
        assert code in str(caught.value)


def test_init_coverage_tells_schemes_defaults_loads_and_gaps() -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(2, 2)
            self.b = nn.Linear(2, 2)
            self.c = nn.Linear(2, 2, bias=False)
            self.d = nn.Parameter(torch.zeros(2))
            self.e = nn.Parameter(torch.empty(2))
            nn.init.kaiming_normal_(self.a.weight)
            self.b.load_state_dict({"weight": torch.ones(2, 2), "bias": torch.ones(2)})
            self.c.weight.data.mul_(0.5)
            self.f = nn.Embedding(4, 2)
            nn.init.normal_(self.f.weight)
            with torch.no_grad():
                self.f.weight[0].zero_()

    table = paramlint.audit(watched(Mixed)).init_coverage()
    told = {(row[0], row[1], row[5].partition(",")[0]): row[2].partition(" at ")[0] for row in table.table.rows}
    assert told[("Linear", "weight", "a.weight")] == "kaiming_normal_"
    assert told[("Linear", "bias", "a.bias")] == "layer's default"
    assert told[("Linear", "weight", "b.weight")] == "load_state_dict"
    assert told[("Linear", "weight", "c.weight")] == "mul_"
    assert told[("Embedding", "weight", "f.weight")] == "normal_, then zero_ in part"
    assert told[("Mixed", "d", "d")] == "as made"
    assert told[("Mixed", "e", "e")].startswith("never written, made")
    assert table.summary.startswith("8 parameters")
    assert table.table.rows[0][1] == "e"


def test_a_layer_that_nothing_initialises_is_charged_to_the_class_that_makes_it() -> None:
    class Skipping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            make = nn.Linear
            self.heads = nn.ModuleList(nn.utils.skip_init(make, 2, 2, bias=False) for _ in range(2))  # PRM301

    result = paramlint.audit(watched(Skipping))
    assert lines(result) == {("PRM301", "PRM301")}
    assert [item.attribute for item in result.findings] == ["heads.0.weight"]


def test_noqa_silences() -> None:
    class Silenced(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = (nn.Linear(2, 2), nn.Linear(2, 2))  # noqa: PRM105

    assert paramlint.audit(watched(Silenced)).findings == ()


def test_what_is_no_module_is_refused() -> None:
    with pytest.raises(TypeError, match="not int"):
        paramlint.audit(3)  # type: ignore[arg-type]


def test_codes_agree_with_the_rules_that_read_source() -> None:
    rules = {rule.code: rule for rule in ALL_RULES}
    for code, kind in KINDS.items():
        if code in rules:
            assert (kind.slug, kind.severity) == (rules[code].slug, rules[code].severity)


def test_torch_is_imported_on_use_alone() -> None:
    code = "import sys, paramlint; assert 'torch' not in sys.modules; paramlint.audit; assert 'torch' in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_session_says_where_this_torch_lacks_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path

    from paramlint.runtime.live.scope import Scope
    from paramlint.runtime.live.session import Session

    monkeypatch.delattr(torch._C, "_len_torch_function_stack")
    session = Session(Scope(Path(__file__).parent))
    with session.watching():
        Faulty()(torch.ones(2, 3))
    assert session.findings == {}
    assert any("does not tell which modes" in note for note in session.notes)

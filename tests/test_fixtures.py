"""The fixtures say what must be reported, line by line: no more, no less, and whichever way paramlint is asked."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from paramlint.engine.analysis import Given
from paramlint.engine.check import check
from paramlint.engine.configuration import Configuration
from paramlint.engine.outcome import Report
from paramlint.engine.selection import SelectionLayer
from paramlint.engine.settings import Overrides
from paramlint.facts.source import source_from_text
from paramlint.flake8_plugin import Plugin
from paramlint.rules import ALL_RULES
from paramlint.rules.base import Rule
from tests.markers import FIXTURES, expected_places, fixture_files, known_misses, read_markers
from tests.rewriting import ImportStyle, rewrite_imports

FILES = fixture_files("article", "rules")
CODES = frozenset(rule.code for rule in ALL_RULES)
BY_DEFAULT = frozenset(rule.code for rule in ALL_RULES if rule.enabled_by_default)

Places = Counter[tuple[int, str]]


def file_id(path: Path) -> str:
    return path.relative_to(FIXTURES).with_suffix("").as_posix()


def run(paths: Iterable[Path], texts: Mapping[Path, str] | None = None, select: str = "ALL") -> Report:
    given = {path: Given(source_from_text(str(path), text)) for path, text in (texts or {}).items()}
    configuration = Configuration(Overrides(selection=SelectionLayer(select=(select,))))
    return check(list(paths), configuration, given=given, jobs=1)


def places(report: Report, path: Path) -> Places:
    return Counter((item.span.line, item.code) for item in report.diagnostics if Path(item.path) == path)


def expected(path: Path, codes: frozenset[str] = CODES) -> Places:
    """What the file's markers ask for, of the rules that there are."""
    wanted = expected_places(path.read_text())
    return Counter({place: count for place, count in wanted.items() if place[1] in codes})


@pytest.fixture(scope="module")
def report() -> Report:
    return run(FILES)


@pytest.mark.parametrize("path", FILES, ids=file_id)
def test_markers_and_diagnostics_are_equal(path: Path, report: Report) -> None:
    assert places(report, path) == expected(path)


@pytest.mark.parametrize("path", [path for path in FILES if known_misses(path.read_text())], ids=file_id)
def test_known_misses_are_still_missed(path: Path, report: Report) -> None:
    """A miss that is found is mended: its marker becomes ``expect``."""
    assert not known_misses(path.read_text()) & set(places(report, path))


def test_where_holders_are_too_many_all_code_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What groups and averages parameters gives none its first value; a function that fills any module's does."""
    monkeypatch.setattr("paramlint.interpret.holders.MOST_SCOPES", 0)
    (tmp_path / "pyproject.toml").touch()
    path = tmp_path / "model.py"
    path.write_text((FIXTURES / "rules" / "uninitialised_parameter" / "bad_memory.py").read_text())
    wanted = expected(path)
    found = places(run([path]), path)
    level = next(number for number, line in enumerate(path.read_text().splitlines(), 1) if "self.level = " in line)
    assert found <= wanted
    assert (level, "PRM301") in found
    (tmp_path / "init.py").write_text(
        "def initialise(module):\n    for parameter in module.parameters():\n        parameter.data.normal_()\n"
    )
    assert (level, "PRM301") not in places(run([path]), path)


FETCHED = """
import torch
from torch import nn


class Fetched(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(4, 4))

    @classmethod
    def fetch(cls, path):
        made = cls()
        made.load_state_dict(torch.load(path))
        return made

    def forward(self, x):
        return x @ self.weight


def load(path) -> Fetched:
    made = Fetched()
    made.load_state_dict(torch.load(path))
    return made


class Pictures(nn.Module):
    def __init__(self, path):
        super().__init__()
        self.inner = Fetched.fetch(path)

    def forward(self, x):
        return self.inner(x)


class Embedder:
    def __init__(self, model: "Fetched"):
        self.model: Fetched = model
        self.is_plain = isinstance(model, Fetched)
"""


@pytest.mark.parametrize(
    ("more", "found"),
    [
        pytest.param("", [], id="what is handed an instance has not made it"),
        pytest.param("def fresh():\n    return Fetched()\n", ["PRM301"], id="one place that loads nothing is enough"),
        pytest.param(
            "def fresh():\n    made = Fetched()\n    places = {}\n    places.update({'weight': made.weight})\n"
            "    for place in places.values():\n        place.data = torch.ones(4, 4)\n    return made\n",
            [],
            id="it is handed to something in a dict",
        ),
    ],
)
def test_what_is_always_loaded_needs_no_first_value(tmp_path: Path, more: str, found: list[str]) -> None:
    (tmp_path / "pyproject.toml").touch()
    path = tmp_path / "model.py"
    path.write_text(FETCHED + more)
    assert [code for _, code in places(run([path]), path)] == found


def test_what_a_test_fills_is_not_filled(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "tests").mkdir()
    path = tmp_path / "model.py"
    path.write_text(FETCHED + "def fresh():\n    return Fetched()\n")
    filling = "from model import Fetched\n\ndef filled():\n    made = Fetched()\n    made.weight.data.zero_()\n"
    (tmp_path / "tests" / "helpers.py").write_text(filling)
    assert [code for _, code in places(run([path]), path)] == ["PRM301"]
    (tmp_path / "helpers.py").write_text(filling)
    assert not places(run([path]), path)


TAKES_A_KIND = """
import torch
from torch import nn


class Kind(nn.Module):
    def forward(self, x):
        return x


class TakesAKind(nn.Module):
    def __init__(self, part: Kind):
        super().__init__()
        assert isinstance(part, Kind)
        if not isinstance(part, Kind):
            raise TypeError("part")
        self.part = part
        self.scale = torch.ones(4)

    def forward(self, x):
        return self.part(x * self.scale)
"""


def test_an_argument_that_is_some_module_may_be_of_the_class_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    path = tmp_path / "model.py"
    path.write_text(TAKES_A_KIND)
    assert [code for _, code in places(run([path]), path)] == ["PRM101"]


HEAD = """
from torch import nn


class Head(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(width, width)

    def init_weights(self):
        nn.init.xavier_normal_(self.linear.weight)

    def forward(self, x):
        return self.linear(x)
"""


@pytest.mark.parametrize(
    ("text", "found"), [("import torchvision\n", {"PRM303"}), ("from mmengine.model import BaseModule\n", set())]
)
def test_a_framework_that_the_project_uses_may_initialise_all_parts(tmp_path: Path, text: str, found: set[str]) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "root.py").write_text(text)
    path = tmp_path / "head.py"
    path.write_text(HEAD)
    assert {code for _, code in places(run([path]), path)} == found


@pytest.mark.parametrize(
    "demand",
    [
        "assert torch.cuda.is_available(), 'CUDA is needed'",
        "if not torch.cuda.is_available():\n    raise RuntimeError('CUDA is needed')",
    ],
)
def test_a_constructor_that_names_its_device_is_told_whatever_its_file_demands(tmp_path: Path, demand: str) -> None:
    (tmp_path / "pyproject.toml").touch()
    path = tmp_path / "model.py"
    path.write_text(f"import torch\n\n{demand}\n\n" + next(rule for rule in ALL_RULES if rule.code == "PRM501").bad)
    assert "PRM501" in {code for _, code in places(run([path]), path)}


ON_GIVEN_DEVICE = """
import torch
from torch import nn


class Compressed(nn.Module):
    def forward(self, x):
        with torch.cuda.device(x.device):
            out = torch.empty(4, device="cuda")
        return x + out.zero_()
"""


def test_cuda_below_a_chosen_device_is_that_device(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    path = tmp_path / "model.py"
    path.write_text(ON_GIVEN_DEVICE)
    assert places(run([path]), path) == Counter()
    path.write_text(ON_GIVEN_DEVICE.replace("with torch.cuda.device(x.device):", "if True:"))
    assert "PRM502" in {code for _, code in places(run([path]), path)}


def test_nothing_is_left_unread(report: Report) -> None:
    assert report.errors == ()


def test_every_rule_has_faulty_and_silent_fixtures() -> None:
    for rule in ALL_RULES:
        folder = FIXTURES / "rules" / rule.slug.replace("-", "_")
        marked = {item.code for path in folder.rglob("bad_*.py") for item in read_markers(path.read_text())}
        assert rule.code in marked, rule.slug
        assert list(folder.rglob("good_*.py")), rule.slug


def test_a_file_alone_says_what_it_says_in_company(report: Report) -> None:
    for path in FILES:
        if path.parent.name == "across_files" or path.parent.name == "article":
            assert places(run([path]), path) == places(report, path), file_id(path)


def test_noqa_silences_every_reported_line(report: Report) -> None:
    texts = {}
    for path in FILES:
        lines = path.read_text().splitlines()
        for line, _ in places(report, path):
            lines[line - 1] += "  # noqa"
        texts[path] = "\n".join(lines) + "\n"
    assert run([], texts).diagnostics == ()


@pytest.mark.parametrize("style", ImportStyle, ids=lambda style: style.value)
def test_import_style_changes_nothing(style: ImportStyle, report: Report) -> None:
    texts = {path: rewrite_imports(path.read_text(), style) for path in FILES}
    assert any(style.value in text for text in texts.values()) or style is ImportStyle.NAMES_FROM_NN
    rewritten = run([], texts)
    assert rewritten.errors == ()
    for path in FILES:
        assert places(rewritten, path) == places(report, path), file_id(path)


def test_flake8_plugin_says_the_same_of_a_parsed_file(report: Report) -> None:
    for path in fixture_files("article"):
        text = path.read_text()
        plugin = Plugin(ast.parse(text), str(path), text.splitlines(keepends=True))
        told = Counter((line, message.split()[0]) for line, _, message, _ in plugin.run())
        wanted = {place: count for place, count in places(report, path).items() if place[1] in BY_DEFAULT}
        assert told == wanted, file_id(path)


def test_flake8_itself_reports_the_same_lines(report: Report) -> None:
    """Through its own command, for the rules that are on by default."""
    command = [sys.executable, "-m", "flake8", "--isolated", "--select=PRM", "--jobs=1", str(FIXTURES)]
    done = subprocess.run(
        [*command, "--format=%(path)s\t%(row)d\t%(code)s"], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    told: Counter[tuple[str, int, str]] = Counter()
    for line in done.stdout.splitlines():
        path, row, code = line.split("\t")
        if code in BY_DEFAULT and Path(path) in FILES:
            told[path, int(row), code] += 1
    wanted: Counter[tuple[str, int, str]] = Counter(
        (item.path, item.span.line, item.code) for item in report.diagnostics if item.code in BY_DEFAULT
    )
    # Two findings of one rule on one line have messages of their own: flake8 shows both.
    assert told == wanted


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.slug)
class TestExamples:
    def codes(self, text: str, folder: Path) -> set[str]:
        (folder / "pyproject.toml").write_text("")
        example = folder / "example.py"
        example.write_text(text)
        compile(text, str(example), "exec")
        found = run([example])
        assert found.errors == ()
        return {item.code for item in found.diagnostics}

    def test_bad_example_raises_this_rule_alone(self, rule: Rule, tmp_path: Path) -> None:
        assert self.codes(rule.bad, tmp_path) == {rule.code}

    def test_good_example_is_silent(self, rule: Rule, tmp_path: Path) -> None:
        assert self.codes(rule.good, tmp_path) == set()


# What the README's first command shows. The file carries no markers: it is meant to look like a user's own.
DEMO = {
    ("PRM101", "Normalise", "mean"),
    ("PRM101", "Normalise", "std"),
    ("PRM105", "Stem", "convs"),
    ("PRM103", "AttentionPool", "query"),
    ("PRM301", "MonthEmbedding", "undated"),
    ("PRM109", "Head", None),
}


def test_demo_shows_its_faults_and_nothing_else() -> None:
    found = run([FIXTURES / "demo"], select="PRM")
    assert {(item.code, item.class_name, item.attribute) for item in found.diagnostics} == DEMO
    shown = {rule.code for rule in ALL_RULES if rule.enabled_by_default or rule.shown_if_proved}
    assert {code for code, _, _ in DEMO} <= shown  # the command of the README proves what it finds


@pytest.fixture(scope="module")
def confirmed() -> list[dict[str, object]]:
    """What ``--confirm`` says of the article and the demo, by the command itself."""
    command = [sys.executable, "-m", "paramlint", "check", "--confirm", "--select=ALL", "--output-format=json"]
    done = subprocess.run(
        [*command, "fixtures/article", "fixtures/demo"],
        capture_output=True,
        text=True,
        check=False,
        cwd=FIXTURES.parent,
        timeout=300,
    )
    assert done.returncode == 1, done.stderr
    diagnostics = json.loads(done.stdout)["diagnostics"]
    assert isinstance(diagnostics, list)
    return diagnostics


@pytest.mark.parametrize("path", fixture_files("article"), ids=file_id)
def test_article_verdicts(path: Path, confirmed: list[dict[str, object]]) -> None:
    told = {
        (item["line"], item["code"], item["verdict"])
        for item in confirmed
        if FIXTURES.parent / str(item["path"]) == path
    }
    markers = read_markers(path.read_text())
    assert told == {(item.line, item.code, item.verdict) for item in markers if item.verdict}


def test_demo_faults_are_all_confirmed(confirmed: list[dict[str, object]]) -> None:
    told = [item for item in confirmed if str(item["path"]).startswith("fixtures/demo")]
    assert {(item["code"], item["class"], item["attribute"]) for item in told} == DEMO
    assert {item["verdict"] for item in told} == {"confirmed"}
    assert all(item["evidence"] for item in told)


def test_what_is_kept_by_its_key_is_not_new_in_every_call(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(
        "from torch import nn\n\n\n"
        "class Projects(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.by_width = nn.ModuleDict()\n\n"
        "    def forward(self, x):\n"
        "        key = str(x.shape[-1])\n"
        "        if key not in self.by_width:\n"
        "            self.by_width[key] = nn.Linear(x.shape[-1], 4)\n"
        "        return self.by_width[key](x)\n"
    )
    (found,) = run([tmp_path / "model.py"], select="PRM109").diagnostics
    assert found.span.line == 12
    assert "an optimiser made earlier lacks them" in found.message

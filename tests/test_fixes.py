"""Fixes: what is mended is silent and stays so, and nothing beside the edits changes."""

from __future__ import annotations

import ast
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from paramlint.engine.configuration import Configuration
from paramlint.engine.fixing import Change, key_of
from paramlint.engine.repair import Fixer
from paramlint.engine.selection import SelectionLayer
from paramlint.engine.settings import Overrides
from paramlint.facts.source import SourceError, decode_source, read_source, source_from_text
from paramlint.facts.write import encoded, write_source
from paramlint.fixes.edits import Text, parts
from paramlint.fixes.repairs import REPAIRS
from paramlint.model.code import Call
from paramlint.model.diagnostic import Applicability, Diagnostic
from paramlint.rules import ALL_RULES
from tests.markers import fixture_files

FILES = [path for path in fixture_files("article", "rules", "demo") if not path.name.startswith("good_")]


def fixer(with_unsafe: bool = True, select: str = "ALL") -> Fixer:
    return Fixer(Configuration(Overrides(selection=SelectionLayer(select=(select,))), isolated=True), with_unsafe)


def fixed(path: Path, text: str, with_unsafe: bool = True) -> Change:
    return fixer(with_unsafe).fix(source_from_text(str(path), text))


def keys(diagnostics: Sequence[Diagnostic]) -> Counter[object]:
    return Counter(key_of(item) for item in diagnostics)


@pytest.fixture(scope="module")
def changes() -> dict[Path, Change]:
    """All fixtures of faults, repaired in memory."""
    return {path: fixer().fix(read_source(str(path))) for path in FILES}


def test_a_repair_silences_its_finding_and_brings_no_other(changes: dict[Path, Change]) -> None:
    for path, change in changes.items():
        before = keys(fixer()._lint(change.before))
        after = keys(change.remaining)
        assert not set(after) - set(before), path
        for key, count in keys(change.applied).items():
            assert after[key] <= before[key] - count or key not in before, (path, key)
        ast.parse(change.after.text)


def test_what_a_second_base_constructor_wiped_comes_back_however_it_was_registered(tmp_path: Path) -> None:
    text = (
        "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.first = nn.Linear(2, 2)\n        self.add_module('second', nn.Linear(2, 2))\n"
        "        super().__init__()\n        self.third = nn.Linear(2, 2)\n\n"
        "    def forward(self, x):\n        return self.third(x)\n"
    )
    (applied,) = fixed(tmp_path / "net.py", text).applied
    assert applied.code == "PRM403"
    assert applied.fix is not None
    assert set(applied.fix.effect.names) >= {"first", "second"}


def test_a_second_run_changes_nothing(changes: dict[Path, Change]) -> None:
    for path, change in changes.items():
        if change.applied:
            again = fixer().fix(change.after)
            assert again.after == change.after, path
            assert not again.applied


def test_every_kind_of_repair_is_shown_by_a_fixture(changes: dict[Path, Change]) -> None:
    shown = {item.code for change in changes.values() for item in change.applied}
    known = {rule.code for rule in ALL_RULES}
    assert set(REPAIRS) & known <= shown


def test_messages_say_what_becomes_of_checkpoints(changes: dict[Path, Change]) -> None:
    for change in changes.values():
        for item in change.applied:
            assert item.fix is not None
            assert (
                "checkpoint" in item.fix.message
                or "could not be built before" in item.fix.message
                or ("older ones load" in item.fix.message or "the key" in item.fix.message)
            ), item.fix.message


def test_noqa_keeps_a_line_untouched() -> None:
    for path in FILES[::5]:
        lines = path.read_text().splitlines()
        for item in fixer()._lint(read_source(str(path))):
            lines[item.span.line - 1] += "  # noqa"
        text = "\n".join(lines) + "\n"
        assert fixed(path, text).after.text == text


def test_safe_alone_changes_no_keys(changes: dict[Path, Change]) -> None:
    path = next(path for path in FILES if path.parent.name == "module_in_container")
    change = fixed(path, path.read_text(), with_unsafe=False)
    assert not change.applied
    assert all(item.fix and item.fix.applicability is not Applicability.SAFE for item in change.remaining)


NET = (
    "import torch\n"
    "from torch import nn\n"
    "\n"
    "\n"
    "class Net(nn.Module):\n"
    "    def __init__(self):\n"
    "        super().__init__()\n"
    "        self.mean = torch.ones(3)  # trailing   \n"
    "\n"
    "    def forward(self, x):\n"
    "        return x - self.mean   \n"
)
MENDED = NET.replace("self.mean = torch.ones(3)", 'self.register_buffer("mean", torch.ones(3), persistent=False)')


HOISTED = (
    "from torch import nn\n"
    "\n"
    "\n"
    "class Net(nn.Module):\n"
    "    def __init__(self):\n"
    "        super().__init__()\n"
    "        self.mean = 0.5  # trailing   \n"
    "\n"
    "    def forward(self, x):\n"
    "        return nn.Linear(3, 2)(x)   \n"
)
IN_PLACE = HOISTED.replace("trailing   \n", "trailing   \n        self.linear = nn.Linear(3, 2)\n").replace(
    "nn.Linear(3, 2)(x)", "self.linear(x)"
)
LAID_OUT = NET.replace("torch.ones(3)", "nn.Parameter(\n            torch.ones(3),\n        ).half()")
MOVED = LAID_OUT.replace(",\n        ).half()", ".half(),\n        )")
ODD: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "CR": lambda text: text.replace("\n", "\r").encode(),
    "tabs": lambda text: text.replace("    ", "\t").encode(),
    "BOM": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "no final newline": lambda text: text.rstrip("\n").encode(),
    "Latin-1": lambda text: ("# -*- coding: latin-1 -*-\n# caf\xe9\n" + text).encode("latin-1"),
    "form feeds": lambda text: re.sub(
        r"( {8}self\.(mean|register))", "\f\\1", text.replace("\n\nclass", "\n\f\nclass"), count=1
    ).encode(),
}


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        pytest.param(NET, MENDED, id="one line"),
        pytest.param(HOISTED, IN_PLACE, id="one line more"),
        pytest.param(LAID_OUT, MOVED, id="a call of several lines"),
    ],
)
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_everything_beside_the_edit_is_kept(
    found: str, wanted: str, odd: Callable[[str], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "net.py"
    path.write_bytes(odd(found))
    path.chmod(0o640)
    change = fixer().fix(read_source(str(path)))
    write_source(change.after)
    assert path.read_bytes() == odd(wanted)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["net.py"]


@pytest.mark.parametrize(
    ("lowest", "neighbour", "by_class"),
    [
        pytest.param("torch>=2.5", "self.a = nn.Buffer(b)", True, id="the habit of the project"),
        pytest.param("torch>=2.5", 'self.register_buffer("a", b)', False, id="another habit"),
        pytest.param("torch>=2.5", "", False, id="no habit"),
        pytest.param("torch>=2.1", "self.a = nn.Buffer(b)", False, id="a torch that may lack it"),
        pytest.param("numpy", "self.a = nn.Buffer(b)", False, id="any torch"),
    ],
)
def test_buffers_are_written_as_the_project_does(lowest: str, neighbour: str, by_class: bool, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "net"\ndependencies = ["{lowest}"]\n')
    (tmp_path / "other.py").write_text(f"# {neighbour}\n")
    wanted = "self.mean = nn.Buffer(torch.ones(3), persistent=False)"
    assert (wanted in fixed(tmp_path / "net.py", NET).after.text) == by_class


def test_new_lines_follow_the_file(tmp_path: Path) -> None:
    text = (
        "from torch import nn\r\n\r\nclass Net(nn.Module):\r\n\tdef __init__(self):\r\n\t\tself.a = nn.Linear(2, 2)\r\n"
    )
    after = fixed(tmp_path / "net.py", text).after.text
    assert after == text.replace("\t\tself.a", "\t\tsuper().__init__()\r\n\t\tself.a")


def test_a_read_only_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(NET)
    path.chmod(0o444)
    with pytest.raises(SourceError, match="is read-only"):
        write_source(read_source(str(path))._replace(text=MENDED))
    assert path.read_text() == NET


def test_a_character_that_the_encoding_lacks_is_no_half_written_file(tmp_path: Path) -> None:
    source = decode_source(str(tmp_path / "net.py"), b"# coding: latin-1\n")
    with pytest.raises(SourceError, match="cannot be written as"):
        encoded(source._replace(text="# coding: latin-1\n# \u2713\n"))


MODULE = "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, width=3):\n"


def body(*lines: str) -> str:
    """A class whose constructor begins with a call of the base's and goes on with lines, forward and all."""
    return MODULE + "".join(f"    {line}".rstrip() + "\n" for line in ("    super().__init__()", *lines))


FORWARD = ("", "def forward(self, x):")
CACHED = ("    self.table = torch.ones(width)", "    self.copy = None")
TIED = ("    self.inner = nn.Linear(3, 3)", "    self.outer = nn.Linear(3, 3)")
TWO_BASES = """\
import torch
from torch import nn


class Layers(nn.Module):
    def __init__(self):
        nn.Module.__init__(self)
        self.layer = nn.Linear(3, 3)


class Plain(nn.Module):
    def __init__(self, width):
        nn.Module.__init__(self)
        {}


class Net(Layers, Plain):
    def __init__(self):
        Layers.__init__(self)
        Plain.__init__(self, 3)
        self.head = nn.Linear(3, 2)

    def forward(self, x):
        return self.head(self.layer(x))
"""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param(
            body("    self.width = width", *FORWARD, "    return nn.Linear(self.width, 2)(x)"),
            ("self.linear = nn.Linear(self.width, 2)", "return self.linear(x)"),
            id="a layer whose sizes the constructor knows",
        ),
        pytest.param(
            body(*FORWARD, "    self.gain = nn.Parameter(torch.ones(3, device=x.device))", "    return x * self.gain"),
            ("        self.gain = nn.Parameter(torch.ones(3))\n\n", "(self, x):\n        return x"),
            id="a parameter that is on the device of the input",
        ),
        pytest.param(
            body("    self.state = None", *FORWARD, "    if self.state is None:", "        self.state = torch.ones(3)")
            + "        return x * self.state\n",
            ('self.register_buffer("state", None, persistent=False)',),
            id="a constant that is made at the first call",
        ),
        pytest.param(
            MODULE.replace("width=3", 'device: str = "cuda"')
            + "        super().__init__()\n"
            + "        self.register_buffer('table', self.make(device), persistent=False)\n\n"
            + "    def make(self, place):\n        return torch.arange(3, device=place)\n\n"
            + "    def forward(self, x):\n        return x * self.table\n",
            ("def __init__(self, device=None):", "device=place"),
            id="a device that a method hands on",
        ),
        pytest.param(
            body(
                "    self.out = nn.Linear(3, 3)", "    nn.init.normal_(self.out.weight)", "    nn.init.zeros_(self.out)"
            )
            + "\n    def forward(self, x):\n        return self.out(x)\n",
            ("nn.init.zeros_(self.out.bias)",),
            id="the bias, where the weight is initialised",
        ),
        pytest.param(
            MODULE
            + "        # the only layer\n        self.out = nn.Linear(3, 3)\n\n"
            + "    def forward(self, x):\n        return self.out(x)\n",
            ("        super().__init__()\n        # the only layer\n        self.out",),
            id="a comment stays with its statement",
        ),
        pytest.param(
            body(
                *("    self.out = nn.Linear(3, 3)", "    self.conv = nn.Conv1d(3, 3, 1)", "    self.apply(self._init)"),
                *("", "def _init(self, module):", "    if isinstance(module, nn.Linear):"),
                *("        nn.init.normal_(module.weight)", "        nn.init.zeros_(module.bias)"),
                *("    elif isinstance(module, nn.Embedding):", "        nn.init.normal_(module.weight)"),
                *(*FORWARD, "    return self.conv(self.out(x))"),
            ),
            ("if isinstance(module, (nn.Linear, nn.Conv1d)):",),
            id="a layer that the scheme passes by",
        ),
        pytest.param(
            TWO_BASES.format("self.width = width"),
            ("        Plain.__init__(self, 3)\n        Layers.__init__(self)\n        self.head",),
            id="a base that registers nothing runs first",
        ),
        pytest.param(
            body("    self.kept: list[nn.Module] = [nn.Linear(3, 3)]", "    self.one = nn.Linear(3, 3),", *FORWARD)
            + "        return self.one[0](self.kept[0](x))\n",
            ("self.kept = nn.ModuleList([nn.Linear(3, 3)])\n", "self.one = nn.ModuleList([nn.Linear(3, 3)])\n"),
            id="lists, one by a comma alone",
        ),
        pytest.param(
            body("    self.kept = [nn.Linear(3, 3)] if width else [nn.LayerNorm(3)]", *FORWARD)
            + "        return self.kept[0](x)\n",
            ("nn.ModuleList([nn.Linear(3, 3)] if width else [nn.LayerNorm(3)])",),
            id="a choice of lists",
        ),
        pytest.param(
            body("    self.width = width", *FORWARD, "    return nn.Linear(self.width, 2).to(x.device)(x)"),
            ("self.linear = nn.Linear(self.width, 2)\n", "return self.linear(x)"),
            id="a layer that is moved where it is made",
        ),
        pytest.param(
            body(
                *FORWARD, "    x, gate = x.chunk(2, dim=-1)", "    x = x + torch.randn(x.shape)", "    return x * gate"
            ),
            ("x = x + torch.randn(x.shape, device=x.device)",),
            id="noise for what has the name of the input",
        ),
        pytest.param(
            body("", "def forward(self, x, mask=None):", "    if mask is None:", "        mask = torch.ones(x.size(1))")
            + "        else:\n            mask = mask.bool()\n        return x * mask\n",
            ("mask = torch.ones(x.size(1), device=x.device)",),
            id="a mask that is made where none is given",
        ),
        pytest.param(
            body("    self.cell = nn.GRUCell(3, 4)", *FORWARD, "    state = torch.zeros(x.size(0), 4)")
            + "        for step in range(2):\n            state = self.cell(x[:, step], state)\n        return state\n",
            ("torch.zeros(x.size(0), 4, device=x.device)",),
            id="the first state of a recurrent cell",
        ),
        pytest.param(
            body(
                *("    self.out = nn.Linear(3, 3)", "", "@staticmethod", "def _draw(module):"),
                *("    if isinstance(module, nn.Linear):", "        nn.init.xavier_uniform_(module.weight)"),
                *(*FORWARD, "    return self.out(x)"),
            ),
            ("        self.apply(self._draw)\n",),
            id="a static scheme",
        ),
        pytest.param(
            body(
                "    self.gain = nn.Parameter(",
                "        torch.ones(3),",
                "    ).half()",
                *FORWARD,
                "    return x * self.gain",
            ),
            ("nn.Parameter(\n            torch.ones(3).half(),\n        )\n",),
            id="an operation behind a call of several lines",
        ),
        pytest.param(
            body(*CACHED, *FORWARD, "    if self.copy is None:", "        self.copy = self.table.cuda()")
            + "        return x + self.copy\n",
            (
                'self.register_buffer("table", torch.ones(width), persistent=False)\n\n',
                "x):\n        return x + self.table\n",
            ),
            id="a copy that forward keeps on a device",
        ),
        pytest.param(
            (
                body(
                    *(
                        *TIED,
                        "    self.tied = tied",
                        "    if tied:",
                        "        self.inner.weight = self.outer.weight",
                        "",
                    ),
                    *("def init_all(self):", "    for weight in self.parameters():", "        nn.init.normal_(weight)"),
                    *(*FORWARD, "    return self.outer(self.inner(x))"),
                )
                + "\n\ndef ready(net: Net):\n    net.init_all()\n"
            ).replace("width=3", "tied=True"),
            ("        if self.tied:\n            self.inner.weight = self.outer.weight\n        for weight",),
            id="a tie that the scheme makes again",
        ),
        pytest.param(
            body(*TIED, "    self.inner.weight.data = self.outer.weight.data  # one", *FORWARD)
            + "        return self.outer(self.inner(x))\n",
            ("        self.inner.weight = self.outer.weight  # one\n",),
            id="a tie by data",
        ),
        pytest.param(
            body("    self.kept = [nn.Linear(3, 3)]", *FORWARD, "    return self.kept[0](x)")
            .replace("import torch\nfrom torch import nn", "import torch as t\nimport torch.nn as layers")
            .replace("(nn.", "(layers.")
            .replace("[nn.", "[layers."),
            ("layers.ModuleList([layers.Linear(3, 3)])",),
            id="torch.nn by a name of its own",
        ),
        pytest.param(
            body("    self.centers = nn.Parameter(torch.zeros(3), requires_grad=False)", *FORWARD)
            + "        if self.training:\n            self.centers.mul_(0.9).add_(x.mean(0))\n        return x - self.centers\n",
            ('self.register_buffer("centers", torch.zeros(3))',),
            id="a statistic that forward writes",
        ),
        pytest.param(
            body("    self.out = nn.Linear(3, 3, bias=False)", '    if hasattr(self.out, "bias"):')
            + "            nn.init.zeros_(self.out.bias)\n\n    def forward(self, x):\n        return self.out(x)\n",
            ("            if self.out.bias is not None:\n                nn.init.zeros_(self.out.bias)\n",),
            id="a bias that the class knows may be left out",
        ),
        pytest.param(
            body("    self.steps = nn.Parameter(torch.tensor(0))", "", "def forward(self, x):", "    self.steps += 1")
            + "        return x / self.steps\n",
            ('self.register_buffer("steps", torch.tensor(0))',),
            id="a count that goes on",
        ),
        pytest.param(
            body("    self.mean = torch.ones(3)", "    self.mean += 1", *FORWARD, "    return x - self.mean"),
            ('self.register_buffer("mean", torch.ones(3), persistent=False)\n        self.mean += 1',),
            id="a constant that is written in place",
        ),
        pytest.param(
            body("    self.kept = [nn.Linear(3, 3)]", "    self.last = nn.Linear(3, 3)", *FORWARD)
            + "        for layer in self.kept + [self.last]:\n            x = layer(x)\n        return x\n",
            ("self.kept = nn.ModuleList([nn.Linear(3, 3)])",),
            id="layers joined with another",
        ),
        pytest.param(
            body("    self.shades = nn.Parameter(torch.tensor([0.5, 0.4, 0.4]), requires_grad=False)", *FORWARD)
            + "        return x - self.shades\n",
            ('self.register_buffer("shades", torch.tensor([0.5, 0.4, 0.4]))',),
            id="numbers that are written out",
        ),
        pytest.param(
            body("    self.taper = nn.Parameter(torch.hann_window(3), requires_grad=False)", *FORWARD)
            + "        return x * self.taper\n",
            ('self.register_buffer("taper", torch.hann_window(3))',),
            id="a window",
        ),
        pytest.param(
            body("    self.b = nn.Parameter(torch.randn(3), requires_grad=False)", *FORWARD)
            + "        return torch.cos(x * self.b)\n",
            ('self.register_buffer("b", torch.randn(3))',),
            id="frequencies by what is made of them",
        ),
    ],
)
def test_what_is_known_is_repaired(text: str, wanted: tuple[str, ...], tmp_path: Path) -> None:
    change = fixed(tmp_path / "net.py", text)
    assert all(part in change.after.text for part in wanted), change.after.text
    assert not change.remaining


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(body(*FORWARD, "    return nn.Linear(x.shape[-1], 2)(x)"), id="sizes of the input"),
        pytest.param(
            body(*FORWARD, "    return sum(nn.Linear(3, 2)(x) for _ in range(2))"), id="a layer for each element"
        ),
        pytest.param(
            body("", "def forward(self, x, mask=None):", "    return x * self.mask(mask, x.shape[1])")
            + "\n    def mask(self, mask, length):\n        if mask is None:\n            return torch.ones(length)\n"
            + "        return mask.float()\n",
            id="on the device of what is None there",
        ),
        pytest.param(
            body("    self.layers = nn.ModuleList()", *FORWARD, "    self.layers.append(nn.Linear(3, 3))")
            + "        return self.layers[-1](x)\n",
            id="one more in each call",
        ),
        pytest.param(
            body("    self.out = nn.Linear(3, 3)", "    nn.init.normal_(self.out)", *FORWARD, "    return self.out(x)"),
            id="weight or bias",
        ),
        pytest.param(
            body("    self.weight = nn.Parameter(torch.ones(3), requires_grad=False)", *FORWARD)
            + "        return x * self.weight\n",
            id="a weight that is frozen",
        ),
        pytest.param(
            body(
                "    self.proxies = nn.Parameter(torch.empty(3), requires_grad=False)",
                "    nn.init.normal_(self.proxies)",
            )
            + "\n    def forward(self, x):\n        return x * self.proxies\n",
            id="what an initialiser fills, frozen",
        ),
        pytest.param(
            body("    self.out = nn.Linear(3, 3, bias=False)", "    nn.init.zeros_(self.out.bias)", *FORWARD)
            + "        return self.out(x)\n",
            id="a bias that one line leaves out and another initialises",
        ),
        pytest.param(
            body("    self.mask_emb = nn.Parameter(torch.randn(3), requires_grad=False)", *FORWARD)
            + "        return x * self.mask_emb\n",
            id="what stands for masked tokens, frozen",
        ),
        pytest.param(
            body("    self.centers = nn.Parameter(torch.randn(3), requires_grad=False)", *FORWARD)
            + "        return x - self.centers\n\n    def clip(self):\n        self.centers.data.clamp_(-1, 1)\n",
            id="random values, frozen",
        ),
        pytest.param(
            body("    self.frequencies = nn.Parameter(torch.randn(3), requires_grad=False)", *FORWARD).replace(
                "class Net", "class Learned"
            )
            + "        return torch.sin(x * self.frequencies)\n",
            id="frozen in a class that speaks of learning",
        ),
        pytest.param(
            body("    self.out = nn.utils.weight_norm(nn.Linear(3, 3))", "    self.out.weight.data.normal_()", *FORWARD)
            + "        return self.out(x)\n",
            id="a weight that cannot be assigned",
        ),
        pytest.param(TWO_BASES.format("self.gain = nn.Parameter(torch.ones(width))"), id="two bases that register"),
        pytest.param(
            body("    self.kept = [nn.Linear(3, 3), torch.relu]", *FORWARD, "    return self.kept[1](self.kept[0](x))"),
            id="a function among layers",
        ),
        pytest.param(
            body("    self.kept = [nn.Linear(3, 3)]", "    self.kept.append(torch.relu)", *FORWARD)
            + "        return self.kept[1](self.kept[0](x))\n",
            id="a function added to layers",
        ),
        pytest.param(
            body("    self.kept = [nn.Linear(3, 3)]", *FORWARD, "    for layer in self.kept + [torch.relu]:")
            + "            x = layer(x)\n        return x\n",
            id="layers joined with a function",
        ),
        pytest.param(
            body("    self.kept = [nn.Parameter(torch.ones(3)) for _ in range(2)]", *FORWARD)
            + "        return x * torch.stack(self.kept[:1]).sum(0)\n",
            id="parameters that a function of torch takes as a list",
        ),
        pytest.param(
            body("    self.kept = {8: nn.Linear(3, 3)}", *FORWARD, "    return self.kept[8](x)"),
            id="a key that is no text",
        ),
        pytest.param(
            body(*CACHED, *FORWARD, "    if self.copy is None:", "        self.copy = self.table.cuda()")
            + "        return x + self.copy\n\n\ndef device(net):\n    return net.copy.device\n",
            id="a copy that others read",
        ),
        pytest.param(
            body(
                *(
                    "    self.norm = nn.BatchNorm1d(3)",
                    "    self.conv = nn.Conv1d(3, 3, 1)",
                    "    self.apply(self._init)",
                ),
                *("", "def _init(self, module):", "    if isinstance(module, (nn.Linear, nn.BatchNorm1d)):"),
                *("        nn.init.ones_(module.weight)", *FORWARD, "    return self.norm(self.conv(x))"),
            ),
            id="a scheme that treats a norm alike",
        ),
    ],
)
def test_what_is_not_known_is_left(text: str, tmp_path: Path) -> None:
    change = fixed(tmp_path / "net.py", text)
    assert change.after.text == text
    assert change.remaining


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("f()", []),
        ("f(a, b)", ["a", "b"]),
        ("f(a,\n  b=(1, 2),  # c, d\n)", ["a", "b=(1, 2)"]),
        ("(f)((a + b), *c)", ["(a + b)", "*c"]),
        ('f(\')\', """\n)""")', ["')'", '"""\n)"""']),
    ],
)
def test_a_call_is_taken_apart(call: str, arguments: list[str]) -> None:
    from paramlint.facts.lower_libcst import lower

    text = Text(call + "\n")
    node = getattr(lower(source_from_text("a.py", text.text)).body[0], "value", None)
    assert isinstance(node, Call)
    split = parts(text, node)
    assert split is not None
    assert [text.text[start:end] for start, end in split.arguments] == arguments

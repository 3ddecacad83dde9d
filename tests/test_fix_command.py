"""``paramlint check --fix``: what it writes, what it shows, and what it takes back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from paramlint.model.observation import (
    PRETENDED,
    WITHOUT_MEMORY,
    ClassRequest,
    Failure,
    ForwardObservation,
    Observation,
    Place,
    StateDigest,
    Touched,
)
from paramlint.runtime.equivalence import Allowed, again, difference, difference_beside, raised_in_written

NET = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.mean = torch.ones(3)
        self.layers = [nn.Linear(3, 3) for _ in range(2)]

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x - self.mean
"""
SAFE = NET.replace("self.mean = torch.ones(3)", 'self.register_buffer("mean", torch.ones(3), persistent=False)')
BOTH = SAFE.replace("[nn.Linear(3, 3) for _ in range(2)]", "nn.ModuleList([nn.Linear(3, 3) for _ in range(2)])")


@pytest.fixture
def net(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("[tool.paramlint]\n")
    path = tmp_path / "net.py"
    path.write_text(NET)
    return path


def run(path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "paramlint", "check", path.name, *options]
    return subprocess.run(command, capture_output=True, text=True, cwd=path.parent, check=False)


def test_fix_writes_what_is_safe_and_reports_the_rest(net: Path) -> None:
    done = run(net, "--fix", "--output-format=json")
    assert net.read_text() == SAFE
    assert [item["code"] for item in json.loads(done.stdout)["diagnostics"]] == ["PRM105"]
    assert "fixed 1 finding in 1 file" in done.stderr
    assert done.returncode == 1


def test_unsafe_fixes_leave_nothing_to_say(net: Path) -> None:
    done = run(net, "--unsafe-fixes")
    assert net.read_text() == BOTH
    assert done.returncode == 0
    assert run(net, "--unsafe-fixes", "--exit-non-zero-on-fix").returncode == 0


def test_the_hook_fails_where_it_has_fixed_everything(net: Path) -> None:
    assert run(net, "--unsafe-fixes", "--exit-non-zero-on-fix").returncode == 1


def test_diff_writes_nothing(net: Path) -> None:
    done = run(net, "--diff", "--unsafe-fixes")
    assert net.read_text() == NET
    assert done.returncode == 1
    assert "+        self.layers = nn.ModuleList([nn.Linear(3, 3) for _ in range(2)])" in done.stdout.splitlines()
    assert done.stdout.splitlines()[0] == "--- net.py"


def test_a_read_only_file_is_an_error_that_names_it(net: Path) -> None:
    net.chmod(0o444)
    done = run(net, "--fix")
    assert done.returncode == 2
    assert "net.py: is read-only" in done.stderr
    assert net.read_text() == NET


def test_the_text_counts_safe_and_unsafe_fixes(net: Path) -> None:
    assert run(net).stdout.splitlines()[-1] == "[*] 1 fixable with --fix (1 more with --unsafe-fixes)."
    assert run(net, "--fix").stdout.splitlines()[-1] == "[*] 1 fixable with --unsafe-fixes."


def test_json_holds_the_fix(net: Path) -> None:
    found = json.loads(run(net, "--output-format=json").stdout)["diagnostics"]
    fixes = {item["code"]: item["fix"] for item in found}
    assert fixes["PRM101"]["applicability"] == "safe"
    assert "older ones load" in fixes["PRM101"]["message"]
    assert set(fixes["PRM105"]) == {"applicability", "message", "edits"}
    assert set(fixes["PRM105"]["edits"][0]) == {"line", "column", "end_line", "end_column", "replacement"}


def test_the_setting_decides_how_buffers_are_written(net: Path) -> None:
    (net.parent / "pyproject.toml").write_text('[tool.paramlint]\nbuffer-style = "nn.Buffer"\n')
    run(net, "--fix")
    assert "self.mean = nn.Buffer(torch.ones(3), persistent=False)" in net.read_text()


def test_a_proved_fix_stays(net: Path) -> None:
    done = run(net, "--fix", "--confirm", "--select=PRM101", "--timeout=120")
    assert net.read_text() == SAFE, done.stderr


def test_a_fix_that_changes_more_is_taken_back(net: Path) -> None:
    """The draw of the weights depends on what kind of attribute there is: a repair cannot be proved equal."""
    text = NET.replace(
        "        self.layers =",
        '        torch.manual_seed(int("mean" in self.__dict__))\n        self.layers =',
    )
    net.write_text(text)
    done = run(net, "--fix", "--confirm", "--select=PRM101", "--timeout=120")
    assert net.read_text() == text
    assert "is not fixed" in done.stderr
    assert "fixable" not in done.stdout
    assert "returns something else" in done.stderr or "other values" in done.stderr


def test_a_model_is_built_and_called_again_as_it_was(net: Path) -> None:
    """The first layer suggests the input, and before the fix it was not to be seen."""
    text = NET.replace("(self)", "(self, width)", 1).replace("nn.Linear(3, 3)", "nn.Linear(width // 2, width // 2)")
    net.write_text(text.replace(" - self.mean", ""))
    done = run(net, "--unsafe-fixes", "--confirm", "--select=PRM105", "--timeout=120")
    assert "nn.ModuleList([nn.Linear(" in net.read_text(), done.stderr


def test_a_line_that_a_fix_wrote_must_not_raise() -> None:
    """Where forward ran for no input before, there is nothing to compare, but the fault is not to be moved on."""
    line = "        return x * torch.ones(3, device=mask.device)"
    raised = ForwardObservation("no input found", failure=Failure("AttributeError", "no", (Place("net.py", 2, "f"),)))
    silent = built(forward=ForwardObservation("no input found"))
    text = f"def f(x, mask):\n{line}\n"
    old = text.replace(", device=mask.device", "")
    assert raised_in_written(silent, built(forward=raised), "net.py", old, text) == line
    assert raised_in_written(silent, built(forward=raised), "net.py", text, text) is None
    assert raised_in_written(silent, built(forward=raised), "other.py", old, text) is None
    assert raised_in_written(built(), built(forward=raised), "net.py", old, text) is None  # which the comparison tells


def test_a_recipe_that_was_guessed_is_tried_first() -> None:
    request = ClassRequest("0", "net.py", "", "net", "Net")
    asked = again(request, built(recipe="Net(width=8)" + PRETENDED, recipe_kind="guessed"))
    assert [item.expression for item in (*asked.recipes, *asked.input_recipes)] == ["Net(width=8)", "(x,)"]
    assert again(request, built(recipe_kind="defaults", forward=None)) == request
    assert again(request, None) == request


X, HEADS = Touched("net.py", "Net", "x"), Touched("net.py", "Net", "heads")
WEIGHT = StateDigest("weight", "parameter", (2,), "torch.float32", "a")
RAN = ForwardObservation("ran", recipe="(x,)")


def built(*state: StateDigest, output: str = "o", **fields: object) -> Observation:
    known = Observation("0", "net.py", "Net", "built", recipe="Net()", forward=RAN, state=state, output=output)
    return known._replace(**fields)


@pytest.mark.parametrize(
    ("after", "allowed", "reason"),
    [
        pytest.param(built(WEIGHT), Allowed(), None, id="the same"),
        pytest.param(built(), Allowed(), "is gone", id="a parameter lost"),
        pytest.param(built(WEIGHT._replace(shape=(3,))), Allowed(), "is another parameter", id="another shape"),
        pytest.param(built(WEIGHT._replace(digest="b")), Allowed(), "has other values", id="other values"),
        pytest.param(built(WEIGHT._replace(digest="b")), Allowed(values=True), None, id="values may change"),
        pytest.param(
            built(WEIGHT._replace(registration="buffer")), Allowed(), "is another buffer", id="another registration"
        ),
        pytest.param(built(WEIGHT, WEIGHT._replace(name="x.w")), Allowed(), "is new", id="a new one"),
        pytest.param(
            built(WEIGHT, WEIGHT._replace(name="x.w", touched=(X,))), Allowed((X,)), None, id="the new one is meant"
        ),
        pytest.param(
            built(WEIGHT, WEIGHT._replace(name="y.x", touched=(HEADS,))), Allowed((X,)), "is new", id="of another"
        ),
        pytest.param(built(WEIGHT, output="p"), Allowed(), "returns something else", id="another output"),
        pytest.param(
            built(WEIGHT, forward=ForwardObservation("raised")),
            Allowed(outputs=True),
            "does not run",
            id="forward raises",
        ),
        pytest.param(
            built(WEIGHT, form="float32[2]", output="p"),
            Allowed(outputs=True),
            "returns another structure after it: float32[2]",
            id="another structure",
        ),
        pytest.param(built(WEIGHT, output="p"), Allowed(outputs=True), None, id="outputs may change"),
        pytest.param(built(WEIGHT, recipe="Net(3)"), Allowed(), "in another way", id="built otherwise"),
        pytest.param(built(WEIGHT, recipe="Net()" + PRETENDED), Allowed(), None, id="no longer pretended"),
        pytest.param(built(status="not built", reason="why"), Allowed(), "why", id="not built"),
        pytest.param(None, Allowed(), "no answer", id="no observation"),
    ],
)
def test_what_keeps_a_fix_from_being_proved(after: Observation | None, allowed: Allowed, reason: str | None) -> None:
    found = difference(built(WEIGHT), after, allowed)
    assert (found is None) if reason is None else (found is not None and reason in found)


def test_what_could_not_be_built_before_has_nothing_to_keep() -> None:
    assert difference(built(status="not built"), built(WEIGHT), Allowed()) is None


def test_a_model_without_tables_has_no_state_to_compare() -> None:
    """What misses its base constructor may be built all the same, as long as it registers nothing."""
    without = built()._replace(state=None)
    assert difference(without, built(WEIGHT), Allowed()) == "the state of the model could not be read before it"
    assert difference(without, built(WEIGHT), Allowed(reveals=True)) is None


HIDDEN = StateDigest("heads[0].weight", "plain", (3,), "f", "drawn", (HEADS,))
NOW = HIDDEN._replace(name="heads.0.weight", registration="parameter")


@pytest.mark.parametrize(
    ("digest", "levelled", "reason"),
    [
        pytest.param("drawn", "l", "forward returns something else after it", id="its values are the same"),
        pytest.param("written", "l", None, id="an initialisation reaches it now"),
        pytest.param("written", "m", "forward computes something else after it, for equal weights too", id="not alone"),
        pytest.param("written", None, "forward returns something else after it, and whether by other", id="not seen"),
    ],
)
@pytest.mark.parametrize("allowed", [Allowed((HEADS,), draws=True), Allowed((HEADS,), values=True)])
def test_another_output_is_explained_by_other_weights_alone(
    digest: str, levelled: str | None, reason: str | None, allowed: Allowed
) -> None:
    before = built(output="before", levelled="l")._replace(hidden=(HIDDEN,))
    after = built(NOW._replace(digest=digest), output="after", levelled=levelled)
    found = difference(before, after, allowed)
    if allowed.values and digest == "drawn":
        assert found is None  # the values of others may have changed
    else:
        assert (found is None) if reason is None else (found is not None and found.startswith(reason))


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        pytest.param((NOW,), None, id="all of it"),
        pytest.param((NOW, NOW._replace(name="heads.1.weight")), None, id="and what is new"),
        pytest.param((), "'heads[0].weight' is gone after it", id="a part lost"),
        pytest.param(
            (NOW._replace(shape=(4,)),), "'heads[0].weight' is another tensor after it: f of shape [4]", id="other"
        ),
    ],
)
def test_what_a_fix_is_about_holds_what_it_held(after: tuple[StateDigest, ...], reason: str | None) -> None:
    before = built()._replace(hidden=(HIDDEN,))
    assert difference(before, built(*after), Allowed((HEADS,), draws=True)) == reason


REACHED = NET.replace(
    "\n    def forward", "        self.last = nn.Linear(3, 3)\n        self.apply(self.fill)\n\n    def forward"
).replace(
    "    def forward",
    """\
    def fill(self, module):
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight)

    def forward""",
)


def test_an_initialisation_that_walks_over_the_repaired_reaches_them(net: Path) -> None:
    net.write_text(REACHED)
    done = run(net, "--unsafe-fixes", "--confirm", "--select=PRM105", "--timeout=120")
    assert "nn.ModuleList([" in net.read_text(), done.stderr


def test_that_an_initialisation_reaches_them_excuses_nothing_else(net: Path) -> None:
    text = REACHED.replace("return x -", "return self.last(x) * len(list(self.modules())) -")
    net.write_text(text)
    done = run(net, "--unsafe-fixes", "--confirm", "--select=PRM105", "--timeout=120")
    assert net.read_text() == text
    assert "forward computes something else after it, for equal weights too" in done.stderr


NAMESAKE = """

class Gain(nn.Module):
    def __init__(self, is_plain):
        super().__init__()
        self.register_buffer("mean", torch.zeros(3) if is_plain else torch.ones(3))

    def forward(self, x):
        return x
"""


def test_a_weight_of_the_same_name_elsewhere_must_stay_as_it_was(net: Path) -> None:
    """What the fix is about is the attribute of its own class, and no other's that is called the same."""
    made = '        self.gain = Gain("mean" in self.__dict__)\n'
    text = NET.replace("\n    def forward", f"{made}\n    def forward") + NAMESAKE
    net.write_text(text)
    done = run(net, "--fix", "--confirm", "--select=PRM101", "--timeout=120")
    assert net.read_text() == text
    assert "'gain.mean' has other values after it" in done.stderr


def test_what_could_not_be_read_is_withheld_with_the_reason() -> None:
    late = built()._replace(state=None, notes=("out of time in digests",))
    assert difference(built(WEIGHT), late, Allowed()) == (
        "the state of the model could not be read after it: out of time in digests"
    )
    large = late._replace(notes=(), recipe="Net()" + WITHOUT_MEMORY)
    found = difference(built(WEIGHT), large, Allowed())
    assert found is not None
    assert found.endswith("it was built without memory, since it is too large or too slow to build")


HOLDER = """

class Deeper(Net):
    def __init__(self):
        super().__init__()
        if "mean" in self.__dict__:
            self.extra = nn.Linear(3, 3)


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Net()
        self.second = Net()

    def forward(self, x):
        return self.second(self.first(x))
"""


def test_what_derives_from_the_class_must_stay_as_it_was(net: Path) -> None:
    text = NET + HOLDER
    net.write_text(text)
    done = run(net, "--fix", "--confirm", "--select=PRM101", "--timeout=120")
    assert net.read_text() == text
    assert "Deeper: the parameter 'extra.weight' is gone after it" in done.stderr


def test_what_holds_the_class_may_hold_what_was_repaired(net: Path) -> None:
    net.write_text(NET + HOLDER.partition("\n\n\nclass Pair")[2].join(["\n\nclass Pair", ""]))
    done = run(net, "--fix", "--confirm", "--select=PRM101", "--timeout=120")
    assert SAFE in net.read_text(), done.stderr


def test_what_holds_the_class_may_hold_what_another_file_repairs_as_well(net: Path) -> None:
    text = NET.replace("        self.layers = [nn.Linear(3, 3) for _ in range(2)]\n", "").replace(
        "        for layer in self.layers:\n            x = layer(x)\n", ""
    )
    net.write_text(NET.replace("        self.mean = torch.ones(3)\n", "").replace(" - self.mean", ""))
    holder = (
        "\n\nclass Pair(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.first = net.Net()\n"
        "        self.second = Shift()\n\n    def forward(self, x):\n        return self.second(self.first(x))\n"
    )
    other = net.with_name("pair.py")
    other.write_text("import net\n" + text.replace("class Net", "class Shift") + holder)
    options = ("--unsafe-fixes", "--confirm", "--select=PRM101,PRM105", "--timeout=120")
    done = run(net, other.name, *options)
    assert "fixed 2 findings in 2 files" in done.stderr


def test_what_is_built_after_new_draws_may_have_other_values() -> None:
    shifted = built(WEIGHT._replace(digest="b"), output="p", levelled="l")
    assert difference_beside(built(WEIGHT, levelled="l"), shifted, Allowed(draws=True)) is None
    assert difference_beside(built(WEIGHT, levelled="m"), shifted, Allowed(draws=True)) is not None
    assert (
        difference_beside(built(WEIGHT), shifted, Allowed())
        == "Net: 'weight' has other values after it, under the same seed"
    )
    assert difference_beside(built(status="not built"), built(), Allowed()) is None


def test_a_finding_may_ask_for_a_sign_alone(net: Path) -> None:
    """The branch is taken for whatever is true; only a class can be called there."""
    net.write_text(
        NET.replace("(self):", "(self, act=nn.ReLU):", 1).replace(
            "        super().__init__()\n",
            "        self.act = act() if act else nn.Identity()\n        super().__init__()\n",
        )
    )
    done = run(net, "--fix", "--confirm", "--select=PRM402", "--timeout=120")
    assert "        super().__init__()\n        self.act = act()" in net.read_text(), done.stderr

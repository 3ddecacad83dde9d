"""``pytest --paramlint`` on suites of its own: what is reported, with which exit status, and what it costs when off."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

# The entry point may be installed or not; either way the plugin is loaded once.
PLUGIN = ("-p", "no:paramlint", "-p", "paramlint.pytest_plugin", "-p", "no:cacheprovider")

MODELS = """\
import torch
from torch import nn

class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Linear(3, 3) for _ in range(2)]
        self.table = torch.arange(3.0)
        self.raw = nn.Parameter(torch.empty(3))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x + self.table + self.raw

class Sound(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(3, 3) for _ in range(2)])
        self.register_buffer("table", torch.arange(3.0), persistent=False)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x + self.table
"""
FAULTY = """\
import torch
from models import Faulty

def test_forward():
    assert Faulty()(torch.ones(2, 3)).shape == (2, 3)

def test_again():
    Faulty()(torch.ones(1, 3)).sum().backward()
"""
SOUND = """\
import torch
from models import Sound

def test_forward():
    torch.manual_seed(0)
    first = Sound()(torch.ones(2, 3))
    torch.manual_seed(0)
    assert torch.equal(first, Sound()(torch.ones(2, 3)))
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(models=MODELS, test_faulty=FAULTY, test_sound=SOUND)
    pytester.makepyprojecttoml("[tool.pytest.ini_options]\npythonpath = ['.']\n")
    return pytester


def run(suite: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return suite.runpytest_subprocess(*PLUGIN, *arguments)


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["one process", "xdist"])
def test_findings_are_reported_once_with_their_lines_and_fail_the_run(
    suite: pytest.Pytester, workers: list[str]
) -> None:
    result = run(suite, "--paramlint", *workers)
    result.assert_outcomes(passed=3)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    output = result.stdout.str()
    for place in ("models.py:7:9: PRM105", "models.py:8:9: PRM101", "models.py:9:9: PRM301"):
        assert output.count(place) == 1
    assert "= confirmed: 'layers[0]' (Linear, 12 elements of parameters) is not in modules()" in output
    assert "3 findings in 1 file (3 confirmed)." in output
    assert "2 Module classes audited, see above" in output


@pytest.fixture
def installed(suite: pytest.Pytester) -> pytest.Pytester:
    """The suite with a test of a faulty package that is installed below its root, as in a virtual environment."""
    package = suite.path / "lib" / "site-packages" / "faultylib"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(MODELS)
    suite.makepyfile(test_lib=FAULTY.replace("models", "faultylib"))
    suite.makepyprojecttoml("[tool.pytest.ini_options]\npythonpath = ['.', 'lib/site-packages']\n")
    return suite


def test_a_sound_suite_passes_whatever_installed_packages_hold(installed: pytest.Pytester) -> None:
    result = run(installed, "--paramlint", "test_sound.py", "test_lib.py")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["1 Module class audited, no findings"])


def test_packages_and_codes_can_be_chosen_noqa_is_heard_and_the_exit_status_kept(installed: pytest.Pytester) -> None:
    library = installed.path / "lib" / "site-packages" / "faultylib" / "__init__.py"
    library.write_text(MODELS.replace("range(2)]\n        self.table", "range(2)]  # noqa\n        self.table"))
    options = ("--paramlint-package", "faultylib", "--paramlint-select", "PRM105,PRM301", "--paramlint-exit-zero")
    result = run(installed, "--paramlint", *options, "test_lib.py")
    assert result.ret == pytest.ExitCode.OK
    output = result.stdout.str()
    assert "PRM301" in output
    assert "PRM105" not in output
    assert "PRM101" not in output


def test_nothing_happens_unless_asked(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import sys\n\ndef test_it():\n    assert 'torch' not in sys.modules\n")
    result = run(pytester)
    assert result.ret == pytest.ExitCode.OK
    assert "audited" not in result.stdout.str()


def test_what_the_tests_see_is_not_changed(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_same="""\
        import copy, gc, inspect, pickle, weakref
        import pytest
        import torch
        from torch import nn
        from models import Faulty, Sound

        def draw():
            torch.manual_seed(3)
            model = Sound()
            return model(torch.randn(2, 3)), torch.randn(2)

        def test_random_numbers_are_those_of_a_run_without():
            first, second = draw(), draw()
            assert all(torch.equal(a, b) for a, b in zip(first, second))

        def test_memory_is_not_marked_afterwards():
            model = Faulty()
            model(torch.ones(1, 3))
            assert model.raw.eq(0).all()

        def test_errors_pass():
            class Raising(nn.Module):
                def forward(self, x):
                    raise KeyError("mine")
            for _ in range(9):
                with pytest.raises(KeyError, match="mine"):
                    Raising()(1)

        def test_modes_of_the_user():
            with torch.device("meta"):
                model = Sound()
            assert model.table.device.type == "meta"
            model(torch.ones(1, 3, device="meta"))
            assert torch._C._len_torch_function_stack() <= 1

        def test_a_construction_is_over_when_something_of_it_is_read():
            model = Sound()
            model.table
            assert torch._C._len_torch_function_stack() == 0
            assert torch._C._len_torch_dispatch_stack() == 0

        def test_the_collector_goes_through_what_tests_make_and_not_through_torch():
            model = Sound()
            model.itself = [model]
            model(torch.ones(1, 3))
            gone = weakref.ref(model.table)
            del model
            assert len(gc.get_objects()) < gc.get_freeze_count()
            Faulty()
            gc.collect()
            assert gone() is None

        def test_modules_are_themselves():
            model = Sound()
            assert not hasattr(model, "paramlint")
            copy.deepcopy(model)
            pickle.loads(pickle.dumps(model))(torch.ones(1, 3))
            assert list(inspect.signature(Sound).parameters) == []
            assert torch.jit.trace(model, torch.ones(1, 3))(torch.ones(1, 3)).shape == (1, 3)
            torch.fx.symbolic_trace(model)
            torch.export.export(model, (torch.ones(1, 3),))
        """
    )
    result = run(suite, "--paramlint", "test_same.py")
    result.assert_outcomes(passed=7)


def test_importing_the_plugin_costs_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import paramlint.pytest_plugin; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert set(done.stdout.split()) == {"paramlint", "paramlint.pytest_plugin"}

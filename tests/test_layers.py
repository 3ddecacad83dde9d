"""Imports point one way, and linting loads neither torch nor the code that it reads."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "paramlint"

# Each layer may import itself and what is named here; the front ends (the command, the plugins) may import all of them.
LAYERS: dict[str, set[str]] = {
    "model": set(),
    "torch_api": set(),
    "facts": {"model"},
    "project": {"model", "facts"},
    "interpret": {"model", "torch_api", "facts", "project"},
    "rules": {"model", "torch_api", "project", "interpret"},
    "fixes": {"model", "torch_api", "project", "interpret"},
    "engine": {"model", "facts", "project", "rules", "fixes"},
    "runtime": {"model", "facts", "project"},
    "report": {"model", "facts", "engine"},
}
# Found in every process that only lints; what is missing from this list may be slow to import or have side effects.
UNWANTED = ("torch", "numpy", "rich", "flake8", "pytest", "paramlint.runtime")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_only_what_lies_below_it(layer: str) -> None:
    allowed = {layer, *LAYERS[layer]}
    for path in (PACKAGE / layer).rglob("*.py"):
        for module in imports(path):
            top, _, rest = module.partition(".")
            if top == "paramlint" and rest:
                assert rest.split(".")[0] in allowed, f"{path.relative_to(ROOT)} imports {module}"


def test_layers_are_free_of_cycles() -> None:
    done: set[str] = set()
    while ready := {name for name, below in LAYERS.items() if name not in done and below <= done}:
        done |= ready
    assert done == set(LAYERS)


def test_the_worker_needs_the_standard_library_and_torch_alone() -> None:
    allowed = {"paramlint.model", "paramlint.runtime.worker"}
    for path in (PACKAGE / "runtime" / "worker").rglob("*.py"):
        for module in imports(path):
            top = module.split(".")[0]
            known = top in sys.stdlib_module_names or top == "torch"
            assert known or any(module.startswith(name) for name in allowed), f"{path.relative_to(ROOT)}: {module}"


def loaded_by(code: str, folder: Path) -> set[str]:
    """The modules that a fresh interpreter has loaded once it has run ``code`` in ``folder``."""
    script = f"import sys\n{code}\nprint(*sys.modules, sep='\\n', file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=folder, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return set(done.stderr.split())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose one file tells of its own import by a file beside it."""
    (tmp_path / "pyproject.toml").write_text("[tool.paramlint]\n")
    (tmp_path / "net.py").write_text(
        "import pathlib\n"
        "import torch\n"
        "pathlib.Path(__file__).with_name('was_imported').touch()\n"
        "class Net(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.scale = torch.nn.Parameter(torch.ones(3)).double()\n"
    )
    return tmp_path


@pytest.mark.parametrize("output_format", ["text", "concise", "json", "github"])
def test_check_loads_neither_torch_nor_user_code(project: Path, output_format: str) -> None:
    code = f"from paramlint.cli import main\nassert main(['check', '--output-format', '{output_format}']) == 1"
    loaded = loaded_by(code, project)
    assert not {name for name in loaded if name.startswith(UNWANTED)}
    assert "net" not in loaded
    assert not (project / "was_imported").exists()


def test_the_flake8_plugin_loads_neither_torch_nor_user_code(project: Path) -> None:
    code = (
        "import ast\n"
        "from paramlint.flake8_plugin import Plugin\n"
        "text = open('net.py').read()\n"
        "assert len(list(Plugin(ast.parse(text), 'net.py', text.splitlines(True)).run())) == 1"
    )
    loaded = loaded_by(code, project)
    assert not {name for name in loaded if name.startswith(UNWANTED)}
    assert not (project / "was_imported").exists()


def test_importing_paramlint_loads_nothing_else(tmp_path: Path) -> None:
    loaded = loaded_by("import paramlint", tmp_path)
    assert not {name for name in loaded if name.startswith((*UNWANTED, "libcst", "paramlint."))}

"""The wheel that is built is what users install: it has the data files, and works away from the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="building without isolation needs the build backend")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_it_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    source = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "paramlint").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == source


def test_it_finds_faults_where_it_is_installed(wheel: Path, tmp_path: Path) -> None:
    unpacked = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(unpacked)
    (tmp_path / "work").mkdir()
    # The installed copy comes first, so that a file which the wheel lacks cannot be taken from the checkout.
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    script = "import paramlint, sys; from paramlint.cli import main; print(paramlint.__file__, file=sys.stderr); main()"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            script,
            "check",
            str(ROOT / "fixtures" / "demo"),
            "--output-format=json",
            "--isolated",
            "--extend-select=PRM301",
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path / "work",
        env=environment,
        check=False,
    )
    assert Path(done.stderr.strip()).is_relative_to(unpacked), done.stderr
    assert len(json.loads(done.stdout)["diagnostics"]) == 6

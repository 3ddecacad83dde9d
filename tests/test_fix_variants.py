"""What repairs make of faults as people write them, and whether old checkpoints load as the messages say."""

from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
import torch

from paramlint.engine.fixing import Change, fix_source, key_of
from paramlint.facts.source import Source, read_source, source_from_text
from paramlint.model.code import Span
from paramlint.model.diagnostic import Applicability, Diagnostic, Edit, Fix, Severity
from tests.markers import FIXTURES
from tests.test_fixes import fixer

VARIANTS = sorted(path for path in (FIXTURES / "fixes").glob("*.py") if not path.stem.endswith("_repaired"))


@pytest.fixture(scope="module")
def changes() -> dict[Path, Change]:
    return {path: fixer().fix(read_source(str(path))) for path in VARIANTS}


@pytest.mark.parametrize("path", VARIANTS, ids=lambda path: path.stem)
def test_variants_are_repaired_as_one_would_write_them(path: Path, changes: dict[Path, Change]) -> None:
    assert changes[path].after.text == path.with_stem(f"{path.stem}_repaired").read_text()


def test_variants_are_repaired_under_proof_as_well(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    for path in VARIANTS:
        shutil.copyfile(path, tmp_path / path.name)
    command = [sys.executable, "-m", "paramlint", "check", ".", "--isolated", "--no-cache", "--select=ALL"]
    command += ["--fix", "--unsafe-fixes", "--confirm", "--timeout=120"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    for path in VARIANTS:
        assert (tmp_path / path.name).read_text() == path.with_stem(f"{path.stem}_repaired").read_text(), done.stderr


@pytest.mark.parametrize("path", VARIANTS, ids=lambda path: path.stem)
def test_old_checkpoints_load_as_the_messages_say(path: Path, changes: dict[Path, Change]) -> None:
    before = runpy.run_path(str(path))
    after = runpy.run_path(str(path.with_stem(f"{path.stem}_repaired")))
    messages: dict[str, list[str]] = defaultdict(list)
    for item in changes[path].applied:
        if item.fix is not None and item.class_name is not None:
            messages[item.class_name].append(item.fix.message)
    for name, said in messages.items():
        try:
            old = before[name]().state_dict()
        except (AssertionError, AttributeError, RuntimeError, TypeError):
            continue  # there never was a checkpoint
        repaired = after[name]()
        repaired.load_state_dict(old, strict=False)
        missing, unexpected = repaired.load_state_dict(old, strict=False)
        gains = {key for key in missing if any("gain" in line and f"'{key.split('.')[0]}" in line for line in said)}
        assert gains == set(missing), (name, said)
        assert not unexpected, (name, said)
        if all("strict=False" not in line for line in said):
            repaired.load_state_dict(old)


def numbers(source: Source) -> list[int]:
    return [int(item) for item in source.text.split("[")[1].split("]")[0].split(",") if item.strip()]


def finding(name: str, replacement: str, text: str) -> Diagnostic:
    edit = Edit(Span(1, 1, 1, len(text)), replacement)
    fix = Fix("checkpoints keep their keys", Applicability.SAFE, (edit,))
    return Diagnostic("PRM101", "x", Severity.WARNING, "net.py", edit.span, "Net", name, "", fix=fix)


def one_less(source: Source) -> list[Diagnostic]:
    """A finding for each number, all of whose edits are of the same line."""
    found = numbers(source)
    return [finding(str(item), f"x = {[other for other in found if other != item]}", source.text) for item in found]


def test_edits_that_overlap_wait_for_the_next_pass() -> None:
    change = fix_source(source_from_text("net.py", "x = [1, 2, 3]\n"), one_less, with_unsafe=False)
    assert change.after.text == "x = []\n"
    assert [len(edits) for edits in change.passes] == [1, 1, 1]
    assert [key_of(item)[2] for item in change.applied] == ["1", "2", "3"]


def test_there_are_ten_passes_at_most() -> None:
    text = f"x = {list(range(13))}\n"
    change = fix_source(source_from_text("net.py", text), one_less, with_unsafe=False)
    assert len(change.passes) == 10
    assert change.after.text == "x = [10, 11, 12]\n"
    assert len(change.remaining) == 3


def test_torch_refuses_what_is_withheld() -> None:
    """The reasons that are given for containers are torch's."""
    with pytest.raises(TypeError):
        torch.nn.ModuleList([torch.relu])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        torch.nn.ModuleDict({8: torch.nn.Identity()})  # type: ignore[dict-item]
    with pytest.raises(KeyError):
        torch.nn.ModuleDict({"train": torch.nn.Identity()})
    with pytest.raises(KeyError):
        torch.nn.ModuleDict({"a.b": torch.nn.Identity()})
    assert not hasattr(torch.nn.ParameterList, "reverse")

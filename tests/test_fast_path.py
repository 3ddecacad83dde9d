"""The fast path is exact on the fixtures, and libcst reads only what is spoken of."""

from __future__ import annotations

from pathlib import Path

import pytest

from paramlint.engine.check import check
from paramlint.engine.configuration import Configuration
from paramlint.engine.outcome import Report
from paramlint.engine.selection import SelectionLayer
from paramlint.engine.settings import Overrides
from paramlint.facts import lower_libcst
from paramlint.facts.source import Source
from paramlint.model.code import SourceFacts

FIXTURES = Path(__file__).parent.parent / "fixtures" / "rules"


def linted(paths: list[Path], fast_path: bool) -> Report:
    overrides = Overrides(SelectionLayer(select=("ALL",)), fast_path=fast_path)
    return check(paths, Configuration(overrides, isolated=True), jobs=1)


def test_diagnostics_are_the_same_with_and_without_it() -> None:
    folders = sorted(FIXTURES.iterdir())[::8]
    fast = linted(folders, fast_path=True)
    assert fast.diagnostics
    assert fast == linted(folders, fast_path=False)


def test_libcst_reads_the_files_in_which_something_is_said_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    lower = lower_libcst.lower

    def counting(source: Source) -> SourceFacts:
        read.append(source.path)
        return lower(source)

    monkeypatch.setattr(lower_libcst, "lower", counting)
    report = linted([FIXTURES / "module_in_container"], fast_path=True)
    spoken = {path for entry in report.diagnostics for path in (entry.path, *(item.path for item in entry.related))}
    assert sorted(read) == sorted(spoken)
    assert len(spoken) < report.files

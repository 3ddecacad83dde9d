"""The tables in docs/init-coverage.md are those that the models give."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import paramlint

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "init-coverage.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("section", "path", "name"),
    [
        ("resnet", "init_coverage/resnet.py", "ResNet"),
        ("InitialisedClassifier", "article/general_initialiser.py", "InitialisedClassifier"),
        ("HastyInitialiser", "article/general_initialiser.py", "HastyInitialiser"),
        ("HastyInitialiser", "article/general_initialiser.py", "ForgottenInitialiser"),
        ("HalfReachedDecoder", "article/general_initialiser.py", "HalfReachedDecoder"),
    ],
)
def test_the_page_shows_what_the_model_gives(section: str, path: str, name: str) -> None:
    file = ROOT / "fixtures" / path
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with paramlint.watch():
        model = getattr(module, name)()
    shown = PAGE.partition(f"<!-- {section}: begin")[2].partition(f"<!-- {section}: end -->")[0]
    assert str(paramlint.audit(model).init_coverage()) in shown

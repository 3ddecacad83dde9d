"""Marks the tests that state a known miss: each is expected to fail, and is reported once it no longer does."""

from pathlib import Path

import pytest

_LIST = Path(__file__).with_name("known_misses.txt")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    lines = _LIST.read_text().splitlines() if _LIST.exists() else []
    known = {line for line in lines if line and not line.startswith("#")}
    for item in items:
        if item.nodeid in known:
            item.add_marker(pytest.mark.xfail(strict=True, reason="a known miss, see known_misses.txt"))

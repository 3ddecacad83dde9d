"""The configuration under which all measures run: every rule, and nothing of the surroundings."""

from __future__ import annotations

from paramlint.engine.configuration import Configuration
from paramlint.engine.selection import SelectionLayer
from paramlint.engine.settings import Overrides


def configuration(python: str | None = None) -> Configuration:
    """``python``: the interpreter whose packages are read, and which builds models."""
    overrides = Overrides(selection=SelectionLayer(select=("ALL",)), respect_gitignore=False, python=python)
    return Configuration(overrides, isolated=True)

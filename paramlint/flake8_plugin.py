"""The flake8 plugin: flake8's own selection and ``# noqa``, paramlint's own engine."""

from __future__ import annotations

import argparse
import ast
import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

import paramlint

if TYPE_CHECKING:
    from paramlint.engine.analysis import Analyser


class _OptionManager(Protocol):
    def extend_default_ignore(self, error_codes: Sequence[str]) -> None: ...


# Reported where paramlint itself failed on a file, which flake8 has no other way to tell.
_FAILURE = "PRM000"


class Plugin:
    """One file as flake8 hands it over; what it finds is the same as ``paramlint check`` finds."""

    name: ClassVar[str] = "paramlint"
    version: ClassVar[str] = paramlint.__version__
    # flake8 tells options to the class, before it makes instances.
    _asked_for: ClassVar[tuple[str, ...]] = ()

    def __init__(self, tree: ast.Module, filename: str, lines: Sequence[str]) -> None:
        self._tree = tree
        self._path = Path(os.path.abspath(filename))
        self._text = "".join(lines)

    @classmethod
    def add_options(cls, manager: _OptionManager) -> None:
        """Hide the rules that are off by default, unless flake8's ``--select`` or ``--extend-select`` names them."""
        from paramlint.rules import ALL_RULES

        manager.extend_default_ignore([rule.code for rule in ALL_RULES if not rule.enabled_by_default])

    @classmethod
    def parse_options(cls, options: argparse.Namespace) -> None:
        """Remember which codes are asked for by name; flake8 itself decides what is shown."""
        cls._asked_for = (*(options.select or ()), *(options.extend_select or ()))

    def run(self) -> Iterator[tuple[int, int, str, type[Plugin]]]:
        """Yield line (from 1), column (from 0), code with message, and the plugin's type."""
        from paramlint.engine.analysis import Batch, Given, Task, exact_batches
        from paramlint.engine.check import Planner
        from paramlint.engine.configuration import Configuration, ConfigurationError
        from paramlint.engine.settings import Overrides
        from paramlint.facts.source import source_from_text
        from paramlint.rules import ALL_RULES

        codes = frozenset(
            rule.code for rule in ALL_RULES if rule.enabled_by_default or rule.code.startswith(self._asked_for)
        )
        try:
            planner = Planner(Configuration(Overrides()))
            batch = Batch(planner.root(self._path), planner.environment(self._path), (Task(self._path, codes),))
        except ConfigurationError as error:
            yield 1, 0, f"{_FAILURE} {error}", type(self)
            return
        source = source_from_text(str(self._path), self._text)
        given = {self._path: Given(source, self._tree)}
        results = _analyser()(batch, given)
        for again in exact_batches([batch], results):
            results = _analyser()(again, given)
        (result,) = results
        if result.error:
            yield result.error.line or 1, 0, f"{_FAILURE} {result.error.message}", type(self)
        for diagnostic in result.diagnostics:
            span = diagnostic.span
            yield span.line, span.column - 1, f"{diagnostic.code} {diagnostic.message}", type(self)


@cache
def _analyser() -> Analyser:
    """One for each process: what is learnt of a project serves all its files. flake8 itself honours ``# noqa``."""
    from paramlint.engine.analysis import Analyser

    return Analyser(honours_noqa=False)

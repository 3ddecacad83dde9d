"""Which classes of a package get which faults: everything that is decided before anything is built or linted."""

from __future__ import annotations

import ast
import itertools
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import libcst as cst

from benchmarks.mutation.filling import filled_later
from benchmarks.mutation.operators import OPERATORS
from benchmarks.mutation.operators.shared import Operator, Planted
from paramlint.engine.suppression import Suppressions
from paramlint.facts.source import SourceError, read_source

# Of the places in a class where an operator could plant its fault, so many are looked at.
_PLACES = 2
_MOST_A_FILE = 5
_POSTPONED = re.compile(r"^from __future__ import .*\bannotations\b", re.MULTILINE)


class Mutant(NamedTuple):
    """One planted fault: ``text`` is the class's, ``attribute`` the name that suffers, where it is one name."""

    operator: str
    attribute: str | None
    text: str


class Subject(NamedTuple):
    """A class and the faults to be planted in it; ``text`` is that of the class, ``postponed`` of its annotations."""

    package: str
    path: Path
    module: str
    name: str
    text: str
    postponed: bool
    mutants: tuple[Mutant, ...]

    @property
    def key(self) -> str:
        return f"{self.module}:{self.name}"


def subjects(package: Path, seed: int, wanted: int, faults: int, operators: str) -> Iterator[Subject]:
    """Classes of a package in random order, each with at most ``faults`` mutants, scarce operators first.

    No operator is taken more than ``wanted`` times.
    """
    chance = random.Random(seed)
    planned: Counter[str] = Counter()
    open_to = [item for item in OPERATORS if re.search(operators, f"{item.family}: {item.name}")]
    for path, module, written, text, node, postponed in _classes(package, chance):
        order = [item for item in open_to if planned[item.name] < wanted]
        if not order:
            return
        chance.shuffle(order)
        chosen: list[Mutant] = []
        for operator in sorted(order, key=lambda item: planned[item.name]):
            found = [
                Mutant(operator.name, planted.attribute, changed)
                for planted in itertools.islice(operator.plant(node), _PLACES)
                if not _filled_later(module, written, operator, planted)
                and (changed := _source(planted.node)).strip() != text.strip()
            ]
            chosen += [chance.choice(found)] if found else []
            if len(chosen) == faults:
                break
        planned.update(mutant.operator for mutant in chosen)
        if chosen:
            relative = path.relative_to(root_of(package))
            dotted = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
            yield Subject(relative.parts[0], path, dotted, written.name, text, postponed, tuple(chosen))


def _filled_later(module: ast.Module, before: ast.ClassDef, operator: Operator, planted: Planted) -> bool:
    """Whether memory that the operator leaves unwritten is another method's to fill, which is no fault."""
    if not operator.leaves_unwritten or planted.attribute is None:
        return False
    (changed,) = ast.parse(_source(planted.node)).body
    return isinstance(changed, ast.ClassDef) and filled_later(module, before, changed, planted.attribute)


def root_of(package: Path) -> Path:
    """The folder of installed packages that a package, or a folder in one, is in."""
    return next(folder for folder in package.parents if folder.name == "site-packages")


def _classes(
    package: Path, chance: random.Random
) -> Iterator[tuple[Path, ast.Module, ast.ClassDef, str, cst.ClassDef, bool]]:
    """Top-level classes with a constructor or a forward of their own, file after file in random order.

    Of a file that its author silences as a whole (``# flake8: noqa``) nothing may be said.

    libcst reads the classes that are drawn, and not the files that they are in: that is many times faster.
    """
    paths = sorted(package.rglob("*.py"))
    chance.shuffle(paths)
    for path in paths:
        try:
            text = read_source(str(path)).text
            if "torch" not in text or not re.search(r"^class ", text, re.MULTILINE) or Suppressions(text).whole_file:
                continue
            module = ast.parse(text)
        except (SourceError, SyntaxError):
            continue
        postponed = bool(_POSTPONED.search(text))
        lines = text.splitlines(keepends=True)
        found = [item for item in module.body if isinstance(item, ast.ClassDef)]
        for item in chance.sample(found, min(len(found), _MOST_A_FILE)):
            first = min(part.lineno for part in (item, *item.decorator_list))
            source = "".join(lines[first - 1 : item.end_lineno])
            # A text that stands in the file once, as it is, can be exchanged.
            if re.search(r"def (__init__|forward)\(", source) and text.count(source) == 1:
                (node,) = cst.parse_module(source).body
                if isinstance(node, cst.ClassDef):
                    yield path, module, item, source, node, postponed


def _source(node: cst.ClassDef) -> str:
    return cst.Module([]).code_for_node(node)

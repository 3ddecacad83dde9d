"""What paramlint says of a class, before and after a fault is planted: its own engine's parts, with every rule on.

What is linted is the class (and those nested in it) in its file's place, and the rest of the file where that finds
nothing; other files' facts are kept from one mutant to the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.mutation.operators import OPERATORS
from benchmarks.mutation.planting import Mutant, Subject, root_of
from paramlint.engine.suppression import Suppressions
from paramlint.facts import lower_ast
from paramlint.facts.source import read_source, source_from_text
from paramlint.model.code import SourceFacts
from paramlint.model.diagnostic import Diagnostic
from paramlint.project.environment import Environment
from paramlint.project.project import Project
from paramlint.rules import ALL_RULES
from paramlint.rules.run import check_module

_CODES = {operator.name: operator.codes for operator in OPERATORS}


@contextmanager
def alone(package: Path) -> Iterator[Path]:
    """A folder with the sources of an installed package alone, as its author has them, and not of all packages around it.

    What code of the project may do to an instance is asked of the whole project; other packages are none of it.
    """
    top = root_of(package) / package.relative_to(root_of(package)).parts[0]
    with TemporaryDirectory() as name:
        for path in top.rglob("*.py"):
            copied = Path(name) / path.relative_to(top.parent)
            copied.parent.mkdir(parents=True, exist_ok=True)
            copied.write_bytes(path.read_bytes())
        yield Path(name)


class Judge:
    """Lints classes of one package."""

    def __init__(self, root: Path, environment: Environment) -> None:
        self._root = root
        self._environment = environment
        self._facts: dict[Path, SourceFacts] = {}
        self._unchanged = Project(root, environment, self._load)

    def is_silent(self, subject: Subject) -> bool:
        """Whether no rule says anything of the class as it is."""
        return not any(_of(self._unchanged, subject, own=True))

    def finding(self, subject: Subject, mutant: Mutant) -> Diagnostic | None:
        """A fitting diagnostic on the class with its fault, None where there is none."""
        text = read_source(str(subject.path)).text.replace(subject.text, mutant.text)
        changed = lower_ast.lower(source_from_text(str(subject.path), text))
        project = _Changed(self._unchanged, lambda path: changed if path == subject.path else self._load(path))
        suppressions = Suppressions(text)
        for own in (True, False):
            for item in _of(project, subject, own):
                if (
                    item.code in _CODES[mutant.operator]
                    and _fits(item, subject, mutant)
                    and not suppressions.silences(item.code, item.span.line)
                ):
                    return item
        return None

    def _load(self, path: Path) -> SourceFacts:
        if path not in self._facts:
            self._facts[path] = lower_ast.lower(read_source(str(path)))
        return self._facts[path]


class _Changed(Project):
    """A project in which one file is another; words are looked up in the files as they are on disk."""

    def __init__(self, unchanged: Project, load: object) -> None:
        super().__init__(unchanged.root, unchanged.environment, load)  # type: ignore[arg-type]
        self._words = unchanged._words


def _of(project: Project, subject: Subject, own: bool) -> Iterator[Diagnostic]:
    module = project.module_at(subject.path)
    names = (linked.definition.qualified_name for linked in project.classes(module))
    asked = frozenset(name for name in names if (name.split(".")[0] == subject.name) == own)
    yield from check_module(project, module, ALL_RULES, classes=asked)


def _fits(item: Diagnostic, subject: Subject, mutant: Mutant) -> bool:
    same_class = (item.class_name or "").split(".")[0] == subject.name
    return same_class or (
        mutant.attribute is not None and (item.attribute or "").split(".")[-1] == mutant.attribute.split(".")[-1]
    )

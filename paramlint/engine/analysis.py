"""Linting the files of one project: the fast lowering finds where something may be said, libcst has the last word."""

from __future__ import annotations

import ast
import gc
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from paramlint.engine.outcome import FileError, FileResult, place_order
from paramlint.facts.on_demand import Trees, lower_on_demand
from paramlint.facts.source import Source, SourceError, read_source
from paramlint.model.code import SourceFacts
from paramlint.model.diagnostic import Diagnostic
from paramlint.model.style import AUTOMATIC
from paramlint.project.definitions import SourceModule
from paramlint.project.dependencies import Consulted, Gathered
from paramlint.project.environment import Environment
from paramlint.project.project import Project
from paramlint.rules import ALL_RULES, check_module

# A worker forgets what it has read after so many bytes of source, of which each takes about thirty in memory.
_BYTES_KEPT = 5_500_000
# What libcst needs for a file is much more, and is not given back in one piece.
_BYTES_FOR_LIBCST = 5


class Task(NamedTuple):
    """A file to lint, the codes that are on in it, and how fixes are to write buffers.

    ``said`` is what the other lowering has led to, where the file has been linted from that: the same is said of an
    equal form, and nothing of other classes.
    """

    path: Path
    codes: frozenset[str]
    buffer_style: str = AUTOMATIC
    said: tuple[Diagnostic, ...] | None = None


class Batch(NamedTuple):
    """Files of one project, to be linted together; those of ``exact`` are lowered from libcst."""

    root: Path
    environment: Environment
    tasks: tuple[Task, ...]
    exact: frozenset[Path] = frozenset()


class Given(NamedTuple):
    """A source that is not read from its file: standard input, or what flake8 has read and parsed already."""

    source: Source
    tree: ast.Module | None = None


class Analyser:
    """Lints batch after batch and keeps what it has learnt of a project between them.

    An instance is for one run: it does not notice that a file changes. ``honours_noqa`` is off where the front end
    sees to comments itself; ``fast_path`` off lowers everything from libcst.
    """

    def __init__(self, fast_path: bool = True, honours_noqa: bool = True) -> None:
        self._fast_path = fast_path
        self._honours_noqa = honours_noqa
        self._owns_process = False
        self._given: Mapping[Path, Given] = {}
        self._projects: dict[tuple[Path, Environment, frozenset[Path]], Project] = {}
        self._bytes_read = 0
        # Of the file that is being linted most functions are asked for, of the files it imports few.
        self._under_way: Path | None = None
        self._trees: Trees = {}

    def __call__(self, batch: Batch, given: Mapping[Path, Given] | None = None) -> tuple[FileResult, ...]:
        """Return one result for each task, in their order.

        ``given`` stands in for files, by their absolute paths. No source file and no fault of ours makes it raise.
        """
        self._given = given or {}
        if self.is_full:
            self._forget()
        project = self.project_for(batch.root, batch.environment, batch.exact)
        with _collecting_between_files(self._owns_process) as collect:
            results = []
            for task in batch.tasks:
                results.append(self._lint(task, project, batch))
                collect()
        return tuple(results)

    def own_process(self) -> None:
        """Take it that nothing else runs in this process, so that the garbage collector is ours to steer."""
        self._owns_process = True
        gc.freeze()

    def condense(self) -> None:
        """Keep what is known in as little memory as can be, for processes that are forked from this one."""
        for project in self._projects.values():
            project.condense_words()

    @property
    def is_full(self) -> bool:
        """Whether so much is kept that the next call begins by forgetting it, which takes longer than a new process."""
        return self._bytes_read > _BYTES_KEPT

    def _forget(self) -> None:
        """Free what is known of all projects: they hold one another in cycles, frozen ones where the process is ours."""
        self._projects.clear()
        self._bytes_read = 0
        if self._owns_process:
            gc.unfreeze()
        gc.collect()

    def consulted(self) -> Consulted:
        """Return what was consulted since the last call, for each file and each name that was asked for."""
        gathered = Gathered()
        for project in self._projects.values():
            gathered.add(project.dependencies.drain())
        return gathered.whole()

    def project_for(self, root: Path, environment: Environment, exact: frozenset[Path] = frozenset()) -> Project:
        """Return the project at ``root``; the files of ``exact`` are lowered from libcst."""
        key = (root, environment, exact)
        if key not in self._projects:
            self._projects[key] = Project(root, environment, self._loader(root, environment, exact))
        return self._projects[key]

    def _loader(self, root: Path, environment: Environment, exact: frozenset[Path]) -> Callable[[Path], SourceFacts]:
        if not self._fast_path:
            return self._load_exactly
        if not exact:
            return self._load
        fast = self.project_for(root, environment)
        return lambda path: self._load_exactly(path) if path in exact else fast.module_at(path).facts

    def _load(self, path: Path) -> SourceFacts:
        source = self._source(path)
        given = self._given.get(path)
        try:
            trees = self._trees if path == self._under_way else None
            return lower_on_demand(source, given.tree if given else None, trees)
        except SourceError as error:
            # The grammar of libcst may be newer than that of the Python we run under; if it is not, Python's own
            # words are the ones that users know.
            try:
                return self._load_exactly(path)
            except SourceError:
                raise error from None

    def _load_exactly(self, path: Path) -> SourceFacts:
        from paramlint.facts import lower_libcst

        source = self._source(path)
        self._bytes_read += (_BYTES_FOR_LIBCST - 1) * len(source.text)
        return lower_libcst.lower(source)

    def _source(self, path: Path) -> Source:
        if path in self._given:
            return self._given[path].source
        source = read_source(str(path))
        self._bytes_read += len(source.text)
        return source

    def _lint(self, task: Task, project: Project, batch: Batch) -> FileResult:
        self._under_way, self._trees = task.path, {}
        try:
            diagnostics = self._diagnostics(task, project, batch)
        except SourceError as error:
            return FileResult(task.path, (), FileError(error.path, error.line, error.message))
        except Exception as error:
            # A bug of ours costs one file its findings and the run its exit code, not everyone else's findings.
            return FileResult(task.path, (), FileError(str(task.path), None, _internal(error)))
        finally:
            self._trees.clear()
        return FileResult(task.path, diagnostics)

    def _diagnostics(self, task: Task, project: Project, batch: Batch) -> tuple[Diagnostic, ...]:
        module = project.module_at(task.path)
        if task.said is not None and self._are_equal(set(_places(task.said)), project, batch):
            found = list(task.said)
        else:
            found = self._said(task, project, module)
        if found and (task.path in batch.exact or not self._fast_path):
            # A fix is computed from libcst's positions alone.
            from paramlint.fixes.repairs import with_fixes

            found = list(with_fixes(project, module, self._source(task.path).text, task.buffer_style, found))
        return tuple(found)

    def _said(self, task: Task, project: Project, module: SourceModule) -> list[Diagnostic]:
        rules = [rule for rule in ALL_RULES if rule.code in task.codes]
        classes = None if task.said is None else frozenset(entry.class_name for entry in task.said)
        said = check_module(project, module, rules, asks_all=not self._fast_path, classes=classes)
        found = sorted(dict.fromkeys(said), key=place_order)
        if not found:
            return found
        from paramlint.engine.comments import Comments  # few files have comments to be looked for
        from paramlint.engine.suppression import Suppressions

        text = self._source(task.path).text
        comments, suppressions = Comments(text), Suppressions(text)
        patterns = {rule.code: rule.explained_by for rule in rules}
        return [
            entry
            for entry in found
            if not comments.explain(entry.span, patterns.get(entry.code))
            and not (self._honours_noqa and suppressions.silences(entry.code, entry.span.line))
        ]

    def _are_equal(self, paths: Iterable[Path], project: Project, batch: Batch) -> bool:
        """Whether files of a batch have the same form from libcst as from the fast lowering."""
        fast = self.project_for(batch.root, batch.environment)
        return all(project.module_at(path).facts == fast.module_at(path).facts for path in paths)


@contextmanager
def _collecting_between_files(owns_process: bool) -> Iterator[Callable[[], None]]:
    """Give a function to be called after each file, which collects what that file has left, and nothing older.

    Facts and links of a project are many, free of cycles and kept: Python's own collector would go through all of them
    again and again, which takes a third of a run.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield lambda: _collect_young(freezes=owns_process)
    finally:
        if collecting:
            gc.enable()


def _collect_young(freezes: bool) -> None:
    gc.collect(0)
    if freezes:
        # What outlived the file is what the project keeps.
        gc.freeze()


def exact_batches(batches: Sequence[Batch], results: Iterable[FileResult]) -> list[Batch]:
    """Return the batches that have to be linted again, from libcst: the files in which something is said.

    Files that hold a second place of a diagnostic are lowered from libcst with them.
    """
    by_path = {result.path: result.diagnostics for result in results if result.diagnostics}
    exact: dict[Path, set[Path]] = defaultdict(set)
    speaking: list[Batch] = []
    for batch in batches:
        tasks = tuple(task._replace(said=by_path[task.path]) for task in batch.tasks if task.path in by_path)
        if tasks:
            speaking.append(batch._replace(tasks=tasks))
            exact[batch.root].update(path for task in tasks for path in _places(by_path[task.path]))
    return [batch._replace(exact=frozenset(exact[batch.root])) for batch in speaking]


def _places(diagnostics: Iterable[Diagnostic]) -> Iterator[Path]:
    for diagnostic in diagnostics:
        yield Path(diagnostic.path)
        yield from (Path(related.path) for related in diagnostic.related)


def _internal(error: Exception) -> str:
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno}, in {frames[-1].name})" if frames else ""
    if isinstance(error, RecursionError):
        return f"nested too deeply to be analysed{place}"
    return f"internal error of paramlint: {type(error).__name__}: {error}{place}; please report it"

"""A whole run: discovery, work divided between processes, one report in a stable order."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from paramlint.engine.analysis import Analyser, Batch, Given, Task, exact_batches
from paramlint.engine.configuration import Configuration, ConfigurationError
from paramlint.engine.discovery import discover
from paramlint.engine.outcome import FileError, FileResult, Report
from paramlint.engine.patterns import PatternList
from paramlint.engine.selection import UnknownSelector, codes_for, selected_codes
from paramlint.engine.settings import Settings
from paramlint.project.dependencies import Consulted, Gathered
from paramlint.project.environment import Environment, EnvironmentNotFound, find_environment
from paramlint.project.root import find_root, is_root
from paramlint.rules import ALL_RULES

if TYPE_CHECKING:
    from paramlint.engine.memory import Groups, Memory
    from paramlint.engine.parallel import Pool

Progress: TypeAlias = Callable[[int, int], None]
FileResults: TypeAlias = tuple[FileResult, ...]
Runner: TypeAlias = Callable[[Sequence[Batch]], Iterator["Linted"]]

# Below this much source a second process costs more than it saves.
_WORTH_DIVIDING_BYTES = 200_000
_BATCH_BYTES = 400_000
# So much source has met most of what the files of a project share.
_EXPERIENCE_BYTES = 150_000


class Linted(NamedTuple):
    """The results of a batch, and what was consulted for them: see ``Analyser.consulted`` and ``Analyser.is_full``."""

    results: FileResults
    consulted: Consulted
    is_full: bool = False


class Planner:
    """Says for each file which project it belongs to, which environment that has, and which rules are on."""

    def __init__(self, configuration: Configuration, proving: bool = False) -> None:
        """``proving`` as for ``check``. Raises ConfigurationError for settings of the working directory or command line that cannot be used."""
        self._configuration = configuration
        self._root_of_folder = cache(partial(find_root, is_root=cache(is_root)))
        self._environment = cache(_environment)
        self._codes = cache(partial(_selected, proving=proving))
        # Selectors and settings of the command line are wrong whether or not there is a file to use them on.
        self._codes(configuration.for_folder(Path.cwd()))

    def root(self, path: Path) -> Path:
        """Return the root of the project that an absolute path of a file belongs to."""
        return self._root_of_folder(path.parent)

    def environment(self, path: Path) -> Environment:
        """Return the environment of the project of a file. Raises ConfigurationError."""
        return self._environment(self.root(path), self._configuration.for_file(path).python)

    def codes(self, path: Path) -> frozenset[str]:
        """Return the codes that are on in a file. Raises ConfigurationError."""
        settings = self._configuration.for_file(path)
        return self._codes(settings) - _ignored_in(path, settings)

    def task(self, path: Path) -> Task:
        """Return what there is to do for an absolute path of a file. Raises ConfigurationError."""
        return Task(path, self.codes(path), self._configuration.for_file(path).buffer_style)


def check(
    paths: Sequence[Path],
    configuration: Configuration,
    *,
    given: Mapping[Path, Given] | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    cache_folder: Path | None = None,
    proving: bool = False,
) -> Report:
    """Lint files and folders.

    ``given`` are sources that stand in for absolute paths, linted in addition (standard input). ``jobs`` is the number
    of processes, by default one for each core. ``progress`` is told how many files are done, and of how many.
    ``cache_folder`` is where results are kept; without it none are. Given sources are in no file, so they cannot be.
    ``proving`` adds rules of which only proved findings are to be shown.
    Raises ConfigurationError for settings that cannot be used. No error of a source file raises: it is in the report.
    """
    given = given or {}
    discovery = discover(paths, configuration)
    files = sorted({*discovery.files, *given})
    planner = Planner(configuration, proving)
    fast_path = configuration.for_folder(Path.cwd()).fast_path
    sizes = {path: _size(path) for path in files}
    groups = _groups(files, planner)
    remembered = None if cache_folder is None or given else _memory(cache_folder, fast_path)
    results = remembered.recalled(groups) if remembered else {}
    # The largest first, so that no process is left alone with a large one at the end.
    batches = sorted(_batches(groups, sizes, results), key=lambda batch: -sum(sizes[task.path] for task in batch.tasks))
    divided = len(batches) > 1 and not given and sum(sizes.values()) > _WORTH_DIVIDING_BYTES
    processes = min(jobs or os.cpu_count() or 1, len(batches)) if divided else 1
    tell = progress or (lambda done, total: None)
    tell(0, len(files))
    consulted = Gathered()
    with _runner(processes, fast_path, given) as run:
        for some in run(batches):
            results.update((result.path, result) for result in some.results)
            if remembered:
                consulted.add(some.consulted)
            tell(len(results), len(files))
        if fast_path:
            for some in run(exact_batches(batches, results.values())):
                results.update((result.path, result) for result in some.results)
                if remembered:
                    consulted.add(some.consulted)
    if remembered and batches:
        remembered.keep(batches, results, consulted.whole())
    ordered = [results[path] for path in files]
    errors = [*discovery.errors, *(result.error for result in ordered if result.error)]
    return Report(
        tuple(diagnostic for result in ordered for diagnostic in result.diagnostics),
        tuple(sorted(errors, key=lambda error: (error.path, error.line or 0, error.message))),
        len(files),
    )


def _memory(folder: Path, fast_path: bool) -> Memory:
    from paramlint.engine.memory import Memory  # SQLite is loaded where results are kept, and not in flake8

    return Memory(folder, fast_path)


@contextmanager
def _runner(processes: int, fast_path: bool, given: Mapping[Path, Given]) -> Iterator[Runner]:
    """Give a function that lints batches and yields the results of each as they come: here, or in other processes."""
    if processes > 1:
        from paramlint.engine.parallel import Pool

        with Pool[Batch, Linted](
            partial(_worker, fast_path),
            processes,
            is_last=lambda linted: linted.is_full,
            renewed=partial(_experienced_worker, fast_path),
        ) as pool:
            yield partial(_divided, pool)
    else:
        analyser = Analyser(fast_path)
        yield lambda batches: (Linted(analyser(batch, given), analyser.consulted()) for batch in batches)


def _worker(fast_path: bool, experienced: Analyser | None = None) -> Callable[[Batch], Linted]:
    analyser = experienced or Analyser(fast_path)
    analyser.own_process()
    return lambda batch: Linted(analyser(batch), analyser.consulted(), analyser.is_full)


def _experienced_worker(fast_path: bool, batch: Batch) -> Callable[[], Callable[[Batch], Linted]]:
    """Lint a part of a batch, and return what makes workers that know the bases which a project's files share."""
    analyser = Analyser(fast_path)
    sized = [(task, size) for task in batch.tasks if (size := _size(task.path)) < _EXPERIENCE_BYTES / 3]
    ends = accumulate(size for _, size in sized)
    some = tuple(task for (task, _), end in zip(sized, ends, strict=True) if end < _EXPERIENCE_BYTES)
    # What was consulted is asked of the workers, each of which begins with it.
    analyser(batch._replace(tasks=some))
    analyser.condense()
    return partial(_worker, fast_path, analyser)


def _divided(pool: Pool[Batch, Linted], batches: Sequence[Batch]) -> Iterator[Linted]:
    from paramlint.engine.parallel import Crashed

    lost: list[Batch] = []
    for index, answer in pool.run(batches):
        if isinstance(answer, Crashed):
            lost.append(batches[index])
        else:
            yield answer
    # Which file of a batch ended the process shows when each has a batch of its own.
    single = [batch._replace(tasks=(task,)) for batch in lost for task in batch.tasks]
    for index, answer in pool.run(single):
        if isinstance(answer, Crashed):
            path = single[index].tasks[0].path
            message = f"the process that analysed it ended with exit code {answer.exit_code}"
            yield Linted((FileResult(path, (), FileError(str(path), None, message)),), Consulted())
        else:
            yield answer


def _groups(files: Iterable[Path], planner: Planner) -> Groups:
    """Divide files by project."""
    groups: Groups = defaultdict(list)
    for path in files:
        groups[planner.root(path), planner.environment(path)].append(planner.task(path))
    return groups


def _batches(groups: Groups, sizes: Mapping[Path, int], known: Collection[Path]) -> list[Batch]:
    """Divide what is not known of each project, in the order of paths, so that a batch shares its bases."""
    batches = []
    for (root, environment), group in groups.items():
        some: list[Task] = []
        tasks = [task for task in group if task.path not in known]
        size = 0
        for task in tasks:
            some.append(task)
            size += sizes[task.path]
            if size > _BATCH_BYTES or task is tasks[-1]:
                batches.append(Batch(root, environment, tuple(some)))
                some, size = [], 0
    return batches


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _environment(root: Path, python: str | None) -> Environment:
    try:
        return find_environment(root, python, os.environ)
    except EnvironmentNotFound as error:
        raise ConfigurationError(str(error)) from error


def _selected(settings: Settings, proving: bool) -> frozenset[str]:
    """Return the codes that are on in files with these settings, once all selectors in them are known to be good."""
    try:
        for _, selectors in settings.per_file_ignores:
            for selector in selectors:
                codes_for(selector, ALL_RULES)
        return selected_codes(ALL_RULES, settings.selection, proving=proving)
    except UnknownSelector as error:
        raise ConfigurationError(f"{settings.origin}: {error}" if settings.origin else str(error)) from error


def _ignored_in(path: Path, settings: Settings) -> frozenset[str]:
    ignored: frozenset[str] = frozenset()
    for pattern, selectors in settings.per_file_ignores:
        negated = pattern.startswith("!")
        matched = PatternList(settings.directory, [pattern.removeprefix("!")]).verdict(str(path), is_folder=False)
        if bool(matched) != negated:
            ignored = ignored.union(*(codes_for(selector, ALL_RULES) for selector in selectors))
    return ignored

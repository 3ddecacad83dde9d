"""What a run takes from the cache and leaves in it, project by project."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from paramlint.engine.analysis import Batch, Task
from paramlint.engine.cache import Cache, Context, Result
from paramlint.engine.outcome import FileResult
from paramlint.project.dependencies import Consulted
from paramlint.project.environment import Environment

Groups: TypeAlias = dict[tuple[Path, Environment], list[Task]]


class Memory:
    """The results of earlier runs, for one run."""

    def __init__(self, folder: Path, fast_path: bool) -> None:
        self._cache = Cache(folder)
        self._fast_path = fast_path

    def recalled(self, groups: Groups) -> dict[Path, FileResult]:
        """Return the results of the files of which nothing has changed that they depend on."""
        return {
            path: FileResult(path, result.diagnostics)
            for (root, environment), tasks in groups.items()
            for path, result in self._cache.known(
                self._context(root, environment), [(task.path, _asked(task)) for task in tasks]
            ).items()
        }

    def keep(self, batches: Sequence[Batch], results: Mapping[Path, FileResult], consulted: Consulted) -> None:
        """Store what the batches of this run have shown, with what was consulted for it.

        Files that could not be analysed are tried again next time.
        """
        found: dict[Context, list[Result]] = defaultdict(list)
        for batch in batches:
            for task in batch.tasks:
                result = results[task.path]
                if result.error is None:
                    context = self._context(batch.root, batch.environment)
                    found[context].append(Result(task.path, _asked(task), result.diagnostics))
        for context, some_results in found.items():
            self._cache.keep(context, some_results, consulted)

    def _context(self, root: Path, environment: Environment) -> Context:
        return Context(root, environment.folders, self._fast_path)


def _asked(task: Task) -> str:
    return ",".join((*sorted(task.codes), task.buffer_style))

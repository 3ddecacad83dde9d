"""A progress bar on standard error: on a terminal only, and only once the work has taken a while."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType

_PATIENCE_SECONDS = 1.5
_BAR_COLUMNS = 30

Show = Callable[[int, int], None]


class Progress:
    """A context manager that is called with how much is done, and of how much; it leaves no trace when it ends."""

    def __init__(self, what: str) -> None:
        """``what`` is counted, in the plural: "files"."""
        self._what = what
        self._begin = time.monotonic()
        self._on_terminal = sys.stderr.isatty()
        self._show: Show | None = None
        self._hide: Callable[[], None] = lambda: None

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hide()

    def __call__(self, done: int, total: int) -> None:
        if not self._on_terminal or time.monotonic() - self._begin < _PATIENCE_SECONDS:
            return
        if self._show is None:
            self._show, self._hide = _bar(self._what)
        self._show(done, total)


def _bar(what: str) -> tuple[Show, Callable[[], None]]:
    """Return how to show and how to remove a bar: rich's where it is installed, else a plain one."""
    try:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress as RichProgress,
            TextColumn,
            TimeRemainingColumn,
        )
    except ImportError:
        return _plain_bar(what)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn(what), TimeRemainingColumn())
    bar = RichProgress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(what)
    bar.start()
    return (lambda done, total: bar.update(task, completed=done, total=total)), bar.stop


def _plain_bar(what: str) -> tuple[Show, Callable[[], None]]:
    def show(done: int, total: int) -> None:
        filled = _BAR_COLUMNS * done // max(total, 1)
        sys.stderr.write(f"\r[{'#' * filled}{'.' * (_BAR_COLUMNS - filled)}] {done}/{total} {what}")
        sys.stderr.flush()

    def hide() -> None:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()

    return show, hide

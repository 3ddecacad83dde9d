"""Dividing work between processes: a pool that survives the death of a worker and ends at once on Ctrl-C."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Generic, NamedTuple, TypeVar

Job = TypeVar("Job")
Answer = TypeVar("Answer")

# fork starts in a few milliseconds where spawn takes 140, and is safe here: we have started no threads.
_METHOD = "fork" if sys.platform.startswith("linux") else "spawn"


class Crashed(NamedTuple):
    """The process that worked on a job ended without an answer."""

    exit_code: int | None


class _Worker(NamedTuple):
    process: BaseProcess
    connection: Connection


class Pool(Generic[Job, Answer]):
    """Up to ``size`` processes; each makes one worker function by ``factory`` and puts jobs through it, one at a time.

    ``factory`` and what it returns run in the worker processes, so that caches live as long as a worker; ``factory``,
    jobs and answers must pickle. A worker gives way to a new one after an answer of which ``is_last`` says so: to end a
    process frees its memory at once. A worker that dies takes only its current job with it. A context manager: no process
    is left when it ends.

    ``renewed`` is called once, in this process, when a worker gives way for the first time, with the job of its last
    answer, and returns the factory for all later workers: they begin with what this process has learnt. It is not
    called where few jobs are left, nor where workers are not forked, so that nothing would be handed down.
    """

    def __init__(
        self,
        factory: Callable[[], Callable[[Job], Answer]],
        size: int,
        is_last: Callable[[Answer], bool] = lambda answer: False,
        renewed: Callable[[Job], Callable[[], Callable[[Job], Answer]]] | None = None,
    ) -> None:
        self._factory = factory
        self._is_last = is_last
        self._renewed = renewed if _METHOD == "fork" else None
        self._size = size
        self._workers: list[_Worker] = []

    def __enter__(self) -> Pool[Job, Answer]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.connection.close()
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()
        self._workers.clear()

    def run(self, jobs: Sequence[Job]) -> Iterator[tuple[int, Answer | Crashed]]:
        """Yield the index and the answer of each job as they come. The iterator has to be used up."""
        pending = deque(range(len(jobs)))
        idle = list(self._workers)
        busy: dict[Connection, tuple[_Worker, int]] = {}
        while pending or busy:
            while pending and len(busy) < self._size:
                worker = idle.pop() if idle else self._start()
                index = pending.popleft()
                busy[worker.connection] = (worker, index)
                # A worker that has died cannot be sent to; its closed connection says so when it is read.
                with suppress(OSError):
                    worker.connection.send(jobs[index])
            for ready in wait(list(busy)):
                assert isinstance(ready, Connection)
                worker, index = busy.pop(ready)
                try:
                    answer: Answer = ready.recv()
                except (EOFError, OSError):
                    self._workers.remove(worker)
                    worker.process.join()
                    ready.close()
                    yield index, Crashed(worker.process.exitcode)
                else:
                    if self._is_last(answer):
                        self._workers.remove(worker)
                        ready.close()  # at which the worker ends
                        worker.process.join()
                        if self._renewed is not None and len(pending) > self._size:
                            self._factory = self._renewed(jobs[index])
                            self._renewed = None
                    else:
                        idle.append(worker)
                    yield index, answer

    def _start(self) -> _Worker:
        context = multiprocessing.get_context(_METHOD)
        ours, theirs = context.Pipe()
        # A forked child inherits our ends of all pipes; while it holds them, no worker would notice that we are gone.
        inherited = [ours, *(worker.connection for worker in self._workers)] if _METHOD == "fork" else []
        # Every context has Process; typeshed says so of the concrete ones alone.
        process = context.Process(  # type: ignore[attr-defined]
            target=_serve, args=(self._factory, theirs, inherited), daemon=True
        )
        # Ctrl-C between the fork and the list would leave a process that nobody ends; in the child, it would be told of.
        with _without_interrupts():
            process.start()
            self._workers.append(_Worker(process, ours))
        theirs.close()
        return self._workers[-1]


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Hold Ctrl-C back until the end of the block; a forked child begins with that, and hears of none.

    To block the signal would not do: another thread takes it then, and Python raises in the main one all the same.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)
    for number in held[:1]:
        signal.raise_signal(number)


def _serve(
    factory: Callable[[], Callable[[Job], Answer]], connection: Connection, inherited: Sequence[Connection]
) -> None:
    # Ctrl-C reaches the whole process group; the parent alone decides what to do about it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for other in inherited:
        other.close()
    work = factory()
    while True:
        try:
            job = connection.recv()
        except (EOFError, OSError):
            return
        connection.send(work(job))

"""Time limits inside a process: a piece of work is interrupted by a signal, again and again until it gives way."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_REPEAT = 0.25


class TimeLimit(BaseException):
    """Raised in user code whose time is up; no Exception, so that ``except Exception`` does not swallow it."""


class Clock:
    """The time that one class has: ``budget`` seconds from now."""

    def __init__(self, budget: float) -> None:
        self.started = time.monotonic()
        self.budget = budget

    @property
    def left(self) -> float:
        return self.budget - self.elapsed

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """Raise TimeLimit in the body after ``seconds``, or when the whole budget is spent.

        Where the system has no interval timer, or user code takes the signal away, the parent's deadline remains.
        Blocks do not nest.
        """
        seconds = min(seconds, self.left)
        if seconds <= 0:
            raise TimeLimit
        if not hasattr(signal, "setitimer"):
            yield
            return
        signal.signal(signal.SIGALRM, _interrupt)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
        signal.setitimer(signal.ITIMER_REAL, seconds, _REPEAT)
        try:
            try:
                yield
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        finally:
            # A signal that arrived while the timer was being stopped must not strike afterwards.
            signal.setitimer(signal.ITIMER_REAL, 0)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise TimeLimit

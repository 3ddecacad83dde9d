"""SIGTERM as an exception: files that hold an unproved fix are restored, and workers ended, on the way out."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

EXIT_CODE = 143
"""As shells report a process that SIGTERM ended."""


class Terminated(BaseException):
    """The process was asked to end."""


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM raise Terminated in this process; what is forked from it is ended by it, as always."""
    is_ours = threading.current_thread() is threading.main_thread() and (
        signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    )
    if not is_ours:
        yield
        return
    own = os.getpid()

    def terminate(number: int, frame: object) -> None:
        if os.getpid() == own:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            raise Terminated
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

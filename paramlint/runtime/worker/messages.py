"""Lines of JSON over a pipe between two processes, read without blocking."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping

_CHUNK = 1 << 16


def send(descriptor: int, message: Mapping[str, object]) -> None:
    """Write one message whole; OSError where nobody reads any more."""
    data = json.dumps(message).encode("ascii") + b"\n"
    while data:
        data = data[os.write(descriptor, data) :]


class Inbox:
    """Messages that arrive on a descriptor; what is no message of ours (user code may write anywhere) is dropped."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.is_closed = False
        self._rest = b""

    def read(self) -> Iterator[dict[str, object]]:
        """Read what is there once (blocks when nothing is) and yield the messages that are complete."""
        try:
            data = os.read(self.descriptor, _CHUNK)
        except OSError:
            data = b""
        if not data:
            self.is_closed = True
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if isinstance(message, dict):
                yield message

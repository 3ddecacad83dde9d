"""The job that the parent hands to the worker: its settings and its requests, in one JSON file."""

from __future__ import annotations

import json
from typing import NamedTuple

from paramlint.model.observation import ClassRequest, from_json


class Options(NamedTuple):
    """Seconds for one class and for one import, bytes for one class, processes at a time, and what is allowed.

    ``stages`` are the stages to go through (None: all); ``device`` is the real device to move to (None: simulated).
    """

    timeout: float = 20.0
    import_timeout: float = 120.0
    memory: int = 4 * 2**30
    jobs: int = 2
    allow_network: bool = False
    stages: tuple[str, ...] | None = None
    digests: bool = False
    device: str | None = None


def read_job(path: str) -> tuple[Options, tuple[ClassRequest, ...]]:
    with open(path, encoding="utf-8") as file:
        job = json.load(file)
    return from_json(Options, job["options"]), tuple(from_json(ClassRequest, item) for item in job["requests"])

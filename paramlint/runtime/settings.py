"""How user code is run: which interpreter, and what it may use."""

from __future__ import annotations

import os
from typing import NamedTuple


class RuntimeSettings(NamedTuple):
    """``python`` is the interpreter that has torch and the user's packages; None looks for one.

    ``timeout`` and ``import_timeout`` in seconds, for one class and for one module; ``memory_limit`` in bytes, for one
    class beyond what the imported packages hold; ``jobs`` classes are built at a time. ``stages`` names the stages of
    observation to go through after the build (``paramlint/runtime/worker/inspection.py``); None means all of them.
    ``device`` is the real device that models are moved to; None simulates one.
    ``digests``: state and outputs are to be comparable with those of another run.
    """

    python: str | None = None
    timeout: float = 20.0
    import_timeout: float = 120.0
    memory_limit: int = 4 * 2**30
    jobs: int = max(1, min(4, os.cpu_count() or 1))
    allow_network: bool = False
    stages: tuple[str, ...] | None = None
    digests: bool = False
    device: str | None = None

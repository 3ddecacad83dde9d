"""How models are built under the settings of a file; apart from what judges them, since the worker starts first."""

from __future__ import annotations

from paramlint.engine.settings import Settings
from paramlint.runtime.settings import RuntimeSettings


def runtime_settings(settings: Settings) -> RuntimeSettings:
    """How models are built under the settings of a file."""
    default = RuntimeSettings()
    return default._replace(
        python=settings.python,
        timeout=default.timeout if settings.timeout is None else settings.timeout,
        memory_limit=default.memory_limit if settings.memory_limit is None else settings.memory_limit,
        jobs=default.jobs if settings.jobs is None else settings.jobs,
        allow_network=settings.allow_network,
        device=settings.device,
    )

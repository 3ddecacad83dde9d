"""paramlint: a linter for PyTorch that tells the truth about what a model has registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paramlint.auditing.here import assert_registered, audit, watch
    from paramlint.auditing.result import Audit

__version__ = "0.1.0"
__all__ = ["Audit", "__version__", "assert_registered", "audit", "watch"]


def __getattr__(name: str) -> object:
    """Load what needs torch when it is first asked for: linting never does."""
    if name in ("Audit", "assert_registered", "audit", "watch"):
        import importlib

        return getattr(importlib.import_module("paramlint.auditing.here"), name)
    raise AttributeError(f"module 'paramlint' has no attribute {name!r}")

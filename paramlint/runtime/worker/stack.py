"""Which lines of the user's code were executing: frames outside torch, the standard library and the worker."""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
from collections.abc import Iterator
from types import FrameType, TracebackType

import torch

from paramlint.model.observation import Failure, Place

_MESSAGE = 2000
_FRAMES = 40
_NEAREST = 6


# All of paramlint: its other parts watch models in the user's own process.
_OWN = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _foreign_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = {os.path.dirname(torch.__file__), _OWN}
    folders.update(paths[name] for name in ("stdlib", "platstdlib"))
    return tuple(os.path.join(os.path.realpath(folder), "") for folder in folders)


_FOREIGN = _foreign_folders()
_TORCH = os.path.join(os.path.realpath(os.path.dirname(torch.__file__)), "")
_PACKAGES = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))


@functools.lru_cache(maxsize=4096)
def is_users(path: str) -> bool:
    """Whether a code object's file is the user's or one of the user's packages."""
    if path.startswith("<"):
        return False
    if not path.startswith(_FOREIGN):
        return True
    return (
        not path.startswith(_TORCH) and any(part in path for part in _PACKAGES) and not path.startswith(_OWN + os.sep)
    )


def is_torch(path: str) -> bool:
    return path.startswith(_TORCH)


def innermost(frame: FrameType | None) -> Place | None:
    """The user's line nearest to a frame, going outwards."""
    while frame is not None:
        path = frame.f_code.co_filename
        if is_users(path):
            return Place(path, frame.f_lineno, frame.f_code.co_name)
        frame = frame.f_back
    return None


def places(frame: FrameType | None) -> tuple[Place, ...]:
    """The user's lines nearest to a frame, going outwards, innermost last."""
    found: list[Place] = []
    while frame is not None and len(found) < _NEAREST:
        path = frame.f_code.co_filename
        if is_users(path):
            found.append(Place(path, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    return tuple(reversed(found))


def failure(error: BaseException) -> Failure:
    """An exception as data."""
    found = [
        Place(code.co_filename, line, code.co_name)
        for code, line in ((frame.f_code, line) for frame, line in walk(error.__traceback__))
        if is_users(code.co_filename)
    ]
    return Failure(type_name(error), message(error), tuple(found[-_FRAMES:]))


def walk(traceback: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    """Frames with their lines, outermost first."""
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next


def type_name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ in ("builtins", None) else f"{kind.__module__}.{kind.__qualname__}"


def message(error: BaseException) -> str:
    """The exception's text; its own ``__str__`` may fail."""
    try:
        return str(error)[:_MESSAGE]
    except Exception:
        return ""


def first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:300]


def here() -> FrameType:
    """The caller's caller's frame."""
    return sys._getframe(2)

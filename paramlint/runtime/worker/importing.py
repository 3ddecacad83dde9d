"""Importing the user's module once, by its dotted name or else by its file, with global state put back afterwards."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from types import ModuleType

import torch

from paramlint.model.observation import ClassRequest, Observation
from paramlint.runtime.worker import stack


def is_imported(request: ClassRequest) -> bool:
    return loaded(request.module, request.path) is not None


def loaded(name: str, path: str) -> ModuleType | None:
    """The imported module of this file, under its dotted name or the name that loading by file gives."""
    for candidate in (name, _private_name(path)):
        module = sys.modules.get(candidate)
        if module is not None and is_file(module, path):
            return module
    return None


def import_module(request: ClassRequest) -> Observation | None:
    """Import the request's module; None where it worked, else the observation to give for each of its classes."""
    for folder in (*reversed(request.extra_paths), request.root):
        if folder and folder not in sys.path:
            sys.path.insert(0, folder)
    sys.argv[:] = [request.path]
    before = torch.get_default_dtype(), dict(os.environ), list(sys.path)
    try:
        find(request.module, request.path)
    except BaseException as error:  # whatever user code raises is a reason
        failure = stack.failure(error)
        return Observation(
            request.key,
            request.path,
            request.qualified_name,
            "not importable",
            f"{failure.type}: {stack.first_line(failure.message)}",
            constructor_failure=None,
            notes=tuple(f"{place.path}:{place.line} in {place.function}" for place in failure.frames[-3:]),
        )
    finally:
        torch.set_default_dtype(before[0])
        sys.path[:] = [*before[2], *(path for path in sys.path if path not in before[2])]
        for name in os.environ.keys() - before[1].keys():
            del os.environ[name]
        os.environ.update(before[1])
        torch.set_num_threads(1)
        if torch.empty(0).device.type != "cpu":
            torch.set_default_device(None)
    return None


def find(name: str, path: str) -> ModuleType:
    """The module of this file, imported if need be; raises what the import raises.

    By its dotted name first, since relative imports and pickles need it; by its file where the name leads elsewhere
    (a project's ``types.py``) or its package cannot be imported as one.
    """
    module = loaded(name, path)
    if module is not None:
        return module
    error: BaseException | None = None
    if name:
        try:
            module = importlib.import_module(name)
            if is_file(module, path):
                return module
        except Exception as caught:
            error = caught
    try:
        return _load_file(path)
    except Exception as caught:
        raise (error or caught) from None


def _load_file(path: str) -> ModuleType:
    name = _private_name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no module that Python can load")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _private_name(path: str) -> str:
    stem = os.path.splitext(os.path.basename(path))[0]
    return f"loaded_by_path_{abs(hash(os.path.realpath(path))):x}_{stem}"


def is_file(module: ModuleType, path: str) -> bool:
    """Whether a module was loaded from a file."""
    own = getattr(module, "__file__", None)
    try:
        return own is not None and os.path.samefile(own, path)
    except OSError:
        return own == path

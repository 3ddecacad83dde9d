"""Recording what user code does to Modules and their tensors while it runs: bindings, in-place writes, creations."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import BuiltinFunctionType, FrameType, FunctionType, ModuleType
from typing import Any, NamedTuple

import torch
from torch import nn

from paramlint.model.observation import Place
from paramlint.runtime.worker import stack

try:
    from torch.overrides import TorchFunctionMode
except ImportError:  # before torch 1.13: nothing is recorded of writes
    TorchFunctionMode = None  # type: ignore[assignment, misc]

# What holds no tensor and no Module: where such a value was bound, none can be missing.
_UNINTERESTING = (
    *(int, float, str, bytes, bool, type(None), torch.dtype, torch.device, torch.Size),
    *(type, FunctionType, BuiltinFunctionType),
)
_MOVES = frozenset(
    ("to", "cuda", "cpu", "half", "float", "double", "bfloat16", "type", "type_as", "xpu", "npu", "hpu", "clone")
)
# Functions that make tensors where their ``device`` says, and on the default device without one.
FACTORIES = frozenset(
    (
        "zeros",
        "ones",
        "empty",
        "full",
        "rand",
        "randn",
        "randint",
        "randperm",
        "arange",
        "linspace",
        "logspace",
        "eye",
        "tensor",
        "as_tensor",
        "from_numpy",
        "hann_window",
        "hamming_window",
        "bartlett_window",
        "blackman_window",
        "tril_indices",
        "triu_indices",
        "scalar_tensor",
        "empty_strided",
        "normal",
        "range",
        "complex",
        "polar",
    )
)
_NESTED_LIMIT = 60
_LAYERS = os.path.join("nn", "modules")
_INIT = os.path.join("torch", "nn", "init.py")


class Binding(NamedTuple):
    """``is_direct`` where the user's code did it, and not a layer of torch on its own account."""

    module: nn.Module
    attribute: str
    how: str
    place: Place | None
    raised: str | None
    is_direct: bool


class Written(NamedTuple):
    """``places`` are the user's nearest lines, innermost last."""

    tensor: torch.Tensor
    operation: str
    places: tuple[Place, ...]
    raised: str | None
    is_default: bool


class Created(NamedTuple):
    value: nn.Module | nn.Parameter
    place: Place | None


class Recorder:
    """What happened while ``watching`` it; entries keep their objects alive, so that ids stay theirs.

    ``makes_tensors``: a tensor with dimensions was made on the default device, seen where operands are watched.
    """

    def __init__(self) -> None:
        self.bindings: list[Binding] = []
        self.writes: list[Written] = []
        self.creations: list[Created] = []
        self.operands: dict[int, torch.Tensor] = {}
        self.has_operands = False
        self.makes_tensors = False
        self.called: dict[int, nn.Module] = {}
        self.moved_parameter = False
        self._is_inside = False

    @contextmanager
    def watching(
        self, creations: bool = False, operands: bool = False, note: Callable[..., None] | None = None
    ) -> Iterator[None]:
        """Record bindings and writes in the body.

        On demand also what belongs to forward passes: ``creations`` of Modules and Parameters and which Modules are
        called, and ``operands``. ``note`` is told of each operation of torch that has run: its name, its arguments,
        its keywords, its result and the tensor that it wrote in place, or None.
        """
        self.has_operands = self.has_operands or (operands and TorchFunctionMode is not None)
        with ExitStack() as undo:
            undo.enter_context(patched(nn.Module, "__setattr__", self._wrap_setattr))
            for name in ("register_buffer", "register_parameter", "add_module"):
                undo.enter_context(patched(nn.Module, name, functools.partial(self._wrap_register, how=name)))
            if creations:
                undo.enter_context(patched(nn.Module, "__init__", self._wrap_module_init))
                undo.enter_context(patched(nn.Parameter, "__new__", self._wrap_parameter_new))
                undo.enter_context(patched(nn.Module, "__call__", self._wrap_call))
            if TorchFunctionMode is not None:
                undo.enter_context(_watcher(self, operands, note))
            yield

    def _wrap_setattr(self, original: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(original)
        def setattr_(module: nn.Module, name: str, value: object) -> None:
            outermost, self._is_inside = not self._is_inside, True
            try:
                original(module, name, value)
            except Exception as error:
                self._bind(module, name, "setattr", stack.message(error))
                raise
            finally:
                self._is_inside = not outermost
            if outermost and not isinstance(value, _UNINTERESTING):
                self._bind(module, name, "setattr", None)

        return setattr_

    def _wrap_register(self, original: Callable[..., None], how: str) -> Callable[..., None]:
        @functools.wraps(original)
        def register(module: nn.Module, name: str, *arguments: Any, **keywords: Any) -> None:
            try:
                original(module, name, *arguments, **keywords)
            except Exception as error:
                self._bind(module, name, how, stack.message(error))
                raise
            if not self._is_inside:
                self._bind(module, name, how, None)

        return register

    def _bind(self, module: nn.Module, name: str, how: str, raised: str | None) -> None:
        frame = sys._getframe(2)
        is_direct = stack.is_users(frame.f_code.co_filename)
        self.bindings.append(Binding(module, name, how, stack.innermost(frame), raised, is_direct))

    def _wrap_module_init(self, original: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(original)
        def init(module: nn.Module, *arguments: Any, **keywords: Any) -> None:
            self._create(module, sys._getframe(1))
            original(module, *arguments, **keywords)

        return init

    def _wrap_parameter_new(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def new(kind: type, *arguments: Any, **keywords: Any) -> Any:
            value = original(kind, *arguments, **keywords)
            self._create(value, sys._getframe(1))
            return value

        return staticmethod(new)

    def _wrap_call(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def call(module: nn.Module, *arguments: Any, **keywords: Any) -> Any:
            self.called[id(module)] = module
            return original(module, *arguments, **keywords)

        return call

    def _create(self, value: nn.Module | nn.Parameter, frame: FrameType | None) -> None:
        """Record a creation, unless it is part of the construction of another Module."""
        start: FrameType | None = frame
        for _ in range(_NESTED_LIMIT):
            if frame is None:
                break
            if frame.f_code.co_name == "__init__" and frame.f_code.co_varnames:
                owner = frame.f_locals.get(frame.f_code.co_varnames[0])
                if isinstance(owner, nn.Module):
                    if owner is not value:
                        return
                    start = frame.f_back
            frame = frame.f_back
        if not any(entry.value is value for entry in self.creations[-3:]):
            self.creations.append(Created(value, stack.innermost(start)))


@contextmanager
def patched(owner: type | ModuleType, name: str, wrap: Callable[[Callable[..., Any]], object]) -> Iterator[None]:
    """In the body, the owner's own function of that name is what ``wrap`` makes of it."""
    original = owner.__dict__[name]
    setattr(owner, name, wrap(original.__func__ if isinstance(original, staticmethod) else original))
    try:
        yield
    finally:
        setattr(owner, name, original)


def _watcher(recorder: Recorder, operands: bool, note: Callable[..., None] | None) -> TorchFunctionMode:
    class Watcher(TorchFunctionMode):
        def __torch_function__(
            self,
            func: Callable[..., Any],
            types: Sequence[type],
            args: tuple[Any, ...] = (),
            kwargs: Mapping[str, Any] | None = None,
        ) -> Any:
            keywords = dict(kwargs or {})
            name = operation_name(func)
            target = written_tensor(name, args, keywords)
            if name in _MOVES and args and isinstance(args[0], nn.Parameter):
                recorder.moved_parameter = True
            if operands:
                _note_operands(recorder, args, keywords)
            if target is None:
                result = func(*args, **keywords)
                if operands and name in FACTORIES and not recorder.makes_tensors:
                    recorder.makes_tensors = _is_on_default_device(result, args, keywords)
                if note is not None:
                    note(name, args, keywords, result, target)
                return result
            frame = sys._getframe(1)
            try:
                result = func(*args, **keywords)
            except Exception as error:
                recorder.writes.append(_written(target, name, frame, stack.message(error)))
                raise
            recorder.writes.append(_written(target, name, frame, None))
            if note is not None:
                note(name, args, keywords, result, target)
            return result

    return Watcher()


def _written(target: torch.Tensor, name: str, frame: FrameType, raised: str | None) -> Written:
    if _is_loading(frame):
        return Written(target, "load_state_dict", stack.places(frame), raised, False)
    return Written(target, _initialiser(frame) or name, stack.places(frame), raised, _is_layers_own(frame))


def _initialiser(frame: FrameType | None) -> str | None:
    """The function of ``torch.nn.init`` that the user's line called, and that did the write."""
    found = None
    while frame is not None and not stack.is_users(frame.f_code.co_filename):
        if frame.f_code.co_filename.endswith(_INIT) and frame.f_code.co_name.endswith("_"):
            found = frame.f_code.co_name
        frame = frame.f_back
    return found


def _is_loading(frame: FrameType | None) -> bool:
    """Whether ``load_state_dict`` of torch stands between an operation and the user's line."""
    while frame is not None and not stack.is_users(frame.f_code.co_filename):
        if frame.f_code.co_name == "load_state_dict":
            return True
        frame = frame.f_back
    return False


def _is_layers_own(frame: FrameType | None) -> bool:
    """Whether code of ``torch.nn.modules`` stands between an operation and the user's line."""
    while frame is not None:
        path = frame.f_code.co_filename
        if stack.is_users(path):
            return False
        if stack.is_torch(path) and _LAYERS in path:
            return True
        frame = frame.f_back
    return False


def operation_name(func: Callable[..., object]) -> str:
    """``normal_``; for setters of properties the property's name and "=" (``data=``)."""
    name = getattr(func, "__name__", "")
    if name == "__set__":
        return f"{getattr(getattr(func, '__self__', None), '__name__', '')}="
    return str(name)


def written_tensor(name: str, args: tuple[Any, ...], keywords: Mapping[str, Any]) -> torch.Tensor | None:
    """The tensor that an operation writes in place, or None."""
    target = None
    if name.endswith("_") and not name.endswith("__") and name not in ("requires_grad_", "share_memory_", "_"):
        target = args[0] if args else keywords.get("tensor", keywords.get("input"))
    elif name in ("__setitem__", "data=") or (
        name.startswith("__i") and name not in ("__invert__", "__index__", "__int__")
    ):
        target = args[0] if args else None
    elif isinstance(keywords.get("out"), torch.Tensor):
        target = keywords["out"]
    return target if isinstance(target, torch.Tensor) else None


def _is_on_default_device(made: Any, args: tuple[Any, ...], keywords: Mapping[str, Any]) -> bool:
    """Whether a factory's result has dimensions, and its device was neither named nor taken from another tensor."""
    named = any(isinstance(item, torch.Tensor) for item in args) or keywords.get("device") is not None
    return isinstance(made, torch.Tensor) and made.dim() > 0 and not named


def _note_operands(recorder: Recorder, args: tuple[Any, ...], keywords: Mapping[str, Any]) -> None:
    recorder.operands.update((id(tensor), tensor) for tensor in tensors_in((args, tuple(keywords.values()))))


def tensors_in(value: object) -> Iterator[torch.Tensor]:
    """The tensors among an operation's arguments or results, and in sequences among them, but for long ones."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, torch.Tensor):
            yield item
        elif isinstance(item, (tuple, list)) and len(item) < 64:
            waiting.extend(item)

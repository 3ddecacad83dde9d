"""Runs torch's own operator samples, to learn where operands must share a device and what comes back.

Each sample of ``torch.testing._internal.common_methods_invocations.op_db`` runs on fake tensors of a simulated
accelerator: all operands there, and then each operand in turn left on the CPU. ``op_db`` needs ``expecttest``.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils import _pytree as pytree

from paramlint.torch_api.ranks import SIZE_PLACES, Call
from paramlint.torch_api.tables import Function, Signature

MOST_SAMPLES = 100
PREFERRED_TYPES = (torch.float32, torch.int64, torch.bool, torch.complex64)
ENOUGH_RUNS = 3


@dataclass
class Place:
    """How often a call clashed, or did not, with the operand of this place left on the CPU; 0-dim ones apart."""

    clashes: int = 0
    passes: int = 0
    scalar_clashes: int = 0
    scalar_passes: int = 0

    @property
    def runs(self) -> int:
        """How often the operand was no 0-dim tensor."""
        return self.clashes + self.passes


@dataclass
class Measurement:
    """What the samples of one function showed; ``calls``, with the rank of what came back, by the overload's names.

    A rank is None where several results differ in theirs.
    """

    places: dict[str, Place] = field(default_factory=dict)
    calls: dict[tuple[str, ...], list[tuple[Call, int | None]]] = field(default_factory=dict)
    is_integer: set[bool] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)
    samples: int = 0


@dataclass
class _Sample:
    function: Callable[..., Any]
    values: list[Any]
    spec: pytree.TreeSpec
    places: list[str]

    def call(self, values: list[Any]) -> Any:
        args, kwargs = pytree.tree_unflatten(values, self.spec)
        return self.function(*args, **kwargs)


def measure(functions: Mapping[str, Function], names: set[str] | None = None) -> dict[str, Measurement]:
    """Run the samples of all operators (or of those of ``names``); by canonical name of function or method."""
    from torch.testing._internal.common_methods_invocations import op_db

    _register_accelerator()
    found: dict[str, Measurement] = {}
    gc.disable()
    for operator in op_db:
        for canonical in (f"torch.{operator.name}", f"torch.Tensor.{operator.name}"):
            if canonical in functions and (names is None or canonical in names):
                measurement = found.setdefault(canonical, Measurement())
                _measure_operator(operator, functions[canonical], measurement)
                break
    gc.enable()
    return found


def aliases_of_operators() -> dict[str, str]:
    """Other canonical names of the measured operators: ``torch.concat`` for ``torch.cat``."""
    from torch.testing._internal.common_methods_invocations import op_db

    found: dict[str, str] = {}
    for operator in op_db:
        for alias in operator.aliases:
            found[f"torch.{alias.name}"] = f"torch.{operator.name}"
            found[f"torch.Tensor.{alias.name}"] = f"torch.{operator.name}"
    return found


def _register_accelerator() -> None:
    from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

    if torch._C._get_privateuse1_backend_name() != "accel":
        _setup_privateuseone_for_python_backend("accel")
        backend = torch.get_device_module("accel")
        # op_db's wrappers fork the generators of every backend; this one has none of its own
        backend.get_rng_state = lambda *device: torch.get_rng_state()
        backend.set_rng_state = lambda *state: None


def _measure_operator(operator: Any, function: Function, measurement: Measurement) -> None:
    dtype = next((item for item in PREFERRED_TYPES if item in operator.dtypes), None)
    if dtype is None:
        return
    torch.manual_seed(0)
    try:
        for count, sample in enumerate(operator.sample_inputs("cpu", dtype, requires_grad=False)):
            if count >= MOST_SAMPLES:
                break
            _measure_sample(operator.op, sample, function, measurement)
    except Exception as problem:  # torch's own sample generators fail on some builds
        measurement.failures.append(f"samples: {type(problem).__name__}")


def _measure_sample(call: Callable[..., Any], sample: Any, function: Function, measurement: Measurement) -> None:
    args = (sample.input, *sample.args)
    bound = function.bind(
        tuple(isinstance(item, torch.Tensor) for item in args),
        tuple(sample.kwargs),
    )
    if bound is None:
        measurement.failures.append("no overload")
        return
    arguments = [*zip(bound.places, args, strict=True), *sample.kwargs.items()]
    places = [place for place, value in arguments for _ in pytree.tree_leaves(value)]
    values, spec = pytree.tree_flatten((args, sample.kwargs))
    prepared = _Sample(call, values, spec, places)
    measurement.samples += 1
    _record_result(prepared, arguments, bound.signature, measurement)
    _record_devices(prepared, measurement)


def _record_result(
    sample: _Sample, arguments: list[tuple[str, Any]], signature: Signature, measurement: Measurement
) -> None:
    clones = [item.clone() if isinstance(item, torch.Tensor) else item for item in sample.values]
    try:
        result = sample.call(clones)
    except Exception as problem:
        measurement.failures.append(f"call: {type(problem).__name__}")
        return
    tensors = [item for item in pytree.tree_leaves(result) if isinstance(item, torch.Tensor)]
    if not tensors:
        return
    ranks = {item.dim() for item in tensors}
    call = Call(
        operands=tuple(value.dim() for _, value in arguments if isinstance(value, torch.Tensor)),
        elements=tuple(
            item.dim()
            for place, value in arguments
            if place in signature.lists and isinstance(value, (list, tuple))
            for item in value
            if isinstance(item, torch.Tensor)
        ),
        others={place: value for place, value in arguments if not isinstance(value, torch.Tensor)},
        sizes=[value for place, value in arguments if place in SIZE_PLACES],
    )
    key = signature.parameters[1 : signature.positional]
    measurement.calls.setdefault(key, []).append((call, ranks.pop() if len(ranks) == 1 else None))
    floats = [item for item in sample.values if isinstance(item, torch.Tensor)]
    if not floats or floats[0].is_floating_point():
        measurement.is_integer.add(not (tensors[0].is_floating_point() or tensors[0].is_complex()))


def _record_devices(sample: _Sample, measurement: Measurement) -> None:
    operands = [index for index, value in enumerate(sample.values) if isinstance(value, torch.Tensor)]
    tested = [measurement.places.get(sample.places[index]) for index in operands]
    if len(operands) < 2 or all(place is not None and place.runs >= ENOUGH_RUNS for place in tested):
        return
    problem = _run_on_accelerator(sample, left_behind=None)
    if problem is not None:
        measurement.failures.append(f"accelerator: {type(problem).__name__}: {str(problem)[:80]}")
        return
    for index in operands:
        value = sample.values[index]
        others = [sample.values[other] for other in operands if other != index]
        if value.numel() == 0 or all(other.dim() == 0 or other.numel() == 0 for other in others):
            continue
        problem = _run_on_accelerator(sample, left_behind=index)
        place = measurement.places.setdefault(sample.places[index], Place())
        clashed = problem is not None and is_device_clash(problem)
        if problem is not None and not clashed:
            measurement.failures.append(f"{sample.places[index]}: {type(problem).__name__}: {str(problem)[:80]}")
        elif value.dim() == 0:
            place.scalar_clashes += clashed
            place.scalar_passes += not clashed
        else:
            place.clashes += clashed
            place.passes += not clashed


def is_device_clash(problem: BaseException) -> bool:
    """Whether that exception is torch's complaint about operands on two devices."""
    text = str(problem).lower()
    return "device" in text and any(word in text for word in ("same", "expected", "mismatch"))


def _run_on_accelerator(sample: _Sample, left_behind: int | None) -> Exception | None:
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        try:
            sample.call(list(_moved(mode, sample.values, left_behind)))
        except Exception as problem:
            return problem
    return None


def _moved(mode: FakeTensorMode, values: list[Any], left_behind: int | None) -> Iterator[Any]:
    for index, value in enumerate(values):
        if not isinstance(value, torch.Tensor):
            yield value
            continue
        fake = mode.from_tensor(value)
        yield fake if index == left_behind else fake.to("accel")

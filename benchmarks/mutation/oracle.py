"""The witness of planted faults: builds a class before and after, and compares what torch shows. Shares no code with the judge.

    python oracle.py JOBS RESULTS      (under the interpreter that has torch and the packages)

``JOBS`` is a file with a JSON object a line: ``key``, ``module``, ``name`` of a class, ``annotations`` (whether the
module postpones them) and ``mutants``, each with ``text`` (of the class) and ``fault`` (a key of ``FAULTS``).
``RESULTS`` gets a line for each class: its ``key``, ``built``, ``called``, and for each mutant what was observed, or
null. A mutant may have an ``attribute``, for faults that speak of one. It needs torch and the standard library, and nothing of paramlint.
"""

from __future__ import annotations
import __future__

import copy
import importlib
import json
import os
import resource
import select
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

sys.path.insert(0, str(Path(__file__).parent))
import making

sys.path.pop(0)

_SECONDS = 45.0
# Building a class again and again is affordable below this.
_SLOWEST = 0.6
_MEMORY = 6 * 2**30
# Operations that take operands on two devices by their nature.
_MIXING = ("copy_", "_to_copy", "index.Tensor", "index_put", "_index_put", "lift_fresh", "set_")


class Look(NamedTuple):
    """What an instance shows. ``raised`` alone is set where construction raised."""

    raised: str | None = None
    parameters: frozenset[str] = frozenset()
    frozen: frozenset[str] = frozenset()
    state: frozenset[str] = frozenset()
    unwritten: frozenset[str] = frozenset()
    spread: dict[str, tuple[float, float]] = {}  # noqa: RUF012
    ran: bool = False
    made_in_forward: int = 0
    without_gradient: frozenset[str] = frozenset()
    clash: str | None = None
    copies: bool = True
    differs_by_seed: frozenset[str] = frozenset()


class _Clashes(TorchDispatchMode):
    """Runs operators on meta tensors, and notes the first that gets a tensor with dimensions from the CPU as well."""

    def __init__(self) -> None:
        super().__init__()
        self.first: str | None = None

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        keywords = keywords or {}
        tensors = [item for item in tree_leaves((arguments, keywords)) if isinstance(item, torch.Tensor)]
        devices = {item.device.type for item in tensors if item.dim() > 0}
        if len(devices) > 1:
            name = str(function).removeprefix("aten.")
            if self.first is None and not name.startswith(_MIXING):
                self.first = name
            arguments, keywords = tree_map(_to_meta, (arguments, keywords))
        return function(*arguments, **keywords)


def _to_meta(value: Any) -> Any:
    return value.to("meta") if isinstance(value, torch.Tensor) and value.device.type == "cpu" else value


def _seeded(make: Callable[[], nn.Module], number: int) -> nn.Module:
    making.seed(number)
    return make()


def look(make: Callable[[], nn.Module], chosen: making.Made | None, faults: frozenset[str]) -> Look:
    """Observe a class, and its forward where an input is given; what its code raises is part of what is seen.

    Of what costs much, only what the ``faults`` ask for is looked at.
    """
    try:
        instance = _seeded(make, 0)
        names = dict(instance.named_parameters())
        state = frozenset(instance.state_dict())
        held = {**names, **dict(instance.named_buffers())}
    except Exception as error:
        return Look(raised=f"{type(error).__name__}: {error}")
    shown = Look(
        parameters=frozenset(names),
        frozen=frozenset(name for name, value in names.items() if not value.requires_grad),
        state=state,
        unwritten=frozenset(name for name, value in held.items() if _has_unwritten(value)),
        spread={name: _spread(value) for name, value in names.items()},
    )
    if chosen is None:
        return shown
    if "left behind" in faults:
        try:
            shown = shown._replace(differs_by_seed=_differing(instance, _seeded(make, 1)))
        except Exception:
            return shown
    return _look_at_forward(shown, make, chosen, faults)


def _has_unwritten(value: torch.Tensor) -> bool:
    if value.device.type != "cpu" or not value.numel():
        return False
    if value.is_floating_point():
        return bool(torch.isnan(value.detach()).any())
    if value.dtype in (torch.bool, torch.uint8) or value.is_complex():
        return False
    return bool((value == torch.iinfo(value.dtype).max).any())


def _spread(value: torch.Tensor) -> tuple[float, float]:
    value = value.detach().double() if value.is_floating_point() else value.detach().float()
    return (float(value.mean()), float(value.std(correction=0))) if value.numel() else (0.0, 0.0)


def _differing(first: nn.Module, second: nn.Module) -> frozenset[str]:
    """Plain tensor attributes whose values two seeds make different."""
    return frozenset(
        name
        for name, value in vars(first).items()
        if isinstance(value, torch.Tensor) and not torch.equal(value, vars(second).get(name, value))
    )


def _look_at_forward(shown: Look, make: Callable[[], nn.Module], chosen: making.Made, faults: frozenset[str]) -> Look:
    instance = _seeded(make, 0)
    made: list[int] = []
    original = nn.Parameter.__new__

    def counting(kind: Any, *arguments: Any, **keywords: Any) -> Any:
        made.append(1)
        return original(kind, *arguments, **keywords)

    try:
        with torch.no_grad():
            for parameter in instance.parameters():
                if parameter.is_floating_point():
                    parameter.nan_to_num_().add_(torch.randn_like(parameter) * 0.01)
        arguments = chosen.make()
        nn.Parameter.__new__ = counting  # type: ignore[method-assign]
        try:
            making.seed(2)
            output = instance(*arguments)
        finally:
            nn.Parameter.__new__ = original  # type: ignore[method-assign]
    except Exception:
        return shown
    shown = shown._replace(ran=True, made_in_forward=len(made))
    if faults & {"left behind", "devices clash"}:
        shown = shown._replace(clash=_clash(make, chosen))
    if "copy raises" in faults:
        try:
            copy.deepcopy(instance)
        except Exception:
            shown = shown._replace(copies=False)
    if "gradients lost" not in faults:
        return shown
    total = sum(
        (item * torch.linspace(0.5, 1.5, item.numel()).reshape(item.shape)).nan_to_num().sum()
        for item in tree_leaves(output)
        if isinstance(item, torch.Tensor) and item.requires_grad and item.is_floating_point() and item.numel()
    )
    if isinstance(total, torch.Tensor):
        try:
            total.backward()  # type: ignore[no-untyped-call]
        except Exception:
            return shown
        missing = (name for name, value in instance.named_parameters() if value.requires_grad and value.grad is None)
        shown = shown._replace(without_gradient=frozenset(missing))
    return shown


def _clash(make: Callable[[], nn.Module], chosen: making.Made) -> str | None:
    try:
        instance = _seeded(make, 0).to("meta")
        arguments = tree_map(_to_meta, chosen.make())
        with _Clashes() as clashes, suppress(Exception):
            instance(*arguments)
        return clashes.first
    except Exception:
        return None


def _lost(before: Look, after: Look) -> frozenset[str]:
    return before.parameters - after.parameters


FAULTS: dict[str, Callable[[Look, Look], str | None]] = {
    "parameters lost": lambda before, after: _told(sorted(_lost(before, after)), "not in parameters()"),
    "parameters gained": lambda before, after: _told(sorted(after.parameters - before.parameters), "in parameters()"),
    "parameters frozen": lambda before, after: _told(sorted(after.frozen - before.frozen), "asks for no gradient"),
    "left behind": lambda before, after: (
        (f"clash in {after.clash}" if after.clash and not before.clash else None)
        or _told(sorted(before.state & after.differs_by_seed), "random, and not saved")
    ),
    "devices clash": lambda before, after: f"clash in {after.clash}" if after.clash and not before.clash else None,
    "made in forward": lambda before, after: (
        f"{after.made_in_forward} parameters made" if after.made_in_forward > before.made_in_forward else None
    ),
    "copy raises": lambda before, after: "deepcopy raises" if before.copies and not after.copies else None,
    "zeros overwritten": lambda before, after: None,  # these three are decided in _mutant
    "construction raises": lambda before, after: None,
    "None initialised": lambda before, after: None,
    "uninitialised": lambda before, after: _told(sorted(after.unwritten - before.unwritten), "never written"),
    "initialised otherwise": lambda before, after: _told(list(_moved(before, after)), "initialised otherwise"),
    "gradients lost": lambda before, after: (
        _told(sorted(after.without_gradient - before.without_gradient), "without a gradient") if after.ran else None
    ),
}


# What can only be seen when forward runs, or in two instances; for the rest one instance is enough.
_CALLS = ("left behind", "devices clash", "made in forward", "copy raises", "gradients lost")


def _told(names: list[str], what: str) -> str | None:
    return f"{', '.join(names[:3])}: {what}" if names else None


def _moved(before: Look, after: Look) -> Iterator[str]:
    """Parameters whose values come from another distribution than before."""
    yield from sorted(after.unwritten - before.unwritten)
    for name, (mean, deviation) in before.spread.items():
        if name in after.spread and name not in before.unwritten:
            new_mean, new_deviation = after.spread[name]
            scale = max(deviation, new_deviation, 1e-12)
            if abs(deviation - new_deviation) > 0.25 * scale or abs(mean - new_mean) > max(scale, 0.2 * abs(mean)):
                yield name


def _job(job: dict[str, Any]) -> dict[str, Any]:
    """Look at one class and its mutants; runs in a process of its own."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    result: dict[str, Any] = {"key": job["key"], "built": False, "called": False, "observed": []}
    module = importlib.import_module(job["module"])
    kind = getattr(module, job["name"])
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        return result
    made = making.instance_of(kind, current=lambda: getattr(module, job["name"]))
    if made is None:
        return result
    began = time.process_time()
    instance = _seeded(made.make, 0)
    if time.process_time() - began > _SLOWEST:
        return result
    calls = any(mutant["fault"] in _CALLS for mutant in job["mutants"])
    chosen = making.input_for(instance) if calls else None
    before = look(made.make, chosen, frozenset(mutant["fault"] for mutant in job["mutants"]))
    if before.raised is not None:
        return result
    result.update(built=True, called=before.ran)
    for mutant in job["mutants"]:
        result["observed"].append(_forked(lambda mutant=mutant: _mutant(job, mutant, made, before, chosen), _SECONDS))
    return result


def _mutant(
    job: dict[str, Any], mutant: dict[str, Any], made: making.Made, before: Look, chosen: making.Made | None
) -> str | None:
    module = importlib.import_module(job["module"])
    flags = __future__.annotations.compiler_flag if job["annotations"] else 0
    exec(compile(mutant["text"], job["name"], "exec", flags, dont_inherit=True), vars(module))
    after = look(made.make, chosen if mutant["fault"] in _CALLS else None, frozenset([mutant["fault"]]))
    if mutant["fault"] in ("construction raises", "None initialised"):
        is_own = after.raised is not None and not after.raised.startswith(("NameError", "SyntaxError"))
        is_meant = mutant["fault"] == "construction raises" or "NoneType" in (after.raised or "")
        return (after.raised or "").splitlines()[0] if is_own and is_meant else None
    if after.raised is not None:
        return None
    if mutant["fault"] == "zeros overwritten":
        name = str(mutant["attribute"])
        return _told([name], "not zero") if after.spread.get(name, (0.0, 0.0)) != (0.0, 0.0) else None
    return FAULTS[mutant["fault"]](before, after)


def _refuse_network() -> None:
    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
            raise OSError("the network is refused while models are built")

    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
    sys.addaudithook(hook)


def _forked(work: Callable[[], Any], seconds: float) -> Any:
    """The result of ``work`` in a child process, None where it raised, crashed or took too long."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        try:
            text = json.dumps(work()).encode()
        except BaseException as error:
            text = b"null" if not os.environ.get("ORACLE_DEBUG") else json.dumps(repr(error)).encode()
        with os.fdopen(writer, "wb") as stream:
            stream.write(text)
        os._exit(0)
    os.close(writer)
    ready, _, _ = select.select([reader], [], [], seconds)
    with os.fdopen(reader, "rb") as stream:
        text = stream.read() if ready else b""
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return json.loads(text) if text else None


def answer_jobs(answer: Callable[[Any], Any], told: Callable[[Any, Any], Any], seconds: float) -> None:
    """Answer each line of the file of jobs in a process of its own; ``told`` makes the line that is written of it.

    An answer takes ``seconds`` at most. The names of both files are the command's arguments. A job whose module does not import has no line.
    """
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch._C._set_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = True
    _refuse_network()
    with open(sys.argv[1]) as jobs, open(sys.argv[2], "w") as results:
        for line in jobs:
            job = json.loads(line)
            try:
                importlib.import_module(job["module"])
            except BaseException:
                continue
            result = _forked(lambda job=job: answer(job), seconds)
            results.write(json.dumps(told(job, result)) + "\n")
            results.flush()


def main() -> None:
    answer_jobs(
        _job,
        lambda job, result: result or {"key": job["key"], "built": False, "called": False, "observed": []},
        _SECONDS * 5,
    )


if __name__ == "__main__":
    main()

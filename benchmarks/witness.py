"""An independent witness: does ``torch.export`` see the same unregistered tensors on the forward path as the runtime?

    VENV/bin/python -m benchmarks.witness --output FILE
    VENV/bin/python -m benchmarks.witness --output FILE --report

``VENV`` is an environment that has torch, torchvision, timm and transformers. Small models of the three are built
without weights, each in a process of its own with limits on time and memory. Of each, the plain tensors that
paramlint's runtime sees forward read are compared with the tensors that ``torch.export`` lifts as constants
(``CONSTANT_TENSOR`` in ``ExportedProgram.graph_signature``), by the memory that they share. What one of them alone
sees is given its reason where the two runs show one. Since released models register nearly all that they read, each
model is compared once more with a fault planted in it: one of the buffers or parameters that forward was seen to read,
drawn by the seed, is taken out of the register and left as a plain tensor; both must see it. The result of each model
is a line of JSON in FILE, and models that have one are not run again; ``--report`` prints the table.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import os
import random
import re
import resource
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from paramlint.model.observation import ClassRequest
from paramlint.runtime.worker import configuration, inputs
from paramlint.runtime.worker.snapshot import storage_key
from paramlint.runtime.worker.timing import Clock
from paramlint.runtime.worker.walk import FoundTensor, Walk
from paramlint.runtime.worker.watch import Recorder

SEED = 2026
_SECONDS = 90
_MEMORY = 6 * 2**30
_MOST_ELEMENTS = 200_000_000
_SEARCHING = 8
_WANTED = {"transformers": 430, "timm": 75, "torchvision": 40}
_PLANTING = 20.0
# Models of timm whose names say that they are small, and so exported in seconds.
_SMALL = re.compile(
    r"test_|atto|femto|pico|nano|resnet18|resnet10|vit_tiny|deit_tiny|_s0$|lite0|_b0$|small_0|xxs|xx_small|18t?s?$|mini"
)
_LARGE_PICTURES = re.compile("384|448|512")


class Spec(NamedTuple):
    """A model by its package and name."""

    package: str
    name: str


class Call(NamedTuple):
    """A model with the arguments of a call."""

    model: nn.Module
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", default=list(_WANTED))
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--report", action="store_true", help="print what the file holds, and run nothing")
    parser.add_argument("--models", type=int, help="at most so many of each package")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=_SECONDS, help=f"for one model (default: {_SECONDS})")
    options = parser.parse_args(arguments)
    known = [json.loads(line) for line in options.output.read_text().splitlines()] if options.output.exists() else []
    if not options.report:
        done = {(row["package"], row["name"]) for row in known}
        specs = [
            spec
            for package in options.packages
            for spec in _specs(package)[: options.models or _WANTED[package]]
            if spec not in done
        ]
        with options.output.open("a") as file:
            for row in _run(specs, options.jobs, options.seconds):
                file.write(json.dumps(row) + "\n")
                file.flush()
                known.append(row)
    for line in _table(known):
        print(line)
    return 0


def _specs(package: str) -> list[Spec]:
    """The models of a package, in an order drawn by a fixed seed."""
    names: list[str]
    if package == "torchvision":
        import torchvision

        names = [name for name in torchvision.models.list_models() if "quantized" not in name]
    elif package == "timm":
        import timm

        names = [name for name in timm.list_models() if _SMALL.search(name) and not _LARGE_PICTURES.search(name)]
    else:
        from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

        names = [
            name for names in MODEL_MAPPING_NAMES.values() for name in ([names] if isinstance(names, str) else names)
        ]
    names = sorted(set(names))
    random.Random(SEED).shuffle(names)
    return [Spec(package, name) for name in names]


def _run(specs: Sequence[Spec], jobs: int, seconds: float) -> Iterator[dict[str, Any]]:
    """Compare each model in a process forked from this one, ``jobs`` at a time."""
    for package in {spec.package for spec in specs}:
        importlib.import_module(package)
    # What the first export imports, no later one has to.
    torch.export.export(nn.Linear(2, 2), (torch.ones(1, 2),), strict=False)
    waiting = list(reversed(specs))
    running: dict[int, tuple[Spec, int, float]] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            spec = waiting.pop()
            reader, writer = os.pipe()
            process = os.fork()
            if process == 0:
                os.close(reader)
                _be_child(spec, writer)
            os.close(writer)
            running[process] = spec, reader, time.monotonic()
        for process, (spec, reader, started) in list(running.items()):
            ended, status = os.waitpid(process, os.WNOHANG)
            if not ended and time.monotonic() - started > seconds:
                os.kill(process, signal.SIGKILL)
                ended, status = os.waitpid(process, 0)
            if ended:
                del running[process]
                with open(reader, encoding="utf-8") as pipe:
                    text = pipe.read()
                row = json.loads(text) if text else {"status": f"ended with wait status {status}"}
                yield {"package": spec.package, "name": spec.name, "seconds": round(time.monotonic() - started), **row}
        time.sleep(0.02)


def _be_child(spec: Spec, writer: int) -> None:
    """Write the comparison as JSON, in less than what a pipe holds, and end."""
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
        quiet = os.open(os.devnull, os.O_WRONLY)
        for descriptor in (1, 2):
            os.dup2(quiet, descriptor)
        warnings.simplefilter("ignore")
        torch.set_num_threads(1)
        try:
            row = _compared(_call(spec))
        except BaseException as error:  # a model that cannot be run or exported is no witness
            row = {"status": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"}
        os.write(writer, json.dumps(row).encode()[:60_000])
    finally:
        os._exit(0)


def _call(spec: Spec) -> Call:
    torch.manual_seed(0)
    if spec.package == "torchvision":
        import torchvision

        return _pictured(
            _if_small(lambda: torchvision.models.get_model(spec.name, weights=None, **_backbone(spec.name)))
        )
    if spec.package == "timm":
        import timm

        model = _if_small(lambda: timm.create_model(spec.name, pretrained=False))
        size = model.default_cfg.get("input_size", (3, 224, 224))
        sides = [size[-1]] if model.default_cfg.get("fixed_input_size") else [64, 96, 128, size[-1]]
        return _pictured(model, sides, size[0])
    import transformers

    kind = getattr(transformers, spec.name)
    return _configured(kind, spec)


def _configured(kind: Any, spec: Spec) -> Call:
    """A model with the first of the settings that ``--confirm`` would make for it which can be made and called."""
    reason: Exception = ValueError("no configuration")
    for settings in configuration.of_class(kind.config_class, Clock(_SECONDS)):
        try:
            return _searched(_if_small(lambda settings=settings: kind(settings.make())), spec)  # type: ignore[misc]
        except Exception as error:  # noqa: PERF203
            reason = error
    raise reason


def _pictured(model: nn.Module, sides: Sequence[int] = (64, 128, 224), channels: int = 3) -> Call:
    """The model with the smallest picture that it takes; with frames where it takes videos."""
    model.eval()
    for side in sides:
        for shape in ((1, channels, side, side), (1, channels, 8, side, side)):
            with suppress(Exception), torch.no_grad():
                picture = torch.randn(*shape)
                model(picture)
                return Call(model, (picture,), {})
    raise ValueError("no picture fits")


def _searched(model: nn.Module, spec: Spec) -> Call:
    """The model with an input as ``--confirm`` finds it."""
    model.eval()
    for module in model.modules():
        settings: Any = getattr(module, "config", None)
        if hasattr(settings, "use_cache"):
            settings.use_cache = False
    with torch.no_grad():
        request = ClassRequest("", "", "", type(model).__module__, spec.name)
        found = inputs.find(model, request, Clock(_SEARCHING), lambda thunk: thunk())
    if isinstance(found, inputs.NoInput):
        raise ValueError(f"no input was found: {found.failure.message if found.failure else ''}")
    arguments, keywords = found.make()
    return Call(model, arguments, keywords)


def _if_small(make: Callable[[], nn.Module]) -> nn.Module:
    """What ``make`` gives, once it is known to be small: it is made on the meta device first, where it can be."""
    elements = 0
    with suppress(NotImplementedError), torch.device("meta"):
        elements = sum(parameter.numel() for parameter in make().parameters())
    if elements > _MOST_ELEMENTS:
        raise ValueError("too large")
    return make()


def _backbone(name: str) -> dict[str, None]:
    """Detectors and segmenters load weights of their backbones unless told not to."""
    import torchvision

    builder = torchvision.models.get_model_builder(name)
    return {"weights_backbone": None} if "weights_backbone" in inspect.signature(builder).parameters else {}


class _Seen(NamedTuple):
    """What the runtime saw forward read, what export lifted, and what else there is."""

    read: set[object]
    registered: set[object]
    plain: dict[str, FoundTensor]
    program: Any
    constants: dict[str, torch.Tensor]

    @property
    def ours(self) -> dict[str, FoundTensor]:
        return {path: found for path, found in self.plain.items() if storage_key(found.tensor) in self.read}

    @property
    def lifted(self) -> set[object]:
        return {storage_key(value) for value in self.constants.values()}


def _compared(call: Call) -> dict[str, Any]:
    """What each of the two saw: names that agree, and those that one of them alone saw, with the reason."""
    started = time.process_time()
    seen = _seen(call)
    ours = seen.ours
    agreed = sorted(path for path, found in ours.items() if storage_key(found.tensor) in seen.lifted)
    keys = {storage_key(found.tensor) for found in ours.values()}
    row = {
        "status": "compared",
        "agreed": agreed,
        "ours": {path: _why_not_lifted(found, seen.program) for path, found in ours.items() if path not in agreed},
        "theirs": {
            name: _why_not_seen(name, value, seen.plain, seen.registered, call.model)
            for name, value in seen.constants.items()
            if storage_key(value) not in keys
        },
    }
    if time.process_time() - started < _PLANTING:
        row["planted"] = _planted(call, seen)
    return row


def _seen(call: Call) -> _Seen:
    recorder = Recorder()
    walk = Walk(call.model)
    with torch.no_grad(), recorder.watching(operands=True):
        call.model(*call.arguments, **call.keywords)
    registered = {storage_key(found.tensor) for found in walk.tensors if found.kind != "plain"}
    plain = {
        found.path: found
        for found in walk.tensors
        if found.kind == "plain" and storage_key(found.tensor) not in registered and found.tensor.device.type == "cpu"
    }
    with torch.no_grad():
        program = torch.export.export(call.model, call.arguments, call.keywords, strict=False)
    kind = torch.export.graph_signature.InputKind.CONSTANT_TENSOR
    constants = {
        str(item.target): program.constants[str(item.target)]
        for item in program.graph_signature.input_specs
        if item.kind is kind
    }
    read = {storage_key(tensor) for tensor in recorder.operands.values()}
    return _Seen(read, registered, plain, program, constants)


def _planted(call: Call, seen: _Seen) -> dict[str, str]:
    """Take one tensor that forward reads out of the register, and say which of the two see it then."""
    held: Counter[object] = Counter(storage_key(tensor) for tensor in (*call.model.parameters(), *call.model.buffers()))
    names = [
        name
        for name, tensor in (*call.model.named_buffers(), *call.model.named_parameters())
        if tensor.dim() and storage_key(tensor) in seen.read and held[storage_key(tensor)] == 1
    ]
    if not names:
        return {"outcome": "nothing to take out"}
    path = random.Random(SEED).choice(sorted(names))
    owner_path, _, attribute = path.rpartition(".")
    owner = call.model.get_submodule(owner_path)
    tensor = getattr(owner, attribute).detach()
    delattr(owner, attribute)
    vars(owner)[attribute] = tensor
    try:
        again = _seen(call)
    except Exception as error:
        return {"name": path, "outcome": f"not run: {type(error).__name__}: {' '.join(str(error).split())[:200]}"}
    key = storage_key(tensor)
    sides = {"paramlint": path in again.ours, "torch.export": key in again.lifted}
    return {"name": path, "outcome": " and ".join(name for name, saw in sides.items() if saw) or "neither"}


def _why_not_lifted(found: FoundTensor, program: Any) -> str:
    """The reason why a plain tensor that forward reads is no constant of the exported program."""
    for name, value in program.constants.items():
        if isinstance(value, torch.Tensor) and value.shape == found.tensor.shape and torch.equal(value, found.tensor):
            return f"lifted as a copy with the same values ({'unused' if name not in str(program.graph) else 'used'})"
    if found.tensor.numel() == 1:
        return "one number: forward reads its value in Python, which export writes into the graph"
    return "unexplained"


def _why_not_seen(
    name: str, value: torch.Tensor, plain: dict[str, FoundTensor], registered: set[object], model: nn.Module
) -> str:
    """The reason why a lifted constant is none of the plain tensors that the runtime saw forward read."""
    if storage_key(value) in registered:
        return "registered: export lifts a view of a parameter or buffer"
    if any(storage_key(found.tensor) == storage_key(value) for found in plain.values()):
        return "unexplained: reachable, and not seen to be read"
    same = [
        path for path, found in plain.items() if found.tensor.shape == value.shape and torch.equal(found.tensor, value)
    ]
    if same:
        return "export lifts a copy of a plain tensor"
    if "lifted_tensor" in name:
        return "made in forward from numbers: no attribute holds it"
    return "unexplained: not reachable from the model"


def _table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    compared = [row for row in rows if row["status"] == "compared"]
    for package in sorted({row["package"] for row in rows}):
        own = [row for row in rows if row["package"] == package]
        both = [row for row in own if row["status"] == "compared"]
        agree = [row for row in both if not row["ours"] and not row["theirs"]]
        holding = [row for row in both if row["agreed"]]
        yield (
            f"{package}: {len(own)} tried, {len(both)} compared, {len(agree)} agree in all; {len(holding)} of them hold "
            f"unregistered tensors on the forward path, {sum(len(row['agreed']) for row in both)} in all"
        )
    yield f"all: {len(compared)} models compared, {sum(len(row['agreed']) for row in compared)} tensors seen by both"
    for side, title in (("ours", "seen by the runtime alone"), ("theirs", "lifted by torch.export alone")):
        reasons: Counter[str] = Counter()
        examples: dict[str, str] = {}
        for row in compared:
            for name, why in row[side].items():
                reasons[why] += 1
                examples.setdefault(why, f"{row['name']}: {name}")
        yield f"{title}: {sum(reasons.values())}"
        for why, count in reasons.most_common():
            yield f"{count:5}  {why} ({examples[why]})"
    outcomes = Counter(row["planted"]["outcome"] for row in compared if "planted" in row)
    yield f"planted: {sum(outcomes.values())} models with one tensor taken out of the register; seen by"
    for outcome, count in outcomes.most_common(8):
        yield f"{count:5}  {outcome}"
    failed = Counter(_class_of(row["status"]) for row in rows if row["status"] != "compared")
    yield f"not compared: {sum(failed.values())}"
    for why, count in failed.most_common(12):
        yield f"{count:5}  {why}"


def _class_of(status: str) -> str:
    return status.partition(":")[0]


if __name__ == "__main__":
    sys.exit(main())

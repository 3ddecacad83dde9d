"""The process that has the user's modules imported and forks one child for each class."""

from __future__ import annotations

import gc
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn

from paramlint.model.observation import ClassRequest, Observation, to_json
from paramlint.runtime.worker import importing, inspection, limits, pages
from paramlint.runtime.worker.messages import Inbox, send
from paramlint.runtime.worker.options import Options

_BATCH = 64
_RECOUNT = 5.0
# From so many forks on, large pages pay.
MANY = 40


class _Child:
    """A running process that builds one class; ``last`` is the newest message it sent."""

    def __init__(self, request: ClassRequest, process: int, reader: int, folder: str, deadline: float) -> None:
        self.request = request
        self.process = process
        self.inbox = Inbox(reader)
        self.folder = folder
        self.deadline = deadline
        self.last: Mapping[str, object] = {}

    def read(self) -> bool:
        """Take in what has arrived; True when nothing more will come."""
        for message in self.inbox.read():
            if isinstance(message.get("observation"), dict):
                self.last = message
        return self.inbox.is_closed or bool(self.last.get("final"))


def run(requests: list[ClassRequest], options: Options, writer: int) -> NoReturn:
    """Answer all requests through ``writer``; never returns."""
    try:
        limits.die_with_parent(os.getppid(), signal.SIGKILL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setsid()
        limits.adopt_orphans()
        limits.silence()
        folder = tempfile.mkdtemp(prefix="paramlint-")
        try:
            os.chdir(folder)
            _serve(requests, options, writer, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)
    finally:
        os._exit(70)


def run_here(request: ClassRequest, options: Options, deliver: Callable[[dict[str, object]], None]) -> None:
    """Answer one request in this very process, where the system cannot fork."""
    deliver({"event": "importing", "key": request.key})
    limits.silence()
    os.chdir(tempfile.mkdtemp(prefix="paramlint-"))
    if not options.allow_network:
        limits.refuse_network()
    limits.limit_resources(options.memory)
    observation = importing.import_module(request)
    deliver({"event": "started", "key": request.key})
    if observation is not None:
        deliver({"event": "observed", "key": request.key, "observation": to_json(observation), "final": True})
        return
    for observation, is_final in inspection.inspect_class(request, options):
        deliver({"event": "observed", "key": request.key, "observation": to_json(observation), "final": is_final})


def _serve(requests: list[ClassRequest], options: Options, writer: int, folder: str) -> None:
    if not options.allow_network:
        limits.refuse_network()
    for batch in _batches(requests):
        failures: dict[str, Observation] = {}
        for request in batch:
            if request.path not in failures and not importing.is_imported(request):
                send(writer, {"event": "importing", "key": request.key})
                failure = importing.import_module(request)
                os.chdir(folder)
                send(writer, {"event": "imported", "key": request.key})
                if failure is not None:
                    failures[request.path] = failure
        gc.collect()
        gc.freeze()
        if len(batch) >= MANY:
            pages.enlarge()
        for request in batch:
            if request.path in failures:
                _report(
                    writer,
                    failures[request.path]._replace(
                        key=request.key, class_name=request.qualified_name, circumstances=request.circumstances
                    ),
                )
        _run_children([request for request in batch if request.path not in failures], options, writer, folder)


def _batches(requests: list[ClassRequest]) -> Iterable[list[ClassRequest]]:
    """Requests of one root and top-level package together, at most ``_BATCH`` files at a time, in their order."""
    batch: list[ClassRequest] = []
    files: set[str] = set()
    group: tuple[str, str] | None = None
    for request in requests:
        own = request.root, request.module.partition(".")[0] if "." in request.module else ""
        if batch and (own != group or (len(files) >= _BATCH and request.path not in files)):
            yield batch
            batch, files = [], set()
        group = own
        batch.append(request)
        files.add(request.path)
    if batch:
        yield batch


def _run_children(requests: list[ClassRequest], options: Options, writer: int, folder: str) -> None:
    waiting = list(reversed(requests))
    running: dict[int, _Child] = {}
    tasks, counted = limits.tasks_of_user(), time.monotonic()
    while waiting or running:
        while waiting and len(running) < max(1, options.jobs):
            if time.monotonic() - counted > _RECOUNT:
                tasks, counted = limits.tasks_of_user(), time.monotonic()
            child = _start(waiting.pop(), options, folder, (writer, *running), tasks)
            send(writer, {"event": "started", "key": child.request.key})
            running[child.inbox.descriptor] = child
        patience = min(child.deadline for child in running.values()) - time.monotonic()
        ready, _, _ = select.select(list(running), [], [], max(0.0, patience))
        for descriptor, child in list(running.items()):
            is_late = time.monotonic() > child.deadline
            if (descriptor in ready and child.read()) or is_late:
                del running[descriptor]
                status = _end(child, [other.process for other in running.values()])
                _report(writer, _outcome(child, status, is_late, options))


def _start(request: ClassRequest, options: Options, folder: str, private: Iterable[int], tasks: int) -> _Child:
    own_folder = tempfile.mkdtemp(dir=folder)
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reader)
        for descriptor in private:
            os.close(descriptor)
        _be_child(request, options, writer, own_folder, tasks)
    os.close(writer)
    # The child ends itself in time; the deadline here is for one that cannot be interrupted.
    return _Child(request, process, reader, own_folder, time.monotonic() + options.timeout + 1.0)


def _be_child(request: ClassRequest, options: Options, writer: int, folder: str, tasks: int) -> NoReturn:
    try:
        limits.die_with_parent(os.getppid(), signal.SIGKILL)
        os.setsid()
        os.chdir(folder)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        limits.limit_forks()
        limits.limit_resources(options.memory, tasks)
        for observation, is_final in inspection.inspect_class(request, options):
            send(writer, {"observation": to_json(observation), "final": is_final})
    except SystemExit as error:
        os._exit(error.code if isinstance(error.code, int) else 1)
    except BaseException as error:  # a fault of ours, named as such
        send(writer, {"observation": to_json(inspection.own_fault(request, error)), "final": True})
    finally:
        os._exit(0)


def _end(child: _Child, others: list[int]) -> int:
    """Kill what is left of a child, and return its wait status (0 where it was well, and is only now ended)."""
    status = 0
    # The pipe's end comes a moment before the process's own; a clean ending is worth that moment.
    until = time.monotonic() + (0.5 if child.inbox.is_closed else 0.0)
    while True:
        ended, status = os.waitpid(child.process, os.WNOHANG)
        if ended or time.monotonic() >= until:
            break
        time.sleep(0.001)
    if not ended:
        limits.end_group(child.process)
        os.waitpid(child.process, 0)
        status = 0
    else:
        limits.end_group(child.process)
    os.close(child.inbox.descriptor)
    limits.end_strays(others)
    shutil.rmtree(child.folder, ignore_errors=True)
    return status


def _outcome(child: _Child, status: int, is_late: bool, options: Options) -> Observation | Mapping[str, object]:
    observation = child.last.get("observation")
    if child.last.get("final") and isinstance(observation, dict):
        return observation
    name, text = describe_ending(status)
    if is_late:
        name, text = "timed out", f"no answer within {options.timeout:g} s"
    if isinstance(observation, dict) and observation.get("status") == "built":
        stage = child.last.get("stage") or "a later probe"
        return {**observation, "notes": [*observation["notes"], f"{name} in {stage}: {text}"]}
    request = child.request
    return Observation(
        request.key, request.path, request.qualified_name, name, text, circumstances=request.circumstances
    )


def describe_ending(status: int) -> tuple[str, str]:
    """A wait status as the observation's status and a reason."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGKILL:
            return "out of memory", "the process was killed, as the system does when memory runs out"
        return "crashed", f"the process was ended by {signal.Signals(number).name}"
    return "exited", f"the process exited with status {os.WEXITSTATUS(status)}"


def _report(writer: int, observation: Observation | Mapping[str, object]) -> None:
    data = to_json(observation) if isinstance(observation, Observation) else observation
    assert isinstance(data, Mapping)
    send(writer, {"event": "observed", "key": data["key"], "observation": data})

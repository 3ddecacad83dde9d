"""The worker's first process: it holds torch, runs no user code, and outlives every process that does."""

from __future__ import annotations

import gc
import itertools
import json
import os
import select
import shutil
import signal
import time
from collections.abc import Iterator

from paramlint.model.observation import ClassRequest, Observation, to_json
from paramlint.runtime.worker import host, limits, preparation
from paramlint.runtime.worker.messages import Inbox
from paramlint.runtime.worker.options import Options, read_job

_TICK = 0.25
_SHORT = 0.005


def main(arguments: list[str]) -> int:
    """Serve the jobs that are put into a folder, append an observation a line to a file, until the parent ends it.

    The third argument is the process that asked for this one: it may be gone before torch is imported.
    """
    folder, answers, starter = arguments
    parent = os.getppid()
    if not limits.is_running(int(starter)):
        shutil.rmtree(os.path.dirname(folder), ignore_errors=True)
        return 1
    with open(answers, "a", encoding="ascii") as results:

        def deliver(message: dict[str, object]) -> None:
            results.write(json.dumps(message) + "\n")
            results.flush()

        preparation.prepare()
        # What is loaded by now stays: to look through it for garbage would take each process below half a second.
        gc.freeze()
        gc.enable()
        if not hasattr(os, "fork"):
            options, requests = read_job(_next(folder, 0, parent))
            deliver({"event": "ready"})
            for request in requests:
                host.run_here(request, options, deliver)
            return 0
        signal.signal(signal.SIGTERM, lambda number, frame: _end_everything(parent, folder))
        limits.die_with_parent(parent, signal.SIGTERM)
        limits.adopt_orphans()
        for number in itertools.count():
            options, requests = read_job(_next(folder, number, parent))
            deliver({"event": "ready"})
            waiting = list(requests)
            while waiting:
                for message in _run_host(waiting, options, parent, folder, results.fileno()):
                    deliver(message)
            deliver({"event": "done"})
    return 0


def _next(folder: str, number: int, parent: int) -> str:
    """The file of the next job, once it is there; ends this process where nobody is left to give one."""
    path = os.path.join(folder, f"{number}.json")
    while not os.path.exists(path):
        if os.getppid() != parent:
            _end_everything(parent, folder)
        time.sleep(_SHORT)
    return path


def _run_host(
    waiting: list[ClassRequest], options: Options, parent: int, folder: str, private: int
) -> Iterator[dict[str, object]]:
    """Fork one host for the requests in ``waiting``, yield what it reports, and take out what it has answered.

    The descriptor ``private`` is closed in it: user code may write to any that it finds open. When it ends early, the request it was busy with is answered for it, so each call makes progress.
    """
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reader)
        os.close(private)
        host.run(waiting, options, writer)
    os.close(writer)
    inbox = Inbox(reader)
    busy: dict[str, float] = {}
    importing: tuple[str, float] | None = None
    reason = None
    while not inbox.is_closed:
        if os.getppid() != parent:
            _end_everything(parent, folder)
        ready, _, _ = select.select([reader], [], [], _TICK)
        for message in inbox.read() if ready else ():
            event, key = message.get("event"), str(message.get("key"))
            if event == "importing":
                importing = key, time.monotonic()
            elif event == "imported":
                importing = None
            elif event == "started":
                busy[key] = time.monotonic()
            elif event == "observed":
                busy.pop(key, None)
                waiting[:] = [request for request in waiting if request.key != key]
                yield message
        now = time.monotonic()
        if importing is not None and now - importing[1] > options.import_timeout:
            reason = "timed out", f"importing the module took more than {options.import_timeout:g} s"
            break
        # The host ends its children itself; this is for a host that user code has wedged.
        if any(now - started > 2 * options.timeout + 10 for started in busy.values()):
            reason = "timed out", "the process stopped answering"
            break
    os.close(reader)
    limits.end_group(process)
    status = os.waitpid(process, 0)[1]
    limits.end_strays(())
    if importing is not None:
        culprit = next(request for request in waiting if request.key == importing[0])
        status_name, text = reason or _ending(status, "importing the module")
        for request in [request for request in waiting if request.path == culprit.path]:
            waiting.remove(request)
            yield _answer(request, status_name, text)
    elif waiting:
        culprits = [request for request in waiting if request.key in busy] or waiting[:1]
        status_name, text = reason or _ending(status, "building the class")
        for request in culprits:
            waiting.remove(request)
            yield _answer(request, status_name, text)


def _end_everything(parent: int, folder: str) -> None:
    """End all that runs below this process, and this process; what the parent can no longer remove is removed.

    That is what the folder of the jobs lies in, by the name that the parent gave: the folder for temporary files would
    be another, and the user's, once the parent's own is gone.
    """
    limits.end_strays(())
    if os.getppid() != parent:
        shutil.rmtree(os.path.dirname(folder), ignore_errors=True)
    os._exit(1)


def _ending(status: int, activity: str) -> tuple[str, str]:
    name, text = host.describe_ending(status)
    return name, f"{text} while {activity}"


def _answer(request: ClassRequest, status: str, reason: str) -> dict[str, object]:
    observation = Observation(
        request.key, request.path, request.qualified_name, status, reason, circumstances=request.circumstances
    )
    return {"event": "observed", "key": request.key, "observation": to_json(observation)}

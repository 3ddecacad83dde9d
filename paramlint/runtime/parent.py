"""Starting the worker, handing it requests, and taking observations from it as they come."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from paramlint.model.observation import ClassRequest, Observation, from_json, to_json
from paramlint.runtime.settings import RuntimeSettings

_WORKER = Path(__file__).parent / "worker" / "__main__.py"
_POLL = 0.01
_START = 120.0
_GRACE = 15.0
_KEPT_ERRORS = 2000
_ENDING = 6.0


class _Job(NamedTuple):
    process: subprocess.Popen[bytes]
    results: Path
    errors: Path


def choose_python(settings: RuntimeSettings, root: Path) -> str:
    """The interpreter to run user code: the configured one, this one where it has torch, else the project's own."""
    if settings.python is not None:
        return settings.python
    if find_spec("torch") is not None:
        return sys.executable
    active = os.environ.get("VIRTUAL_ENV")
    for folder in (*((Path(active),) if active else ()), root / ".venv", root / "venv"):
        for name in ("bin/python", "Scripts/python.exe"):
            if (folder / name).exists():
                return str(folder / name)
    return sys.executable


# The class of the error goes first in what a driver says; "cpu" is refused, since models are built there.
_ASK_DEVICE = """\
import sys, torch
try:
    place = torch.ones(1).to(sys.argv[1]).device
    print("models are built there already" if place.type == "cpu" else "")
except Exception as error:
    print(" ".join(str(error).split())[:200] or type(error).__name__)
"""


def missing_device(settings: RuntimeSettings, root: Path) -> str | None:
    """Why models cannot be moved to the device of ``settings`` on this machine; None where they can."""
    if settings.device is None:
        return None
    python = choose_python(settings, root)
    try:
        command = [python, "-W", "ignore", "-c", _ASK_DEVICE, settings.device]
        answer = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment(), timeout=_START
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{python} did not say: {error}"
    if answer.returncode != 0:
        return answer.stderr.strip().rpartition("\n")[2] or f"{python} ended with exit code {answer.returncode}"
    return answer.stdout.strip() or None


def observe(requests: Sequence[ClassRequest], settings: RuntimeSettings) -> Iterator[Observation]:
    """Yield one observation for each request, in the order in which they are ready.

    Keys must be unique. Whatever user code does ends up in the observations; a missing or broken interpreter is the
    status "not run" of all. When the caller closes the iterator early, everything that was started is ended.
    """
    waiting = {request.key: request for request in requests}
    failures = 0
    while waiting:
        batch = list(waiting.values())
        is_forking = hasattr(os, "fork")
        before = len(waiting)
        reason = None
        for event in _run(batch if is_forking else batch[:1], settings):
            if isinstance(event, Observation):
                if waiting.pop(event.key, None) is not None:
                    yield event
            else:
                reason = event
        if len(waiting) < before:
            failures = 0
            continue
        failures += 1
        if failures > 1 or reason is not None:
            for request in list(waiting.values()) if is_forking or reason is not None else batch[:1]:
                del waiting[request.key]
                yield _unanswered(request, reason or "the worker process ended without an answer")


def _unanswered(request: ClassRequest, reason: str) -> Observation:
    return Observation(
        request.key, request.path, request.qualified_name, "not run", reason, circumstances=request.circumstances
    )


def _run(requests: list[ClassRequest], settings: RuntimeSettings) -> Iterator[Observation | str]:
    """Start one worker; yield observations, and a text where nothing can be run at all."""
    python = choose_python(settings, Path(requests[0].root))
    with tempfile.TemporaryDirectory(prefix="paramlint-", ignore_cleanup_errors=True) as folder:
        job_file, results, errors = (Path(folder) / name for name in ("job.json", "results.jsonl", "errors.txt"))
        options = {
            "timeout": settings.timeout,
            "import_timeout": settings.import_timeout,
            "memory": settings.memory_limit,
            "jobs": settings.jobs,
            "allow_network": settings.allow_network,
            "stages": settings.stages,
            "digests": settings.digests,
            "device": settings.device,
        }
        job_file.write_text(json.dumps({"options": options, "requests": [to_json(item) for item in requests]}))
        results.touch()
        try:
            process = start([python, str(_WORKER), str(job_file), str(results)], errors)
        except OSError as error:
            yield f"{python} could not be started: {error.strerror}"
            return
        try:
            yield from _read(_Job(process, results, errors), python, requests, settings)
        finally:
            end(process)


def start(command: Sequence[str], errors: Path) -> subprocess.Popen[bytes]:
    """Start a process that runs user code: it leads a session, and what it says goes to the file ``errors``.

    Raises OSError where it cannot be started.
    """
    with errors.open("wb") as error_file:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=error_file,
            start_new_session=True,
            env=environment(),
        )


def last_words(errors: Path) -> str:
    """The last line that a process said."""
    return errors.read_text(errors="replace")[-_KEPT_ERRORS:].strip().rpartition("\n")[2]


def environment() -> dict[str, str]:
    """The user's environment without what would start another tool inside the worker."""
    dropped = ("PYTHONSTARTUP", "PYTHONINSPECT", "COVERAGE_PROCESS_START", "PYTHONBREAKPOINT")
    environment = {name: value for name, value in os.environ.items() if name not in dropped}
    environment.update({"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"})
    return environment


def _read(
    job: _Job, python: str, requests: list[ClassRequest], settings: RuntimeSettings
) -> Iterator[Observation | str]:
    last: dict[str, Observation] = {}
    patience = _START
    deadline = time.monotonic() + patience
    has_started = False
    with job.results.open("r", encoding="ascii") as file:
        rest = ""
        while True:
            has_ended = job.process.poll() is not None
            text = file.read()
            *lines, rest = (rest + text).split("\n")
            for line in lines:
                message = json.loads(line)
                has_started = True
                deadline = time.monotonic() + max(settings.import_timeout, 2 * settings.timeout + 10) + _GRACE
                if message["event"] == "no torch":
                    yield f"torch is not installed in {python} ({message['reason']})"
                elif message["event"] == "observed":
                    observation = from_json(Observation, message["observation"])
                    last[observation.key] = observation
                    if message.get("final", True):
                        yield last.pop(observation.key)
            if has_ended and not text:
                break
            if time.monotonic() > deadline:
                break
            if not text:
                time.sleep(_POLL)
    yield from last.values()
    if not has_started:
        detail = last_words(job.errors)
        yield f"the worker did not start under {python}" + (f": {detail}" if detail else "")
    elif job.process.poll() not in (None, 0, 3):
        detail = job.errors.read_text(errors="replace")[-_KEPT_ERRORS:].strip()
        if "Traceback" in detail:
            yield f"the worker failed: {detail}"


def end(process: subprocess.Popen[bytes]) -> None:
    """End the worker: asked first, so that it ends what it started, then by force."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_ENDING)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()

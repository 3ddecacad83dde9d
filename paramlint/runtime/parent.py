"""Starting the worker, handing it requests, and taking observations from it as they come."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from paramlint.model.observation import ClassRequest, Observation, from_json, to_json
from paramlint.runtime.settings import RuntimeSettings

_WORKER = Path(__file__).parent / "worker" / "__main__.py"
_POLL = 0.01
_START = 120.0
_GRACE = 15.0
_KEPT_ERRORS = 2000
_ENDING = 6.0
_FORKS = hasattr(os, "fork")


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


def observe(requests: Sequence[ClassRequest], settings: RuntimeSettings) -> Generator[Observation, None, None]:
    """Yield one observation for each request, in the order in which they are ready.

    Keys must be unique. Whatever user code does ends up in the observations; a missing or broken interpreter is the
    status "not run" of all. When the caller closes the iterator early, everything that was started is ended.
    """
    with Workers() as workers:
        yield from workers.observe(requests, settings)


class Workers:
    """Worker processes that are kept from one question to the next, so that torch is imported once for them all."""

    def __init__(self) -> None:
        self._idle: dict[str, _Worker] = {}

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._idle.values():
            worker.end()
        self._idle.clear()

    def expect(self, settings: RuntimeSettings, root: Path) -> None:
        """Let a worker import torch, and nothing else, while the caller does not know yet what will be asked."""
        python = choose_python(settings, root)
        if _FORKS and python not in self._idle:
            with suppress(OSError):
                self._idle[python] = _Worker(python)

    def observe(
        self, requests: Sequence[ClassRequest], settings: RuntimeSettings
    ) -> Generator[Observation, None, None]:
        """As the function of the same name."""
        waiting = {request.key: request for request in requests}
        failures = 0
        while waiting:
            batch = list(waiting.values())
            before = len(waiting)
            reason = None
            for event in self._run(batch if _FORKS else batch[:1], settings):
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
                for request in list(waiting.values()) if _FORKS or reason is not None else batch[:1]:
                    del waiting[request.key]
                    yield _unanswered(request, reason or "the worker process ended without an answer")

    def _run(self, requests: list[ClassRequest], settings: RuntimeSettings) -> Iterator[Observation | str]:
        """Hand requests to a worker; yield observations, and a text where nothing can be run at all."""
        python = choose_python(settings, Path(requests[0].root))
        worker = self._idle.pop(python, None)
        if worker is None or worker.has_ended:
            try:
                worker = _Worker(python)
            except OSError as error:
                yield f"{python} could not be started: {error.strerror}"
                return
        is_done = False
        try:
            is_done = yield from worker.answers(requests, settings)
        finally:
            if is_done:
                self._idle[python] = worker
            else:
                worker.end()


def _unanswered(request: ClassRequest, reason: str) -> Observation:
    return Observation(
        request.key, request.path, request.qualified_name, "not run", reason, circumstances=request.circumstances
    )


class _Worker:
    """A worker process under one interpreter, which takes one job after the other; OSError where it does not start."""

    def __init__(self, python: str) -> None:
        self._python = python
        self._folder = tempfile.TemporaryDirectory(prefix="paramlint-", ignore_cleanup_errors=True)
        self._jobs = Path(self._folder.name) / "jobs"
        self._errors = Path(self._folder.name) / "errors.txt"
        self._jobs.mkdir()
        results = Path(self._folder.name) / "results.jsonl"
        results.touch()
        self._given = 0
        try:
            self._process = start([python, str(_WORKER), str(self._jobs), str(results), str(os.getpid())], self._errors)
        except OSError:
            self._folder.cleanup()
            raise
        self._results = results.open("r", encoding="ascii")
        self._rest = ""

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def end(self) -> None:
        end(self._process)
        self._results.close()
        self._folder.cleanup()

    def answers(
        self, requests: list[ClassRequest], settings: RuntimeSettings
    ) -> Generator[Observation | str, None, bool]:
        """Yield what is observed, and a text where nothing can be run; returns whether another job may be given."""
        self._give(requests, settings)
        last: dict[str, Observation] = {}
        deadline = time.monotonic() + _START
        has_started = False
        while True:
            has_ended = self.has_ended
            messages = self._messages()
            for message in messages:
                has_started = True
                deadline = time.monotonic() + max(settings.import_timeout, 2 * settings.timeout + 10) + _GRACE
                if message["event"] == "done":
                    yield from last.values()
                    return True
                if message["event"] == "no torch":
                    yield f"torch is not installed in {self._python} ({message['reason']})"
                elif message["event"] == "observed":
                    observation = from_json(Observation, message["observation"])
                    last[observation.key] = observation
                    if message.get("final", True):
                        yield last.pop(observation.key)
            if (has_ended and not messages) or time.monotonic() > deadline:
                break
            if not messages:
                time.sleep(_POLL)
        yield from last.values()
        if not has_started:
            detail = last_words(self._errors)
            yield f"the worker did not start under {self._python}" + (f": {detail}" if detail else "")
        elif self._process.poll() not in (None, 0, 3):
            detail = self._errors.read_text(errors="replace")[-_KEPT_ERRORS:].strip()
            if "Traceback" in detail:
                yield f"the worker failed: {detail}"
        return False

    def _give(self, requests: list[ClassRequest], settings: RuntimeSettings) -> None:
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
        written = self._jobs / "next"
        written.write_text(json.dumps({"options": options, "requests": [to_json(item) for item in requests]}))
        written.rename(self._jobs / f"{self._given}.json")
        self._given += 1

    def _messages(self) -> list[dict[str, Any]]:
        *lines, self._rest = (self._rest + self._results.read()).split("\n")
        return [json.loads(line) for line in lines]


def start(command: Sequence[str], errors: Path) -> subprocess.Popen[bytes]:
    """Start a process that runs user code: it leads a session, and what it says goes to the file ``errors``.

    Its temporary files go into the folder of that file, so that whatever is left of them goes with it. Raises OSError where it cannot be started.
    """
    with errors.open("wb") as error_file:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=error_file,
            start_new_session=True,
            env={**environment(), "TMPDIR": str(errors.parent)},
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


def end(process: subprocess.Popen[bytes]) -> None:
    """End the worker: asked first, so that it ends what it started, then by force."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_ENDING)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()

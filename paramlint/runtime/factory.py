"""Starting the process that makes and examines one model, and taking its answer."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

from paramlint.model.factory import FactoryAnswer, FactoryRequest
from paramlint.model.observation import from_json, to_json
from paramlint.runtime.parent import choose_python, end, last_words, start
from paramlint.runtime.settings import RuntimeSettings
from paramlint.runtime.worker import limits

_PROCESS = Path(__file__).parent / "live" / "__main__.py"
_POLL = 0.02


def observe_factory(request: FactoryRequest, settings: RuntimeSettings, root: Path) -> FactoryAnswer:
    """Have a model made and examined under limits; whatever becomes of the process is an answer with a reason."""
    python = choose_python(settings, root)
    with tempfile.TemporaryDirectory(prefix="paramlint-", ignore_cleanup_errors=True) as folder:
        job, result, errors = (Path(folder) / name for name in ("job.json", "result.json", "errors.txt"))
        job.write_text(json.dumps(to_json(request)))
        try:
            process = start([python, str(_PROCESS), str(job), str(result), str(os.getpid())], errors)
        except OSError as error:
            return FactoryAnswer(reason=f"{python} could not be started: {error.strerror}")
        deadline = time.monotonic() + settings.import_timeout + settings.timeout
        try:
            while process.poll() is None and time.monotonic() < deadline:
                time.sleep(_POLL)
            is_late = process.poll() is None
        finally:
            # The process leads a session of its own: whatever it started goes with it.
            limits.end_group(process.pid)
            end(process)
        try:
            return from_json(FactoryAnswer, json.loads(result.read_text(encoding="ascii")))
        except (OSError, ValueError):
            pass
        if is_late:
            return FactoryAnswer(reason=f"no answer within {settings.import_timeout + settings.timeout:g} s")
        detail = last_words(errors)
        if process.returncode < 0:
            return FactoryAnswer(reason=f"the process was ended by signal {-process.returncode}")
        return FactoryAnswer(
            reason=f"the process ended with exit code {process.returncode}" + (f": {detail}" if detail else "")
        )

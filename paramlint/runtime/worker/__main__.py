"""The worker's entry: ``python <this file> JOBS RESULTS STARTER``, under any Python with torch.

JOBS and RESULTS are a private folder and file, STARTER is the process that asks.

The folder that paramlint lies in must not enter ``sys.path`` (it may be a whole site-packages of another version), so
bare stand-ins for its packages are made, the worker's modules loaded, and the stand-ins dropped again: user code that
imports paramlint itself meets its own installation or none.
"""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from types import ModuleType


def _load() -> ModuleType:
    """The worker's server module; ImportError where this interpreter has no torch that can be loaded."""
    folder = Path(__file__).resolve().parent.parent.parent
    if sys.path and Path(sys.path[0] or ".").resolve() == Path(__file__).resolve().parent:
        del sys.path[0]
    for name in ("paramlint", "paramlint.model", "paramlint.runtime", "paramlint.runtime.worker"):
        package = ModuleType(name)
        package.__path__ = [str(folder.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = package
    from paramlint.runtime.worker import server

    for name in [name for name in sys.modules if name == "paramlint" or name.startswith("paramlint.")]:
        del sys.modules[name]
    return server


def _main() -> int:
    # What torch's import makes stays; the server turns collection on again before any code of the user's runs.
    gc.disable()
    try:
        server = _load()
    except ImportError as error:
        with open(sys.argv[2], "a", encoding="ascii") as results:
            results.write(json.dumps({"event": "no torch", "reason": str(error)}) + "\n")
        return 3
    return int(server.main(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(_main())

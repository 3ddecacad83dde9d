"""The entry of the process that audits one model: ``python <this file> JOB RESULT STARTER``, under any Python with torch.

As with the worker, stand-ins for paramlint's packages are made and dropped again, so that user code meets its own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

_PACKAGES = ("", ".model", ".runtime", ".runtime.worker", ".runtime.live")


def _load() -> ModuleType:
    """The server module; ImportError where this interpreter has no torch that can be loaded."""
    here = Path(__file__).resolve().parent
    if sys.path and Path(sys.path[0] or ".").resolve() == here:
        del sys.path[0]
    for name in _PACKAGES:
        package = ModuleType(f"paramlint{name}")
        package.__path__ = [str(here.parent.parent.joinpath(*name.split(".")[1:]))]
        sys.modules[package.__name__] = package
    from paramlint.runtime.live import server

    for name in [name for name in sys.modules if name == "paramlint" or name.startswith("paramlint.")]:
        del sys.modules[name]
    return server


def _main() -> int:
    try:
        server = _load()
    except ImportError as error:
        with open(sys.argv[2], "w", encoding="ascii") as result:
            result.write(json.dumps({"reason": f"torch is not installed in {sys.executable} ({error})"}))
        return 3
    return int(server.main(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(_main())

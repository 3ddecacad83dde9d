"""The ``paramlint`` command."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

# As shells report a process that SIGINT ended.
_INTERRUPTED = 130
_FAILED = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with ``argv`` (by default the process's own) and return its exit code.

    0: nothing found; 1: findings; 2: wrong usage, a missing path, or something that could not be analysed.
    """
    from paramlint.cli.arguments import parser

    arguments = parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A source line may hold what the terminal's encoding lacks.
            stream.reconfigure(errors="backslashreplace")
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("paramlint: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader has gone (``| head``); what is still buffered must not raise when Python closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    except Exception:
        # Python's own exit code for this, 1, would say that something was found.
        import traceback

        traceback.print_exc()
        print("paramlint: internal error; please report it", file=sys.stderr)
        return _FAILED
    return code

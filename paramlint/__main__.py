"""``python -m paramlint``: the same as the ``paramlint`` command."""

from __future__ import annotations

import sys

from paramlint.cli import main

if __name__ == "__main__":
    sys.exit(main())

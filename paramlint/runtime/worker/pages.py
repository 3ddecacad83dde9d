"""Holding this process's memory in large pages (Linux), so that many forks of it cost less."""

from __future__ import annotations

import sys

# linux/mman.h, from Linux 6.1 on.
_MADV_COLLAPSE = 25
_WITHOUT_FILE = ("", "[heap]")
SIZE = "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size"


def enlarge() -> int:
    """Gather what this process has written into pages of some megabytes; returns the bytes asked for, 0 elsewhere.

    A fork copies the table of all written pages, and its end takes it apart again: with torch loaded these are fifty
    thousand, and as many milliseconds as building a small class takes. What a child writes is copied in small pages as
    before. Gathering costs as much as twenty such forks.
    """
    if not sys.platform.startswith("linux"):
        return 0
    try:
        import ctypes

        with open(SIZE, encoding="ascii") as size, open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            page, regions = int(size.read()), maps.read().splitlines()
        advise = ctypes.CDLL(None, use_errno=True).madvise
        advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        asked = 0
        for start, end in filter(None, (whole_pages(region, page) for region in regions)):
            advise(start, end - start, _MADV_COLLAPSE)
            asked += end - start
        return asked
    except (OSError, ValueError, AttributeError, ImportError):
        return 0


def whole_pages(region: str, page: int) -> tuple[int, int] | None:
    """The part of a line of ``/proc/self/maps`` that lies on whole large pages; None for what is no private data."""
    fields = region.split(None, 5)
    if fields[1] != "rw-p" or (fields[5] if len(fields) > 5 else "") not in _WITHOUT_FILE:
        return None
    start, end = (int(bound, 16) for bound in fields[0].split("-"))
    start, end = -(-start // page) * page, end // page * page
    return (start, end) if start < end else None

"""What a process that runs user code may use: memory, files, processes, network, and how it is ended."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from types import ModuleType

try:
    resource: ModuleType | None = importlib.import_module("resource")
except ImportError:  # Windows has no such limits; the parent's deadline remains.
    resource = None

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "WANDB_MODE": "disabled",
    "http_proxy": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "",
    "no_proxy": "",
}
MARGIN_FOR_THREADS = 4
FILE_SIZE = 256 * 2**20
PROCESSES = 256
FORKS = 64
_NETWORK_EVENTS = frozenset(
    f"socket.{name}"
    for name in ("connect", "sendto", "sendmsg", "bind", "getaddrinfo", "gethostbyname", "gethostbyaddr")
)


class ForkRefused(OSError):
    """Raised in user code that starts more processes than one class may."""


class NetworkRefused(OSError):
    """Raised in user code that opens a connection while the network is refused."""


def refuse_network() -> None:
    """From now on, connecting to anything but a Unix socket raises; an audit hook cannot be taken out again.

    Subprocesses are kept off by proxies that lead nowhere, so only by convention.
    """
    os.environ.update(OFFLINE)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in _NETWORK_EVENTS:
            address = arguments[1] if event.startswith("socket.") and len(arguments) > 1 else None
            if not isinstance(address, (str, bytes)) or not event.endswith(("connect", "sendto", "sendmsg", "bind")):
                # Whoever waits before the next try waits in vain.
                time.sleep = _do_not_wait
                raise NetworkRefused("the network is refused while models are built")

    sys.addaudithook(hook)


def _do_not_wait(seconds: object, /) -> None:
    return None


def limit_forks() -> None:
    """From now on this process may fork ``FORKS`` times, and each child a sixteenth of what was left then.

    ``RLIMIT_NPROC`` counts all of a user's processes, and does not hold for the superuser that containers run as.
    """
    left = [FORKS]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in ("os.fork", "os.forkpty") and left[0] <= 0:
            raise ForkRefused("no more processes may be started while models are built")

    def count() -> None:
        left[0] -= 1

    def inherit() -> None:
        left[0] //= 16

    sys.addaudithook(hook)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_parent=count, after_in_child=inherit)


def limit_resources(memory: int, tasks: int | None = None) -> None:
    """No core dumps, bounded files and processes, and ``memory`` bytes more than this process holds already.

    Writable private memory is what counts (``RLIMIT_DATA``); the address space gets a wider margin, since threads and
    libraries reserve much that they never touch. Limits that the system lacks or refuses are left out. ``tasks`` is
    what ``tasks_of_user`` said not long ago.
    """
    if resource is None:
        return
    data, total = _held_memory()
    for name, value in (
        ("RLIMIT_CORE", 0),
        ("RLIMIT_FSIZE", FILE_SIZE),
        ("RLIMIT_DATA", data + memory),
        ("RLIMIT_AS", total + MARGIN_FOR_THREADS * memory),
    ):
        _lower(name, value)
    _lower("RLIMIT_NPROC", PROCESSES + (tasks_of_user() if tasks is None else tasks))


def allowance() -> int | None:
    """How many bytes more this process may hold; None where there is no limit."""
    if resource is None or not hasattr(resource, "RLIMIT_DATA"):
        return None
    limit = resource.getrlimit(resource.RLIMIT_DATA)[0]
    return None if limit == resource.RLIM_INFINITY else max(0, limit - _held_memory()[0])


def _lower(name: str, value: int) -> None:
    limit = getattr(resource, name, None)
    if resource is None or limit is None:
        return
    try:
        hard = resource.getrlimit(limit)[1]
        resource.setrlimit(limit, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
    except (ValueError, OSError):
        pass


def _held_memory() -> tuple[int, int]:
    """Bytes of data and of address space held by this process; generous guesses where the system does not tell."""
    data = total = 0
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:
            for line in status:
                if line.startswith("VmData:"):
                    data = int(line.split()[1]) * 1024
                elif line.startswith("VmSize:"):
                    total = int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return data or 2 * 2**30, total or 8 * 2**30


def tasks_of_user() -> int:
    """How many tasks this user runs: RLIMIT_NPROC counts them all, threads too."""
    user, count = os.getuid(), 0
    try:
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    if os.stat(f"/proc/{entry}").st_uid == user:
                        count += len(os.listdir(f"/proc/{entry}/task"))
                except OSError:
                    continue
    except OSError:
        return 1024
    return count


def silence() -> None:
    """Standard input, output and error become the null device, for C code and subprocesses as well."""
    sys.stdout.flush()
    sys.stderr.flush()
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    if null > 2:
        os.close(null)
    sys.stdin, sys.stdout, sys.stderr = (open(number, mode, closefd=False) for number, mode in enumerate("rww"))  # noqa: SIM115


def adopt_orphans() -> None:
    """Make processes that lose their parent children of this one (Linux), so that ``end_strays`` can find them."""
    _process_control(36)  # PR_SET_CHILD_SUBREAPER


def die_with_parent(parent: int, by: int) -> None:
    """Send this process a signal when its parent ends (Linux); elsewhere the parent's own clean-up must do."""
    _process_control(1, by)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)


def is_running(process: int) -> bool:
    """Whether a process is there, or may be: where a signal of no effect cannot be sent, nothing speaks against it."""
    if not hasattr(os, "fork"):
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _process_control(option: int, value: int = 1) -> None:
    if not sys.platform.startswith("linux"):
        return
    try:
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(option, int(value), 0, 0, 0)
    except (OSError, AttributeError, ImportError):
        pass


def end_group(process: int) -> None:
    """Kill a child that leads its own session, with everything that stayed in its group; the child is not reaped."""
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError, PermissionError):
            kill(process, signal.SIGKILL)


def end_strays(known: Iterable[int], patience: float = 3.0) -> None:
    """Kill and reap every child of this process that is not in ``known``, and all their descendants.

    Needs ``adopt_orphans``; a process that forks while it is being ended is stopped first, so that the hunt ends.
    """
    keep = set(known)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        strays = _descendants(os.getpid(), keep)
        if not strays:
            return
        for action in (signal.SIGSTOP, signal.SIGKILL):
            for process in strays:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(process, action)
        for process in strays:
            with suppress(ChildProcessError):
                os.waitpid(process, os.WNOHANG)
        time.sleep(0.002)


def _descendants(root: int, keep: set[int]) -> list[int]:
    """All processes below ``root`` but for its children in ``keep`` and what these started."""
    told = _children(root)
    if told is not None and keep.issuperset(told):
        return []
    children = _children_of_all()
    found: list[int] = []
    waiting = [child for child in children.get(root, ()) if child not in keep]
    while waiting:
        process = waiting.pop()
        found.append(process)
        waiting.extend(children.get(process, ()))
    return found


def _children(process: int) -> list[int] | None:
    """The children of all threads of a process, where the kernel lists them (Linux with CONFIG_PROC_CHILDREN)."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{process}/task"):
            with open(f"/proc/{process}/task/{thread}/children", encoding="ascii") as listed:
                found += map(int, listed.read().split())
    except (OSError, ValueError):
        return None
    return found


def _children_of_all() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    try:
        entries = os.listdir("/proc")
    except OSError:
        return {}
    for entry in entries:
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as stat:
                    fields = stat.read().rpartition(b")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry))
    return children

"""What a worker may use, and how the kernel is told so. Runs in the worker: the standard library only."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

if sys.platform != "win32":  # where this module is read and never used
    import resource

MIB = 1024 * 1024
NOBODY = 65534
_STATM = Path("/proc/self/statm")
# Given to no person and no service for long: what systemd draws dynamic users from.
_UNUSED_USERS = range(61184, 65520)
# Of a tight limit on a user's tasks, what no worker may use: graders need them to start the next ones.
KEPT_TASKS = 16
_PLENTY = 4096
# Where nobody tells: more than an interpreter with NumPy maps, so that the budget is never cut.
_UNKNOWN_MAPPED_BYTES = 1024 * MIB
_UNKNOWN_TASKS = 4096


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """Kernel limits of one worker process. cpu_s is for its whole life, a backstop behind the limit per call.

    threads come on top of what the worker's user runs already, because the kernel counts a user's threads together.
    """

    memory_mib: int = 1024
    cpu_s: int = 120
    file_mib: int = 0
    open_files: int = 64
    threads: int = 32

    def to_json(self) -> dict[str, int]:
        """The limits as they travel to the zygote."""
        return {
            "memory_mib": self.memory_mib,
            "cpu_s": self.cpu_s,
            "file_mib": self.file_mib,
            "open_files": self.open_files,
            "threads": self.threads,
        }


def apply_limits(limits: WorkerLimits, *, required: bool = True) -> None:
    """Lower this process's own limits for good, hard limits too, so that no call can raise them again.

    required: whether a limit that this system does not know is an error. Else it is left out; `probe` will tell.
    """
    # The budget comes on top of what the interpreter and NumPy have mapped already.
    address_space = _mapped_bytes() + limits.memory_mib * MIB
    for name, value in (
        ("RLIMIT_AS", address_space),
        ("RLIMIT_CPU", limits.cpu_s),
        ("RLIMIT_FSIZE", limits.file_mib * MIB),
        ("RLIMIT_NOFILE", limits.open_files),
        # Threads with small stacks fit into any budget; unlimited, they would use up what the graders themselves need.
        ("RLIMIT_NPROC", _most_tasks(limits.threads)),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_MEMLOCK", 0),
        ("RLIMIT_MSGQUEUE", 0),
    ):
        # Besides names, systems differ in which values they take: macOS refuses an address space below its own use.
        with nullcontext() if required else suppress(AttributeError, OSError, ValueError):
            kind = getattr(resource, name)
            # A limit that is lower already stays so: only root may raise one, and not in every container.
            _, hard = resource.getrlimit(kind)
            lowered = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (lowered, lowered))


def become_nobody() -> None:
    """Give up root for good: groups first, because nobody may not change them.

    The user is one that nobody else is, where this system has such: what the kernel counts of it is its own alone.
    """
    user = _unused_user()
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(user, user, user)


def room_for_threads(wanted: int) -> int:
    """How many threads a worker may have so that the processes of this user can go on starting others.

    Where the limit is tight, a worker gets half of what is left at most: others start workers at the same moment.
    """
    most, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    # The kernel does not hold root to it, and who has thousands need not be counted.
    if os.geteuid() == 0 or most == resource.RLIM_INFINITY or most >= _PLENTY:
        return wanted
    return max(0, min(wanted, (most - count_tasks(os.geteuid()) - KEPT_TASKS) // 2))


def count_tasks(user: int) -> int:
    """Threads of all processes of a user, as far as they can be seen from here."""
    count = 0
    for place in os.scandir("/proc"):
        if place.name.isdigit():
            # It may end while it is looked at.
            with suppress(OSError, ValueError, IndexError):
                count += _tasks_if_of(user, Path(place.path, "status").read_text(encoding="utf-8", errors="replace"))
    return count


def _tasks_if_of(user: int, status: str) -> int:
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(fields["Threads"]) if int(fields["Uid"].split()[0]) == user else 0


def _most_tasks(threads: int) -> int:
    """The most tasks of this process's user: those of now and these threads more, but none that the graders keep."""
    if os.geteuid() == 0:
        # A worker of root becomes a user of its own; itself is one task.
        return threads + 1
    if not Path("/proc/self/status").exists():
        return _UNKNOWN_TASKS + threads
    most, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    wanted = count_tasks(os.geteuid()) + threads
    return wanted if most == resource.RLIM_INFINITY else max(1, min(wanted, most - KEPT_TASKS))


def _unused_user() -> int:
    """A user that this system gives to no one, drawn anew each time; nobody where a container knows none of them."""
    user = _UNUSED_USERS[int.from_bytes(os.urandom(4), "big") % len(_UNUSED_USERS)]
    with suppress(OSError):
        for line in Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines():
            first, _, count = map(int, line.split())
            if first <= user < first + count:
                return user
    return NOBODY


def _mapped_bytes() -> int:
    if not _STATM.exists():
        return _UNKNOWN_MAPPED_BYTES
    pages = int(_STATM.read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()

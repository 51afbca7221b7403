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
_LOADAVG = Path("/proc/loadavg")
# Where nobody tells: more than an interpreter with NumPy maps, so that the budget is never cut.
_UNKNOWN_MAPPED_BYTES = 1024 * MIB
_UNKNOWN_TASKS = 4096


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """Kernel limits of one worker process. cpu_s is for its whole life, a backstop behind the limit per call.

    threads come on top of everything that runs on the machine, because the kernel counts a user's threads together.
    """

    memory_mib: int = 1024
    cpu_s: int = 120
    file_mib: int = 0
    open_files: int = 64
    threads: int = 256

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
    """Lower this process's own limits for good; hard limits too, so that no call raises them again.

    required: whether a limit that this system does not know is an error. Else it is left out; `probe` will tell.
    """
    # The budget comes on top of what the interpreter and NumPy have mapped already.
    address_space = _mapped_bytes() + limits.memory_mib * MIB
    for name, value in (
        ("RLIMIT_AS", address_space),
        ("RLIMIT_CPU", limits.cpu_s),
        ("RLIMIT_FSIZE", limits.file_mib * MIB),
        ("RLIMIT_NOFILE", limits.open_files),
        # Threads with small stacks fit into any budget; unlimited, they would use up the process numbers of the machine.
        ("RLIMIT_NPROC", _running_tasks() + limits.threads),
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
    """Give up root for good: groups first, because nobody may not change them."""
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def _mapped_bytes() -> int:
    if not _STATM.exists():
        return _UNKNOWN_MAPPED_BYTES
    pages = int(_STATM.read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


def _running_tasks() -> int:
    """Processes and threads of the whole machine (proc_loadavg(5)); a guess that hurts nobody where it does not tell."""
    if not _LOADAVG.exists():
        return _UNKNOWN_TASKS
    return int(_LOADAVG.read_text(encoding="ascii").split()[3].partition("/")[2])

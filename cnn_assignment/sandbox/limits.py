"""What a worker may use, and how the kernel is told so. Runs in the worker: the standard library only."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024
NOBODY = 65534


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """Kernel limits of one worker process. cpu_s is for its whole life, a backstop behind the limit per call."""

    memory_mib: int = 1024
    cpu_s: int = 120
    file_mib: int = 0
    open_files: int = 64

    def to_json(self) -> dict[str, int]:
        """The limits as they travel to the zygote."""
        return {
            "memory_mib": self.memory_mib,
            "cpu_s": self.cpu_s,
            "file_mib": self.file_mib,
            "open_files": self.open_files,
        }


def apply_limits(limits: WorkerLimits) -> None:
    """Lower this process's own limits for good; hard limits too, so that no call raises them again."""
    # The budget comes on top of what the interpreter and NumPy have mapped already.
    address_space = _mapped_bytes() + limits.memory_mib * MIB
    for kind, value in (
        (resource.RLIMIT_AS, address_space),
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_FSIZE, limits.file_mib * MIB),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(kind, (value, value))


def become_nobody() -> None:
    """Give up root for good: groups first, because nobody may not change them."""
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def _mapped_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()

"""Time and memory of other processes, which the grader asks the kernel for, so that no worker has to be asked."""

from __future__ import annotations

import mmap
import time
from pathlib import Path


def cpu_clock_of(pid: int) -> int:
    """Linux: the CPU clock of another process (see clock_getcpuclockid(3): the number is built from its pid)."""
    return (~pid << 3) | 2


def read_clock(clock: int) -> float:
    """Seconds on a process's CPU clock; 0 where the process is gone, as its pipe will say."""
    try:
        return time.clock_gettime(clock)
    except OSError:
        return 0.0


def mapped_bytes(pid: int) -> int | None:
    """The size of a process's address space (proc_pid_statm(5)); None where the system does not tell.

    What is mapped and not what is resident: pages of shared memory can be held without being resident.
    """
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[0]) * mmap.PAGESIZE
    except (OSError, IndexError):
        return None


def growth(before: int | None, pid: int) -> int | None:
    """By how much the address space of a process is larger than before; None where either is not known."""
    now = mapped_bytes(pid)
    return None if before is None or now is None else now - before

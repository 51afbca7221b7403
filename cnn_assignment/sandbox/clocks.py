"""The CPU clocks of other processes, by which the grader measures, so that no worker has to be asked."""

from __future__ import annotations

import time


def cpu_clock_of(pid: int) -> int:
    """Linux: the CPU clock of another process (see clock_getcpuclockid(3): the number is built from its pid)."""
    return (~pid << 3) | 2


def read_clock(clock: int) -> float:
    """Seconds on a process's CPU clock; 0 where the process is gone, as its pipe will say."""
    try:
        return time.clock_gettime(clock)
    except OSError:
        return 0.0

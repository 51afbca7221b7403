"""What the benchmarks share: the course, real submissions of known worth, and how figures are taken and printed."""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil

from cnn_assignment.layout import load_assignment
from cnn_assignment.model import Assignment

ROOT = Path(__file__).resolve().parent.parent
NAME = "cnn"
CLASS = ROOT / "examples" / "class"
# Numeric libraries on one thread, as the kit's own workers have it: "per core" must mean one core on both sides.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def the_assignment() -> Assignment:
    """The assignment of this repository."""
    return load_assignment(ROOT, NAME)


def program(name: str) -> str:
    """A program of the environment that runs this."""
    return str(Path(sys.executable).parent / name)


def stay_on_one_core() -> int:
    """Keep this process and all that it will start on one core, and say which: then a second is a core's second."""
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def cpu_seconds(pid: int) -> float:
    """User and system time that a process, its living descendants and its dead and awaited ones have used so far."""
    total = 0.0
    root = psutil.Process(pid)
    for process in (root, *root.children(recursive=True)):
        try:
            total += sum(process.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue  # counted by its parent from now on
    return total


def median_ms(seconds: Iterable[float]) -> float:
    """The median in milliseconds."""
    return 1000 * statistics.median(seconds)


def median_ratio(mine: Sequence[float], base: Sequence[float]) -> float:
    """The median of the pairwise ratios: the two of a pair were taken one after the other."""
    return statistics.median(a / b for a, b in zip(mine, base, strict=True))

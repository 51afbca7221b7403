"""What the benchmarks share: the course, real submissions of known worth, and how figures are taken and printed."""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import Assignment

ROOT = Path(__file__).resolve().parent.parent
NAME = "cnn"
CLASS = ROOT / "examples" / "cnn"
# Numeric libraries on one thread, as the kit's own workers have it: "per core" must mean one core on both sides.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def the_assignment() -> Assignment:
    """The assignment of this repository."""
    return load_assignment(ROOT, NAME)


def program(name: str) -> str:
    """A program of the environment that runs this."""
    return str(Path(sys.executable).parent / name)


def add_core_options(parser: argparse.ArgumentParser) -> None:
    """The options of `stay_on_one_core`."""
    parser.add_argument("--real-time", action="store_true", help="go before all else that runs on the core (as root)")


def add_group_options(parser: argparse.ArgumentParser, rounds: int) -> None:
    """The options of a benchmark that grades groups of submissions round by round, on one core."""
    parser.add_argument("--rounds", type=int, default=rounds, help=f"rounds that are counted (default: {rounds})")
    parser.add_argument("--n", type=int, help="take only so many submissions of each group")
    add_core_options(parser)


def stay_on_one_core(options: argparse.Namespace) -> None:
    """Keep this process and all that it will start on one core: then a second is a core's second."""
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    if options.real_time:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    print(f"everything on core {core} of {os.cpu_count()}, at {os.getloadavg()[0]:.1f} of load when this began", end="")
    print(", with real-time priority" if options.real_time else "")


def median_ms(seconds: Iterable[float]) -> float:
    """The median in milliseconds."""
    return 1000 * statistics.median(seconds)


def median_ratio(mine: Sequence[float], base: Sequence[float]) -> float:
    """The median of the pairwise ratios: the two of a pair were taken one after the other."""
    return statistics.median(a / b for a, b in zip(mine, base, strict=True))


def copy_course(folder: Path) -> Path:
    """The course in a folder of its own, built, without the example class."""
    folder.mkdir(parents=True)
    for name in ("autograder", "solutions", "source", "release", "nbgrader_config.py"):
        place = ROOT / name
        if place.is_dir():
            shutil.copytree(place, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*", "proof"))
        else:
            shutil.copy(place, folder / name)
    return folder


def environment() -> dict[str, str]:
    """For programs of this environment: they find each other, and calculate on one thread."""
    folder = str(Path(sys.executable).parent)
    return {**os.environ, **ONE_THREAD, "PATH": os.pathsep.join([folder, os.environ.get("PATH", "")])}


def run(*words: str | Path, cwd: Path, status: int = 0) -> float:
    """Run a program of this environment to its end: the seconds that it took. Another exit status ends all."""
    command = [program(str(words[0])), *map(str, words[1:])]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode != status:
        sys.exit(f"{' '.join(map(str, words))}: exit status {done.returncode}\n{(done.stdout + done.stderr)[-3000:]}")
    return seconds

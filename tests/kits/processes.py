"""Processes of tests: commands and programs that are run to their end, families of processes, and waiting for them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import warm

_BACKSTOP_S = 600
"""Ends a program that hangs, and judges no speed."""

COMMAND = warm.PYTHON_COMMAND


def run(*words: str | Path, cwd: Path, status: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command `cnn-assignment`."""
    return run_program("-c", COMMAND, *words, cwd=cwd, status=status, **environment)


def run_pytest(*words: str | Path, cwd: Path, status: int = 0, **environment: str) -> str:
    """Run pytest as an instructor does; returns what it printed."""
    # Other plugins of the environment would cost more time than the tests.
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    words = ("-m", "pytest", "-p", "no:cacheprovider", "-p", "cnn_assignment.running.plugin", *words)
    done = run_program(*words, cwd=cwd, status=status, **environment)
    return done.stdout + done.stderr


def run_program(*words: str | Path, cwd: Path, status: int, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python, with its output as text."""
    done = warm.run([sys.executable, *words], cwd=cwd, env={**os.environ, **environment}, timeout=_BACKSTOP_S)
    assert done.returncode == status, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def descendants(pid: int) -> set[int]:
    """The processes that a process started, and those that these started."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def await_that(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)


def end_family(process: subprocess.Popen[bytes]) -> set[int]:
    """End a process and all that it started, in good order if it can; what was still there after it."""
    family = descendants(process.pid)
    process.terminate()
    try:
        process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with suppress(AssertionError):
        await_that(lambda: not any(map(is_running, family)), seconds=20)
    left = set(filter(is_running, family))
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return left


def is_running(pid: int) -> bool:
    """Whether a process is there and not only waiting to be buried."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"

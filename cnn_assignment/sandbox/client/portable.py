"""Workers for systems without Linux's pieces (macOS, the BSDs, Linux before 5.4): a fresh interpreter for each.

What is missing here is said, not hidden: the level is 0 or 1, so student code could read the files of this user. Where
the system has no clock for the CPU time of another process, wall time is the limit of a call, and CPU time that of the
worker's whole life. Windows is not among these systems: its pipes cannot be waited for like this, and the kit runs
there inside WSL.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from cnn_assignment.sandbox import library
from cnn_assignment.sandbox.client.clocks import cpu_clock_of, growth, mapped_bytes, read_clock
from cnn_assignment.sandbox.client.launch import ENVIRONMENT, FLAGS, STUDENT_CODE, Service, search_path
from cnn_assignment.sandbox.client.patience import with_patience
from cnn_assignment.sandbox.client.protocol import SandboxError
from cnn_assignment.sandbox.client.worker_process import Woken, WorkerProcess
from cnn_assignment.sandbox.limits import WorkerLimits

START_TIMEOUT_S = 60.0
LEVEL_PROCESS, LEVEL_LIMITS = 0, 1
# How often the end of a process is looked for: without a pidfd there is nothing that a wait could wake up for.
_TICK_MS = 20.0
_BOOT = """
import json, sys
order = json.loads(sys.argv[1])
sys.path += order.pop("path")
from cnn_assignment.sandbox.server.fresh import main
main(**order)
"""


class PortableSandbox:
    """Starts a fresh interpreter for each worker. Use as a context manager; closing it ends them all.

    Raises SandboxError where the system is not of POSIX's kind. A start costs about as much as ``import numpy``.
    """

    def __init__(self, level: int = LEVEL_LIMITS, modules: Sequence[str] = (), service: Service = STUDENT_CODE) -> None:
        """level: the most protection to use, 0 or 1. modules: packages that student code may import beside NumPy.

        service: what workers do.
        """
        if os.name != "posix":
            raise SandboxError(f"no sandbox for {sys.platform}: on Windows the kit runs inside WSL")
        self.level = min(level, LEVEL_LIMITS)
        self.problem = (
            f"this system ({sys.platform}) has no fork server, Landlock and seccomp: "
            "student code could read the files of this user"
        )
        self._modules = tuple(modules)
        self._service = service
        self._processes: set[_Started] = set()

    def spawn(self, limits: WorkerLimits) -> WorkerProcess:
        """Start a worker and wait until it is ready, so that no call pays for it. Raises SandboxError."""
        to_worker_read, to_worker_write = os.pipe()
        from_worker_read, from_worker_write = os.pipe()
        try:
            process = with_patience(lambda: self._start(to_worker_read, from_worker_write, limits))
        except OSError as error:
            _close(to_worker_write, from_worker_read)
            raise SandboxError(f"a worker did not start: {error}") from error
        finally:
            _close(to_worker_read, from_worker_write)
        started = _Started(process, self._processes)
        try:
            _await_readiness(started, from_worker_read)
        except SandboxError:
            started.kill()
            started.exit_code()
            started.close()
            _close(to_worker_write, from_worker_read)
            raise
        return WorkerProcess(started, to_worker_write, from_worker_read)

    def _start(self, read_fd: int, write_fd: int, limits: WorkerLimits) -> subprocess.Popen[bytes]:
        order = {
            "read_fd": read_fd,
            "write_fd": write_fd,
            "parent": os.getpid(),
            "limits": limits.to_json() if self.level >= LEVEL_LIMITS else None,
            "modules": self._modules,
            "path": search_path(library.package_folders(("numpy", *self._modules)), self._service),
            "service": self._service.to_json(),
        }
        return subprocess.Popen(
            [str(Path(sys.executable).resolve()), *FLAGS, "-c", _BOOT, json.dumps(order)],
            env=ENVIRONMENT,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=[read_fd, write_fd],
            start_new_session=True,
        )

    def close(self) -> None:
        """End every worker."""
        for process in tuple(self._processes):
            process.kill()
            process.exit_code()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Started:
    """A worker's process that this one started. It leaves its sandbox's list when it has ended."""

    def __init__(self, process: subprocess.Popen[bytes], listed: set[_Started]) -> None:
        self._popen = process
        self._listed = listed
        self.pid = process.pid
        self._cpu_clock = cpu_clock_of(process.pid) if sys.platform == "linux" else None
        self._mapped: int | None = None
        listed.add(self)

    def note_readiness(self) -> None:
        """What is mapped so far is the interpreter and its packages."""
        self._mapped = mapped_bytes(self.pid)

    def cpu_now(self) -> float:
        """See `worker_process.Process`."""
        return read_clock(self._cpu_clock) if self._cpu_clock is not None else 0.0

    def wait(self, fd: int | None, event: int, timeout_ms: float) -> Woken:
        """See `worker_process.Process`."""
        poll = select.poll()
        if fd is not None:
            poll.register(fd, event)
        end = time.monotonic() + timeout_ms / 1000
        while True:
            # Looked at before the pipe: what a worker wrote before its end is still read.
            ended = self._has_ended()
            left_ms = 1000 * (end - time.monotonic())
            if poll.poll(0 if ended else max(1.0, min(left_ms, _TICK_MS))):
                return Woken.PIPE
            if ended:
                return Woken.END
            if left_ms <= _TICK_MS:
                return Woken.TIME

    def pause(self) -> None:
        """See `worker_process.Process`."""
        self._popen.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """See `worker_process.Process`."""
        self._popen.send_signal(signal.SIGCONT)

    def grown_bytes(self) -> int | None:
        """See `worker_process.Process`."""
        return growth(self._mapped, self.pid)

    def kill(self) -> None:
        """See `worker_process.Process`. A process that left the group on purpose is not found: that is level 2's to forbid."""
        if self._popen.returncode is None:
            self._kill_group()
            self._popen.kill()

    def exit_code(self) -> int | None:
        """See `worker_process.Process`. What the worker left of its group is ended too."""
        self.kill()
        self._listed.discard(self)
        return self._popen.wait()

    def close(self) -> None:
        """See `worker_process.Process`."""
        self.read_errors(0)

    def read_errors(self, size: int) -> str:
        """That much of what the interpreter said of its start; closes the pipe."""
        if self._popen.stderr is None or self._popen.stderr.closed:
            return ""
        with self._popen.stderr as stream:
            return stream.read(size).decode("utf-8", "replace")

    def _has_ended(self) -> bool:
        if self._popen.returncode is not None:
            return True
        if hasattr(os, "waitid"):
            # Not yet buried, so that its number stays taken until its group has been ended.
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        if self._popen.poll() is None:
            return False
        # Buried just now: at once, before anybody else can get its number.
        self._kill_group()
        return True

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def _await_readiness(process: _Started, read_fd: int) -> None:
    """Wait for the byte that tells that the worker is about to listen. Raises SandboxError where none comes."""
    woken = process.wait(read_fd, select.POLLIN, 1000 * START_TIMEOUT_S)
    if woken is not Woken.PIPE or os.read(read_fd, 1) != b"R":
        process.kill()
        words = process.read_errors(1 << 16).strip().splitlines()
        raise SandboxError(f"a worker did not start: {words[-1] if words else 'no reason given'}")
    process.note_readiness()
    process.close()


def _close(*fds: int) -> None:
    for fd in fds:
        os.close(fd)

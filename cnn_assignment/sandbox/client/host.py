"""The host of the fork server: it starts the zygote, and gives out the workers that are forked from it.

It needs Linux 5.4 or newer; on every other system `portable` starts the workers. What is said to a worker, and what is
believed of its answers, is in `protocol` and `worker_process` for both.
"""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, Self, TypeVar

from cnn_assignment.sandbox.client.clocks import cpu_clock_of, growth, mapped_bytes, read_clock
from cnn_assignment.sandbox.client.launch import LEVEL_NAMESPACED, STUDENT_CODE, Service, start_zygote
from cnn_assignment.sandbox.client.patience import REMEDY, is_shortage, tells_shortage, with_patience
from cnn_assignment.sandbox.client.protocol import SandboxError, ShortageError
from cnn_assignment.sandbox.client.worker_process import Woken, WorkerProcess
from cnn_assignment.sandbox.limits import WorkerLimits, room_for_threads

START_TIMEOUT_S = 60.0
_T = TypeVar("_T")


class Sandbox:
    """A zygote and the workers forked from it. Use as a context manager; closing it ends them all.

    Raises SandboxError when the zygote does not start. They also end with the thread that made it: that is what Linux
    means by a parent.
    """

    def __init__(
        self, level: int = LEVEL_NAMESPACED, modules: Sequence[str] = (), service: Service = STUDENT_CODE
    ) -> None:
        """level: the most protection to use. modules: packages that student code may import beside NumPy.

        service: what workers do; bubblewrap shows them no more than running student code takes.
        """
        self.level = level
        self._service = service
        self._modules = tuple(modules)
        # Why a lower level is used than was asked for.
        self.problem = ""
        self._start()

    def _start(self) -> None:
        try:
            self._start_at(self.level)
        except SandboxError as error:
            # A machine that is short of something for now is no reason for less protection.
            if self.level < LEVEL_NAMESPACED or isinstance(error, ShortageError):
                raise
            self.level, self.problem = self.level - 1, f"bubblewrap does not work here: {error}"
            self._start_at(self.level)

    def _replace(self) -> None:
        """A new zygote in the place of one that has ended, with no less protection than was told of the first."""
        self.close()
        promised = self.level
        self._start_at(promised)
        if self.level < promised:
            found, self.level = self.level, promised
            self.close()
            raise SandboxError(f"the fork server came back at level {found} instead of {promised}: {self.problem}")

    def _start_at(self, level: int) -> None:
        _patiently(lambda: self._try_to_start_at(level), "the fork server did not start")

    def _try_to_start_at(self, level: int) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Exit codes by process id: None while a worker runs, or while nobody has told of its end.
        self._codes: dict[int, int | None] = {}
        with theirs:
            try:
                self._process = start_zygote(theirs.fileno(), level, self._modules, self._service)
            except OSError as error:
                self._control.close()
                if is_shortage(error):
                    raise
                raise SandboxError(f"the fork server did not start: {error}") from error
        self._control.settimeout(START_TIMEOUT_S)
        try:
            ready = self._control.recv(4096)
        except OSError:
            ready = b""
        if not ready:
            self._fail_to_start()
        told = json.loads(ready)
        if told["level"] < level:
            self.level, self.problem = told["level"], told["problem"]

    def _fail_to_start(self) -> NoReturn:
        # Its whole group: a program that it left behind would keep the pipe open.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        _, stderr = self._process.communicate()
        words = stderr.decode("utf-8", "replace").strip().splitlines()
        self.close()
        if any(map(tells_shortage, words)):
            raise BlockingIOError(errno.EAGAIN, words[-1])
        raise SandboxError(f"the fork server did not start: {words[-1] if words else 'no reason given'}")

    def spawn(self, limits: WorkerLimits) -> WorkerProcess:
        """Fork a worker. Raises SandboxError when the zygote does not answer.

        A zygote that has ended, by want of memory or by hostile code, is replaced: one submission must not take the
        others with it. Where the machine is short of something, this waits; raises ShortageError when that goes on.
        """
        return _patiently(lambda: self._try_to_spawn(limits), "a worker did not start")

    def _try_to_spawn(self, limits: WorkerLimits) -> WorkerProcess:
        if self._process.poll() is not None:
            self._replace()
        # At each try: what was taken a moment ago may be free now.
        limits = replace(limits, threads=room_for_threads(limits.threads))
        to_worker_read, to_worker_write = os.pipe()
        try:
            from_worker_read, from_worker_write = os.pipe()
        except OSError:
            os.close(to_worker_read)
            os.close(to_worker_write)
            raise
        try:
            order = json.dumps({"spawn": limits.to_json()}).encode()
            socket.send_fds(self._control, [order], [to_worker_read, from_worker_write])
            pid, pidfd = self._receive_child()
        except (OSError, SandboxError) as error:
            os.close(to_worker_write)
            os.close(from_worker_read)
            if isinstance(error, _ZygoteRefusedError):
                raise
            raise SandboxError("the fork server is gone") from error
        finally:
            os.close(to_worker_read)
            os.close(from_worker_write)
        return WorkerProcess(_Forked(self, pid, pidfd), to_worker_write, from_worker_read)

    def _receive_child(self) -> tuple[int, int]:
        while True:
            message, fds = self._receive()
            if "pid" in message:
                self._codes[message["pid"]] = None
                return message["pid"], fds[0]
            if "failed" in message:
                raise _ZygoteRefusedError(message["failed"], message["reason"])

    def _receive(self) -> tuple[dict[str, Any], list[int]]:
        data, fds, _, _ = socket.recv_fds(self._control, 4096, 1)
        if not data:
            raise SandboxError("the fork server is gone")
        message = json.loads(data)
        if "ended" in message:
            self._codes[message["ended"]] = message["code"]
        return message, list(fds)

    def exit_code(self, pid: int) -> int | None:
        """How a worker that has ended did so: its exit status, negative for a signal, None if its zygote is gone."""
        with suppress(OSError, SandboxError):
            while self._codes.get(pid, 0) is None:
                self._receive()
        return self._codes.pop(pid, None)

    def close(self) -> None:
        """End the zygote and with it every worker."""
        self._control.close()
        if self._process.stderr is not None:
            self._process.stderr.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Forked:
    """A worker that a zygote forked: its pidfd, and its number as the zygote counts."""

    def __init__(self, sandbox: Sandbox, inner_pid: int, pidfd: int) -> None:
        self._sandbox = sandbox
        self._inner_pid = inner_pid
        self._pidfd = pidfd
        self._polls: dict[tuple[int | None, int], select.poll] = {}
        self.pid = _pid_here(pidfd)
        self._cpu_clock = cpu_clock_of(self.pid)
        self._mapped = mapped_bytes(self.pid)

    def cpu_now(self) -> float:
        """See `worker_process.Process`."""
        return read_clock(self._cpu_clock)

    def wait(self, fd: int | None, event: int, timeout_ms: float) -> Woken:
        """See `worker_process.Process`."""
        poll = self._polls.get((fd, event))
        if poll is None:
            poll = self._polls[fd, event] = select.poll()
            if fd is not None:
                poll.register(fd, event)
            poll.register(self._pidfd, select.POLLIN)
        ready = [number for number, _ in poll.poll(timeout_ms)]
        if fd in ready:
            return Woken.PIPE
        return Woken.END if ready else Woken.TIME

    def pause(self) -> None:
        """See `worker_process.Process`."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """See `worker_process.Process`."""
        self._signal(signal.SIGCONT)

    def grown_bytes(self) -> int | None:
        """See `worker_process.Process`."""
        return growth(self._mapped, self.pid)

    def kill(self) -> None:
        """See `worker_process.Process`. The zygote ends what else is in the worker's group."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, number)

    def exit_code(self) -> int | None:
        """See `worker_process.Process`. None where the zygote is gone."""
        return self._sandbox.exit_code(self._inner_pid)

    def close(self) -> None:
        """See `worker_process.Process`."""
        os.close(self._pidfd)


class _ZygoteRefusedError(OSError):
    """The zygote is well, but could not fork."""


def _patiently(start: Callable[[], _T], what: str) -> _T:
    """What start gives, waiting while the machine is short of something. Raises ShortageError when that goes on."""
    try:
        return with_patience(start)
    except OSError as error:
        if not is_shortage(error) and not isinstance(error, _ZygoteRefusedError):
            raise
        raise ShortageError(
            f"{what}, because the machine or this user is at a limit: {error.strerror}. {REMEDY}"
        ) from error


def _pid_here(pidfd: int) -> int:
    """The process id of a pidfd as this process's namespace counts (proc_pid_fdinfo(5))."""
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text(encoding="ascii").splitlines():
        if line.startswith("Pid:"):
            return int(line.split()[1])
    raise SandboxError("the kernel does not tell the process of a pidfd")

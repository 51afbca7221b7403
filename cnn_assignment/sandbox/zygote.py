"""The process that workers are forked from: NumPy imported, nothing secret, one thread, no state between forks.

It is started with exec by `cnn_assignment.sandbox.host`, never forked from the grader, whose memory holds expected
values. Over a UNIX socket it takes orders ``{"spawn": limits}`` with two pipe ends attached, and answers with the
worker's process id and pidfd; when a worker has ended it tells how. It ends when the socket closes, and every worker
ends with it.
"""

from __future__ import annotations

import array
import ctypes
import fcntl
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress

from cnn_assignment.sandbox.limits import WorkerLimits, apply_limits
from cnn_assignment.sandbox.worker import Channel, Worker

MESSAGE_CAP = 4096
# Fixed descriptors of a worker; everything else is closed.
READ_FD, WRITE_FD = 3, 4
PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Loaded before any fork, so that student code that imports them costs nothing.
PRELOADED = (
    *("numpy.fft", "numpy.lib.stride_tricks", "numpy.linalg", "numpy.ma", "numpy.polynomial", "numpy.random"),
    *("numpy.testing", "abc", "bisect", "collections.abc", "contextlib", "copy", "dataclasses", "datetime", "decimal"),
    *("enum", "fractions", "functools", "heapq", "inspect", "io", "itertools", "json", "logging", "math", "numbers"),
    *("operator", "os.path", "pathlib", "pickle", "pprint", "random", "re", "secrets", "statistics", "string"),
    *("struct", "tempfile", "textwrap", "time", "timeit", "traceback", "typing", "unittest", "warnings", "weakref"),
)


def main() -> None:
    """Serve on the socket whose descriptor is the only argument."""
    control = socket.socket(fileno=int(sys.argv[1]))
    _die_with_parent(os.getppid())
    for name in PRELOADED:
        importlib.import_module(name)
    gc.collect()
    # Objects of now are left out of later collections, so that forks go on sharing their pages.
    gc.freeze()
    control.send(b'{"ready":true}')
    Zygote(control).serve()


class Zygote:
    """The fork server's loop."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: dict[int, int] = {}  # pidfd -> pid
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)

    def serve(self) -> None:
        """Fork on order and tell about workers that have ended, until the grader closes the socket."""
        while True:
            for fd, _ in self._poll.poll():
                if fd in self._children:
                    self._reap(fd)
                elif not self._take_order():
                    self._end_all()
                    return

    def _end_all(self) -> None:
        for pid in self._children.values():
            _kill_group(pid)
        # Waited for, so that no dead process is left where nobody else would.
        for pid in self._children.values():
            os.waitpid(pid, 0)

    def _take_order(self) -> bool:
        data, fds, _, _ = socket.recv_fds(self._control, MESSAGE_CAP, 2)
        if not data:
            return False
        limits = WorkerLimits(**json.loads(data)["spawn"])
        zygote = os.getpid()
        pid = os.fork()
        if pid == 0:
            _become_worker(fds[0], fds[1], limits, zygote)
        for fd in fds:
            os.close(fd)
        pidfd = os.pidfd_open(pid)
        self._children[pidfd] = pid
        self._poll.register(pidfd, select.POLLIN)
        message = json.dumps({"pid": pid}).encode()
        socket.send_fds(self._control, [message], array.array("i", [pidfd]))
        return True

    def _reap(self, pidfd: int) -> None:
        pid = self._children.pop(pidfd)
        self._poll.unregister(pidfd)
        os.close(pidfd)
        # While the dead worker is not reaped its number stays taken, so the group can only be its own.
        _kill_group(pid)
        _, status = os.waitpid(pid, 0)
        with suppress(OSError):
            self._control.send(json.dumps({"ended": pid, "code": os.waitstatus_to_exitcode(status)}).encode())


def _become_worker(read_fd: int, write_fd: int, limits: WorkerLimits, zygote: int) -> None:
    """Turn the fork into a worker. Never returns."""
    code = 70
    try:
        os.setsid()
        _die_with_parent(zygote)
        _arrange_descriptors(read_fd, write_fd)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        apply_limits(limits)
        Worker(Channel(READ_FD, WRITE_FD)).serve()
        code = 0
    finally:
        os._exit(code)


def _arrange_descriptors(read_fd: int, write_fd: int) -> None:
    """Standard streams to nowhere, the two pipe ends on their fixed numbers, nothing else open."""
    null = os.open(os.devnull, os.O_RDWR)
    # Moved out of the way first: either number may be one of the targets, and no number above is known to be free.
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, WRITE_FD + 1) for fd in (null, read_fd, write_fd)]
    for target in (0, 1, 2):
        os.dup2(high[0], target)
    os.dup2(high[1], READ_FD, inheritable=False)
    os.dup2(high[2], WRITE_FD, inheritable=False)
    os.closerange(WRITE_FD + 1, os.sysconf("SC_OPEN_MAX"))


def _die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent ends, and notice if it has ended already."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(71)


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()

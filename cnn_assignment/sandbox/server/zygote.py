"""The process that workers are forked from: it has imported NumPy, holds nothing secret, and has one thread.

`client.host` starts it with exec. It is never forked from the grader, whose memory holds expected values. It prepares
confinement once, and each worker puts that on before any student code is there. Over a UNIX socket it takes orders
``{"spawn": limits}`` with two pipe ends attached, and answers with the worker's process id and pidfd; when a worker has
ended, it tells how. It ends when the socket closes, and every worker ends with it.
"""

from __future__ import annotations

import array
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from cnn_assignment.sandbox import confinement, library
from cnn_assignment.sandbox.limits import WorkerLimits, apply_limits, become_nobody
from cnn_assignment.sandbox.server.channel import Channel

if sys.platform != "win32":  # where this module is read and never used
    import fcntl

MESSAGE_CAP = 4096
# Fixed descriptors of a worker; everything else is closed.
READ_FD, WRITE_FD, RULESET_FD, LIBRARY_FD = 3, 4, 5, 6
LEVEL_PROCESS, LEVEL_LIMITS, LEVEL_CONFINED = 0, 1, 2


def main(control_fd: int, level: int, modules: list[str], service: list[Any]) -> None:
    """Serve on a socket.

    level: the most protection to use. modules: packages that student code may import beside NumPy.
    service: what the forks do, a `launch.Service` in JSON.
    """
    control = socket.socket(fileno=control_fd)
    confinement.die_with_parent(os.getppid())
    library.load_modules(modules)
    library.preload_extensions()
    serve = prepare_service(*service)
    confined, problem = None, ""
    if level >= LEVEL_CONFINED:
        try:
            confined = confinement.make_confinement(library.readable_paths(modules))
            _try_on(confined)
        except confinement.ConfinementError as error:
            level, problem, confined = LEVEL_LIMITS, str(error), None
    library.forget_the_way()
    if confined is not None:
        library.forget_the_host()
    gc.collect()
    # Objects of now are left out of later collections, so that forks go on sharing their pages.
    gc.freeze()
    control.send(json.dumps({"level": level, "problem": problem}).encode())
    library_fd = os.open(library.standard_library(), os.O_PATH | os.O_DIRECTORY)
    Zygote(control, Outfit(level, confined, library_fd, serve)).serve()


def prepare_service(module: str, argument: Any) -> Callable[[Channel], None]:
    """What each fork is to run; see `launch.Service`."""
    serve: Callable[[Channel], None] = importlib.import_module(module).prepare(argument)
    return serve


@dataclass(frozen=True, slots=True)
class Outfit:
    """How every worker of a zygote is fitted out.

    library_fd: a descriptor of the folder of the standard library. serve: what the worker does once it is confined.
    """

    level: int
    confinement: confinement.Confinement | None
    library_fd: int
    serve: Callable[[Channel], None]


class Zygote:
    """The fork server's loop."""

    def __init__(self, control: socket.socket, outfit: Outfit) -> None:
        self._control = control
        self._outfit = outfit
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
        for pidfd, pid in self._children.items():
            # Both: a fork of just now is not yet the leader of a group.
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
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
        try:
            pid = os.fork()
        except OSError as error:
            return self._refuse(error, fds)
        if pid == 0:
            _become_worker(fds[0], fds[1], limits, zygote, self._outfit)
        for fd in fds:
            os.close(fd)
        try:
            pidfd = os.pidfd_open(pid)
        except OSError as error:
            # Nobody could be told of it.
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return self._refuse(error, [])
        self._children[pidfd] = pid
        self._poll.register(pidfd, select.POLLIN)
        message = json.dumps({"pid": pid}).encode()
        socket.send_fds(self._control, [message], array.array("i", [pidfd]))
        return True

    def _refuse(self, error: OSError, fds: list[int]) -> bool:
        """Say that the machine has nothing left for a worker, and go on: those that run need this process."""
        for fd in fds:
            os.close(fd)
        self._control.send(json.dumps({"failed": error.errno, "reason": error.strerror}).encode())
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


def _try_on(confined: confinement.Confinement) -> None:
    """Confine a fork that does nothing else. Raises ConfinementError where that does not work."""
    read_fd, write_fd = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            confined.put_on(confined.ruleset_fd)
        except BaseException as error:  # noqa: BLE001 - whatever it is, a worker would meet it too
            os.write(write_fd, str(error).encode())
        finally:
            os._exit(0)
    os.close(write_fd)
    with os.fdopen(read_fd, encoding="utf-8") as said:
        problem = said.read()
    _, status = os.waitpid(pid, 0)
    if problem or status:
        raise confinement.ConfinementError(problem or f"a confined process ended with status {status}")


def _become_worker(read_fd: int, write_fd: int, limits: WorkerLimits, zygote: int, outfit: Outfit) -> None:
    """Turn the fork into a worker. Never returns. The order of the steps matters: each needs what later ones forbid."""
    code = 70
    try:
        os.setsid()
        confinement.die_with_parent(zygote)
        _arrange_descriptors(read_fd, write_fd, outfit)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if outfit.level >= LEVEL_LIMITS:
            apply_limits(limits)
        if outfit.confinement is not None:
            if os.geteuid() == 0:
                become_nobody()
                sys.meta_path.append(library.DescriptorFinder(LIBRARY_FD))
                # The kernel forgets the wish to die with the parent when ids change.
                confinement.die_with_parent(zygote)
            outfit.confinement.put_on(RULESET_FD)
        outfit.serve(Channel(READ_FD, WRITE_FD))
        code = 0
    finally:
        os._exit(code)


def _arrange_descriptors(read_fd: int, write_fd: int, outfit: Outfit) -> None:
    """Standard streams to nowhere, the rest on their fixed numbers, nothing else open."""
    null = os.open(os.devnull, os.O_RDWR)
    wanted = {0: null, 1: null, 2: null, READ_FD: read_fd, WRITE_FD: write_fd, LIBRARY_FD: outfit.library_fd}
    if outfit.confinement is not None:
        wanted[RULESET_FD] = outfit.confinement.ruleset_fd
    # Moved out of the way first: any number may be one of the targets, and no number above is known to be free.
    moved = {target: fcntl.fcntl(fd, fcntl.F_DUPFD, LIBRARY_FD + 1) for target, fd in wanted.items()}
    for target, fd in moved.items():
        os.dup2(fd, target, inheritable=target <= 2)  # noqa: PLR2004 - the standard streams
    for fd in range(LIBRARY_FD + 1):
        if fd not in wanted:
            with suppress(OSError):
                os.close(fd)
    os.closerange(LIBRARY_FD + 1, os.sysconf("SC_OPEN_MAX"))


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)

"""The grader's side of the sandbox: starts the zygote, spawns workers, and holds each request to its limits.

Nothing that a worker says about itself is believed: time is read from the kernel's clock of its process, its end from
its pidfd, and every reply is size-checked before memory is set aside for it.
"""

from __future__ import annotations

import json
import os
import secrets
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Self

from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.launch import LEVEL_NAMESPACED, start_zygote
from cnn_assignment.sandbox.limits import WorkerLimits

START_TIMEOUT_S = 60.0
_ASK_CAPS = wire.Caps()
# What the grader sends is as large as a test makes it.
_OUR_CAPS = wire.Caps(payload_bytes=1 << 40, items=1 << 40, text=1 << 40)


class SandboxError(Exception):
    """The sandbox itself does not work: the grader's problem, never the student's."""


class WorkerFailure(Exception):  # noqa: N818 - what student code did, not an error of this program
    """Student code did not give the wanted value."""


class CallRaised(WorkerFailure):
    """Student code raised. type and message are its words; place is (file label, line) or None."""

    def __init__(self, type_name: str, message: str, place: tuple[str, int] | None, step: int) -> None:
        super().__init__(f"{type_name}: {message}")
        self.type_name = type_name
        self.message = message
        self.place = place
        self.step = step


class CallTimedOut(WorkerFailure):
    """Student code used more CPU or wall time than one request may; its process is gone."""

    def __init__(self, kind: str, limit_s: float) -> None:
        super().__init__(f"more than {limit_s:g} s of {kind} time")
        self.kind = kind
        self.limit_s = limit_s


class WorkerDied(WorkerFailure):
    """The worker's process ended by itself. code is its exit status, negative for a signal, None if unknown."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"the process ended (status {code})")
        self.code = code


class BadReply(WorkerFailure):
    """What came back is not a reply of the protocol, or is larger than the request allows."""


DEFAULT_CAPS = wire.Caps()


@dataclass(frozen=True, slots=True)
class Request:
    """Operations that travel together, and the one value that is wanted back.

    operations: ``(kind, target number, arguments...)`` as `worker.Worker` carries them out. want: the number of the
    wanted object, or None. caps: what that object may weigh. windows: numbers of objects of which parts of the
    wanted one may be described as windows.
    """

    operations: tuple[tuple[Any, ...], ...]
    want: int | None = None
    caps: wire.Caps = DEFAULT_CAPS
    windows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """For one request, in seconds."""

    cpu_s: float
    wall_s: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What a stand-in gets: a value (an iterator over it where iterator is set), or a refusal in words."""

    value: Any = None
    iterator: bool = False
    refusal: str | None = None


Ask = Callable[[str, dict[str, Any], tuple[Any, ...]], Answer]


class Sandbox:
    """A zygote and the workers forked from it. Use as a context manager; closing it ends them all.

    Raises SandboxError when the zygote does not start. They also end with the thread that made it: that is what Linux
    means by a parent.
    """

    def __init__(self, level: int = LEVEL_NAMESPACED, modules: Sequence[str] = ()) -> None:
        """level: the most protection to use. modules: packages that student code may import beside NumPy."""
        self.level = level
        self._modules = tuple(modules)
        # Why a lower level is used than was asked for.
        self.problem = ""
        self._start()

    def _start(self) -> None:
        try:
            self._start_at(self.level)
        except SandboxError as error:
            if self.level < LEVEL_NAMESPACED:
                raise
            self.level, self.problem = self.level - 1, f"bubblewrap does not work here: {error}"
            self._start_at(self.level)

    def _start_at(self, level: int) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Exit codes by process id: None while a worker runs, or while nobody has told of its end.
        self._codes: dict[int, int | None] = {}
        with theirs:
            try:
                self._process = start_zygote(theirs.fileno(), level, self._modules)
            except OSError as error:
                self._control.close()
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
        self._process.kill()
        _, stderr = self._process.communicate()
        words = stderr.decode("utf-8", "replace").strip().splitlines()
        self.close()
        raise SandboxError(f"the fork server did not start: {words[-1] if words else 'no reason given'}")

    def spawn(self, limits: WorkerLimits) -> WorkerProcess:
        """Fork a worker. Raises SandboxError when the zygote does not answer.

        A zygote that has ended, by want of memory or by hostile code, is replaced: one submission must not take the
        others with it.
        """
        if self._process.poll() is not None:
            self.close()
            self._start()
        to_worker_read, to_worker_write = os.pipe()
        from_worker_read, from_worker_write = os.pipe()
        try:
            order = json.dumps({"spawn": limits.to_json()}).encode()
            socket.send_fds(self._control, [order], [to_worker_read, from_worker_write])
            pid, pidfd = self._receive_child()
        except (OSError, SandboxError) as error:
            os.close(to_worker_write)
            os.close(from_worker_read)
            raise SandboxError("the fork server is gone") from error
        finally:
            os.close(to_worker_read)
            os.close(from_worker_write)
        return WorkerProcess(self, pid, pidfd, to_worker_write, from_worker_read)

    def _receive_child(self) -> tuple[int, int]:
        while True:
            message, fds = self._receive()
            if "pid" in message:
                self._codes[message["pid"]] = None
                return message["pid"], fds[0]

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


class WorkerProcess:
    """One worker, seen from the grader."""

    def __init__(self, sandbox: Sandbox, pid: int, pidfd: int, write_fd: int, read_fd: int) -> None:
        # The zygote's own number for it, and the one in this process's namespace.
        self._inner_pid = pid
        self.pid = _pid_here(pidfd)
        self._sandbox = sandbox
        self._pidfd = pidfd
        self._write_fd = write_fd
        self._read_fd = read_fd
        self.alive = True
        os.set_blocking(read_fd, False)
        os.set_blocking(write_fd, False)
        # Linux: the CPU clock of another process (see clock_getcpuclockid(3): the number is built from its pid).
        self._cpu_clock = (~self.pid << 3) | 2

    def load(self, order: dict[str, Any], limits: TimeLimits) -> list[dict[str, Any]]:
        """Hand over a submission's code; returns a description of every statement that failed."""
        failures = self._exchange({"load": order}, [], limits, wire.Caps(0, 10_000), None)
        if not isinstance(failures, list):
            self.kill()
            raise BadReply("a list of failures was due")
        return [dict(failure) for failure in failures if isinstance(failure, dict)]

    def request(self, request: Request, limits: TimeLimits, ask: Ask | None = None) -> Any:
        """Carry out operations and return the wanted value.

        ask answers stand-ins. Raises CallRaised, CallTimedOut, WorkerDied or BadReply; after the last three the
        worker is dead. Raises SandboxError when the fork server, and with it the worker, is gone.
        """
        tree, buffers = wire.encode(list(request.operations), _OUR_CAPS)
        header = {
            "tree": tree,
            "want": request.want,
            "bytes": request.caps.payload_bytes,
            "items": request.caps.items,
            "windows": list(request.windows),
        }
        return self._exchange(header, buffers, limits, request.caps, ask, len(request.windows))

    def kill(self) -> None:
        """End the worker and give its descriptors back."""
        if not self.alive:
            return
        self.alive = False
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        self._sandbox.exit_code(self._inner_pid)
        self._close()

    def _close(self) -> None:
        for fd in (self._pidfd, self._write_fd, self._read_fd):
            os.close(fd)

    def _exchange(
        self,
        header: dict[str, Any],
        buffers: list[bytes],
        limits: TimeLimits,
        caps: wire.Caps,
        ask: Ask | None,
        windows: int = 0,
    ) -> Any:
        if not self.alive:
            raise WorkerDied(None)
        nonce = secrets.token_hex(16)
        watch = _Stopwatch(self._cpu_clock, limits)
        try:
            self._refuse_unasked_bytes(watch)
            self._write(wire.pack({**header, "nonce": nonce}, buffers), watch)
            # What a stand-in is given may be larger than the answer that is wanted.
            payload_cap = max(caps.payload_bytes, _ASK_CAPS.payload_bytes if ask else wire.HEADER_CAP)
            while True:
                # Here and before each wait: whoever always has a byte more to give would never be stopped otherwise.
                watch.check()
                reply, payload = self._read_frame(watch, payload_cap)
                if reply.get("nonce") != nonce:
                    raise BadReply("a reply to another request")
                if "ask" not in reply:
                    return _open_reply(reply, payload, caps, windows)
                self._write(_answer_frame(reply["ask"], payload, ask), watch)
        except CallRaised:
            raise
        except wire.WireError as error:
            self.kill()
            raise BadReply(str(error)) from error
        except WorkerFailure:
            self.kill()
            raise

    def _refuse_unasked_bytes(self, watch: _Stopwatch) -> None:
        try:
            early = os.read(self._read_fd, 1)
        except BlockingIOError:
            return
        if early:
            raise BadReply("bytes that nobody asked for")
        self._await_death(watch)

    def _raise_death(self) -> NoReturn:
        self.alive = False
        code = self._sandbox.exit_code(self._inner_pid)
        self._close()
        if code is None:
            # Workers end with the fork server, and that is nothing to blame a student for.
            raise SandboxError("the fork server is gone")
        raise WorkerDied(code)

    def _write(self, data: bytes, watch: _Stopwatch) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._write_fd, view) :]
            except BlockingIOError:
                self._wait(self._write_fd, select.POLLOUT, watch)
            except BrokenPipeError:
                self._await_death(watch)

    def _await_death(self, watch: _Stopwatch) -> NoReturn:
        """The other end of a pipe is closed: wait for the process's end, since student code can close pipes too."""
        while True:
            self._wait(None, 0, watch)

    def _read_frame(self, watch: _Stopwatch, payload_cap: int) -> tuple[dict[str, Any], bytes]:
        header_size, payload_size = wire.FRAME.unpack(self._read(wire.FRAME.size, watch))
        if header_size > wire.HEADER_CAP:
            raise BadReply("a reply with more parts than the grader takes")
        if payload_size > payload_cap:
            raise BadReply("a reply larger than the right answer could be")
        return wire.parse_header(self._read(header_size, watch)), self._read(payload_size, watch)

    def _read(self, size: int, watch: _Stopwatch) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            try:
                part = os.read(self._read_fd, min(size - len(parts), 1 << 20))
            except BlockingIOError:
                self._wait(self._read_fd, select.POLLIN, watch)
                continue
            if not part:
                self._await_death(watch)
            parts += part
        return bytes(parts)

    def _wait(self, fd: int | None, event: int, watch: _Stopwatch) -> None:
        """Wait until the pipe is ready or the worker has ended. Raises CallTimedOut at a limit."""
        watch.check()
        poll = select.poll()
        if fd is not None:
            poll.register(fd, event)
        poll.register(self._pidfd, select.POLLIN)
        while True:
            ready = {number for number, _ in poll.poll(watch.remaining_ms())}
            # Bytes that were written before the end are still read: the pipe comes first.
            if fd in ready:
                return
            if ready:
                self._raise_death()
            watch.check()


def _pid_here(pidfd: int) -> int:
    """The process id of a pidfd as this process's namespace counts (proc_pid_fdinfo(5))."""
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text(encoding="ascii").splitlines():
        if line.startswith("Pid:"):
            return int(line.split()[1])
    raise SandboxError("the kernel does not tell the process of a pidfd")


class _Stopwatch:
    """Holds one request to its CPU and wall time, by the kernel's clocks."""

    def __init__(self, cpu_clock: int, limits: TimeLimits) -> None:
        self._cpu_clock = cpu_clock
        self._limits = limits
        self._cpu_start = self._cpu_now()
        self._wall_start = time.monotonic()

    def _cpu_now(self) -> float:
        try:
            return time.clock_gettime(self._cpu_clock)
        except OSError:
            # The process is gone; its pipe will say so.
            return 0.0

    def remaining_ms(self) -> float:
        """How long to sleep before looking again: no limit can be reached earlier, with one busy thread."""
        cpu_left = self._limits.cpu_s - (self._cpu_now() - self._cpu_start)
        wall_left = self._limits.wall_s - (time.monotonic() - self._wall_start)
        return max(1.0, 1000 * min(cpu_left, wall_left))

    def check(self) -> None:
        """Raise CallTimedOut when a limit is passed."""
        if self._cpu_now() - self._cpu_start >= self._limits.cpu_s:
            raise CallTimedOut("CPU", self._limits.cpu_s)
        if time.monotonic() - self._wall_start >= self._limits.wall_s:
            raise CallTimedOut("wall", self._limits.wall_s)


def _answer_frame(tree: Any, payload: bytes, ask: Ask | None) -> bytes:
    """Let the grader answer a stand-in; anything malformed is the student's own doing and refused."""
    question = wire.decode(tree, payload, _ASK_CAPS)
    match question:
        case [str(name), dict(state), tuple(args)] if ask is not None:
            answer = ask(name, state, args)
        case _:
            raise BadReply("a question that no stand-in asks")
    if answer.refusal is not None:
        return wire.pack({"refusal": answer.refusal}, [])
    encoded, buffers = wire.encode(answer.value, _OUR_CAPS)
    return wire.pack({"value": encoded, "iterator": answer.iterator}, buffers)


def _open_reply(reply: dict[str, Any], payload: bytes, caps: wire.Caps, windows: int) -> Any:
    """The value of a reply. Raises CallRaised for an error in it, and WireError for anything malformed."""
    if "error" not in reply:
        return wire.decode(reply.get("value"), payload, caps, windows=windows)
    match reply["error"]:
        case {"type": str(type_name), "message": str(message), "step": int(step), "at": place}:
            match place:
                case [str(label), int(line)]:
                    where: tuple[str, int] | None = (wire.printable(label[:80]), line)
                case _:
                    where = None
            raise CallRaised(wire.printable(type_name[:80]), wire.printable(message[:400]), where, step)
    raise wire.WireError("an error without a description")

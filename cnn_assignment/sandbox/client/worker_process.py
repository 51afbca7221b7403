"""One worker as the grader holds it: it is sent requests, held to its time, and ended.

Nothing that a worker says about itself is believed: its time and its end are told by the kernel, through the
`Process` of its backend, and every reply is size-checked before memory is set aside for it.
"""

from __future__ import annotations

import os
import secrets
import select
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, NoReturn, Protocol, Self

from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client.protocol import (
    LONGEST_LABEL,
    QUESTION_CAPS,
    Answerer,
    Ask,
    BadReply,
    CallTimedOut,
    Packed,
    Reply,
    Request,
    SandboxError,
    TimeLimits,
    WorkerDied,
    WorkerFailure,
    answer_question,
    open_reply,
    pack_order,
    pack_request,
)
from cnn_assignment.sandbox.limits import WorkerLimits

# A grader that waits looks at its clocks at least so often; whatever is longer was not spent waiting.
_LOOK_S = 1.0


class Woken(Enum):
    """What ended a wait."""

    PIPE = auto()
    END = auto()
    TIME = auto()


class Process(Protocol):
    """A worker's process as its backend holds it. All of it is asked of the kernel, nothing of the worker."""

    @property
    def pid(self) -> int:
        """Its number in this process's namespace."""

    def cpu_now(self) -> float:
        """Seconds of CPU time that it has used; 0 where nobody can tell, so that only wall time counts."""

    def wait(self, fd: int | None, event: int, timeout_ms: float) -> Woken:
        """Wait for an event of poll(2) on the pipe, for the process's end, or for the time; the pipe comes first."""

    def pause(self) -> None:
        """Let it do nothing until it is resumed; only its end still comes."""

    def resume(self) -> None:
        """Let it go on after a pause."""

    def grown_bytes(self) -> int | None:
        """How much more memory it has mapped than at its start; None where nobody can tell."""

    def kill(self) -> None:
        """Make it end, with all that it started, if it has not."""

    def exit_code(self) -> int | None:
        """How it ended: its exit status, negative for a signal, None where nobody can tell. Waits for the end."""

    def close(self) -> None:
        """Give its descriptors back. To be called once, after the end."""


class Spawner(Protocol):
    """What starts workers: a sandbox of any kind. problem tells why level is lower than it might be, if it is."""

    level: int
    problem: str

    def spawn(self, limits: WorkerLimits) -> WorkerProcess:
        """Start a worker. Raises SandboxError where that is not possible."""

    def close(self) -> None:
        """End every worker."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class WorkerProcess:
    """One worker, seen from the grader."""

    def __init__(self, process: Process, write_fd: int, read_fd: int) -> None:
        self.pid = process.pid
        self._process = process
        self._write_fd = write_fd
        self._read_fd = read_fd
        self._inbox = wire.Inbox()
        self._labels: frozenset[str] = frozenset()
        self.alive = True
        self._paused = False
        self.waited_s = 0.0
        """Seconds of wall time that its requests took."""
        os.set_blocking(read_fd, False)
        os.set_blocking(write_fd, False)

    def load(self, order: dict[str, Any], limits: TimeLimits, answer: Answerer | None = None) -> list[dict[str, Any]]:
        """Hand over a submission's code; returns a description of every statement that failed.

        answer: for stand-ins that the code calls while it is loaded.
        """
        parts = (*order["chunks"], *order.get("own", {}).values())
        self._labels = frozenset(label[:LONGEST_LABEL] for label, *_ in parts)
        request = Request((), caps=wire.Caps(0, 10_000))
        failures = self.open(self.exchange(pack_order("load", order, request.caps), limits, answer), request)
        if not isinstance(failures, list):
            self.kill()
            raise BadReply("a list of failures was due")
        return [dict(failure) for failure in failures if isinstance(failure, dict)]

    def request(self, request: Request, limits: TimeLimits, ask: Ask | None = None) -> Any:
        """Carry out operations and return the wanted value.

        ask answers stand-ins. Raises CallRaised, CallTimedOut, WorkerDied or BadReply; after the last three the
        worker is dead. Raises SandboxError when the fork server, and with it the worker, is gone.
        """
        answer = None if ask is None else lambda question: answer_question(question, ask)
        return self.open(self.exchange(pack_request(request), limits, answer), request)

    def exchange(self, packed: Packed, limits: TimeLimits, answer: Answerer | None = None) -> Reply:
        """Send a request; what comes back is for `open`. Raises as `request` does, but for CallRaised."""
        if not self.alive:
            raise WorkerDied(None)
        if self._paused:
            self._process.resume()
            self._paused = False
        start = b'{"nonce":"%s"' % secrets.token_hex(16).encode()
        watch = Stopwatch(self._process.cpu_now, limits)
        try:
            self._refuse_unasked_bytes(watch)
            self._write(wire.frame(start + packed.header, packed.payload), watch)
            # What a stand-in is given may be larger than the answer that is wanted.
            payload_cap = max(packed.reply_cap, QUESTION_CAPS.payload_bytes if answer else wire.HEADER_CAP)
            while True:
                # Here and before each wait: whoever always has a byte more to give would never be stopped otherwise.
                if self._inbox:
                    watch.check()
                else:
                    self._wait(self._read_fd, select.POLLIN, watch)
                header, payload = self._read_frame(watch, payload_cap)
                if not header.startswith(start):
                    raise BadReply("a reply to another request")
                reply = Reply(header[len(start) :], payload)
                if not reply.is_question:
                    return reply
                if answer is None:
                    raise BadReply("a question that no stand-in asks")
                self._write(answer(reply), watch)
        except wire.WireError as error:
            self.kill()
            raise BadReply(str(error)) from error
        except WorkerFailure:
            self.kill()
            raise
        finally:
            self.waited_s += watch.wall_used()

    def open(self, reply: Reply, request: Request) -> Any:
        """The value in a reply to this request. Raises CallRaised for an error in it, and BadReply as `request` does."""
        try:
            return open_reply(reply.read(), reply.payload, request, self._labels)
        except wire.WireError as error:
            self.kill()
            raise BadReply(str(error)) from error

    def cpu_used(self) -> float:
        """Seconds of CPU time that its process has used so far, all that it does by itself included."""
        return self._process.cpu_now()

    def pause(self) -> None:
        """Let it use no time and take no more memory until it is asked again, whatever threads it has."""
        if self.alive and not self._paused:
            self._process.pause()
            self._paused = True

    def is_small(self, most_bytes: int) -> bool:
        """Whether it is known to have mapped no more than that since its start."""
        grown = self._process.grown_bytes() if self.alive else None
        return grown is not None and grown <= most_bytes

    def kill(self) -> None:
        """End the worker and give its descriptors back."""
        if not self.alive:
            return
        self.alive = False
        self._process.kill()
        self._process.exit_code()
        self._close()

    def _close(self) -> None:
        self._process.close()
        os.close(self._write_fd)
        os.close(self._read_fd)

    def _refuse_unasked_bytes(self, watch: Stopwatch) -> None:
        if not self._inbox:
            try:
                self._inbox += os.read(self._read_fd, 1)
            except BlockingIOError:
                return
        if self._inbox:
            raise BadReply("bytes that nobody asked for")
        self._await_death(watch)

    def _raise_death(self) -> NoReturn:
        self.alive = False
        code = self._process.exit_code()
        self._close()
        if code is None:
            # Workers end with the fork server, and that is nothing to blame a student for.
            raise SandboxError("the fork server is gone")
        raise WorkerDied(code)

    def _write(self, data: bytes, watch: Stopwatch) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._write_fd, view) :]
            except BlockingIOError:
                self._wait(self._write_fd, select.POLLOUT, watch)
            except BrokenPipeError:
                self._await_death(watch)

    def _await_death(self, watch: Stopwatch) -> NoReturn:
        """The other end of a pipe is closed: wait for the process's end, since student code can close pipes too."""
        while True:
            self._wait(None, 0, watch)

    def _read_frame(self, watch: Stopwatch, payload_cap: int) -> tuple[bytes, bytes]:
        header_size, payload_size = wire.FRAME.unpack(self._read(wire.FRAME.size, watch))
        if header_size > wire.HEADER_CAP:
            raise BadReply("a reply with more parts than the grader takes")
        if payload_size > payload_cap:
            raise BadReply("a reply larger than the right answer could be")
        return self._read(header_size, watch), self._read(payload_size, watch)

    def _read(self, size: int, watch: Stopwatch) -> bytes:
        while missing := self._inbox.missing(size):
            try:
                part = os.read(self._read_fd, missing)
            except BlockingIOError:
                self._wait(self._read_fd, select.POLLIN, watch)
                continue
            if not part:
                self._await_death(watch)
            self._inbox += part
        return self._inbox.take(size)

    def _wait(self, fd: int | None, event: int, watch: Stopwatch) -> None:
        """Wait until the pipe is ready or the worker has ended. Raises CallTimedOut at a limit."""
        watch.check()
        while True:
            match self._process.wait(fd, event, watch.remaining_ms()):
                case Woken.PIPE:
                    # Bytes that were written before the end are still read.
                    return
                case Woken.END:
                    self._raise_death()
            watch.check()


class Stopwatch:
    """Holds one request to its CPU and wall time, by the kernel's clocks.

    Wall time counts while the grader looks on. Where it was stopped itself, by Ctrl-Z or with the machine it runs on,
    nobody can tell what student code would have done with that time.
    """

    def __init__(self, cpu_now: Callable[[], float], limits: TimeLimits) -> None:
        self._cpu_now = cpu_now
        self._limits = limits
        self._cpu_start = self._cpu_now()
        self._wall_used = 0.0
        self._looked = time.monotonic()

    def wall_used(self) -> float:
        """Seconds since the start, without those in which the grader was stopped."""
        now = time.monotonic()
        self._wall_used += min(now - self._looked, _LOOK_S)
        self._looked = now
        return self._wall_used

    def remaining_ms(self) -> float:
        """How long to sleep before looking again: no limit can be reached earlier, with one busy thread."""
        cpu_left = self._limits.cpu_s - (self._cpu_now() - self._cpu_start)
        return max(1.0, 1000 * min(cpu_left, self._limits.wall_s - self._wall_used, _LOOK_S))

    def check(self) -> None:
        """Raise CallTimedOut when a limit is passed."""
        if self._cpu_now() - self._cpu_start >= self._limits.cpu_s:
            raise CallTimedOut("CPU", self._limits.cpu_s)
        if self.wall_used() >= self._limits.wall_s:
            raise CallTimedOut("wall", self._limits.wall_s)

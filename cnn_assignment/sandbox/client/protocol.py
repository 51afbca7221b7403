"""The grader's side of the protocol, whatever starts the workers: requests, limits, and what may come back.

Nothing that a worker says about itself is believed: its time and its end are told by the kernel, through the
`Process` of its backend, and every reply is size-checked before memory is set aside for it.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import secrets
import select
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, NoReturn, Protocol, Self

from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client.seen import Asked, Scene, read_asked, read_scene
from cnn_assignment.sandbox.limits import WorkerLimits

# Far more than the object and the arguments of a method that stands in for a student's own.
_ASK_CAPS = wire.Caps()
# What the grader sends is as large as a test makes it.
_OUR_CAPS = wire.Caps(payload_bytes=1 << 40, items=1 << 40, text=1 << 40)


class SandboxError(Exception):
    """The sandbox itself does not work: the grader's problem, never the student's."""


class ShortageError(SandboxError):
    """The machine is out of processes, threads, memory or descriptors, and stayed so."""


class WorkerFailure(Exception):  # noqa: N818 - what student code did, not an error of this program
    """Student code did not give the wanted value."""


class CallRaised(WorkerFailure):
    """Student code raised. type and message are its words; place is (file label, line) or None.

    scene: what was tried there. asked: where there is no such place, what the test asked for.
    """

    def __init__(
        self,
        type_name: str,
        message: str,
        place: tuple[str, int] | None,
        step: int,
        scene: Scene | None = None,
        asked: Asked | None = None,
    ) -> None:
        super().__init__(f"{type_name}: {message}")
        self.type_name = type_name
        self.message = message
        self.place = place
        self.step = step
        self.scene = scene
        self.asked = asked


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
# Of what code says of its errors: lines that no file has, and places that it does not have.
_LONGEST_LABEL, _MOST_LINES = 100, 1_000_000
# A grader that waits looks at its clocks at least so often; whatever is longer was not spent waiting.
_LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Read:
    """Items that are looked up one after the other, and the value that is wanted back; as in `Request`."""

    operations: tuple[tuple[Any, ...], ...]
    want: int
    caps: wire.Caps


@dataclass(frozen=True, slots=True)
class Request:
    """Operations that travel together, and the one value that is wanted back.

    operations: ``(kind, target number, arguments...)`` as `worker.Worker` carries them out. want: the number of the
    wanted object, or None. caps: what that object may weigh. windows: numbers of objects of which parts of the
    wanted one may be described as windows. ahead: what is likely to be read next; found then holds the values of as
    many of these as the worker could read at once. labels: how the test names what it looked up or called, by number;
    they do not travel.
    """

    operations: tuple[tuple[Any, ...], ...]
    want: int | None = None
    caps: wire.Caps = DEFAULT_CAPS
    windows: tuple[int, ...] = ()
    ahead: tuple[Read, ...] = ()
    found: list[Any] = field(default_factory=list)
    labels: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Packed:
    """A request as it travels: its header's JSON text after the nonce, and the bytes of its arrays.

    reply_cap: bytes of arrays that the reply may have.
    """

    header: bytes
    payload: bytes
    reply_cap: int

    def is_same(self, other: Packed) -> bool:
        """Whether a worker would be told the same."""
        return self.header == other.header and self.payload == other.payload


class Reply:
    """What a worker sent, unopened: its header's JSON text after the nonce, and the bytes of its arrays."""

    __slots__ = ("header", "payload")

    def __init__(self, header: bytes, payload: bytes) -> None:
        self.header = header
        self.payload = payload

    @property
    def is_question(self) -> bool:
        """Whether a stand-in asks, and the worker waits for an answer before it replies."""
        return self.header.startswith(b',"ask":')

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.header) + len(self.payload)

    def digest(self) -> bytes:
        """Of all that it says: two replies with one digest hold the same values, bit by bit, or the same error."""
        found = hashlib.blake2b(len(self.header).to_bytes(8, "big"), digest_size=32)
        found.update(self.header)
        found.update(self.payload)
        return found.digest()

    def read(self) -> dict[str, Any]:
        """Its header. Raises WireError where that is not one."""
        return wire.parse_header(b"{" + self.header.removeprefix(b","))


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
# From a question to the frame that answers it.
Answerer = Callable[[Reply], bytes]


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

    def load(self, order: dict[str, Any], limits: TimeLimits) -> list[dict[str, Any]]:
        """Hand over a submission's code; returns a description of every statement that failed."""
        parts = (*order["chunks"], *order.get("own", {}).values())
        self._labels = frozenset(label[:_LONGEST_LABEL] for label, *_ in parts)
        request = Request((), caps=wire.Caps(0, 10_000))
        failures = self.open(self.exchange(pack_order("load", order, request.caps), limits), request)
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
            payload_cap = max(packed.reply_cap, _ASK_CAPS.payload_bytes if answer else wire.HEADER_CAP)
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
            return _open_reply(reply.read(), reply.payload, request, self._labels)
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


def pack_request(request: Request) -> Packed:
    """A request, ready to be sent."""
    tree, buffers = wire.encode(list(request.operations), _OUR_CAPS)
    header = {
        "tree": tree,
        "want": request.want,
        "bytes": request.caps.payload_bytes,
        "items": request.caps.items,
        "windows": list(request.windows),
    }
    if request.ahead:
        header["ahead"] = [_describe_read(read) for read in request.ahead]
    ahead = sum(read.caps.payload_bytes for read in request.ahead)
    reply_cap = request.caps.payload_bytes + min(ahead, wire.AHEAD_CAP)
    return Packed(_continue_header(header), b"".join(buffers), reply_cap)


def pack_order(name: str, order: dict[str, Any], reply: wire.Caps, payload: bytes = b"") -> Packed:
    """Something else than operations, ready to be sent. reply: what its answer may weigh."""
    return Packed(_continue_header({name: order}), payload, reply.payload_bytes)


def _continue_header(header: dict[str, Any]) -> bytes:
    """The JSON text of a header that has one more entry before these."""
    return b"," + wire.dump_header(header)[1:]


def answer_question(question: Reply, ask: Ask) -> bytes:
    """Let the grader answer a stand-in: a whole frame. Raises BadReply for anything malformed, the student's own doing."""
    match wire.decode(question.read().get("ask"), question.payload, _ASK_CAPS):
        case [str(name), dict(state), tuple(args)]:
            answer = ask(name, state, args)
        case _:
            raise BadReply("a question that no stand-in asks")
    if answer.refusal is not None:
        return wire.pack({"refusal": answer.refusal}, [])
    encoded, buffers = wire.encode(answer.value, _OUR_CAPS)
    return wire.pack({"value": encoded, "iterator": answer.iterator}, buffers)


def _describe_read(read: Read) -> dict[str, Any]:
    tree, _ = wire.encode(list(read.operations), _OUR_CAPS)
    return {"tree": tree, "want": read.want, "bytes": read.caps.payload_bytes, "items": read.caps.items}


def _open_reply(reply: dict[str, Any], payload: bytes, request: Request, labels: frozenset[str]) -> Any:
    """The value of a reply. Raises CallRaised for an error in it, and WireError for anything malformed.

    labels: the files and cells that an error can be in.
    """
    if "error" not in reply:
        own, *ahead = _cut_payload(reply, payload, request)
        value = wire.decode(reply.get("value"), own, request.caps, windows=len(request.windows))
        for tree, part, read in zip(reply.get("ahead", ()), ahead, request.ahead, strict=False):
            request.found.append(wire.decode(tree, part, read.caps))
        return value
    match reply["error"]:
        case {"type": str(type_name), "message": str(message), "step": int(step), "at": place}:
            where = read_place(place, labels)
            name = wire.read_type_name(type_name, "an exception")
            scene = asked = None
            if where is None:
                asked = read_asked(request.operations, request.labels, step, reply["error"].get("holder"))
            else:
                scene = read_scene(reply["error"].get("scene"), read_place, labels)
            raise CallRaised(name, wire.printable(message[:400]), where, step, scene, asked)
    raise wire.WireError("an error without a description")


def read_place(place: Any, labels: Collection[str]) -> tuple[str, int] | None:
    """Where an error is said to be, as (label, line): in one of these files and cells, or nowhere."""
    match place:
        case [str(label), int(line)] if type(line) is int and label in labels and 0 <= line <= _MOST_LINES:
            return label, line
    return None


def _cut_payload(reply: dict[str, Any], payload: bytes, request: Request) -> list[bytes]:
    """The bytes of the wanted value, and of each value that was read ahead."""
    if "ahead" not in reply:
        return [payload]
    match reply:
        case {"ahead": list(trees), "sizes": list(sizes)} if len(trees) == len(sizes) <= len(request.ahead):
            caps = [read.caps.payload_bytes for read in request.ahead]
            if all(type(n) is int and 0 <= n <= cap for n, cap in zip(sizes, caps, strict=False)):
                starts = list(itertools.accumulate(sizes, initial=len(payload) - sum(sizes)))
                if 0 <= starts[0] <= max(request.caps.payload_bytes, wire.HEADER_CAP):
                    return [payload[: starts[0]], *(payload[a:b] for a, b in itertools.pairwise(starts))]
    raise wire.WireError("values that were read ahead without being asked for")

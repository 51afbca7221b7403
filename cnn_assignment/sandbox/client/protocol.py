"""The grader's side of the protocol: requests as they travel, replies as they come back, and what may be wrong.

Nothing that a worker says about itself is believed: every value in a reply is checked against what the request allows.
Who sends and waits is `worker_process`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client.seen import Asked, Scene, read_asked, read_scene

DEFAULT_CAPS = wire.Caps()
QUESTION_CAPS = wire.Caps()
"""What a stand-in's question may weigh: far more than the object and the arguments of a student's method."""
# What the grader sends is as large as a test makes it.
_OUR_CAPS = wire.Caps(payload_bytes=1 << 40, items=1 << 40, text=1 << 40)
LONGEST_LABEL = 100
"""Characters of the name of a file or a cell, as code says where its errors are."""
# No file has so many lines.
_MOST_LINES = 1_000_000


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


@dataclass(frozen=True, slots=True)
class Request:
    """Operations that travel together, and the one value that is wanted back.

    operations: ``(kind, target number, arguments...)`` as `worker.Worker` carries them out. want: the number of the
    wanted object, or None. caps: what that object may weigh. windows: numbers of objects of which parts of the
    wanted one may be described as windows. labels: how the test names what it looked up or called, by number; they do
    not travel.
    """

    operations: tuple[tuple[Any, ...], ...]
    want: int | None = None
    caps: wire.Caps = DEFAULT_CAPS
    windows: tuple[int, ...] = ()
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


def pack_request(request: Request) -> Packed:
    """A request, ready to be sent."""
    tree, buffers = wire.encode(list(request.operations), _OUR_CAPS)
    header = {
        "tree": tree,
        "want": request.want,
        "bytes": request.caps.payload_bytes,
        "items": request.caps.items,
        "text": request.caps.text,
        "windows": list(request.windows),
    }
    return Packed(_continue_header(header), b"".join(buffers), request.caps.payload_bytes)


def pack_order(name: str, order: dict[str, Any], reply: wire.Caps, payload: bytes = b"") -> Packed:
    """Something else than operations, ready to be sent. reply: what its answer may weigh."""
    return Packed(_continue_header({name: order}), payload, reply.payload_bytes)


def _continue_header(header: dict[str, Any]) -> bytes:
    """The JSON text of a header that has one more entry before these."""
    return b"," + wire.dump_header(header)[1:]


def answer_question(question: Reply, ask: Ask) -> bytes:
    """Let the grader answer a stand-in: a whole frame. Raises BadReply for anything malformed, the student's own doing."""
    match wire.decode(question.read().get("ask"), question.payload, QUESTION_CAPS):
        case [str(name), dict(state), tuple(args)]:
            answer = ask(name, state, args)
        case _:
            raise BadReply("a question that no stand-in asks")
    if answer.refusal is not None:
        return wire.pack({"refusal": answer.refusal}, [])
    encoded, buffers = wire.encode(answer.value, _OUR_CAPS)
    return wire.pack({"value": encoded, "iterator": answer.iterator}, buffers)


def open_reply(reply: dict[str, Any], payload: bytes, request: Request, labels: frozenset[str]) -> Any:
    """The value of a reply. Raises CallRaised for an error in it, and WireError for anything malformed.

    labels: the files and cells that an error can be in.
    """
    if "error" not in reply:
        return wire.decode(reply.get("value"), payload, request.caps, windows=len(request.windows))
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

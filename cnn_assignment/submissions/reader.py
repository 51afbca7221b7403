"""Reading submissions in a confined process, each in a fork of its own: no code of a student is parsed here.

The cost of a file is a limit of the fork: CPU time and memory, as the kernel counts them. A file that reaches a limit
is unreadable, with the reason; all other files are read.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from cnn_assignment.core.errors import GraderError, TooLargeError, UnreadableSubmissionError
from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client.choice import open_sandbox
from cnn_assignment.sandbox.client.launch import Service
from cnn_assignment.sandbox.client.protocol import (
    BadReply,
    CallTimedOut,
    Reply,
    Request,
    SandboxError,
    TimeLimits,
    WorkerDied,
    WorkerFailure,
    pack_order,
)
from cnn_assignment.sandbox.client.worker_process import Spawner
from cnn_assignment.sandbox.limits import WorkerLimits
from cnn_assignment.submissions.plain.budgets import EXTRACT_CPU_S, MEMORY_MIB, SHOW_CPU_S, Budget
from cnn_assignment.submissions.plain.folder import Files
from cnn_assignment.submissions.plain.values import ExtractedCode, Shown, Wanted

# Wall time for a second of CPU time: only a machine that does nothing but wait takes longer.
_PATIENCE = 20.0
_REPLY_BYTES = 24 * 1024 * 1024
_CONFINED = 2
# What a machine did to a process is no trait of the file that it read.
_TRIES = 2
Value = TypeVar("Value")
_REMEDY = "Submit the file that you were given, with your work in it and nothing else."


@dataclass(frozen=True, slots=True)
class _Order:
    """An order to a fork. raw, name: the submission's file."""

    what: str
    raw: bytes
    name: str
    wanted: Wanted


class Reader:
    """A process from which every reading is forked; it starts when it is needed. Close it at the end.

    release: the notebook that students were given, if there is one. Its cells are known before anything is read.
    """

    def __init__(self, release: Path | None = None) -> None:
        self._service = Service("cnn_assignment.submissions.confined", None if release is None else str(release))
        self._sandbox: Spawner | None = None

    def extract(
        self, raw: bytes, name: str, wanted: Wanted, beside: Files, budget: Budget | None = None
    ) -> ExtractedCode:
        """The code of the layers. budget: the time for it, if several readings share one.

        Raises UnreadableSubmissionError, with the reason in words for the student, and GraderError where no process
        can be started.
        """
        found = self._read(_Order("extract", raw, name, wanted), beside, budget or Budget(EXTRACT_CPU_S))
        return _open(ExtractedCode.from_json, found, name)

    def find_modules(self, raw: bytes, name: str, wanted: Wanted, beside: Files) -> tuple[str, ...]:
        """The names of the files beside a submission that its extraction looks at, also those that it leaves out."""
        try:
            found = self._read(_Order("find_modules", raw, name, wanted), beside, Budget(EXTRACT_CPU_S))
        except UnreadableSubmissionError:
            return ()
        return _open(lambda names: tuple(map(str, names)), found, name)

    def show(self, raw: bytes, name: str, wanted: Wanted, budget: Budget | None = None) -> Shown:
        """The cells of a submission. budget, errors: as for `extract`."""
        found = self._read(_Order("show", raw, name, wanted), None, budget or Budget(SHOW_CPU_S))
        return _open(Shown.from_json, found, name)

    def close(self) -> None:
        """End the process, if there is one; the next reading starts a new one."""
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None

    def _read(self, order: _Order, beside: Files | None, budget: Budget) -> Any:
        for left in reversed(range(_TRIES)):
            try:
                return self._try(order, beside, budget)
            except _MachineError as error:
                if not left:
                    raise GraderError(
                        f"{order.name} could not be read: {error}",
                        remedy="Look at the machine's memory and load, and grade it again.",
                    ) from error
        raise AssertionError("the last try returns or raises")

    def _try(self, order: _Order, beside: Files | None, budget: Budget) -> Any:
        cpu_s = budget.left_s
        try:
            if self._sandbox is None:
                self._sandbox = open_sandbox(service=self._service, level=_CONFINED)
            worker = self._sandbox.spawn(WorkerLimits(memory_mib=MEMORY_MIB, cpu_s=int(cpu_s) + 2, threads=0))
        except SandboxError as error:
            self.close()
            raise _MachineError(str(error)) from error
        request = Request((), caps=wire.Caps(payload_bytes=_REPLY_BYTES))
        told = {"what": order.what, "name": order.name, "wanted": order.wanted.to_json()}
        try:
            packed = pack_order("read", told, request.caps, order.raw)
            limits = TimeLimits(cpu_s, cpu_s * _PATIENCE)
            reply = worker.exchange(packed, limits, lambda question: _answer(question, beside))
            budget.left_s -= worker.cpu_used()
            data = worker.open(reply, request).tobytes()
        except WorkerFailure as failure:
            if isinstance(failure, CallTimedOut) and failure.kind == "CPU":
                budget.left_s = 0.0
            raise _judge(failure, order, cpu_s) from failure
        except SandboxError as error:
            raise _MachineError(str(error)) from error
        finally:
            worker.kill()
        return _read_answer(data, order)


def _open(make: Callable[[Any], Value], found: Any, name: str) -> Value:
    """The value in a fork's answer. Raises UnreadableSubmissionError where the answer holds no such value."""
    try:
        return make(found)
    except (ValueError, TypeError) as error:
        raise _unreadable(name, "cannot be read: it gives no sense") from error


class _MachineError(Exception):
    """Reading failed for a reason that is not the file's."""


def _judge(failure: WorkerFailure, order: _Order, cpu_s: float) -> Exception:
    """The error for a fork without an answer: the student's where the file is the cause, the machine's otherwise."""
    match failure:
        case CallTimedOut(kind="CPU"):
            return _unreadable(order.name, f"takes more than {cpu_s:.1f} seconds to read")
        case CallTimedOut():
            return _MachineError("the process that reads it stands still")
        case WorkerDied(code=code) if code in (None, -signal.SIGKILL):
            return _MachineError("the process that reads it was killed")
    return _unreadable(order.name, "cannot be read: it ends the program that tries")


def _unreadable(name: str, what: str) -> UnreadableSubmissionError:
    return UnreadableSubmissionError(f"{name} {what}", remedy=_REMEDY)


def _answer(question: Reply, beside: Files | None) -> bytes:
    """The answer to a fork's question about the files beside the submission."""
    header: dict[str, Any] = {"found": None}
    data = b""
    match question.read().get("ask"):
        case ["read", str(name), int(most)] if beside is not None:
            try:
                content = beside.read(name, most)
                header, data = {"found": content is not None}, content or b""
            except TooLargeError:
                header = {"found": "too large"}
        case ["module_in", str(folder)] if beside is not None:
            header = {"found": beside.find_module(folder)}
        case _:
            raise BadReply("a question about no file")
    return wire.pack(header, [data])


def _read_answer(data: bytes, order: _Order) -> Any:
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _unreadable(order.name, "cannot be read: it gives no sense") from error
    match answer:
        case {"found": found}:
            return found
        case {"unreadable": [str(fact), str(place), str(remedy)]}:
            raise UnreadableSubmissionError(fact, place=place, remedy=remedy)
        case {"too_large": True}:
            raise _unreadable(order.name, f"takes more than {MEMORY_MIB} MiB of memory to read")
    raise _unreadable(order.name, "cannot be read: it gives no sense")

"""Right methods in the place of a student's own, so that another task is graded by itself.

The student's worker asks, a worker of the solution answers, and what was answered once is known.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn_assignment.core.errors import GraderError
from cnn_assignment.core.model import Assignment
from cnn_assignment.judging.loading import load_order, most_bytes_waiting, solution_limits
from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client.protocol import Answer, Reply, Request, TimeLimits, WorkerFailure
from cnn_assignment.sandbox.client.worker_process import Spawner, WorkerProcess
from cnn_assignment.submissions import Chunk, ExtractedCode

_STAND_IN_ITEMS = 100_000
# Bytes that known answers may take; what is beyond makes room by starting anew.
_ROOM = 32 << 20
# What Python needs for an answer beside the bytes in it, roughly.
_OVERHEAD = 300


class StandInAnswers:
    """What right methods answered, by question: a right method gives the same for the same object and arguments.

    One for all submissions of a grader. Refusals are not kept: they may come of what a submission did before.
    """

    def __init__(self, room: int = _ROOM) -> None:
        self._room = room
        self._left = room
        self._known: dict[tuple[tuple[str, ...], bytes], tuple[str, bytes]] = {}

    def find(self, stand_ins: tuple[str, ...], question: Reply) -> tuple[str, bytes] | None:
        """The name of the method that a question asks for, and the frame that answers it."""
        return self._known.get((stand_ins, question.digest()))

    def keep(self, stand_ins: tuple[str, ...], question: Reply, name: str, frame: bytes) -> None:
        """Remember an answer."""
        self._left -= len(frame) + _OVERHEAD
        if self._left < 0:
            self._known.clear()
            self._left = self._room
        else:
            self._known[stand_ins, question.digest()] = name, frame


class RightMethods:
    """Answers stand-ins with the values of the solution, which runs in a worker of its own.

    It is a worker because what it is given comes from student code: sizes that never end or fill the memory hurt
    nobody there. Each submission has one of its own, so that none feels what another one did to it. Close it at the end.
    """

    def __init__(self, sandbox: Spawner, assignment: Assignment) -> None:
        self._sandbox = sandbox
        self._assignment = assignment
        self._worker: WorkerProcess | None = None

    def answer(self, name: str, state: dict[str, Any], args: tuple[Any, ...]) -> Answer:
        """The value of the right ``Class.method`` for an object in this state, or of the right function."""
        if _holds_handles((state, args)):
            return Answer(refusal=f"{name} cannot work with these arguments")
        class_name, _, method = name.rpartition(".")
        operations: list[tuple[Any, ...]] = [("forget", 0)]
        if class_name:
            operations += [("get", 1, wire.Handle(0), class_name), ("bare", 2, wire.Handle(1), state)]
        operations.append(("get", 3, wire.Handle(2 if class_name else 0), method))
        numbers = tuple(range(10, 10 + len(args)))
        # In one piece each, which is what windows can be told of. They fit the student's own arrays in any layout.
        pieces = (value.copy("C") if isinstance(value, np.ndarray) else value for value in args)
        operations += [("put", number, value) for number, value in zip(numbers, pieces, strict=True)]
        operations += [
            ("call", 4, wire.Handle(3), tuple(wire.Handle(number) for number in numbers), {}),
            ("settle", 5, wire.Handle(4), _STAND_IN_ITEMS),
        ]
        limits = TimeLimits(self._assignment.limits.call_cpu_s, self._assignment.limits.call_wall_s)
        try:
            worker = self._ready_worker()
            is_iterator, value = worker.request(Request(tuple(operations), want=5, windows=numbers), limits)
        except WorkerFailure:
            return Answer(refusal=f"{name} cannot work with these arguments")
        if not worker.is_small(most_bytes_waiting(self._assignment)):
            # The student's worker goes on now, and may take all that is left.
            worker.kill()
        return Answer(value, iterator=is_iterator)

    def close(self) -> None:
        """End the worker, if there is one."""
        if self._worker is not None:
            self._worker.kill()

    def _ready_worker(self) -> WorkerProcess:
        if self._worker is None or not self._worker.alive:
            self._worker = self._sandbox.spawn(solution_limits(self._assignment))
            path = self._assignment.solution_file
            chunk = Chunk(path.name, path.read_text(encoding="utf-8"))
            limits = TimeLimits(self._assignment.limits.call_cpu_s, self._assignment.limits.call_wall_s)
            failures = self._worker.load(load_order(self._assignment, ExtractedCode((chunk,), ())), limits)
            if failures:
                raise GraderError(
                    f"the solution does not load: {failures[0]['type']}: {failures[0]['message']}",
                    place=f"solutions/{path.name}",
                    remedy="Mend it; `cnn-assignment verify` shows more.",
                )
        return self._worker


def _holds_handles(value: Any) -> bool:
    """Whether student code wrote a handle into a question: it would name an object of the solution's worker."""
    if isinstance(value, dict):
        return any(_holds_handles(part) for pair in value.items() for part in pair)
    if isinstance(value, list | tuple):
        return any(map(_holds_handles, value))
    return isinstance(value, wire.Handle)

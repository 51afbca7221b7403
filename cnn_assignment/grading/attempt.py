"""One submission under test: its workers, its time, and what is remembered of calls that never came back."""

from __future__ import annotations

import ast
import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np

from cnn_assignment.errors import GraderError
from cnn_assignment.intake import Chunk, LiftedCode
from cnn_assignment.model import Assignment
from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.limits import WorkerLimits
from cnn_assignment.sandbox.protocol import (
    Answer,
    Answerer,
    BadReply,
    CallRaised,
    CallTimedOut,
    Packed,
    Reply,
    Request,
    Spawner,
    TimeLimits,
    WorkerDied,
    WorkerFailure,
    WorkerProcess,
    answer_question,
    pack_request,
)
from cnn_assignment.sandbox.proxies import Conversation

_STAND_IN_ITEMS = 100_000
# Bytes that known answers may take; what is beyond makes room by starting anew.
_ANSWERS_ROOM = 32 << 20
_ANSWER_OVERHEAD = 300
_MAIN = "__submission__"
# A report is for reading.
_MOST_LOAD_ERRORS = 20
# The stand-ins in force and the name of the call.
_Call = tuple[tuple[str, ...], str]


class NotRun(WorkerFailure):
    """A call that was not made, because earlier ones of its kind used up their time. The text says so."""


def load_order(assignment: Assignment, code: LiftedCode, stand_ins: Sequence[str] = ()) -> dict[str, Any]:
    """What a worker is told to load: code, the provided files, and which methods to replace.

    Under "attributes" stand the names of what a replaced method tells of its object, whatever way the object keeps it.
    """
    provided = {path.stem: path.read_text(encoding="utf-8") for path in assignment.provided_files}
    solution = assignment.solution_file.read_text(encoding="utf-8") if stand_ins else ""
    return {
        # A notebook may import a module of the assignment's name, which it must not be itself then.
        "module": _MAIN if any(module.name == assignment.name for module in code.modules) else assignment.name,
        "provided": provided,
        "modules": list(assignment.modules),
        "seed": assignment.seed,
        "chunks": [chunk.to_json() for chunk in code.chunks],
        "own": {module.name: module.to_json() for module in code.modules},
        "stand_ins": list(stand_ins),
        "attributes": list(_find_attributes((solution, *provided.values()))) if stand_ins else [],
    }


# The same few texts, for every worker of a grader.
@lru_cache(maxsize=8)
def _find_attributes(sources: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the attributes that objects of these sources have: assigned anywhere, declared, or read of self.

    Public ones only, because they reach the worker of the student.
    """
    names: set[str] = set()
    for node in itertools.chain.from_iterable(ast.walk(ast.parse(source)) for source in sources):
        match node:
            case ast.Attribute(attr=name, ctx=ast.Store()) | ast.Attribute(ast.Name("self"), name):
                names.add(name)
            case ast.ClassDef(body=body):
                fields = (part.target for part in body if isinstance(part, ast.AnnAssign))
                names.update(field.id for field in fields if isinstance(field, ast.Name))
    return tuple(sorted(name for name in names if not name.startswith("_")))


def worker_limits(assignment: Assignment) -> WorkerLimits:
    """The kernel's limits for a worker of this assignment."""
    limits = assignment.limits
    return WorkerLimits(memory_mib=limits.memory_mib, cpu_s=int(limits.submission_wall_s) + 1)


class RightAnswers:
    """What right methods answered, by question: a right method gives the same for the same object and arguments.

    One for all submissions of a grader. Refusals are not kept: they may come of what a submission did before.
    """

    def __init__(self, room: int = _ANSWERS_ROOM) -> None:
        self._room = room
        self._left = room
        self._known: dict[tuple[tuple[str, ...], bytes], tuple[str, bytes]] = {}

    def find(self, stand_ins: tuple[str, ...], question: Reply) -> tuple[str, bytes] | None:
        """The name of the method that a question asks for, and the frame that answers it."""
        return self._known.get((stand_ins, question.digest()))

    def keep(self, stand_ins: tuple[str, ...], question: Reply, name: str, frame: bytes) -> None:
        """Remember an answer."""
        self._left -= len(frame) + _ANSWER_OVERHEAD
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
        """The value of the right ``Class.method`` for an object in this state."""
        if _holds_handles((state, args)):
            return Answer(refusal=f"{name} cannot work with these arguments")
        class_name, _, method = name.partition(".")
        operations: list[tuple[Any, ...]] = [
            ("forget", 0),
            ("get", 1, wire.Handle(0), class_name),
            ("bare", 2, wire.Handle(1), state),
            ("get", 3, wire.Handle(2), method),
        ]
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
        return Answer(value, iterator=is_iterator)

    def close(self) -> None:
        """End the worker, if there is one."""
        if self._worker is not None:
            self._worker.kill()

    def _ready_worker(self) -> WorkerProcess:
        if self._worker is None or not self._worker.alive:
            self._worker = self._sandbox.spawn(worker_limits(self._assignment))
            path = self._assignment.solution_file
            chunk = Chunk(path.name, path.read_text(encoding="utf-8"))
            limits = TimeLimits(self._assignment.limits.call_cpu_s, self._assignment.limits.call_wall_s)
            failures = self._worker.load(load_order(self._assignment, LiftedCode((chunk,), ())), limits)
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


class Attempt:
    """Serves the tests of one submission. Close it when they are done. answers: those of earlier ones."""

    def __init__(
        self, sandbox: Spawner, assignment: Assignment, code: LiftedCode, answers: RightAnswers | None = None
    ) -> None:
        self._answers = answers if answers is not None else RightAnswers()
        self._sandbox = sandbox
        self._assignment = assignment
        self._code = code
        self._right = RightMethods(sandbox, assignment)
        self._workers: dict[tuple[str, ...], WorkerProcess] = {}
        self._load_failure: WorkerFailure | None = None
        # By stand-ins and call: a call may end in time once what it calls has been replaced.
        self._timeouts: Counter[_Call] = Counter()
        self._deadly: set[_Call] = set()
        self._deadline = time.monotonic() + assignment.limits.submission_wall_s
        self.load_errors: tuple[str, ...] = ()
        # The methods whose stand-ins answered in the last conversation.
        self.replaced: set[str] = set()

    @property
    def is_troubled(self) -> bool:
        """Whether a call is known not to come back: tests are then run in another way."""
        return bool(self._deadly)

    def line(self, stand_ins: tuple[str, ...] = ()) -> Line:
        """A way for one test to the worker, with right methods in the place of those named."""
        self.replaced = set()
        return Line(self, stand_ins)

    def converse(self, stand_ins: tuple[str, ...] = ()) -> Conversation:
        """A fresh conversation on a line of its own."""
        line = self.line(stand_ins)
        return Conversation(line.carry, line.is_deadly)

    @property
    def notes(self) -> tuple[str, ...]:
        """For the student: what failed when the code was loaded."""
        told = [f"This statement failed when your code was loaded: {error}" for error in self.load_errors]
        if self._load_failure is not None:
            told.append(f"Nothing could be tested, because your code never finished loading: {self._load_failure}.")
        return tuple(told)

    def close(self) -> None:
        """End the workers of this submission."""
        self._right.close()
        for worker in self._workers.values():
            worker.kill()

    def refuse_hopeless(self, call: _Call) -> None:
        """Raise NotRun for a call that is not worth its time any more."""
        most = self._assignment.limits.timeouts_per_method
        if self._timeouts[call] >= most:
            raise NotRun(f"not run, because {call[1]} ran out of time {most} times before")
        if time.monotonic() > self._deadline:
            seconds = self._assignment.limits.submission_wall_s
            raise NotRun(f"not run, because the submission as a whole used up its {seconds:g} seconds")

    def is_deadly(self, call: _Call) -> bool:
        """Whether a call is known to end its worker."""
        return call in self._deadly

    @contextmanager
    def noting_death(self, call: _Call) -> Iterator[None]:
        """Remember a call that ends its worker."""
        try:
            yield
        except CallRaised:
            raise
        except WorkerFailure as failure:
            self._deadly.add(call)
            self._timeouts[call] += isinstance(failure, CallTimedOut)
            raise

    def exchange(self, worker: WorkerProcess, packed: Packed, stand_ins: tuple[str, ...]) -> Reply:
        """The worker's reply."""
        limits = TimeLimits(self._assignment.limits.call_cpu_s, self._assignment.limits.call_wall_s)
        return worker.exchange(packed, limits, self._answerer(stand_ins))

    def _answerer(self, stand_ins: tuple[str, ...]) -> Answerer | None:
        if not stand_ins:
            return None

        def answer(question: Reply) -> bytes:
            known = self._answers.find(stand_ins, question)
            if known is None:
                return self._answer(stand_ins, question)
            name, frame = known
            self.replaced.add(name)
            return frame

        return answer

    def _answer(self, stand_ins: tuple[str, ...], question: Reply) -> bytes:
        given: list[str] = []

        def ask(name: str, state: dict[str, Any], args: tuple[Any, ...]) -> Answer:
            if name not in stand_ins:
                return Answer(refusal=f"{name} is not replaced here")
            self.replaced.add(name)
            answer = self._right.answer(name, state, args)
            if answer.refusal is None:
                given.append(name)
            return answer

        frame = answer_question(question, ask)
        for name in given:
            self._answers.keep(stand_ins, question, name, frame)
        return frame

    def ready_worker(self, stand_ins: tuple[str, ...]) -> WorkerProcess:
        """The submission's worker for these stand-ins; one that died is replaced."""
        if self._load_failure is not None:
            raise self._load_failure
        worker = self._workers.get(stand_ins)
        if worker is None or not worker.alive:
            worker = self._workers[stand_ins] = self._load(stand_ins)
        return worker

    def _load(self, stand_ins: tuple[str, ...]) -> WorkerProcess:
        limits = self._assignment.limits
        worker = self._sandbox.spawn(worker_limits(self._assignment))
        order = load_order(self._assignment, self._code, stand_ins)
        try:
            failures = worker.load(order, TimeLimits(limits.call_cpu_s, limits.call_wall_s))
        except WorkerFailure as failure:
            worker.kill()
            # The same code would end the same way before every test.
            self._load_failure = failure if isinstance(failure, WorkerDied | CallTimedOut) else None
            raise
        self.load_errors = tuple(_describe_load_error(failure) for failure in failures[:_MOST_LOAD_ERRORS])
        return worker


class Line:
    """Carries the requests of one test to a worker of the submission. It is the same worker to the end of the test."""

    def __init__(self, attempt: Attempt, stand_ins: tuple[str, ...]) -> None:
        self._attempt = attempt
        self._stand_ins = stand_ins
        self._worker: WorkerProcess | None = None

    def send(self, packed: Packed, label: str) -> Reply:
        """The reply to a request; label names the last call in it. Raises WorkerFailure where none comes."""
        call = (self._stand_ins, label)
        self._attempt.refuse_hopeless(call)
        if self._worker is None:
            self._worker = self._attempt.ready_worker(self._stand_ins)
        with self._attempt.noting_death(call):
            return self._attempt.exchange(self._worker, packed, self._stand_ins)

    def open(self, reply: Reply, request: Request, label: str) -> Any:
        """The value in a reply. Raises CallRaised for an error in it, and BadReply for what is none."""
        if self._worker is None:
            raise BadReply("a reply that nobody sent")
        with self._attempt.noting_death((self._stand_ins, label)):
            return self._worker.open(reply, request)

    def carry(self, request: Request, label: str) -> Any:
        """The value that a request wants."""
        return self.open(self.send(pack_request(request), label), request, label)

    def is_deadly(self, label: str) -> bool:
        """Whether a call of that name is known to end its worker."""
        return self._attempt.is_deadly((self._stand_ins, label))


def _describe_load_error(failure: dict[str, Any]) -> str:
    # Code that writes its replies itself can put anything here.
    place = f"{str(failure.get('label'))[:80]}, line {str(failure.get('line'))[:10]}"
    return f"{place}: {str(failure.get('type'))[:80]}: {str(failure.get('message'))[:400]}"

"""One submission under test: its workers, its time, and what is remembered of calls that never came back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from cnn_assignment.core.model import Assignment
from cnn_assignment.judging.loading import load_order, most_bytes_waiting, worker_limits
from cnn_assignment.judging.stand_ins import RightMethods, StandInAnswers
from cnn_assignment.sandbox.client.protocol import (
    Answer,
    Answerer,
    BadReply,
    CallRaised,
    CallTimedOut,
    Packed,
    Reply,
    Request,
    TimeLimits,
    WorkerDied,
    WorkerFailure,
    answer_question,
    read_place,
)
from cnn_assignment.sandbox.client.worker_process import Spawner, WorkerProcess
from cnn_assignment.submissions import ExtractedCode

LOAD_ERROR = "This statement failed when your code was loaded: "
"""How such a note begins; what follows is the code's own words."""
# A report is for reading.
_MOST_LOAD_ERRORS = 20
# The stand-ins in force and the name of the call.
_Call = tuple[tuple[str, ...], str]


class NotRun(WorkerFailure):
    """A call that was not made, because earlier ones of its kind used up their time. The text says so."""


class Session:
    """Serves the tests of one submission. Close it when they are done. answers: those of earlier ones."""

    def __init__(
        self, sandbox: Spawner, assignment: Assignment, code: ExtractedCode, answers: StandInAnswers | None = None
    ) -> None:
        self._answers = answers if answers is not None else StandInAnswers()
        self._sandbox = sandbox
        self._assignment = assignment
        self._code = code
        self._right = RightMethods(sandbox, assignment)
        # By stand-ins, that which was asked last at the end: no more than two.
        self._workers: dict[tuple[str, ...], WorkerProcess] = {}
        self._load_failure: WorkerFailure | None = None
        # By stand-ins and call: a call may end in time once what it calls has been replaced.
        self._timeouts: Counter[_Call] = Counter()
        self._deadly: set[_Call] = set()
        self._waited_s = 0.0
        self.load_errors: tuple[str, ...] = ()
        # The classes none of whose definitions could be run, and the place of the last one.
        self.failed_classes: dict[str, tuple[str, int]] = {}
        # The methods whose stand-ins answered in the last conversation.
        self.stand_ins_used: set[str] = set()

    @property
    def is_troubled(self) -> bool:
        """Whether something did not come back: tests are then run in another way, and would not end so each time."""
        return bool(self._deadly) or self._load_failure is not None or self._is_out_of_time

    @property
    def waited_s(self) -> float:
        """How long this submission has kept the grader waiting."""
        return self._waited_s

    def line(self, stand_ins: tuple[str, ...] = ()) -> SessionWorker:
        """A way for one test to the worker, with right methods in the place of those named."""
        self.stand_ins_used = set()
        return SessionWorker(self, stand_ins)

    @property
    def notes(self) -> tuple[str, ...]:
        """For the student: what failed when the code was loaded."""
        told = [f"{LOAD_ERROR}{error}" for error in self.load_errors]
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
        if self._is_out_of_time:
            seconds = self._assignment.limits.submission_wall_s
            raise NotRun(f"not run, because the submission as a whole used up its {seconds:g} seconds")

    @property
    def _is_out_of_time(self) -> bool:
        return self._waited_s > self._assignment.limits.submission_wall_s

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
        with self._counting_time_of(worker):
            return worker.exchange(packed, limits, self._answerer(stand_ins))

    @contextmanager
    def _counting_time_of(self, worker: WorkerProcess) -> Iterator[None]:
        """Add what it takes to the submission's time."""
        before = worker.waited_s
        try:
            yield
        finally:
            self._waited_s += worker.waited_s - before

    def _answerer(self, stand_ins: tuple[str, ...]) -> Answerer | None:
        if not stand_ins:
            return None

        def answer(question: Reply) -> bytes:
            known = self._answers.find(stand_ins, question)
            if known is None:
                return self._answer(stand_ins, question)
            name, frame = known
            self.stand_ins_used.add(name)
            return frame

        return answer

    def _answer(self, stand_ins: tuple[str, ...], question: Reply) -> bytes:
        given: list[str] = []

        def ask(name: str, state: dict[str, Any], args: tuple[Any, ...]) -> Answer:
            if name not in stand_ins:
                return Answer(refusal=f"{name} is not replaced here")
            self.stand_ins_used.add(name)
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
        worker = self._workers.pop(stand_ins, None)
        self._quiet_others()
        if worker is None or not worker.alive:
            worker = self._load(stand_ins)
        self._workers[stand_ins] = worker
        return worker

    def _quiet_others(self) -> None:
        """Only one worker of a submission runs, and has its memory: another one waits, stopped, if it is small.

        It is looked at again each time, because what its threads were about to take comes a moment after the stop.
        """
        if not self._workers:
            return
        *older, last = self._workers.values()
        for worker in older:
            worker.kill()
        last.pause()
        if not last.is_small(most_bytes_waiting(self._assignment)):
            last.kill()
        self._workers = {stand_ins: worker for stand_ins, worker in self._workers.items() if worker.alive}

    def _load(self, stand_ins: tuple[str, ...]) -> WorkerProcess:
        limits = self._assignment.limits
        worker = self._sandbox.spawn(worker_limits(self._assignment))
        order = load_order(self._assignment, self._code, stand_ins)
        try:
            with self._counting_time_of(worker):
                failures = worker.load(
                    order, TimeLimits(limits.call_cpu_s, limits.call_wall_s), self._answerer(stand_ins)
                )
        except WorkerFailure as failure:
            worker.kill()
            # The same code would end the same way before every test.
            self._load_failure = failure if isinstance(failure, WorkerDied | CallTimedOut) else None
            raise
        self._note_failures(failures)
        return worker

    def _note_failures(self, failures: Sequence[dict[str, Any]]) -> None:
        """Remember which statements failed when the code was loaded."""
        labels = {*(chunk.label for chunk in self._code.chunks), *(module.label for module in self._code.modules)}
        self.load_errors = tuple(_describe_load_error(failure, labels) for failure in failures[:_MOST_LOAD_ERRORS])
        places = {read_place([failure.get("label"), failure.get("line")], labels) for failure in failures}
        self.failed_classes = {
            name: found[-1] for name, found in self._code.definitions.items() if found and places.issuperset(found)
        }


class SessionWorker:
    """Carries the requests of one test to a worker of the submission. It is the same worker to the end of the test."""

    def __init__(self, session: Session, stand_ins: tuple[str, ...]) -> None:
        self._session = session
        self._stand_ins = stand_ins
        self._worker: WorkerProcess | None = None

    def send(self, packed: Packed, label: str) -> Reply:
        """The reply to a request; label names the last call in it. Raises WorkerFailure where none comes."""
        call = (self._stand_ins, label)
        self._session.refuse_hopeless(call)
        if self._worker is None:
            self._worker = self._session.ready_worker(self._stand_ins)
        with self._session.noting_death(call):
            return self._session.exchange(self._worker, packed, self._stand_ins)

    def open(self, reply: Reply, request: Request, label: str) -> Any:
        """The value in a reply. Raises CallRaised for an error in it, and BadReply for what is none."""
        if self._worker is None:
            raise BadReply("a reply that nobody sent")
        with self._session.noting_death((self._stand_ins, label)):
            return self._worker.open(reply, request)

    def is_deadly(self, label: str) -> bool:
        """Whether a call of that name is known to end its worker."""
        return self._session.is_deadly((self._stand_ins, label))


def _describe_load_error(failure: dict[str, Any], labels: Collection[str]) -> str:
    # Code that writes its replies itself can put anything here.
    found = read_place([failure.get("label"), failure.get("line")], labels)
    place = "{}, line {}".format(*found) if found is not None else "somewhere"
    return f"{place}: {str(failure.get('type'))[:60]}: {str(failure.get('message'))[:300]}"

"""A grader that outlives its processes: one that dies is replaced, and the submission that it was at is tried again."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Self

from cnn_assignment import __version__
from cnn_assignment.core.errors import GraderError, ProtectionError
from cnn_assignment.core.model import Assignment, Report, ReportStatus, Submission
from cnn_assignment.running.client import GraderDiedError, GraderProcess

# One death may come from outside; a second one at the same submission comes from it.
_TRIES = 2


class CalledOffError(Exception):
    """A grader was called off before it had a report."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A submission that a process is at."""

    process: GraderProcess
    number: int


class SteadyGrader:
    """Grades with one process, started when it is first needed. Use as a context manager.

    solution_first: whether nothing is graded where the solution loses marks, see `GraderProcess`; a proof wants to know
    what it loses.
    Only `abort` may be called from another thread.
    """

    def __init__(self, assignment: Assignment, *, solution_first: bool = True) -> None:
        self._assignment = assignment
        self._solution_first = solution_first
        self._process: GraderProcess | None = None
        self._lock = threading.Lock()
        self._abortable: GraderProcess | None = None
        self._called_off = False

    def begin(self, submission: Submission) -> Begun | None:
        """Let a process begin with a submission, for `grade`; None where it died. Raises what `start` raises."""
        process = self.start()
        try:
            return Begun(process, process.send(submission))
        except GraderDiedError:
            return None

    def grade(self, submission: Submission, begun: Begun | None = None) -> Report:
        """The report of one submission. begun: what `begin` gave for it.

        Raises what `GraderProcess` raises when the process tells it, and GraderError, with what was seen, when two
        processes died at this submission.
        """
        deaths: list[str] = []
        while len(deaths) < _TRIES:
            try:
                process = self.start()
                if begun is not None and begun.process is process and process.owes(begun.number):
                    return process.receive(begun.number)
                return process.grade(submission)
            except GraderDiedError as death:
                self._refuse_when_called_off()
                deaths.append(death.seen)
            except GraderError:
                # Told by a process, which ends with it.
                self.close()
                raise
        self.close()
        first, second = deaths
        raise GraderError(
            f"the grader process ended at this submission, and again in a fresh one ({first}; {second})",
            remedy="Grade it alone with --only to see whether it happens again.",
        )

    def report(self, submission: Submission) -> Report:
        """The same, but what breaks at this submission alone gives a report that withholds its grade.

        Raises AuthoringError and ProtectionError, which every submission would meet.
        """
        try:
            return self.grade(submission)
        except ProtectionError:
            raise
        except GraderError as error:
            return withheld(self._assignment, submission, str(error))

    def start(self) -> GraderProcess:
        """The process, ready; a new one if there is none or if it has died. Raises what `GraderProcess` raises."""
        if self._process is not None and not self._process.running:
            self.close()
        if self._process is None:
            self._refuse_when_called_off()
            self._process = GraderProcess(
                self._assignment, solution_first=self._solution_first, on_start=self._remember
            )
        return self._process

    def abort(self) -> None:
        """End for good, now: whoever waits for a report gets a CalledOffError, and no process is started any more."""
        with self._lock:
            self._called_off = True
            if self._abortable is not None:
                self._abortable.abort()

    def close(self) -> None:
        """End the process, if there is one."""
        with self._lock:
            self._abortable = None
        if self._process is not None:
            self._process.close()
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _remember(self, process: GraderProcess) -> None:
        """Let a process be aborted from its first moment on."""
        with self._lock:
            self._abortable = process
            if self._called_off:
                process.abort()

    def _refuse_when_called_off(self) -> None:
        if self._called_off:
            raise CalledOffError("grading was called off")


def withheld(assignment: Assignment, submission: Submission, reason: str) -> Report:
    """A report for a submission whose grade is withheld because the grader failed."""
    return Report(
        assignment=assignment.name,
        student=submission.student,
        status=ReportStatus.GRADER_ERROR,
        score=0.0,
        max_score=0.0,
        tasks=(),
        notes=(reason,),
        file=submission.path.name if submission.path is not None else "",
        digest="",
        autograder_digest="",
        seed=assignment.seed,
        kit=__version__,
        level=0,
    )

"""Grading a class with several grader processes on this machine."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable

from cnn_assignment.core.model import Assignment, Report, Submission
from cnn_assignment.running.client import GraderClient, GraderProcess, collect_tasks
from cnn_assignment.sandbox.client.patience import with_patience

__all__ = ["GraderProcess", "collect_tasks", "grade_all"]

# Submissions that are taken for each process before their reports are: enough to keep it busy while reports are
# written and recorded, few enough for the memory of any class.
_AHEAD = 16


def grade_all(
    assignment: Assignment, submissions: Iterable[Submission], jobs: int, *, solution_first: bool = True
) -> Generator[Report]:
    """Grade with that many processes, yielding each report as it is finished.

    Submissions are taken a few at a time, in the thread that takes the reports. A process that dies is replaced, and
    costs nothing unless it dies again at the same submission, which is a grader error then. Closing the iterator ends
    the processes. Raises AuthoringError and ProtectionError, which stop the class; solution_first is as in `GraderClient`.
    """
    pool = _Pool(assignment, jobs, solution_first)
    waiting = 0
    try:
        for submission in submissions:
            pool.hand_out(submission)
            waiting += 1
            while waiting == jobs * _AHEAD or pool.has_report:
                yield pool.take()
                waiting -= 1
        for _ in range(waiting):
            yield pool.take()
    finally:
        pool.close()


class _Pool:
    """Threads that feed one grader process each, no more of them than there are submissions."""

    def __init__(self, assignment: Assignment, jobs: int, solution_first: bool) -> None:
        self._assignment = assignment
        self._solution_first = solution_first
        self._jobs = jobs
        self._todo: queue.SimpleQueue[Submission | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Report | BaseException] = queue.SimpleQueue()
        self._runners: list[_Runner] = []

    def hand_out(self, submission: Submission) -> None:
        """Let the next free process grade it."""
        self._todo.put(submission)
        if len(self._runners) < self._jobs:
            grader = GraderClient(self._assignment, solution_first=self._solution_first)
            self._runners.append(_Runner(grader, self._todo, self._done))
            with_patience(self._runners[-1].start)

    @property
    def has_report(self) -> bool:
        """Whether `take` need not wait."""
        return not self._done.empty()

    def take(self) -> Report:
        """Wait for the next report. Raises what stopped a process for good."""
        result = self._done.get()
        if isinstance(result, BaseException):
            raise result
        return result

    def close(self) -> None:
        """End all processes, also in the middle of a submission."""
        for runner in self._runners:
            runner.call_off()
        for _ in self._runners:
            self._todo.put(None)
        for runner in self._runners:
            runner.join()


class _Runner(threading.Thread):
    """Feeds one grader from the queue until it finds None there."""

    def __init__(
        self,
        grader: GraderClient,
        todo: queue.SimpleQueue[Submission | None],
        done: queue.SimpleQueue[Report | BaseException],
    ) -> None:
        super().__init__(daemon=True)
        self._grader = grader
        self._todo = todo
        self._done = done
        self._called_off = False

    def call_off(self) -> None:
        """Let go of what is being graded, and begin nothing more."""
        self._called_off = True
        self._grader.abort()

    def run(self) -> None:
        """Until there is nothing more to grade."""
        try:
            with self._grader:
                while (submission := self._todo.get()) is not None and not self._called_off:
                    self._done.put(self._grader.report(submission))
        except BaseException as error:  # noqa: BLE001 - told to the thread that waits
            self._done.put(error)

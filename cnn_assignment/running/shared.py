"""One grader for all calls of a program: nbgrader grades submission by submission, and a process takes a second to start."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cnn_assignment.core.digests import autograder_digest
from cnn_assignment.core.model import Assignment, Report, Submission, Task
from cnn_assignment.running.client import GraderClient


class SharedGrader:
    """Grades with a process that is started when it is first needed, and ends with the interpreter.

    It is for one assignment at a time, and for any number of threads, one after the other. The process is replaced when
    another assignment is asked for, or when the hidden tests have changed since it collected them: nbgrader's server
    lives for days.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._grader: GraderClient | None = None
        self._key: tuple[Path, str, str] | None = None
        atexit.register(self._end)

    def report(self, assignment: Assignment, submission: Submission) -> Report:
        """The report of one submission. Raises AuthoringError and GraderError as `GraderClient.grade` does."""
        with self._grader_for(assignment) as grader:
            return grader.grade(submission)

    def begin(self, assignment: Assignment, submission: Submission) -> Callable[[], Report]:
        """Let the process begin with a submission while something else is done; the function waits for its report."""
        with self._grader_for(assignment) as grader:
            begun = grader.begin(submission)

        def finish() -> Report:
            with self._grader_for(assignment) as grader:
                return grader.grade(submission, begun)

        return finish

    def prepare(self, assignment: Assignment) -> tuple[Task, ...]:
        """Have the process ready; the tasks that it grades.

        Raises AuthoringError where the hidden tests are not valid or cost the solution marks, and ProtectionError.
        """
        with self._grader_for(assignment) as grader:
            return grader.start().tasks

    def close(self) -> None:
        """End the process, if there is one; the next report is made by a new one."""
        with self._lock:
            self._end()

    @contextmanager
    def _grader_for(self, assignment: Assignment) -> Iterator[GraderClient]:
        """The grader for an assignment as it is now, for one thread at a time."""
        key = (assignment.root, assignment.name, autograder_digest(assignment))
        with self._lock:
            if self._grader is None or self._key != key:
                self._end()
                self._grader, self._key = GraderClient(assignment), key
            yield self._grader

    def _end(self) -> None:
        if self._grader is not None:
            self._grader.close()
            self._grader = None

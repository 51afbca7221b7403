"""One grader process kept between calls, for nbgrader, which grades submission by submission."""

from __future__ import annotations

import atexit
import threading
from pathlib import Path

from cnn_assignment.grading.digests import autograder_digest
from cnn_assignment.grading.pool import GraderProcess
from cnn_assignment.model import Assignment, Report, Submission


class GraderKeeper:
    """Grades with a process that it starts when it is first asked, and ends with the interpreter.

    The process is replaced when another assignment is asked for, or when the hidden tests have changed since it
    collected them: nbgrader's server lives for days.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._grader: GraderProcess | None = None
        self._key: tuple[Path, str, str] | None = None

    def report(self, assignment: Assignment, submission: Submission) -> Report:
        """The report of one submission. Raises AuthoringError and GraderError as `GraderProcess` does."""
        key = (assignment.root, assignment.name, autograder_digest(assignment))
        with self._lock:
            if self._grader is None or self._key != key or not self._grader.running:
                self.close()
                self._grader, self._key = GraderProcess(assignment), key
                atexit.register(self.close)
            return self._grader.grade(submission)

    def close(self) -> None:
        """End the process, if there is one."""
        atexit.unregister(self.close)
        if self._grader is not None:
            self._grader.close()
            self._grader = None

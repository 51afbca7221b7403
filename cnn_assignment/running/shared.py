"""One grader process kept between calls, for nbgrader, which grades submission by submission."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cnn_assignment.core.digests import autograder_digest
from cnn_assignment.core.model import Assignment, Report, Submission, Task
from cnn_assignment.running.steady import SteadyGrader


class GraderKeeper:
    """Grades with a process that is started when it is first needed, and ends with the interpreter.

    All keepers of an interpreter share the process: nbgrader's server loads its configuration for every request, and
    each time makes a keeper anew. The process is replaced when another assignment is asked for, or when the hidden
    tests have changed since it collected them: the server lives for days.
    """

    def report(self, assignment: Assignment, submission: Submission) -> Report:
        """The report of one submission. Raises AuthoringError and GraderError as `SteadyGrader.grade` does."""
        with _kept_for(assignment) as grader:
            return grader.grade(submission)

    def begin(self, assignment: Assignment, submission: Submission) -> Callable[[], Report]:
        """Let the process begin with a submission while something else is done; the function waits for its report."""
        with _kept_for(assignment) as grader:
            begun = grader.begin(submission)

        def finish() -> Report:
            with _kept_for(assignment) as grader:
                return grader.grade(submission, begun)

        return finish

    def prepare(self, assignment: Assignment) -> tuple[Task, ...]:
        """Have the process ready; the tasks that it grades.

        Raises AuthoringError where the hidden tests are not valid or cost the solution marks, and ProtectionError.
        """
        with _kept_for(assignment) as grader:
            return grader.start().tasks

    def close(self) -> None:
        """End the process, if there is one; whoever asks next gets a new one."""
        kept = _kept()
        with kept.lock:
            kept.end()


@dataclass(slots=True)
class _Kept:
    lock: threading.Lock = field(default_factory=threading.Lock)
    grader: SteadyGrader | None = None
    key: tuple[Path, str, str] | None = None

    def end(self) -> None:
        if self.grader is not None:
            self.grader.close()
            self.grader = None


@contextmanager
def _kept_for(assignment: Assignment) -> Iterator[SteadyGrader]:
    """The grader for an assignment as it is now, for one thread at a time."""
    key = (assignment.root, assignment.name, autograder_digest(assignment))
    kept = _kept()
    with kept.lock:
        if kept.grader is None or kept.key != key:
            kept.end()
            kept.grader, kept.key = SteadyGrader(assignment), key
        yield kept.grader


@cache
def _kept() -> _Kept:
    kept = _Kept()
    atexit.register(kept.end)
    return kept

"""Record reports in nbgrader's gradebook: the files and rows of `nbgrader autograde`, without its kernel."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnn_assignment.core.errors import GraderError, KitError, from_system
from cnn_assignment.core.model import Assignment, Report, Submission
from cnn_assignment.core.texts import clean, shorten, some
from cnn_assignment.nbgrader_course.gradebook.folders import GradedFolders
from cnn_assignment.nbgrader_course.gradebook.opening import OpenCourse, first_line_of, open_course, open_gradebook
from cnn_assignment.nbgrader_course.gradebook.penalties import assign_penalties
from cnn_assignment.nbgrader_course.gradebook.preparing import prepare_graded
from cnn_assignment.nbgrader_course.gradebook.rows import StudentValues, Written, write_rows
from cnn_assignment.nbgrader_course.notebooks.cells import read_release

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from sqlalchemy import Engine

Recorded = Callable[[str, str], None]

BATCH = 50
"""The most students whose rows one transaction holds."""
BATCH_S = 2.0
"""Seconds after which the next report ends a batch, however small: what comes slowly is recorded as it comes."""

_REMEDIES = {
    "SQLITE_FULL": "Make room there, and grade again: reports are kept, and what is lacking is recorded then.",
    "SQLITE_READONLY": "See that you may write there, and grade again: reports are kept.",
}


def record(
    assignment: Assignment, reports: Iterable[tuple[Submission, Report]], recorded: Recorded | None = None
) -> None:
    """Write reports into the course's ``autograded/`` folders and then into its nbgrader database.

    The assignment is registered from its release notebook where the database does not know it yet. `reports` may be a
    generator: the rows of a few submissions are written together, and those of all reports that it gave even where it,
    or Ctrl-C, ends this early. Recording a report again leaves the same. Manual scores, extra credit and manual
    comments stay.
    recorded: called with each student's name, and what `state.read_recorded` gives for that student, once the student's
    files and rows are written.

    A submission that cannot be recorded, or whose grade is withheld, does not stop the others; a GraderError at the
    end names them all. Raises GraderError at once where the release notebook or the database cannot be used.
    Only one process at a time may record into a course.
    """
    course = open_course(assignment)
    release = read_release(course.release_file)
    with closing(open_gradebook(course, release)) as gradebook:
        recorder = _Recorder(course, release, gradebook.engine, recorded or (lambda *_: None))
        try:
            for submission, report in reports:
                recorder.take(submission, report)
            recorder.flush()
        finally:
            recorder.flush()  # where all that was interrupted
    if recorder.failures:
        raise GraderError(
            f"{len(recorder.failures)} of the submissions not recorded:\n"
            + "\n".join(f"  {told}" for told in _by_reason(recorder.failures)).removesuffix("."),
            place=course.name,
            remedy="All others are recorded.",
        )


@dataclass(slots=True)
class _Waiting:
    """A report that was taken. values: of its rows, known once its files are written."""

    submission: Submission
    report: Report
    values: StudentValues | None = None


class _Recorder:
    """Reports on their way into the gradebook. failures: by student the reason why a report was not recorded.

    A report waits until all is done for it, so a `flush` that was interrupted can be called again.
    """

    def __init__(self, course: OpenCourse, release: NotebookNode, engine: Engine, recorded: Recorded) -> None:
        from nbgrader.preprocessors import AssignLatePenalties

        self._course, self._release, self._engine, self._recorded = course, release, engine, recorded
        self._folders = GradedFolders(course)
        self._assigner = AssignLatePenalties(parent=course.app)
        self._waiting: dict[str, _Waiting] = {}
        self._flushed_at = time.monotonic()
        self.failures: dict[str, str] = {}

    def take(self, submission: Submission, report: Report) -> None:
        """Write the files of a submission, and now and then the rows of all that wait."""
        if submission.student in self._waiting:
            self.flush()
        waiting = self._waiting[submission.student] = _Waiting(submission, report)
        self._write_files(waiting)
        if len(self._waiting) >= BATCH or time.monotonic() - self._flushed_at >= BATCH_S:
            self.flush()

    def flush(self) -> None:
        """Write the rows of all reports that wait."""
        for waiting in list(self._waiting.values()):
            if waiting.values is None:  # interrupted
                self._write_files(waiting)
        batch = [waiting.values for waiting in self._waiting.values() if waiting.values is not None]
        written = self._write_rows(batch)
        self._assign_penalties(written)
        for student in list(self._waiting):
            self._recorded(student, written[student].digest)
            del self._waiting[student]
        self._flushed_at = time.monotonic()

    def _write_files(self, waiting: _Waiting) -> None:
        """Do all that can fail without the database first, so that most failures leave the last record whole."""
        student = waiting.submission.student
        try:
            graded = prepare_graded(self._course, self._release, waiting.submission, waiting.report)
            self._folders.write(student, graded.notebook, graded.folder, graded.module)
        except Exception as error:  # noqa: BLE001  # one student's trouble must not cost the class its grades
            self._fail(student, error)
        else:
            waiting.values = graded.values

    def _write_rows(self, batch: Sequence[StudentValues]) -> dict[str, Written]:
        """Write the rows of a batch, one by one where that fails together, so that only the bad ones are left out."""
        if not batch:
            return {}
        try:
            return write_rows(self._engine, self._course.name, batch)
        except Exception as error:  # noqa: BLE001  # see above
            if len(batch) == 1:
                self._fail(batch[0].student, error)
                return {}
        written: dict[str, Written] = {}
        for values in batch:
            written |= self._write_rows([values])
        return written

    def _assign_penalties(self, written: Mapping[str, Written]) -> None:
        late = {student: each.lateness for student, each in written.items() if each.lateness.matters}
        try:
            failures = assign_penalties(self._engine, self._assigner, late)
        except Exception as error:  # noqa: BLE001  # see above
            failures = dict.fromkeys(late, error)
        for student, failure in failures.items():
            self._fail(student, failure)

    def _fail(self, student: str, error: Exception) -> None:
        self.failures[student] = _failure(student, error)
        del self._waiting[student]


def _failure(student: str, error: Exception) -> str:
    """The reason why a report was not recorded, as a sentence that names the student where only that one is affected."""
    from sqlalchemy.exc import DBAPIError

    if isinstance(error, KitError):
        return clean(str(error))
    if isinstance(error, OSError):
        return str(from_system(error))
    if isinstance(error, DBAPIError):
        kind = getattr(error.orig, "sqlite_errorname", "")
        return clean(f"{first_line_of(error)}. {_REMEDIES.get(kind, '')}".strip())
    return clean(f"{student}: {error!r}.")


def _by_reason(failures: Mapping[str, str]) -> list[str]:
    """A line for each reason: a full disk is one trouble, however many students wait for it."""
    students: dict[str, list[str]] = {}
    for student, reason in failures.items():
        students.setdefault(reason, []).append(student)
    return [
        reason if len(named) == 1 and _names(reason, named[0]) else f"{some(named)}: {reason}"
        for reason, named in students.items()
    ]


def _names(reason: str, student: str) -> bool:
    """Whether the text of a reason names the student."""
    return clean(student) in reason or shorten(student) in reason

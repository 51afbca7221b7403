"""The gradebook of a class, as a run sees it: whether it holds a report already, and bringing it up to date."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cnn_assignment.core.digests import file_digest
from cnn_assignment.core.errors import AuthoringError, GraderError
from cnn_assignment.core.model import Assignment, Report, Submission, Task
from cnn_assignment.core.texts import some
from cnn_assignment.reporting import FinalRow, MarkChanges

if TYPE_CHECKING:
    from cnn_assignment.nbgrader_course.class_feedback import FeedbackRun
    from cnn_assignment.nbgrader_course.gradebook.marks import GradebookMarks
    from cnn_assignment.nbgrader_course.gradebook.state import GradebookPlace


class Memory(Protocol):
    """What is remembered between runs over a class."""

    place: dict[str, Any] | None
    """Where the gradebook was, as `GradebookPlace` describes itself."""
    release: str
    """Digest of a release notebook and the hidden tests that belong together."""

    def recorded(self, student: str) -> str:
        """Digest of the rows that were recorded of a student's report; "" where there are none."""

    def mark_recorded(self, student: str, digest: str) -> None:
        """Remember that the gradebook holds a student's report, as rows of this digest."""

    def page(self, student: str) -> tuple[str, str] | None:
        """Of a student's feedback page, the digests of what it was made from and of its folder."""

    def put_page(self, student: str, key: str, folder: str) -> None:
        """Remember a feedback page that was written."""


class CourseGradebook:
    """nbgrader's gradebook, which is asked itself: it may have been put back, or written by others, since.

    nbgrader is imported only when there is something to write. collect_tasks: gives the tasks of the hidden tests.
    """

    def __init__(
        self, assignment: Assignment, journal: Memory, collect_tasks: Callable[[Assignment], Sequence[Task]]
    ) -> None:
        self._assignment = assignment
        self._collect_tasks = collect_tasks
        self._journal = journal
        self._rows: dict[str, str] | None = None
        # Whose penalty may be another one than it should be.
        self._unsettled: frozenset[str] = frozenset()

    def holds(self, student: str) -> bool:
        """Whether the gradebook holds the report of a student that the journal knows, and the penalty for it."""
        recorded = self._journal.recorded(student)
        if not recorded or student in self._unsettled:
            return False
        if self._rows is None:
            self._rows = self._read_rows()
        return self._rows.get(student) == recorded

    def find_release_problem(self, edition: str) -> GraderError | None:
        """What would keep every report out of the gradebook: there is no release notebook, or it is of other tests.

        edition: a digest of the hidden tests. They are collected for it once after each change.
        """
        from cnn_assignment.nbgrader_course.notebooks.annotate import check_same_tasks
        from cnn_assignment.nbgrader_course.notebooks.cells import read_release

        try:
            path = Path(self.locate().release)
            release = read_release(path)
            key = f"{edition} {file_digest(path)}"
            if key != self._journal.release:
                points = {task.id: task.max_score for task in self._collect_tasks(self._assignment)}
                check_same_tasks(release, points, self._assignment.name)
                self._journal.release = key
        except AuthoringError:
            return None  # it ends the run anyway
        except GraderError as error:
            return error
        return None

    def record(self, finished: Iterable[tuple[Submission, Report]]) -> GraderError | None:
        """Record reports as they come; what is wrong with the gradebook is returned, and costs no report."""
        from cnn_assignment.nbgrader_course import record

        try:
            self._rows = None
            record(self._assignment, finished, self._journal.mark_recorded)
            self.locate()
        except GraderError as error:
            return error
        return None

    def refresh_penalties(self, folders: Mapping[str, Path]) -> GraderError | None:
        """Bring all penalties up to date, and the times of students whose reports were kept: by name, where they handed in.

        Where nothing is late, nothing was, and no time is another one, there is nothing to do. A penalty that is there
        is asked for each time: what the course's plugin and its settings ask in turn nobody else knows. What went wrong
        is returned.
        """
        from cnn_assignment.nbgrader_course.gradebook.penalties import refresh_penalties
        from cnn_assignment.nbgrader_course.gradebook.state import has_other_time

        marks = self.read_marks()
        if marks is None:
            return None
        place = self.locate()
        changed = {name: folder for name, folder in folders.items() if has_other_time(place, name, folder)}
        late = {name for name, held in marks.students.items() if held.seconds_late > 0 or held.penalty > 0}
        if not (changed or late):
            return None
        try:
            failures = refresh_penalties(self._assignment, changed)
        except GraderError as error:
            self._unsettled = frozenset(late | changed.keys())
            return error
        self._unsettled = frozenset(failures)
        return _tell(failures, self._assignment.name) if failures else None

    def read_marks(self) -> GradebookMarks | None:
        """What the gradebook holds now; None where it cannot be read or does not know the assignment."""
        from cnn_assignment.nbgrader_course.gradebook.marks import read_marks

        self._rows = None
        with suppress(GraderError):  # which is told where something is to be written
            return read_marks(self.locate(), self._assignment.name)
        return None

    def final_rows(
        self, students: Iterable[str], reports: Mapping[str, Report], marks: GradebookMarks
    ) -> tuple[FinalRow, ...]:
        """The table of final marks; see `final.final_rows`."""
        from cnn_assignment.nbgrader_course.final import final_rows

        return final_rows(students, reports, marks, self.holds)

    @staticmethod
    def find_changes(before: GradebookMarks | None, after: GradebookMarks) -> MarkChanges:
        """What a run did to marks; see `final.find_changes`."""
        from cnn_assignment.nbgrader_course.final import find_changes

        return find_changes(before, after)

    def plan_feedback(self, students: Sequence[str], *, left_out: Sequence[str], jobs: int, fresh: bool) -> FeedbackRun:
        """The feedback pages of these students."""
        from cnn_assignment.nbgrader_course.class_feedback import FeedbackRun

        return FeedbackRun(
            self._assignment, students, self._journal, self.locate(), left_out=left_out, jobs=jobs, fresh=fresh
        )

    def _read_rows(self) -> dict[str, str]:
        from cnn_assignment.nbgrader_course.gradebook.state import read_recorded

        with suppress(GraderError):
            return read_recorded(self.locate(), self._assignment.name)
        return {}

    def locate(self) -> GradebookPlace:
        """Where the gradebook is: as nbgrader's configuration says, which is read again only when it has changed."""
        from cnn_assignment.nbgrader_course.gradebook.state import GradebookPlace, config_digest, locate

        if self._journal.place is not None:
            with suppress(ValueError):
                known = GradebookPlace.from_json(self._journal.place)
                if known.config_digest == config_digest(self._assignment):
                    return known
        place = locate(self._assignment)
        self._journal.place = place.to_json()
        return place


def _tell(failures: dict[str, str], assignment: str) -> GraderError:
    """One line for all students whose penalties failed alike."""
    alike = defaultdict(list)
    for student, reason in sorted(failures.items()):
        alike[reason].append(student)
    lines = [f"  {some(students)}: {reason}" for reason, students in alike.items()]
    return GraderError(
        f"late penalties that are not up to date: {len(failures)}\n" + "\n".join(lines).removesuffix("."),
        place=assignment,
        remedy="Mend what it names, mostly the plugin or its settings in nbgrader_config.py, and run this again.",
    )

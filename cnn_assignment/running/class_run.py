"""One run over a class: reports that are still right are kept, the others are made, and all of them are recorded."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from cnn_assignment.core.digests import data_digest, file_digest, kit_digest
from cnn_assignment.core.errors import AuthoringError, GraderError, UsageError, from_system
from cnn_assignment.core.model import Assignment, Report, ReportStatus, Submission
from cnn_assignment.explaining.misconception_cache import count_known, rows_file
from cnn_assignment.reporting import (
    FINAL_TABLE,
    FinalRow,
    MarkChanges,
    read_report,
    read_summary,
    report_path,
    write_class_csv,
    write_final_csv,
    write_report,
)
from cnn_assignment.running.client import withheld_report
from cnn_assignment.running.journal import Entry, Journal, open_journal
from cnn_assignment.running.pool import grade_all
from cnn_assignment.running.students import ReportKeys, Student
from cnn_assignment.submissions import find_submission, work_folder

CLASS_TABLE = "class.csv"
GONE = "gone"
"""The folder of reports of students whom the class does not have any more."""

Progress = Callable[[str], None]
# The rows of the table of final marks if there is one, whether an earlier one was removed, and what changed.
_Final = tuple[tuple[FinalRow, ...] | None, bool, MarkChanges]


class Feedback(Protocol):
    """Planned feedback pages. todo: the students whose page is to be made."""

    todo: list[str]

    def run(self, progress: Progress = ...) -> Any:
        """Make them."""


class Gradebook(Protocol):
    """A gradebook that reports are recorded in. Marks are whatever it gives for them, and get it back."""

    def holds(self, student: str) -> bool:
        """Whether it holds the report of a student that the journal knows, and the penalty for it."""

    def find_release_problem(self, edition: str) -> GraderError | None:
        """What would keep every report out of it. edition: a digest of the hidden tests."""

    def record(self, finished: Iterable[tuple[Submission, Report]]) -> GraderError | None:
        """Record reports as they come; what is wrong is returned, and costs no report."""

    def refresh_penalties(self, folders: Mapping[str, Path]) -> GraderError | None:
        """Bring penalties up to date. folders: where the students handed in whose reports were kept."""

    def read_marks(self) -> Any:
        """What it holds now; None where it cannot be read."""

    def final_rows(self, students: Iterable[str], reports: Mapping[str, Report], marks: Any) -> tuple[FinalRow, ...]:
        """The table of final marks. students: the class as it is now. reports: those that count now."""

    def find_changes(self, before: Any, after: Any) -> MarkChanges:
        """What became of marks."""

    def plan_feedback(self, students: Sequence[str], *, left_out: Sequence[str], jobs: int, fresh: bool) -> Feedback:
        """The feedback pages of students."""


# Grades submissions with so many processes, and yields each report as it is finished.
Grade = Callable[[Assignment, Iterator[Submission], int], Generator[Report]]
# A gradebook of an assignment, with what is remembered of it between runs.
OpenGradebook = Callable[[Assignment, Journal], Gradebook]


@dataclass(frozen=True, slots=True)
class GradingOptions:
    """Where reports go, how many processes grade, and which gradebook is filled too, if any.

    others: students of the class that are not in this run; the class table has them too. fresh: whether reports that are still
    right are made again; the same goes for feedback pages. feedback: whether the pages are wanted too, which needs the
    gradebook. grade: what grades, if it is not processes here; a cluster knows by itself how many jobs it has.
    """

    out: Path
    jobs: int = 1
    gradebook: OpenGradebook | None = None
    others: tuple[str, ...] = ()
    fresh: bool = False
    grade: Grade = grade_all
    feedback: bool = False


@dataclass(frozen=True, slots=True)
class GradedClass:
    """The reports of a class by student, without their tests, and what kept them out of the gradebook, if anything.

    ungraded: students in the class table who have no report by these tests. gone: students whose reports were set aside,
    because the class does not have them any more. final: the rows of the table of final marks, None where there is no
    such table now. has_removed_final: whether there was one, which nothing vouches for any more. changes: of marks in
    the gradebook.
    """

    reports: tuple[Report, ...]
    problem: GraderError | None = None
    ungraded: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    final: tuple[FinalRow, ...] | None = None
    has_removed_final: bool = False
    changes: MarkChanges = field(default_factory=MarkChanges)


def grade_class(
    assignment: Assignment,
    students: Sequence[Student],
    options: GradingOptions,
    progress: Progress = lambda _: None,
) -> GradedClass:
    """Plan a run and make it; see `ClassGrading`."""
    with open_class(assignment, students, options) as grading:
        return grading.run(progress)


@contextmanager
def open_class(assignment: Assignment, students: Sequence[Student], options: GradingOptions) -> Generator[ClassGrading]:
    """Plan a run over a class, one at a time in a folder.

    Raises UsageError for a student whose name cannot name a file, before anything is written, and where another run is
    grading into the same folder.
    """
    for student in students:
        report_path(options.out, student.name)
    options.out.mkdir(parents=True, exist_ok=True)
    with open_journal(options.out) as journal:
        yield ClassGrading(assignment, students, options, journal)


class ClassGrading:
    """A planned run: todo are the students to grade, unrecorded those whose report only the gradebook still lacks.

    A report is kept where everything that it was made from is as it was: the student's files, the hidden tests and all
    that belongs to them, the kit, and the Python and NumPy that run it. Digests of contents say so, and no clock.
    """

    def __init__(
        self, assignment: Assignment, students: Sequence[Student], options: GradingOptions, journal: Journal
    ) -> None:
        self._assignment = assignment
        self._options = options
        self._journal = journal
        self._gradebook = options.gradebook(assignment, journal) if options.gradebook is not None else None
        self._keys = ReportKeys(assignment)
        self._class = sorted({*(student.name for student in students), *options.others})
        self._reports: dict[str, Report] = {}
        self.todo: list[Student] = []
        self.unrecorded: list[Student] = []
        self._recorded: list[Student] = []
        for student in students:
            self._plan(student)

    @property
    def work(self) -> int:
        """Of how many students `run` will tell."""
        return len(self.todo) + len(self.unrecorded)

    def count_known(self) -> tuple[int, int] | None:
        """Of how many misconceptions graders on this machine know what they give, and how many there are."""
        return count_known(rows_file(self._keys.autograder, kit_digest()))

    @property
    def kept(self) -> int:
        """How many reports are still right."""
        return len(self._reports)

    @cached_property
    def release_problem(self) -> GraderError | None:
        """What will keep the reports of this run out of the gradebook, whatever they are."""
        if self._gradebook is None or not self.work:
            return None
        return self._gradebook.find_release_problem(self._keys.autograder)

    def run(self, progress: Progress = lambda _: None) -> GradedClass:
        """Grade, write each report as soon as it is finished, bring the gradebook up to date, and write both tables.

        Whatever ends this early, reports that were finished are whole, and the next run goes on from there. A gradebook
        that cannot be written costs no report. Raises AuthoringError, and leaves the tables as they are, where the hidden
        tests are not valid or cost the solution marks.
        """
        before = self._gradebook.read_marks() if self._gradebook is not None else None
        made = len(self._reports)
        try:
            problem = self._make(progress)
        except BaseException as error:
            # Tests that refuse to grade at all have nothing to say of the class.
            if not isinstance(error, AuthoringError) or len(self._reports) > made:
                with suppress(OSError):
                    self._conclude(before)
            if isinstance(error, OSError):
                raise self._unwritten(error, "reports") from error
            raise
        try:
            late_problem, rows, final = self._conclude(before)
            gone = self._set_aside()
        except OSError as error:
            raise self._unwritten(error, f"{CLASS_TABLE} and {FINAL_TABLE}") from error
        ungraded = tuple(student for student in self._class if student not in rows)
        reports = tuple(report for _, report in sorted(self._reports.items()))
        return GradedClass(reports, _both(problem, late_problem), ungraded, gone, *final)

    def _make(self, progress: Progress) -> GraderError | None:
        """Make and record what is to be made; what kept it out of the gradebook, if anything."""
        finished, problem = self._finish(progress), self.release_problem
        with closing(finished):
            if self._gradebook is not None and self.work and problem is None:
                problem = self._gradebook.record(finished)
            for _ in finished:
                pass
        return problem

    def _unwritten(self, error: OSError, what: str) -> UsageError:
        """An error of the system, with what is lost by it, and what is not."""
        told = from_system(error, self._options.out.as_posix())
        return UsageError(
            f"{told.fact}: not all {what} of this run could be written; {len(self._reports)} of {len(self._class)} students "
            "have theirs",
            place=told.place,
            remedy=told.remedy,
        )

    def plan_feedback(self) -> Feedback:
        """The feedback pages of this run's students, after `run`: of those whose report the gradebook holds.

        Raises UsageError where this run has no gradebook.
        """
        if self._gradebook is None:
            raise UsageError(
                "feedback pages show what nbgrader's gradebook holds, and this run leaves it alone",
                remedy="Leave out either --feedback or --no-gradebook.",
            )
        students = sorted(self._reports)
        held = [student for student in students if self._gradebook.holds(student)]
        return self._gradebook.plan_feedback(
            held, left_out=sorted({*students} - {*held}), jobs=self._options.jobs, fresh=self._options.fresh
        )

    def _plan(self, student: Student) -> None:
        report = None if self._options.fresh else self._find_kept(student)
        if report is None:
            self.todo.append(student)
            return
        self._reports[student.name] = report
        if self._gradebook is not None:
            (self._recorded if self._gradebook.holds(student.name) else self.unrecorded).append(student)

    def _find_kept(self, student: Student) -> Report | None:
        """The report in the folder, without its tests, if it is what grading would give now."""
        entry = self._journal.get(student.name)
        if entry is None or not entry.key:
            return None
        path = report_path(self._options.out, student.name)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        if data_digest(data) != entry.report or self._keys.of(student) != entry.key:
            return None
        report = read_summary(path, data)
        return report if report.level >= self._assignment.limits.required_level else None

    def _finish(self, progress: Progress) -> Generator[tuple[Submission, Report]]:
        """What is to be recorded: reports of earlier runs first, then each new one as soon as it is written."""
        for student in self.unrecorded:
            report = read_report(report_path(self._options.out, student.name))
            yield self._find_submission(student), report
            progress(student.name)
        keys = {}
        pending = {}
        broken = []

        def submissions() -> Iterator[Submission]:
            for student in self.todo:
                keys[student.name] = self._keys.of(student)
                try:
                    pending[student.name] = submission = self._find_submission(student)
                except GraderError as error:
                    broken.append(withheld_report(self._assignment, Submission(student.name, None), str(error)))
                    continue
                yield submission

        with closing(self._begin(submissions())) as graded:
            for report in graded:
                self._keep(report, keys.pop(report.student))
                yield pending.pop(report.student), report
                progress(report.student)
        for report in broken:
            self._keep(report, None)
            progress(report.student)

    def _begin(self, submissions: Iterator[Submission]) -> Generator[Report]:
        return self._options.grade(self._assignment, submissions, self._options.jobs)

    def _find_submission(self, student: Student) -> Submission:
        return find_submission(student.name, student.folder, self._assignment)

    def _keep(self, report: Report, key: str | None) -> None:
        path = write_report(report, self._options.out)
        self._reports[report.student] = report.without_tests()
        if key is None or report.status is ReportStatus.GRADER_ERROR:
            self._journal.drop(report.student)
        else:
            self._journal.put(Entry(report.student, key, file_digest(path)))

    def _conclude(self, before: Any) -> tuple[GraderError | None, dict[str, Report], _Final]:
        """Bring penalties up to date, and write both tables. Returns what went wrong, the reports that count, and the rest."""
        problem = None
        if self._gradebook is not None:
            folders = {student.name: work_folder(student.folder, self._assignment) for student in self._recorded}
            problem = self._gradebook.refresh_penalties(folders)
        rows = self._write_table()
        return problem, rows, self._write_final(rows, before)

    def _write_table(self) -> dict[str, Report]:
        """The table of the whole class as it is now, also after a run that ended early or was for some students only.

        Of those whom this run did not get to, reports of earlier runs count where the same tests made them: points of
        two editions do not belong into one table. Returns the reports that count.
        """
        rows = dict(self._reports)
        for student in self._class:
            if student not in rows:
                report = self._read_earlier(report_path(self._options.out, student))
                if report is not None and report.autograder_digest == self._keys.autograder:
                    rows[student] = report
        ungraded = [student for student in self._class if student not in rows]
        write_class_csv(rows.values(), self._options.out / CLASS_TABLE, ungraded)
        return rows

    def _write_final(self, reports: Mapping[str, Report], before: Any) -> _Final:
        """The table of final marks, from the gradebook as it is now.

        Where there is none to ask, an earlier table is removed: it might be uploaded as if it were of this run.
        """
        path = self._options.out / FINAL_TABLE
        marks = self._gradebook.read_marks() if self._gradebook is not None else None
        if self._gradebook is None or marks is None:
            has_been = path.exists()
            path.unlink(missing_ok=True)
            return None, has_been, MarkChanges()
        rows = self._gradebook.final_rows(self._class, reports, marks)
        write_final_csv(rows, path)
        return rows, False, self._gradebook.find_changes(before, marks)

    def _read_earlier(self, path: Path) -> Report | None:
        """A report of an earlier run of this assignment, None where there is no such file."""
        try:
            report = read_summary(path)
        except UsageError:
            return None
        return report if (report.assignment, report.student) == (self._assignment.name, path.stem) else None

    def _set_aside(self) -> tuple[str, ...]:
        """Put reports of students whom the class does not have any more into a folder of their own. Returns whose."""
        known = set(self._class)
        gone = []
        for path in sorted(self._options.out.glob("*.json")):
            if path.stem not in known and self._read_earlier(path) is not None:
                place = self._options.out / GONE
                place.mkdir(exist_ok=True)
                path.replace(place / path.name)
                self._journal.drop(path.stem)
                gone.append(path.stem)
        return tuple(gone)


def _both(first: GraderError | None, second: GraderError | None) -> GraderError | None:
    """What is wrong, once for each that is."""
    if first is None or second is None:
        return first or second
    return GraderError(f"{first}\n{second}".removesuffix("."))

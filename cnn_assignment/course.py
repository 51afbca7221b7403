"""Grading a whole class and building an assignment: what needs several roads at once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cnn_assignment.errors import GraderError, UsageError
from cnn_assignment.export import read_report, report_path, write_class_csv, write_report
from cnn_assignment.grading.pool import grade_all
from cnn_assignment.intake import find_submission
from cnn_assignment.model import Assignment, Report, Submission

CLASS_TABLE = "class.csv"


@dataclass(frozen=True, slots=True)
class GradingOptions:
    """Where reports go, how many processes grade, and whether nbgrader's gradebook is filled too."""

    out: Path
    jobs: int = 1
    gradebook: bool = True
    keep_others: bool = False


def find_submissions(assignment: Assignment, folder: Path, only: Sequence[str] = ()) -> list[Submission]:
    """One submission for each student's folder in folder, sorted by student.

    A student's folder is nbgrader's ``<student>/<assignment>/`` or just ``<student>/``. Raises UsageError where the
    folder is missing or empty, or holds none of the students in only.
    """
    if not folder.is_dir():
        raise UsageError(
            "no such folder", place=str(folder), remedy="Name nbgrader's submitted/ or a folder of student folders."
        )
    students = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__")))
    if not students:
        raise UsageError(
            "no student folders in here",
            place=str(folder),
            remedy=f"It should hold <student>/{assignment.name}.ipynb, <student>/{assignment.name}.py or "
            f"<student>/{assignment.name}/….",
        )
    unknown = sorted(set(only) - {path.name for path in students})
    if unknown:
        raise UsageError(f"no folder for {', '.join(unknown)}", place=str(folder), remedy="Check --only.")
    return [find_submission(path.name, path, assignment) for path in students if not only or path.name in only]


@dataclass(frozen=True, slots=True)
class GradedClass:
    """The reports of a class by student, and what kept them out of the gradebook, if anything did."""

    reports: tuple[Report, ...]
    problem: GraderError | None = None


def grade_class(
    assignment: Assignment,
    submissions: Sequence[Submission],
    options: GradingOptions,
    progress: Callable[[Report], None] = lambda _: None,
) -> GradedClass:
    """Grade, write each report as soon as it is finished, record the gradebook, and write the class table.

    Whatever ends this early, reports that were finished are whole, and recorded. A gradebook that cannot be written
    costs no report.
    """
    for submission in submissions:
        report_path(options.out, submission.student)  # refuses names that cannot be file names, before any work
    options.out.mkdir(parents=True, exist_ok=True)
    by_student = {submission.student: submission for submission in submissions}
    reports: list[Report] = []

    def finish() -> Generator[tuple[Submission, Report]]:
        with closing(grade_all(assignment, submissions, options.jobs)) as graded:
            for report in graded:
                write_report(report, options.out)
                reports.append(report)
                yield by_student[report.student], report
                progress(report)

    finished, problem = finish(), None
    try:
        with closing(finished):
            if options.gradebook:
                problem = _record(assignment, finished)
            for _ in finished:
                pass
    finally:
        _write_table(assignment, reports, options)
    return GradedClass(tuple(sorted(reports, key=lambda report: report.student)), problem)


def _record(assignment: Assignment, finished: Iterator[tuple[Submission, Report]]) -> GraderError | None:
    from cnn_assignment.gradebook import record

    try:
        record(assignment, finished)
    except GraderError as error:
        return error
    return None


def _write_table(assignment: Assignment, reports: list[Report], options: GradingOptions) -> None:
    """The table of these reports, and of those in the folder already where only some students were graded."""
    rows = {report.student: report for report in reports}
    if options.keep_others:
        for path in sorted(options.out.glob("*.json")):
            report = read_report(path)
            if report.assignment == assignment.name:
                rows.setdefault(report.student, report)
    write_class_csv(rows.values(), options.out / CLASS_TABLE)

"""Everything that is recorded of one submission, prepared before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_assignment.core.errors import UsageError
from cnn_assignment.core.model import Report, ReportStatus, Submission
from cnn_assignment.core.names import REMEDY, why_not_a_student
from cnn_assignment.core.texts import shorten
from cnn_assignment.nbgrader_course.gradebook.opening import OpenCourse
from cnn_assignment.nbgrader_course.gradebook.rows import StudentValues
from cnn_assignment.nbgrader_course.notebooks.annotate import annotate, cell_comments, withheld_error
from cnn_assignment.nbgrader_course.notebooks.cells import read_submitted, restore_notebook
from cnn_assignment.nbgrader_course.notebooks.files import is_linked, read_time

if TYPE_CHECKING:
    from nbformat import NotebookNode


@dataclass(frozen=True, slots=True)
class Graded:
    """Everything that is recorded of one submission. module: the file that was handed in, where it is not a notebook."""

    values: StudentValues
    notebook: NotebookNode
    folder: Path
    module: dict[str, bytes]


def prepare_graded(course: OpenCourse, release: NotebookNode, submission: Submission, report: Report) -> Graded:
    """Read the submitted file, and put the report into it.

    Raises GraderError where the grade is withheld, and UsageError for a student or a time that nobody could mean.
    """
    from nbgrader import utils

    if report.status is ReportStatus.GRADER_ERROR:
        raise withheld_error(report)
    _check_student(submission.student)
    path, data = submission.path, read_submitted(submission.path)
    notebook = annotate(restore_notebook(release, path.name if path else "", data, course.assignment), report)
    folder = _submission_folder(course, submission)
    scores = {
        cell.metadata["nbgrader"]["grade_id"]: utils.determine_grade(cell)[0]
        for cell in filter(utils.is_grade, notebook.cells)
    }
    time = None if is_linked(folder, course.assignment.root) else read_time(folder)
    is_unread = report.status is ReportStatus.UNREADABLE
    values = StudentValues(submission.student, time, scores, cell_comments(release, report), needs_person=is_unread)
    module = {path.name: data} if path and path.suffix == ".py" and data is not None else {}
    return Graded(values, notebook, folder, module)


def _check_student(student: str) -> None:
    reason = why_not_a_student(student)
    if reason is not None:
        raise UsageError(f"'{shorten(student)}' cannot name a folder: it {reason}", remedy=REMEDY)


def _submission_folder(course: OpenCourse, submission: Submission) -> Path:
    if submission.folder is not None:
        return submission.folder
    if submission.path is not None:
        return submission.path.parent
    return course.folder(course.directory.submitted_directory, submission.student)

"""All that is recorded of one submission, made ready before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_assignment.errors import UsageError
from cnn_assignment.gradebook.annotate import annotate, cell_comments, withheld
from cnn_assignment.gradebook.files import TIMESTAMP
from cnn_assignment.gradebook.notebooks import put_in_order, read_submitted
from cnn_assignment.gradebook.opening import OpenCourse
from cnn_assignment.gradebook.rows import Marks
from cnn_assignment.model import Report, ReportStatus, Submission

if TYPE_CHECKING:
    from nbformat import NotebookNode


@dataclass(frozen=True, slots=True)
class Graded:
    """All that is recorded of one submission. module: the file that was handed in, where it is not a notebook."""

    marks: Marks
    notebook: NotebookNode
    folder: Path
    module: dict[str, bytes]


def prepare(course: OpenCourse, release: NotebookNode, submission: Submission, report: Report) -> Graded:
    """Read what was handed in, and put the report into it.

    Raises GraderError where the grade is withheld, and UsageError for a student or a time that nobody could mean.
    """
    from nbgrader import utils

    if report.status is ReportStatus.GRADER_ERROR:
        raise withheld(report)
    _check_student(submission.student)
    path, data = submission.path, read_submitted(submission.path)
    notebook = annotate(put_in_order(release, path.name if path else "", data, course.assignment), report)
    folder = _submission_folder(course, submission)
    scores = {
        cell.metadata["nbgrader"]["grade_id"]: utils.determine_grade(cell)[0]
        for cell in filter(utils.is_grade, notebook.cells)
    }
    marks = Marks(submission.student, _read_timestamp(folder), scores, cell_comments(release, report))
    module = {path.name: data} if path and path.suffix == ".py" and data is not None else {}
    return Graded(marks, notebook, folder, module)


def _check_student(student: str) -> None:
    if student in ("", ".", "..") or Path(student).name != student or "\\" in student or "\0" in student:
        raise UsageError(f"{student!r} cannot name a folder", place="student", remedy="Rename the submission's folder.")


def _submission_folder(course: OpenCourse, submission: Submission) -> Path:
    if submission.folder is not None:
        return submission.folder
    if submission.path is not None:
        return submission.path.parent
    return course.folder(course.directory.submitted_directory, submission.student)


def _read_timestamp(folder: Path) -> datetime | None:
    from nbgrader.utils import parse_utc

    path = folder / TIMESTAMP
    if path.is_symlink() or not path.is_file():
        return None
    text = path.read_text(encoding="utf-8", errors="replace").strip()
    try:
        return parse_utc(text) if text else None
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"not a point in time: {text[:80]!r}", place=path.as_posix(), remedy="Mend or remove the file."
        ) from error

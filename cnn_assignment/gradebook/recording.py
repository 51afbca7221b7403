"""Record reports in nbgrader's gradebook: what `nbgrader autograde` would have left, without kernel and conversion."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn_assignment.errors import GraderError, KitError, UsageError
from cnn_assignment.gradebook.annotate import annotate, cell_comments, is_solution, withheld
from cnn_assignment.gradebook.files import SECRET, TIMESTAMP
from cnn_assignment.gradebook.notebooks import put_in_order, read_release, read_submitted
from cnn_assignment.model import Assignment, Report, ReportStatus, Submission
from cnn_assignment.programs import own_programs_first

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from nbgrader.api import Gradebook
    from nbgrader.apps.baseapp import NbGrader
    from nbgrader.coursedir import CourseDirectory

Progress = Callable[[str], None]

_GROUP_FOLDER = 0o2770


@dataclass(frozen=True, slots=True)
class _Course:
    """An nbgrader course, opened for one assignment."""

    app: NbGrader
    directory: CourseDirectory
    assignment: Assignment
    release: NotebookNode

    @property
    def name(self) -> str:
        return self.assignment.name

    def folder(self, step: str, student: str) -> Path:
        return Path(self.directory.format_path(step, student, self.name))

    def resources(self, student: str) -> dict[str, Any]:
        """What nbgrader's preprocessors want to know."""
        names = {"student": student, "assignment": self.name, "notebook": self.name, "db_url": self.directory.db_url}
        return {"nbgrader": names}


def record(
    assignment: Assignment, reports: Iterable[tuple[Submission, Report]], progress: Progress | None = None
) -> None:
    """Write reports into the course's nbgrader database and its ``autograded/`` folders.

    The assignment is registered from its release notebook where the database does not know it yet. Each submission
    is finished before the next report is taken from `reports`, which may therefore be a generator: an interruption
    loses nothing. Recording a report again leaves the same. Manual scores, extra credit and manual comments stay.
    progress: called with each student's name once that student is recorded.

    A submission that cannot be recorded, or whose grade is withheld, does not stop the others; a GraderError at the
    end names them all. Raises GraderError at once where the release notebook or the database cannot be used.
    Only one process at a time may record into a course.
    """
    course = _open_course(assignment)
    failures: list[str] = []
    with _open_gradebook(course) as gradebook:
        for submission, report in reports:
            try:
                _record_submission(course, gradebook, submission, report)
            except Exception as error:  # noqa: BLE001  # one student's trouble must not cost the class its grades
                gradebook.db.rollback()
                failures.append(_failure(submission.student, error))
            else:
                if progress is not None:
                    progress(submission.student)
    if failures:
        raise GraderError(
            f"{len(failures)} of the submissions not recorded:\n"
            + "\n".join(f"  {failure}" for failure in failures).removesuffix("."),
            place=course.name,
            remedy="All others are recorded.",
        )


def _open_course(assignment: Assignment) -> _Course:
    """The course as nbgrader itself configures it when it is started in the course's folder."""
    from nbgrader.apps.baseapp import NbGrader

    app = NbGrader(log_level=logging.ERROR)
    app.load_cwd_config = False
    app.initialize([], root=str(assignment.root))
    directory = app.coursedir
    folder = Path(directory.format_path(directory.release_directory, ".", assignment.name))
    return _Course(app, directory, assignment, read_release(folder / f"{assignment.name}.ipynb"))


def _open_gradebook(course: _Course) -> Gradebook:
    """The database with the assignment in it. Raises GraderError that tells what to mend."""
    from nbgrader.api import Gradebook
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    try:
        _register(course)
        return Gradebook(course.directory.db_url, course.directory.course_id)
    except (ArgumentError, ImportError) as error:
        raise GraderError(
            f"this address of a database cannot be used: {_first_line(error)}",
            place=f"CourseDirectory.db_url, {_shown_url(course)}",
            remedy="For PostgreSQL, install cnn-assignment[postgresql] and write "
            "postgresql+psycopg://user@host/database in nbgrader_config.py.",
        ) from error
    except (RuntimeError, ValueError, SQLAlchemyError) as error:
        raise _unusable_gradebook(course, error) from error


def _unusable_gradebook(course: _Course, error: Exception) -> GraderError:
    from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError

    if isinstance(error, InterfaceError | OperationalError | ProgrammingError):
        return GraderError(
            f"the gradebook's database cannot be used: {_first_line(error)}",
            place=_shown_url(course),
            remedy="Check that it runs, that CourseDirectory.db_url in nbgrader_config.py is right, and that you may "
            "write there; `nbgrader db upgrade` mends one of an older nbgrader. Then run this again.",
        )
    return GraderError(
        f"the gradebook cannot hold this assignment: {error}",
        place=course.name,
        remedy="Submissions of an older build keep its cells: restore that build, or remove them with `nbgrader db`.",
    )


def _failure(student: str, error: Exception) -> str:
    from sqlalchemy.exc import DBAPIError

    if isinstance(error, KitError):
        return str(error)
    return f"{student}: {_first_line(error) if isinstance(error, DBAPIError) else repr(error)}."


def _first_line(error: Exception) -> str:
    """What a database says in its first line; statements with their values, and links, come after it."""
    return str(error).strip().split("\n")[0]


def _shown_url(course: _Course) -> str:
    """The database's address without its password."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(course.directory.db_url).render_as_string(hide_password=True)
    except ArgumentError:
        return "not an address"


def _register(course: _Course) -> None:
    """Make the database know the assignment and its cells, as `nbgrader generate_assignment` would."""
    from nbgrader.api import Gradebook
    from nbgrader.preprocessors import SaveCells

    with own_programs_first(), Gradebook(course.directory.db_url, course.directory.course_id) as gradebook:
        gradebook.update_or_create_assignment(course.name)
        known = _is_registered(course, gradebook)
    if not known:
        SaveCells(parent=course.app).preprocess(copy.deepcopy(course.release), course.resources("."))


def _is_registered(course: _Course, gradebook: Gradebook) -> bool:
    from nbgrader.api import MissingEntry

    try:
        notebook = gradebook.find_notebook(course.name, course.name)
    except MissingEntry:
        return False
    points, sources, solutions = {}, {}, set()
    for cell in course.release.cells:
        marks = cell.metadata.get("nbgrader", {})
        if marks.get("grade") or marks.get("solution") or marks.get("locked") or marks.get("task"):
            sources[marks["grade_id"]] = cell.source
        if marks.get("grade"):
            points[marks["grade_id"]] = float(marks["points"])
        if is_solution(cell):
            solutions.add(marks["grade_id"])
    return (
        points == {cell.name: cell.max_score for cell in notebook.grade_cells}
        and sources == {cell.name: cell.source for cell in notebook.source_cells}
        and solutions == {cell.name for cell in notebook.solution_cells}
    )


@dataclass(frozen=True, slots=True)
class _Graded:
    """All that is recorded of one submission. data: the bytes of its file, None where there is none."""

    submission: Submission
    report: Report
    notebook: NotebookNode
    folder: Path
    timestamp: datetime | None
    data: bytes | None


def _record_submission(course: _Course, gradebook: Gradebook, submission: Submission, report: Report) -> None:
    graded = _prepare(course, submission, report)
    _write_grades(course, gradebook, graded)
    _write_files(course, graded)


def _prepare(course: _Course, submission: Submission, report: Report) -> _Graded:
    """Do all that can fail without the database first, so that a failure leaves the last record whole."""
    if report.status is ReportStatus.GRADER_ERROR:
        raise withheld(report)
    _check_student(submission.student)
    data = read_submitted(submission.path)
    file = submission.path.name if submission.path else ""
    notebook = annotate(put_in_order(course.release, file, data, course.assignment.classes), report)
    folder = _submission_folder(course, submission)
    return _Graded(submission, report, notebook, folder, _read_timestamp(folder), data)


def _check_student(student: str) -> None:
    if student in ("", ".", "..") or Path(student).name != student or "\\" in student or "\0" in student:
        raise UsageError(f"{student!r} cannot name a folder", place="student", remedy="Rename the submission's folder.")


def _submission_folder(course: _Course, submission: Submission) -> Path:
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


def _write_grades(course: _Course, gradebook: Gradebook, graded: _Graded) -> None:
    """Scores and comments of one student, by the rules of nbgrader's `SaveAutoGrades`, in one commit."""
    from nbgrader import utils
    from sqlalchemy.exc import SAWarning

    student = graded.submission.student
    gradebook.update_or_create_student(student)
    known = {} if graded.timestamp is None else {"timestamp": graded.timestamp}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # nbgrader links a new submission before it adds it
        submitted = gradebook.update_or_create_submission(course.name, student, **known)
    for cell in filter(utils.is_grade, graded.notebook.cells):
        name = cell.metadata["nbgrader"]["grade_id"]
        grade = gradebook.find_grade(name, course.name, course.name, student)
        grade.auto_score, _ = utils.determine_grade(cell)
        # A person who overrode the old score should look again, as after autograde.
        grade.needs_manual_grade = grade.manual_score is not None or grade.auto_score is None
    for name, text in cell_comments(course.release, graded.report).items():
        gradebook.find_comment(name, course.name, course.name, student).auto_comment = text
    is_late = submitted.total_seconds_late > 0
    if not is_late:
        gradebook.find_submission_notebook(course.name, course.name, student).late_submission_penalty = None
    gradebook.db.commit()
    if is_late:
        _assign_late_penalty(course, student)


def _assign_late_penalty(course: _Course, student: str) -> None:
    """Ask the course's own plugin, which needs the score to be in the database."""
    from nbformat.v4 import new_notebook
    from nbgrader.preprocessors import AssignLatePenalties

    AssignLatePenalties(parent=course.app).preprocess(new_notebook(), course.resources(student))


def _write_files(course: _Course, graded: _Graded) -> None:
    import nbformat

    path = graded.submission.path
    target = course.folder(course.directory.autograded_directory, graded.submission.student)
    files = _provided_files(course)
    for name in (TIMESTAMP, SECRET):
        content = read_submitted(graded.folder / name)
        if content is not None:
            files[name] = content
        else:
            (target / name).unlink(missing_ok=True)
    if path is not None and graded.data is not None and path.suffix == ".py":
        files[path.name] = graded.data
    files[f"{course.name}.ipynb"] = (nbformat.writes(graded.notebook) + "\n").encode()
    shared = course.directory.groupshared
    for name, content in files.items():
        _replace_file(target / name, content, 0o664 if shared else 0o644)
    if shared:
        _share_folders(course.folder(course.directory.autograded_directory, "."), target)


def _provided_files(course: _Course) -> dict[str, bytes]:
    """What students also got, by relative path: nbgrader puts it beside every graded notebook."""
    from nbgrader.utils import find_all_files

    source = course.folder(course.directory.source_directory, ".")
    paths = map(Path, find_all_files(str(source), [*course.directory.ignore, "*.ipynb"]))
    return {path.relative_to(source).as_posix(): path.read_bytes() for path in sorted(paths)}


def _replace_file(path: Path, content: bytes, mode: int) -> None:
    """Write at once or not at all; also over nbgrader's read-only files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.write_bytes(content)
    temporary.chmod(mode)
    temporary.replace(path)


def _share_folders(top: Path, target: Path) -> None:
    """Let the group write into the folders of one student, so that another instructor can grade again."""
    inside = [path for path in target.rglob("*") if path.is_dir() and not path.is_symlink()]
    above = [path for path in target.parents if path.is_relative_to(top.parent)]
    for path in (*above, target, *inside):
        mode = path.stat().st_mode & 0o7777
        if mode | _GROUP_FOLDER != mode:
            path.chmod(mode | _GROUP_FOLDER)

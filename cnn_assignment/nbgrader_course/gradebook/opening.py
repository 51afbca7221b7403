"""An nbgrader course as the kit opens it: its settings, its database with the assignment in it, and their troubles."""

from __future__ import annotations

import copy
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn_assignment.core.errors import GraderError
from cnn_assignment.core.model import Assignment
from cnn_assignment.core.programs import own_programs_first
from cnn_assignment.nbgrader_course.notebooks.annotate import is_solution
from cnn_assignment.nbgrader_course.notebooks.files import release_file

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from nbgrader.api import Gradebook
    from nbgrader.apps.baseapp import NbGrader
    from nbgrader.coursedir import CourseDirectory


@dataclass(frozen=True, slots=True)
class OpenCourse:
    """An nbgrader course, opened for one assignment."""

    app: NbGrader
    directory: CourseDirectory
    assignment: Assignment

    @property
    def name(self) -> str:
        """The assignment's name, which is that of its notebook too."""
        return self.assignment.name

    def folder(self, step: str, student: str) -> Path:
        """The folder of one step for one student, or for all of them where student is ``.``."""
        return Path(self.directory.format_path(step, student, self.name))

    @property
    def release_file(self) -> Path:
        """The notebook that students were given."""
        return release_file(self.directory, self.assignment)

    def resources(self, student: str) -> dict[str, Any]:
        """The names that nbgrader's preprocessors ask for."""
        names = {"student": student, "assignment": self.name, "notebook": self.name, "db_url": self.directory.db_url}
        return {"nbgrader": names}


def open_course(assignment: Assignment) -> OpenCourse:
    """The course as nbgrader itself configures it when it is started in the course's folder.

    Raises GraderError for settings that cannot be loaded. nbgrader would go on without them, with another database and
    no penalties.
    """
    from nbgrader.apps.baseapp import NbGrader

    app = NbGrader(log_level=logging.ERROR, raise_config_file_errors=True)
    app.load_cwd_config = False
    try:
        app.initialize([], root=str(assignment.root))
    except (Exception, SystemExit) as error:  # settings are a program, and may raise anything
        # Of a value of a wrong type the application tells by ending.
        reason = error.__context__ if isinstance(error, SystemExit) else error
        raise GraderError(
            f"nbgrader's settings cannot be loaded: {reason or error!r}",
            place=str(assignment.root),
            remedy="Mend nbgrader_config.py, or what it imports. No mark was changed.",
        ) from error
    return OpenCourse(app, app.coursedir, assignment)


def open_gradebook(course: OpenCourse, release: NotebookNode | None = None) -> Gradebook:
    """The database with the assignment in it, as the release notebook has it, for the caller to close.

    Without a release notebook the database is taken as it is. Raises GraderError that tells what to mend.
    """
    from nbgrader.api import Gradebook
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    try:
        if release is not None:
            _register(course, release)
        return Gradebook(course.directory.db_url, course.directory.course_id)
    except (ArgumentError, ImportError) as error:
        raise GraderError(
            f"this address of a database cannot be used: {first_line_of(error)}",
            place=f"CourseDirectory.db_url, {_shown_url(course)}",
            remedy="For PostgreSQL, install cnn-assignment[postgresql] and write "
            "postgresql+psycopg://user@host/database in nbgrader_config.py.",
        ) from error
    except (RuntimeError, ValueError, SQLAlchemyError) as error:
        raise _unusable_gradebook(course, error) from error


def first_line_of(error: Exception) -> str:
    """The first line of a database's message; statements with their values, and links, come after it."""
    return str(error).strip().split("\n")[0]


def _unusable_gradebook(course: OpenCourse, error: Exception) -> GraderError:
    from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError

    if isinstance(error, InterfaceError | OperationalError | ProgrammingError):
        return GraderError(
            f"the gradebook's database cannot be used: {first_line_of(error)}",
            place=_shown_url(course),
            remedy="Check that it runs, that CourseDirectory.db_url in nbgrader_config.py is right, and that you may "
            "write there; `nbgrader db upgrade` mends one of an older nbgrader. Then run this again.",
        )
    return GraderError(
        f"the gradebook cannot hold this assignment: {error}",
        place=course.name,
        remedy="Submissions of an older build keep its cells: restore that build, or remove them with `nbgrader db`.",
    )


def _shown_url(course: OpenCourse) -> str:
    """The database's address without its password."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(course.directory.db_url).render_as_string(hide_password=True)
    except ArgumentError:
        return "not an address"


def _register(course: OpenCourse, release: NotebookNode) -> None:
    """Make the database know the assignment and its cells, as `nbgrader generate_assignment` would."""
    from nbgrader.api import Gradebook
    from nbgrader.preprocessors import SaveCells

    with own_programs_first(), Gradebook(course.directory.db_url, course.directory.course_id) as gradebook:
        gradebook.update_or_create_assignment(course.name)
        known = _is_registered(course, release, gradebook)
    if not known:
        SaveCells(parent=course.app).preprocess(copy.deepcopy(release), course.resources("."))


def _is_registered(course: OpenCourse, release: NotebookNode, gradebook: Gradebook) -> bool:
    from nbgrader.api import MissingEntry

    try:
        notebook = gradebook.find_notebook(course.name, course.name)
    except MissingEntry:
        return False
    points, sources, solutions = {}, {}, set()
    for cell in release.cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("grade") or about.get("solution") or about.get("locked") or about.get("task"):
            sources[about["grade_id"]] = cell.source
        if about.get("grade"):
            points[about["grade_id"]] = float(about["points"])
        if is_solution(cell):
            solutions.add(about["grade_id"])
    return (
        points == {cell.name: cell.max_score for cell in notebook.grade_cells}
        and sources == {cell.name: cell.source for cell in notebook.source_cells}
        and solutions == {cell.name for cell in notebook.solution_cells}
    )

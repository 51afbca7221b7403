"""nbgrader's converter behind `autograde`, for submissions that it would pass over or that would end its run.

Which notebooks there are nbgrader decides before any preprocessor is asked, by the names of files. For the kit's
assignments every student's folder is a submission, whatever lies in it.
"""

from __future__ import annotations

import glob
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps.api import NbGraderAPI
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets import Callable as CallableTrait

from cnn_assignment.core.errors import AuthoringError, GraderError, KitError, ProtectionError, TooLargeError, UsageError
from cnn_assignment.core.layout import list_assignments, load_assignment
from cnn_assignment.core.model import Assignment, Report, Submission, Task
from cnn_assignment.core.names import refusal, why_not_a_student
from cnn_assignment.nbgrader_course.notebooks.annotate import check_same_tasks
from cnn_assignment.nbgrader_course.notebooks.cells import read_release
from cnn_assignment.nbgrader_course.notebooks.files import (
    CopyBudget,
    copy_regular_files,
    find_submitted,
    is_linked,
    read_time,
    release_file,
)
from cnn_assignment.nbgrader_course.notebooks.logs import keep_clean
from cnn_assignment.submissions.plain.folder import FILE_CAP

# Types of files that no browser takes for a page or a program. Formgrader's server sends the files beside a graded notebook
# as their endings say, and with the rights of the person who is logged in, so no files of other types may lie there.
_ENDINGS = frozenset(
    {".csv", ".gif", ".ipynb", ".jpeg", ".jpg", ".json", ".npy", ".npz", ".png", ".py", ".txt", ".toml"}
)
_NAME = re.compile(r"\w[\w .()+-]{0,150}")


BeginFunction = Callable[[Assignment, Submission], Callable[[], Report]]
"""Begins to grade a submission, and returns a function that waits for the report."""

PrepareFunction = Callable[[Assignment], Sequence[Task]]
"""Returns the tasks that are graded. Raises the error that keeps every submission from being graded."""

_KILOBYTE = 1000  # as nbgrader counts in its setting max_dir_size


def configure_reading() -> None:
    """Let nbgrader read times and names that students chose with care, wherever it reads them."""
    for owner, function in (
        (CourseDirectory, get_existing_timestamp),
        (NbGraderAPI, get_submitted_timestamp),
        (NbGraderAPI, get_submitted_students),
    ):
        setattr(owner, function.__name__, function)


def get_existing_timestamp(self: CourseDirectory, dest_path: str) -> datetime | None:
    """The time of a submission's folder. One that cannot be read counts as none, with a warning, and ends no run."""
    folder = Path(dest_path)
    if is_linked(folder, Path(self.root)):
        return None
    try:
        return read_time(folder)
    except UsageError as error:
        keep_clean(self.log)
        self.log.warning("%s", error)
        return None


def get_submitted_timestamp(self: NbGraderAPI, assignment_id: str, student_id: str) -> datetime | None:
    """The same time for formgrader's pages."""
    course = self.coursedir
    return get_existing_timestamp(course, course.format_path(course.submitted_directory, student_id, assignment_id))


def get_submitted_students(self: NbGraderAPI, assignment_id: str) -> set[str]:
    """The students whom formgrader's pages show: folders with names that can be a student's."""
    course = self.coursedir
    step = course.submitted_directory
    folders = filter(os.path.isdir, glob.glob(course.format_path(step, "*", assignment_id)))  # noqa: PTH207
    pattern = course.format_path(
        step, "(?P<student_id>.*)", ".*" if assignment_id == "*" else re.escape(assignment_id), escape=True
    )
    found = (re.fullmatch(pattern, folder, re.DOTALL) for folder in folders)
    students = {match["student_id"] for match in found if match is not None}
    return {student for student in students if why_not_a_student(student) is None}


class AutogradeAnything(Autograde):
    """Autogrades a folder with a module, a renamed notebook or nothing at all as one with a notebook.

    A folder whose name cannot be a student's is left out with an error message; all others are graded.
    """

    begin_report = CallableTrait(
        default_value=None,
        allow_none=True,
        help="A function (Assignment, Submission) -> (() -> Report) that begins to grade and returns before it is done.",
    ).tag(config=True)

    prepare = CallableTrait(
        default_value=None,
        allow_none=True,
        help="A function (Assignment) -> tasks that is called before a class, and raises what would stop every submission.",
    ).tag(config=True)

    _staged: str | None = None
    _nobodys: int = 0
    # Of the student whose turn it is: what was handed in, and what waits for its report.
    _submission: Submission | None = None
    _begun: Callable[[], Report] | None = None

    def init_notebooks(self) -> None:
        """Find the folders; each has the assignment's notebook, if only by name."""
        keep_clean(self.log)
        name = self.coursedir.assignment_id
        pattern = self._format_source(name, self.coursedir.student_id)
        folders = list(filter(_is_folder_or_link, glob.glob(pattern)))  # noqa: PTH207 - nbgrader's way
        if not (folders and self._is_ours(name)):
            super().init_notebooks()
            return
        refusals = {folder: refusal(self._student(folder)) for folder in folders}
        told = [line for line in refusals.values() if line is not None]
        for line in told:
            self.log.error("Not graded: %s", line)
        self._nobodys = len(told)
        self.assignments = {
            folder: [f"{folder}{os.sep}{name}.ipynb"] for folder, line in refusals.items() if line is None
        }

    def convert_notebooks(self) -> None:
        """Process all submissions; fails at the end where folders were left out, as where one could not be graded.

        An error that would stop every submission is told once, before anything is changed.
        """
        self._refuse_what_stops_all()
        super().convert_notebooks()
        if self._nobodys:
            told = f"{self._nobodys} folders are nobody's and not graded; all others are."
            self.log.error(told)
            raise NbGraderException(told)

    def _refuse_what_stops_all(self) -> None:
        """Broken hidden tests, and a release notebook that is missing or of other tests."""
        name = self.coursedir.assignment_id
        prepare: PrepareFunction | None = self.prepare
        if prepare is None or not self.assignments or not self._is_ours(name):
            return
        assignment = load_assignment(Path(self.coursedir.root), name)
        try:
            release = read_release(release_file(self.coursedir, assignment))
            try:
                tasks = prepare(assignment)
            except (AuthoringError, ProtectionError):
                raise
            except GraderError:
                return  # it may be gone when the first submission asks again, and is told there if not
            check_same_tasks(release, {task.id: task.max_score for task in tasks}, name)
        except (AuthoringError, GraderError) as error:
            told = str(error)
            self.log.error(told)  # noqa: TRY400 - for a person who mends a file, and a traceback shows none
            raise NbGraderException(told) from error

    def _student(self, folder: str) -> str:
        pattern = self._format_source("(?P<assignment_id>.*)", "(?P<student_id>.*)", escape=True)
        match = re.fullmatch(pattern, folder, re.DOTALL)
        return match["student_id"] if match is not None else ""

    def _format_source(self, assignment_id: str, student_id: str, escape: bool = False) -> str:
        """Where a submission lies: while nbgrader copies its files, a copy that holds harmless ones only."""
        return self._staged or super()._format_source(assignment_id, student_id, escape)

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        """Whether to process a submission. A time that cannot be read fails this submission alone."""
        folder = Path(self._format_source(assignment_id, student_id))
        try:
            if not is_linked(folder, Path(self.coursedir.root)):
                read_time(folder)
        except UsageError as error:
            raise NbGraderException(
                f"the timestamp.txt of {student_id} is not a point in time: mend or remove it, and autograde again"
            ) from error
        return bool(super().init_destination(assignment_id, student_id))

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Copy the files beside the notebook and make the rows of the database."""
        if not self._is_ours(assignment_id):
            super().init_assignment(assignment_id, student_id)
            return
        self._begin(assignment_id, student_id)
        with self._harmless_files_only(assignment_id, student_id), self._kept_scores(assignment_id, student_id):
            super().init_assignment(assignment_id, student_id)

    def find_submission(self, assignment: Assignment, student: str) -> Submission:
        """A student's submission. It is looked for once a turn, because the choice among several files may need to read them."""
        if self._submission is None or self._submission.student != student:
            self._submission = find_submitted(self.coursedir, assignment, student)
        return self._submission

    def take_begun(self, submission: Submission) -> Callable[[], Report] | None:
        """The function that waits for the report of a submission, if its grading has begun in this turn; else None."""
        begun, self._begun = self._begun, None
        return begun if submission == self._submission else None

    def _begin(self, assignment_id: str, student_id: str) -> None:
        """Begin to grade a submission; that goes on while nbgrader copies and converts its files."""
        self._submission = self._begun = None
        begin: BeginFunction | None = self.begin_report
        if begin is None:
            return
        # The error is raised again where the report is asked for.
        with suppress(KitError):
            assignment = load_assignment(Path(self.coursedir.root), assignment_id)
            self._begun = begin(assignment, self.find_submission(assignment, student_id))

    def _is_ours(self, assignment_id: str) -> bool:
        ours = assignment_id in list_assignments(Path(self.coursedir.root))
        return ours and self.coursedir.notebook_id in {"*", assignment_id}

    @contextmanager
    def _harmless_files_only(self, assignment_id: str, student_id: str) -> Iterator[None]:
        """Let nbgrader copy plain files only: a link shows what it leads to, and a pipe never ends.

        Of known kinds: formgrader's server would show any other to the instructor as a page of its own.
        """
        source = Path(self._format_source(assignment_id, student_id))
        with tempfile.TemporaryDirectory(prefix="submission-") as place:
            staged = Path(place, "files")
            staged.mkdir()
            if not is_linked(source, Path(self.coursedir.root)):
                staged = self._stage(source, staged, student_id)
            self._staged = str(staged)
            try:
                yield
            finally:
                self._staged = None

    def _stage(self, source: Path, target: Path, student_id: str) -> Path:
        """The folder with the files to copy. These are for people to look at: grading reads the files that were handed in."""
        try:
            for path in copy_regular_files(
                source, target, CopyBudget(self.coursedir.max_dir_size * _KILOBYTE), _is_harmless
            ):
                self.log.warning(
                    "Not copied, because it is no plain file of a known kind, or too large: %s of %s",
                    path.name,
                    student_id,
                )
        except TooLargeError as error:
            self.log.warning("Nothing is copied of what %s handed in: %s", student_id, error)
            target = target.with_name("none")
            target.mkdir()
        return target

    @contextmanager
    def _kept_scores(self, assignment_id: str, student_id: str) -> Iterator[None]:
        """Undo the zeros that nbgrader writes where it misses the notebook: a grade may yet be withheld."""
        before = self._read_scores(assignment_id, student_id)
        yield
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
            submission = gradebook.find_submission_notebook(assignment_id, assignment_id, student_id)
            for grade in submission.grades:
                grade.auto_score, grade.needs_manual_grade = before.get(grade.name, (None, False))
            gradebook.db.commit()

    def _read_scores(self, assignment_id: str, student_id: str) -> dict[str, tuple[float | None, bool]]:
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
            try:
                submission = gradebook.find_submission_notebook(assignment_id, assignment_id, student_id)
            except MissingEntry:
                return {}
            return {grade.name: (grade.auto_score, grade.needs_manual_grade) for grade in submission.grades}


def _is_folder_or_link(path: str) -> bool:
    """Whether a path is a folder or a link, also one that leads nowhere. Unlike pathlib's methods this never raises."""
    return os.path.islink(path) or os.path.isdir(path)  # noqa: PTH112, PTH114


def _is_harmless(name: str, size: int) -> bool:
    known = Path(name).suffix.lower() in _ENDINGS and _NAME.fullmatch(name) is not None
    return known and size <= FILE_CAP

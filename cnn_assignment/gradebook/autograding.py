"""nbgrader's converter behind `autograde`, for submissions that it would pass over or that would end its run.

Which notebooks there are nbgrader decides before any preprocessor is asked, by the names of files. For the kit's
assignments every student's folder is a submission, whatever lies in it.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException

from cnn_assignment.intake.folder import FILE_CAP
from cnn_assignment.layout import list_assignments

# What no browser takes for a page or a program, whatever is in it. Formgrader's server gives out what lies beside a graded
# notebook as what its ending says, with the rights of whoever looks; so this is a list of what may lie there.
_ENDINGS = frozenset(
    {".csv", ".gif", ".ipynb", ".jpeg", ".jpg", ".json", ".npy", ".npz", ".png", ".py", ".txt", ".toml"}
)
_NAME = re.compile(r"\w[\w .()+-]{0,150}")


class AutogradeAnything(Autograde):
    """Autogrades a folder with a module, a renamed notebook or nothing at all as one with a notebook."""

    def init_notebooks(self) -> None:
        """Find the folders; each has the assignment's notebook, if only by name."""
        name = self.coursedir.assignment_id
        pattern = self._format_source(name, self.coursedir.student_id)
        folders = [folder for folder in glob.glob(pattern) if Path(folder).is_dir()]  # noqa: PTH207 - nbgrader's way
        if not (folders and self._is_ours(name)):
            super().init_notebooks()
            return
        self.assignments = {folder: [f"{folder}{os.sep}{name}.ipynb"] for folder in folders}

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        """Whether to process a submission. A time that cannot be read is one student's trouble, and told as such."""
        try:
            self.coursedir.get_existing_timestamp(self._format_source(assignment_id, student_id))
        except (Exception, SystemExit) as error:
            raise NbGraderException(
                f"the timestamp.txt of {student_id} is not a point in time: mend or remove it, and autograde again"
            ) from error
        return bool(super().init_destination(assignment_id, student_id))

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Copy the files beside the notebook and make the rows of the database."""
        if not self._is_ours(assignment_id):
            super().init_assignment(assignment_id, student_id)
            return
        with self._harmless_files_only(assignment_id, student_id), self._kept_scores(assignment_id, student_id):
            super().init_assignment(assignment_id, student_id)

    def _is_ours(self, assignment_id: str) -> bool:
        ours = assignment_id in list_assignments(Path(self.coursedir.root))
        return ours and self.coursedir.notebook_id in {"*", assignment_id}

    @contextmanager
    def _harmless_files_only(self, assignment_id: str, student_id: str) -> Iterator[None]:
        """Let nbgrader copy plain files only: a link shows what it leads to, and a pipe never ends.

        Of known kinds: formgrader's server would show any other to the instructor as a page of its own.
        """
        source, before = Path(self._format_source(assignment_id, student_id)), self.coursedir.ignore
        odd = {path.name for path in source.rglob("*") if not path.is_dir() and not _is_harmless(path)}
        for name in sorted(odd):
            self.log.warning(
                "Not copied, because it is no plain file of a known kind, or too large: %s of %s",
                ascii(name)[:200],
                student_id,
            )
        self.coursedir.ignore = [*before, *map(glob.escape, sorted(odd))]
        try:
            yield
        finally:
            self.coursedir.ignore = before

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


def _is_harmless(path: Path) -> bool:
    plain = path.is_file() and not path.is_symlink()
    known = path.suffix.lower() in _ENDINGS and _NAME.fullmatch(path.name) is not None
    return plain and known and path.stat().st_size <= FILE_CAP

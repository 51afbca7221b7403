"""Feedback as `nbgrader generate_feedback` leaves it: made by nbgrader's own converter, and put in place whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from cnn_assignment.core.layout import SECRET, TIMESTAMP
from cnn_assignment.core.model import Assignment
from cnn_assignment.nbgrader_course.gradebook.folders import share_folders
from cnn_assignment.nbgrader_course.gradebook.opening import OpenCourse, open_course
from cnn_assignment.nbgrader_course.gradebook.page_converter import open_page_converter
from cnn_assignment.nbgrader_course.notebooks.logs import keep_clean


class FeedbackWriter:
    """Writes the feedback of one assignment, student by student. Opens the course, which starts nbgrader."""

    def __init__(self, assignment: Assignment) -> None:
        self._course = open_course(assignment)
        keep_clean(self._course.app.log)
        self._converter = open_page_converter(self._course)
        self._draft: Path | None = None

    def write(self, student: str) -> None:
        """Write one student's folder: the page of the graded notebook, and the files that lie beside that.

        Each file is put in place at once or not at all, the page last. Where anything fails there is no page
        afterwards, rather than one with other marks than the gradebook's. Raises whatever nbgrader raises.
        """
        directory = self._course.directory
        target = self._course.folder(directory.feedback_directory, student)
        # In the same file system, and where nothing looks for pages.
        draft = target.with_name(f".{target.name}.unfinished")
        self._draft = draft
        self.discard()
        try:
            draft.mkdir(parents=True)
            self._fill(draft, student)
            _put_in_place(draft, target, int(str(self._converter.permissions), 8))
            if directory.groupshared:
                share_folders(self._course.folder(directory.feedback_directory, "."), target)
        except Exception:
            (target / page_name(self._course.assignment)).unlink(missing_ok=True)
            raise
        finally:
            self.discard()

    def discard(self) -> None:
        """Take away what is unfinished."""
        if self._draft is not None:
            shutil.rmtree(self._draft, ignore_errors=True)

    def _fill(self, draft: Path, student: str) -> None:
        course, converter = self._course, self._converter
        graded = course.folder(course.directory.autograded_directory, student)
        notebook = graded / f"{course.name}.ipynb"
        converter.notebooks = [str(notebook)]
        converter.run_pre_convert_hook()
        for path in _list_beside(graded, course):
            copy = draft / path.relative_to(graded)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        names = {"unique_key": course.name, "output_files_dir": f"{course.name}_files"}
        page, made = converter.exporter.from_filename(str(notebook), resources=names | course.resources(student))
        converter.writer.build_directory = str(draft)
        converter.writer.write(page, made, notebook_name=course.name)
        converter.run_post_convert_hook()


def page_name(assignment: Assignment) -> str:
    """The name of a page's file."""
    return f"{assignment.name}.html"


def _list_beside(graded: Path, course: OpenCourse) -> Iterator[Path]:
    """The files that nbgrader copies beside a page, without links: of a link it would copy the target."""
    from nbgrader.utils import find_all_files

    paths = map(Path, find_all_files(str(graded), [*course.directory.ignore, "*.ipynb"]))
    return (path for path in paths if path.is_file() and not path.is_symlink())


def _put_in_place(draft: Path, target: Path, mode: int) -> None:
    """Move the files of a folder into another one, pages last. Without a time or a secret in it, the old ones go."""
    files = [path for path in draft.rglob("*") if path.is_file()]
    for path in files:
        path.chmod(mode)
    if not target.exists():
        draft.replace(target)
        return
    for name in {TIMESTAMP, SECRET} - {path.name for path in files if path.parent == draft}:
        (target / name).unlink(missing_ok=True)
    for path in sorted(files, key=lambda path: (path.suffix == ".html", path)):
        place = target / path.relative_to(draft)
        place.parent.mkdir(parents=True, exist_ok=True)
        path.replace(place)

"""The folders of graded work, `autograded/` by default, with the files that `nbgrader autograde` leaves there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_assignment.core.layout import SECRET, TIMESTAMP
from cnn_assignment.nbgrader_course.gradebook.opening import OpenCourse
from cnn_assignment.nbgrader_course.notebooks.cells import read_submitted
from cnn_assignment.nbgrader_course.notebooks.files import is_linked

if TYPE_CHECKING:
    from nbformat import NotebookNode

_GROUP_FOLDER = 0o2770
_UNFINISHED = ".unfinished.tmp"


class GradedFolders:
    """Writes the folders of one assignment. The provided files are listed once, when this object is made."""

    def __init__(self, course: OpenCourse) -> None:
        self._course = course
        self._provided = _list_provided(course)

    def write(self, student: str, notebook: NotebookNode, submitted: Path, module: Mapping[str, bytes]) -> None:
        """Write one student's folder, each file at once or not at all.

        submitted: the folder that was handed in, whose time and secret are copied unless it is a link. module: the file
        that was handed in, by its name, where it is not a notebook.
        """
        course = self._course
        target = course.folder(course.directory.autograded_directory, student)
        files = {name: path.read_bytes() for name, path in self._provided.items()}
        files |= module
        files[f"{course.name}.ipynb"] = _to_bytes(notebook)
        for name in (TIMESTAMP, SECRET):
            _take_along(course, submitted, target, name)
        for name, content in files.items():
            _put(course, target / name, content)
        if course.directory.groupshared:
            share_folders(course.folder(course.directory.autograded_directory, "."), target)


def write_time(course: OpenCourse, student: str, submitted: Path) -> None:
    """Copy the time of a student's submission to the graded work, and leave all else as it is."""
    _take_along(course, submitted, course.folder(course.directory.autograded_directory, student), TIMESTAMP)


def _take_along(course: OpenCourse, submitted: Path, target: Path, name: str) -> None:
    """Copy a file from a folder that was handed in, unless that is a link; without such a file there is none."""
    content = None if is_linked(submitted, course.assignment.root) else read_submitted(submitted / name)
    if content is None:
        (target / name).unlink(missing_ok=True)
    else:
        _put(course, target / name, content)


def _put(course: OpenCourse, path: Path, content: bytes) -> None:
    _replace_file(path, content, 0o664 if course.directory.groupshared else 0o644)


def _to_bytes(notebook: NotebookNode) -> bytes:
    """The notebook's file, as nbformat writes it but in one line: copying and indenting it first costs ten times as much."""
    return (json.dumps(notebook, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _list_provided(course: OpenCourse) -> dict[str, Path]:
    """The provided files by relative path: nbgrader puts them beside every graded notebook."""
    from nbgrader.utils import find_all_files

    source = course.folder(course.directory.source_directory, ".")
    paths = map(Path, find_all_files(str(source), [*course.directory.ignore, "*.ipynb"]))
    return {path.relative_to(source).as_posix(): path for path in sorted(paths)}


def _replace_file(path: Path, content: bytes, mode: int) -> None:
    """Write at once or not at all; also over nbgrader's read-only files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(_UNFINISHED)  # a student's file may have the longest name that there is
    temporary.unlink(missing_ok=True)
    temporary.write_bytes(content)
    temporary.chmod(mode)
    temporary.replace(path)


def share_folders(top: Path, target: Path) -> None:
    """Let the group write into the folders of one student, so that another instructor can grade again."""
    inside = [path for path in target.rglob("*") if path.is_dir() and not path.is_symlink()]
    above = [path for path in target.parents if path.is_relative_to(top.parent)]
    for path in (*above, target, *inside):
        mode = path.stat().st_mode & 0o7777
        if mode | _GROUP_FOLDER != mode:
            path.chmod(mode | _GROUP_FOLDER)

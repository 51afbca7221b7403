"""Digests of everything besides the notebook that a feedback page is made from: gradebook, templates and libraries.

They are read without nbgrader, which starts slowly, so that pages that are still right cost next to nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn_assignment.nbgrader_course.gradebook.state import GradebookPlace, SubmittedTables, ask_database

if TYPE_CHECKING:
    from sqlalchemy import Select

# The libraries that write parts of a page; each of them has changed its output before.
_LIBRARIES = (
    "beautifulsoup4",
    "bleach",
    "ipython",
    "jinja2",
    "jupyterlab_pygments",
    "markupsafe",
    "mistune",
    "nbconvert",
    "nbformat",
    "nbgrader",
    "nh3",
    "pygments",
)
# nbconvert puts it into pages where there is one.
_OWN_STYLE = Path("custom", "custom.css")
_PENALTY = "late_submission_penalty"


def read_shown(place: GradebookPlace, assignment_name: str) -> dict[str, str]:
    """For each student a digest of the values that a page shows: points, changes by people, comments, penalty.

    Empty where the database cannot be read.
    """
    shown: dict[str, list[list[Any]]] = defaultdict(list)
    for number, rows in enumerate(ask_database(place, _queries(assignment_name)) or ()):
        for row in rows:
            shown[row[0]].append([number, *row[1:]])
    return {student: _digest(sorted(json.dumps(row) for row in rows)) for student, rows in shown.items()}


def look_digest(place: GradebookPlace) -> str:
    """A digest of the templates and the libraries that write a page."""
    templates = [folder_digest(Path(folder)) for folder in place.templates.split(os.pathsep)]
    own = _OWN_STYLE.read_bytes().decode("utf-8", "replace") if _OWN_STYLE.is_file() else ""
    return _digest([templates, own, [version(name) for name in _LIBRARIES]])


def folder_digest(folder: Path) -> str:
    """A digest of the files in a folder, their names and every byte; links are not followed."""
    return _digest(
        [
            (path.relative_to(folder).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest())
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.is_symlink()
        ]
    )


def _digest(data: Any) -> str:
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()


def _queries(assignment: str) -> Iterator[Select[Any]]:
    """The student and what is shown of it, a row for each grade, each comment and each notebook."""
    from sqlalchemy import column, select, table

    tables = SubmittedTables(_PENALTY)
    submitted, student = tables.part, tables.submission.c.student_id
    cell = table("base_cell", column("id"), column("name"), column("type"))
    most = [table(name, column("id"), column("max_score")) for name in ("grade_cells", "task_cells")]
    grade = table("grade", *map(column, ("notebook_id", "cell_id", "auto_score", "manual_score", "extra_credit")))
    comment = table("comment", *map(column, ("notebook_id", "cell_id", "auto_comment", "manual_comment")))

    names = (cell.c.name, cell.c.type)
    yield tables.of(select(student, submitted.c[_PENALTY]).select_from(submitted), assignment)
    points = select(
        student, *names, grade.c.auto_score, grade.c.manual_score, grade.c.extra_credit, *(t.c.max_score for t in most)
    )
    points = points.select_from(grade).join(cell, cell.c.id == grade.c.cell_id)
    for kind in most:
        points = points.outerjoin(kind, kind.c.id == cell.c.id)
    yield tables.of(points.join(submitted, submitted.c.id == grade.c.notebook_id), assignment)
    words = select(student, *names, comment.c.auto_comment, comment.c.manual_comment)
    words = words.select_from(comment).join(cell, cell.c.id == comment.c.cell_id)
    yield tables.of(words.join(submitted, submitted.c.id == comment.c.notebook_id), assignment)

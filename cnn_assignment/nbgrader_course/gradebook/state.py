"""The values that the gradebook holds, and where it is; they are read without nbgrader, which starts slowly."""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn_assignment.core.errors import TooLargeError
from cnn_assignment.core.layout import TIMESTAMP
from cnn_assignment.core.model import Assignment
from cnn_assignment.submissions.plain.folder import read_plain

if TYPE_CHECKING:
    from sqlalchemy import URL, Row, Select, TableClause

# Stands for the student in the path of an autograded notebook, as it does in nbgrader's own directory_structure.
_STUDENT = "{student_id}"
_CONFIG_NAMES = ("jupyter_config", "nbgrader_config")
_CONFIG_ENDINGS = (".json", ".py")
# A longer text is no time.
_LONGEST_TIME_FILE = 1_000

Value = float | str | None


@dataclass(frozen=True, slots=True)
class GradebookPlace:
    """Where an assignment is recorded.

    db_url: of nbgrader's database, as the course configures it. notebook: the path of an autograded notebook, and
    feedback: the folder of the page that is made of it, both with ``{student_id}`` for the student. release: the path of
    the release notebook. templates: folders of what a page is made with, joined as in PATH. config_digest: the place is
    right for as long as `config_digest` gives the same.
    """

    db_url: str
    notebook: str
    feedback: str
    release: str
    templates: str
    config_digest: str

    def notebook_of(self, student: str) -> Path:
        """One student's autograded notebook."""
        return Path(self.notebook.replace(_STUDENT, student))

    def feedback_of(self, student: str) -> Path:
        """One student's folder of feedback."""
        return Path(self.feedback.replace(_STUDENT, student))

    @property
    def feedback_folder(self) -> Path:
        """Where the feedback of all students is."""
        return Path(self.feedback.split(_STUDENT)[0])

    def to_json(self) -> dict[str, str] | None:
        """To be kept in a file; None where the database's address holds a password, which belongs into no file."""
        return None if _holds_password(self.db_url) else asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> GradebookPlace:
        """The inverse of `to_json`. Raises ValueError for what never came out of it."""
        names = cls.__slots__
        if set(data) != set(names) or not all(isinstance(data[name], str) for name in names):
            raise ValueError(f"not a place of a gradebook: {sorted(data)}")
        return cls(**data)


def locate(assignment: Assignment) -> GradebookPlace:
    """Where `record` writes, by the course's configuration. Starts nbgrader, which takes a second or so."""
    from cnn_assignment.nbgrader_course.gradebook.opening import open_course
    from cnn_assignment.nbgrader_course.gradebook.page_converter import find_templates

    digest = config_digest(assignment)  # first: a change while nbgrader reads must not go unseen
    course = open_course(assignment)
    graded, feedback = (
        course.folder(step, _STUDENT).absolute()
        for step in (course.directory.autograded_directory, course.directory.feedback_directory)
    )
    return GradebookPlace(
        db_url=str(course.directory.db_url),
        notebook=str(graded / f"{assignment.name}.ipynb"),
        feedback=str(feedback),
        release=str(course.release_file.absolute()),
        templates=os.pathsep.join(map(str, find_templates(course))),
        config_digest=digest,
    )


def config_digest(assignment: Assignment) -> str:
    """A digest of the configuration files that nbgrader reads for a course, without nbgrader.

    Those are the course's own and those on Jupyter's path. The working directory is part of it, since paths may be
    relative to it. Modules that such a file imports, and the environment that it reads, are not covered.
    """
    digest = hashlib.sha256(os.fsencode(Path.cwd()) + b"\0")
    for path in _config_files(assignment):
        try:
            content = path.read_bytes()
        except OSError:  # mostly because there is none; nbgrader too goes on without one that it cannot read
            continue
        digest.update(b"%s\0%d\0" % (os.fsencode(path.absolute()), len(content)))
        digest.update(content)
    return digest.hexdigest()


def read_recorded(place: GradebookPlace, assignment_name: str) -> dict[str, str]:
    """For each student a digest of the scores and comments that the kit has recorded; see `values_digest`.

    Students whose autograded notebook is gone are left out, and so is everybody where the database cannot be read:
    recording again mends the one and tells of the other. Nothing is written, and no file is made.
    """
    answers = ask_database(place, _queries(assignment_name))
    if answers is None:
        return {}
    scores: dict[str, dict[str, Value]] = defaultdict(dict)
    comments: dict[str, dict[str, Value]] = defaultdict(dict)
    for values, rows in zip((scores, comments), answers, strict=True):
        for row in rows:
            values[row.student_id][row.name] = row[-1]
    students = sorted(scores.keys() | comments.keys())
    return {
        student: values_digest(scores[student], comments[student])
        for student in students
        if place.notebook_of(student).is_file()
    }


def ask_database(place: GradebookPlace, queries: Iterable[Select[Any]]) -> list[Sequence[Row[Any]]] | None:
    """The rows of each query, all of one moment; None where the database cannot be read. No file is made."""
    from sqlalchemy import create_engine, make_url
    from sqlalchemy.exc import SQLAlchemyError

    try:
        url = make_url(place.db_url)
        if not _may_exist(url):
            return None
        engine = create_engine(url)
    except (SQLAlchemyError, ImportError):
        return None
    try:
        with engine.connect() as connection:
            return [connection.execute(query).all() for query in queries]
    except SQLAlchemyError:
        return None
    finally:
        engine.dispose()


def has_other_time(place: GradebookPlace, student: str, submitted: Path) -> bool:
    """Whether the time beside what a student handed in is another one than that beside the graded notebook."""
    graded = place.notebook_of(student).parent
    return _read_time_file(submitted) != _read_time_file(graded)


def _read_time_file(folder: Path) -> bytes | None:
    if os.path.islink(folder):  # noqa: PTH114 - it never raises
        return None
    try:
        return read_plain(folder / TIMESTAMP, _LONGEST_TIME_FILE)
    except TooLargeError as error:
        return str(error).encode()
    except OSError:
        return None


def values_digest(scores: Mapping[str, Value], comments: Mapping[str, Value]) -> str:
    """A digest of the points and comments, by grade_id, that a program and no person gave the cells of a submission."""
    points = sorted((name, None if score is None else float(score) + 0.0) for name, score in scores.items())
    words = sorted(comments.items())
    return hashlib.sha256(json.dumps([points, words]).encode()).hexdigest()


def _holds_password(db_url: str) -> bool:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(db_url)
    except ArgumentError:
        return True  # an address that nobody can read may hold one
    return url.password is not None or any("password" in name.lower() for name in url.query)


def _config_files(assignment: Assignment) -> Iterator[Path]:
    """The files that nbgrader's application looks for, in any order that is always the same."""
    from jupyter_core.paths import jupyter_config_path

    folders: Iterable[str] = jupyter_config_path()
    for folder in (str(assignment.root), *folders):
        for name in _CONFIG_NAMES:
            for ending in _CONFIG_ENDINGS:
                yield Path(folder, name + ending)


def _may_exist(url: URL) -> bool:
    """Whether connecting makes no new file: SQLite would make one."""
    if url.get_backend_name() != "sqlite":
        return True
    return url.database is not None and Path(url.database).is_file()


def _queries(assignment: str) -> tuple[Select[Any], Select[Any]]:
    """Student, cell and value: one query for all scores, one for all comments."""
    return _query("grade", "auto_score", assignment), _query("comment", "auto_comment", assignment)


def _query(kind: str, value: str, assignment: str) -> Select[Any]:
    from sqlalchemy import column, select, table

    tables = SubmittedTables()
    values = table(kind, column("notebook_id"), column("cell_id"), column(value))
    cell = table("base_cell", column("id"), column("name"))
    query = select(tables.submission.c.student_id, cell.c.name, values.c[value]).select_from(values)
    query = query.join(cell, cell.c.id == values.c.cell_id)
    return tables.of(query.join(tables.part, tables.part.c.id == values.c.notebook_id), assignment)


class SubmittedTables:
    """nbgrader's tables on the way from a submitted notebook to its assignment. more: columns of submitted notebooks."""

    def __init__(self, *more: str) -> None:
        from sqlalchemy import column, table

        def make(name: str, *columns: str) -> TableClause:
            return table(name, *map(column, ("id", *columns)))

        self._given = make("assignment", "name")
        self._notebook = make("notebook", "name")
        self.submission = make("submitted_assignment", "assignment_id", "student_id")
        self.part = make("submitted_notebook", "assignment_id", "notebook_id", *more)

    def of(self, query: Select[Any], assignment: str) -> Select[Any]:
        """A query that has `part` in it, for the main notebook of an assignment."""
        return (
            query.join(self._notebook, self._notebook.c.id == self.part.c.notebook_id)
            .join(self.submission, self.submission.c.id == self.part.c.assignment_id)
            .join(self._given, self._given.c.id == self.submission.c.assignment_id)
            .where(self._given.c.name == assignment, self._notebook.c.name == assignment)
        )

"""The rows of many submissions, written into nbgrader's tables at once; its own API would write the same one by one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cnn_assignment.core.errors import GraderError
from cnn_assignment.nbgrader_course.gradebook.marks import seconds_late
from cnn_assignment.nbgrader_course.gradebook.state import values_digest

if TYPE_CHECKING:
    from sqlalchemy import BindParameter, Connection, Engine, Row, RowMapping, Table


@dataclass(frozen=True, slots=True)
class StudentValues:
    """The values that are recorded of one student. scores, comments: by the grade_id of their cells.

    needs_person: whether somebody must look at it, whatever the scores are.
    """

    student: str
    timestamp: datetime | None
    scores: Mapping[str, float | None]
    comments: Mapping[str, str]
    needs_person: bool = False


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late one student's work is, 0 seconds for work in time, and the penalty that its notebook has."""

    notebook_id: str
    seconds: float
    penalty: float | None

    @property
    def matters(self) -> bool:
        """Whether there is a penalty to give or to take back."""
        return self.seconds > 0 or self.penalty is not None


@dataclass(frozen=True, slots=True)
class Written:
    """The state of one student in the database after writing. digest: of the values, as `state.read_recorded` gives it."""

    lateness: Lateness
    digest: str


def write_rows(engine: Engine, assignment: str, batch: Sequence[StudentValues]) -> dict[str, Written]:
    """Write the values of different students in one transaction, by the rules of nbgrader's `SaveAutoGrades`.

    Manual scores, extra credit and manual comments stay, and so do penalties, which are for
    `penalties.assign_penalties`. Returns what was written by student. Raises GraderError where the database lacks a
    cell's row, and SQLAlchemy's errors; then nothing is written.
    """
    students = [values.student for values in batch]
    with engine.begin() as connection:
        notebooks = _read_notebooks(connection, assignment)
        _add_students(connection, students)
        before = _read_submissions(connection, assignment, students)
        _add_submissions(
            connection, assignment, notebooks, [values for values in batch if values.student not in before]
        )
        _set_timestamps(connection, before, {values.student: values.timestamp for values in batch})
        submissions = _read_submissions(connection, assignment, students)
        _check_submissions(submissions)
        by_notebook = {submissions[values.student].notebook_id: values for values in batch}
        scores = _write_values(connection, _GRADES, notebooks[assignment].grades, by_notebook)
        comments = _write_values(connection, _COMMENTS, notebooks[assignment].comments, by_notebook)
    return {
        values.student: Written(_lateness(submissions[values.student]), values_digest(scores[part], comments[part]))
        for part, values in by_notebook.items()
    }


def read_lateness(engine: Engine, assignment: str) -> dict[str, Lateness]:
    """By student how late each submission of an assignment is."""
    with engine.connect() as connection:
        submissions = _read_submissions(connection, assignment)
    return {student: _lateness(row) for student, row in submissions.items() if row.notebook_id is not None}


def set_times(engine: Engine, assignment: str, times: Mapping[str, datetime | None]) -> None:
    """Set when submissions were handed in, by student; one without a time keeps what it had."""
    with engine.begin() as connection:
        _set_timestamps(connection, _read_submissions(connection, assignment, times), times)


@dataclass(frozen=True, slots=True)
class _Notebook:
    """A notebook of the assignment, with the names of its cells by the cells' ids."""

    id: str
    grades: dict[str, str] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Kind:
    """One of the tables whose rows belong to a cell and a submitted notebook.

    given: the new values by the cell's name. fill: the columns to set, from the row that there is and the new value.
    """

    table: str
    column: str
    given: Callable[[StudentValues], Mapping[str, Any]]
    fill: Callable[[RowMapping, Any, StudentValues], dict[str, Any]]


def _fill_grade(row: RowMapping, score: float | None, values: StudentValues) -> dict[str, Any]:
    # A person who overrode the old score should look again, as after autograde.
    needs_person = row["manual_score"] is not None or score is None or values.needs_person
    return {"auto_score": score, "needs_manual_grade": needs_person}


def _fill_comment(row: RowMapping, text: str, values: StudentValues) -> dict[str, Any]:
    del row, values
    return {"auto_comment": text}


_GRADES = _Kind("grade", "auto_score", lambda values: values.scores, _fill_grade)
_COMMENTS = _Kind("comment", "auto_comment", lambda values: values.comments, _fill_comment)


def _table(name: str) -> Table:
    from nbgrader.api import Base

    table: Table = Base.metadata.tables[name]
    return table


def _read_notebooks(connection: Connection, assignment: str) -> dict[str, _Notebook]:
    """The assignment's notebooks and their cells, read anew: another command may have changed them meanwhile."""
    from nbgrader.api import GradeCell, SolutionCell, TaskCell
    from sqlalchemy import select

    grade, solution, task = (cell.__mapper__.polymorphic_identity for cell in (GradeCell, SolutionCell, TaskCell))
    given, notebook, cell = _table("assignment"), _table("notebook"), _table("base_cell")
    found: dict[str, _Notebook] = {}
    query = (
        select(notebook.c.name, notebook.c.id, cell.c.name.label("cell"), cell.c.id.label("cell_id"), cell.c.type)
        .select_from(notebook.join(given).outerjoin(cell))
        .where(given.c.name == assignment)
    )
    for row in connection.execute(query):
        book = found.setdefault(row.name, _Notebook(row.id))
        if row.type in {grade, task}:
            book.grades[row.cell_id] = row.cell
        if row.type in {solution, task}:
            book.comments[row.cell_id] = row.cell
    if assignment not in found:
        raise GraderError(
            "the database does not know this notebook any more", place=assignment, remedy="Record it again."
        )
    return found


def _add_students(connection: Connection, students: Collection[str]) -> None:
    from sqlalchemy import select

    table = _table("student")
    known = set(connection.scalars(select(table.c.id).where(table.c.id.in_(students))))
    _insert(connection, "student", [{"id": student} for student in students if student not in known])


def _read_submissions(
    connection: Connection, assignment: str, students: Collection[str] | None = None
) -> dict[str, Row[Any]]:
    """By student: the row of the submission, with the assignment's due date and the main notebook's id and penalty.

    students: those to read; all of them where it is None.
    """
    from sqlalchemy import and_, select

    given, notebook = _table("assignment"), _table("notebook")
    submission, submitted = _table("submitted_assignment"), _table("submitted_notebook")
    query = (
        select(
            submission.c.student_id,
            submission.c.id,
            submission.c.timestamp,
            submission.c.extension,
            given.c.duedate,
            submitted.c.id.label("notebook_id"),
            submitted.c.late_submission_penalty,
        )
        .select_from(submission)
        .join(given, given.c.id == submission.c.assignment_id)
        .join(notebook, and_(notebook.c.assignment_id == given.c.id, notebook.c.name == assignment))
        .outerjoin(
            submitted, and_(submitted.c.assignment_id == submission.c.id, submitted.c.notebook_id == notebook.c.id)
        )
        .where(given.c.name == assignment)
    )
    if students is not None:
        query = query.where(submission.c.student_id.in_(students))
    rows: Iterable[Row[Any]] = connection.execute(query)
    return {row.student_id: row for row in rows}


def _add_submissions(
    connection: Connection, assignment: str, notebooks: Mapping[str, _Notebook], new: Sequence[StudentValues]
) -> None:
    """For each student the rows of a submission with no score and no words in it, as nbgrader's `add_submission`."""
    from nbgrader.api import new_uuid
    from sqlalchemy import select

    if not new:
        return
    given = _table("assignment")
    assignment_id = connection.scalar(select(given.c.id).where(given.c.name == assignment))
    submissions, parts, grades, comments = [], [], [], []
    for values in new:
        names = {"assignment_id": assignment_id, "student_id": values.student}
        submissions.append({"id": new_uuid(), "timestamp": values.timestamp, **names})
        for book in notebooks.values():
            parts.append({"id": new_uuid(), "assignment_id": submissions[-1]["id"], "notebook_id": book.id})
            grades += [{"cell_id": cell, "notebook_id": parts[-1]["id"]} for cell in book.grades]
            comments += [{"cell_id": cell, "notebook_id": parts[-1]["id"]} for cell in book.comments]
    _insert(connection, "submitted_assignment", submissions)
    _insert(connection, "submitted_notebook", parts)
    _insert(connection, "grade", grades)
    _insert(connection, "comment", comments)


def _set_timestamps(
    connection: Connection, before: Mapping[str, Row[Any]], times: Mapping[str, datetime | None]
) -> None:
    """The times of submissions that were recorded before; one without a time keeps what it had."""
    changed = [
        {"row": before[student].id, "timestamp": time}
        for student, time in times.items()
        if student in before and time not in {None, before[student].timestamp}
    ]
    update_rows(connection, "submitted_assignment", changed)


def _check_submissions(submissions: Mapping[str, Row[Any]]) -> None:
    for student, row in submissions.items():
        if row.notebook_id is None:
            raise _missing(student, "this notebook")


def _lateness(row: Row[Any]) -> Lateness:
    seconds = seconds_late(row.timestamp, row.duedate, row.extension)
    return Lateness(row.notebook_id, seconds, row.late_submission_penalty)


def _write_values(
    connection: Connection, kind: _Kind, cells: Mapping[str, str], by_notebook: Mapping[str, StudentValues]
) -> dict[str, dict[str, Any]]:
    """Change the rows of one kind; returns by submitted notebook what its cells hold now, by their names."""
    from sqlalchemy import select

    table = _table(kind.table)
    # Both columns, in nbgrader's only index of this table.
    query = select(table).where(table.c.cell_id.in_(cells), table.c.notebook_id.in_(by_notebook))
    held: dict[str, dict[str, Any]] = {part: {} for part in by_notebook}
    changed = []
    for row in connection.execute(query).mappings():
        name, part = cells[row["cell_id"]], row["notebook_id"]
        given, mine = kind.given(by_notebook[part]), held[part]
        mine[name] = row[kind.column]
        if name in given:
            mine[name] = given[name]
            columns = kind.fill(row, given[name], by_notebook[part])
            if any(row[column] != value for column, value in columns.items()):
                changed.append({"row": row["id"], **columns})
    for part, values in by_notebook.items():
        for name in kind.given(values).keys() - held[part].keys():
            raise _missing(values.student, f"the {kind.table} of {name}")
    update_rows(connection, kind.table, changed)
    return held


def _missing(student: str, what: str) -> GraderError:
    return GraderError(
        f"the submission of {student!r} lacks {what} in the database",
        remedy="It is of another build: remove it with `nbgrader db`, and record it again.",
    )


def _insert(connection: Connection, table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Add rows; columns that are not named get nbgrader's own defaults."""
    from sqlalchemy import insert

    if rows:
        connection.execute(insert(_table(table)), rows)


def update_rows(connection: Connection, table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Change rows by their id, which stands as ``row`` beside the columns to set; the same columns in each."""
    from sqlalchemy import bindparam, update

    if rows:
        found = _table(table)
        columns: dict[str, BindParameter[Any]] = {name: bindparam(name) for name in rows[0] if name != "row"}
        connection.execute(update(found).where(found.c.id == bindparam("row")).values(columns), rows)

"""The marks in the gradebook, from programs and from people, read without nbgrader, which starts slowly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cnn_assignment.nbgrader_course.gradebook.state import GradebookPlace, ask_database

if TYPE_CHECKING:
    from sqlalchemy import Row, Select, TableClause
    from sqlalchemy.types import TypeEngine


@dataclass(frozen=True, slots=True)
class StudentMarks:
    """The points of one student for one assignment.

    is_submitted: whether the gradebook has a submission; without one all else is 0. by_tests: what programs gave.
    manual: what people changed of it, below 0 where they gave less. penalty: for late work, 0 or more. seconds_late:
    after the due date with its extension. doubted: the cells that a person marked and that wait for another look.
    """

    first_name: str = ""
    last_name: str = ""
    is_submitted: bool = False
    by_tests: float = 0.0
    manual: float = 0.0
    extra_credit: float = 0.0
    penalty: float = 0.0
    seconds_late: float = 0.0
    extension: timedelta = timedelta()
    needs_manual_grade: bool = False
    doubted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class GradebookMarks:
    """The marks of everybody who is enrolled, by student, and the points that the assignment has."""

    max_score: float
    students: Mapping[str, StudentMarks]


def read_marks(place: GradebookPlace, assignment_name: str) -> GradebookMarks | None:
    """The marks of an assignment in the gradebook now; None where it cannot be read or does not know the assignment."""
    answers = ask_database(place, _queries(assignment_name))
    if answers is None:
        return None
    people, assignment, points, submissions, penalties, grades = answers
    if not assignment:
        return None
    (given,) = assignment
    taken = {row.submission: float(row.penalty) for row in penalties}
    cells: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in grades:
        cells[row.submission].append(row)
    found = {row.id: StudentMarks(first_name=row.first_name or "", last_name=row.last_name or "") for row in people}
    for row in submissions:
        name = found.get(row.student_id, StudentMarks())
        found[row.student_id] = _add_up(name, row, given.duedate, taken.get(row.id, 0.0), cells[row.id])
    return GradebookMarks(float(sum(row.max_score for row in points)), found)


def seconds_late(time: datetime | None, due: datetime | None, extension: timedelta | None) -> float:
    """How long after the due date with its extension, as nbgrader counts it; 0 for work in time."""
    if time is None or due is None:
        return 0.0
    return max(0.0, (time - due - (extension or timedelta())).total_seconds())


def _add_up(
    name: StudentMarks, submission: Row[Any], due: datetime | None, penalty: float, cells: Sequence[Row[Any]]
) -> StudentMarks:
    """The marks of one submission, cell by cell as nbgrader counts: a person's score stands in for a program's."""
    by_tests = manual = extra = 0.0
    for cell in cells:
        auto = cell.auto_score or 0.0
        by_tests += auto
        manual += 0.0 if cell.manual_score is None else cell.manual_score - auto
        # Without any score nbgrader does not count it.
        is_scored = cell.manual_score is not None or cell.auto_score is not None
        extra += cell.extra_credit or 0.0 if is_scored else 0.0
    return StudentMarks(
        name.first_name,
        name.last_name,
        is_submitted=True,
        by_tests=by_tests,
        manual=manual,
        extra_credit=extra,
        penalty=penalty,
        seconds_late=seconds_late(submission.timestamp, due, submission.extension),
        extension=submission.extension or timedelta(),
        needs_manual_grade=any(cell.needs_manual_grade for cell in cells),
        doubted=frozenset(cell.id for cell in cells if cell.needs_manual_grade and cell.manual_score is not None),
    )


def _queries(assignment: str) -> tuple[Select[Any], ...]:
    """People, the assignment, the points of its cells, submissions, their penalties, and the grades in them."""
    from sqlalchemy import func, select, union_all

    student = _table("student", "id", "first_name", "last_name")
    given = _table("assignment", "id", "name", "duedate")
    notebook = _table("notebook", "id", "assignment_id")
    cell = _table("base_cell", "id", "notebook_id")
    submission = _table("submitted_assignment", "id", "assignment_id", "student_id", "timestamp", "extension")
    part = _table("submitted_notebook", "id", "assignment_id", "late_submission_penalty")
    scores = ("auto_score", "manual_score", "extra_credit", "needs_manual_grade")
    grade = _table("grade", "id", "notebook_id", *scores)
    worth = union_all(
        *(
            select(cells.c.id, cells.c.max_score)
            for cells in (_table(name, "id", "max_score") for name in ("grade_cells", "task_cells"))
        )
    ).subquery()
    ours = given.c.name == assignment
    submitted = submission.join(given, given.c.id == submission.c.assignment_id)
    parts = submitted.join(part, part.c.assignment_id == submission.c.id)
    cells = worth.join(cell, cell.c.id == worth.c.id).join(notebook, notebook.c.id == cell.c.notebook_id)
    penalty = func.coalesce(func.sum(part.c.late_submission_penalty), 0.0).label("penalty")
    of_submission = submission.c.id.label("submission")
    return (
        select(student),
        select(given.c.duedate).where(ours),
        select(worth.c.max_score).select_from(cells.join(given, given.c.id == notebook.c.assignment_id)).where(ours),
        select(submission).select_from(submitted).where(ours),
        select(of_submission, penalty).select_from(parts).where(ours).group_by(submission.c.id),
        select(of_submission, grade.c.id, *(grade.c[name] for name in scores))
        .select_from(parts.join(grade, grade.c.notebook_id == part.c.id))
        .where(ours),
    )


def _table(name: str, *columns: str) -> TableClause:
    """A table of nbgrader's, with the types that SQLite must be told."""
    from sqlalchemy import Boolean, DateTime, Interval, column, table

    kinds: dict[str, TypeEngine[Any]] = {
        "duedate": DateTime(),
        "timestamp": DateTime(),
        "extension": Interval(),
        "needs_manual_grade": Boolean(),
    }
    return table(name, *(column(each, kinds[each]) if each in kinds else column(each) for each in columns))

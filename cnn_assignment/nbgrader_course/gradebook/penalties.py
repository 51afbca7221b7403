"""Penalties of late work, asked of the course's own plugin once the scores are in the database."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn_assignment.core.errors import UsageError
from cnn_assignment.core.model import Assignment
from cnn_assignment.nbgrader_course.gradebook.folders import write_time
from cnn_assignment.nbgrader_course.gradebook.opening import OpenCourse, first_line_of, open_course, open_gradebook
from cnn_assignment.nbgrader_course.gradebook.rows import Lateness, read_lateness, set_times, update_rows
from cnn_assignment.nbgrader_course.notebooks.files import is_linked, read_time

if TYPE_CHECKING:
    from nbgrader.preprocessors import AssignLatePenalties
    from sqlalchemy import Engine


def refresh_penalties(assignment: Assignment, folders: Mapping[str, Path]) -> dict[str, str]:
    """Bring the penalties of all recorded submissions up to date, whatever has changed; nothing is recorded again.

    folders: by student what was handed in, where that may have another time than the one that was recorded.

    A penalty depends on the scores, with what people gave, on the time, the due date and the extension, and on the
    plugin with all that it asks; so all of that is read anew. Returns by student why a penalty is not up to date.
    Raises GraderError where the database cannot be used.
    """
    from nbgrader.preprocessors import AssignLatePenalties

    course = open_course(assignment)
    with closing(open_gradebook(course)) as gradebook:
        told = _refresh_times(course, gradebook.engine, folders)
        late = read_lateness(gradebook.engine, course.name)
        failures = assign_penalties(gradebook.engine, AssignLatePenalties(parent=course.app), late)
    return {student: first_line_of(error) for student, error in failures.items()} | told


def assign_penalties(
    engine: Engine, assigner: AssignLatePenalties, late: Mapping[str, Lateness]
) -> dict[str, Exception]:
    """Give work, by student, the penalties that it has by the rules of nbgrader's `AssignLatePenalties`.

    Work in time has none. Only what differs is written. Returns by student what the plugin raised; these have the
    penalty that they had. The plugin is asked outside of any transaction, because it may ask the database itself.
    """
    changed: list[dict[str, Any]] = []
    failures: dict[str, Exception] = {}
    scores = _read_scores(engine, [each.notebook_id for each in late.values() if each.seconds > 0])
    for student, each in late.items():
        try:
            score = scores.get(each.notebook_id, 0.0)
            penalty = _ask(assigner, student, score, each.seconds) if each.seconds > 0 else None
        except Exception as error:  # noqa: BLE001  # a plugin may raise anything, and only this student pays for it
            failures[student] = error
        else:
            if penalty != each.penalty:
                changed.append({"row": each.notebook_id, "late_submission_penalty": penalty})
    if changed:
        with engine.begin() as connection:
            update_rows(connection, "submitted_notebook", changed)
    return failures


def _refresh_times(course: OpenCourse, engine: Engine, folders: Mapping[str, Path]) -> dict[str, str]:
    """Take over when work was handed in. Returns by student what is no time."""
    times, told = {}, {}
    for student, folder in folders.items():
        try:
            times[student] = None if is_linked(folder, course.assignment.root) else read_time(folder)
        except UsageError as error:
            told[student] = str(error)
    set_times(engine, course.name, times)
    for student in times:
        write_time(course, student, folders[student])
    return told


def _read_scores(engine: Engine, parts: Collection[str]) -> dict[str, float]:
    """By submitted notebook its score as nbgrader adds it up, with what people gave."""
    from nbgrader.api import Grade
    from sqlalchemy import func, select

    if not parts:
        return {}
    # nbgrader's own expression for a notebook's score reads the whole table once for each of them.
    query = select(Grade.notebook_id, func.sum(Grade.score)).where(Grade.notebook_id.in_(parts))
    with engine.connect() as connection:
        return {part: float(score) for part, score in connection.execute(query.group_by(Grade.notebook_id))}


def _ask(assigner: AssignLatePenalties, student: str, score: float, seconds_late: float) -> float | None:
    """The penalty, never below 0 and never above the score."""
    assigner.init_plugin()  # a new plugin for each submission, as nbgrader makes it
    penalty = assigner.plugin_inst.late_submission_penalty(student, score, seconds_late)
    if penalty is None:
        return None
    return 0.0 if penalty < 0 else float(min(penalty, score))

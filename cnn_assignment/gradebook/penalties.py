"""Penalties of late work, asked of the course's own plugin once the scores are in the database."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from cnn_assignment.gradebook.rows import Written, update_rows

if TYPE_CHECKING:
    from nbgrader.preprocessors import AssignLatePenalties
    from sqlalchemy import Engine


def assign_penalties(
    engine: Engine, assigner: AssignLatePenalties, late: Mapping[str, Written]
) -> dict[str, Exception]:
    """Give late work, by student, its penalties, by the rules of nbgrader's `AssignLatePenalties`.

    Returns by student what the plugin raised; these have the penalty that they had. The plugin is asked outside of
    any transaction, because it may ask the database itself.
    """
    penalties: list[dict[str, Any]] = []
    failures: dict[str, Exception] = {}
    scores = _read_scores(engine, [written.notebook_id for written in late.values()])
    for student, written in late.items():
        try:
            penalty = _ask(assigner, student, scores.get(written.notebook_id, 0.0), written.seconds_late)
        except Exception as error:  # noqa: BLE001  # a plugin may raise anything, and only this student pays for it
            failures[student] = error
        else:
            penalties.append({"row": written.notebook_id, "late_submission_penalty": penalty})
    with engine.begin() as connection:
        update_rows(connection, "submitted_notebook", penalties)
    return failures


def _read_scores(engine: Engine, parts: Collection[str]) -> dict[str, float]:
    """By submitted notebook its score as nbgrader adds it up, with what people gave."""
    from nbgrader.api import Grade
    from sqlalchemy import func, select

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

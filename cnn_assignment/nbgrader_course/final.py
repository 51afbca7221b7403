"""The final marks of a class: what the gradebook holds for everybody, beside the state of what they handed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from cnn_assignment.core.model import Report, ReportStatus
from cnn_assignment.reporting import UNGRADED, FinalMark, FinalRow, MarkChanges

if TYPE_CHECKING:
    from cnn_assignment.nbgrader_course.gradebook.marks import GradebookMarks, StudentMarks

MISSING = "missing"
"""The state of who is enrolled, handed in nothing, and has no points for it."""
UNRECORDED = "unrecorded"
"""The state of whose report the gradebook does not hold."""
WITHDRAWN = "gone"
"""The state of who has work in the gradebook, and no folder in the class any more."""


def final_rows(
    students: Iterable[str], reports: Mapping[str, Report], marks: GradebookMarks, is_recorded: Callable[[str], bool]
) -> tuple[FinalRow, ...]:
    """A row for everybody in the class and everybody who is enrolled.

    students: the class as it is now. reports: those that count now. is_recorded: whether the gradebook holds the report
    of a student. A mark that was made of anything else is none: it is of other tests, or of other work.
    """
    from cnn_assignment.nbgrader_course.gradebook.marks import StudentMarks

    states = {student: _state(reports.get(student), student, is_recorded) for student in students}
    rows = []
    for student in states.keys() | marks.students.keys():
        held = marks.students.get(student, StudentMarks())
        state = states.get(student, WITHDRAWN if held.is_submitted else MISSING)
        mark = _mark(held) if state in {ReportStatus.GRADED, ReportStatus.UNREADABLE, MISSING} else None
        rows.append(FinalRow(student, state, marks.max_score, mark, held.last_name, held.first_name))
    return tuple(sorted(rows, key=lambda row: row.student))


def find_changes(before: GradebookMarks | None, after: GradebookMarks) -> MarkChanges:
    """What a run did to the marks of people and to penalties. before: None where there was no gradebook."""
    former = before.students if before is not None else {}
    penalties, doubted = [], []
    for student, held in sorted(after.students.items()):
        was = former.get(student)
        if held.penalty != (was.penalty if was is not None else 0.0):
            penalties.append(student)
        if was is not None and held.doubted - was.doubted:
            doubted.append(student)
    return MarkChanges(tuple(penalties), tuple(doubted))


def _state(report: Report | None, student: str, is_recorded: Callable[[str], bool]) -> str:
    if report is None:
        return UNGRADED
    if report.status is ReportStatus.GRADER_ERROR or is_recorded(student):
        return str(report.status)
    return UNRECORDED


def _mark(held: StudentMarks) -> FinalMark:
    return FinalMark(
        held.by_tests,
        held.manual,
        held.extra_credit,
        held.penalty,
        held.seconds_late,
        held.extension.total_seconds(),
        held.needs_manual_grade,
    )

"""A class as a table that spreadsheets and learning platforms read: ``class.csv``."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from cnn_assignment.core.errors import UsageError
from cnn_assignment.core.model import Report
from cnn_assignment.core.texts import clean, shorten
from cnn_assignment.reporting.report_files import replace_file

# What a spreadsheet takes for a formula, also in full width or small, at the start of a cell. Which character separates
# cells depends on the reader: in another country it is a semicolon, in another program a tab, in an address "%0A".
_FORMULA = "=+@\u207a\u208a\ufe62\ufe66\ufe6b\uff0b\uff1d\uff20\u207c\u208c\u2212\u207b\u208b\ufe63\uff0d-"
_FORMULA_START = re.compile(rf"""(^|[;,|\t\uff1b\uff0c]|%(?:0[9ad]|2c|3b|7c))(?=[\s"]*[{_FORMULA}])""", re.IGNORECASE)


UNGRADED = "ungraded"
"""The status, in a table, of a student of whom there is no report that is worth anything now."""


def write_class_csv(reports: Iterable[Report], path: Path, ungraded: Iterable[str] = ()) -> None:
    """Write one row a report, sorted by student, and one without scores for each student who has none.

    Columns: student, status, score, max_score, for each task its score and ``<task>_status``, and the notes joined by
    "; ". A task that a report lacks leaves its cells empty, and so do the scores of a withheld grade. Names and notes
    are as `clean` shows them, and what a spreadsheet would take for a formula starts with an apostrophe, whatever
    character it takes for the end of a cell. UTF-8, lines end in LF.

    Raises UsageError where a student has two reports.
    """
    rows = sorted(reports, key=lambda report: report.student)
    for former, latter in pairwise(rows):
        if former.student == latter.student:
            raise UsageError(
                f"two reports of '{shorten(former.student)}'",
                place=path.as_posix(),
                remedy="Keep one submission a student.",
            )
    tasks = list(dict.fromkeys(task.id for report in rows for task in report.tasks))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    columns = [column for task in tasks for column in (task, f"{task}_status")]
    writer.writerow(["student", "status", "score", "max_score", *columns, "notes"])
    named = {report.student: _row(report, tasks) for report in rows}
    empty = [""] * (2 + len(columns))
    named |= {student: [plain_cell(student), UNGRADED, *empty, _NOT_YET] for student in ungraded}
    writer.writerows(named[student] for student in sorted(named))
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, buffer.getvalue())


_NOT_YET = "There is no report by these tests yet."


def _row(report: Report, tasks: Iterable[str]) -> list[str | float]:
    has_grade = report.status != "grader_error"
    scores = {task.id: task for task in report.tasks}
    row: list[str | float] = [plain_cell(report.student), str(report.status), report.score if has_grade else ""]
    row.append(report.max_score)
    for name in tasks:
        task = scores.get(name) if has_grade else None
        row += [task.score, str(task.status)] if task else ["", ""]
    row.append(plain_cell("; ".join(" ".join(note.split()) for note in report.notes)))
    return row


def plain_cell(value: str) -> str:
    """A name or a note as a cell: as `clean` shows it, and no formula to any spreadsheet."""
    return _FORMULA_START.sub(r"\1'", clean(value))

"""The final marks of a class as a table, for the upload to a learning platform: ``final.csv``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cnn_assignment.reporting.class_table import plain_cell
from cnn_assignment.reporting.report_files import replace_file

FINAL_TABLE = "final.csv"
# Sums of floats differ far behind the cent; a table need not show it.
_DECIMALS = 9
_DAY_S = 24 * 60 * 60.0
_NAMES = ("student", "last_name", "first_name", "state")
_MARKS = ("by_tests", "manual", "extra_credit", "penalty", "score")
_MORE = ("max_score", "days_late", "extension_days", "needs_manual_grade")


@dataclass(frozen=True, slots=True)
class FinalMark:
    """What one student has in the end, in points.

    manual: what people changed of by_tests, below 0 where they gave less. penalty: what late work loses, 0 or more.
    seconds_late: after the due date with its extension, which has extension_s seconds.
    """

    by_tests: float = 0.0
    manual: float = 0.0
    extra_credit: float = 0.0
    penalty: float = 0.0
    seconds_late: float = 0.0
    extension_s: float = 0.0
    needs_manual_grade: bool = False

    @property
    def score(self) -> float:
        """The final mark, never below 0."""
        return max(0.0, self.by_tests + self.manual + self.extra_credit - self.penalty)


@dataclass(frozen=True, slots=True)
class MarkChanges:
    """What became of marks since a run began, by student.

    penalties: whose penalty for late work is another one now. doubted: whose marks by hand wait for another look now.
    """

    penalties: tuple[str, ...] = ()
    doubted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FinalRow:
    """One student's row. mark: None for a student who has none now; state says why."""

    student: str
    state: str
    max_score: float
    mark: FinalMark | None
    last_name: str = ""
    first_name: str = ""


def write_final_csv(rows: Iterable[FinalRow], path: Path) -> None:
    """Write one row a student, sorted by student, whole or not at all.

    Columns: student, last_name, first_name, state, by_tests, manual, extra_credit, penalty, score, max_score,
    days_late, extension_days, needs_manual_grade. score = by_tests + manual + extra_credit - penalty, never below 0.
    Who has no mark has no number but max_score. Names are written as in ``class.csv``. UTF-8, lines end in LF.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*_NAMES, *_MARKS, *_MORE])
    writer.writerows(_cells(row) for row in sorted(rows, key=lambda row: row.student))
    replace_file(path, buffer.getvalue())


def _cells(row: FinalRow) -> list[str | float]:
    names = [*map(plain_cell, (row.student, row.last_name, row.first_name)), row.state]
    mark = row.mark
    if mark is None:
        return [*names, *("" for _ in _MARKS), row.max_score, "", "", ""]
    points = (mark.by_tests, mark.manual, mark.extra_credit, mark.penalty, mark.score, row.max_score)
    days = (mark.seconds_late / _DAY_S, mark.extension_s / _DAY_S)
    return [*names, *map(_number, (*points, *days)), str(mark.needs_manual_grade)]


def _number(value: float) -> float:
    return round(float(value), _DECIMALS) + 0.0  # and no minus before a zero

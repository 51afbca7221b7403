"""The gradebook of a class, as a run sees it: whether it holds a report already, and recording what it lacks."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from cnn_assignment.course.ledger import Ledger
from cnn_assignment.errors import GraderError
from cnn_assignment.model import Assignment, Report, Submission

if TYPE_CHECKING:
    from cnn_assignment.gradebook.state import Place


class CourseGradebook:
    """nbgrader's gradebook, which is asked itself: it may have been put back, or written by others, since.

    nbgrader is imported only when there is something to record.
    """

    def __init__(self, assignment: Assignment, ledger: Ledger) -> None:
        self._assignment = assignment
        self._ledger = ledger
        self._rows: dict[str, str] | None = None

    def holds(self, student: str) -> bool:
        """Whether the gradebook holds the report of a student that the ledger knows."""
        entry = self._ledger.get(student)
        if entry is None or not entry.recorded:
            return False
        if self._rows is None:
            self._rows = self._read_rows()
        return self._rows.get(student) == entry.recorded

    def record(self, finished: Iterable[tuple[Submission, Report]]) -> GraderError | None:
        """Record reports as they come; what is wrong with the gradebook is returned, and costs no report."""
        from cnn_assignment.gradebook import record

        try:
            record(self._assignment, finished, self._ledger.mark_recorded)
            self._locate()
        except GraderError as error:
            return error
        return None

    def _read_rows(self) -> dict[str, str]:
        from cnn_assignment.gradebook.state import read_recorded

        return read_recorded(self._locate(), self._assignment.name)

    def _locate(self) -> Place:
        """Where the gradebook is: as nbgrader's configuration says, which is read again only when it has changed."""
        from cnn_assignment.gradebook.state import Place, config_digest, locate

        if self._ledger.place is not None:
            with suppress(ValueError):
                known = Place.from_json(self._ledger.place)
                if known.config_digest == config_digest(self._assignment):
                    return known
        place = locate(self._assignment)
        self._ledger.place = place.to_json()
        return place

"""The changes that the kit makes to nbgrader. A course's ``nbgrader_config.py`` calls `configure` and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnn_assignment.core.model import Assignment, Report, Submission, Task
from cnn_assignment.core.programs import put_own_programs_first
from cnn_assignment.nbgrader_course.collecting.exchange import configure_exchange
from cnn_assignment.nbgrader_course.collecting.zip_collecting import configure_collecting
from cnn_assignment.nbgrader_course.converting.gap_opener import configure_generate
from cnn_assignment.nbgrader_course.converting.preprocessors import configure_autograde
from cnn_assignment.nbgrader_course.gradebook.late import configure_late
from cnn_assignment.nbgrader_course.pages.headers import configure_pages
from cnn_assignment.nbgrader_course.pages.rendering import configure_rendering
from cnn_assignment.running.shared import SharedGrader

_shared = SharedGrader()
"""Kept for the life of the interpreter: nbgrader's server loads its configuration anew for every request."""


def configure(config: Any) -> None:
    """Plug the kit into nbgrader; config: the object that ``get_config()`` returns. Calling it again changes nothing."""

    # Functions, because nbgrader copies its configuration deeply, and a process must not be copied.
    def begin_report(assignment: Assignment, submission: Submission) -> Callable[[], Report]:
        return _shared.begin(assignment, submission)

    def prepare(assignment: Assignment) -> tuple[Task, ...]:
        return _shared.prepare(assignment)

    def report_for(assignment: Assignment, submission: Submission) -> Report:
        return _shared.report(assignment, submission)

    put_own_programs_first()
    configure_generate(config)
    configure_autograde(config, report_for, begin_report, prepare)
    configure_exchange(config)
    configure_collecting(config)
    configure_late(config)
    configure_rendering(config)
    configure_pages(config)

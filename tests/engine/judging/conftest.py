"""What the tests of judging share."""

from __future__ import annotations

import pytest

from cnn_assignment.core.model import ReportStatus
from toy_course import submit


@pytest.fixture
def grade(course, grader):
    """The report of a text; whatever the text does, it is a grade."""

    def grade(text, name="toy.py"):
        report = grader.grade(submit(course.root, "ada", text, name))
        assert report.status is ReportStatus.GRADED, report.notes
        return report

    return grade

"""What the tests of proofs share."""

from __future__ import annotations

import pytest

import toy_course
from cnn_assignment.running.pool import collect_tasks
from release_kit import build


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A course that was built; tests change copies of it."""
    assignment = toy_course.make_course(tmp_path_factory.mktemp("built") / "course")
    build(assignment, collect_tasks(assignment), assignment.hints)
    return assignment.root

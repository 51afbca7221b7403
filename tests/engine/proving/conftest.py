"""What the tests of proofs share."""

from __future__ import annotations

import pytest

import toy_course
from cnn_assignment.authoring import release
from cnn_assignment.running.pool import collect_tasks


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A course that was built; tests change copies of it."""
    assignment = toy_course.make_course(tmp_path_factory.mktemp("built") / "course")
    release.build(assignment, collect_tasks(assignment), assignment.hints)
    return assignment.root

"""Sandboxes of the tests of the grader's side, and what has to be left after each test that asks for it."""

from __future__ import annotations

import pytest

from cnn_assignment.sandbox.client.host import Sandbox
from sandbox_kit import children_of, count_descriptors, run, zygote_of


@pytest.fixture(scope="module")
def confined():
    """For what the grader makes of pipes and frames, which is the same at every level."""
    with Sandbox() as opened:
        yield opened


@pytest.fixture(scope="module")
def loose():
    """For student code that signals, forks or runs programs, which a confined worker cannot."""
    with Sandbox(1) as opened:
        yield opened


@pytest.fixture
def nothing_left(request):
    """After whatever student code did: no dead process, no worker, no descriptor, and the next worker works."""
    used = [request.getfixturevalue(name) for name in ("sandbox", "confined", "loose") if name in request.fixturenames]
    before = count_descriptors()
    yield
    for sandbox in used:
        assert run(sandbox, "answer = int", 3) == 3
        assert children_of(zygote_of(sandbox)) == []
    if used:
        assert count_descriptors() == before

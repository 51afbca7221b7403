"""Points: exact shares, and one word for a task."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnn_assignment.core.model import Outcome, Status
from cnn_assignment.judging.points import score_task, share

V = Status


def score(shares, statuses):
    tests = [Outcome(str(n), "", status, 0.0, 0.0) for n, status in enumerate(statuses)]
    return score_task("scale", "Scaling", shares, tests)


@pytest.mark.parametrize(("points", "cases"), [(1, 3), (1, 7), (0.1, 3), (100, 6), (2.5, 11), (1e-3, 9), (20, 1)])
def test_the_cases_of_a_test_add_up_to_its_points_exactly(points, cases):
    task = score([share(points, cases)] * cases, [V.PASSED] * cases)
    assert task.score == task.max_score == points
    assert isinstance(task.score, float)


def test_points_are_what_was_written_and_not_its_nearest_float():
    assert share(0.1, 1) == Fraction(1, 10)
    assert share(2, 3) == Fraction(2, 3)


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 13)), min_size=1, max_size=8))
def test_full_marks_are_the_sum_of_the_points(tests):
    shares = [share(points, cases) for points, cases in tests for _ in range(cases)]
    assert score(shares, [V.PASSED] * len(shares)).score == sum(points for points, _ in tests)


@pytest.mark.parametrize(
    ("statuses", "status", "earned"),
    [
        ([V.PASSED, V.PASSED], V.PASSED, 2.0),
        ([V.PASSED, V.FAILED], V.PARTIAL, 1.0),
        ([V.NOT_ATTEMPTED, V.PASSED], V.PARTIAL, 1.0),
        ([V.FAILED, V.FAILED], V.FAILED, 0.0),
        ([V.ERROR, V.FAILED], V.ERROR, 0.0),
        ([V.FAILED, V.TIMEOUT, V.ERROR], V.TIMEOUT, 0.0),
        ([V.NOT_ATTEMPTED, V.NOT_ATTEMPTED], V.NOT_ATTEMPTED, 0.0),
        ([V.NOT_ATTEMPTED, V.FAILED], V.FAILED, 0.0),
    ],
)
def test_the_status_of_a_task_follows_from_its_tests(statuses, status, earned):
    task = score([Fraction(1)] * len(statuses), statuses)
    assert (task.status, task.score, task.max_score) == (status, earned, len(statuses))


def test_the_score_of_a_task_does_not_depend_on_rounding():
    thirds = [Fraction(1, 3)] * 3
    assert score(thirds, [V.PASSED, V.PASSED, V.FAILED]).score == 2 / 3


def test_shares_and_outcomes_must_belong_together():
    with pytest.raises(ValueError, match="longer"):
        score([Fraction(1)], [V.PASSED, V.PASSED])

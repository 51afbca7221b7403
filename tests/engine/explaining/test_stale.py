"""A right answer to another call of the same test is told as such, and nothing else is taken for one."""

from __future__ import annotations

import numpy as np
import pytest

import toy_course
from cnn_assignment.explaining.stale import find_stale
from cnn_assignment.running.pool import GraderProcess
from toy_course import answer, submit, write

RNG = np.random.default_rng(11)
FIRST, SECOND = RNG.normal(size=(2, 3, 4))
SHORT = RNG.normal(size=(2, 4))
# What a function such as `expect` gives: the entries of a cache, and a gradient.
ANSWERS = [({"x": RNG.normal(size=(3, 4)), "out": RNG.normal(size=5)}, gradient) for gradient in (FIRST, SECOND, SHORT)]
X = ANSWERS[1][0]["x"]


@pytest.mark.parametrize(
    ("due", "came", "is_told"),
    [
        (FIRST, SECOND, True),
        (FIRST, SECOND * (1 + 1e-12), True),
        (FIRST, SHORT, True),
        (-3 * FIRST, FIRST, True),
        (-3 * FIRST, SECOND, True),
        (FIRST, FIRST + 1e-3, False),
        (FIRST, -FIRST, False),
        # An input, and an array that stands elsewhere in what was made, are no answers of this kind.
        (FIRST, X, False),
        (FIRST, ANSWERS[1][0]["out"], False),
        # Nothing is known of where the due one stands.
        (FIRST + 1, SECOND, False),
        (FIRST, "text", False),
        (FIRST, None, False),
    ],
)
def test_only_an_answer_of_the_same_kind_is_told(due, came, is_told):
    assert bool(find_stale(due, came, ANSWERS)) is is_told


def test_zeros_whole_numbers_and_an_equal_answer_are_no_sign():
    zeros, ones = np.zeros(4), np.ones(4)
    assert find_stale(ones, zeros, [zeros, ones]) == ()
    assert find_stale(zeros, zeros, [zeros]) == ()
    assert find_stale(FIRST, FIRST, [FIRST, FIRST.copy()]) == ()
    assert find_stale(np.arange(4), np.arange(4)[::-1], [np.arange(4), np.arange(4)[::-1]]) == ()


def test_answers_in_lists_are_compared_at_the_same_index_only():
    pieces = [[(0, FIRST), (1, SECOND)], [(0, SHORT), (1, SHORT + 1)]]
    assert find_stale(FIRST, SHORT, pieces) != ()
    assert find_stale(FIRST, SECOND, pieces) == (), "the window of another place is no answer to another call"
    assert find_stale(FIRST, SHORT + 1, pieces) == ()


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    course = toy_course.make_course(tmp_path_factory.mktemp("course"))
    write(
        course.autograder_dir / "test_slope.py",
        '''"""The slope of scaling"""

import pytest

from cnn_assignment.testing import assert_array


def expect(reference, x, grad_output):
    layer = reference.Scaler(3.0)
    return layer.backward(layer.forward(x), grad_output)


@pytest.mark.points(2)
def test_called_again(student, reference, rng, once):
    """Every call gives a gradient of its own"""
    layer = student.Scaler(3.0)
    for _ in range(2):
        x, grad_output = rng.normal(size=(2, 4))
        gradient = layer.backward(layer.forward(x), grad_output)
        assert_array(gradient, once(expect, reference, x, grad_output), "gradient")
''',
    )
    return course


KEPT = """
if not hasattr(self, "kept"):
    self.kept = np.sum((cache["x"] + HALF) * grad_output, keepdims=True)
grad = self.kept
"""
DOUBLED = 'grad = 2 * np.sum((cache["x"] + HALF) * grad_output, keepdims=True)'


def test_a_student_is_told_whatever_was_graded_before(course, grader):
    def tell(grader, student, text):
        report = grader.grade(submit(course.root, student, answer(slope=text)))
        return [test.diagnosis for found in report.tasks if found.id == "slope" for test in found.tests]

    first = tell(grader, "ada", KEPT)
    assert "right for other numbers of this test" in first[0][0]
    assert "other numbers" not in str(tell(grader, "bob", DOUBLED))
    assert tell(grader, "cleo", KEPT) == first
    with GraderProcess(course) as fresh:
        assert tell(fresh, "ada", KEPT) == first

"""Answers that are no arrays, tolerances, several right answers, printed texts, random numbers and opaque caches."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import indent

import numpy as np
import pytest

import sandbox_kit
import toy_course
from cnn_assignment.judging.session import Session
from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.sandbox.client.protocol import CallRaised
from cnn_assignment.submissions import extract_file
from cnn_assignment.testing import (
    Mismatch,
    assert_array,
    assert_value,
    fetch,
    make_rng,
    own_cache,
    own_caches,
    printed,
    put,
)
from toy_course import write


@dataclass
class Point:
    x: float
    name: str


@pytest.fixture(scope="module")
def assignment(tmp_path_factory):
    return toy_course.make_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def student(assignment, sandbox, tmp_path):
    """A class of a submission with this body."""
    sessions = []

    def student(text):
        text = f"import numpy as np\nclass Scaler: pass\nclass Cutter:\n    value = None\n{indent(text, '    ')}"
        sessions.append(Session(sandbox, assignment, extract_file(write(tmp_path / "toy.py", text), assignment)))
        return sandbox_kit.converse(sessions[-1]).Cutter

    yield student
    for session in sessions:
        session.close()


@pytest.fixture
def value(student):
    """What an expression gives where the student's code runs."""
    return lambda expression: student(f"def get(self):\n    return {expression}\n")().get()


SAME = {
    "3": 3,
    "np.int32(3)": 3,
    "2.5": 2.5,
    "np.float32(2.5)": 2.5,
    "3 ": 3.0,
    "0.1 + 0.2": 0.3,
    "float('nan')": float("nan"),
    "1j": 1j,
    "True": True,
    "np.bool_(True)": True,
    "None": None,
    "'a\\nb'": "a\nb",
    "[1, (2, 'x')]": [1, (2, "x")],
    "{'a': [1.0], 2: None}": {2: None, "a": [1.0]},
    "{'a': np.arange(3.0)}": {"a": np.arange(3.0)},
    "type('P', (), {'x': 1.5, 'name': 'one'})()": Point(1.5, "one"),
    "[type('P', (), {'x': 1.5, 'name': 'one'})()]": [Point(1.5, "one")],
    "'x' * 10_000": "x" * 10_000,
}


@pytest.mark.parametrize("expression", SAME)
def test_what_is_the_same_passes(value, expression):
    assert_value(value(expression), SAME[expression], "it")


DIFFERENT = {
    "4": (3, "it: 4 is wrong"),
    "3.0": (3, "it: expected a whole number, got float"),
    "True": (3, "it: expected a whole number, got bool"),
    "1": (True, "it: expected True or False, got int"),
    "False": (True, "it: it is wrong"),
    "2.6": (2.5, "it: 2.6 is wrong"),
    "float('nan')": (2.5, "it: nan is wrong"),
    "'2.5'": (2.5, "it: expected a number, got str"),
    "True ": (2.5, "it: expected a number, got bool"),
    "np.ones(1)": (2.5, "it: expected a number, got ndarray"),
    "0": (None, "it: expected None, got int"),
    "2": ("two", "it: expected a text, got int"),
    "'twe'": ("two", "it: the text is wrong from character 3 on"),
    "'tw'": ("two", "it: the text ends too early, after 2 characters"),
    "'two '": ("two", "it: the text goes on too long, from character 4"),
    "'a\\nbx'": ("a\nbc\n", "it: the text is wrong from line 2, character 2 on"),
    "'x' * 3_000_000": ("two", "it: the text is too long"),
    "(1, 2)": ([1, 2], "it: expected a list, got tuple"),
    "[1]": ([1, 2], "it: expected 2 items, got 1"),
    "[1, 3]": ([1, 2], "it[1]: 3 is wrong"),
    "{}": ({"key": 1}, "it: 1 of 1 key missing"),
    "{'key': 1, 'b': 2}": ({"key": 1}, "it: 1 key too many"),
    "{'key': [2]}": ({"key": [1]}, "it['key'][0]: 2 is wrong"),
    "{'key': np.ones(2)}": ({"key": np.zeros(2)}, "it['key']: 2 of 2 values are wrong, the first at index [0]"),
    "type('P', (), {'x': 1.5, 'name': 'two'})()": (Point(1.5, "one"), "it.name: the text is wrong from character 1 on"),
    "type('Secret answer', (), {})()": ([1], "it: expected a list, got an object of another type"),
}


@pytest.mark.parametrize("expression", DIFFERENT)
def test_what_differs_is_told_without_what_is_right(value, expression):
    expected, message = DIFFERENT[expression]
    with pytest.raises(Mismatch) as found:
        assert_value(value(expression), expected, "it")
    assert str(found.value) == message


def test_a_field_that_is_missing_is_an_error_in_the_students_words(value):
    with pytest.raises(CallRaised, match="no attribute 'name'"):
        assert_value(value("type('P', (), {'x': 1.5})()"), Point(1.5, "one"), "it")


def test_of_several_right_answers_each_passes_and_the_first_is_told(value):
    answers = {"expected": [1, 2], "or_else": ([2, 1], "none")}
    for right in ("[1, 2]", "[2, 1]", "'none'"):
        assert_value(value(right), what="it", **answers)
    with pytest.raises(Mismatch, match=r"it\[0\]: 3 is wrong"):
        assert_value(value("[3, 3]"), what="it", **answers)


def test_what_a_test_cannot_compare_is_the_tests_fault(value):
    with pytest.raises(TypeError, match="assert_value cannot compare set"):
        assert_value(value("1"), {1, 2}, "it")


# Arrays


@pytest.mark.parametrize(
    ("actual", "how", "is_right"),
    [
        (np.array([1.0, 2.001]), {}, False),
        (np.array([1.0, 2.001]), {"rtol": 1e-3}, True),
        (np.array([1.0, 2.001]), {"rtol": 1e-4}, False),
        (np.array([1.0, 2.001]), {"rtol": 0, "atol": 2e-3}, True),
        (np.array([1.0, 2.001]), {"rtol": 0, "atol": 1e-4}, False),
        (np.array([1.0, 2.001]), {"atol": 2e-3}, True),
    ],
)
def test_a_test_says_how_close_is_close_enough(actual, how, is_right):
    if is_right:
        assert_array(actual, np.array([1.0, 2.0]), "it", **how)
        assert_value([actual], [np.array([1.0, 2.0])], "it", **how)
        return
    with pytest.raises(Mismatch, match="it: 1 of 2 values are wrong"):
        assert_array(actual, np.array([1.0, 2.0]), "it", **how)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64])
def test_sums_in_another_order_are_right_in_every_precision(dtype):
    rng = np.random.default_rng(7)
    terms = rng.normal(size=(50, 200)).astype(dtype)
    expected = terms.sum(axis=1, dtype=dtype)
    other = np.array([sum(row[::-1], start=dtype(0)) for row in terms], dtype)
    assert_array(other, expected, "sums")
    with pytest.raises(Mismatch):
        assert_array((expected * dtype(1.05)).astype(dtype), expected, "sums")


def test_a_right_answer_may_have_another_shape():
    row, column = np.arange(3.0), np.arange(3.0)[:, None]
    assert_array(column, row, "it", or_else=[column])
    with pytest.raises(Mismatch, match=r"it: 3 of 3 values are wrong, the first at index \[0, 0\]"):
        assert_array(column + 1, row, "it", or_else=[column])
    with pytest.raises(Mismatch, match=r"expected shape \(3,\), got \(4,\)"):
        assert_array(np.zeros(4), row, "it", or_else=[column])


# Where the student's code runs


def test_what_is_printed_is_a_text_and_what_is_returned_is_dropped(student):
    say = student("@staticmethod\ndef say(n, end='!'):\n    print(n, end=end)\n    return 7\n").say
    assert_value(printed(say, 3), "3!", "what say prints")
    assert_value(printed(say, 3, end="?\n"), "3?\n", "what say prints")
    with pytest.raises(CallRaised, match="ZeroDivisionError"):
        fetch(printed(student("@staticmethod\ndef say():\n    print(1 / 0)\n").say))


def test_a_generator_gives_the_same_numbers_on_both_sides(student):
    draw = student("@staticmethod\ndef draw(rng):\n    return rng.normal(size=3), rng.integers(10)\n").draw
    rng = np.random.default_rng(11)
    assert_value(draw(make_rng(draw, 11)), (rng.normal(size=3), int(rng.integers(10))), "numbers")
    with pytest.raises(TypeError, match="use make_rng"):
        put(draw, rng)


FORWARDS = """
@staticmethod
def tuple_forward(x):
    return x.sum(), (x, 2 * x, "how")
@staticmethod
def object_forward(x):
    return x.sum(), lambda: x
@staticmethod
def wrong_forward(x):
    return x.sum(), (x, 3 * x, "how", 4)
@staticmethod
def short_forward(x):
    return x.sum(), (x,)
@staticmethod
def failing_forward(x):
    raise ValueError("no")
@staticmethod
def look(cache):
    return list(cache)
@staticmethod
def call(cache):
    return cache()
"""
X = np.arange(3.0)
ITEMS = (X, 2 * X, "how")


@pytest.mark.parametrize("name", ["tuple_forward", "wrong_forward", "short_forward", "failing_forward"])
def test_a_tuple_is_repaired_item_by_item(student, name):
    cutter = student(FORWARDS)
    cache = own_cache(cutter, getattr(cutter, name), (X,), ITEMS, part=1)
    assert_value(cutter.look(cache), list(ITEMS), "cache")


def test_several_tuples_are_alive_at_once(student):
    cutter = student(FORWARDS)
    calls = [((X,), ITEMS), ((X + 1,), (X + 1, 2 * X + 2, "how"))]
    first, second = own_caches(cutter, cutter.wrong_forward, calls, part=1)
    assert_value(cutter.look(second), [X + 1, 2 * X + 2, "how"], "cache")
    assert_value(cutter.look(first), list(ITEMS), "cache")


def test_a_dict_that_is_handed_out_again_is_two_caches(student):
    cutter = student("kept = {}\n@staticmethod\ndef forward(x):\n    Cutter.kept['x'] = x\n    return Cutter.kept\n")
    first, second = own_caches(cutter, cutter.forward, [((X,), None), ((X + 1,), None)])
    assert_value(second, {"x": X + 1}, "second")
    assert_value(first, {"x": X}, "first")
    with pytest.raises(ValueError, match="for every call, or for none"):
        own_caches(cutter, cutter.forward, [((X,), None), ((X,), {"x": X})])


def test_a_cache_of_their_own_kind_comes_back_as_it_is(student):
    cutter = student(FORWARDS)
    assert_array(cutter.call(own_cache(cutter, cutter.object_forward, (X,), part=1)), X, "x")
    with pytest.raises(CallRaised, match="no"):
        fetch(cutter.look(own_cache(cutter, cutter.failing_forward, (X,), part=1)))

"""The helpers of hidden tests: what they accept, what they refuse, and that they never tell an expected value."""

from __future__ import annotations

import numpy as np
import pytest

import sandbox_kit
import toy_course
from cnn_assignment.judging.session import Session
from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.sandbox.client.protocol import CallRaised, CallTimedOut, WorkerDied
from cnn_assignment.submissions import extract_file
from cnn_assignment.testing import (
    Mismatch,
    assert_array,
    assert_unchanged,
    collect,
    copy_of,
    fail,
    fetch,
    own_cache,
    put,
    side_by_side,
)
from cnn_assignment.testing.mismatch import WorkerGoneError
from toy_course import answer, write

RIGHT = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, 7.0]])
RETURNS = (
    "class Scaler:\n    def get(self, x=None):\n        import numpy as np\n        return {}\nclass Cutter: pass\n"
)


@pytest.fixture(scope="module")
def assignment(tmp_path_factory):
    return toy_course.make_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def converse(assignment, sandbox, tmp_path):
    """A function from a submission's text to a function that begins a conversation with it."""
    sessions = []

    def converse(text):
        sessions.append(Session(sandbox, assignment, extract_file(write(tmp_path / "toy.py", text), assignment)))
        return lambda: sandbox_kit.converse(sessions[-1])

    yield converse
    for session in sessions:
        session.close()


@pytest.fixture
def returned(converse):
    """What a student's method returns, an expression."""
    return lambda expression: converse(RETURNS.format(expression))().Scaler().get()


# assert_array


@pytest.mark.parametrize(
    "actual",
    [
        RIGHT,
        RIGHT * (1 + 1e-12),
        RIGHT + 1e-12,
        np.asfortranarray(RIGHT),
        np.repeat(RIGHT, 2, axis=1)[:, ::2],
        RIGHT[::-1][::-1],
    ],
)
def test_right_values_pass_whatever_the_rounding_and_the_memory(actual):
    assert_array(actual, RIGHT, "out")


@pytest.mark.parametrize(
    ("actual", "message"),
    [
        (RIGHT.tolist(), "out: expected a numpy.ndarray, got list"),
        (3.0, "out: expected a numpy.ndarray, got float"),
        (None, "out: expected a numpy.ndarray, got NoneType"),
        (RIGHT.T.astype(int), r"out: expected shape \(2, 3\), got \(3, 2\)"),
        (RIGHT[None], r"out: expected shape \(2, 3\), got \(1, 2, 3\)"),
        (RIGHT[:0], r"out: expected shape \(2, 3\), got \(0, 3\)"),
        (RIGHT.astype(np.float32), "out: expected dtype float64, got float32"),
        (RIGHT.astype(int), "out: expected dtype float64, got int64"),
        (RIGHT.astype(">f8"), "out: expected dtype float64, got >f8"),
        (RIGHT.astype(complex), "out: expected dtype float64, got complex128"),
        (np.where(RIGHT == 3, 9.0, RIGHT), r"out: 1 of 6 values are wrong, the first at index \[0, 2\]$"),
        (np.where(RIGHT > 3, np.nan, RIGHT), r"out: 2 of 6 values are wrong, the first at index \[1, 1\] \(nan\)$"),
        (np.where(RIGHT == 7, np.inf, RIGHT), r"out: 1 of 6 values are wrong, the first at index \[1, 2\]$"),
        (RIGHT * (1 + 1e-7), "out: 6 of 6 values are wrong"),
        ((RIGHT / 3).astype(np.float32).astype(float) * 3, "values are wrong"),
        (np.zeros((2, 3)), "out: 6 of 6 values are wrong"),
        (np.full((2, 3), RIGHT.mean()), "out: 6 of 6 values are wrong"),
    ],
)
def test_type_then_shape_then_dtype_then_values_are_told(actual, message):
    with pytest.raises(Mismatch, match=message):
        assert_array(actual, RIGHT, "out")


def test_messages_hold_no_values_but_the_failure_does():
    secret = np.array([0.123456789, 0.987654321])
    with pytest.raises(Mismatch, match="2 of 2") as caught:
        assert_array(secret * 2, secret, "out")
    assert not any(digits in str(caught.value) for digits in ("0.1", "0.9", "0.2", "1.9", "123", "987"))
    assert caught.value.expected is secret
    assert caught.value.actual.tolist() == (secret * 2).tolist()


def test_small_values_beside_large_ones_are_held_to_their_own_size():
    expected = np.array([1e6, 1e-3])
    assert_array(expected * (1 + 1e-12), expected, "out")
    with pytest.raises(Mismatch, match="1 of 2"):
        assert_array(np.array([1e6, 1.1e-3]), expected, "out")


def test_what_must_be_zero_everywhere_must_be_zero():
    assert_array(np.zeros(3), np.zeros(3), "out")
    assert_array(-np.zeros(3), np.zeros(3), "out")
    with pytest.raises(Mismatch, match="1 of 3"):
        assert_array(np.array([0, 1e-9, 0]), np.zeros(3), "out")


def test_infinite_and_missing_values_can_be_right():
    expected = np.array([np.inf, -np.inf, np.nan, 1.0])
    assert_array(expected.copy(), expected, "out")
    for place in range(4):
        wrong = expected.copy()
        wrong[place] = 5.0
        with pytest.raises(Mismatch, match="1 of 4"):
            assert_array(wrong, expected, "out")


@pytest.mark.parametrize("dtype", ["bool", "int64", "uint8", "complex128", "float32"])
def test_other_dtypes_are_compared_too(dtype):
    expected = np.array([1, 0, 1]).astype(dtype)
    assert_array(expected.copy(), expected, "out")
    with pytest.raises(Mismatch, match=r"1 of 3 values are wrong, the first at index \[1\]"):
        assert_array(np.array([1, 1, 1]).astype(dtype), expected, "out")


def test_counts_are_exact_however_large():
    expected = np.array([10**12, 5])
    with pytest.raises(Mismatch, match="1 of 2"):
        assert_array(np.array([10**12 + 1, 5]), expected, "out")


def test_an_array_without_axes_is_compared():
    assert_array(np.array(1.5), np.array(1.5), "loss")
    with pytest.raises(Mismatch, match=r"loss: 1 of 1 values are wrong$"):
        assert_array(np.array(1.6), np.array(1.5), "loss")


def test_an_empty_array_is_right_where_it_is_expected():
    assert_array(np.zeros((0, 3)), np.zeros((0, 3)), "out")


def test_any_of_several_right_answers_passes_but_no_mixture_of_them():
    first, second = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert_array(second, first, "out", or_else=[second])
    with pytest.raises(Mismatch, match="1 of 2 values are wrong"):
        assert_array(np.array([1.0, 1.0]), first, "out", or_else=[second])


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("np.zeros(10**7)", r"out: expected shape \(2, 3\) and dtype float64, got shape \(10000000,\), dtype <f8$"),
        ("np.broadcast_to(1.0, (10**6, 10**6))", r"got shape \(1000000, 1000000\)"),
        ("np.array([[1, None, 2], [3, 4, 5]])", r"got shape \(2, 3\), dtype \|O$"),
        ("np.array(['a'])", "got shape .*dtype <U1"),
        ("np.ma.masked_array(np.zeros((2, 3)))", "6 of 6 values are wrong"),
        ("np.float64(3)", "expected a numpy.ndarray, got float64"),
        (
            "type('Sly', (), {'__eq__': lambda s, o: True, 'shape': (2, 3)})()",
            "numpy.ndarray, got an object of another type",
        ),
        ("[np.zeros(3)] * 2", "expected a numpy.ndarray, got list"),
        ("(x for x in range(9))", "expected a numpy.ndarray, got generator"),
    ],
)
def test_a_remote_value_is_judged_by_what_crosses(returned, expression, message):
    with pytest.raises(Mismatch, match=message):
        assert_array(returned(expression), RIGHT, "out")


def test_a_right_remote_array_passes(returned):
    assert_array(returned(f"np.array({RIGHT.tolist()})"), RIGHT, "out")


def test_an_error_of_student_code_is_not_a_mismatch(returned):
    with pytest.raises(CallRaised, match="ZeroDivisionError"):
        assert_array(returned("1 / 0"), RIGHT, "out")


def test_fail_tells_the_student_a_sentence():
    with pytest.raises(Mismatch, match=r"^the rows are swapped$"):
        fail("the rows are swapped")


# put, assert_unchanged


@pytest.mark.parametrize(
    "change", ["x.fill(0)", "x.__setitem__((0, 0), 5)", "x.sort()", "x.resize((3, 2), refcheck=False)"]
)
def test_a_changed_input_is_noticed(converse, change):
    student = converse(RETURNS.format(change))()
    x = put(student, RIGHT)
    fetch(student.Scaler().get(x))
    with pytest.raises(Mismatch, match="x is not what it was before the call"):
        assert_unchanged(x, RIGHT, "x")


def test_an_input_that_was_left_alone_passes(converse):
    student = converse(RETURNS.format("x * 2"))()
    x = put(student, RIGHT)
    fetch(student.Scaler().get(x))
    assert_unchanged(x, RIGHT, "x")


@pytest.mark.parametrize("array", [RIGHT, RIGHT.T, np.repeat(RIGHT, 2, axis=1)[:, ::2]])
def test_memory_order_travels(converse, array):
    student = converse(RETURNS.format("[x.flags.c_contiguous, x.flags.f_contiguous, x.tolist()]"))()
    flags = [array.flags.c_contiguous, array.flags.f_contiguous]
    assert fetch(student.Scaler().get(put(student, array))) == [*flags, array.tolist()]


# own_cache

X = np.array([1.0, -2.0, 3.0])
RIGHT_CACHE = {"x": X, "out": 2.0 * (X + 0.5)}


def cached(converse, forward, form_only=()):
    """What is in the cache that backward is given, when forward is this."""
    text = toy_course.SOLUTION.replace("        cache = {", f"        {forward}\n        cache = {{").replace(
        "        return grad\n", "        return [list(cache), cache['x'], cache['out']]\n"
    )
    begin = converse(text)
    for _ in range(3):
        student = begin()
        layer = student.Scaler(2.0)
        try:
            cache = own_cache(student, layer.forward, (X,), RIGHT_CACHE, form_only=form_only)
        except WorkerGoneError:
            continue
        keys, x, out = fetch(layer.backward(cache, np.ones(3)))
        return keys, x.tolist(), out.tolist()
    raise AssertionError("forward is run again and again")


RIGHT_LISTS = (X.tolist(), RIGHT_CACHE["out"].tolist())


def test_a_right_cache_keeps_its_further_keys(converse):
    assert cached(converse, "return {'x': x, 'out': 2 * (x + 0.5), 'mask': object(), 3: x}") == (
        ["x", "out", "mask", 3],
        *RIGHT_LISTS,
    )


@pytest.mark.parametrize(
    "forward",
    [
        "return {'out': x, 'x': x, 'mask': 1}",
        "return {'out': 2 * (x + 0.5), 'x': x.tolist(), 'mask': 1}",
        "return {'out': 2 * (x + 0.5).astype('float32'), 'x': x, 'mask': 1}",
        "return {'out': np.zeros(10**7), 'x': None, 'mask': 1}",
        "return {'out': np.nan * x, 'x': x, 'mask': 1}",
    ],
)
def test_wrong_entries_are_repaired_and_the_others_stay(converse, forward):
    assert cached(converse, forward) == (["out", "x", "mask"], *RIGHT_LISTS)


@pytest.mark.parametrize(
    "forward",
    [
        "raise ValueError('no')",
        "raise NotImplementedError('scale: fill in this gap')",
        "raise KeyboardInterrupt",
        "return None",
        "return x",
        "return [x, x]",
        "return {'x': x}",
        "import types; return types.MappingProxyType({'x': x, 'out': x})",
        "import time\n        while True: pass",
        "import os; os._exit(0)",
        "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
        "return {'x': [0] * 10**6, 'out': 1}",
        "x = [x]\n        while True: x = x + x",
    ],
)
def test_without_a_usable_cache_backward_gets_a_minimal_right_one(converse, forward):
    assert cached(converse, forward) == (["x", "out"], *RIGHT_LISTS)


def test_an_entry_of_which_only_the_form_matters_stays_what_forward_made_of_it(converse):
    told = cached(converse, "return {'out': x, 'x': -x, 'mask': 1}", form_only=("out",))
    assert told == (["out", "x", "mask"], X.tolist(), X.tolist())


@pytest.mark.parametrize(
    "forward",
    [
        "return {'out': np.zeros(2), 'x': x}",
        "return {'out': x.astype('float32'), 'x': x}",
        "return {'out': np.nan * x, 'x': x}",
        "return {'out': [1.0, 2.0, 3.0], 'x': x}",
        "return {'x': x}",
        "raise ValueError('no')",
        "while True: pass",
        "import os; os._exit(0)",
    ],
)
def test_no_expected_value_reaches_code_that_needs_only_its_form(converse, forward):
    keys, x, out = cached(converse, forward, form_only=("out",))
    assert (sorted(keys), x, out) == (["out", "x"], X.tolist(), [1.0, 1.0, 1.0])


def test_a_copy_is_taken_of_what_has_the_form_of_a_right_answer(returned):
    np.testing.assert_array_equal(copy_of(returned("3 * np.ones(3)"), X), [3, 3, 3])
    for other in ("np.ones(4)", "np.ones(3, 'float32')", "[1.0, 2.0, 3.0]", "None"):
        assert copy_of(returned(other), X) is X


def test_what_goes_wrong_before_forward_is_told_as_it_is(converse):
    student = converse(answer().replace("self.factor = factor", "raise ValueError('no factor')"))()
    with pytest.raises(CallRaised, match="ValueError: no factor"):
        own_cache(student, student.Scaler(2.0).forward, (X,), RIGHT_CACHE)


@pytest.mark.parametrize(
    ("at_the_top", "failure"),
    [("A = __import__('os')._exit(4)", WorkerDied), ("A = [0 for _ in iter(int, 1)]", CallTimedOut)],
)
def test_a_submission_that_never_loads_is_not_run_again(converse, at_the_top, failure):
    begin = converse(f"{at_the_top}\nclass Scaler:\n    b = A\n    def forward(self, x): pass\nclass Cutter: pass")
    for _ in range(2):
        student = begin()
        with pytest.raises(failure, match=r"status 4|of CPU time"):
            own_cache(student, student.Scaler.forward, (X,), RIGHT_CACHE)


def test_collect_takes_no_more_than_it_is_asked_for(returned):
    assert collect(returned("iter(int, 1)"), at_most=3) == [0, 0, 0, 0]
    assert collect(returned("(n for n in range(2))"), at_most=3) == [0, 1]
    with pytest.raises(CallRaised, match="'int' object is not iterable"):
        collect(returned("3"), at_most=3)


# side_by_side


def test_items_of_several_iterables_come_in_step_from_where_they_are_made(converse):
    student = converse(RETURNS.format("(x * n for n in range(3))"))()
    scaler = student.Scaler()
    pairs = collect(side_by_side(student, scaler.get(1), scaler.get(10)), at_most=9)
    assert pairs == [(0, 0), (1, 10), (2, 20)]


def test_an_endless_iterable_beside_another_ends_with_it(converse):
    student = converse(RETURNS.format("range(2) if x else iter(int, 1)"))()
    assert collect(side_by_side(student, student.Scaler().get(), student.Scaler().get(1)), at_most=9) == [
        (0, 0),
        (0, 1),
    ]


def test_what_cannot_be_iterated_over_side_by_side_is_told_by_its_type(converse):
    student = converse(RETURNS.format("None if x else []"))()
    with pytest.raises(CallRaised, match="'NoneType' object is not iterable"):
        collect(side_by_side(student, student.Scaler().get(), student.Scaler().get(1)), at_most=9)

"""What is said of a wrong answer from its values alone: each symptom where it is, and nothing where there is none."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cnn_assignment.explaining.symptoms import find_symptoms

RNG = np.random.default_rng(7)
# No axis is as long as another, so that an exchange shows in the shape; SQUARE hides it.
RIGHT = RNG.normal(size=(3, 2, 5, 4))
SQUARE = RNG.normal(size=(2, 3, 3))
AXES = ("example", "channel", "row", "column")


def tell(actual, expected=RIGHT, axes=AXES):
    return " ".join(find_symptoms(expected, np.asarray(actual), axes))


def changed(place, expected=RIGHT, to=None):
    """The right values but at one place, where each of them is another wrong number."""
    actual = expected.copy()
    actual[place] = RNG.normal(size=actual[place].shape) if to is None else to
    return actual


INSIDE = np.zeros(RIGHT.shape, dtype=bool)
INSIDE[..., 1:-1, 1:-1] = True

VALUES = {
    "sign": (-RIGHT, "Every value has the wrong sign, and is right otherwise."),
    "third": (RIGHT / 3, "Every value is the right one times 1/3."),
    "double": (2 * RIGHT, "Every value is the right one times 2."),
    "odd factor": (np.pi * RIGHT, "^$"),
    "offset": (RIGHT + 0.25, "Every value is off by the same amount"),
    "float32 step": (
        RIGHT.astype(np.float32).astype(float),
        "agree with the right ones to five digits of the largest, but not to the last",
    ),
    "zeros": (0 * RIGHT, "Every value is 0"),
    "constant": (np.full_like(RIGHT, 0.5), "All values are the same"),
    "nan": (changed((0, 0, 0, 0), to=np.nan), r"1 of 120 values are nan \(not a number\). Look at each division"),
    "infinite": (changed((0, 0), to=np.inf), "20 of 120 values are infinite"),
    "mirrored": (RIGHT[:, :, ::-1, ::-1], "would be right in reverse order along row and column"),
    "mirrored once": (RIGHT[::-1], "would be right in reverse order along example"),
    "no negatives": (np.maximum(RIGHT, 0), "Where a negative value is due there is 0"),
    "first example": (changed(np.s_[1:]), "Only the first example is right"),
    "last channel": (changed(np.s_[:, :1]), "Only the last channel is right"),
    "zeros in places": (changed(np.s_[:, :, 1:3], to=0.0), r"Every wrong value is 0 \(48 of 120\)"),
    "border": (np.where(INSIDE, RIGHT, 9 * RIGHT + 1), "Only the border is wrong: the first row, the last row, the"),
    "last row": (changed(np.s_[:, :, -1]), "Only the border is wrong: the last row"),
    "signs": (np.abs(RIGHT), "right up to their signs"),
    "signs of all but one": (np.where(np.arange(4) == 3, RIGHT, np.abs(RIGHT)), "right up to their signs"),
    "few, none in the first": (changed((1, 0, 2, 2)), "^$"),
    "one too far": (np.roll(RIGHT, 1, axis=3), "one place too far along column"),
    "one too early": (np.roll(RIGHT, -1, axis=2), "one place too early along row"),
    "shuffled": (
        RNG.permutation(RIGHT.ravel()).reshape(RIGHT.shape),
        "numbers of the right answer, some of them at other",
    ),
    "cut off": (np.trunc(RIGHT), "without its digits after the decimal point"),
    "rounded": (np.round(RIGHT), "rounded to a whole number"),
    "nan and infinite": (
        changed((0, 0, 0), to=[np.nan, np.inf, 0, 0]),
        r"2 of 120 values are nan \(not a number\) or infinite",
    ),
    "noise": (RNG.normal(size=RIGHT.shape), "^$"),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_symptom_of_the_values_is_told(name):
    actual, said = VALUES[name]
    assert re.search(said, tell(actual)), tell(actual)


@pytest.mark.parametrize(
    ("actual", "said"),
    [
        (RIGHT.transpose(1, 0, 2, 3), "All values are right, but the axes stand in another order"),
        (RIGHT.reshape(2, 3, 5, 4), "The lengths of the axes are those that are due, in another order"),
        (
            RIGHT[:, :, :-1],
            "There is 1 fewer along row than there should be. .* counted from the first, all are right",
        ),
        (np.pad(RIGHT, ((0, 0), (0, 0), (0, 1), (0, 2))), "1 more along row and 2 more along column than"),
        (
            RNG.normal(size=(3, 2, 5, 3)),
            "1 fewer along column than there should be. .* counted from the first, some are wrong",
        ),
        (np.zeros((3, 2)), "^$"),
    ],
)
def test_a_symptom_of_the_shape_is_told(actual, said):
    assert re.search(said, tell(actual)), tell(actual)


@pytest.mark.parametrize(("shape", "word"), [((1, 4), "missing"), ((4,), "too many")])
def test_an_axis_of_length_one_that_comes_or_goes_is_told(shape, word):
    expected = RNG.normal(size=shape)
    actual = expected.reshape((4,) if len(shape) > 1 else (1, 4))
    assert word in tell(actual, expected)
    assert "the values are right" in tell(actual, expected)
    assert "the other axes fit" in tell(actual + 1, expected)


def test_exchanged_axes_of_one_length_are_told_by_name():
    assert tell(SQUARE.swapaxes(1, 2), SQUARE, ("filter", "row", "column")) == (
        "The values would be right with row and column exchanged."
    )
    assert tell(SQUARE.swapaxes(1, 2), SQUARE, ()) == "The values would be right with axis 1 and axis 2 exchanged."


def test_of_axes_without_names_the_place_is_told():
    assert tell(changed(np.s_[1:], SQUARE), SQUARE, ()) == (
        "Only the first place along axis 0 is right. What happens to the others?"
    )


def test_a_slice_that_holds_nothing_is_no_sign_of_being_right():
    # Rows that no window sees are zero in every gradient, the wrong ones too.
    expected = RIGHT.copy()
    expected[:, :, -1] = 0
    actual = expected.copy()
    actual[:, :, :-1] += RNG.normal(size=actual[:, :, :-1].shape)
    assert tell(actual, expected) == ""


def test_of_a_small_square_with_one_place_inside_no_border_is_told():
    assert "border" not in tell(np.where(np.arange(9).reshape(3, 3) == 4, SQUARE, SQUARE + 3), SQUARE)
    few = changed((0, 0, 0, 1))
    assert "border" not in tell(few), "one value alone is no border"


def test_numbers_that_were_cut_off_are_told():
    expected = np.array([0.3, 2.7, -1.2, 4.9])
    assert "without its digits" in tell(np.trunc(expected), expected)
    assert "whole number" in tell(np.round(expected), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.complex128, bool])
def test_a_wrong_dtype_is_told_to_be_all_or_not(dtype):
    expected = np.array([1.0, 0.0, 1.0])
    assert "the values are right to five digits" in tell(expected.astype(dtype), expected)
    assert "not right either" in tell((1 - expected).astype(dtype), expected)


@pytest.mark.parametrize("actual", [None, "text", [1.0, 2.0], np.array(["a"]), np.array([None])])
def test_of_what_is_no_array_of_numbers_nothing_is_said(actual):
    assert find_symptoms(np.array([1.0, 2.0]), actual) == ()


@given(
    st.data(),
    arrays(np.float64, st.sampled_from([(3,), (2, 3), (2, 2, 4), (1, 2, 3, 3)]), elements=st.floats(-1e3, 1e3)),
)
def test_no_sentence_holds_an_expected_value(data, expected):
    shape = data.draw(st.sampled_from([expected.shape, expected.shape[::-1], (*expected.shape, 1)]))
    actual = data.draw(arrays(np.float64, shape, elements=st.floats(allow_nan=True, allow_infinity=True)))
    told = find_symptoms(expected, actual, AXES)
    assert len(told) <= 1
    numbers = {float(n) for n in re.findall(r"-?\d+\.\d+", " ".join(told))}
    # A factor is a quotient of both, and may be anything; where it equals a value, the right answer is that of ones.
    assert not numbers & {float(n) for n in expected.ravel() if n != round(n)} or "times" in told[0]

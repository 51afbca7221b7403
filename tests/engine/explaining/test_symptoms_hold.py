"""Whatever is said of wrong values is so: each claim is checked by itself, on answers that were spoilt in known ways."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cnn_assignment.core.comparing import find_wrong, is_close
from cnn_assignment.explaining.symptoms import find_symptoms

AXES = ("example", "channel", "row", "column")
CLOSE = {"rtol": 1e-7, "atol": 0.0}


# Right answers as layers give them: without structure, mostly zero, alike along an axis, whole numbers, symmetric


@st.composite
def right_answers(draw):
    """An array of 1 to 4 axes."""
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = rng.normal(size=shape)
    match draw(st.sampled_from(["plain", "sparse", "alike", "whole", "symmetric", "positive", "constant"])):
        case "sparse":
            values *= rng.random(shape) < 0.2
        case "alike":
            axis = draw(st.integers(0, len(shape) - 1))
            values = np.broadcast_to(np.take(values, [0], axis), shape).copy()
        case "whole":
            values = np.round(2 * values)
        case "symmetric":
            values = values + values[::-1]
        case "positive":
            values = np.abs(values)
        case "constant":
            values = np.full(shape, values.flat[0])
    return values, rng


def _spoil_slice(right, rng):
    actual = right.copy()
    axis = rng.integers(right.ndim)
    place = (*[slice(None)] * axis, rng.integers(right.shape[axis]))
    actual[place] = rng.normal(size=actual[place].shape) if rng.random() < 0.5 else 0.0
    return actual


def _keep_slice(right, rng):
    actual = _spoil_slice(right, rng)
    return np.where(find_wrong(actual, right), right, rng.normal(size=right.shape))


def _zero_some(right, rng):
    return np.where(rng.random(right.shape) < 0.5, right, 0.0)


def _spoil_border(right, rng):
    actual = right.copy()
    actual[..., 0] += 1
    if rng.random() < 0.5:
        actual.flat[-1] += 1
    return actual


def _transpose(right, rng):
    return right.transpose(rng.permutation(right.ndim))


def _flip(right, rng):
    return np.flip(right, [n for n in range(right.ndim) if rng.random() < 0.5])


def _roll(right, rng):
    return np.roll(right, rng.choice([-1, 1]), axis=rng.integers(right.ndim))


def _shuffle(right, rng):
    return rng.permutation(right.ravel()).reshape(right.shape)


def _exchange_two(right, rng):
    actual = right.copy()
    one, other = rng.integers(right.size, size=2)
    actual.flat[one], actual.flat[other] = right.flat[other], right.flat[one]
    return actual


def _spoil_with_nothing(right, rng):
    actual = right.copy()
    actual.flat[rng.integers(right.size)] = rng.choice([np.nan, np.inf])
    actual.flat[rng.integers(right.size)] = rng.choice([np.nan, np.inf, 0.0])
    return actual


def _cut(right, rng):
    return right[tuple(slice(rng.integers(1, n + 1)) for n in right.shape)].copy()


SPOILT = (
    *(_spoil_slice, _keep_slice, _zero_some, _spoil_border, _spoil_with_nothing, _transpose, _flip, _roll, _shuffle),
    *(_exchange_two, _cut),
    lambda right, rng: right * rng.choice([-1, 2, 1 / 3, -1 / 1352, np.pi, 1e-7 * np.pi, 1 + 1e-6]),
    lambda right, rng: right + rng.choice([1.0, -0.25, 1e-6]),
    lambda right, rng: right + 1e-6 * rng.normal(size=right.shape),
    lambda right, rng: np.pad(right, [(0, rng.integers(2)) for _ in right.shape]),
    lambda right, rng: np.full_like(right, rng.normal()),
    lambda right, rng: right.astype(rng.choice(["f4", "f2", "i8", "?", "c16"])),
    lambda right, _: np.abs(right),
    lambda right, _: np.maximum(right, 0),
    lambda right, _: np.trunc(right),
    lambda right, _: np.round(right),
    lambda right, _: np.floor(right),
    lambda right, _: right.round(6),
    lambda right, _: right[np.newaxis],
    lambda right, _: right.squeeze() + 1,
    lambda right, _: 0 * right,
    lambda right, rng: rng.normal(size=right.shape),
)


# What each sentence claims, checked in another way than it was found


def _axes_of(words):
    return [AXES.index(name) for name in re.findall("|".join(AXES), words)]


def _is_times(words, right, actual):
    nonzero = right != 0
    return (
        np.allclose(actual[nonzero] / right[nonzero], float(Fraction(words)), rtol=1e-6) and not actual[~nonzero].any()
    )


def _is_right_but_at(words, right, actual):
    """Wrong places lie on the named lines only, and all lines that are named have some."""
    wrong, named = find_wrong(actual, right), np.zeros(right.shape, dtype=bool)
    for word, name in re.findall(r"the (first|last) (\w+)", words):
        line = [slice(None)] * right.ndim
        line[AXES.index(name)] = 0 if word == "first" else -1
        assert wrong[tuple(line)].any()
        named[tuple(line)] = True
    return not (wrong & ~named).any()


def _only_right(word, name, right, actual):
    wrong = np.moveaxis(find_wrong(actual, right), AXES.index(name), 0)
    right_ones = [n for n, part in enumerate(wrong) if not part.any()]
    return right_ones == [0 if word == "first" else len(wrong) - 1]


def _is_moved(step, axis, right, actual):
    at = np.moveaxis(actual, axis, 0), np.moveaxis(right, axis, 0)
    return all(is_close(at[0][n + step], at[1][n], floor=1e-8) for n in range(len(at[1])) if 0 <= n + step < len(at[1]))


def _is_shorter_or_longer(changes, status, right, actual):
    for count, word, name in re.findall(r"(\d+) (more|fewer) along (\w+)", changes):
        axis = AXES.index(name)
        assert actual.shape[axis] - right.shape[axis] == (int(count) if word == "more" else -int(count))
    common = tuple(slice(min(sizes)) for sizes in zip(right.shape, actual.shape, strict=True))
    return find_wrong(actual[common], right[common]).any() == (status == "some are wrong")


def _same_numbers(right, actual):
    return np.allclose(sorted(right.ravel()), sorted(actual.ravel()), **CLOSE)


def _would_be_right(orders, right, actual):
    return any(change.shape == right.shape and np.allclose(change, right, **CLOSE) for change in orders(actual))


CLAIMS = {
    r"(\d+) of (\d+) values are (.*?)\. Look": lambda count, size, kinds, right, actual: (
        int(count) == (~np.isfinite(actual)).sum()
        and int(size) == actual.size
        and ("nan" in kinds) == np.isnan(actual).any()
        and ("infinite" in kinds) == np.isinf(actual).any()
    ),
    r"Every value is 0\.": lambda right, actual: not actual.any() and right.any(),
    r"All values are the same": lambda right, actual: len(set(actual.flat)) == 1 and len(set(right.flat)) > 1,
    r"to five digits of the largest, but not": lambda right, actual: (
        np.abs(actual - right).max() <= 2e-5 * np.abs(right).max()
    ),
    r"Every value has the wrong sign": lambda right, actual: np.allclose(-actual, right, **CLOSE),
    r"right one times (.*?)\. Look": _is_times,
    r"off by the same amount": lambda right, actual: np.ptp(actual - right) < 1e-8 * np.abs(actual - right).max(),
    r"without its digits": lambda right, actual: (actual.ravel() == [float(int(n)) for n in right.flat]).all(),
    r"rounded to a whole": lambda right, actual: (actual.ravel() == [float(round(n)) for n in right.flat]).all(),
    r"would be right with (.*) exchanged": lambda words, right, actual: _would_be_right(
        lambda a: (a.transpose(order) for order in _orders_of(a.ndim, _axes_of(words))), right, actual
    ),
    r"reverse order along (.*)\.": lambda words, right, actual: np.allclose(
        np.flip(actual, _axes_of(words)), right, **CLOSE
    ),
    r"there is 0, and the others are right": lambda right, actual: (
        not actual[right < 0].any() and np.allclose(actual[right >= 0], right[right >= 0], **CLOSE)
    ),
    r"right up to their signs": lambda right, actual: np.allclose(np.abs(actual), np.abs(right), **CLOSE),
    r"Only the (first|last) (\w+) is right": _only_right,
    r"Every wrong value is 0 \((\d+) of (\d+)\)": lambda count, size, right, actual: (
        int(count) == find_wrong(actual, right).sum()
        and int(size) == right.size
        and not actual[find_wrong(actual, right)].any()
    ),
    r"Only the border is wrong: (.*?)\. Look": _is_right_but_at,
    r"one place too far along (\w+)": lambda name, right, actual: _is_moved(1, AXES.index(name), right, actual),
    r"one place too early along (\w+)": lambda name, right, actual: _is_moved(-1, AXES.index(name), right, actual),
    r"numbers of the right answer": _same_numbers,
    r"the axes stand in another order": lambda right, actual: _would_be_right(
        lambda a: (a.transpose(order) for order in _orders_of(a.ndim, range(a.ndim))), right, actual
    ),
    r"The lengths of the axes are": lambda right, actual: (
        sorted(right.shape) == sorted(actual.shape) and right.shape != actual.shape
    ),
    r"(\d+) ax.s of length 1 \w+ (missing|too many); (.*?)\. Look": lambda count, word, rest, right, actual: (
        right.shape.count(1) - actual.shape.count(1) == (int(count) if word == "missing" else -int(count))
        and ("are right" in rest) == (not find_wrong(actual.reshape(right.shape), right).any())
    ),
    r"There \w+ (.*) than there .*, (.*)\.": _is_shorter_or_longer,
    r"Apart from the dtype, the values are right": lambda right, actual: (
        np.abs(actual - right).max() <= 2e-5 * np.abs(right).max()
    ),
    r"The values are not right either": lambda right, actual: not np.array_equal(actual, right),
}


def _orders_of(n, moved):
    """All orders of n axes that move each of these, and no other."""
    return [
        order for order in permutations(range(n)) if {axis for axis in range(n) if order[axis] != axis} <= set(moved)
    ]


def check(right, actual):
    """What is said of a wrong answer; each claim in it holds."""
    told = find_symptoms(right, actual, AXES)
    for sentence in told:
        (claim,) = [pattern for pattern in CLAIMS if re.search(pattern, sentence)]
        groups = re.search(claim, sentence).groups()
        assert CLAIMS[claim](*groups, right, actual), (sentence, right, actual)
    return told


@settings(max_examples=600)
@given(right_answers(), st.sampled_from(SPOILT))
def test_what_is_said_of_an_answer_that_was_spoilt_in_a_known_way_is_so(made, spoil):
    right, rng = made
    with np.errstate(all="ignore"):
        actual = np.asarray(spoil(right, rng))
    assume(actual.shape != right.shape or actual.dtype != right.dtype or find_wrong(actual, right).any())
    check(right, actual)


@pytest.mark.parametrize("seed", range(200))
def test_of_numbers_that_have_nothing_to_do_with_the_right_ones_nothing_is_said(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 5, size=rng.integers(1, 5)))
    right = rng.normal(size=shape) * (rng.random(shape) < rng.choice([0.3, 1.0]))
    unrelated = rng.normal(size=shape)
    if right.any() and right.size > 1:
        assert find_symptoms(right, unrelated, AXES) == ()

"""What can be said of a wrong answer from its values alone, where no misconception is known to give them.

A sentence says what is literally so of the values that were due and of those that came, and then where to look. What in
the code made it so nobody knows from values, so no sentence says that; and what can be so by accident, among few numbers or
many zeros, is not told. None holds an expected value, or a hidden input: a factor, the name of an axis and a place say
nothing of either.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

import numpy as np

from cnn_assignment.core.comparing import Array, find_wrong, is_close, is_equal, is_telling
from cnn_assignment.explaining.forms import DTYPES, MOST_AXES, SHAPES, SINGLE_PRECISION, Symptom, join_names, orders

_LARGEST_DENOMINATOR = 20
# A mean over more than this is rare, and any small factor comes close to one over some larger number.
_LARGEST_COUNT = 10_000
# Of fewer values, or of fewer signs of each kind, nothing follows.
_FEWEST_VALUES = 3
_FEWEST_SIGNS = 4
_NAMELESS = "axis "


def find_symptoms(expected: Array, actual: object, axes: Sequence[str] = ()) -> tuple[str, ...]:
    """At most one sentence on the shape, the dtype or the values of a wrong answer; none where nothing stands out.

    axes: names of expected's axes, such as ``("example", "row")``; without names they are counted.
    """
    if not isinstance(actual, np.ndarray) or actual.dtype.kind not in "biufc" or expected.dtype.kind not in "biufc":
        return ()
    # Truth values cannot be subtracted, and unsigned numbers not below zero.
    if expected.dtype == actual.dtype and expected.dtype.kind in "bu":
        expected, actual = expected.astype(float), actual.astype(float)
    names = [axes[n] if n < len(axes) else f"{_NAMELESS}{n}" for n in range(expected.ndim)]
    if actual.shape != expected.shape:
        return _first(SHAPES, expected, actual, names)
    if actual.dtype != expected.dtype:
        return _first(DTYPES, expected, actual, names)
    return _first(_VALUES, expected, actual, names)


def _first(symptoms: Sequence[Symptom], expected: Array, actual: Array, names: Sequence[str]) -> tuple[str, ...]:
    with np.errstate(all="ignore"):
        told = (symptom(expected, actual, names) for symptom in symptoms)
        return next(((sentence,) for sentence in told if sentence), ())


# Values


def _not_finite(expected: Array, actual: Array, _: Sequence[str]) -> str:
    bad = ~np.isfinite(actual) & np.isfinite(expected)
    if not bad.any():
        return ""
    nans = np.isnan(actual[bad])
    kinds = (["nan (not a number)"] if nans.any() else []) + ([] if nans.all() else ["infinite"])
    return (
        f"{int(bad.sum())} of {bad.size} values are {' or '.join(kinds)}. Look at each division, and at each array that "
        "is made without values in it."
    )


def _all_the_same(expected: Array, actual: Array, _: Sequence[str]) -> str:
    if actual.size < _FEWEST_VALUES or (actual != actual.flat[0]).any():
        return ""
    if actual.flat[0] == 0:
        return "Every value is 0. Look at whether each number is calculated at all, and at whether it gets to its place here."
    if (expected == expected.flat[0]).all():
        return ""
    return "All values are the same. Look at where this one number comes from."


def _scaled(expected: Array, actual: Array, _: Sequence[str]) -> str:
    energy = np.vdot(expected, expected).real
    if np.count_nonzero(expected) < _FEWEST_VALUES or energy == 0 or expected.dtype.kind == "c":
        return ""
    if is_equal(-actual, expected):
        return "Every value has the wrong sign, and is right otherwise."
    factor = float(np.vdot(expected, actual).real / energy)
    if factor == 0 or not np.isfinite(factor) or not is_close(actual, factor * expected, relative=1e-7):
        return ""
    if not _number(factor):
        # Where one number is in all terms of a sum, any other in its place is such a factor.
        return ""
    return f"Every value is the right one times {_number(factor)}. Look at where a factor of that size can come from."


def _shifted(expected: Array, actual: Array, _: Sequence[str]) -> str:
    difference = actual - expected
    if expected.size < _FEWEST_VALUES or not is_close(difference, np.full_like(difference, difference.flat[0])):
        return ""
    return "Every value is off by the same amount, wherever it stands. Look at what is added to all values, or to none."


def _single_precision(expected: Array, actual: Array, _: Sequence[str]) -> str:
    if expected.dtype.kind not in "fc" or expected.size < _FEWEST_VALUES:
        return ""
    if not is_close(actual, expected, SINGLE_PRECISION, SINGLE_PRECISION):
        return ""
    # To how many digits differs from test to test, and the same mistake is to be told in the same words.
    return (
        "The values agree with the right ones to five digits of the largest, but not to the last. Look at the type of each "
        "array on the way, and at each step that rounds or comes only close."
    )


def _whole_numbers(expected: Array, actual: Array, _: Sequence[str]) -> str:
    if expected.dtype.kind == "c" or not is_telling(expected[expected != np.round(expected)]):
        return ""
    if is_equal(actual, np.trunc(expected)):
        return (
            "Every value is the right one without its digits after the decimal point. Look at the type of each array."
        )
    if is_equal(actual, np.round(expected)):
        return "Every value is the right one rounded to a whole number. Look at each step that rounds."
    return ""


def _exchanged(expected: Array, actual: Array, names: Sequence[str]) -> str:
    if not is_telling(expected[find_wrong(actual, expected)]):
        return ""
    for order in orders(expected.ndim):
        if is_equal(actual.transpose(order), expected):
            moved = [name for n, name in enumerate(names) if order[n] != n]
            return f"The values would be right with {join_names(moved)} exchanged."
    return ""


def _mirrored(expected: Array, actual: Array, names: Sequence[str]) -> str:
    if not is_telling(expected[find_wrong(actual, expected)]):
        return ""
    axes = [n for n in range(min(expected.ndim, MOST_AXES)) if expected.shape[n] > 1]
    for count in range(1, len(axes) + 1):
        for chosen in combinations(axes, count):
            if is_equal(np.flip(actual, chosen), expected):
                return f"The values would be right in reverse order along {join_names([names[n] for n in chosen])}."
    return ""


def _moved(expected: Array, actual: Array, names: Sequence[str]) -> str:
    if not is_telling(expected[find_wrong(actual, expected)]):
        return ""
    for axis, name in enumerate(names):
        if expected.shape[axis] <= 2:  # noqa: PLR2004 - of two, one that is left proves nothing
            continue
        ahead, behind = _along(axis, slice(1, None)), _along(axis, slice(None, -1))
        # What is much the same from place to place looks moved wherever it stands.
        if 2 * find_wrong(expected[ahead], expected[behind]).sum() <= expected[ahead].size:
            continue
        for word, there, due in (("far", ahead, behind), ("early", behind, ahead)):
            if is_equal(actual[there], expected[due]):
                return f"The values stand one place too {word} along {name}. Look at which place the first of them goes to."
    return ""


def _other_places(expected: Array, actual: Array, _: Sequence[str]) -> str:
    # Among many zeros the few other numbers may have come from anywhere.
    if 2 * np.count_nonzero(expected) < expected.size or not is_telling(expected[find_wrong(actual, expected)]):
        return ""
    if expected.dtype.kind == "c" or not is_equal(np.sort(actual, axis=None), np.sort(expected, axis=None)):
        return ""
    return (
        "These are the numbers of the right answer, some of them at other places. Look at the order of the axes, and at "
        "the place that each number goes to."
    )


def _signs(expected: Array, actual: Array, _: Sequence[str]) -> str:
    if not is_equal(np.abs(actual), np.abs(expected)) or not is_telling(np.abs(expected[find_wrong(actual, expected)])):
        return ""
    return "The values are right up to their signs, some of which are wrong."


def _no_negatives(expected: Array, actual: Array, _: Sequence[str]) -> str:
    if expected.dtype.kind == "c" or not is_equal(actual, np.maximum(expected, 0)):
        return ""
    if min((expected < 0).sum(), (expected > 0).sum()) < _FEWEST_SIGNS:
        return ""
    return (
        "Where a negative value is due there is 0, and the others are right. Look at how negative numbers are treated."
    )


def _one_slice_right(expected: Array, actual: Array, names: Sequence[str]) -> str:
    wrong = find_wrong(actual, expected)
    # Zeros where zeros are due say nothing: rows that no window sees are right in every gradient.
    telling = (expected != 0) | (actual != 0)
    for axis, name in enumerate(names):
        if wrong.shape[axis] < 2:  # noqa: PLR2004 - there are others
            continue
        each = tuple(n for n in range(wrong.ndim) if n != axis)
        for word, place, rest in (("first", 0, slice(1, None)), ("last", -1, slice(None, -1))):
            here, others = _along(axis, place), _along(axis, rest)
            if wrong[here].any() or not is_telling(expected[here]) or not np.all(np.any(wrong, axis=each)[rest]):
                continue
            # A few wrong values that happen to lie elsewhere are no pattern.
            if 2 * wrong[others].sum() > telling[others].sum():
                which = f"{word} place along {name}" if name.startswith(_NAMELESS) else f"{word} {name}"
                return f"Only the {which} is right. What happens to the others?"
    return ""


def _border(expected: Array, actual: Array, names: Sequence[str]) -> str:
    axes = tuple(range(expected.ndim))[-2:]
    if len(axes) < 2 or any(expected.shape[axis] < 3 for axis in axes):  # noqa: PLR2004 - has an inside
        return ""
    wrong = find_wrong(actual, expected)
    inside = tuple(slice(1, -1) if axis in axes else slice(None) for axis in range(expected.ndim))
    # In a filter of 3 by 3 nearly all is border.
    if wrong[inside].any() or 5 * wrong[inside].size < wrong.size or not is_telling(expected[inside]):
        return ""
    lines, left = [], wrong.copy()
    for axis in axes:
        for word, place in (("first", 0), ("last", -1)):
            if wrong[_along(axis, place)].mean() > 1 / 2:
                lines.append(f"the {word} {names[axis]}")
                left[_along(axis, place)] = False
    if not lines or left.any():
        return ""
    return f"Only the border is wrong: {join_names(lines)}. Look at what is different for the places there."


def _never_filled(expected: Array, actual: Array, _: Sequence[str]) -> str:
    wrong = find_wrong(actual, expected)
    if (actual[wrong] != 0).any() or wrong.sum() < _FEWEST_VALUES:
        return ""
    return f"Every wrong value is 0 ({int(wrong.sum())} of {wrong.size}). Look at what these places have in common."


def _along(axis: int, place: int | slice) -> tuple[slice | int, ...]:
    return (*[slice(None)] * axis, place)


def _number(factor: float) -> str:
    """As a fraction where it is one, or "": 1/1352 is a mean, and 0.00074 is not."""
    count = round(1 / factor)
    fractions = [Fraction(factor).limit_denominator(_LARGEST_DENOMINATOR)]
    if 0 < abs(count) <= _LARGEST_COUNT:
        fractions.insert(0, Fraction(1, count))
    for candidate in fractions:
        if candidate and abs(float(candidate) / factor - 1) < 1e-8:  # noqa: PLR2004 - as exact as values are compared
            return str(candidate)
    return ""


_VALUES: tuple[Symptom, ...] = (
    _not_finite,
    _all_the_same,
    _single_precision,
    _scaled,
    _shifted,
    _whole_numbers,
    _exchanged,
    _mirrored,
    _no_negatives,
    _signs,
    _one_slice_right,
    _never_filled,
    _border,
    _moved,
    _other_places,
)

"""What can be said of a wrong answer from its values alone, where no misconception is known to give them.

Sentences name what is seen and where to look. They never hold an expected value, or a hidden input: a factor, the name
of an axis and a place say nothing of either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations, permutations

import numpy as np

from cnn_assignment.grading.comparing import Array, find_wrong, is_close

# What float32 arithmetic leaves, and float64 does not.
_SINGLE_PRECISION = 1e-5
# Permutations and mirrors of more axes than this would be many, and no help.
_MOST_AXES = 4
_LARGEST_DENOMINATOR = 20
_FEWEST_VALUES = 3
_NAMELESS = "axis "


def find_symptoms(expected: Array, actual: object, axes: Sequence[str] = ()) -> tuple[str, ...]:
    """At most one sentence on the shape, the dtype or the values of a wrong answer; none where nothing stands out.

    axes: names of expected's axes, such as ``("example", "row")``; without names they are counted.
    """
    if not isinstance(actual, np.ndarray) or actual.dtype.kind not in "biufc" or expected.dtype.kind not in "biufc":
        return ()
    names = [axes[n] if n < len(axes) else f"{_NAMELESS}{n}" for n in range(expected.ndim)]
    if actual.shape != expected.shape:
        return _first(_SHAPES, expected, actual, names)
    if actual.dtype != expected.dtype:
        return _first(_DTYPES, expected, actual, names)
    return _first(_VALUES, expected, actual, names)


# A symptom: a function of expected, actual and the names of the axes that gives a sentence, or "".
Symptom = Callable[[Array, Array, Sequence[str]], str]


def _first(symptoms: Sequence[Symptom], expected: Array, actual: Array, names: Sequence[str]) -> tuple[str, ...]:
    with np.errstate(all="ignore"):
        told = (symptom(expected, actual, names) for symptom in symptoms)
        return next(((sentence,) for sentence in told if sentence), ())


def _equal(actual: Array, expected: Array) -> bool:
    return actual.shape == expected.shape and actual.size > 0 and is_close(actual, expected)


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


# Shapes


def _axes_in_other_order(expected: Array, actual: Array, _: Sequence[str]) -> str:
    if expected.ndim != actual.ndim or sorted(actual.shape) != sorted(expected.shape):
        return ""
    if any(_equal(actual.transpose(order), expected) for order in _orders(expected.ndim)):
        return "All values are right, but the axes stand in another order than asked for."
    return "The sizes are right, but they belong to other axes. Check which axis is which."


def _lengths_of_one(expected: Array, actual: Array, _: Sequence[str]) -> str:
    if expected.ndim == actual.ndim or _without_ones(expected) != _without_ones(actual):
        return ""
    lost = actual.ndim < expected.ndim
    change = "An axis of length 1 is missing" if lost else "There is an axis of length 1 too many"
    values = "the values are right" if _equal(actual.reshape(expected.shape), expected) else "the rest fits"
    return f"{change}; {values}. Look for a squeeze, a reshape or an index that changes the number of axes."


def _too_long_or_too_short(expected: Array, actual: Array, names: Sequence[str]) -> str:
    if expected.ndim != actual.ndim or actual.size == 0 or expected.size == 0:
        return ""
    sizes = list(zip(actual.shape, expected.shape, names, strict=True))
    changes = [f"{abs(a - e)} {'more' if a > e else 'fewer'} along {name}" for a, e, name in sizes if a != e]
    common = tuple(slice(min(a, e)) for a, e, _ in sizes)
    good = _equal(actual[common], expected[common])
    values = "The values in the part that is due are right" if good else "Values in the part that is due are wrong too"
    return f"There are {_list(changes)} than there should be. {values}."


def _without_ones(array: Array) -> tuple[int, ...]:
    return tuple(n for n in array.shape if n != 1)


def _orders(n: int) -> Iterator[tuple[int, ...]]:
    return permutations(range(n)) if n <= _MOST_AXES else iter(())


# Dtypes


def _only_the_dtype(expected: Array, actual: Array, _: Sequence[str]) -> str:
    if is_close(actual, expected, _SINGLE_PRECISION, _SINGLE_PRECISION):
        return "The values are right as far as this dtype can hold them. Look where the array is made, or converted."
    return "The values are wrong too, which the dtype alone may explain: look where the array is made, or converted."


# Values


def _not_finite(expected: Array, actual: Array, _: Sequence[str]) -> str:
    bad = ~np.isfinite(actual) & np.isfinite(expected)
    if not bad.any():
        return ""
    kind = "nan (not a number)" if np.isnan(actual[bad]).any() else "infinite"
    return (
        f"{int(bad.sum())} of {bad.size} values are {kind}. Look for a division by zero, or for memory that was "
        "reserved and never filled."
    )


def _all_the_same(_: Array, actual: Array, names: Sequence[str]) -> str:
    del names
    if actual.size < _FEWEST_VALUES or (actual != actual.flat[0]).any():
        return ""
    if actual.flat[0] == 0:
        return "Every value is 0: either nothing was ever written into this array, or what was written is lost."
    return "All values are the same, so they cannot depend on the place yet."


def _scaled(expected: Array, actual: Array, _: Sequence[str]) -> str:
    energy = np.vdot(expected, expected).real
    if expected.size < _FEWEST_VALUES or energy == 0 or expected.dtype.kind == "c":
        return ""
    factor = float(np.vdot(expected, actual).real / energy)
    if factor == 0 or not np.isfinite(factor) or not is_close(actual, factor * expected, relative=1e-7):
        return ""
    if abs(factor + 1) < _SINGLE_PRECISION:
        return "Every value has the wrong sign, and is right otherwise."
    return (
        f"Every value is the right one times {_number(factor)}. What in your code, or missing from it, has that size?"
    )


def _shifted(expected: Array, actual: Array, _: Sequence[str]) -> str:
    difference = actual - expected
    if expected.size < _FEWEST_VALUES or not is_close(difference, np.full_like(difference, difference.flat[0])):
        return ""
    return "Every value is off by the same amount: something is added, or forgotten, that does not depend on the place."


def _single_precision(expected: Array, actual: Array, _: Sequence[str]) -> str:
    if not is_close(actual, expected, _SINGLE_PRECISION, _SINGLE_PRECISION):
        return ""
    return "The values agree to about seven digits and no further: some step is calculated in float32, or rounded."


def _whole_numbers(expected: Array, actual: Array, _: Sequence[str]) -> str:
    near = np.abs(actual - expected) < 1
    if (actual != np.round(actual)).any() or not near.all() or not (expected != np.round(expected)).any():
        return ""
    return "Every value is a whole number: the right ones were cut off or rounded. Look for an integer array."


def _exchanged(expected: Array, actual: Array, names: Sequence[str]) -> str:
    for order in _orders(expected.ndim):
        if _equal(actual.transpose(order), expected):
            moved = [name for n, name in enumerate(names) if order[n] != n]
            return f"The values would be right with {_list(moved)} exchanged."
    return ""


def _mirrored(expected: Array, actual: Array, names: Sequence[str]) -> str:
    axes = [n for n in range(min(expected.ndim, _MOST_AXES)) if expected.shape[n] > 1]
    for count in range(1, len(axes) + 1):
        for chosen in combinations(axes, count):
            if _equal(np.flip(actual, chosen), expected):
                return f"The values would be right in reverse order along {_list([names[n] for n in chosen])}."
    return ""


def _moved(expected: Array, actual: Array, names: Sequence[str]) -> str:
    for axis, name in enumerate(names):
        if expected.shape[axis] > 2:  # noqa: PLR2004 - of two, one that is left proves nothing
            ahead, behind = (_along(axis, slice(1, None)), _along(axis, slice(None, -1)))
            if _equal(actual[ahead], expected[behind]) or _equal(actual[behind], expected[ahead]):
                return f"The values stand one place too far along {name}: look for an index that is off by one."
    return ""


def _other_places(expected: Array, actual: Array, _: Sequence[str]) -> str:
    if expected.dtype.kind == "c" or not _equal(np.sort(actual, axis=None), np.sort(expected, axis=None)):
        return ""
    return "All values are right, but they stand in other places. Look at how indices or axes are put in order."


def _signs(expected: Array, actual: Array, _: Sequence[str]) -> str:
    if not _equal(np.abs(actual), np.abs(expected)):
        return ""
    return "The values are right up to their signs, some of which are wrong."


def _no_negatives(expected: Array, actual: Array, _: Sequence[str]) -> str:
    if expected.dtype.kind == "c" or not _equal(actual, np.maximum(expected, 0)):
        return ""
    return "Where a negative value is due there is 0, and the others are right: look at what a maximum starts from."


def _one_slice_right(expected: Array, actual: Array, names: Sequence[str]) -> str:
    wrong = find_wrong(actual, expected)
    # Zeros where zeros are due say nothing: rows that no window sees are right in every gradient.
    telling = (expected != 0) | (actual != 0)
    for axis, name in enumerate(names):
        if wrong.shape[axis] < 2:  # noqa: PLR2004 - there are others
            continue
        for word, place in (("first", 0), ("last", -1)):
            here, others = _along(axis, place), _along(axis, slice(1, None) if place == 0 else slice(None, -1))
            if wrong[here].any() or not telling[here].any():
                continue
            # A few wrong values that happen to lie elsewhere are no pattern.
            if 2 * wrong[others].sum() > telling[others].sum():
                which = f"{word} place along {name}" if name.startswith(_NAMELESS) else f"{word} {name}"
                return f"Only the {which} is right. What happens to the others?"
    return ""


def _border(expected: Array, actual: Array, names: Sequence[str]) -> str:
    axes = tuple(range(expected.ndim))[-2:]
    if expected.ndim < len(axes) or any(expected.shape[axis] < 3 for axis in axes):  # noqa: PLR2004 - has an inside
        return ""
    wrong = find_wrong(actual, expected)
    inside = tuple(slice(1, -1) if axis in axes else slice(None) for axis in range(expected.ndim))
    # In a filter of 3 by 3 nearly all is border.
    if wrong[inside].any() or 5 * wrong[inside].size < wrong.size:
        return ""
    lines = [
        f"the {word} {names[axis]}"
        for axis in axes
        for word, place in (("first", 0), ("last", -1))
        if wrong[_along(axis, place)].all(axis=None) or wrong[_along(axis, place)].mean() > 1 / 2
    ]
    if not lines:
        return ""
    return f"Only the border is wrong: {_list(lines)}. Count the windows, and check where the first and the last of them lie."


def _never_filled(expected: Array, actual: Array, _: Sequence[str]) -> str:
    wrong = find_wrong(actual, expected)
    if (actual[wrong] != 0).any() or not wrong.any():
        return ""
    return f"Every wrong value is 0 ({int(wrong.sum())} of {wrong.size}): these places were not reached."


def _along(axis: int, place: int | slice) -> tuple[slice | int, ...]:
    return (*[slice(None)] * axis, place)


def _number(factor: float) -> str:
    """As a fraction where it is one: 1/1352 is a mean, and 0.00074 is not."""
    for candidate in (Fraction(1, round(1 / factor) or 1), Fraction(factor).limit_denominator(_LARGEST_DENOMINATOR)):
        if candidate and abs(float(candidate) / factor - 1) < 1e-6:  # noqa: PLR2004 - the factor is known no better
            return str(candidate)
    return f"{factor:.4g}"


_SHAPES: tuple[Symptom, ...] = (_axes_in_other_order, _lengths_of_one, _too_long_or_too_short)
_DTYPES: tuple[Symptom, ...] = (_only_the_dtype,)
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

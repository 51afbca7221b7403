"""When two arrays hold the same numbers: the one rule that hidden tests and diagnoses share."""

from __future__ import annotations

from typing import Any

import numpy as np

RELATIVE_TOLERANCE = 1e-8
# Sums that cancel are as exact as their largest terms, so the floor follows the magnitude of the whole array. It lies
# between what float64 rounding gives (1e-15 times a few hundred terms) and what a float32 step leaves (1e-7).
FLOOR = 1e-11
# The same two for numbers of fewer digits, by the bytes of one real number: some hundred times what rounding one leaves.
_SHORTER = {2: (1e-2, 1e-3), 4: (1e-5, 1e-6)}
# So many different numbers are in the same places, or in the same pattern, by no accident.
_FEWEST_NUMBERS = 3

Array = np.ndarray[Any, Any]


def find_wrong(
    value: Array,
    expected: Array,
    relative: float | None = None,
    floor: float | None = None,
    absolute: float | None = None,
) -> Array:
    """Where value is not expected, as booleans of their common shape.

    Floating-point numbers may differ by `relative` times the expected one, plus `floor` times the largest expected
    one, or plus `absolute` where that is given; by default as much as numbers of the expected dtype should. NaN is equal
    to NaN here. Counts, indices and masks are right or wrong.
    """
    if expected.dtype.kind not in "fc":
        return np.asarray(value != expected)
    size = expected.dtype.itemsize // (2 if expected.dtype.kind == "c" else 1)
    usual = _SHORTER.get(size, (RELATIVE_TOLERANCE, FLOOR))
    relative = usual[0] if relative is None else relative
    floor = usual[1] if floor is None else floor
    finite = np.isfinite(expected)
    scale = np.max(np.abs(expected), initial=0.0, where=finite)
    with np.errstate(all="ignore"):
        close = np.abs(value - expected) <= relative * np.abs(expected) + (
            floor * scale if absolute is None else absolute
        )
    same = (value == expected) | (np.isnan(value) & np.isnan(expected))
    return np.asarray(~np.where(finite, close, same))


def is_close(value: Array, expected: Array, relative: float | None = None, floor: float | None = None) -> bool:
    """Whether no number of value is wrong; see `find_wrong`."""
    return not bool(find_wrong(value, expected, relative, floor).any())


def has_form(value: Any, right: Array) -> bool:
    """Whether a value is an array of that shape and dtype."""
    return isinstance(value, np.ndarray) and value.shape == right.shape and value.dtype == right.dtype


def is_same(value: Any, expected: Array) -> bool:
    """Whether value is an array of the same shape and dtype with the same numbers."""
    return has_form(value, expected) and is_close(value, expected)


def is_equal(value: Array, expected: Array) -> bool:
    """Whether value has the shape of expected and the same numbers, and there are some."""
    return value.shape == expected.shape and value.size > 0 and is_close(value, expected)


def is_telling(values: Array) -> bool:
    """Whether there are enough different numbers here, zeros left aside, for a likeness of them to be no accident."""
    return len(np.unique(values[np.isfinite(values) & (values != 0)])) >= _FEWEST_NUMBERS

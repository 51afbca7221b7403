"""What can be said of an answer whose shape or dtype is not the one that is due."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import permutations

from cnn_assignment.core.comparing import Array, is_close, is_equal, is_telling

# What float32 arithmetic leaves, and float64 does not.
SINGLE_PRECISION = 1e-5
# Permutations and mirrors of more axes than this would be many, and no help.
MOST_AXES = 4

# A symptom: a function of expected, actual and the names of the axes that gives a sentence, or "".
Symptom = Callable[[Array, Array, Sequence[str]], str]


def join_names(names: Sequence[str]) -> str:
    """The names as a sentence lists them: a, b and c."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def orders(n: int) -> Iterator[tuple[int, ...]]:
    """All orders of n axes; none where there are too many."""
    return permutations(range(n)) if n <= MOST_AXES else iter(())


# Shapes


def _axes_in_other_order(expected: Array, actual: Array, _: Sequence[str]) -> str:
    if expected.ndim != actual.ndim or sorted(actual.shape) != sorted(expected.shape):
        return ""
    if is_telling(expected) and any(is_equal(actual.transpose(order), expected) for order in orders(expected.ndim)):
        return "All values are right, but the axes stand in another order than asked for."
    return "The lengths of the axes are those that are due, in another order. Check which axis is which."


def _lengths_of_one(expected: Array, actual: Array, _: Sequence[str]) -> str:
    if expected.ndim == actual.ndim or _without_ones(expected) != _without_ones(actual):
        return ""
    count = abs(actual.ndim - expected.ndim)
    axes = "1 axis of length 1 is" if count == 1 else f"{count} axes of length 1 are"
    change = f"{axes} {'missing' if actual.ndim < expected.ndim else 'too many'}"
    values = "the values are right" if is_equal(actual.reshape(expected.shape), expected) else "the other axes fit"
    return f"{change}; {values}. Look at each step that can change the number of axes."


def _too_long_or_too_short(expected: Array, actual: Array, names: Sequence[str]) -> str:
    if expected.ndim != actual.ndim or actual.size == 0 or expected.size == 0:
        return ""
    sizes = list(zip(actual.shape, expected.shape, names, strict=True))
    changes = [f"{abs(a - e)} {'more' if a > e else 'fewer'} along {name}" for a, e, name in sizes if a != e]
    common = tuple(slice(min(a, e)) for a, e, _ in sizes)
    good = is_equal(actual[common], expected[common])
    values = "all are right" if good else "some are wrong"
    verb = "is" if changes[0].startswith("1 ") else "are"
    return (
        f"There {verb} {join_names(changes)} than there should be. Of the values that are due and there, counted from the first, "
        f"{values}."
    )


def _without_ones(array: Array) -> tuple[int, ...]:
    return tuple(n for n in array.shape if n != 1)


# Dtypes


def _only_the_dtype(expected: Array, actual: Array, _: Sequence[str]) -> str:
    if is_close(actual, expected, SINGLE_PRECISION, SINGLE_PRECISION):
        return "Apart from the dtype, the values are right to five digits. Look where the array is made, or converted."
    return "The values are not right either. Look first where the array is made, or converted."


SHAPES: tuple[Symptom, ...] = (_axes_in_other_order, _lengths_of_one, _too_long_or_too_short)
DTYPES: tuple[Symptom, ...] = (_only_the_dtype,)

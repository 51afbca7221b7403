"""Assertions on arrays."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnn_assignment.core.comparing import Array, find_wrong, has_form, is_same
from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client.proxies import Remote, fetch
from cnn_assignment.testing.measuring import caps_for
from cnn_assignment.testing.mismatch import Mismatch

# What messages call by its name. Student code chooses the names of its own classes, and could say anything with them.
_KNOWN_TYPES = frozenset(
    {
        *(name for module in (builtins, np) for name, value in vars(module).items() if isinstance(value, type)),
        *("DataFrame", "OrderedDict", "Series", "Tensor", "defaultdict", "deque", "function", "generator", "method"),
        *(
            "MaskedArray",
            "NoneType",
            "builtin_function_or_method",
            "coroutine",
            "dict_items",
            "dict_keys",
            "dict_values",
        ),
        *("ellipsis", "module"),
    }
)


def assert_array(
    actual: Remote | Any,
    expected: Array,
    what: str,
    *,
    or_else: Sequence[Array] = (),
    axes: Sequence[str] = (),
    rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """Compare type, shape, dtype and every value. Raises Mismatch.

    what: the value's name for the student. or_else: further right answers, of any shape and dtype. axes: a name for each
    axis, such as ``("example", "row")``, with which the diagnosis says where an answer is wrong.

    rtol, atol: how far a number may be from the right one, ``rtol * abs(right) + atol``. Left out, it is what rounding
    makes of numbers of that dtype: for float64 1e-8 of the number plus 1e-11 of the largest one, for float32 1e-5 and
    1e-6, for float16 1e-2 and 1e-3.
    """
    value = fetch(actual, caps_for([expected, *or_else])) if isinstance(actual, Remote) else actual
    if isinstance(value, wire.Opaque) and value.type_name == "ndarray":
        found, _, _ = value.reason.rpartition(":")
        raise Mismatch(f"{what}: expected shape {expected.shape} and dtype {expected.dtype}, got {found}")
    if not is_right_array(value, (expected, *or_else), rtol=rtol, atol=atol):
        # What comes closest in form is what the student meant.
        meant = next((answer for answer in (expected, *or_else) if has_form(value, answer)), expected)
        problem = describe_array(value, meant, rtol=rtol, atol=atol)
        raise Mismatch(f"{what}: {problem}", meant, value, what=what, axes=axes)


def assert_unchanged(actual: Remote, original: Array, what: str) -> None:
    """The array behind still holds the original values. Raises Mismatch.

    Compared as `assert_array` does: a student's cache is another computation of the same numbers, and rounds otherwise.
    """
    value = _fetch_array(actual, original)
    if not is_same(value, original):
        message = f"{what} is not what it was before the call: change copies, not what you are given"
        # Without what was expected: the message says all, and what would be said of the values could only confuse.
        raise Mismatch(message, actual=value, what=what)


def copy_of(actual: Remote, right: Array) -> Array:
    """A copy of the array behind, with which it can be compared later.

    right: an array of its form, and what is given in its place where something else comes back, as it does from code
    that writes its replies itself.
    """
    value = _fetch_array(actual, right)
    return value if has_form(value, right) else right


def _fetch_array(actual: Remote, expected: Array) -> Any:
    return fetch(actual, caps_for([expected]))


def is_right_array(value: Any, answers: Sequence[Array], *, rtol: float | None, atol: float | None) -> bool:
    """Whether a value is one of the right answers."""
    return any(
        has_form(value, answer) and not find_wrong(value, answer, rtol, absolute=atol).any() for answer in answers
    )


def describe_array(value: Any, expected: Array, *, rtol: float | None, atol: float | None) -> str:
    """What is wrong with a value that is none of the right answers, by the first of these."""
    if not isinstance(value, np.ndarray):
        return f"expected a numpy.ndarray, got {name_type(value)}"
    if value.shape != expected.shape:
        return f"expected shape {expected.shape}, got {value.shape}"
    if value.dtype != expected.dtype:
        return f"expected dtype {expected.dtype}, got {value.dtype}"
    return _describe_wrong(value, find_wrong(value, expected, rtol, absolute=atol))


def name_type(value: Any) -> str:
    """The type of a value in a message: student code names its own classes, and could say anything with them."""
    kind = value.type_name if isinstance(value, wire.Opaque) else type(value).__name__
    return kind if kind in _KNOWN_TYPES else "an object of another type"


def _describe_wrong(value: Array, wrong: Array) -> str:
    first = tuple(int(n) for n in np.argwhere(wrong)[0])
    place = f", the first at index {list(first)}" if first else ""
    bad = " (nan)" if value.dtype.kind == "f" and np.isnan(value[first]) else ""
    return f"{int(wrong.sum())} of {wrong.size} values are wrong{place}{bad}"

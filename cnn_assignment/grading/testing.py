"""What hidden tests are written with, beside plain pytest: fixtures `student`, `reference`, `rng`, `provided`, and this.

The functions here compare in the trusted process, on copies made of exact built-in types and arrays. Their messages
are told to students: they never hold an expected value or a hidden input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.protocol import CallRaised, WorkerFailure
from cnn_assignment.sandbox.proxies import Remote, collect, conversation_of, fetch, label_of

__all__ = ["Mismatch", "assert_array", "assert_unchanged", "collect", "fail", "fetch", "own_cache", "put"]

RELATIVE_TOLERANCE = 1e-8
# Sums that cancel are as exact as their largest terms, so the floor follows the magnitude of the whole array. It lies
# between what float64 rounding gives (1e-15 times a few hundred terms) and what a float32 step leaves (1e-7).
FLOOR = 1e-11
_SLACK_BYTES = 64 * 1024

Array = np.ndarray[Any, Any]


class Mismatch(AssertionError):  # noqa: N818 - what a test found, in pytest's words a failure and not an error
    """A wrong answer. The text is told to the student; expected and actual are for the diagnosis only."""

    def __init__(self, message: str, expected: Any = None, actual: Any = None) -> None:
        super().__init__(message)
        self.expected = expected
        self.actual = actual


class WorkerGoneError(Exception):
    """A preparing call ended the worker: the test is to be run again, without that call."""


def fail(message: str) -> NoReturn:
    """Fail the test with a message for the student."""
    raise Mismatch(message)


def put(student: Remote, value: Any) -> Remote:
    """A copy of value where the student's code runs, to be handed over and looked at again.

    An array that is not C-contiguous arrives as one that is not.
    """
    return conversation_of(student).put(value)


def assert_array(actual: Remote | Any, expected: Array, what: str, *, or_else: Sequence[Array] = ()) -> None:
    """Compare type, shape, dtype and every value; or_else holds further right answers. Raises Mismatch."""
    value = _fetch_array(actual, expected) if isinstance(actual, Remote) else actual
    if isinstance(value, wire.Opaque) and value.type_name == "ndarray":
        found, _, _ = value.reason.rpartition(":")
        raise Mismatch(f"{what}: expected shape {expected.shape} and dtype {expected.dtype}, got {found}")
    if not isinstance(value, np.ndarray):
        kind = value.type_name if isinstance(value, wire.Opaque) else type(value).__name__
        raise Mismatch(f"{what}: expected a numpy.ndarray, got {kind}", expected, value)
    if value.shape != expected.shape:
        raise Mismatch(f"{what}: expected shape {expected.shape}, got {value.shape}", expected, value)
    if value.dtype != expected.dtype:
        raise Mismatch(f"{what}: expected dtype {expected.dtype}, got {value.dtype}", expected, value)
    wrong = [_find_wrong(value, answer) for answer in (expected, *or_else)]
    if all(places.any() for places in wrong):
        raise Mismatch(_describe_wrong(value, wrong[0], what), expected, value)


def assert_unchanged(actual: Remote, original: Array, what: str) -> None:
    """The array behind still holds the original values. Raises Mismatch.

    Compared as `assert_array` does: a student's cache is another computation of the same numbers, and rounds otherwise.
    """
    if not _is_right(_fetch_array(actual, original), original):
        raise Mismatch(f"{what} is not what it was before the call: change copies, not what you are given")


def own_cache(student: Remote, forward: Remote, args: tuple[Any, ...], right: Mapping[str, Array]) -> Remote:
    """The cache that the student's own forward returns for args, with the entries of right repaired where wrong.

    Where forward raises or returns no such cache it is right itself. So backward is graded on its own. forward is a
    remote method, args may hold remote objects.
    """
    # What went wrong before, in the constructor say, is not forward's: it ends the test in its own words.
    conversation_of(student).fetch(None, wire.Caps())
    if conversation_of(student).is_deadly(label_of(forward)):
        return put(student, dict(right))
    try:
        cache = forward(*args)
        entries = fetch(put(student, [cache[key] for key in right]), _caps(right.values()))
        if not isinstance(entries, list) or len(entries) != len(right):
            # Code that writes its replies itself.
            return put(student, dict(right))
        wrong = [key for key, value in zip(right, entries, strict=True) if not _is_right(value, right[key])]
        for key in wrong:
            cache[key] = right[key]
        if wrong:
            fetch(put(student, None))
    except CallRaised:
        return put(student, dict(right))
    except WorkerFailure as failure:
        if conversation_of(student).is_deadly(label_of(forward)):
            raise WorkerGoneError from failure
        # Not forward's doing: the submission does not load, or its time is used up.
        raise
    return cache


def _is_right(value: Any, expected: Array) -> bool:
    same_kind = isinstance(value, np.ndarray) and value.shape == expected.shape and value.dtype == expected.dtype
    return same_kind and not _find_wrong(value, expected).any()


def _fetch_array(actual: Remote, expected: Array) -> Any:
    return fetch(actual, _caps([expected]))


def _caps(expected: Any) -> wire.Caps:
    """Room for the right answers in the widest dtype, and a little more: what is larger only tells its shape."""
    return wire.Caps(payload_bytes=sum(4 * array.nbytes for array in expected) + _SLACK_BYTES)


def _find_wrong(value: Array, expected: Array) -> Array:
    if expected.dtype.kind not in "fc":
        # Counts, indices and masks are right or wrong.
        return np.asarray(value != expected)
    finite = np.isfinite(expected)
    scale = np.max(np.abs(expected), initial=0.0, where=finite)
    with np.errstate(all="ignore"):
        close = np.abs(value - expected) <= RELATIVE_TOLERANCE * np.abs(expected) + FLOOR * scale
    same = (value == expected) | (np.isnan(value) & np.isnan(expected))
    return np.asarray(~np.where(finite, close, same))


def _describe_wrong(value: Array, wrong: Array, what: str) -> str:
    first = tuple(int(n) for n in np.argwhere(wrong)[0])
    place = f", the first at index {list(first)}" if first else ""
    bad = " (nan)" if value.dtype.kind == "f" and np.isnan(value[first]) else ""
    return f"{what}: {int(wrong.sum())} of {wrong.size} values are wrong{place}{bad}"

"""What a failed test leaves behind, and when two of them show the same mistake."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from cnn_assignment.core.comparing import is_close
from cnn_assignment.core.model import Status
from cnn_assignment.judging.failures import describe_circumstances, describe_raised, is_open_gap
from cnn_assignment.judging.replay import RunResult
from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client.protocol import CallRaised
from cnn_assignment.testing import Mismatch

# Two float32 calculations of the same numbers differ in their last digits.
_SINGLE_RELATIVE, _SINGLE_FLOOR = 1e-4, 1e-5


class Likeness(IntEnum):
    """How much two failures of one test have in common."""

    NONE = 0
    # The same words, or values that say little: whole numbers, and zeros above all.
    WEAK = 1
    # The same values, down to rounding, of inputs without structure: no accident.
    STRONG = 2


@dataclass(frozen=True, slots=True, eq=False)
class FailureSignature:
    """One failure: in words without any place in the student's file, and in values where there are some.

    what and axes name the value that was compared, and its axes. answers: the right ones that the test had made.
    raised: what the student's code raised, but for a gap that is still open, of which the message says all. remarks: what
    the test did to be about its own task alone.
    """

    status: Status
    said: str
    expected: Any = None
    actual: Any = None
    what: str = ""
    axes: tuple[str, ...] = ()
    answers: tuple[Any, ...] = ()
    raised: CallRaised | None = None
    remarks: tuple[str, ...] = ()

    def compare(self, other: FailureSignature) -> Likeness:
        """How alike two failures of the same test are."""
        if self.status is not other.status or self.what != other.what:
            return Likeness.NONE
        if self.status is Status.TIMEOUT:
            # Which calls are made at all depends on those before them.
            return Likeness.WEAK
        if self.actual is not None and other.actual is not None:
            if not _is_same(self.actual, other.actual):
                return Likeness.NONE
            return Likeness.STRONG if _is_telling(self.actual) else Likeness.WEAK
        return Likeness.WEAK if self.said == other.said else Likeness.NONE


def sign_failure(result: RunResult, status: Status, message: str) -> FailureSignature:
    """The signature of a test that ended with a failure, and was judged so."""
    match result.failure:
        case Mismatch() as failure:
            compared = failure.expected, failure.actual, failure.what, failure.axes
            return FailureSignature(status, message, *compared, result.answers)
        case CallRaised() as failure:
            # The same words are said of an index in the student's code, and of one that the test looks up in a result.
            where = "in the student's code" if failure.place is not None else "outside of it"
            said = f"{describe_raised(failure)}{describe_circumstances(failure)}, {where}"
            raised = failure if not is_open_gap(failure) else None
            return FailureSignature(status, said, raised=raised, remarks=result.remarks)
    return FailureSignature(status, message)


def _is_same(value: Any, other: Any) -> bool:
    if isinstance(value, np.ndarray) and isinstance(other, np.ndarray):
        if value.shape != other.shape or value.dtype != other.dtype:
            return False
        if value.dtype.kind in "fc" and value.dtype.itemsize < np.dtype(np.float64).itemsize:
            return is_close(value, other, _SINGLE_RELATIVE, _SINGLE_FLOOR)
        return is_close(value, other)
    if type(value) is not type(other):
        return False
    if isinstance(value, list | tuple):
        return len(value) == len(other) and all(map(_is_same, value, other))
    if isinstance(value, dict):
        return value.keys() == other.keys() and all(_is_same(value[key], other[key]) for key in value)
    if isinstance(value, wire.Opaque):
        return bool(value.type_name == other.type_name)
    if isinstance(value, float | complex | np.inexact):
        return _is_same(np.asarray(value), np.asarray(other))
    return value is other or bool(value == other)


def _is_telling(value: Any) -> bool:
    """Whether values can hardly be the same by accident."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fc" and bool((np.isfinite(value) & (value != np.round(value))).any())
    if isinstance(value, dict):
        return any(map(_is_telling, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_is_telling, value))
    return isinstance(value, float) and not value.is_integer()

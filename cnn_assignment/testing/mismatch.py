"""How a test says that an answer is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn


class Mismatch(AssertionError):  # noqa: N818 - what a test found, in pytest's words a failure and not an error
    """A wrong answer. The text is told to the student; the rest is for the diagnosis only.

    expected and actual: what was due and what came. what: the name of the compared value. axes: names of its axes.
    """

    def __init__(
        self, message: str, expected: Any = None, actual: Any = None, *, what: str = "", axes: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.expected = expected
        self.actual = actual
        self.what = what
        self.axes = tuple(axes)


class WorkerGoneError(Exception):
    """A preparing call ended the worker: the test is to be run again, without that call."""


def fail(message: str, *, found: Any = None) -> NoReturn:
    """Fail the test with a message for the student.

    found: what came, if it can be compared with what a misconception gives: arrays, numbers, or lists of these.
    """
    raise Mismatch(message, actual=found)

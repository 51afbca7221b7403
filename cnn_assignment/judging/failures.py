"""From what ended a hidden test to a status and a sentence for the student, or to an error of the grader."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping

import pytest

from cnn_assignment.core.errors import GraderError
from cnn_assignment.core.model import OPEN_GAP, Status
from cnn_assignment.judging.session import NotRun
from cnn_assignment.sandbox.client.protocol import BadReply, CallRaised, CallTimedOut, WorkerDied
from cnn_assignment.testing import Mismatch

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{4,}")
# Printed arrays: a number with a decimal point, more numbers after it, and the brackets around them. Shapes have no
# decimal point, and stay.
_NUMBER = r"-?\d+\.?\d*(?:e[+-]?\d+)?"
_PRINTED_ARRAY = re.compile(
    rf"[\s\[(]*(?<![\w.])-?\d+\.\d*(?:e[+-]?\d+)?(?:[\s,\[\]()]+{_NUMBER})+[\s\])]*", re.IGNORECASE
)
_MISSING = re.compile(r"module '[^']*' has no attribute '(?P<name>[^']*)'")
_LOOKUP_ERRORS = frozenset({"IndexError", "KeyError", "TypeError"})


def judge_failure(
    failure: BaseException, task: str, failed: Mapping[str, tuple[str, int]] | None = None
) -> tuple[Status, str]:
    """The status on a test of that task which ended with failure.

    failed: the classes whose definitions failed when the code was loaded, with the place of each. Raises GraderError
    where the failure is not the student's.
    """
    match failure:
        case Mismatch():
            return Status.FAILED, str(failure)
        case CallRaised():
            return _judge_raised(failure, task, failed or {})
        case CallTimedOut(kind=kind, limit_s=limit_s):
            waited = "of CPU time" if kind == "CPU" else "without an answer"
            return Status.TIMEOUT, f"stopped after {limit_s:g} seconds {waited}"
        case NotRun():
            return Status.TIMEOUT, str(failure)
        case WorkerDied(code=code):
            return Status.ERROR, _describe_end(code)
        case BadReply():
            return Status.ERROR, f"no usable answer came back: {failure}"
        case AssertionError() | pytest.fail.Exception():
            # pytest writes the compared values into the text of a plain assert: nothing of it may reach a student.
            return Status.FAILED, "not as described"
        case pytest.skip.Exception():
            raise GraderError(
                f"a hidden test of {task} was skipped: {failure}",
                place=f"autograder/…/test_{task.replace('-', '_')}.py",
                remedy="A hidden test must pass or fail: take the skip out.",
            )
    raise GraderError(
        f"a hidden test of {task} is broken: {type(failure).__name__}: {failure}",
        place=f"autograder/…/test_{task.replace('-', '_')}.py",
        remedy="Debug it with `pytest autograder/<assignment> --submission FILE`.",
    )


def is_open_gap(failure: BaseException) -> bool:
    """Whether the failure is a gap, of any task, that was left open."""
    return _open_task(failure) is not None


def _open_task(failure: BaseException) -> str | None:
    if isinstance(failure, CallRaised) and failure.type_name == "NotImplementedError":
        found = OPEN_GAP.fullmatch(failure.message)
        return found[1] if found else None
    return None


def _judge_raised(failure: CallRaised, task: str, failed: Mapping[str, tuple[str, int]]) -> tuple[Status, str]:
    open_task = _open_task(failure)
    if open_task == task:
        return Status.NOT_ATTEMPTED, "this gap is still open"
    if open_task is not None:
        return Status.ERROR, f"it uses {open_task}, which is still open"
    missing = _MISSING.search(failure.message)
    if failure.type_name == "AttributeError" and missing and failure.place is None:
        return Status.ERROR, _describe_missing(missing["name"], failed)
    said = describe_raised(failure)
    if failure.place is not None:
        return Status.ERROR, f"{said} ({failure.place[0]}, line {failure.place[1]})"
    if failure.type_name in _LOOKUP_ERRORS and "()" not in failure.message:
        # It happened where the test looked into a result, not in the student's code and not in a call of it.
        return Status.ERROR, f"what your code returned cannot be used as described ({said})"
    return Status.ERROR, said


def _describe_missing(name: str, failed: Mapping[str, tuple[str, int]]) -> str:
    if name not in failed:
        return f"{name} is not defined"
    label, line = failed[name]
    return f"{name} is not defined, because the statement that defines it failed ({label}, line {line})"


def describe_raised(failure: CallRaised) -> str:
    """Type and text of an exception that student code raised, without its place."""
    return f"{failure.type_name}: {_clean(failure.message)}".removesuffix(": ")


def describe_circumstances(failure: CallRaised) -> str:
    """By what two exceptions with the same words may differ: the shape of the array that was indexed; "" for others."""
    fact = failure.scene.part("value").fact if failure.scene is not None else None
    return f" of {tuple(fact.shape)}" if fact is not None and fact.kind == "array" and fact.shape is not None else ""


def _clean(message: str) -> str:
    """One line without addresses, which differ from run to run, and without printed arrays, which are hidden inputs."""
    return _PRINTED_ARRAY.sub(" […] ", _ADDRESS.sub("0x…", " ".join(message.split()))).lstrip().rstrip(" ,[(")


def _describe_end(code: int | None) -> str:
    if code is None or code == -signal.SIGKILL:
        return "the process of your code was killed before it returned a result"
    if code < 0:
        return f"the process of your code crashed ({_signal_name(-code)}) before it returned a result"
    return f"your code ended its own process (exit status {code}) instead of returning a result"


def _signal_name(number: int) -> str:
    # Most real-time signals have no name, and any process can send itself any of them.
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"

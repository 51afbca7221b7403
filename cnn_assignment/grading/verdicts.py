"""From what ended a hidden test to a verdict and a sentence for the student, or to an error of the grader."""

from __future__ import annotations

import re
import signal

import pytest

from cnn_assignment.errors import GraderError
from cnn_assignment.grading.attempt import NotRun
from cnn_assignment.grading.testing import Mismatch
from cnn_assignment.model import Verdict
from cnn_assignment.sandbox.host import BadReply, CallRaised, CallTimedOut, WorkerDied

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{4,}")
_MISSING = re.compile(r"module '[^']*' has no attribute '(?P<name>[^']*)'")
_OPEN_GAP = re.compile(r"(?P<task>[a-z][a-z0-9-]*): fill in this gap")


def judge_failure(failure: BaseException, task: str) -> tuple[Verdict, str]:
    """The verdict on a test of that task which ended with failure.

    Raises GraderError where the failure is not the student's.
    """
    match failure:
        case Mismatch():
            return Verdict.FAILED, str(failure)
        case CallRaised():
            return _judge_raised(failure, task)
        case CallTimedOut(kind=kind, limit_s=limit_s):
            waited = "of CPU time" if kind == "CPU" else "without an answer"
            return Verdict.TIMEOUT, f"stopped after {limit_s:g} seconds {waited}"
        case NotRun():
            return Verdict.TIMEOUT, str(failure)
        case WorkerDied(code=code):
            return Verdict.ERROR, _describe_end(code)
        case BadReply():
            return Verdict.ERROR, f"no usable answer came back: {failure}"
        case AssertionError() | pytest.fail.Exception():
            # pytest writes the compared values into the text of a plain assert: nothing of it may reach a student.
            return Verdict.FAILED, "not as described"
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
        found = _OPEN_GAP.fullmatch(failure.message)
        return found["task"] if found else None
    return None


def _judge_raised(failure: CallRaised, task: str) -> tuple[Verdict, str]:
    open_task = _open_task(failure)
    if open_task == task:
        return Verdict.NOT_ATTEMPTED, "this gap is still open"
    if open_task is not None:
        return Verdict.ERROR, f"it uses {open_task}, which is still open"
    missing = _MISSING.search(failure.message)
    if failure.type_name == "AttributeError" and missing and failure.place is None:
        return Verdict.ERROR, f"{missing['name']} is not defined"
    where = f" ({failure.place[0]}, line {failure.place[1]})" if failure.place else ""
    # An object's address differs from run to run, and tells nobody anything.
    message = _ADDRESS.sub("0x…", " ".join(failure.message.split()))
    return Verdict.ERROR, f"{failure.type_name}: {message}{where}".replace(": (", " (")


def _describe_end(code: int | None) -> str:
    if code is None or code == -signal.SIGKILL:
        return "its process was killed before it answered"
    if code < 0:
        return f"its process crashed ({signal.Signals(-code).name}) before it answered"
    return f"it ended its own process (exit status {code}) instead of answering"

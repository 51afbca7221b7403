"""From failures to statuses: what ended a test becomes a status and a sentence for the student, or an error of the grader."""

from __future__ import annotations

import signal

import pytest

from cnn_assignment.core.errors import GraderError
from cnn_assignment.core.model import Status
from cnn_assignment.judging.failures import is_open_gap, judge_failure
from cnn_assignment.judging.session import NotRun
from cnn_assignment.sandbox.client.protocol import BadReply, CallRaised, CallTimedOut, SandboxError, WorkerDied
from cnn_assignment.testing import Mismatch
from cnn_assignment.testing.mismatch import WorkerGoneError

OPEN = CallRaised("NotImplementedError", "scale: fill in this gap", ("toy.py", 3), 2)


@pytest.mark.parametrize(
    ("failure", "status", "message"),
    [
        (Mismatch("out: 1 of 2 values are wrong", [1], [2]), Status.FAILED, "out: 1 of 2 values are wrong"),
        (AssertionError("assert 0.123 == 7"), Status.FAILED, "not as described"),
        (pytest.fail.Exception("0.123"), Status.FAILED, "not as described"),
        (OPEN, Status.NOT_ATTEMPTED, "this gap is still open"),
        (
            CallRaised("ValueError", "bad\n  shape", ("cell 3", 7), 0),
            Status.ERROR,
            "ValueError: bad shape (cell 3, line 7)",
        ),
        (CallRaised("ValueError", "", None, 0), Status.ERROR, "ValueError"),
        (CallRaised("KeyError", "", ("toy.py", 2), 0), Status.ERROR, "KeyError (toy.py, line 2)"),
        (
            CallRaised("AttributeError", "module 'toy' has no attribute 'Scaler'", None, 0),
            Status.ERROR,
            "Scaler is not defined",
        ),
        (
            CallRaised("AttributeError", "module 'np' has no attribute 'foo'", ("toy.py", 1), 0),
            Status.ERROR,
            "AttributeError: module 'np' has no attribute 'foo' (toy.py, line 1)",
        ),
        (
            CallRaised("ValueError", "<A object at 0x7f12ab34cd> is none", None, 0),
            Status.ERROR,
            "ValueError: <A object at 0x…> is none",
        ),
        (
            CallRaised("TypeError", "'NoneType' object is not subscriptable", None, 4),
            Status.ERROR,
            "what your code returned cannot be used as described (TypeError: 'NoneType' object is not subscriptable)",
        ),
        (
            CallRaised("TypeError", "forward() takes 1 positional argument but 2 were given", None, 4),
            Status.ERROR,
            "TypeError: forward() takes 1 positional argument but 2 were given",
        ),
        (
            CallRaised("ValueError", "x is [[1.25 -3.5]\n [0.1 4.]] today", ("toy.py", 9), 0),
            Status.ERROR,
            "ValueError: x is […] today (toy.py, line 9)",
        ),
        (CallRaised("NotImplementedError", "later", None, 0), Status.ERROR, "NotImplementedError: later"),
        (CallTimedOut("CPU", 2.0), Status.TIMEOUT, "stopped after 2 seconds of CPU time"),
        (CallTimedOut("wall", 0.5), Status.TIMEOUT, "stopped after 0.5 seconds without an answer"),
        (NotRun("not run, because f ran out of time"), Status.TIMEOUT, "not run, because f ran out of time"),
        (WorkerDied(3), Status.ERROR, "your code ended its own process (exit status 3) instead of returning a result"),
        (WorkerDied(0), Status.ERROR, "your code ended its own process (exit status 0) instead of returning a result"),
        (WorkerDied(None), Status.ERROR, "the process of your code was killed before it returned a result"),
        (WorkerDied(-signal.SIGKILL), Status.ERROR, "the process of your code was killed before it returned a result"),
        (
            WorkerDied(-signal.SIGSEGV),
            Status.ERROR,
            "the process of your code crashed (SIGSEGV) before it returned a result",
        ),
        (WorkerDied(-40), Status.ERROR, "the process of your code crashed (signal 40) before it returned a result"),
        (BadReply("a reply too large"), Status.ERROR, "no usable answer came back: a reply too large"),
    ],
)
def test_a_failure_of_the_student_has_a_status_and_a_sentence(failure, status, message):
    assert judge_failure(failure, "scale") == (status, message)


def test_a_gap_of_another_task_is_an_error_that_names_it():
    assert judge_failure(OPEN, "clear") == (Status.ERROR, "it uses scale, which is still open")
    assert is_open_gap(OPEN)
    assert not is_open_gap(CallRaised("NotImplementedError", "please fill in this gap", None, 0))
    assert not is_open_gap(CallRaised("ValueError", "scale: fill in this gap", None, 0))
    assert not is_open_gap(Mismatch("scale: fill in this gap"))


@pytest.mark.parametrize(
    "failure",
    [TypeError("no"), ZeroDivisionError(), SandboxError("gone"), WorkerGoneError(), OSError(5, "disk"), SystemExit(1)],
)
def test_anything_else_is_an_error_of_the_grader(failure):
    with pytest.raises(GraderError, match=rf"a hidden test of scale is broken: {type(failure).__name__}") as caught:
        judge_failure(failure, "scale")
    assert caught.value.place
    assert caught.value.remedy


def test_a_skipped_test_is_an_error_of_the_grader():
    with pytest.raises(GraderError, match="a hidden test of scale was skipped: later"):
        judge_failure(pytest.skip.Exception("later"), "scale")


@pytest.mark.parametrize("text", ["1.5 " * 100, "1.5" + " " * 397, "[" * 400, "1." * 200, "1.5 2" * 80, "1.5e" * 100])
def test_cleaning_a_message_takes_no_time_whatever_it_holds(text):
    assert judge_failure(CallRaised("ValueError", text, ("toy.py", 1), 0), "scale")[0] is Status.ERROR

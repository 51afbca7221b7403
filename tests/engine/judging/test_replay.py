"""No answer is judged twice, and every report is the one that judging each of them would give."""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np
import pytest

from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import ReportStatus
from cnn_assignment.judging.replay import ReplayCache, RunResult
from cnn_assignment.running.pool import GraderProcess
from cnn_assignment.sandbox.client.protocol import CallRaised, CallTimedOut, Reply, Request, pack_request
from cnn_assignment.testing import Mismatch
from toy_course import answer, edit, make_course, submit

# A test that tells when it is run, and its fixture too.
TOLD = """
from pathlib import Path

LOG = Path({log!r})


def tell(word):
    with LOG.open("a") as file:
        file.write(word + "\\n")


@pytest.fixture(scope="module", autouse=True)
def around():
    tell("begin")
    yield
    tell("end")

"""


class SessionWorker:
    """A worker of which every reply is told beforehand."""

    def __init__(self, *replies):
        self.replies = list(replies)
        self.sent = []

    def send(self, packed, label):
        self.sent.append(packed)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return Reply(b"," + reply.encode(), b"")

    def open(self, reply, request, label):
        return reply.header.decode().removeprefix(",")


def ask(number):
    return Request((("put", number, np.arange(3.0)),), number)


def run(replay_cache, line, *requests, failure=None):
    """One run of a test that makes these requests, and what it was told; nothing where it need not be run."""
    playback = replay_cache.play("test", line)
    if playback.replay() is not None:
        return None
    told = [playback.carry(request, "f") for request in requests]
    replay_cache.keep("test", playback, RunResult(failure))
    return told


def test_what_was_answered_before_needs_no_test():
    replay_cache, again = ReplayCache(), SessionWorker("1", "2")
    assert run(replay_cache, SessionWorker("1", "2"), ask(1), ask(2)) == ["1", "2"]
    assert run(replay_cache, again, ask(1), ask(2)) is None
    assert [packed.header for packed in again.sent] == [pack_request(ask(n)).header for n in (1, 2)]


@pytest.mark.parametrize("replies", [("1", "3"), ("3", "2"), ("12", ""), ("", "12")])
def test_at_a_new_answer_the_test_is_run_and_no_call_made_again(replies):
    replay_cache, line = ReplayCache(), SessionWorker(*replies)
    run(replay_cache, SessionWorker("1", "2"), ask(1), ask(2))
    assert run(replay_cache, line, ask(1), ask(2)) == list(replies)
    assert len(line.sent) == 2
    for known in (("1", "2"), replies):
        assert run(replay_cache, SessionWorker(*known), ask(1), ask(2)) is None


def test_each_way_of_a_test_has_an_ending_of_its_own():
    replay_cache = ReplayCache()
    failure = Mismatch("out: wrong")
    run(replay_cache, SessionWorker("1"), ask(1))
    run(replay_cache, SessionWorker("2", "3"), ask(1), ask(2), failure=failure)
    assert replay_cache.play("test", SessionWorker("1")).replay().failure is None
    assert replay_cache.play("test", SessionWorker("2", "3")).replay().failure is failure
    assert replay_cache.play("test", SessionWorker("2", "1")).replay() is None
    assert replay_cache.play("other", SessionWorker()).replay() is None


def test_a_kept_failure_keeps_nothing_alive_that_it_went_through():
    replay_cache = ReplayCache()
    try:
        try:
            raise ValueError
        except ValueError as error:
            raise Mismatch("out: wrong") from error
    except Mismatch as failure:
        run(replay_cache, SessionWorker("1"), ask(1), failure=failure)
    kept = replay_cache.play("test", SessionWorker("1")).replay().failure
    assert (kept.__traceback__, kept.__context__, kept.__cause__) == (None, None, None)


def test_a_test_that_asks_otherwise_each_time_is_run_to_its_end_each_time():
    replay_cache, line = ReplayCache(), SessionWorker("1", "5", "2")
    run(replay_cache, SessionWorker("1", "2"), ask(1), ask(2))
    playback = replay_cache.play("test", line)
    assert playback.replay() is None
    assert playback.carry(ask(7), "f") == "2"
    assert not playback.is_whole
    assert len(line.sent) == 3


def test_a_test_that_asks_less_than_before_is_not_remembered():
    replay_cache, line = ReplayCache(), SessionWorker("1", "3")
    run(replay_cache, SessionWorker("1", "2"), ask(1), ask(2))
    playback = replay_cache.play("test", line)
    assert playback.replay() is None
    assert playback.carry(ask(1), "f") == "1"
    assert not playback.is_whole
    replay_cache.keep("test", playback, RunResult(None))
    assert replay_cache.play("test", SessionWorker("1", "3")).replay() is None


def test_a_call_that_does_not_come_back_ends_the_test_as_if_it_had_made_it():
    replay_cache, late = ReplayCache(), CallTimedOut("CPU", 1)
    run(replay_cache, SessionWorker("1", "2"), ask(1), ask(2))
    line = SessionWorker("1", late)
    playback = replay_cache.play("test", line)
    assert playback.replay() is None
    assert playback.carry(ask(1), "f") == "1"
    with pytest.raises(CallTimedOut) as raised:
        playback.carry(ask(2), "f")
    assert raised.value is late
    replay_cache.keep("test", playback, RunResult(late))
    assert replay_cache.play("test", SessionWorker("1", late)).replay() is None


@pytest.mark.parametrize(
    ("failure", "known"),
    [
        (Mismatch("wrong"), True),
        (CallRaised("ValueError", "no", None, 0), True),
        (AssertionError("assert 1 == 2"), False),
        (MemoryError(), False),
        (KeyboardInterrupt(), False),
    ],
)
def test_only_a_failure_that_comes_of_the_answers_is_kept(failure, known):
    replay_cache = ReplayCache()
    run(replay_cache, SessionWorker("1"), ask(1), failure=failure)
    assert (replay_cache.play("test", SessionWorker("1")).replay() is not None) is known


def test_a_test_that_asks_nothing_is_run_each_time():
    replay_cache = ReplayCache()
    assert run(replay_cache, SessionWorker()) == []
    assert run(replay_cache, SessionWorker()) == []


def test_memory_is_bounded_whatever_submissions_answer():
    replay_cache = ReplayCache(room=50_000)
    for number in range(1000):
        run(replay_cache, SessionWorker(f"{number}" * 100), ask(1), failure=Mismatch("wrong"))
    known = [number for number in range(1000) if replay_cache.play("test", SessionWorker(f"{number}" * 100)).replay()]
    assert 0 < len(known) < 100
    assert 999 in known


# With the real grader


@pytest.fixture
def course(tmp_path):
    make_course(tmp_path)
    path = tmp_path / "autograder/toy/test_scale.py"
    told = TOLD.format(log=str(tmp_path / "log"))
    # Further cases are not judged, and would be told here too.
    edit(path, "\n\n@pytest.mark.further_cases(draw=lambda rng: int(rng.integers(1, 9)))", f"\n{told}")
    edit(path, "    x = rng.normal(size=n)", '    tell(f"run {n}")\n    x = rng.normal(size=n)')
    return tmp_path


@pytest.fixture
def grade(course):
    """Grades a text as one more submission, and tells which cases of the test were run for it."""
    log = course / "log"
    with ExitStack() as stack:
        graders = []

        def grade(text):
            if not graders:
                graders.append(stack.enter_context(GraderProcess(load_assignment(course, "toy"))))
            log.write_text("")
            number = len(list((course / "submitted").glob("*"))) if (course / "submitted").exists() else 0
            report = graders[0].grade(submit(course, f"s{number}", f"{text}\n# {number}\n"))
            scores = {task.id: task.score for task in report.tasks}
            return scores, log.read_text().splitlines()

        yield grade


CASES = ["run 1", "run 2", "run 5"]


def runs(told):
    return [word for word in told if word.startswith("run")]


def test_a_submission_that_answers_as_an_earlier_one_did_gets_its_scores_without_a_test(grade):
    first, told = grade(answer())
    assert runs(told) == CASES
    second, told = grade(answer().replace("np.zeros(x.shape)", "np.zeros_like(x)"))
    assert told == []
    assert first == second
    assert first["scale"] == 1


def test_only_the_cases_with_a_new_answer_are_run(grade):
    grade(answer())
    wrong = answer(scale="cache['out'][:] = self.factor * (x + HALF) if len(x) != 2 else 0")
    for expected in (["run 2"], []):
        scores, told = grade(wrong)
        assert runs(told) == expected
        assert scores["scale"] == pytest.approx(2 / 3)
    assert grade(answer())[0]["scale"] == 1


def test_fixtures_of_a_file_begin_and_end_whatever_is_left_out(grade):
    for text in [answer()] * 2 + [answer(scale="cache['out'][:] = x if len(x) == 1 else self.factor * (x + HALF)")]:
        _, told = grade(text)
        assert told == (["begin", *runs(told), "end"] if runs(told) else [])


def test_a_fixture_that_does_not_end_withholds_the_grade_and_is_named(course):
    edit(course / "autograder/toy/test_scale.py", '    tell("end")', "    raise OSError('full')")
    with GraderProcess(load_assignment(course, "toy")) as grader:
        for number in range(3):
            report = grader.grade(submit(course, f"s{number}", f"{answer()}\n# {number}\n"))
            assert report.status is ReportStatus.GRADER_ERROR
            assert "OSError: full" in report.notes[0]


def test_a_test_without_a_seed_is_judged_by_what_it_asks_itself(course, grade):
    edit(course / "autograder/toy/test_scale.py", "x = rng.normal(size=n)", "x = __import__('numpy').random.rand(n)")
    knows_some = answer(scale="cache['out'][:] = self.factor * (x + HALF) * (x.sum() > 0.4 * len(x))")
    for _ in range(4):
        assert grade(answer())[0]["scale"] == 1
        assert grade(answer(scale="cache['out'][:] = x"))[0]["scale"] == 0
        assert grade(knows_some)[0]["slope"] == 2


def test_a_worker_that_died_has_its_tests_run(grade):
    for _ in range(3):
        grade(answer())
    deadly = answer(scale="import os\nif len(x) == 2: os._exit(3)\ncache['out'][:] = self.factor * (x + HALF)")
    for _ in range(2):
        scores, told = grade(deadly)
        assert scores["scale"] == pytest.approx(2 / 3)
        assert runs(told) == ["run 2", "run 5"]
    assert grade(answer()) == ({"scale": 1, "slope": 2, "cut": 2, "clear": 3}, [])

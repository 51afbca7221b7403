"""Attempts: what a submission does to its own process costs only its own task, and never the grade's soundness."""

from __future__ import annotations

import numpy as np
import pytest

import sandbox_kit
import toy_course
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import ReportStatus
from cnn_assignment.judging.loading import solution_limits, worker_limits
from cnn_assignment.judging.session import Session
from cnn_assignment.judging.stand_ins import StandInAnswers
from cnn_assignment.running.pool import GraderProcess
from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.sandbox.client.protocol import CallRaised, Reply
from cnn_assignment.sandbox.client.proxies import fetch
from cnn_assignment.submissions import extract_file
from judged_kit import lost, told
from processes import await_that
from toy_course import TOTAL, answer, edit, left_open, submit


def test_the_solution_earns_everything_exactly(grade):
    report = grade(toy_course.SOLUTION)
    assert (report.score, report.max_score) == (TOTAL, TOTAL)
    assert report.notes == ()
    assert lost(report) == {}


def test_the_skeleton_earns_nothing(grade):
    report = grade(left_open(*toy_course.TASKS))
    assert report.score == 0.0
    assert set(lost(report).values()) == {"not_attempted"}


# Each misdeed costs its own task

MISDEEDS = {
    "raises": ("raise ValueError('no')", "error", "ValueError: no (toy.py, line 17)"),
    "exits": ("raise SystemExit(0)", "error", "SystemExit: 0 (toy.py, line 17)"),
    "ends its process": ("import os; os._exit(5)", "error", "your code ended its own process (exit status 5)"),
    "crashes": ("import ctypes; ctypes.string_at(0)", "error", "the process of your code crashed (SIGSEGV)"),
    "fills the memory": ("x = bytearray(1 << 40)", "error", "MemoryError"),
    "closes its pipes": ("import os; os.closerange(3, 9)", "error", "your code ended its own process"),
    "recursion": ("f = lambda: f(); f()", "error", "RecursionError: maximum recursion depth exceeded"),
    "noise": ("import os; os.write(4, b'x' * 99)", "error", "no usable answer came back"),
    "huge": ("cache = {'out': np.zeros(10**7)}", "failed", "got shape (10000000,)"),
    "no cache": ("cache = None", "error", "TypeError: 'NoneType' object is not subscriptable"),
    "None": ("cache['out'] = None", "failed", "out: expected a numpy.ndarray, got NoneType"),
}


@pytest.mark.parametrize("misdeed", MISDEEDS)
def test_a_misdeed_costs_its_own_task_and_is_told(grade, misdeed):
    code, status, message = MISDEEDS[misdeed]
    report = grade(answer(scale=code))
    assert lost(report) == {"scale": status}
    found, messages = told(report, "scale")
    assert found == status
    assert all(message in text for text in messages)


def test_a_call_that_never_ends_is_tried_twice_and_then_not_run(grade):
    report = grade(answer(scale="while True: pass"))
    assert lost(report) == {"scale": "timeout"}
    stopped = "stopped after 0.3 seconds of CPU time"
    not_run = "not run, because Scaler.forward ran out of time 2 times before"
    assert told(report, "scale")[1] == [stopped, stopped, not_run]


def test_an_endless_generator_costs_its_own_task(grade):
    report = grade(answer(cut="while True:\n    yield 0, x[:2]"))
    assert lost(report) == {"cut": "failed"}
    assert told(report, "cut")[1] == ["expected 2 pieces, got 11"]


def test_prints_and_threads_do_no_harm(grade):
    code = (
        "import threading, sys; threading.Thread(target=lambda: None).start(); print('x' * 10**6)\n"
        "sys.stderr.write('x' * 10**6); cache['out'][:] = self.factor * (x + HALF)"
    )
    assert grade(answer(scale=code)).score == TOTAL


def test_what_one_submission_leaves_behind_does_not_reach_the_next(grade):
    patch = "np.zeros = None; import builtins; builtins.sum = None; cache['out'][:] = 0"
    assert grade(answer(scale=patch)).score < TOTAL
    assert grade(toy_course.SOLUTION).score == TOTAL


def test_code_that_never_loads_is_told_in_every_test(grade):
    report = grade(
        "A = __import__('os')._exit(7)\n" + toy_course.SOLUTION.replace("    def", "    a = A\n\n    def", 1)
    )
    assert report.score == 0.0
    assert set(lost(report).values()) == {"error"}
    messages = {message for task in toy_course.TASKS for message in told(report, task)[1]}
    assert messages == {"your code ended its own process (exit status 7) instead of returning a result"}


def test_code_that_takes_for_ever_to_load_is_a_timeout(grade):
    report = grade(
        "A = [0 for _ in iter(int, 1)]\n" + toy_course.SOLUTION.replace("    def", "    a = A\n\n    def", 1)
    )
    assert set(lost(report).values()) == {"timeout"}
    assert len(lost(report)) == len(toy_course.TASKS)
    assert len(report.notes) == 1
    assert report.notes[0].startswith("Nothing could be tested, because your code never finished loading: more than")


def test_a_missing_class_costs_its_own_tasks_and_is_told(grade):
    text = toy_course.SOLUTION
    report = grade(text[: text.index("class Cutter")])
    assert lost(report) == {"cut": "error", "clear": "error"}
    assert told(report, "cut")[1] == ["Cutter is not defined"]
    assert report.notes == ("Cutter is not defined.",)


def test_an_unreadable_submission_earns_nothing_and_says_why(course, grader):
    report = grader.grade(submit(course.root, "ada", "class Scaler(:\n"))
    assert report.status is ReportStatus.UNREADABLE
    assert report.score == 0.0
    assert report.max_score == TOTAL
    assert report.notes[0].startswith("toy.py is not valid Python: invalid syntax (line 1).")
    assert {task.max_score for task in report.tasks} == set(toy_course.TASKS.values())


def test_a_submission_that_uses_up_its_time_is_told_so_in_its_other_tests(tmp_path):
    toy_course.make_course(tmp_path)
    edit(tmp_path / "autograder/toy/assignment.toml", "call_wall_s = 3", "call_wall_s = 3\nsubmission_wall_s = 0.5")
    assignment = load_assignment(tmp_path, "toy")
    slow = "import time; time.sleep(0.3); cache['out'][:] = self.factor * (x + HALF)"
    with GraderProcess(assignment) as grader:
        report = grader.grade(submit(tmp_path, "ada", answer(scale=slow)))
    assert report.status is ReportStatus.GRADED
    used_up = "not run, because the submission as a whole used up its 0.5 seconds"
    assert told(report, "cut") == ("timeout", [used_up])
    assert told(report, "slope") == ("timeout", [used_up])
    assert told(report, "scale")[0] == "partial"


def test_a_plan_of_one_test_gives_each_submission_its_own_fixtures(tmp_path):
    toy_course.make_course(tmp_path)
    for task in ("scale", "slope", "clear"):
        (tmp_path / f"autograder/toy/test_{task}.py").unlink()
        text = (tmp_path / "solutions/toy.py").read_text(encoding="utf-8")
        (tmp_path / "solutions/toy.py").write_text(
            text.replace(f"        ### BEGIN SOLUTION {task}\n", ""), encoding="utf-8"
        )
    with GraderProcess(load_assignment(tmp_path, "toy")) as grader:
        texts = [toy_course.SOLUTION, left_open("cut"), toy_course.SOLUTION]
        assert [grader.grade(submit(tmp_path, "ada", text)).score for text in texts] == [2.0, 0.0, 2.0]


# What stood in for what is told


@pytest.mark.parametrize(
    ("answers", "note"),
    [
        ({"cut": "return []"}, "clear was graded on its own: right methods stood in for your own Cutter.pieces."),
        (
            {"scale": "cache['out'][:] = 0"},
            'slope was graded on its own: "out" was put right in the cache of your Scaler.forward.',
        ),
        (
            {"scale": "raise ValueError"},
            "slope was graded on its own: a right cache stood in for the one that your Scaler.forward owes.",
        ),
        (
            {"scale": "import os; os._exit(0)"},
            "slope was graded on its own: a right cache stood in for the one that your Scaler.forward owes.",
        ),
    ],
)
def test_a_stand_in_is_told(grade, answers, note):
    report = grade(answer(**answers))
    assert set(lost(report)) == set(answers)
    assert report.notes == (note,)


def test_a_stand_in_for_a_task_that_was_not_attempted_is_not_told(grade):
    assert grade(left_open("scale", "slope", "cut", "clear")).notes == ()
    assert grade(left_open("slope", "clear")).notes == ()


def test_a_closed_attempt_leaves_no_worker(course, tmp_path):
    with Sandbox() as sandbox:
        code = extract_file(toy_course.write(tmp_path / "toy.py", answer(scale="raise ValueError")), course)
        session = Session(sandbox, course, code)
        student = sandbox_kit.converse(session)
        with pytest.raises(CallRaised, match="ValueError"):
            fetch(student.Scaler().forward(np.ones(1)))
        (worker,) = session._workers.values()
        assert worker.alive
        session.close()
        assert not worker.alive


# One worker at a time


STAND_INS = ("Cutter.pieces",)
HOLDER = """
import threading, time
import numpy as np

held, beats = [], [0]

def beat():
    while True:
        beats[0] += 1
        time.sleep(0.001)

class Cutter:
    def __init__(self, size=2):
        self.size = size

    def hold(self, mib):
        held.append(np.zeros(mib << 20, np.uint8))

    def start(self):
        threading.Thread(target=beat, daemon=True).start()

    def beats(self):
        return beats[0]

    def pieces(self, x):
        return []

    def clear(self, x):
        return list(self.pieces(x))
"""


@pytest.fixture
def holder(course, tmp_path):
    """A session whose code holds what it is told to."""
    with Sandbox() as sandbox:
        session = Session(sandbox, course, extract_file(toy_course.write(tmp_path / "toy.py", HOLDER), course))
        yield session
        session.close()


def settle(session, *stand_ins, mib=0, threads=0):
    """What a test does to the worker with these stand-ins; which workers of the submission live, and in which state."""
    cutter = sandbox_kit.converse(session, *stand_ins).Cutter()
    for _ in range(threads):
        fetch(cutter.start())
    fetch(cutter.hold(mib))
    return {worker.pid: sandbox_kit.state_of(worker.pid) for worker in session._workers.values()}


@pytest.mark.parametrize("threads", [0, 1])
def test_a_worker_that_is_not_asked_is_stopped_and_goes_on_when_it_is(holder, threads):
    plain = settle(holder, threads=threads)
    both = settle(holder, *STAND_INS)
    first, _ = both
    assert first in plain
    # The kernel stops a process a moment after it was told to.
    await_that(lambda: sandbox_kit.state_of(first) == "T")
    before = fetch(sandbox_kit.converse(holder).Cutter().beats())
    live = settle(holder)
    await_that(lambda: sorted(sandbox_kit.state_of(pid) == "T" for pid in live) == [False, True])
    assert (before > 0) == (threads > 0)


def test_a_worker_that_holds_much_memory_ends_before_another_one_of_its_submission_is_asked(holder):
    large = settle(holder, mib=200)
    (small,) = settle(holder, *STAND_INS)
    assert small not in large
    # It begins anew when it is its turn again.
    assert len(settle(holder)) == 2


def test_no_more_than_two_workers_of_a_submission_live_whatever_the_number_of_stand_ins(holder):
    for stand_ins in ((), STAND_INS, ("Cutter.clear",), (*STAND_INS, "Cutter.clear"), ()):
        lives = settle(holder, *stand_ins)
    assert len(lives) == 2


def test_the_worker_of_the_solution_has_less_memory_than_the_students(course):
    mine, solutions = worker_limits(course), solution_limits(course)
    assert solutions.memory_mib * 4 == mine.memory_mib


# Answers that are known


class Counting:
    """A sandbox that counts the workers it starts."""

    def __init__(self, sandbox):
        self._sandbox = sandbox
        self.spawned = 0

    def spawn(self, limits):
        self.spawned += 1
        return self._sandbox.spawn(limits)


def clear(counting, course, code, answers, x):
    """What a student's own clear gives with right pieces, the methods that were stand_ins_used, and the workers it took."""
    counting.spawned = 0
    session = Session(counting, course, code, answers)
    try:
        return (
            fetch(sandbox_kit.converse(session, *STAND_INS).Cutter(2).clear(x)),
            session.stand_ins_used,
            counting.spawned,
        )
    finally:
        session.close()


@pytest.fixture
def wrong_pieces(course, tmp_path):
    return extract_file(toy_course.write(tmp_path / "toy.py", answer(cut="return []")), course)


def test_a_question_that_was_answered_before_needs_no_right_worker(course, wrong_pieces):
    answers, x, y = StandInAnswers(), np.arange(4.0), np.arange(4.0) + 1
    with Sandbox() as sandbox:
        counting = Counting(sandbox)
        for given, workers in ((x, 2), (x, 1), (y, 2), (y, 1), (x, 1)):
            found, stand_ins_used, spawned = clear(counting, course, wrong_pieces, answers, given)
            assert found.tolist() == [0, 0, 1, 1]
            assert (stand_ins_used, spawned) == (set(STAND_INS), workers)


def test_known_answers_do_not_pile_up(course, wrong_pieces):
    answers = StandInAnswers(room=1000)
    with Sandbox() as sandbox:
        counting = Counting(sandbox)
        found = [clear(counting, course, wrong_pieces, answers, np.arange(2.0) + n)[2] for n in (1, 2, 3, 4, 1, 4)]
    assert found[:4] == [2] * 4
    assert found[4] == 2


def test_an_answer_is_on_offer_only_where_it_was(course):
    question, other = Reply(b',"ask":1}', b""), Reply(b',"ask":1}', b"2")
    answers = StandInAnswers()
    answers.keep(STAND_INS, question, "Cutter.pieces", b"frame")
    assert answers.find(STAND_INS, question) == ("Cutter.pieces", b"frame")
    assert answers.find(("Scaler.forward",), question) is None
    assert answers.find((), question) is None
    assert answers.find(STAND_INS, other) is None


def test_what_is_refused_is_asked_again(course, tmp_path):
    """A refusal may come of what a submission did to its own right worker before."""
    code = extract_file(toy_course.write(tmp_path / "toy.py", answer(cut="return []")), course)
    answers = StandInAnswers()
    with Sandbox() as sandbox:
        counting = Counting(sandbox)
        for _ in range(2):
            counting.spawned = 0
            session = Session(counting, course, code, answers)
            with pytest.raises(CallRaised, match="cannot work with these"):
                fetch(sandbox_kit.converse(session, *STAND_INS).Cutter("two").clear(np.arange(4.0)))
            session.close()
            assert counting.spawned == 2

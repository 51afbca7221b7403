"""Attempts: what a submission does to its own process costs only its own task, and never the grade's soundness."""

from __future__ import annotations

import textwrap

import numpy as np
import pytest

import sandbox_kit
import toy_course
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import ReportStatus
from cnn_assignment.judging.loading import load_order, solution_limits, worker_limits
from cnn_assignment.judging.session import Session
from cnn_assignment.judging.stand_ins import RightMethods, StandInAnswers
from cnn_assignment.running.pool import GraderProcess
from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.sandbox.client.protocol import CallRaised, Reply
from cnn_assignment.sandbox.client.proxies import fetch
from cnn_assignment.submissions import ExtractedCode, extract_file
from toy_course import TOTAL, answer, await_that, edit, left_open, submit


@pytest.fixture
def grade(course, grader):
    """The report of a text; whatever the text does, it is a grade."""

    def grade(text, name="toy.py"):
        report = grader.grade(submit(course.root, "ada", text, name))
        assert report.status is ReportStatus.GRADED, report.notes
        return report

    return grade


def told(report, task):
    """Status of a task, and the messages of its tests."""
    found = next(found for found in report.tasks if found.id == task)
    return str(found.status), [test.message for test in found.tests]


def lost(report):
    """The tasks that earned less than all."""
    return {task.id: str(task.status) for task in report.tasks if task.score < task.max_score}


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


# Stand-ins


@pytest.mark.parametrize(
    "wrong",
    [
        'raise NotImplementedError("cut: fill in this gap")',
        "raise ValueError('no')",
        "return None",
        "return []",
        "yield 0, x[:1]",
        "yield from ((n, x[n * self.size : (n + 1) * self.size].copy()) for n in range(len(x) // self.size))",
        "import os; os._exit(1)",
        "while True: pass",
        "while True: yield 0, x[:2]",
    ],
)
def test_a_task_is_graded_with_right_methods_where_the_students_own_are_wrong(grade, wrong):
    report = grade(answer(cut=wrong))
    assert told(report, "clear") == ("passed", ["", ""])


def test_pieces_of_a_stand_in_are_views_and_writing_through_them_counts(grade):
    # The clear task of the solution writes through them: a copy would leave the result as it was.
    report = grade(left_open("cut"))
    assert lost(report) == {"cut": "not_attempted"}


def test_a_wrong_task_stays_wrong_with_right_methods(grade):
    report = grade(answer(cut="return []", clear="for number, view in self.pieces(result): view[:] = number + 1"))
    assert lost(report) == {"cut": "failed", "clear": "failed"}
    assert "5 of 7 values are wrong" not in told(report, "clear")[1][0]
    assert "values are wrong, the first at index [0]" in told(report, "clear")[1][0]


def test_an_open_gap_stays_open_with_right_methods(grade):
    assert lost(grade(left_open("cut", "clear"))) == {"cut": "not_attempted", "clear": "not_attempted"}


def test_right_methods_of_the_student_are_not_replaced(grade):
    # The student's own pieces come in an order that the right ones do not have, and the task relies on it.
    own = "for n in reversed(range(len(x) // self.size)):\n    yield n, x[n * self.size : (n + 1) * self.size]"
    needs = (
        "order = [n for n, _ in self.pieces(x)]\nassert order == sorted(order, reverse=True)\n"
        "for number, view in self.pieces(result):\n    view[:] = number"
    )
    assert told(grade(answer(cut=own, clear=needs)), "clear") == ("passed", ["", ""])


def test_arguments_by_name_reach_a_stand_in(grade):
    code = "for number, view in self.pieces(x=result):\n    view[:] = number"
    assert told(grade(answer(cut="return []", clear=code)), "clear") == ("passed", ["", ""])


HOARDERS = {
    "slots": """
        __slots__ = ("size",)

        def __init__(self, size=2):
            self.size = size
    """,
    "a property": """
        def __init__(self, size=2):
            self._mine = size

        @property
        def size(self):
            return self._mine
    """,
    "__getattr__ that raises KeyError": """
        def __init__(self, size=2):
            self.options = {"size": size}

        def __getattr__(self, name):
            return self.__dict__["options"][name]
    """,
    "__getattr__ without an end for other names": """
        __slots__ = ("options",)

        def __init__(self, size=2):
            self.options = {"size": size}

        def __getattr__(self, name):
            return self.options[name] if name in self.options else getattr(self, name + "_")
    """,
    "a class attribute": """
        size = 2

        def __init__(self, size=2):
            if size != 2:
                self.size = size
    """,
    "a class attribute and no __dict__": """
        __slots__ = ()
        size = 2

        def __new__(cls, size=2):
            return object.__new__(type("Other", (cls,), {"size": size, "__slots__": ()}))
    """,
    "much else beside it": """
        def __init__(self, size=2):
            self.history = [[number, {"place": number}] for number in range(30_000)]
            self.size = size
            self.numbers = list(range(9000))
            self.more = list(range(9000))
    """,
    "itself in its own history": """
        def __init__(self, size=2):
            self.size = size
            self.history = [self, vars(self)]
            self.history.append(self.history)
    """,
    "what shadows a method of the right class": """
        def __init__(self, size=2):
            self.size = size
            self.__class__.clear_ = self.clear
            vars(self).update(clear=self.clear, pieces_=len)
    """,
    "a number of a type of its own": """
        def __init__(self, size=2):
            import enum
            self.size = enum.IntEnum("Size", {"CHOSEN": size}).CHOSEN
    """,
    "an object that cannot cross": """
        def __init__(self, size=2):
            self.size = size
            self.out = print
            self.module = np
    """,
}


def keeping(how, **answers):
    """The solution with another constructor of its Cutter."""
    own = "    def __init__(self, size=2):\n        self.size = size\n"
    text = answer(**answers)
    assert text.count(own) == 1
    return text.replace(own, textwrap.indent(textwrap.dedent(HOARDERS[how]).strip("\n"), "    ") + "\n")


@pytest.mark.parametrize("how", HOARDERS)
def test_right_methods_work_for_objects_that_keep_their_attributes_in_their_own_way(grade, how):
    assert lost(grade(keeping(how))) == {}
    assert lost(grade(keeping(how, cut="return []"))) == {"cut": "failed"}


@pytest.mark.parametrize(
    "make",
    [
        "result = np.repeat(x, 2)[::2]",
        "result = np.repeat(x, 2)[1::2]",
        "result = x[::-1].copy()[::-1]",
        "result = np.zeros((len(x) + 2, 3))[1:-1, 1]; result[:] = x",
        "result = np.array([x, x, x], order='F')[1]",
        "result = x.copy().view(np.recarray)",
        "result = np.ma.masked_array(x.copy(), mask=False)",
    ],
)
def test_writing_through_pieces_of_a_stand_in_counts_whatever_the_layout(grade, make):
    code = f"{make}\nfor number, view in self.pieces(result):\n    view[:] = number"
    assert lost(grade(answer(clear=code))) == {}
    assert lost(grade(answer(cut="return []", clear=code))) == {"cut": "failed"}


HOSTILE = [
    "self.size = 10**9",
    "self.size = 0",
    "self.size = -1",
    "self.size = 1e-9",
    "self.size = None",
    "self.size = object()",
    "self.size = 'two'",
    "self.size = np.zeros(3)",
    "self.size = float('nan')",
    "self.other = np.zeros(10**8)",
    "self.__dict__[3] = 4",
    "del self.size",
    "result = np.zeros(10**8); self.size = 1",
    "result = np.zeros(10**6); self.size = 1",
    "result = range(10**12); self.size = 10**11",
    "result = object()",
    "result = None",
    "result = [result]",
    "result = type('Sly', (), {'__len__': lambda s: 10**9, '__getitem__': lambda s, i: s})()",
    "self.size = type('Sly', (int,), {'__index__': lambda s: 10**9})(2)",
    "self.__dict__.update({'__class__': 5, '__dict__': {'size': 2}, '': 1, 'a b': 2})",
    "type(self).size = property(lambda s: 1 / 0)",
    "type(self).size = property(lambda s: s.size)",
    "type(self).size = property(lambda s: exec('while True: pass'))",
    "type(self).size = property(lambda s: exec('raise SystemExit'))",
    "type(self).size = property(lambda s: __import__('os')._exit(1))",
    "type(self).__getattribute__ = lambda s, name: object.__getattribute__(s, name) if name == 'pieces' else 1 / 0",
    "type(self).__dict__['__dict__'].__get__(self).clear()",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_arguments_of_a_stand_in_end_in_the_students_own_result(grade, hostile):
    code = f"{hostile}\nfor number, view in self.pieces(result):\n    view[:] = number"
    report = grade(answer(cut="return []", clear=code))
    assert set(lost(report)) <= {"cut", "clear"}
    assert "cut" in lost(report)


def test_asking_without_end_ends_in_a_timeout(grade):
    report = grade(answer(cut="return []", clear="while True: list(self.pieces(result))"))
    assert lost(report) == {"cut": "failed", "clear": "timeout"}


ASK = """
import sys
worker = sys._getframe(1)
while worker and "self" not in worker.f_locals or not hasattr(worker.f_locals.get("self"), "_ask"):
    worker = worker.f_back
worker = worker.f_locals["self"]
{question}
"""


@pytest.mark.parametrize(
    "question",
    [
        "stolen = worker._ask('Scaler.forward', self, (x,))",
        "stolen = worker._ask('Cutter.clear', self, (x,))",
        "stolen = worker._ask('Cutter.__init__', self, ())",
        "stolen = worker._ask('absent', self, ())",
        "stolen = worker._ask('Cutter.pieces', self, (sys.modules['cnn_assignment.sandbox.wire'].Handle(0),))",
        "self.size = sys.modules['cnn_assignment.sandbox.wire'].Handle(1); stolen = list(self.pieces(x))",
        "worker._channel.send({'nonce': worker._nonce, 'ask': 7}, []); stolen = worker._channel.receive()",
        "worker._channel.send({'nonce': worker._nonce, 'ask': ['l']}, []); stolen = worker._channel.receive()",
        "worker._channel.send({'nonce': 'x', 'value': 7}, []); stolen = 1",
    ],
)
def test_a_forged_question_gives_nothing_that_is_not_on_offer(grade, question):
    # What was stolen would be handed in as the result.
    code = ASK.format(question=question) + "\nresult = stolen"
    report = grade(answer(cut="return []", clear=code))
    assert set(lost(report)) == {"cut", "clear"}


@pytest.mark.parametrize("task", ["scale", "slope", "cut"])
def test_questions_are_not_answered_outside_of_the_tests_that_have_stand_ins(grade, task):
    code = (
        ASK.format(question="stolen = worker._ask('Cutter.pieces', self, (np.zeros(7),))")
        + "\nraise ValueError(stolen)"
    )
    report = grade(answer(**{task: code}))
    assert lost(report) in ({task: "error"}, {task: "error", "clear": "error"})
    assert "no usable answer came back: a question that no stand-in asks" in told(report, task)[1][0]


def test_right_methods_answer_afresh_after_they_were_killed(course):
    with Sandbox() as sandbox:
        right = RightMethods(sandbox, course)
        x = np.arange(5.0)
        assert right.answer("Cutter.pieces", {"size": 10**12}, (x,)).value == []
        assert (
            right.answer("Cutter.pieces", {"size": 0}, (x,)).refusal == "Cutter.pieces cannot work with these arguments"
        )
        assert right.answer("Cutter.pieces", {"size": 1e-300}, (x,)).refusal
        assert right.answer("Cutter.pieces", {"size": 2}, (wire.Handle(0),)).refusal
        assert right.answer("Cutter.pieces", {"size": [wire.Handle(0)]}, (x,)).refusal
        answer = right.answer("Cutter.pieces", {"size": 2}, (x,))
        assert answer.iterator
        assert [number for number, _ in answer.value] == [0, 1]
        right.close()


@pytest.mark.parametrize(
    "lay_out",
    [
        lambda x: x,
        np.asfortranarray,
        lambda x: x.T.copy().T[:, ::2],
        lambda x: np.pad(x, 3)[3:-3, 3:-3],
        lambda x: x[::-1, ::-1],
        lambda x: np.broadcast_to(x[:, :1], x.shape),
        lambda x: x[:, 0],
    ],
)
def test_right_methods_name_the_pieces_of_an_argument_in_any_layout(course, lay_out):
    x = lay_out(np.arange(20.0).reshape(5, 4))
    with Sandbox() as sandbox:
        right = RightMethods(sandbox, course)
        answer = right.answer("Cutter.pieces", {"size": 2}, (x,))
        right.close()
    rest = (slice(0, x.shape[1], 1),) if x.ndim > 1 else ()
    windows = [wire.WindowOf(0, (slice(start, start + 2, 1), *rest)) for start in (0, 2)]
    assert answer.value == [(0, windows[0]), (1, windows[1])]


def test_an_argument_without_axes_reaches_a_right_method_as_it_is(course):
    with Sandbox() as sandbox:
        right = RightMethods(sandbox, course)
        assert right.answer("Scaler.forward", {"factor": 2.0}, (np.array(1.0),)).refusal
        answer = right.answer("Scaler.backward", {"factor": 2.0}, ({"x": np.array(1.0)}, np.array(3.0)))
        right.close()
    assert answer.value.shape == ()


def test_a_state_does_not_hide_the_methods_of_the_right_class(course):
    state = {"size": 2, "pieces": 7, "clear": None, "__init__": 1}
    with Sandbox() as sandbox:
        right = RightMethods(sandbox, course)
        cleared = right.answer("Cutter.clear", state, (np.arange(5.0),)).value
        right.close()
    assert cleared.tolist() == [0.0, 0.0, 1.0, 1.0, 4.0]


SPELLED = """
from dataclasses import dataclass

@dataclass
class Field:
    declared: int = 1
    _hidden: int = 2

    def method(self, other):
        local: int = 3
        self.first, (self.second, *self.rest) = other.unseen, (1, 2)
        self.total += 1
        for self.counter in ():
            pass
        other.assigned = self._private = self.read
        self.__mangled = 5
        return self.__class__, other.method(self)
"""


def test_the_names_that_a_stand_in_asks_for_are_public_ones_of_the_solution_and_of_nothing_else(tmp_path):
    course = toy_course.make_course(tmp_path)
    toy_course.write(
        tmp_path / "solutions/given.py", "HALF = 0.5\nclass Base:\n    def f(self):\n        return self.base\n"
    )
    order = load_order(course, ExtractedCode((), ()), ["Cutter.pieces"])
    assert order["attributes"] == ["base", "factor", "pieces", "size"]
    toy_course.write(tmp_path / "solutions/toy.py", SPELLED)
    expected = ["assigned", "base", "counter", "declared", "first", "read", "rest", "second", "total"]
    assert load_order(course, ExtractedCode((), ()), ["Cutter.pieces"])["attributes"] == expected
    # Where nothing is stand_ins_used, nothing is asked for.
    assert load_order(course, ExtractedCode((), ()))["attributes"] == []


def test_load_errors_are_told_once_whatever_the_number_of_workers(grade):
    report = grade("BAD = 1 / 0\n" + answer(cut="return BAD"))
    assert report.notes == (
        "This statement failed when your code was loaded: toy.py, line 1: ZeroDivisionError: division by zero",
        "clear was graded on its own: right methods stood in for your own Cutter.pieces.",
    )


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

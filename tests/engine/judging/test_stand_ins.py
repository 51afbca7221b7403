"""Stand-ins: a task is graded with right methods where the student's own are wrong, and nobody can keep or abuse one."""

from __future__ import annotations

import textwrap

import numpy as np
import pytest

import toy_course
from cnn_assignment.judging.loading import load_order
from cnn_assignment.judging.stand_ins import RightMethods
from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.submissions import ExtractedCode
from judged_kit import lost, told
from toy_course import answer, left_open


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

"""Diagnosis: a lost mark is told its reason, by name where the mistake is known, and never a wrong one."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

import toy_course
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import Outcome, ReportStatus, Status
from cnn_assignment.explaining.diagnosis import Diagnostician
from cnn_assignment.explaining.misconception_cache import MisconceptionCache
from cnn_assignment.judging.collected import CollectedTask, CollectedTest
from cnn_assignment.judging.hidden import JudgedTest
from cnn_assignment.judging.replay import RunResult
from cnn_assignment.judging.signature import FailureSignature, Likeness, sign_failure
from cnn_assignment.running.pool import GraderProcess
from cnn_assignment.sandbox.client.protocol import CallRaised, WorkerDied
from cnn_assignment.submissions import ExtractedCode
from processes import run_pytest
from toy_course import answer, edit, submit, write

MISCONCEPTIONS = '''"""Mistakes."""

from cnn_assignment.misconceptions import Misconception

ADDED = "cache[\\"out\\"][:] = self.factor * (x + HALF)"

MISCONCEPTIONS = [
    Misconception("no-half", "scale", "You left out the half.", edits={ADDED: "cache['out'][:] = self.factor * x"}),
    Misconception(
        "half-after", "scale", "You added the half too late.", edits={ADDED: "cache['out'][:] = self.factor * x + HALF"}
    ),
    Misconception(
        "one-value", "scale", "It works for one value only.",
        edits={ADDED: ADDED + "\\n        cache['out'][1:] = x[1:]"},
    ),
    Misconception("rounded", "scale", "Many values are rounded.",
        edits={ADDED: ADDED + ".round(5 if len(x) > 2 else 20)"}),
    Misconception("nothing", "scale", "Nothing is written.", edits={ADDED: "pass"}),
    Misconception("raises", "scale", "There is no such name.", edits={ADDED: "cache['out'][:] = factor * x"}),
    Misconception(
        "pieces-overlap", "cut", "Your pieces overlap.",
        edits={"range(len(x) // self.size)": "range(len(x) - self.size + 1)",
               "x[number * self.size : (number + 1) * self.size]": "x[number : number + self.size]"},
    ),
    Misconception("last-piece-lost", "cut", "The last piece is lost.",
        edits={"range(len(x) // self.size)": "range(len(x) // self.size - 1)"}),
    Misconception("never-ends", "slope", "It never ends.", edits={
        'grad = np.sum((cache["x"] + HALF) * grad_output, keepdims=True)': "while True: pass"}),
]
'''


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    course = toy_course.make_course(tmp_path_factory.mktemp("course"))
    write(course.autograder_dir / "misconceptions.py", MISCONCEPTIONS)
    return course


@pytest.fixture
def diagnose(course, grader):
    """A function from answers to what is told of each test of a task."""

    def diagnose(task, **answers):
        report = grader.grade(submit(course.root, "ada", answer(**answers)))
        assert report.status is ReportStatus.GRADED, report.notes
        return [test.diagnosis for found in report.tasks if found.id == task for test in found.tests]

    return diagnose


def test_a_known_mistake_is_told_by_name_however_it_is_written(diagnose):
    no_half = "for n in range(len(x)):\n    cache['out'][n] = x[n] * self.factor"
    assert diagnose("scale", scale=no_half) == [("You left out the half.",)] * 3
    late = "cache['out'] = HALF + x * self.factor"
    assert diagnose("scale", scale=late) == [("You added the half too late.",)] * 3


def test_the_mistake_that_explains_most_is_told_where_several_fit(diagnose):
    # On one value alone, one-value is right; on more it gives what it gives.
    told = diagnose("scale", scale="cache['out'][:] = self.factor * (x + HALF); cache['out'][1:] = x[1:]")
    assert told == [(), ("It works for one value only.",), ("It works for one value only.",)]


def test_what_the_student_has_right_rules_a_mistake_out(diagnose):
    # Wrong like no-half where there are five values, but right where there are fewer.
    told = diagnose("scale", scale="cache['out'][:] = self.factor * (x + HALF * (len(x) < 5))")
    assert told[:2] == [(), ()]
    assert "You left out the half." not in told[2]
    assert told[2] == (
        "Every value is off by the same amount, wherever it stands. Look at what is added to all values, or to none.",
        "Your out is right wherever n is at most 4, and goes wrong only elsewhere: so it was in all of 63 cases.",
    )


def test_a_description_that_fits_more_tests_than_a_known_mistake_is_told_instead(diagnose):
    told = diagnose("scale", scale="cache['out'][:] = self.factor * (x + HALF).round(5)")
    # Of one value or two it could be an accident.
    assert told[:2] == [("A small case that failed too, with random numbers: n 1.",)] * 2
    assert "agree with the right ones to five digits of the largest, but not to the last" in told[2][0]
    told = diagnose("scale", scale="cache['out'][:] = self.factor * (x + HALF).round(5 if len(x) > 2 else 20)")
    assert told == [(), (), ("Many values are rounded.",)]


def test_zeros_are_believed_only_where_all_tests_agree(diagnose):
    assert diagnose("scale", scale="pass") == [("Nothing is written.",)] * 3
    told = diagnose("scale", scale="cache['out'][:] = x if len(x) < 5 else 0")
    assert "Nothing is written." not in told[2]
    assert told[2][0].startswith("Every value is 0")


def test_an_error_is_told_by_name_where_it_is_raised_throughout_after_what_is_certain_of_it(diagnose):
    certain = "There is no variable `factor`, but `self.factor` is there."
    told = diagnose("scale", scale="cache['out'][:] = factor * (HALF + x)")
    assert told == [(certain, "There is no such name.")] * 3
    small = "A small case that failed too, with random numbers: n 1."
    assert diagnose("scale", scale="cache['out'][:] = factors * (HALF + x)") == [(small,)] * 3


def test_wrong_pieces_are_told_by_what_they_hold(diagnose):
    overlap = "for n in range(len(x) - self.size + 1):\n    yield n, x[n : n + self.size].copy()"
    assert diagnose("cut", cut=overlap) == [("Your pieces overlap.",)]


def test_an_unknown_mistake_is_described_and_its_cases_compared(diagnose):
    told = diagnose("scale", scale="cache['out'][:] = self.factor * (x + HALF) * (1 if len(x) == 1 else -1)")
    assert told[0] == ()
    assert told[2] == (
        "Every value has the wrong sign, and is right otherwise.",
        "Your out is right wherever n is 1, and goes wrong only elsewhere: so it was in all of 63 cases.",
    )


def test_a_right_answer_and_an_open_gap_are_told_nothing(diagnose):
    assert diagnose("scale") == [()] * 3
    left = 'raise NotImplementedError("scale: fill in this gap")'
    assert diagnose("scale", scale=left) == [()] * 3


def test_a_misconception_that_never_ends_costs_nobody_the_report(diagnose):
    assert diagnose("slope", slope="grad = np.array([1.0])") == [()]


def test_the_same_mistake_is_told_whatever_was_graded_before(course, grader):
    wrong = answer(scale="cache['out'][:] = self.factor * x", cut="return []")
    first = grader.grade(submit(course.root, "ada", wrong)).to_json()
    grader.grade(submit(course.root, "bob", answer(scale="pass", cut="yield 1, x")))
    assert grader.grade(submit(course.root, "ada", wrong)).to_json() == first
    with GraderProcess(course) as fresh:
        assert fresh.grade(submit(course.root, "ada", wrong)).to_json() == first


@pytest.mark.slow
def test_an_instructor_who_debugs_is_shown_the_diagnosis(course, tmp_path):
    wrong = write(tmp_path / "toy.py", answer(scale="cache['out'][:] = self.factor * x"))
    printed = run_pytest("autograder/toy", "--submission", wrong, cwd=course.root, status=1)
    assert printed.count("        You left out the half.") == 3
    printed = run_pytest("autograder/toy", "-k", "5", "--submission", wrong, cwd=course.root, status=1)
    assert printed.count("        You left out the half.") == 1


@pytest.mark.parametrize(
    ("old", "new", "fact"),
    [
        ('self.factor * (x + HALF)"', 'self.factor * (x - HALF)"', "no-half does not apply: .* stands 0 times"),
        ('"slope", "It', '"slopes", "It', "never-ends is of the task 'slopes', which the solution does not have"),
        ('"half-after", "scale"', '"no-half", "scale"', "two misconceptions are named no-half"),
        ("You added the half too late.", "You left out the half.", "needs a sentence of its own"),
        ("from cnn_assignment", "from absent", "it does not run: ModuleNotFoundError"),
        ("MISCONCEPTIONS = [", "MISTAKES = [", "no list of misconceptions"),
        ('"pass"', '"pass)"', "nothing does not apply: the solution is no longer Python"),
        ('edits={ADDED: "pass"}', 'edits={ADDED: "pass"}, same_as=["absent"]', "nothing is the same as absent, which"),
    ],
)
def test_a_list_that_is_not_valid_stops_grading_and_says_why(tmp_path, old, new, fact):
    course = toy_course.make_course(tmp_path)
    path = write(course.autograder_dir / "misconceptions.py", MISCONCEPTIONS)
    edit(path, old, new)
    with pytest.raises(AuthoringError, match=f"autograder/toy/misconceptions.py: .*{fact}"):
        GraderProcess(load_assignment(tmp_path, "toy"))


class Stumbling:
    """Stands for hidden tests on a machine that ends the first so many workers."""

    def __init__(self, course, stumbles):
        self.assignment = course
        self.session = None
        self.runs = 0
        self._stumbles = stumbles

    def judge_all(self, tasks):
        (task,) = tasks
        self.runs += 1
        status = Status.FAILED
        with suppress(WorkerDied), self.session.noting_death(((), "scale")):
            if self.runs <= self._stumbles:
                status = Status.ERROR
                raise WorkerDied(-9)
        outcome = Outcome(TEST, "", status, 0.0, 1.0)
        return {task.id: [JudgedTest(outcome, found(VALUES, status=status), frozenset(), (), [])]}


TEST = "test_values"
TASK = CollectedTask("slope", "", (CollectedTest(SimpleNamespace(), TEST, "", Fraction(1)),))


@pytest.mark.parametrize(
    ("stumbles", "runs", "told", "keeps"), [(0, 1, True, True), (1, 2, True, True), (2, 2, False, False)]
)
def test_a_worker_that_the_machine_ended_is_no_trait_of_a_mistake(tmp_path, course, stumbles, runs, told, keeps):
    hidden, kept = Stumbling(course, stumbles), MisconceptionCache(tmp_path / "rows.sqlite")
    diagnostician = Diagnostician(hidden, None, kept)
    for _ in range(2):
        (why,) = diagnostician.explain(TASK, [found(VALUES)], ExtractedCode((), ()))
        assert ("It never ends." in why) is told
    assert hidden.runs == runs
    assert bool(kept.find("never-ends")) is keeps


# FailureSignature


def found(actual, said="out: wrong", status=Status.FAILED, what="out"):
    return FailureSignature(status, said, None, actual, what)


VALUES = np.array([0.25, -1.75])


@pytest.mark.parametrize(
    ("one", "other", "likeness"),
    [
        (found(VALUES), found(VALUES * (1 + 1e-12)), Likeness.STRONG),
        (found(VALUES), found(VALUES + 1e-6), Likeness.NONE),
        (found(VALUES), found(VALUES[:, None]), Likeness.NONE),
        (found(VALUES), found(VALUES, what="x"), Likeness.NONE),
        (found(VALUES), found(VALUES, status=Status.ERROR), Likeness.NONE),
        (found(VALUES.astype(np.float32)), found((VALUES * (1 + 1e-6)).astype(np.float32)), Likeness.STRONG),
        (found(np.array([0.0, 2.0])), found(np.array([0.0, 2.0])), Likeness.WEAK),
        (found([(0, VALUES)]), found([(0, VALUES.copy())]), Likeness.STRONG),
        (found([(0, VALUES)]), found([(1, VALUES)]), Likeness.NONE),
        (found([(0, VALUES)]), found([[0, VALUES]]), Likeness.NONE),
        (found({"a": 0.5}), found({"a": 0.5}), Likeness.STRONG),
        (found({"a": 0.5}), found({"b": 0.5}), Likeness.NONE),
        (found(None), found(None), Likeness.WEAK),
        (found(None), found(None, said="else"), Likeness.NONE),
        (found(np.array([np.nan, 1.5])), found(np.array([np.nan, 1.5])), Likeness.STRONG),
    ],
)
def test_signatures_are_alike_by_its_values(one, other, likeness):
    assert one.compare(other) is likeness
    assert other.compare(one) is likeness


def raised(place):
    words = "only integers, slices (`:`) and integer or boolean arrays are valid indices"
    return sign_failure(RunResult(CallRaised("IndexError", words, place, 0)), Status.ERROR, "")


def test_an_error_in_the_code_is_not_taken_for_the_same_words_about_what_it_returned():
    # Of an index that is a float, and of an array in which a test looks something up by name.
    assert raised(("cnn.py", 3)).compare(raised(None)) is Likeness.NONE
    assert raised(("cnn.py", 3)).compare(raised(("cell 4", 8))) is Likeness.WEAK
    assert raised(None).compare(raised(None)) is Likeness.WEAK

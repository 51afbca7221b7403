"""The same submission gets the same report: 200 times, in any order of the tests, and whoever was graded before it.

The grader and the hidden tests are the real ones; the list of misconceptions is a part of the assignment's, so that a
new grader, which has to learn what each of them gives, is soon ready. Run as a program, this file is a grader process
that runs the tests of every submission in an order of their own.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import pytest

from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import Submission
from cnn_assignment.judging.hidden import HiddenTests
from cnn_assignment.running import grader as job
from cnn_assignment.running.pool import GraderProcess, grade_all

if __name__ != "__main__":
    # A grader process has the modules that tests share not on its path.
    import cnn_kit

CLASS = Path(__file__).resolve().parents[4] / "examples" / "cnn"

pytestmark = pytest.mark.usefixtures("unmeasured")

TIMES = 200
ORDERS = 3

# One in so many, over all tasks.
THINNED = """

from dataclasses import replace

MISCONCEPTIONS = [replace(entry, same_as=()) for entry in MISCONCEPTIONS[::16]]
"""

# All that makes two runs of one program differ: random numbers, state that is kept from call to call, memory that was
# never filled, the order of a set, the address of an object. Gaps that are left open make it quick to grade.
RESTLESS = """
import random

import numpy as np

calls = 0


class Convolution2dLayer:
    seen = []

    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    def forward(self, x):
        global calls
        calls += 1
        out_h = (x.shape[2] - self.filter_size) // self.stride + 1
        out_w = (x.shape[3] - self.filter_size) // self.stride + 1
        shape = (len(x), self.n_outchannel, out_h, out_w)
        if calls % 3 == 0:
            return {"x": x, "out": id(object()) + np.random.normal(size=shape)}
        if calls % 3 == 1:
            return {"x": x, "out": np.random.normal(size=shape)}
        return {"x": x, "out": np.full(shape, random.random())}

    def backward(self, cache, grad_output, counts={}):
        self.seen.append(len(self.seen))
        counts[len(self.seen)] = np.random.uniform()
        if len(self.seen) % 2:
            raise ValueError(f"call {len(self.seen)}: {counts} {object()} {set('abcdef')}")
        grads = np.empty((self.n_outchannel, self.filter_size, self.filter_size))
        grads[0] = np.random.uniform(size=grads.shape[1:])
        return grads


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        for name in {"first", "second", "third"}:
            yield name, random.random(), np.empty((2, 2))

    def forward(self, x):
        raise NotImplementedError("pool-forward: fill in this gap")

    def backward(self, cache, grad_output):
        raise NotImplementedError("pool-backward: fill in this gap")


class ConvolutionalNetwork:
    def __init__(self, convolution, pooling, mlp):
        self.convolution, self.pooling, self.mlp = convolution, pooling, mlp

    def forward(self, x):
        raise NotImplementedError("cnn-chain: fill in this gap")

    def backward(self, cache, labels):
        raise NotImplementedError("cnn-chain: fill in this gap")
"""


class ShuffledTests(HiddenTests):
    """Runs the tests of all tasks as one shuffled list, for each submission in a new order; hands them on in the plan's."""

    def __init__(self, assignment, **options):
        super().__init__(assignment, **options)
        self._order = random.Random(4)

    def judge_all(self, tasks, *, until_loss=False):
        assert not until_loss
        order = [(task, test) for task in tasks for test in task.tests]
        self._order.shuffle(order)
        following = [test.item for _, test in order[1:]] + [None]
        found = {
            (task.id, test.id): self.judge(task, test, item)
            for (task, test), item in zip(order, following, strict=True)
        }
        return {task.id: [found[task.id, test.id] for test in task.tests] for task in tasks}


def example(student):
    (path,) = (path for path in (CLASS / student).iterdir() if path.stem == "cnn")
    return Submission(student, path)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = cnn_kit.copy_course(CLASS.parent.parent, tmp_path_factory.mktemp("same") / "course")
    with (folder / "autograder" / "cnn" / "misconceptions.py").open("a", encoding="utf-8") as file:
        file.write(THINNED)
    return load_assignment(folder, "cnn")


@pytest.fixture(scope="module")
def restless(tmp_path_factory):
    path = tmp_path_factory.mktemp("restless") / "cnn.py"
    path.write_text(RESTLESS, encoding="utf-8")
    return Submission("restless", path)


def as_text(report):
    return json.dumps(report, indent=1)


def grade(course, submissions, jobs):
    """Every different report that a student got, and how often."""
    found = defaultdict(lambda: defaultdict(int))
    with closing(grade_all(course, submissions, jobs)) as reports:
        for report in reports:
            found[report.student][as_text(report.to_json())] += 1
    return {student: dict(texts) for student, texts in found.items()}


def grade_shuffled(course, submissions):
    """The reports, in order, of one grader process that shuffles."""

    def start(command, **options):
        place = command.index("-m")
        return Popen([*command[:place], __file__, *command[place + 2 :]], **options)

    Popen = subprocess.Popen  # noqa: N806 - the class itself, before it is replaced
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "Popen", start)
        grader = GraderProcess(course)
    with grader:
        return [as_text(grader.grade(submission).to_json()) for submission in submissions]


# Right, keeps state in its objects, wrong in one task or in two, leaves all but one open, ends its worker, is no text.
OTHERS = [
    example(student)
    for student in (
        "im2col",
        "cached-on-self",
        "wrong-views",
        "squeeze",
        "returns-out",
        "one-task-only",
        "os-exit",
        "not-utf8",
    )
]


@pytest.fixture(scope="module")
def graded(course, restless):
    """The restless submission so many times, among others, in two grader processes."""
    submissions = []
    for n in range(TIMES):
        if n % 12 == 0:
            submissions.append(OTHERS[n // 12 % len(OTHERS)])
        submissions.append(restless)
    return grade(course, submissions, jobs=2)


def test_a_submission_that_never_does_the_same_twice_gets_the_same_report_200_times(graded):
    assert list(graded["restless"].values()) == [TIMES]
    report = json.loads(*graded["restless"])
    assert report["status"] == "graded"
    assert [task["status"] for task in report["tasks"]] == ["failed", "error", "failed"] + ["not_attempted"] * 3


@pytest.mark.parametrize("other", OTHERS, ids=lambda submission: submission.student)
def test_it_changes_no_report_of_the_others(graded, other):
    assert len(graded[other.student]) == 1


@pytest.mark.parametrize("student", ["restless", "squeeze", "cached-on-self"])
def test_a_grader_that_has_seen_nothing_yet_gives_the_same_report(course, restless, graded, student):
    submission = {other.student: other for other in (*OTHERS, restless)}[student]
    assert list(grade(course, [submission], jobs=1)[student]) == list(graded[student])


# Not so the restless one: a module's state lives on from test to test, so that what it answers is another matter in
# another order. The plan's order is always the same.
def test_the_order_of_the_tests_changes_no_report(course, graded):
    shuffled = grade_shuffled(course, OTHERS * ORDERS)
    assert shuffled == [text for other in OTHERS for text in graded[other.student]] * ORDERS


if __name__ == "__main__":
    job.HiddenTests = ShuffledTests
    sys.exit(job.main())

"""The example class of `mlp`, graded by real processes: who earns what in which task, and what is told.

What each student did, and why it earns what it earns, is told in ``examples/README.md``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cnn_assignment.core.layout import load_assignment
from cnn_assignment.running.class_run import GradingOptions, grade_class
from cnn_assignment.running.students import find_students
from places import ROOT

CLASS = ROOT / "examples" / "mlp"
STUDENTS = sorted(path.name for path in CLASS.iterdir() if path.is_dir())
pytestmark = pytest.mark.usefixtures("unmeasured")

POINTS = {
    "linear-forward": 10,
    "linear-backward": 20,
    "relu": 10,
    "softmax": 15,
    "cross-entropy": 20,
    "mlp-backward": 15,
    "sgd-step": 10,
}
# What each student keeps in the tasks that are not right; every other task is full.
KEPT: dict[str, dict[str, float]] = {
    "at-zero": {"relu": 9},
    "biases-over-units": {"linear-backward": 8},
    "bits": {"cross-entropy": 22 / 3},
    "einsum": {},
    "endless-loop": {"sgd-step": 0},
    "half-done": {"cross-entropy": 0, "mlp-backward": 0, "sgd-step": 0},
    "log-softmax": {},
    "loops": {},
    "overflow": {"softmax": 11, "cross-entropy": 56 / 3},
    "relu-left-out": {"mlp-backward": 2},
    "syntax-error": {"softmax": 0},
    "untouched": dict.fromkeys(POINTS, 0),
}
# The beginning of a sentence that every lost test of a task ends with, where the mistake is known by name.
TOLD = {
    "at-zero": ("relu", "Your gradient also passes where the input was exactly 0."),
    "biases-over-units": ("linear-backward", "Your gradient of the biases holds one number for each example"),
    "overflow": ("softmax", "Your probabilities are nan for huge logits"),
    "relu-left-out": ("mlp-backward", "Your gradients are those of a network whose ReLUs let everything pass"),
}
STATUS = {
    "endless-loop": ("sgd-step", "timeout"),
    "half-done": ("mlp-backward", "not_attempted"),
    "syntax-error": ("softmax", "error"),
    "untouched": ("linear-forward", "not_attempted"),
}


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    assignment = load_assignment(ROOT, "mlp")
    out: Path = tmp_path_factory.mktemp("graded")
    grade_class(assignment, find_students(assignment, CLASS), GradingOptions(out, jobs=2))
    return {student: json.loads((out / f"{student}.json").read_text(encoding="utf-8")) for student in STUDENTS}


def task_of(report: dict[str, Any], task: str) -> dict[str, Any]:
    return next(found for found in report["tasks"] if found["id"] == task)


def test_every_student_is_expected_and_described():
    assert sorted(KEPT) == STUDENTS
    described = (ROOT / "examples/README.md").read_text(encoding="utf-8").partition("## `mlp`")[2]
    assert [student for student in STUDENTS if f"| `{student}` |" not in described] == []


@pytest.mark.parametrize("student", STUDENTS)
def test_each_task_earns_what_it_should(reports, student):
    found = {task["id"]: task["score"] for task in reports[student]["tasks"]}
    assert found == pytest.approx({**POINTS, **KEPT[student]})


@pytest.mark.parametrize("student", TOLD)
def test_a_known_mistake_is_told_in_every_test_that_it_loses(reports, student):
    task, start = TOLD[student]
    lost = [test for test in task_of(reports[student], task)["tests"] if test["outcome"] != "passed"]
    assert lost
    assert all(test["diagnosis"][0].startswith(start) for test in lost)


@pytest.mark.parametrize("student", STATUS)
def test_what_is_not_wrong_values_has_its_own_status(reports, student):
    task, status = STATUS[student]
    assert task_of(reports[student], task)["status"] == status


@pytest.mark.parametrize("student", ["einsum", "log-softmax", "loops", "untouched", "half-done"])
def test_nothing_had_to_be_repaired(reports, student):
    assert reports[student]["notes"] == []


def test_no_sentence_is_lost_for_want_of_room(reports):
    lost = [
        test
        for report in reports.values()
        for task in report["tasks"]
        for test in task["tests"]
        if test["outcome"] != "passed" and not test["message"]
    ]
    assert lost == []

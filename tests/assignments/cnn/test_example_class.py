"""The example class, graded by real processes: every report is the one that a person has read and approved.

The approved reports are ``golden/<student>.json``. They lack what depends on the machine or changes with every edit of the
kit: the sandbox's level, the kit's version and the digest of the autograder. Of the tests that a task passed they hold the
number, and ``golden/tests.txt`` has all tests; all else is compared byte for byte. After a change that is meant to change reports, write them anew
and read the difference line by line:

    CNN_ASSIGNMENT_REFRESH_GOLDEN=1 pytest tests/assignments/cnn/test_example_class.py
    git diff tests/assignments/cnn/golden

What each student did, and why it earns what it earns, is told in ``examples/README.md``.
"""

from __future__ import annotations

import csv
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import Assignment
from cnn_assignment.running.class_run import CLASS_TABLE, GradingOptions, grade_class
from cnn_assignment.running.journal import JOURNAL
from cnn_assignment.running.students import find_students
from places import ROOT

CLASS = ROOT / "examples" / "cnn"
pytestmark = pytest.mark.usefixtures("unmeasured")

GOLDEN = Path(__file__).resolve().parent / "golden"
STUDENTS = sorted(path.name for path in CLASS.iterdir() if path.is_dir())
ALL_TESTS = GOLDEN / "tests.txt"
REFRESH = "CNN_ASSIGNMENT_REFRESH_GOLDEN"

POINTS = {
    "conv-forward": 20,
    "conv-backward": 25,
    "pool-views": 10,
    "pool-forward": 10,
    "pool-backward": 20,
    "cnn-chain": 15,
}
RIGHT = [
    "broken-cell",
    "colab",
    "einsum",
    "first-tie",
    "im2col",
    "loops",
    "prints-and-warns",
    "views-as-copies",
]
UNREADABLE = ["no-file", "not-a-notebook", "not-utf8"]
UNTOUCHED = ["untouched", "untouched-module"]
WORTH_NOTHING = ["always-equal", "layers-of-zeros", "patched-testing"]
# What each of the others keeps in the tasks that it does not have right; every other task is full.
MISTAKES = {
    "batch-not-summed": {"conv-backward": 3},
    "cached-on-self": {"conv-backward": 22, "pool-backward": 18.5},
    "endless-loop": {"conv-backward": 0},
    "flipped-filter": {"conv-forward": 1.8},
    "one-task-only": {task: 0 for task in POINTS if task != "conv-forward"},
    "os-exit": {"pool-forward": 2},
    "prints-the-images": {"conv-backward": 0},
    "returns-out": {"conv-forward": 0, "pool-forward": 0},
    "squeeze": {"conv-forward": 16.4, "conv-backward": 18.75},
    "stride-forgotten": {"conv-backward": 6},
    "syntax-error": dict.fromkeys(POINTS, 0),
    "views-left-open": {"pool-views": 0},
    "wrong-views": {"pool-views": 4.5},
}

Report = dict[str, Any]


@pytest.fixture(scope="module")
def assignment() -> Assignment:
    return load_assignment(ROOT, "cnn")


@pytest.fixture(scope="module")
def out(assignment: Assignment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The class's reports, from two grader processes."""
    folder = tmp_path_factory.mktemp("graded")
    grade_class(assignment, find_students(assignment, CLASS), GradingOptions(folder, jobs=2))
    return folder


@pytest.fixture(scope="module")
def out_again(assignment: Assignment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same from a single process, in the opposite order."""
    folder = tmp_path_factory.mktemp("again")
    backwards = find_students(assignment, CLASS)[::-1]
    grade_class(assignment, backwards, GradingOptions(folder, jobs=1))
    return folder


@pytest.fixture(scope="module")
def reports(out: Path) -> dict[str, Report]:
    return {student: json.loads((out / f"{student}.json").read_text(encoding="utf-8")) for student in STUDENTS}


def scores(report: Report) -> dict[str, float]:
    return {task["id"]: task["score"] for task in report["tasks"]}


def statuses(report: Report) -> set[str]:
    return {task["status"] for task in report["tasks"]}


def outcomes_of(report: Report, task: str) -> list[dict[str, Any]]:
    return next(entry["tests"] for entry in report["tasks"] if entry["id"] == task)


def words_of(report: Report) -> list[str]:
    """Everything that a student is told."""
    tests = [test for task in report["tasks"] for test in task["tests"]]
    return [*report["notes"], *(text for test in tests for text in (test["message"], *test["diagnosis"]))]


def as_golden(report: Report) -> str:
    """The report without what depends on the machine or on the kit's version, and a number for the tests that were passed.

    A passed test says nothing but what the table of all tests says of it.
    """
    kept = {key: value for key, value in report.items() if key not in ("kit", "sandbox")}
    kept["autograder"] = {"seed": report["autograder"]["seed"]}
    kept["tasks"] = [
        task | {"tests": [test for test in task["tests"] if not is_plainly_passed(test)]} for task in report["tasks"]
    ]
    for task, whole in zip(kept["tasks"], report["tasks"], strict=True):
        task["passed"] = len(whole["tests"]) - len(task["tests"])
    return json.dumps(kept, indent=1, ensure_ascii=False) + "\n"


def is_plainly_passed(test: dict[str, Any]) -> bool:
    """Whether a test was passed with all its points, and nothing is said of it."""
    named = {key: test[key] for key in ("id", "title", "max_score")}
    return test == named | {"outcome": "passed", "score": test["max_score"], "message": "", "diagnosis": []}


def list_tests(report: Report) -> str:
    """All tests of a report, a line each."""
    return "".join(
        f"{task['id']} | {test['id']} | {test['title']} | {test['max_score']:g}\n"
        for task in report["tasks"]
        for test in task["tests"]
    )


# The reports as a whole


@pytest.mark.parametrize("student", STUDENTS)
def test_a_report_is_the_approved_one(student, reports):
    path = GOLDEN / f"{student}.json"
    found = as_golden(reports[student])
    if os.environ.get(REFRESH) == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(found, encoding="utf-8", newline="\n")
    assert found == path.read_text(encoding="utf-8")


def test_every_report_holds_the_same_tests(reports):
    (found,) = {list_tests(report) for report in reports.values()}
    if os.environ.get(REFRESH) == "1":
        ALL_TESTS.write_text(found, encoding="utf-8", newline="\n")
    assert found == ALL_TESTS.read_text(encoding="utf-8")


def test_every_approved_report_has_its_student():
    assert sorted(path.stem for path in GOLDEN.glob("*.json")) == STUDENTS


def test_neither_order_nor_company_nor_number_of_processes_changes_a_byte(out, out_again):
    names = [*(f"{student}.json" for student in STUDENTS), CLASS_TABLE, JOURNAL]
    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    assert [name for name in names if (out / name).read_bytes() != (out_again / name).read_bytes()] == []


def test_the_class_is_graded_to_the_end(out, reports):
    assert {report["status"] for report in reports.values()} == {"graded", "unreadable"}
    with (out / CLASS_TABLE).open(encoding="utf-8", newline="") as table:
        assert [row["student"] for row in csv.DictReader(table)] == STUDENTS


def test_every_student_has_a_place_in_this_file():
    assert sorted([*RIGHT, *UNREADABLE, *UNTOUCHED, *WORTH_NOTHING, *MISTAKES]) == STUDENTS


def test_scores_add_up(reports):
    for report in reports.values():
        assert report["max_score"] == 100
        assert {task["id"]: task["max_score"] for task in report["tasks"]} == POINTS
        assert report["score"] == pytest.approx(sum(scores(report).values()), abs=1e-9)
        for task in report["tasks"]:
            assert task["score"] == pytest.approx(sum(test["score"] for test in task["tests"]), abs=1e-9)


# What each kind of work earns


@pytest.mark.parametrize("student", RIGHT)
def test_right_work_earns_full_marks_however_it_is_done(student, reports):
    report = reports[student]
    assert report["score"] == 100.0
    assert scores(report) == POINTS
    assert statuses(report) == {"passed"}


@pytest.mark.parametrize("student", WORTH_NOTHING)
def test_shapes_tricks_and_patches_earn_nothing_in_any_task(student, reports):
    assert reports[student]["status"] == "graded"
    assert scores(reports[student]) == dict.fromkeys(POINTS, 0.0)


@pytest.mark.parametrize(("student", "kept"), MISTAKES.items())
def test_a_mistake_costs_its_own_task_only(student, kept, reports):
    assert scores(reports[student]) == pytest.approx({**POINTS, **kept})


@pytest.mark.parametrize("student", UNTOUCHED)
def test_the_release_as_it_is_has_six_open_tasks(student, reports):
    report = reports[student]
    assert report["score"] == 0.0
    assert [task["status"] for task in report["tasks"]] == ["not_attempted"] * 6
    assert set(words_of(report)) == {"this gap is still open"}


def test_an_open_gap_is_not_a_wrong_answer(reports):
    found = {task["id"]: task["status"] for task in reports["one-task-only"]["tasks"]}
    assert found == {**dict.fromkeys(POINTS, "not_attempted"), "conv-forward": "passed"}


@pytest.mark.parametrize("student", UNREADABLE)
def test_what_cannot_be_read_has_a_reason_and_no_points(student, reports):
    report = reports[student]
    assert report["status"] == "unreadable"
    assert scores(report) == dict.fromkeys(POINTS, 0.0)
    assert len(report["notes"]) == (2 if student == "no-file" else 1)  # what else lies in the folder is a second one
    assert all(len(note) > 20 for note in report["notes"])


def test_a_broken_cell_elsewhere_costs_nothing_and_is_mentioned(reports):
    (note,) = reports["broken-cell"]["notes"]
    assert re.search(r"cell \d+.* not valid Python", note)


def test_a_missing_bracket_is_told_where_its_method_is_called(reports):
    report = reports["syntax-error"]
    assert report["notes"][0].startswith(
        "cnn.py, line 63: '(' was never closed; Convolution2dLayer.forward is left out"
    )
    told = {task["id"]: {test["message"] for test in task["tests"]} for task in report["tasks"]}
    line = "SyntaxError: forward could not be read: '(' was never closed (cnn.py, line 63)"
    assert told.pop("conv-forward") == {line}
    # Its gap is open, so that nothing asks for a right method in the place of the damaged one.
    assert told.pop("cnn-chain") == {line}
    assert not any("could not be read" in message for messages in told.values() for message in messages)


def test_prints_and_warnings_leave_no_trace(reports):
    assert [word for word in words_of(reports["prints-and-warns"]) if word] == []


def test_an_endless_loop_stops_one_method_and_nothing_else(reports):
    tests = outcomes_of(reports["endless-loop"], "conv-backward")
    assert {test["outcome"] for test in tests} == {"timeout"}
    stopped = [test for test in tests if test["message"].startswith("stopped after 2 seconds")]
    not_run = [test for test in tests if test["message"].startswith("not run, because Convolution2dLayer.backward")]
    assert (len(stopped), len(stopped) + len(not_run)) == (2, len(tests))


def test_a_method_that_ends_its_process_hurts_only_the_tests_that_reach_it(reports):
    outcomes = {test["title"]: test["outcome"] for test in outcomes_of(reports["os-exit"], "pool-forward")}
    # The cases with a single row of windows do not come to the line.
    passed = [title.rpartition(" (")[2].removesuffix(")") for title, outcome in outcomes.items() if outcome == "passed"]
    assert passed == [
        "one window",
        "one window, square images, one channel",
        "one window, nothing left over",
        "one row of windows",
    ]
    assert set(outcomes.values()) == {"passed", "error"}


def test_remembering_the_last_images_hurts_only_where_two_caches_are_alive(reports):
    for task, tests in (
        ("conv-backward", ["test_two_caches", "test_larger_images"]),
        ("pool-backward", ["test_called_again", "test_other_sizes"]),
    ):
        lost = [test for test in outcomes_of(reports["cached-on-self"], task) if test["outcome"] != "passed"]
        assert [test["id"] for test in lost] == tests


# What students read


def test_every_lost_mark_has_words(reports):
    for report in reports.values():
        for task in report["tasks"]:
            for test in task["tests"]:
                assert bool(test["message"]) == (test["outcome"] != "passed"), (report["student"], test["id"])


@pytest.mark.parametrize("student", STUDENTS)
def test_no_value_of_a_hidden_test_is_told(student, reports):
    # Every hidden input and expected value is a random number with many decimals.
    for text in words_of(reports[student]):
        assert not re.search(r"\d\.\d{2}", text), text


@pytest.mark.parametrize("student", STUDENTS)
def test_nothing_of_the_grader_is_told(student, reports):
    for text in words_of(reports[student]):
        assert not re.search(r"Traceback|autograder|test_\w+\.py|solutions|0x[0-9a-f]{4}|site-packages", text), text
        assert "/" not in text


def test_an_error_names_the_line_in_the_students_own_file(reports):
    lines = (CLASS / "squeeze" / "cnn.py").read_text(encoding="utf-8").splitlines()
    (message,) = {test["message"] for test in outcomes_of(reports["squeeze"], "conv-forward") if test["message"]}
    found = re.search(r"\(cnn\.py, line (\d+)\)$", message)
    assert found
    assert "np.tensordot" in lines[int(found[1]) - 1]


def test_a_result_of_the_wrong_kind_is_called_that(reports):
    messages = {test["message"] for test in outcomes_of(reports["returns-out"], "pool-forward")}
    assert all(message.startswith("what your code returned cannot be used as described") for message in messages)


def test_images_that_students_print_into_their_errors_are_taken_out(reports):
    messages = {test["message"] for test in outcomes_of(reports["prints-the-images"], "conv-backward")}
    assert all(message.startswith("ValueError: strange images: […]") for message in messages)

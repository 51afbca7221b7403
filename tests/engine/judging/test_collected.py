"""Plans: hidden tests that do not fit together stop a command with a fact, a place and a remedy, never with a zero."""

from __future__ import annotations

import os
import sys
from unittest.mock import patch

import pytest

import toy_course
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import ReportStatus
from cnn_assignment.judging.hidden import HiddenTests
from cnn_assignment.running.pool import GraderProcess, collect_tasks
from toy_course import HIDDEN, edit, submit, write

MARK = "@pytest.mark.points(2)\n"


@pytest.fixture
def course(tmp_path):
    toy_course.make_course(tmp_path)
    return tmp_path


def hidden(course, name):
    return course / "autograder/toy" / f"test_{name}.py"


def refuse(course):
    """The error with which a grader process refuses to start."""
    with pytest.raises(AuthoringError, match=r"\S") as caught:
        collect_tasks(load_assignment(course, "toy"))
    return check(course, caught.value)


def refuse_collected(course):
    """The error that pytest's own collection ends with, in this process: a tenth of the time."""
    assignment = load_assignment(course, "toy")
    hidden_tests = HiddenTests(assignment)
    options = ("-c", os.devnull, "-p", "no:terminal", "-p", "no:cacheprovider", "--import-mode=importlib")
    folder = assignment.autograder_dir
    # The next course has test files of the same names.
    # Where the kit is installed its plugin would make a plan of its own.
    with patch.dict(sys.modules), patch.dict(os.environ, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"):
        status = pytest.main([str(folder), f"--rootdir={folder}", "--collect-only", *options], plugins=[hidden_tests])
    assert status is pytest.ExitCode.USAGE_ERROR
    return check(course, hidden_tests.problem)


def check(course, error):
    assert isinstance(error, AuthoringError)
    assert error.fact
    assert error.place
    assert error.remedy
    assert str(course) not in str(error)
    return str(error)


def test_tasks_come_in_the_order_of_the_gaps_with_titles_and_points(course):
    tasks = collect_tasks(load_assignment(course, "toy"))
    assert {task.id: task.max_score for task in tasks} == toy_course.TASKS
    assert list(toy_course.TASKS) == [task.id for task in tasks]
    assert [task.title for task in tasks] == ["Scaling", "The slope of scaling", "Cutting", "Clearing"]
    assert [(test.id, test.title) for test in tasks[0].tests] == [
        ("test_values[1]", "Every value is scaled (1)"),
        ("test_values[2]", "Every value is scaled (2)"),
        ("test_values[5]", "Every value is scaled (5)"),
    ]
    assert tasks[0].tests[0].max_score == 1 / 3


def test_tests_in_classes_have_points_and_ids_of_their_own(course):
    body = "    @pytest.mark.points(1.5)\n    def test_it(self, student):\n        '''told'''\n"
    write(hidden(course, "cut"), f'"""Cutting"""\nimport pytest\nclass TestA:\n{body}\nclass TestB:\n{body}')
    cut = collect_tasks(load_assignment(course, "toy"))[2]
    assert [(test.id, test.max_score) for test in cut.tests] == [("TestA::test_it", 1.5), ("TestB::test_it", 1.5)]


@pytest.mark.parametrize(
    ("marks", "fact"),
    [
        ("", "autograder/toy/test_cut.py::test_values: a hidden test without points. Add @pytest.mark.points"),
        ("@pytest.mark.points\n", "test_cut.py::test_values: points must be given once. Add @pytest.mark.points"),
        ("@pytest.mark.points(1, 2)\n", "test_cut.py::test_values: points must be given once. Add @pytest.mark.points"),
        (MARK + MARK, "test_cut.py::test_values: points must be given once. Add @pytest.mark.points"),
        ("@pytest.mark.points(0)\n", "test_cut.py::test_values: points must be a positive number, got 0. Give"),
        ("@pytest.mark.points(-1.5)\n", "points must be a positive number, got -1.5. Give"),
        ("@pytest.mark.points('two')\n", "points must be a positive number, got 'two'. Give"),
        ("@pytest.mark.points(True)\n", "points must be a positive number, got True. Give"),
        ("@pytest.mark.points(float('nan'))\n", "points must be a positive number, got nan. Give"),
        ("@pytest.mark.points(float('inf'))\n", "points must be a positive number, got inf. Give"),
    ],
)
def test_points_must_be_one_positive_number(course, marks, fact):
    edit(hidden(course, "cut"), MARK, marks)
    assert fact in refuse_collected(course)


def test_every_test_must_tell_the_student_something(course):
    edit(hidden(course, "cut"), '    """Every whole piece, with its number"""\n', "")
    assert "autograder/toy/test_cut.py::test_values: no docstring. It is what the student is told" in refuse_collected(
        course
    )


def test_every_task_must_have_a_title(course):
    edit(hidden(course, "cut"), '"""Cutting"""\n', "")
    assert "autograder/toy/test_cut.py: no docstring. Its first line is the title" in refuse_collected(course)


@pytest.mark.parametrize(
    "text", ['"""Cutting"""\n', '"""Cutting"""\nimport pytest\npytest.skip("x", allow_module_level=True)\n']
)
def test_a_task_must_have_tests(course, text):
    write(hidden(course, "cut"), text)
    assert "autograder/toy/test_cut.py: a task without tests. Write a test" in refuse_collected(course)


def test_a_gap_must_have_a_task(course):
    hidden(course, "cut").unlink()
    assert "autograder/toy/test_cut.py: the gap 'cut' has no hidden tests. Write that file" in refuse_collected(course)


def test_a_task_must_have_a_gap(course):
    write(hidden(course, "two_words"), HIDDEN["test_cut.py"])
    assert (
        "autograder/toy/test_two_words.py: the task 'two-words' has no gap in solutions/toy.py. "
        "Known gaps: scale, slope, cut, clear." in refuse_collected(course)
    )


def test_a_solution_must_have_gaps(course):
    write(course / "solutions/toy.py", "class Scaler: pass\n")
    assert "solutions/toy.py: no gaps. Mark what students are to fill" in refuse_collected(course)


@pytest.mark.parametrize(
    ("file", "text", "fact"),
    [
        ("test_cut.py", '"""Cutting"""\ndef f(:\n', "test_cut.py: hidden tests cannot be collected: SyntaxError"),
        ("test_cut.py", '"""Cutting"""\nimport absent_module\n', "No module named 'absent_module'"),
        ("test_cut.py", '"""Cutting"""\nimport sys\nsys.exit(3)\n', "hidden tests cannot be collected"),
        (
            "conftest.py",
            "import absent_module\n",
            "autograder/toy: hidden tests cannot be collected: ModuleNotFoundError",
        ),
    ],
)
def test_a_file_that_cannot_be_imported_is_named(course, file, text, fact):
    write(course / "autograder/toy" / file, text)
    found = refuse(course)
    assert fact in found
    assert "Run `pytest autograder/toy` to see" in found


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("toy.py", "solutions/toy.py: no solution. Write"),
        ("given.py", "solutions/given.py: no such provided file. Write"),
    ],
)
def test_a_file_that_is_missing_is_named(course, name, fact):
    (course / "solutions" / name).unlink()
    assert fact in refuse_collected(course)


@pytest.mark.parametrize(
    ("old", "new", "fact"),
    [
        ("    x = rng", "    pytest.skip('later')\n    x = rng", "a hidden test of cut was skipped: later"),
        (
            MARK,
            "@pytest.fixture\ndef bad(): raise OSError('disk')\n" + MARK + "@pytest.mark.usefixtures('bad')\n",
            "OSError: disk",
        ),
        (
            MARK,
            "@pytest.fixture\ndef bad():\n    yield\n    1 / 0\n" + MARK + "@pytest.mark.usefixtures('bad')\n",
            "ZeroDivision",
        ),
        ("    x = rng", "    student == 3\n    x = rng", "a test cannot compare a remote object; use fetch"),
    ],
)
def test_a_broken_hidden_test_withholds_the_grade_and_says_where_to_look(course, old, new, fact):
    edit(hidden(course, "cut"), old, new)
    with GraderProcess(load_assignment(course, "toy")) as grader:
        report = grader.grade(submit(course, "ada", toy_course.SOLUTION))
        assert report.status is ReportStatus.GRADER_ERROR
        assert report.tasks == ()
        assert fact in report.notes[0]
        assert "test_cut.py: " in report.notes[0]


def test_a_solution_that_does_not_load_withholds_the_grade(course):
    edit(course / "solutions/toy.py", "import numpy as np\n", "import numpy as np\n\n1 / 0\n")
    with GraderProcess(load_assignment(course, "toy")) as grader:
        report = grader.grade(submit(course, "ada", toy_course.SOLUTION))
    assert report.status is ReportStatus.GRADER_ERROR
    assert "ZeroDivisionError" in report.notes[0]


def test_settings_of_whoever_runs_pytest_play_no_part(course, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k nothing --absent-option")
    monkeypatch.setenv("PYTEST_PLUGINS", "absent_plugin")
    write(course / "pytest.ini", "[pytest]\naddopts = --absent\npython_files = nothing\n")
    write(course / "autograder/toy/pytest.ini", "[pytest]\npython_functions = nothing\n")
    assert len(collect_tasks(load_assignment(course, "toy"))) == len(toy_course.TASKS)


def test_a_file_of_the_working_folder_is_never_imported(course, monkeypatch):
    for name in ("numpy", "json", "pytest", "cases", "toy", "given"):
        write(course / "submitted" / f"{name}.py", "raise SystemExit('imported')")
    monkeypatch.chdir(course / "submitted")
    with GraderProcess(load_assignment(course, "toy")) as grader:
        assert grader.grade(submit(course, "ada", toy_course.SOLUTION)).score == toy_course.TOTAL

"""``pytest autograder/toy --submission FILE``: the grader's way of judging with pytest's output; inert everywhere else."""

from __future__ import annotations

import shutil

import pytest

import toy_course
from processes import run_pytest
from toy_course import answer, edit, left_open, write


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course in a folder of an odd name; tests only add submissions."""
    return toy_course.make_course(tmp_path_factory.mktemp("a course é")).root


def told(output):
    """The lines for the student, after the section's title."""
    lines = output.splitlines()
    start = next(number for number, line in enumerate(lines) if "would be told" in line)
    return [line.strip() for line in lines[start + 1 :]]


def test_without_a_submission_the_solution_is_graded(course):
    output = run_pytest("autograder/toy", "-W", "error", cwd=course)
    assert "7 passed" in output
    assert "what toy.py would be told" in output
    assert "clear: 3 of 3" in told(output)


def test_a_submission_is_told_the_same_as_by_the_grader_from_anywhere(course):
    write(course / "in" / "ada.ipynb", toy_course.notebook("for", answer(scale="cache['out'][:] = 1", cut="return []")))
    output = run_pytest(course / "autograder/toy", "--submission", "ada.ipynb", cwd=course / "in", status=1)
    # Clearing passes, because it is tried with right pieces.
    assert "4 failed, 3 passed" in output
    lines = told(output)
    assert "note: cell 1 is left out, because it is not valid Python: invalid syntax (line 1)." in lines
    assert "scale: 0 of 1" in lines
    assert "Every value is scaled (5): failed: out: 5 of 5 values are wrong, the first at index [0]" in lines
    assert "Every whole piece, with its number: failed: expected 2 pieces, got 0" in lines
    assert "clear: 3 of 3" in lines


@pytest.mark.parametrize(
    "chosen",
    [
        ["autograder/toy", "-k", "cut"],
        ["autograder/toy/test_cut.py"],
        ["autograder/toy/test_cut.py::test_values"],
    ],
)
def test_a_part_of_the_hidden_tests_may_be_chosen(course, chosen):
    path = write(course / "in" / "open.py", left_open("cut"))
    output = run_pytest(*chosen, "--submission", path, cwd=course, status=1)
    assert "1 failed" in output
    assert told(output)[:2] == [
        "cut: 0 of 2",
        "Every whole piece, with its number: not_attempted: this gap is still open",
    ]


def test_one_case_of_several_may_be_chosen(course):
    output = run_pytest("autograder/toy/test_scale.py::test_values[2]", cwd=course)
    assert "1 passed" in output


def test_a_broken_hidden_test_shows_its_traceback(tmp_path):
    toy_course.make_course(tmp_path)
    edit(tmp_path / "autograder/toy/test_cut.py", "    x = rng", "    broken = 1 / 0\n    x = rng")
    output = run_pytest("autograder/toy", cwd=tmp_path, status=1)
    assert ">       broken = 1 / 0" in output or ">   broken = 1 / 0" in output
    assert "INTERNALERROR" not in output
    assert "6 passed" in output
    assert "broken hidden tests: a grade would be withheld" in output


@pytest.mark.parametrize(
    ("name", "text", "fact"),
    [
        ("absent.py", None, "absent.py: no such file. Name a notebook or a module after --submission."),
        ("folder", "", "folder: no such file. Name a notebook or a module after --submission."),
        ("bad.py", "class Scaler(:", "bad.py is not valid Python: invalid syntax (line 1)."),
        ("bad.ipynb", "{", "bad.ipynb is not a notebook: it is not JSON."),
        ("other.py", "x = 1", "none of the classes Scaler, Cutter is defined."),
    ],
)
def test_a_file_that_cannot_be_graded_is_a_usage_error(course, name, text, fact):
    path = course / "in" / name
    if name == "folder":
        path.mkdir(parents=True, exist_ok=True)
    elif text is not None:
        write(path, text)
    output = run_pytest("autograder/toy", "--submission", path, cwd=course, status=4)
    assert fact in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("file", "old", "new", "fact"),
    [
        ("assignment.toml", "seed = 3", "seeds = 3", "autograder/toy/assignment.toml: unknown key 'seeds'"),
        (
            "test_cut.py",
            "@pytest.mark.points(2)\n",
            "",
            "autograder/toy/test_cut.py::test_values: a hidden test without points",
        ),
    ],
)
def test_an_invalid_assignment_is_a_usage_error(tmp_path, file, old, new, fact):
    toy_course.make_course(tmp_path)
    edit(tmp_path / "autograder/toy" / file, old, new)
    output = run_pytest("autograder/toy", cwd=tmp_path, status=4)
    assert fact in output
    assert "Traceback" not in output


def test_collecting_only_runs_no_submission(course):
    output = run_pytest("autograder/toy", "--collect-only", "-q", "--submission", "absent.py", cwd=course)
    assert "test_cut.py::test_values" in output


def test_unrelated_tests_see_nothing_of_the_plugin(course, tmp_path):
    write(
        tmp_path / "test_mine.py",
        "import sys\ndef test_it(): assert 'numpy' not in sys.modules\ndef test_ask(student): pass\n",
    )
    output = run_pytest(".", cwd=tmp_path, status=1)
    assert "fixture 'student' not found" in output
    assert "1 passed, 1 error" in output
    assert "would be told" not in output


def test_public_checks_in_the_same_course_are_ordinary_tests(course, tmp_path):
    for name in ("toy.py", "given.py"):
        shutil.copy(course / "solutions" / name, tmp_path / name)
    shutil.copy(course / "autograder/toy/checks.py", tmp_path / "test_toy.py")
    assert "4 passed" in run_pytest("test_toy.py", cwd=tmp_path)

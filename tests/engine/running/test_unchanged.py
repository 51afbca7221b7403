"""A class that is graded again: what is unchanged is kept, what has changed is made anew, and nothing else is believed."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import toy_course
from cnn_assignment.core.errors import ProtectionError, UsageError
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.running import students as class_students
from cnn_assignment.running.class_run import GradingOptions, grade_class, open_class
from cnn_assignment.running.journal import JOURNAL
from cnn_assignment.running.students import find_students
from processes import run
from toy_course import answer, edit, left_open, submit, write

OWN = "from helper import FACTOR\n" + toy_course.SOLUTION


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A course with reports of three students."""
    root = tmp_path_factory.mktemp("graded")
    toy_course.make_course(root)
    submit(root, "ada", toy_course.SOLUTION)
    submit(root, "bob", OWN)
    submit(root, "bob", "FACTOR = 1\n", "helper.py")
    submit(root, "cem", left_open("cut"))
    grade(root)
    return root


@pytest.fixture
def course(graded, tmp_path):
    return Path(shutil.copytree(graded, tmp_path / "course", symlinks=True))


def planned(root, only=(), **options):
    """The students that would be graded, and not kept."""
    assignment = load_assignment(root, "toy")
    students = find_students(assignment, root / "submitted", only)
    with open_class(assignment, students, GradingOptions(root / "out", **options)) as grading:
        return [student.name for student in grading.todo]


def grade(root, only=(), **options):
    """The students that were graded, and not kept."""
    assignment = load_assignment(root, "toy")
    told = []
    students = find_students(assignment, root / "submitted", only)
    grade_class(assignment, students, GradingOptions(root / "out", **options), told.append)
    return sorted(told)


def contents(root):
    return {path.name: path.read_bytes() for path in sorted((root / "out").iterdir())}


ALL = ["ada", "bob", "cem"]


def test_an_unchanged_class_is_not_graded_again(course):
    before = contents(course)
    assert grade(course) == []
    assert contents(course) == before


def test_all_are_graded_when_asked_for(course):
    before = contents(course)
    assert grade(course, fresh=True) == ALL
    assert contents(course) == before


@pytest.mark.parametrize(
    ("change", "again"),
    [
        (lambda root: edit(root / "submitted/ada/toy.py", '"""Two toys."""', '"""Two toys!"""'), ["ada"]),
        (lambda root: edit(root / "submitted/bob/helper.py", "1", "2"), ["bob"]),
        (lambda root: submit(root, "cem", "x = 1", "toy/toy.ipynb"), ["cem"]),
        (lambda root: submit(root, "dee", toy_course.SOLUTION), ["dee"]),
        (lambda root: (root / "submitted/ada/toy.py").rename(root / "submitted/ada/Toy.py"), ["ada"]),
        (lambda root: (root / "submitted/bob/helper.py").unlink(), ["bob"]),
        (lambda root: (root / "out/ada.json").unlink(), ["ada"]),
        (lambda root: edit(root / "out/cem.json", '"score": 2.0', '"score": 9.0'), ["cem"]),
        (lambda root: write(root / "out/cem.json", (root / "out/cem.json").read_bytes()[:-90]), ["cem"]),
        (lambda root: edit(root / "autograder/toy/test_cut.py", "points(2)", "points(3)"), ALL),
        (lambda root: edit(root / "autograder/toy/assignment.toml", "seed = 3", "seed = 4"), ALL),
        (lambda root: write(root / "autograder/toy/misconceptions.py", "MISCONCEPTIONS = []\n"), ALL),
        (lambda root: edit(root / "solutions/given.py", "everybody", "everyone"), ALL),
        (lambda root: edit(root / "solutions/toy.py", "Two toys", "2 toys"), ALL),
        (lambda root: write(root / "out" / JOURNAL, b"\xff{not json\n[]\n{}\n"), ALL),
        (lambda root: (root / "out" / JOURNAL).unlink(), ALL),
    ],
)
def test_what_has_changed_is_graded_again_and_nothing_else(course, change, again):
    change(course)
    assert planned(course) == again


def test_what_has_changed_is_graded_once(course):
    edit(course / "submitted/bob/helper.py", "1", "2")
    submit(course, "dee", toy_course.SOLUTION)
    assert grade(course) == ["bob", "dee"]
    assert planned(course) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "submitted/ada/toy.py").touch(),
        lambda root: submit(root, "ada", "for another assignment", "other/other.py"),
        lambda root: edit(root / "nbgrader_config.py", "configure", "configure"),
    ],
)
def test_what_does_not_matter_changes_nothing(course, change):
    write(course / "autograder/other/assignment.toml", toy_course.SETTINGS)
    change(course)
    assert planned(course) == []


@pytest.mark.parametrize(
    "text",
    ["from other.factor import FACTOR\n", "from ｏther.factor import FACTOR\n", "# é\nfrom oth\u0435r import FACTOR\n"],  # noqa: RUF001
)
def test_a_helper_in_a_folder_named_like_another_assignment_is_noticed_when_it_is_mended(course, text):
    write(course / "autograder/other/assignment.toml", toy_course.SETTINGS)
    submit(course, "ada", text + toy_course.SOLUTION)
    submit(course, "ada", "FACTOR = 1\n", "other/factor.py")
    assert grade(course) == ["ada"]
    assert planned(course) == []
    edit(course / "submitted/ada/other/factor.py", "1", "2")
    assert planned(course) == ["ada"]


def test_a_helper_in_such_a_folder_may_import_from_another_one(course):
    for name in ("alpha", "beta", "other"):
        write(course / f"autograder/{name}/assignment.toml", toy_course.SETTINGS)
    submit(course, "ada", "from other.factor import FACTOR\n" + toy_course.SOLUTION)
    for name, text in {"other": "from beta.factor import FACTOR", "beta": "from alpha.factor import FACTOR"}.items():
        submit(course, "ada", text, f"{name}/factor.py")
    submit(course, "ada", "FACTOR = 1\n", "alpha/factor.py")
    assert grade(course) == ["ada"]
    assert planned(course) == []
    edit(course / "submitted/ada/alpha/factor.py", "1", "2")
    assert planned(course) == ["ada"]


def test_in_nbgraders_layout_another_assignment_never_matters(course):
    write(course / "autograder/other/assignment.toml", toy_course.SETTINGS)
    submit(course, "dee", "import other\n" + toy_course.SOLUTION, "toy/toy.py")
    submit(course, "dee", "x = 1\n", "other/other.py")
    assert grade(course) == ["dee"]
    edit(course / "submitted/dee/other/other.py", "1", "2")
    assert planned(course) == []


def test_another_kit_grades_again(course, monkeypatch):
    monkeypatch.setattr(class_students, "kit_digest", lambda: "sha256:0")
    assert planned(course) == ALL


def test_reports_of_less_protection_than_is_asked_for_are_not_kept(course):
    assignment = load_assignment(course, "toy")
    level = json.loads((course / "out/ada.json").read_text(encoding="utf-8"))["sandbox"]["level"]
    strict = replace(assignment, limits=replace(assignment.limits, required_level=level + 1))
    students = find_students(strict, course / "submitted")
    with pytest.raises(ProtectionError, match="student code must be run at level"):
        grade_class(strict, students, GradingOptions(course / "out"))


def test_some_students_alone_leave_the_others_kept(course):
    edit(course / "submitted/ada/toy.py", "Two", "2")
    edit(course / "submitted/cem/toy.py", "Two", "2")
    before = contents(course)["class.csv"]
    assert grade(course, only=["ada"], others=("bob", "cem")) == ["ada"]
    assert contents(course)["class.csv"] == before
    assert planned(course) == ["cem"]


def test_a_withheld_grade_is_tried_again(course):
    edit(course / "autograder/toy/test_cut.py", "    x = rng", "    x = 1 / 0\n    x = rng")
    assert grade(course) == ALL
    assert planned(course) == ALL


def test_half_a_line_costs_one_student(course):
    with (course / "out" / JOURNAL).open("r+b") as file:
        file.truncate(len(file.read()) - 30)
    assert planned(course) == ["cem"]


def test_a_folder_too_large_to_compare_is_graded_each_time(course, monkeypatch):
    monkeypatch.setattr("cnn_assignment.running.students._MOST_ENTRIES", 1)
    assert planned(course) == ["bob"]


def test_a_link_is_not_followed_and_its_coming_is_noticed(course):
    (course / "submitted/ada/more.py").symlink_to(course / "solutions/toy.py")
    assert planned(course) == ["ada"]


def test_two_runs_into_one_folder_are_refused(course):
    assignment = load_assignment(course, "toy")
    options = GradingOptions(course / "out")
    students = find_students(assignment, course / "submitted")
    with open_class(assignment, students, options), pytest.raises(UsageError, match="another run is grading into"):
        grade_class(assignment, students, options)


def test_the_command_says_what_is_kept(course):
    submit(course, "ada", answer(cut="return []"))
    words = ("grade", "toy", "submitted", "--out", "out", "--no-gradebook")
    assert run(*words, cwd=course).stdout.startswith("2 of 3 reports are still right and are kept; --fresh makes")
    assert "kept" not in run(*words, "--fresh", cwd=course).stdout

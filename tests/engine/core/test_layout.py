"""The layout: finding the course, and settings that are refused with fact, place and remedy."""

from __future__ import annotations

import pytest

import toy_course
from cnn_assignment.core.errors import AuthoringError, UsageError
from cnn_assignment.core.layout import find_course, list_assignments, load_assignment, task_order
from cnn_assignment.core.model import Hints, Limits
from toy_course import edit, write

SETTINGS = "autograder/toy/assignment.toml"


@pytest.fixture
def course(tmp_path):
    toy_course.make_course(tmp_path)
    return tmp_path


@pytest.mark.parametrize("below", ["", "autograder", "autograder/toy", "submitted/ada/toy"])
def test_the_course_is_found_from_any_folder_in_it(course, below):
    (course / below).mkdir(parents=True, exist_ok=True)
    assert find_course(course / below) == course.resolve()


def test_outside_of_a_course_there_is_none(tmp_path):
    (tmp_path / "nbgrader_config.py").touch()
    with pytest.raises(
        UsageError, match=r"no course here: .* Change to the course's folder, or name it with --course-dir"
    ):
        find_course(tmp_path)


def test_assignments_are_the_folders_with_settings(course):
    write(course / "autograder/second/assignment.toml", 'classes = ["A"]')
    write(course / "autograder/notes/readme.txt", "")
    assert list_assignments(course) == ("second", "toy")


@pytest.mark.parametrize("name", ["absent", "../toy", "", "toy/"])
def test_an_unknown_assignment_is_refused_with_those_that_are_known(course, name):
    with pytest.raises(UsageError, match=r"autograder: unknown assignment .* Known here: toy."):
        load_assignment(course, name)


def test_settings_are_read(course):
    toy = load_assignment(course, "toy")
    assert (toy.name, toy.title, toy.classes, toy.provided) == ("toy", "A toy", ("Scaler", "Cutter"), ("given.py",))
    assert (toy.hints, toy.seed, toy.stand_ins) == (Hints.STANDARD, 3, {"clear": ("Cutter.pieces",)})
    assert toy.limits == Limits(call_cpu_s=0.3, call_wall_s=3)
    assert (toy.modules, toy.requirements) == ((), ("numpy",))
    assert toy.python == ""
    edit(course / SETTINGS, "seed = 3", 'seed = 3\npython = "3.12"')
    assert load_assignment(course, "toy").python == "3.12"


@pytest.mark.parametrize("text", ['classes = ["A"]', 'format = 1\nclasses = ["A"]'])
def test_all_but_the_classes_has_a_default(course, text):
    write(course / SETTINGS, text)
    toy = load_assignment(course, "toy")
    assert (toy.title, toy.hints, toy.seed, toy.limits) == ("toy", Hints.STANDARD, 0, Limits())


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("classes = [", "not valid TOML: .* Mend the line"),
        (b"title = '\xff'", "not valid TOML: .* Mend the line"),
        ("classs = ['A']", "unknown key 'classs'. Known keys: format, title, classes"),
        ("", "no classes and no functions. Name what"),
        ("classes = []", "no classes and no functions. Name what"),
        ("classes = 'A'", "classes must be a list, got 'A'. Change its type."),
        ("classes = ['A', 3]", r"classes must hold texts, got \['A', 3\]. Quote each"),
        ("classes = ['A']\nprovided = [1.5]", "provided must hold texts"),
        (
            "format = 2\nshapes = ['A']",
            "settings of format 2, and this kit reads none newer than 1. Update the kit",
        ),
        ("format = 0\nclasses = ['A']", "format must be a whole number from 1 on, got 0. Write format = 1."),
        ("format = true\nclasses = ['A']", "format must be a whole number from 1 on, got True. Write"),
        ("format = '1'\nclasses = ['A']", "format must be a whole number from 1 on, got '1'. Write"),
        ("format = 1.0\nclasses = ['A']", "format must be a whole number from 1 on, got 1.0. Write"),
        ("classes = ['A']\nseed = '3'", "seed must be a int, got '3'"),
        ("classes = ['A']\nseed = -3", "seed must not be negative, got -3. Choose"),
        ("classes = ['A']\nseed = true", "seed must not be negative, got True. Choose"),
        ("classes = ['A']\npython = 3.11", "python must be a str, got 3.11. Change its type."),
        (
            "classes = ['A']\npython = '3'",
            "python must be a version such as 3.11, got '3'. Quote the first two numbers",
        ),
        ("classes = ['A']\npython = '>=3.11'", "python must be a version such as 3.11, got '>=3.11'"),
        ("classes = ['A']\nhints = 'none'", "unknown hints 'none'. Choose one of guided, standard, open."),
        (
            "classes = ['A']\nprovided_solutions = ['b.py']",
            "provided_solutions names 'b.py', which is not provided. Name it in provided too",
        ),
        (
            "classes = ['A']\n[stand_ins]\na = 'A.f'",
            "stand_ins of a must be a list of methods and functions, got 'A.f'. Write",
        ),
        (
            "classes = ['A']\n[stand_ins]\na = ['f.']",
            r"stand_ins of a must be a list of methods and functions, got \['f\.'\]. Write",
        ),
        (
            "classes = ['A']\n[stand_ins]\na = [3]",
            r"stand_ins of a must be a list of methods and functions, got \[3\]. Write",
        ),
        ("classes = ['A']\n[limits]\ncpu = 1", "unknown limit 'cpu'. Known limits: call_cpu_s, "),
        ("classes = ['A']\n[limits]\ncall_cpu_s = 0", "limit call_cpu_s must be a positive number, got 0. Seconds"),
        ("classes = ['A']\n[limits]\ncall_cpu_s = -1.5", "must be a positive number, got -1.5"),
        ("classes = ['A']\n[limits]\ncall_cpu_s = '2'", "must be a positive number, got '2'"),
        ("classes = ['A']\n[limits]\ncall_cpu_s = inf", "must be a positive number, got inf"),
        ("classes = ['A']\n[limits]\ncall_cpu_s = nan", "must be a positive number, got nan"),
        ("classes = ['A']\n[limits]\ncall_cpu_s = true", "must be a positive number, got True"),
        (
            "classes = ['A']\n[limits]\nrequired_level = -1",
            "limit required_level must be zero or a positive integer, got -1",
        ),
        ("classes = ['A']\n[limits]\nmemory_mib = 0.5", "limit memory_mib must be a positive integer, got 0.5"),
        ("classes = ['A']\n[limits]\ntimeouts_per_method = 1.0", "must be a positive integer, got 1.0"),
    ],
)
def test_wrong_settings_are_refused_with_their_file_and_a_remedy(course, text, fact):
    write(course / SETTINGS, text)
    with pytest.raises(AuthoringError, match=fact) as caught:
        load_assignment(course, "toy")
    assert str(caught.value).startswith(f"{SETTINGS}: ")
    assert caught.value.remedy


def test_tasks_are_ordered_as_their_gaps_and_told_once(course):
    toy = load_assignment(course, "toy")
    assert task_order(toy) == ("scale", "slope", "cut", "clear")
    text = toy_course.SOLUTION + "### BEGIN SOLUTION scale keep=slices\nx = 1\n### END SOLUTION\n"
    write(toy.solution_file, text)
    assert task_order(toy) == ("scale", "slope", "cut", "clear")


def test_a_solution_that_cannot_be_read_is_refused(course):
    toy = load_assignment(course, "toy")
    write(toy.solution_file, b"\xff\xfe")
    with pytest.raises(AuthoringError, match=r"^solutions/toy.py: not text in UTF-8. Save it as UTF-8.$"):
        task_order(toy)
    toy.solution_file.unlink()
    with pytest.raises(AuthoringError, match=r"^solutions/toy.py: no solution. Write the full module"):
        task_order(toy)


def test_settings_may_change_between_two_readings(course):
    edit(course / SETTINGS, "seed = 3", "seed = 4")
    assert load_assignment(course, "toy").seed == 4

"""Many students at once in a gradebook: in batches, with nothing lost where something is in the way."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import pytest

from cnn_assignment.core.errors import GraderError
from cnn_assignment.core.model import Assignment, Submission
from cnn_assignment.nbgrader_course import record
from cnn_assignment.nbgrader_course.gradebook import recording
from cnn_assignment.nbgrader_course.gradebook.state import locate, read_recorded
from cnn_assignment.nbgrader_course.notebooks.annotate import cell_comments
from cnn_assignment.nbgrader_course.notebooks.cells import read_release
from cycle_kit import rows_of
from gradebook_kit import (
    gradebook_of,
    make_class,
    make_released_course,
    make_report,
    points_of,
    rows_by_name,
    url_of,
    with_gradebook,
)
from toy_course import TASKS, copy_course


@pytest.fixture(scope="module")
def registered(tmp_path_factory) -> Assignment:
    """A course with a release and a gradebook that knows the assignment and nobody."""
    assignment = make_released_course(tmp_path_factory.mktemp("registered"))
    record(assignment, [])
    return assignment


@pytest.fixture
def empty(registered, tmp_path) -> Assignment:
    """A copy of it that a test may change."""
    return copy_course(registered, tmp_path / "empty")


def record_with_nbgraders_api(root, reports):
    """What nbgrader's own steps do for each student, after `record` has registered the assignment."""
    release = read_release(root / "release/toy/toy.ipynb")

    def write(gradebook):
        for submission, report in reports:
            student = submission.student
            gradebook.update_or_create_student(student)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # nbgrader links a new submission before it adds it
                gradebook.update_or_create_submission("toy", student)
            for task in report.tasks:
                grade = gradebook.find_grade(task.id, "toy", "toy", student)
                grade.auto_score, grade.needs_manual_grade = task.score, grade.manual_score is not None
            for cell, words in cell_comments(release, report).items():
                gradebook.find_comment(cell, "toy", "toy", student).auto_comment = words
            gradebook.db.commit()

    with_gradebook(url_of(root), write)


def test_batches_leave_the_rows_of_nbgraders_api_and_again_change_nothing(empty, tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "BATCH", 2)
    reports = make_class(3)
    with_api = Path(shutil.copytree(empty.root, tmp_path / "api"))
    record(empty, reports)
    record_with_nbgraders_api(with_api, reports)
    expected = rows_by_name(url_of(with_api))
    assert len(expected["grade"]) == 3 * (len(TASKS) + 1)
    assert rows_by_name(url_of(empty.root)) == expected
    before = rows_of(url_of(empty.root))
    record(empty, reports)
    assert rows_of(url_of(empty.root)) == before


def test_a_large_class_is_recorded_once_each_and_read_back(empty):
    reports = make_class(300)
    told = []
    record(empty, iter(reports), lambda *what: told.append(what))
    assert [student for student, _ in told] == [submission.student for submission, _ in reports]
    assert read_recorded(locate(empty), "toy") == dict(told)
    grades = gradebook_of(empty.root)
    assert {student: found["auto"] for student, found in grades.items()} == {
        report.student: points_of(report.score, essay=None) for _, report in reports
    }
    assert all(found["manual"] == ["essay"] for found in grades.values())
    assert len(list((empty.root / "autograded").glob("*/toy/toy.ipynb"))) == 300


def test_a_bad_student_in_the_middle_of_a_batch_costs_nobody_else_anything(empty):
    reports = make_class(5)
    odd = "no-t\udcffext"  # the name of a folder, and of no row
    reports.insert(2, (Submission(odd, None), make_report(odd)))
    told = {}
    with pytest.raises(
        GraderError, match=r"(?s)1 of the submissions not recorded:\n  'no-t\\udcffext' cannot name a folder: it holds"
    ):
        record(empty, reports, told.__setitem__)
    assert sorted(told) == sorted(gradebook_of(empty.root)) == [f"student-{number:04}" for number in range(5)]
    assert read_recorded(locate(empty), "toy") == told


def test_a_student_who_comes_twice_has_the_last_report(empty):
    told = []
    reports = [(Submission("ada", None), make_report("ada", score)) for score in (1.0, 0.5)]
    record(empty, reports, lambda student, digest: told.append(student))
    assert told == ["ada", "ada"]
    assert gradebook_of(empty.root)["ada"]["score"] == 0.5


def test_an_interruption_while_a_batch_is_written_loses_nothing(empty):
    told = []

    def recorded(student, digest):
        told.append(student)
        if len(told) == 1:
            raise KeyboardInterrupt("in between")

    with pytest.raises(KeyboardInterrupt, match="in between"):
        record(empty, make_class(3), recorded)
    assert told == ["student-0000", "student-0000", "student-0001", "student-0002"]
    assert sorted(gradebook_of(empty.root)) == ["student-0000", "student-0001", "student-0002"]


def test_an_interruption_while_files_are_written_loses_nothing(empty, monkeypatch):
    prepare, calls = recording.prepare_graded, []

    def interrupted_once(*words):
        calls.append(words)
        if len(calls) == 2:
            raise KeyboardInterrupt("in between")
        return prepare(*words)

    monkeypatch.setattr(recording, "prepare_graded", interrupted_once)
    with pytest.raises(KeyboardInterrupt, match="in between"):
        record(empty, make_class(3))
    assert sorted(gradebook_of(empty.root)) == ["student-0000", "student-0001"]
    assert (empty.root / "autograded/student-0001/toy/toy.ipynb").is_file()


def test_slow_reports_are_recorded_as_they_come(empty, monkeypatch):
    monkeypatch.setattr(recording, "BATCH_S", 0.0)
    told = []

    def reports():
        for number, pair in enumerate(make_class(3)):
            assert len(told) == number
            yield pair

    record(empty, reports(), lambda student, _: told.append(student))
    assert len(told) == 3
